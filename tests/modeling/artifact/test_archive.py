"""Artifacts as zip files: what comes back is what went in, and nothing else comes in."""

from __future__ import annotations

import json
import stat
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from modeling.__main__ import main
from modeling.artifact import MANIFEST, Artifact, pack, replace_card, unpack, write_artifact
from modeling.errors import ArtifactError

FILES = {"card.md": b"# Tiny\n", "labels.json": b'["a", "b"]', "weights.safetensors": b"\0" * 5000}
FACTS = {"name": "tiny", "task": "classification", "model": "lstm", "config": {}, "preprocessing": {}, "graphs": []}
Entry = tuple[str | zipfile.ZipInfo, bytes]


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return write_artifact(tmp_path / "tiny", manifest=FACTS, files=FILES)


@pytest.fixture
def zipped(artifact: Artifact, tmp_path: Path) -> Callable[[Iterable[Entry]], Path]:
    """A zip of the artifact with more entries."""

    def make(more: Iterable[Entry], prefix: str = "") -> Path:
        path = tmp_path / "made.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in (MANIFEST, *FILES):
                archive.write(artifact.path / name, prefix + name)
            for name, content in more:
                archive.writestr(name, content)
        return path

    return make


def entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name
    info.external_attr = (kind | 0o644) << 16
    return info


def refused(path: Path, out: Path, match: str, **limits: int) -> None:
    """It is refused with this message, and neither the folder nor a draft of it is left."""
    before = {one.name for one in out.parent.iterdir()} if out.parent.exists() else set()
    with pytest.raises(ArtifactError, match=match) as caught:
        unpack(path, out, **limits)
    assert str(out.parent) not in str(caught.value)
    assert {one.name for one in out.parent.iterdir()} == before


def test_what_was_packed_is_unpacked(artifact: Artifact, tmp_path: Path) -> None:
    found = unpack(pack(artifact.path, tmp_path / "tiny.zip"), tmp_path / "folder" / "again")
    assert found.digest == artifact.digest
    assert found.card == "# Tiny\n"
    assert Artifact.load(tmp_path / "folder" / "again").labels == ["a", "b"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["again"]


def test_the_same_artifact_gives_the_same_bytes(artifact: Artifact, tmp_path: Path) -> None:
    first, second = (pack(artifact.path, tmp_path / f"{name}.zip").read_bytes() for name in "ab")
    assert first == second


def test_the_files_may_stand_in_one_folder(zipped: Callable[..., Path], tmp_path: Path) -> None:
    assert unpack(zipped([("tiny/", b"")], prefix="tiny/"), tmp_path / "out").name == "tiny"


@pytest.mark.parametrize("name", [
    "../evil", "/etc/passwd", "a/../../evil", "..", "tiny/evil", "C:\\evil", "a\\b", "nul\0.txt", ".hidden", "x" * 4000,
    "", "C:evil",
])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(zipped: Callable[..., Path], tmp_path: Path, name: str) -> None:
    refused(zipped([(entry(name), b"x")]), tmp_path / "out", "cannot be|lists too many")


def test_a_folder_that_leads_elsewhere_is_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    refused(zipped([], prefix="../"), tmp_path / "out", "cannot be")
    refused(zipped([("sub/", b"")]), tmp_path / "out", "cannot be")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices_are_refused(zipped: Callable[..., Path], tmp_path: Path, kind: int) -> None:
    refused(zipped([(entry("notes.md", kind), b"/etc/passwd")]), tmp_path / "out", "not a plain file")


@pytest.mark.parametrize("name", ["card.md", "CARD.md"])
def test_a_file_that_comes_twice_is_refused(zipped: Callable[..., Path], tmp_path: Path, name: str) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if name == "card.md" else _nothing():
        path = zipped([(name, b"other")])
    refused(path, tmp_path / "out", "twice")


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_more_files_than_allowed_are_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    refused(zipped((f"{number}.md", b"") for number in range(20)), tmp_path / "out", "files", max_files=10)


def test_a_table_of_contents_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}.md", b"")
    refused(path, tmp_path / "out", "lists too many", max_files=10)


