"""Makes .venv and installs what is pinned: `python3 install.py serve` to run the site, `... all` to train and test too.
`... train` adds what training needs to an environment that serves, while it serves.

Standard library only, and readable by any Python 3, so that it can say what is missing. Called by the Makefile.
"""

import hashlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOCK = os.path.join(ROOT, "requirements.lock")
OLDEST = (3, 11)
SPACE = {"serve": 1, "train": 2, "all": 3}  # GB that an installation needs; with CUDA 6 more
COVERED = {"all": ("serve", "train", "all")}  # what an installation makes unnecessary besides itself
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main(wanted):
    """Check, then install what is not installed yet."""
    require_python()
    if wanted == "serve":
        require_free_port(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000")
    gpu = has_gpu()
    stamp = os.path.join(VENV, ".parley-" + wanted)
    digest = fingerprint(gpu)
    if read(stamp) == digest and subprocess.call([PYTHON, "-c", ""]) == 0:
        return
    began = time.time()
    require_space(SPACE[wanted] + (6 if gpu else 0))
    make_venv()
    print("Installing into .venv (%s, %s); a minute or two ..." % (wanted, "NVIDIA GPU" if gpu else "CPU"), flush=True)
    install(requirements(wanted, gpu), gpu)
    for name in COVERED.get(wanted, (wanted,)):
        with open(os.path.join(VENV, ".parley-" + name), "w") as file:
            file.write(digest)
    print("Installed in %.0f s." % (time.time() - began), flush=True)


def stop(found, remedy):
    """End with what is wrong and what to do."""
    sys.exit("Parley: %s\n        %s" % (found, remedy))


def require_python():
    """A Python that is new enough and can make a virtual environment."""
    if sys.version_info < OLDEST:
        stop("this is Python %s; 3.11 or newer is needed." % platform.python_version(),
             "Install a newer one (python.org, your package manager) and name it: make run PYTHON=python3.12")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop("this Python cannot make virtual environments (the module %s is missing)." % "venv or ensurepip",
             "On Debian and Ubuntu: sudo apt install python%d.%d-venv" % sys.version_info[:2])


def require_space(gigabytes):
    """Room for the packages."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < gigabytes:
        stop("%.1f GB are free here; the packages need about %d GB." % (free, gigabytes),
             "Make room on the disk of %s, or clone to another one." % ROOT)


def require_free_port(host, port):
    """Somewhere to listen. Told before the packages are fetched; the site's own start looks closer."""
    try:
        with socket.create_connection((host, int(port)), timeout=1):  # 0.0.0.0 reaches this machine too
            pass
    except (OSError, ValueError):
        return
    stop("port %s is busy: another program listens there, perhaps another Parley." % port,
         "Choose another: make run PORT=%d" % (int(port) + 1))


def has_gpu():
    """Whether ONNX Runtime's and PyTorch's CUDA builds exist for this machine and there is an NVIDIA GPU."""
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "AMD64") or not shutil.which("nvidia-smi"):
        return False
    listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return listed.returncode == 0 and b"GPU" in listed.stdout


def fingerprint(gpu):
    """What an installation depends on; another one is due when it changes."""
    state = hashlib.sha256(repr((gpu, sys.version_info[:2], VENV)).encode())
    for path in (os.path.join(ROOT, "pyproject.toml"), LOCK, os.path.abspath(__file__)):
        with open(path, "rb") as file:
            state.update(file.read())
    return state.hexdigest()


def read(path):
    """A small file's text, or None."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def make_venv():
    """A virtual environment of this Python; one of another version, or one that was moved, is made anew."""
    ours = "import sys; sys.exit(sys.version_info[:2] != (%d, %d) or sys.prefix != %r)" % (*sys.version_info[:2], VENV)
    if os.path.exists(PYTHON) and subprocess.call([PYTHON, "-c", ours]) == 0:
        return
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        stop("the virtual environment could not be made (see above).",
             "Mend that, or choose another Python: make run PYTHON=...")


def requirements(wanted, gpu):
    """The pinned requirements of pyproject.toml. What training needs comes alone: the rest is there, and in use."""
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    if wanted == "train":
        return list(extras["train"])
    serving = project["dependencies"] + extras["gpu" if gpu else "cpu"]
    return serving + (extras["train"] + extras["dev"] if wanted == "all" else [])


def install(wanted, gpu):
    """Install, keeping to the versions in requirements.lock. Without a GPU torch is the build that brings no CUDA."""
    torch = next((requirement for requirement in wanted if requirement.startswith("torch==")), None)
    if torch and not gpu and platform.system() == "Linux":
        wanted = [requirement for requirement in wanted if requirement != torch]
        install_torch_for_cpu(torch + "+cpu")
    if pip(*wanted) != 0:
        stop("pip could not install the packages (see above).",
             "Usually the network or a proxy: try `%s -m pip download nh3`; then run the same command again." % PYTHON)


def install_torch_for_cpu(torch):
    """From the places pip knows where it finds this build, else from PyTorch's own index."""
    if pip(torch, quiet=True) == 0 or pip(torch, "--extra-index-url", TORCH_CPU_INDEX) == 0:
        return
    stop("pip found no %s, neither where it looks by itself nor at %s." % (torch, TORCH_CPU_INDEX),
         "Let it reach that address, or give it a folder with the wheel: PIP_FIND_LINKS=FOLDER make setup")


def pip(*arguments, quiet=False):
    """pip's exit status. On a terminal it shows how far it is, elsewhere it speaks of errors only.

    Nothing is compiled to bytecode beforehand: Python does that for what is really used.
    """
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "-c", LOCK]
    command += [] if sys.stdout.isatty() else ["-qq"]
    return subprocess.call(command + list(arguments), stderr=subprocess.DEVNULL if quiet else None)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SPACE:
        sys.exit("Usage: python3 install.py serve|train|all")
    main(sys.argv[1])
