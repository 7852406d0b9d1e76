"""A model of the Hugging Face hub, by its id: weights, settings and tokenizers are fetched, never code or pickle."""

from __future__ import annotations

import re
from pathlib import Path

from modeling.errors import ConfigError

WANTED = ("*.json", "*.safetensors", "*.spm", "*.model", "*.txt", "*.jinja", "README.md")
UNWANTED = ("onnx/*", "*/*.safetensors")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def folder_of(source: str, *, offline: bool = False) -> Path:
    """The folder `source`, or what the hub has under that id. Raises ConfigError, also where there is no network."""
    if Path(source).is_dir():
        return Path(source)
    if not HUB_ID.fullmatch(source):
        raise ConfigError(f"there is no folder {source}", allowed="a Hugging Face folder, or an id such as owner/name",
                          field="source")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ConfigError("models of the hub need the package huggingface_hub", remedy="Install it, or copy the "
                          "folder onto this machine and name it") from None
    try:
        return Path(snapshot_download(source, allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED),
                                      local_files_only=offline, token=False))  # nobody's key is sent
    except Exception as error:  # of several libraries: no network, no such model, no right to it
        raise ConfigError(f"{source} could not be fetched from the hub ({type(error).__name__})", field="source",
                          remedy="Check the id and the network, or copy the model's folder onto this machine and name "
                          "the folder") from None