def test_a_bomb_is_refused_while_it_is_read(zipped: Callable[..., Path], tmp_path: Path) -> None:
    bomb = entry("bomb.md")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    path = zipped([(bomb, b"\0" * 50_000_000)])
    assert path.stat().st_size < 100_000
    refused(path, tmp_path / "out", "more than 1,000,000 bytes", max_bytes=1_000_000)


def test_a_bomb_that_lies_about_its_size_is_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    bomb = entry("bomb.md")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    path = zipped([(bomb, b"\0" * 50_000_000)])
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 50_000_000), struct.pack("<L", 10)))
    refused(path, tmp_path / "out", "cannot be read|more than", max_bytes=1_000_000)


def test_files_that_share_their_bytes_are_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    """The quine of zip bombs (Fifield 2019): many entries over one block of compressed data."""
    path = zipped([("one.md", b"x" * 100), ("two.md", b"x" * 100)])
    content = path.read_bytes()
    places = [content.rindex(b"PK\1\2", 0, content.rindex(name)) for name in (b"one.md", b"two.md")]
    first = content[places[0] + 42 : places[0] + 46]
    path.write_bytes(content[: places[1] + 42] + first + content[places[1] + 46 :])
    refused(path, tmp_path / "out", "overlaps")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 100, b"PK\5\6" + b"\0" * 18])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "upload.zip"
    path.write_bytes(content)
    refused(path, tmp_path / "out", "does not end as a zip|no manifest.json")


def test_every_cut_and_every_flipped_byte_is_refused_or_harmless(artifact: Artifact, tmp_path: Path) -> None:
    path = pack(artifact.path, tmp_path / "tiny.zip")
    content = path.read_bytes()
    for place in range(0, len(content), 23):
        path.write_bytes(content[:place])
        refused(path, tmp_path / "out", ".")
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            found = unpack(path, tmp_path / f"out{place}")
        except ArtifactError:
            continue
        assert found.digest == artifact.digest


def test_an_encrypted_file_is_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    path = zipped([("secret.md", b"x")])
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    refused(path, tmp_path / "out", "encrypted")


def test_files_without_a_place_in_the_manifest_are_refused(zipped: Callable[..., Path], tmp_path: Path) -> None:
    refused(zipped([("run.py", b"print()")]), tmp_path / "out", r"does not name run\.py")


def test_an_altered_file_is_refused(artifact: Artifact, zipped: Callable[..., Path], tmp_path: Path) -> None:
    (artifact.path / "card.md").write_bytes(b"# Evil\n")
    refused(zipped([]), tmp_path / "out", "card.md was altered")


def test_what_is_there_is_not_overwritten(artifact: Artifact, zipped: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="tiny exists"):
        unpack(zipped([]), artifact.path)


def test_another_card_makes_another_version_of_the_same_model(artifact: Artifact) -> None:
    changed = replace_card(artifact.path, "# 新卡片\n")
    assert changed.digest != artifact.digest
    loaded = Artifact.load(artifact.path)
    assert (loaded.card, loaded.labels, loaded.task) == ("# 新卡片\n", ["a", "b"], "classification")
    assert [path.name for path in artifact.path.parent.iterdir()] == ["tiny"]


def test_the_commands_say_what_they_made(
    artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert main(["pack", str(artifact.path), "--out", str(tmp_path / "a.zip")]) == 0
    assert main(["unpack", str(tmp_path / "a.zip"), "--out", str(tmp_path / "b")]) == 0
    packed, unpacked = (json.loads(line)["result"] for line in capsys.readouterr().out.splitlines())
    assert packed["bytes"] == (tmp_path / "a.zip").stat().st_size
    assert unpacked["digest"] == artifact.digest
    assert main(["unpack", str(tmp_path / "a.zip"), "--out", str(tmp_path / "b")]) == 2
