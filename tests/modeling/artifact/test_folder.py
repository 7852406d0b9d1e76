"""The artifact folder: what loads, and everything that must not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from modeling.artifact import MANIFEST, SCHEMA, WEIGHTS, Artifact, write_artifact
from modeling.artifact.folder import TEXT_LIMITS, _digest
from modeling.artifact.locations import external_locations
from modeling.errors import ArtifactError

FILES = {
    WEIGHTS: (2).to_bytes(8, "little") + b"{}" + b"\0" * 64,
    "labels.json": b'["bad", "good"]',
    "metrics.json": b'{"accuracy": 0.9}',
    "card.md": "# 卡片\n".encode(),
}
EXTERNAL = [("location", WEIGHTS), ("offset", "10"), ("length", "64")]


def graph(entries: list[tuple[str, str]], place: str = "initializer") -> bytes:
    """An identity-like graph that adds an external tensor, which sits in an initializer or deeper."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[16], data_location=TensorProto.EXTERNAL)
    for key, value in entries:
        tensor.external_data.add(key=key, value=value)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [16]) for name in "xy")
    nodes, initializers = [helper.make_node("Add", ["x", "w"], ["y"])], [tensor]
    if place == "constant":
        nodes, initializers = [helper.make_node("Constant", [], ["w"], value=tensor), *nodes], []
    if place == "branch":
        inner = helper.make_graph([helper.make_node("Identity", ["w"], ["z"])], "inner", [], [y], [tensor])
        nodes, initializers = [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)], []
    made = helper.make_model(helper.make_graph(nodes, "g", [x], [y], initializers), ir_version=11,
                             opset_imports=[helper.make_opsetid("", 23)])
    if place == "function":
        node = helper.make_node("Constant", [], ["z"], value=tensor)
        made = helper.make_model(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y]))
        made.functions.append(helper.make_function("d", "f", ["x"], ["z"], [node], [helper.make_opsetid("", 23)]))
    return made.SerializeToString()


def manifest(**changes: Any) -> dict[str, Any]:
    entry = {"role": "classifier", "device": "cpu", "file": "classifier.cpu.onnx", "inputs": [], "outputs": []}
    return {"name": "tiny", "task": "classification", "model": "lstm", "config": {"hidden": 2}, "preprocessing": {},
            "graphs": [entry], **changes}


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    files = {**FILES, "classifier.cpu.onnx": graph(EXTERNAL)}
    return write_artifact(tmp_path / "tiny", manifest=manifest(), files=files)


