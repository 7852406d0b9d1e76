"""Who may use which address: one entry for each name in the URL configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile

from tests.webapp.world import ACTORS, LINK_VISITOR, OWNER, PEOPLE, World

EVERYONE, MEMBERS, NOBODY = frozenset(ACTORS), frozenset(PEOPLE), frozenset[str]()
TRAINERS, ADMINS = frozenset({"ada", "tess", "theo"}), frozenset({"ada"})
OWNED = frozenset({"ada", OWNER})  # a trainer's own things; admins see all
MIAS, LINKS = frozenset({"mia"}), frozenset({LINK_VISITOR})
READ, FORM, ACT = "read", "form", "act"  # GET only; GET and POST; POST only
Where = Callable[[World], list[Any]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who gets in, how it is asked, and with which arguments."""

    who: frozenset[str]
    how: str = READ
    where: Where = lambda world: []
    data: Callable[[World], dict[str, Any]] = lambda world: {}
    shows: Mapping[str, frozenset[str]] = field(default_factory=dict)  # words that others than their owners may read


def pages(name: str, thing: str, **who: frozenset[str]) -> dict[str, Rule]:
    """The addresses that the admin makes for a model. What is not named is for nobody."""

    def at(world: World) -> list[Any]:
        return [world.users["max"].pk] if thing == "max" else [getattr(world, thing).pk]

    def rule(page: str, how: str, where: Where) -> Rule:
        return Rule(who=who.get(page, NOBODY), how=how, where=where)

    single = {page: rule(page, READ if page == "history" else FORM, at) for page in ("change", "delete", "history")}
    whole = {page: rule(page, FORM, lambda world: []) for page in ("changelist", "add")}
    return {f"admin:{name}_{page}": one for page, one in {**single, **whole}.items()}


def act(who: frozenset[str], where: Where, **data: Any) -> Rule:
    """An address that changes something."""
    return Rule(who=who, how=ACT, where=where, data=lambda world: data)


