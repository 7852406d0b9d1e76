"""Publishing, promoting, rolling back, and who sees what."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from modeling.errors import DataError, RequestError
from modeling.retrieval import PassageIndex
from webapp.assistants import services
from webapp.assistants.models import Assistant, Visibility
from webapp.chat.models import Conversation
from webapp.sharing.models import ShareLink

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.mark.parametrize(("name", "slug"), [("Spam or not?", "spam-or-not"), ("Café Déjà vu", "cafe-deja-vu")])
def test_the_address_is_made_of_the_name(artifact: Make, trainer: Any, name: str, slug: str) -> None:
    assert services.publish(owner=trainer, artifact=artifact("a"), name_en=name).slug == slug


def test_a_chinese_name_gets_a_short_address_and_equal_names_get_different_ones(artifact: Make, trainer: Any) -> None:
    made = [services.publish(owner=trainer, artifact=artifact("a"), name_en=name)
            for name in ("垃圾短信识别", "Spam", "Spam", "spam")]
    assert made[0].slug.startswith("a-") and len(made[0].slug) == 10
    assert [one.slug for one in made[1:]] == ["spam", "spam-2", "spam-3"]


def test_promoting_and_rolling_back_change_the_artifact_and_nothing_else(artifact: Make, trainer: Any) -> None:
    first, second = artifact("first"), artifact("second")
    made = services.publish(owner=trainer, artifact=first, name_en="Spam", visibility=Visibility.SITE)
    talk = Conversation.objects.create(assistant=made, session="s")
    link = ShareLink.objects.create(assistant=made, owner=trainer, nonce="n", token_hash="h")
    assert services.promote(assistant=made, artifact=second, by=trainer).number == 2
    made.refresh_from_db()
    assert (made.slug, made.artifact, made.current.artifact) == ("spam", second.path, second)
    assert services.roll_back(assistant=made, by=trainer).number == 1
    made.refresh_from_db()
    assert (made.slug, made.artifact, made.versions.count()) == ("spam", first.path, 2)
    assert set(made.conversations.all()) == {talk} and set(made.links.all()) == {link}


def test_what_cannot_be_promoted_says_why(artifact: Make, trainer: Any) -> None:
    first, gone = artifact("first"), artifact("gone")
    made = services.publish(owner=trainer, artifact=first)
    with pytest.raises(RequestError, match="does another job"):
        services.promote(assistant=made, artifact=artifact("other", task="generation"), by=trainer)
    shutil.rmtree(gone.folder)
    with pytest.raises(RequestError, match="are gone"):
        services.promote(assistant=made, artifact=gone, by=trainer)
    with pytest.raises(RequestError, match="no version to go back to"):
        services.roll_back(assistant=made, by=trainer)
    assert made.versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_documents_are_read_answered_from_and_removed_with_their_files(artifact: Make, trainer: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("reader", task="question-answering"))
    file = SimpleUploadedFile("heron.md", b"# The heron\n\nThe grey heron is a long-legged bird.\n")
    document = services.add_document(assistant=made, file=file)
    made.refresh_from_db()
    assert made.documents == [str(document.index)] and document.passages == 1
    assert PassageIndex.load(made.documents[0]).search("heron")
    services.remove_document(assistant=made, index=made.documents[0])
    assert not document.folder.exists() and Assistant.objects.get().documents == []
    services.add_document(assistant=made, file=SimpleUploadedFile("a.txt", b"Tea is a drink made of leaves.\n"))
    folder = made.files.get().folder
    services.delete(assistant=made)
    assert not folder.exists()


@pytest.mark.parametrize(("name", "content", "fault"), [
    ("a.exe", b"MZ", "is no document"), ("a.md", b"", "is empty"), ("a.txt", b" \n", "has no text"),
    ("a.pdf", b"%PDF-1.4 nonsense", "damaged"),
])
def test_a_document_that_cannot_be_read_leaves_nothing(
    artifact: Make, trainer: Any, settings: Any, name: str, content: bytes, fault: str,
) -> None:
    made = services.publish(owner=trainer, artifact=artifact("reader", task="question-answering"))
    before = set(settings.DOCUMENTS.glob("*"))
    with pytest.raises((RequestError, DataError), match=fault):
        services.add_document(assistant=made, file=SimpleUploadedFile(name, content))
    assert set(settings.DOCUMENTS.glob("*")) == before and not made.files.exists()


def test_an_assistant_holds_so_many_documents(artifact: Make, trainer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(services, "MOST_DOCUMENTS", 0)
    made = services.publish(owner=trainer, artifact=artifact("reader", task="question-answering"))
    with pytest.raises(RequestError, match="as many documents as it can hold"):
        services.add_document(assistant=made, file=SimpleUploadedFile("a.md", b"Tea."))


def test_what_came_with_parley_is_hidden_and_not_deleted(artifact: Make, trainer: Any) -> None:
    shipped = artifact("spam")
    type(shipped).objects.update(origin="starter", owner=None)
    shipped.refresh_from_db()
    starter = services.publish(owner=None, artifact=shipped)
    with pytest.raises(RequestError, match="came with Parley"):
        services.delete(assistant=starter)
    services.delete(assistant=services.publish(owner=trainer, artifact=shipped))
    assert set(Assistant.objects.all()) == {starter}


def test_who_finds_which_assistant(artifact: Make, trainer: Any, other: Any, django_user_model: Any) -> None:
    member = django_user_model.objects.create_user("mo", role="member")
    made = {visibility: services.publish(owner=trainer, artifact=artifact("a"), name_en=visibility,
                                         visibility=visibility) for visibility in ("private", "members", "site")}
    services.change(assistant=services.publish(owner=trainer, artifact=artifact("a"), name_en="hidden"),
                    published=False)

    def seen(user: Any) -> set[str]:
        return {one.slug for one in Assistant.objects.visible_to(user)}

    assert seen(None) == {"site"} and seen(member) == seen(other) == {"members", "site"}
    assert seen(trainer) == {"private", "members", "site"}
    assert not Assistant.objects.editable_by(other).filter(pk=made["site"].pk).exists()