def test_what_was_written_is_read_back(artifact: Artifact, tmp_path: Path) -> None:
    loaded = Artifact.load(tmp_path / "tiny")
    assert (loaded.name, loaded.task, loaded.model) == ("tiny", "classification", "lstm")
    assert (loaded.labels, loaded.metrics, loaded.card) == (["bad", "good"], {"accuracy": 0.9}, "# 卡片\n")
    assert loaded.graph("classifier") == tmp_path / "tiny" / "classifier.cpu.onnx"
    assert loaded.bytes == sum(path.stat().st_size for path in loaded.path.iterdir() if path.name != MANIFEST)
    onnxruntime.InferenceSession(loaded.graph("classifier"), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", [*FILES, "classifier.cpu.onnx", MANIFEST])
def test_one_flipped_byte_in_any_file_is_refused(artifact: Artifact, name: str) -> None:
    path = artifact.path / name
    original = path.read_bytes()
    for position in range(0, len(original), max(1, len(original) // 40)):
        changed = bytearray(original)
        changed[position] ^= 1
        if name == MANIFEST and same_json(original, changed):
            continue
        path.write_bytes(changed)
        with pytest.raises(ArtifactError):
            Artifact.load(artifact.path)
    path.write_bytes(original)
    Artifact.load(artifact.path)


def same_json(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@pytest.mark.parametrize("name", [*FILES, "classifier.cpu.onnx", MANIFEST])
def test_a_missing_file_is_named(artifact: Artifact, name: str) -> None:
    (artifact.path / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        Artifact.load(artifact.path)


@pytest.mark.parametrize("name", [*FILES, "classifier.cpu.onnx", MANIFEST])
def test_a_link_is_refused_even_to_the_same_bytes(artifact: Artifact, name: str, tmp_path: Path) -> None:
    (artifact.path / name).rename(tmp_path / "elsewhere")
    (artifact.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="not a plain file"):
        Artifact.load(artifact.path)


def test_a_named_pipe_does_not_block_loading(artifact: Artifact) -> None:
    (artifact.path / "card.md").unlink()
    os.mkfifo(artifact.path / "card.md")
    with pytest.raises(ArtifactError, match="not a plain file"):
        Artifact.load(artifact.path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"schema": 1}', "[" * 100_000, '{"schema": 2}'])
def test_a_manifest_that_is_none_is_refused(artifact: Artifact, text: str) -> None:
    (artifact.path / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError):
        Artifact.load(artifact.path)


@pytest.mark.parametrize("change", [
    {"files": []}, {"files": {"card.md": None}}, {"files": {"card.md": {"bytes": 1}}}, {"graphs": {}}, {"graphs": [1]},
    {"graphs": [{"role": "reader"}]}, {"graphs": [{"role": [], "device": "", "file": {}, "inputs": 0, "outputs": 0}]},
    {"name": None}, {"config": "x"}, {"model": 7}, {"digest": 3},
])
def test_entries_of_another_type_are_refused(artifact: Artifact, change: dict[str, Any]) -> None:
    forge(artifact.path, lambda content: content.update(change))
    with pytest.raises(ArtifactError, match="another type|where an object belongs"):
        Artifact.load(artifact.path)


@pytest.mark.parametrize("change", [
    {"lineage": [1]}, {"lineage": {"rows": [1]}}, {"lineage": {"rows": {"train": "many"}}},
    {"lineage": {"parent": "x"}}, {"parity": 3}, {"languages": {}}, {"languages": [1]}, {"defaults": [1]},
    {"task": "world peace"}, {"name": "\ud800"}, {"parity": {"max_difference": float("inf")}},
])
def test_what_pages_show_is_of_its_type_where_it_is_there(artifact: Artifact, change: dict[str, Any]) -> None:
    forge(artifact.path, lambda content: content.update(change))
    with pytest.raises(ArtifactError, match="another type|for the job 'world peace'|not valid JSON"):
        Artifact.load(artifact.path)


@pytest.mark.parametrize("name", TEXT_LIMITS)
def test_texts_that_are_read_whole_have_a_limit(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match="at most"):
        write_artifact(tmp_path / "out", manifest=manifest(graphs=[]), files={name: b" " * (TEXT_LIMITS[name] + 1)})


def test_a_graph_is_looked_at_without_taking_it_into_memory(artifact: Artifact, tmp_path: Path) -> None:
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:  # a gigabyte of a field that nobody looks into
        file.write(b"\x1a" + varint(2**30))
        file.truncate(file.tell() + 2**30)
    code = ("import sys; from pathlib import Path; from modeling.artifact.folder import _mapped\n"
            "from modeling.artifact.locations import external_locations\n"
            "assert not list(external_locations(_mapped(Path(sys.argv[1]))))")
    # A process starts with the peak of the one that it was forked from: hence a small one between.
    between = ("import resource, subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)")
    ran = subprocess.run([sys.executable, "-c", between, code, str(large)], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 500


def test_a_graph_of_endless_small_fields_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling.artifact.locations.MOST_FIELDS", 1000)
    with pytest.raises(ValueError, match="more fields"):
        list(external_locations(b"\x08\x01" * 2000))
    with pytest.raises(ValueError, match="more fields"):
        list(external_locations(b"\x12\x00" * 2000))


def test_labels_and_metrics_of_another_type_are_refused(tmp_path: Path) -> None:
    files = {"labels.json": b"{}", "metrics.json": b"[]", "card.md": b"\xff"}
    written = write_artifact(tmp_path / "out", manifest=manifest(graphs=[]), files=files)
    with pytest.raises(ArtifactError, match="labels.json is not a JSON list"):
        _ = written.labels
    with pytest.raises(ArtifactError, match="metrics.json is not a JSON dict"):
        _ = written.metrics
    assert written.card == "\N{REPLACEMENT CHARACTER}"


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    written = write_artifact(tmp_path / "out", manifest=manifest(graphs=[]), files={WEIGHTS: b"pickle"})
    with pytest.raises(ArtifactError, match="is not safetensors"):
        written.state_dict()


def test_another_schema_version_is_refused_by_its_number(artifact: Artifact) -> None:
    text = (artifact.path / MANIFEST).read_text().replace(f'"schema": {SCHEMA}', '"schema": 7')
    (artifact.path / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match="schema version 7"):
        Artifact.load(artifact.path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="missing"):
        Artifact.load(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["../card.md", "/etc/passwd", "sub/card.md", "..", ".hidden", "", "a\\b", "é"])
def test_files_outside_of_the_folder_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError):
        write_artifact(tmp_path / "out", manifest=manifest(graphs=[]), files={name: b"x"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../card.md", "/etc/hostname", "sub/card.md", "..", "."])
def test_a_manifest_that_names_files_outside_of_the_folder_is_refused(
    artifact: Artifact, name: str
) -> None:
    forge(artifact.path, lambda content: content["files"].update({name: content["files"]["card.md"]}))
    with pytest.raises(ArtifactError, match="not a file inside"):
        Artifact.load(artifact.path)


def test_a_graph_that_the_manifest_does_not_hash_is_refused(artifact: Artifact) -> None:
    forge(artifact.path, lambda content: content["graphs"][0].update(file="../other.onnx"))
    with pytest.raises(ArtifactError, match="not among the files"):
        Artifact.load(artifact.path)


def forge(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest as somebody does who knows how its digest is made."""
    content = json.loads((path / MANIFEST).read_text())
    before = content["digest"]
    change(content)
    if content["digest"] == before:
        content["digest"] = _digest(content)
    (path / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize("place", ["initializer", "constant", "branch", "function"])
@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "card.md", "", "*/_ORT_MEM_ADDR_/*", f"./{WEIGHTS}"])
def test_a_graph_that_reads_another_file_is_refused(tmp_path: Path, location: str, place: str) -> None:
    content = graph([("location", location), ("offset", "0"), ("length", "64")], place)
    with pytest.raises(ArtifactError, match="external data is weights.safetensors"):
        write_artifact(tmp_path / "out", manifest=manifest(), files={**FILES, "classifier.cpu.onnx": content})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link"])
def test_onnx_runtime_and_onnx_refuse_external_data_outside_of_the_folder(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    path = folder / "graph.onnx"
    path.write_bytes(graph([("location", location), ("offset", "0"), ("length", "64")]))
    with pytest.raises(Exception, match="(?i)external"):
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(path)


@pytest.mark.parametrize(("offset", "length"), [("0", "999999"), ("999999", "64"), ("-8", "64"), ("10", "32")])
def test_onnx_runtime_refuses_external_data_beyond_the_weights(tmp_path: Path, offset: str, length: str) -> None:
    (tmp_path / WEIGHTS).write_bytes(FILES[WEIGHTS])
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph([("location", WEIGHTS), ("offset", offset), ("length", length)]))
    with pytest.raises(Exception, match="(?i)offset|length|size|bytes|external"):
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_external_data_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="which is not in the manifest"):
        write_artifact(tmp_path / "out", manifest=manifest(), files={"classifier.cpu.onnx": graph(EXTERNAL)})


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b", b"\x80" * 20, b"no graph"])
def test_bytes_that_are_no_onnx_graph_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArtifactError, match="not an ONNX graph"):
        write_artifact(tmp_path / "out", manifest=manifest(), files={**FILES, "classifier.cpu.onnx": content})


def test_a_graph_nested_without_end_is_refused(tmp_path: Path) -> None:
    content = b""
    for _ in range(400):  # graph -> node -> attribute -> graph
        for field in (6, 5, 1):
            content = bytes([field << 3 | 2]) + varint(len(content)) + content
    content = b"\x3a" + varint(len(content)) + content
    with pytest.raises(ArtifactError, match="not an ONNX graph"):
        write_artifact(tmp_path / "out", manifest=manifest(), files={**FILES, "classifier.cpu.onnx": content})


def test_a_field_number_that_protobuf_would_cut_to_another_is_refused() -> None:
    content = graph([("location", "/etc/passwd")])
    start = content.index(b"\x3a")  # the graph, field 7: its tag again in five bytes with a bit beyond the 32nd
    hidden = content[:start] + b"\xba\x80\x80\x80\x10" + content[start + 1 :]
    with pytest.raises(ValueError, match="too large"):
        list(external_locations(hidden))


def varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def test_locations_are_found_as_the_onnx_package_finds_them() -> None:
    assert list(external_locations(graph(EXTERNAL))) == [WEIGHTS]
    assert list(external_locations(graph(EXTERNAL, "branch"))) == [WEIGHTS, WEIGHTS]


def test_an_unknown_role_or_device_says_what_there_is(artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match="no graph 'reader' for cpu. It has classifier for cpu"):
        artifact.graph("reader")
    with pytest.raises(ArtifactError, match="for cuda"):
        artifact.graph("classifier", "cuda")


def test_an_artifact_is_replaced_whole_by_the_next_version(artifact: Artifact, tmp_path: Path) -> None:
    newer = write_artifact(artifact.path, manifest=manifest(name="newer", graphs=[]), files={"card.md": b"new"})
    assert (newer.name, Artifact.load(artifact.path).card) == ("newer", "new")
    assert newer.digest != artifact.digest
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_other_peoples_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    for name in ("mine", "file"):
        with pytest.raises(ArtifactError, match="exists and is not an artifact"):
            write_artifact(tmp_path / name, manifest=manifest(graphs=[]), files={"card.md": b""})
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_artifact(tmp_path / "out", manifest=manifest(graphs=[]), files={"card.md": tmp_path / "missing"})
    assert not list(tmp_path.iterdir())


def test_the_module_imports_neither_torch_nor_onnx() -> None:
    heavy = {"torch", "onnx", "onnxruntime", "tokenizers"}
    code = f"import sys, modeling.artifact; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