RULES: dict[str, Rule] = {
    # The chat
    "chat": Rule(who=EVERYONE),
    "conversation": Rule(who=MIAS, where=lambda w: [w.conversation.pk]),
    "rename": act(MIAS, lambda w: [w.conversation.pk], title="secret of mia, too"),
    "delete": act(MIAS, lambda w: [w.conversation.pk]),
    "export": Rule(who=MIAS, where=lambda w: [w.conversation.pk, "md"]),
    "add-document": Rule(who=MIAS, how=ACT, where=lambda w: [w.conversation.pk],
                         data=lambda w: {"file": ContentFile(b"text", name="a.txt")}),
    "remove-document": act(MIAS, lambda w: [w.document.pk]),
    "inside": Rule(who=MIAS, where=lambda w: [w.answer.pk]),
    # A link
    "link": Rule(who=EVERYONE, how=FORM, where=lambda w: [w.link_token]),
    "link-embed": Rule(who=EVERYONE, where=lambda w: [w.link_token]),
    "link-conversation": Rule(who=LINKS, how=FORM, where=lambda w: [w.link_token, w.link_conversation.pk]),
    "link-inside": Rule(who=LINKS, where=lambda w: [w.link_token, w.link_answer.pk]),
    # Accounts
    "signin": Rule(who=EVERYONE, how=FORM),
    "signout": act(EVERYONE, lambda w: []),
    "join": Rule(who=EVERYONE, how=FORM, where=lambda w: [w.invitation_token]),
    "account": Rule(who=MEMBERS, how=FORM),
    "sign-out-elsewhere": act(MEMBERS, lambda w: []),
    "set_language": Rule(who=EVERYONE, how=FORM, data=lambda w: {"language": "en"}),
    # Operations
    "healthz": Rule(who=EVERYONE),
    "metrics": Rule(who=TRAINERS),
    # The admin as a whole
    "admin:index": Rule(who=TRAINERS),
    "admin:login": Rule(who=NOBODY),  # the page to sign in is another
    "admin/login/": Rule(who=NOBODY),
    "admin/password_change/": Rule(who=TRAINERS),
    "admin:password_change": Rule(who=TRAINERS),
    "admin:password_change_done": Rule(who=TRAINERS),
    "admin:logout": act(TRAINERS, lambda w: []),
    "admin:jsi18n": Rule(who=TRAINERS),
    "admin:search": Rule(who=TRAINERS),
    "admin:autocomplete": Rule(who=NOBODY),  # no form of ours asks it
    "admin:view_on_site": Rule(who=TRAINERS, where=lambda w: [
        ContentType.objects.get_for_model(w.conversation).pk, w.conversation.pk]),  # leads to where its own rule holds
    "admin:app_list": Rule(who=TRAINERS, where=lambda w: ["datasets"]),
    "admin/(?P<url>.*)$": Rule(who=NOBODY),
    "admin/*/*/<path:object_id>/": Rule(who=TRAINERS),  # leads to `change`
    # People
    **pages("accounts_user", "max", changelist=ADMINS, add=ADMINS, change=ADMINS, delete=ADMINS, history=ADMINS),
    "admin:auth_user_password_change": Rule(who=ADMINS, how=FORM, where=lambda w: [w.users["max"].pk]),
    **pages("accounts_invitation", "invitation", changelist=ADMINS, add=ADMINS, change=ADMINS, history=ADMINS),
    "admin:accounts_invitation_renew": act(ADMINS, lambda w: [w.invitation.pk]),
    "admin:accounts_invitation_revoke": act(ADMINS, lambda w: [w.invitation.pk]),
    # Jobs
    **pages("jobs_job", "job", changelist=TRAINERS, change=OWNED, history=OWNED),
    "admin:jobs_job_act": act(OWNED, lambda w: [w.job.pk], action="cancel"),
    # Datasets
    **pages("datasets_dataset", "dataset", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:datasets_version_report": Rule(who=OWNED, how=FORM, where=lambda w: [w.version.pk]),
    "admin:datasets_version_task": act(OWNED, lambda w: [w.version.pk]),
    "admin:datasets_version_rename": act(OWNED, lambda w: [w.version.pk], name="another of tess"),
    "admin:datasets_version_delete": act(OWNED, lambda w: [w.version.pk]),
    "admin:datasets_version_problems": Rule(who=OWNED, where=lambda w: [w.version.pk]),
    "admin:datasets_version_split": Rule(who=OWNED, where=lambda w: [w.version.pk, "train"]),
    "admin:datasets_upload_begin": act(TRAINERS, lambda w: []),
    "admin:datasets_upload_piece": Rule(who=OWNED, where=lambda w: [w.upload.pk]),
    # Word vectors
    **pages("vectors_wordvectors", "vectors", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:vectors_wordvectors_change": Rule(who=OWNED, where=lambda w: [w.vectors.pk]),
    "admin:vectors_wordvectors_upload": Rule(who=TRAINERS, how=FORM),
    "admin:vectors_wordvectors_ask": Rule(who=OWNED, where=lambda w: [w.vectors.pk, "nearest"]),
    "admin:vectors_wordvectors_download": Rule(who=OWNED, where=lambda w: [w.vectors.pk, "glove"]),
    # Trainings and artifacts
    **pages("training_trainingrun", "run", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:training_trainingrun_change": Rule(who=OWNED, where=lambda w: [w.run.pk]),
    "admin:training_trainingrun_estimate": Rule(who=TRAINERS),
    "admin:training_trainingrun_steps": Rule(who=TRAINERS),
    "admin:training_trainingrun_compare": Rule(who=TRAINERS),
    "admin:training_trainingrun_do": act(OWNED, lambda w: [w.run.pk, "stop"]),
    **pages("experiments_search", "search", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:experiments_search_change": Rule(who=OWNED, where=lambda w: [w.search.pk]),
    "admin:experiments_search_leaderboard": Rule(who=OWNED, how=FORM, where=lambda w: [w.version.pk]),
    **pages("training_artifact", "artifact", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:training_artifact_adopt": Rule(who=TRAINERS, how=FORM),
    "admin:training_artifact_change": Rule(who=OWNED, where=lambda w: [w.artifact.pk]),
    "admin:training_artifact_import": Rule(who=TRAINERS, how=FORM),
    "admin:training_artifact_rows": Rule(who=OWNED, where=lambda w: [w.artifact.pk]),
    "admin:training_artifact_measure": act(OWNED, lambda w: [w.artifact.pk]),
    "admin:training_artifact_card": Rule(who=OWNED, how=FORM, where=lambda w: [w.artifact.pk]),
    "admin:training_artifact_label": Rule(who=OWNED, how=FORM, where=lambda w: [w.artifact.pk]),
    "admin:training_artifact_labelled": Rule(who=OWNED, where=lambda w: [w.artifact.pk, w.labelled.pk]),
    "admin:training_artifact_download": Rule(who=OWNED, where=lambda w: [w.artifact.pk]),
    # Assistants
    **pages("assistants_assistant", "assistant", changelist=TRAINERS, add=TRAINERS, change=OWNED, delete=OWNED,
            history=OWNED),
    "admin:assistants_assistant_promote": act(OWNED, lambda w: [w.assistant.pk]),
    "admin:assistants_assistant_roll_back": act(OWNED, lambda w: [w.assistant.pk]),
    "admin:assistants_assistant_documents": act(OWNED, lambda w: [w.assistant.pk]),
    "admin:assistants_assistant_remove_document": act(OWNED, lambda w: [w.assistant.pk]),
    "admin:assistants_assistant_glossary": Rule(who=OWNED, how=FORM, where=lambda w: [w.translator.pk]),
    # Links
    **pages("sharing_sharelink", "link", changelist=TRAINERS, add=TRAINERS, change=OWNED, history=OWNED),
    "admin:sharing_sharelink_terms": Rule(who=OWNED, how=FORM, where=lambda w: [w.link.pk]),
    "admin:sharing_sharelink_pause": act(OWNED, lambda w: [w.link.pk]),
    "admin:sharing_sharelink_resume": act(OWNED, lambda w: [w.link.pk]),
    "admin:sharing_sharelink_revoke": act(OWNED, lambda w: [w.link.pk]),
    # What was said
    **pages("chat_conversation", "conversation", changelist=ADMINS),
    **pages("chat_feedback", "feedback"),
    "admin:chat_feedback_changelist": Rule(who=TRAINERS, how=FORM, shows={"secret of mia": OWNED}),
}
