"""What each field of the site's forms takes: one entry for each address that something is sent to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile

from modeling.configs import MODELS, options
from tests.webapp.form_world import FormWorld as World

Takes = Callable[[World, str], bool]
ROLES = ("admin", "trainer", "member")
BESIDE, PAGE, NOTICE, STATUS, SILENT = "beside", "page", "notice", "status", "silent"  # where a fault is told


@dataclass(frozen=True, kw_only=True)
class Field:
    """What one field takes, and whether what was typed stays in it."""

    takes: Takes
    kept: bool = True
    alone: bool = False  # only judged when all other fields are right
    told: str = BESIDE


@dataclass(frozen=True, kw_only=True)
class Form:
    """Where a form is sent, by whom, how it looks when it is right."""

    name: str  # of the address
    fields: Mapping[str, Field]
    by: str = "tess"
    where: Callable[[World], list[Any]] = lambda world: []
    query: Callable[[World], str] = lambda world: ""
    right: Callable[[World], dict[str, Any]] = lambda world: {}
    together: tuple[tuple[Mapping[str, Any], str], ...] = ()  # each right, and wrong together: beside which field
    sent: str = "form"  # or json


def text(most: int = 10**9, *, least: int = 0, empty: bool = False, stripped: bool = True, **how: Any) -> Field:
    def takes(_world: World, value: str) -> bool:
        size = len(value.strip() if stripped else value)
        return "\0" not in value and size <= most and (size >= max(least, 1) or (empty and size == 0))

    return Field(takes=takes, **how)


def number(least: float, most: float, *, whole: bool = True, empty: bool = False, **how: Any) -> Field:
    def takes(_world: World, value: str) -> bool:
        if not value.strip():
            return empty
        try:
            return least <= (int(value) if whole else float(value)) <= most
        except ValueError:
            return False

    return Field(takes=takes, **how)


def choice(*allowed: str, of: Callable[[World], list[str]] = lambda world: [], **how: Any) -> Field:
    """A select: a value that is none of its options cannot stay."""
    return Field(takes=lambda world, value: value in (*allowed, *of(world)), kept=False, **how)


def matching(pattern: str, *, empty: bool = False, **how: Any) -> Field:
    return Field(takes=lambda _world, value: bool(re.fullmatch(pattern, value)) or (empty and not value), **how)


def lines(pattern: str, **how: Any) -> Field:
    return Field(takes=lambda _world, value: all(re.fullmatch(pattern, one) for one in value.split("\n") if one), **how)


GLOSSARY = Field(takes=lambda _w, value: len(value) <= 50_000 and all(
    len(sides := line.split("=")) == 2 and all(0 < len(side.strip()) <= 200 for side in sides)
    for line in value.splitlines() if line.strip()), alone=True)
ANY = Field(takes=lambda _world, _value: True, kept=False)  # a box that is ticked or not; a text of any kind
NEVER = Field(takes=lambda _world, _value: False, kept=False)
RANGE = Field(takes=lambda _w, value: not value.strip(), alone=True)
VARIED = {f"vary_{option.name}": ANY for task, models in MODELS.items() for model in models  # of another model's form
          for option in options(task, model, rows=1000, characters=10**5)} | {
          f"vary_{name}": RANGE for name in ("learning_rate", "hidden", "optimizer", "dropout", "epochs")}
SECRET = {"kept": False, "stripped": False}
USERNAME = matching(r"[\w.@+-]{1,150}")
SECOND = Field(takes=lambda _w, _v: False, kept=False, alone=True)
PASSWORDS = {"password1": Field(takes=lambda _w, _v: False, kept=False, alone=True, told=PAGE), "password2": SECOND}
MOST, NAN = 1_000_000, float("nan")
USABLE = choice("", "true", "false", told=SILENT, alone=True)  # not shown, or a button of the theme's
PUBLISHED = {
    "name_en": text(80), "name_zh": text(80, empty=True), "welcome_en": text(2000, empty=True),
    "welcome_zh": text(2000, empty=True), "visibility": choice("private", "members", "site"),
    "position": number(0, 32767), "published": ANY,
}
EXAMPLE = {"examples-0-text": text(5000, empty=True), "examples-0-text_zh": text(5000, empty=True)}
COUNTS = {f"examples-{name}_FORMS": number(-9, most, told=PAGE, alone=True, kept=False)
          for name, most in (("TOTAL", 7), ("INITIAL", 10**30))}
LENGTH = number(16, 512, empty=True)
STOPS = Field(takes=lambda _w, value: "\0" not in value and len(value) <= 64)
KNOBS: dict[str, dict[str, Field]] = {
    "generation": {
        "temperature": number(0, 1.5, whole=False, empty=True), "top_p": number(0.05, 1, whole=False, empty=True),
        "top_k": number(1, 64, empty=True), "repetition_penalty": number(1, 3, whole=False, empty=True),
        "max_tokens": LENGTH, "stop": STOPS},
    "translation": {"beam": number(1, 8, empty=True), "max_tokens": LENGTH, "glossary": GLOSSARY,
                    "examples-0-direction": choice("", "en-fr", "fr-en")},
    "question-answering": {}, "classification": {}, "summarisation": {},
}
PROFILE = {"name_en": "Fine", "visibility": "members", "position": "3", "examples-TOTAL_FORMS": "1",
           "examples-INITIAL_FORMS": "0", "examples-0-text": "Hello"}
HUB = r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}"
PAIR = "[a-z]{2,3}-[a-z]{2,3}"
EMBEDDING = r"\s*|https?://[\w.-]+"
TERMS = {
    "note": text(120, empty=True), "valid": choice("day", "week", "month", "never"), "date": ANY,
    "password": text(128, least=6, empty=True, **SECRET), "visitor_limit": number(1, MOST, empty=True),
    "total_limit": number(1, MOST, empty=True), "languages": choice("en", "zh-hans"), "embed_origins": lines(EMBEDDING),
    "keep_days": number(1, 3650),
}
LINK = {"valid": "week", "languages": "en", "keep_days": "30", "note": "friends"}
DATES = tuple(({"valid": "date", "date": date}, "date") for date in ("", "x", "2020-01-01", "2026-02-31", "9" * 99,
                                                                     "a\0b", "9999-12-31T", "NaN", "9999-12-31"))
VERSION = {"validation": "10", "test": "10", "seed": "0", "column0": "source", "column1": "target"}
ROLE = choice("", "source", "target", "source_language", "target_language", alone=True)
CORRECTED = Field(takes=lambda _w, value: bool(value.replace("\0", "").strip()) and len(value) <= 5000, alone=True)

VECTORS = {
    "version": choice(of=lambda w: [str(w.version.pk), str(w.pairs.pk), *(str(one.pk) for one in w.versions.values())]),
    "method": choice("skipgram", "cbow", "glove"), "name": text(120, empty=True),
    "set_dimensions": number(1, 2048, empty=True, alone=True), "set_window": number(1, 100, empty=True, alone=True),
    "set_min_count": number(1, 10**9, empty=True, alone=True), "set_epochs": number(1, 1000, empty=True, alone=True),
    "set_most_words": number(1, 5_000_000, empty=True, alone=True),
    "set_seed": number(0, 10**9, empty=True, alone=True), "set_phrases": number(0, 5, empty=True, alone=True),
}


def own(name: str) -> Callable[[World], list[Any]]:
    return lambda world: [getattr(world, name).pk]


def published(task: str) -> list[Form]:
    """The page of a new assistant, and of one that is there."""
    fields = PUBLISHED | EXAMPLE | COUNTS | KNOBS[task]
    wrong = (({"examples-0-text": "", "examples-0-text_zh": "你好"}, "examples-0-text"),
             *((({"stop": "\n".join("abcdefghi")}, "stop"),) if task == "generation" else ()))
    shared: dict[str, Any] = {"fields": fields, "right": lambda w: PROFILE, "together": wrong}
    return [Form(name="admin:assistants_assistant_change", where=lambda w: [w.assistants[task].pk], **shared),
            Form(name="admin:assistants_assistant_add", query=lambda w: f"?artifact={w.artifacts[task].pk}", **shared)]


FORMS: list[Form] = [
    # Accounts
    Form(name="signin", by="anonymous", fields={"username": Field(takes=lambda _w, _v: False, told=PAGE),
                                                "password": Field(takes=lambda _w, _v: False, kept=False, told=PAGE)},
         right=lambda w: {"username": "mia", "password": "long enough"}),
    Form(name="join", by="anonymous", where=lambda w: [w.invitation_token], fields={"username": USERNAME, **PASSWORDS},
         right=lambda w: {"username": "nora", "password1": "a long pass phrase", "password2": "a long pass phrase"},
         together=(({"username": "mia"}, "username"), ({"password2": "another phrase"}, "password2"),
                   ({"password1": "12345678", "password2": "12345678"}, "password2"))),
    Form(name="account", fields={"old_password": NEVER, "new_password1": PASSWORDS["password1"],
                                 "new_password2": SECOND},
         right=lambda w: {"old_password": "long enough", "new_password1": "a new pass phrase",
                          "new_password2": "a new pass phrase"}),
    Form(name="set_language", by="anonymous", fields={"language": ANY, "next": ANY}),  # else it stays as it was
    Form(name="admin:accounts_user_add", by="ada",
         fields={"username": USERNAME, "role": choice(*ROLES), "usable_password": USABLE, **PASSWORDS},
         right=lambda w: {"username": "nora", "role": "member", "password1": "a long pass phrase",
                          "password2": "a long pass phrase"}, together=(({"username": "mia"}, "username"),)),
    Form(name="admin:accounts_user_change", by="ada", where=lambda w: [w.users["max"].pk],
         fields={"username": USERNAME, "role": choice(*ROLES), "is_active": ANY, "password": ANY},
         right=lambda w: {"username": "max", "role": "member", "is_active": "on"},
         together=(({"username": "mia"}, "username"),)),
    Form(name="admin:accounts_user_change", by="ada", where=lambda w: [w.users["ada"].pk],
         fields={"username": USERNAME, "role": choice("admin"), "is_active": ANY, "password": ANY},
         right=lambda w: {"username": "ada", "role": "admin", "is_active": "on"},
         together=(({"role": "member"}, "role"), ({"is_active": ""}, "is_active"))),
    Form(name="admin:auth_user_password_change", by="ada", where=lambda w: [w.users["max"].pk],
         fields=PASSWORDS | {"usable_password": USABLE, "username": ANY},  # shown for the browser's store of passwords
         right=lambda w: {"password1": "a long pass phrase", "password2": "a long pass phrase"}),
    Form(name="admin:accounts_invitation_add", by="ada",
         fields={"note": text(120, empty=True), "role": choice(*ROLES), "expires_0": matching(r"2\d{3}-\d\d-\d\d"),
                 "expires_1": matching(r"\d\d:\d\d")},
         right=lambda w: {"note": "for Nora", "role": "member", "expires_0": "2999-01-01", "expires_1": "12:00"},
         together=(({"expires_0": "2020-01-01"}, "expires"), ({"expires_0": "9999-99-99"}, "expires"))),
    # Datasets
    Form(name="admin:datasets_dataset_add",
         fields={"name": text(120, empty=True), "task": choice("", *KNOBS),
                 "uploads": choice("", of=lambda w: [str(w.upload.pk)]), "files": choice("", "ours.csv"),
                 "text": text(200_000, empty=True, stripped=False), "sample": choice("", *KNOBS)},
         right=lambda w: {"text": "text,label\na,b\n"},
         together=(({"sample": "translation"}, ""), ({"text": ""}, ""),
                   ({"text": "", "uploads": lambda w: str(w.upload.pk)}, "uploads"))),
    Form(name="admin:datasets_version_report", where=own("pairs"),
         fields={"validation": number(0, 40, whole=False), "test": number(0, 40, whole=False),
                 "seed": number(0, 2**31), "drop_duplicates": ANY, "note": text(200, empty=True), "column0": ROLE,
                 "column1": ROLE, "source_language": matching("[a-z]{2}", empty=True),
                 "target_language": matching("[a-z]{2}", empty=True)},
         right=lambda w: VERSION, together=(({"column1": "source"}, "column1"), ({"column1": ""}, ""))),
    Form(name="admin:datasets_version_task", where=own("pairs"), fields={"task": choice(*KNOBS)}),
    Form(name="admin:datasets_version_rename", where=own("pairs"), fields={"name": text(120)}),
    Form(name="admin:datasets_upload_begin", sent="json", right=lambda w: {"name": "a.csv", "bytes": 4},
         together=tuple(({"bytes": size}, "") for size in (0, -1, 1.5, 2**70, NAN, -NAN, True, None, [])),
         fields={"name": Field(takes=lambda _w, v: 0 < len(v) <= 255, told=STATUS, kept=False, alone=True),
                 "bytes": Field(takes=lambda _w, _v: False, told=STATUS, kept=False, alone=True)}),
    # Word vectors
    Form(name="admin:vectors_wordvectors_add", fields=VECTORS,
         right=lambda w: {"version": str(w.versions["classification"].pk), "method": "glove"}),
    Form(name="admin:vectors_wordvectors_upload", fields={"uploads": Field(takes=lambda _w, _v: False, kept=False,
                                                                           told=PAGE)}),
    # Trainings: the options have a table of their own
    Form(name="admin:training_trainingrun_add",
         fields={"name": text(120, empty=True), "task": choice("classification", "translation", "generation",
                                                               "question-answering"),
                 "version": choice(of=lambda w: [str(w.versions["classification"].pk)]), "model": choice("lstm"),
                 "parent": choice(""), "seed": number(0, 2**31 - 1, empty=True),
                 "storage": choice("", "int8", "fp16", "fp32")},
         right=lambda w: {"task": "classification", "version": str(w.versions["classification"].pk), "model": "lstm"}),
    Form(name="admin:experiments_search_add",
         fields={"name": text(120, empty=True), "model": choice("lstm"), "trials": number(1, 500),
                 "version": choice(of=lambda w: [str(one.pk) for one in w.versions.values()]),
                 "seed": number(0, 2**31 - 1, empty=True), **VARIED},
         right=lambda w: {"version": str(w.versions["classification"].pk), "model": "lstm", "trials": "3",
                          "vary_learning_rate": "0.001..0.1:log"},
         together=(({"vary_learning_rate": "0.1..0.001"}, "vary_learning_rate"), ({"vary_learning_rate": ""}, ""),
                   ({"vary_hidden": "0..8"}, "vary_hidden"), ({"vary_optimizer": "adamw|sgd"}, "vary_optimizer"))),
    Form(name="admin:experiments_search_leaderboard", where=lambda w: [w.versions["classification"].pk],
         right=lambda w: {"model": "lstm"}, fields={"model": choice(*MODELS["classification"], told=PAGE)}),
    Form(name="admin:training_artifact_card", where=own("artifact"), right=lambda w: {"name": "Card", "text": "# Card"},
         fields={"name": text(120), "text": text(100_000, empty=True)}),
    Form(name="admin:training_artifact_adopt", right=lambda w: {"labels": "a\nb", "texts": "hello"},
         fields={"name": text(120, empty=True), "labels": Field(takes=lambda _w, _v: False, alone=True),
                 "texts": Field(takes=lambda _w, v: "\0" not in v and not v.startswith("-"), alone=True),
                 "pad": choice("", "after", "before"), "length": number(1, 8192, empty=True),
                 "uploads": Field(takes=lambda _w, _v: False, kept=False, alone=True, told=PAGE)}),
    Form(name="admin:training_artifact_add", fields={"uploads": Field(takes=lambda _w, _v: False, kept=False,
                                                                      told=PAGE)}),
    Form(name="admin:training_artifact_import", right=lambda w: {"hub": "owner/model", "task": "generation"},
         fields={"folder": choice("", alone=True), "hub": matching(rf"\s*{HUB}\s*"), "name": text(120, empty=True),
                 "task": choice("generation", "translation", "summarisation"), "context": number(16, 4096, empty=True),
                 "directions": matching(rf"\s*({PAIR}(,{PAIR})*)?\s*", empty=True),
                 "prefix": text(100, empty=True, stripped=False), "storage": choice("", "fp32", "fp16", "int8")},
         together=(({"hub": ""}, "hub"),)),
    Form(name="admin:training_artifact_label", where=lambda w: [w.artifacts["classification"].pk],
         fields={"uploads": Field(takes=lambda _w, _v: False, kept=False, told=PAGE),
                 "column": Field(takes=lambda _w, _v: False, told=PAGE)}),
    # Assistants
    *(form for task in ("generation", "translation", "question-answering") for form in published(task)),
    Form(name="admin:assistants_assistant_promote", where=lambda w: [w.assistants["generation"].pk],
         fields={"artifact": Field(takes=lambda _w, _v: False, kept=False, told=PAGE)}),
    Form(name="admin:assistants_assistant_documents", where=lambda w: [w.assistants["question-answering"].pk],
         fields={"file": Field(takes=lambda _w, _v: False, kept=False)}),
    Form(name="admin:assistants_assistant_glossary", where=lambda w: [w.assistants["translation"].pk],
         fields={"file": Field(takes=lambda _w, _v: False, kept=False)}),
    Form(name="admin:assistants_assistant_remove_document", fields={"index": ANY},  # what is not there is gone
         where=lambda w: [w.assistants["question-answering"].pk]),
    # Links
    Form(name="admin:sharing_sharelink_add", right=lambda w: LINK | {"assistant": w.assistant.pk},
         fields=TERMS | {"assistant": choice(of=lambda w: [str(one.pk) for one in w.mine])}, together=DATES),
    Form(name="admin:sharing_sharelink_terms", where=own("locked"), right=lambda w: LINK,
         fields=TERMS | {"no_password": ANY, "valid": choice("day", "week", "month", "never", "keep")},
         together=(*DATES, ({"no_password": "on", "password": "another one"}, "no_password"))),
    Form(name="link", by="anonymous", where=lambda w: [w.locked_token], fields={"password": NEVER}),
    Form(name="link-conversation", by="anonymous", fields={"password": NEVER},
         where=lambda w: [w.locked_token, w.locked.pk]),
    Form(name="link-embed", by="anonymous", where=lambda w: [w.locked_token], fields={"password": NEVER}),
    # Feedback
    Form(name="admin:chat_feedback_changelist", right=lambda w: {
            "chosen": w.feedback.pk, "accept": "chosen", "dataset": w.dataset.pk, "correction-1": "Better"},
         fields={"correction-1": CORRECTED, "dataset": choice("", of=lambda w: [str(w.dataset.pk)], alone=True),
                 "chosen": choice(of=lambda w: [str(w.feedback.pk)], alone=True, told=PAGE),
                 "accept": Field(takes=lambda _w, v: v in ("", "1") or not v.isdecimal(), kept=False, alone=True,
                                 told=PAGE),
                 "reject": ANY}),  # beside "accept" it is a button's name only
    # The chat
    Form(name="rename", by="mia", where=own("conversation"), fields={"title": ANY, "current": ANY}),  # cut
    Form(name="delete", by="mia", where=own("conversation"), fields={"current": ANY}),
    Form(name="add-document", by="mia", where=own("conversation"), right=lambda w: {"assistant": "short"},
         fields={"assistant": Field(takes=lambda _w, _v: False, told=NOTICE, kept=False, alone=True),
                 "file": Field(takes=lambda _w, _v: False, told=NOTICE, kept=False, alone=True)}),
    # The queue
    Form(name="admin:jobs_job_act", where=own("job"), right=lambda w: {"action": "cancel"},
         fields={"action": choice("pause", "cancel", "retry", "unpause", told=STATUS)}),
]

WITHOUT_FIELDS = {
    "signout", "sign-out-elsewhere", "remove-document", "admin:logout", "admin:accounts_user_delete",
    "admin:accounts_user_changelist", "admin:accounts_invitation_changelist", "admin:accounts_invitation_change",
    "admin:accounts_invitation_renew", "admin:accounts_invitation_revoke", "admin:jobs_job_changelist",
    "admin:jobs_job_change", "admin:datasets_dataset_changelist", "admin:datasets_dataset_change",
    "admin:datasets_dataset_delete", "admin:datasets_version_delete", "admin:training_trainingrun_changelist",
    "admin:training_trainingrun_delete", "admin:training_trainingrun_do", "admin:training_artifact_changelist",
    "admin:training_artifact_delete", "admin:training_artifact_measure", "admin:experiments_search_changelist",
    "admin:experiments_search_delete", "admin:assistants_assistant_changelist",
    "admin:assistants_assistant_delete", "admin:assistants_assistant_roll_back", "admin:sharing_sharelink_changelist",
    "admin:sharing_sharelink_change", "admin:sharing_sharelink_pause", "admin:sharing_sharelink_resume",
    "admin:sharing_sharelink_revoke", "admin:chat_conversation_changelist", "admin:vectors_wordvectors_changelist",
    "admin:vectors_wordvectors_delete",
}
"""Addresses that something is posted to, a button's name at most."""

FILES: tuple[Any, ...] = (
    lambda: ContentFile(b"text", name="a.exe"), lambda: ContentFile(b"", name="a.txt"),
    lambda: ContentFile(b"\0" * 9, name="a" * 300 + ".html"), lambda: ContentFile(b"MZ", name="../../a.txt.exe"),
)
"""None of them can be read as a document."""
