"""What set-up checks and chooses. The installation itself is tried by every fresh clone."""

from __future__ import annotations

import builtins
import platform
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

import install


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip's argument lists; pip succeeds unless a test says otherwise."""
    made: list[list[str]] = []

    def pip(*arguments: str, quiet: bool = False) -> int:
        made.append(list(arguments))
        return 0

    monkeypatch.setattr(install, "pip", pip)
    return made


def on(monkeypatch: pytest.MonkeyPatch, system: str, machine: str = "x86_64") -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)


def test_an_old_python_is_refused_with_the_way_to_name_another(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit, match=r"(?s)3\.11 or newer.*make run PYTHON="):
        install.require_python()


def test_a_python_without_venv_is_refused_with_the_package_that_is_missing(monkeypatch):
    real = builtins.__import__

    def without_ensurepip(name, *rest, **named):
        if name == "ensurepip":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_ensurepip)
    with pytest.raises(SystemExit, match=r"(?s)virtual environments.*apt install python3\.\d+-venv"):
        install.require_python()


def test_a_full_disk_is_named_before_anything_is_installed(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**10, 10**10, 3 * 10**8))
    with pytest.raises(SystemExit, match=r"0\.3 GB are free here; the packages need about 3 GB"):
        install.require_space(3)


def test_a_busy_port_is_named_before_anything_is_installed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"(?s)port {port} is busy.*make run PORT={port + 1}"):
            install.require_free_port("127.0.0.1", str(port))


def test_a_free_port_or_one_that_the_start_will_refuse_passes():
    install.require_free_port("127.0.0.1", "1")
    install.require_free_port("127.0.0.1", "eighty")


def test_without_a_gpu_torch_is_the_build_that_brings_no_cuda(calls, monkeypatch):
    on(monkeypatch, "Linux")
    install.install(["torch==2.13.0", "onnx==1.23.2"], gpu=False)
    assert calls == [["torch==2.13.0+cpu"], ["onnx==1.23.2"]]


def test_the_index_of_pytorch_is_asked_where_pip_finds_none(monkeypatch):
    asked = []
    monkeypatch.setattr(install, "pip", lambda *arguments, quiet=False: asked.append(arguments) or len(asked) == 1)
    install.install_torch_for_cpu("torch==2.13.0+cpu")
    assert asked[1][1:] == ("--extra-index-url", install.TORCH_CPU_INDEX)


def test_where_no_cpu_build_is_found_nothing_bigger_is_installed_instead(monkeypatch):
    monkeypatch.setattr(install, "pip", lambda *arguments, quiet=False: 1)
    with pytest.raises(SystemExit, match=r"(?s)pip found no torch==2\.13\.0\+cpu.*PIP_FIND_LINKS"):
        install.install_torch_for_cpu("torch==2.13.0+cpu")


@pytest.mark.parametrize(("system", "gpu"), [("Darwin", False), ("Linux", True)])
def test_on_a_mac_or_with_a_gpu_torch_is_the_usual_build(calls, monkeypatch, system, gpu):
    on(monkeypatch, system)
    install.install(["torch==2.13.0"], gpu=gpu)
    assert calls == [["torch==2.13.0"]]


def test_a_gpu_counts_where_nvidia_smi_lists_one(monkeypatch, tmp_path: Path):
    on(monkeypatch, "Linux")
    for script, there in (("echo 'GPU 0: NVIDIA H100'", True), ("exit 9", False)):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        assert install.has_gpu() is there


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_where_no_cuda_build_of_onnx_runtime_exists_no_gpu_counts(monkeypatch, system, machine):
    on(monkeypatch, system, machine)
    assert install.has_gpu() is False


def test_serving_needs_no_torch_and_everything_needs_it():
    assert not [one for one in install.requirements("serve", gpu=False) if one.startswith(("torch", "onnx="))]
    assert {"torch==2.13.0", "django==5.2.19"} <= set(install.requirements("all", gpu=False))


def test_training_is_added_without_touching_what_serves():
    added = install.requirements("train", gpu=False)
    assert "torch==2.13.0" in added and not set(added) & set(install.requirements("serve", gpu=False))


@pytest.mark.parametrize(("wanted", "stamps"), [("train", {"train"}), ("all", {"serve", "train", "all"})])
def test_an_installation_is_remembered_with_all_that_it_covers(calls, monkeypatch, tmp_path, wanted, stamps):
    monkeypatch.setattr(install, "VENV", str(tmp_path))
    for check in ("require_space", "make_venv"):
        monkeypatch.setattr(install, check, lambda *_: None)
    monkeypatch.setattr(install, "has_gpu", lambda: False)
    install.main(wanted)
    assert {path.name for path in tmp_path.iterdir()} == {f".parley-{name}" for name in stamps}


def test_another_installation_is_due_when_the_pins_change(monkeypatch, tmp_path):
    before = install.fingerprint(gpu=False)
    assert before == install.fingerprint(gpu=False) != install.fingerprint(gpu=True)
    changed = tmp_path / "requirements.lock"
    changed.write_text("django==5.2.20\n")
    monkeypatch.setattr(install, "LOCK", str(changed))
    assert install.fingerprint(gpu=False) != before


def test_make_alone_lists_what_there_is():
    listed = subprocess.run(["make"], cwd=install.ROOT, capture_output=True, text=True, check=True).stdout
    assert {"run", "setup", "test", "lint", "bench"} <= {line.split()[0] for line in listed.splitlines()}
