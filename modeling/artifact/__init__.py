"""The artifact: a folder that holds everything a trained model needs to answer, and what proves it whole.

`manifest.json` names every other file with its size and SHA-256. Nothing in an artifact is pickled and nothing in it
runs code: weights are safetensors, graphs are ONNX whose external data can only be `weights.safetensors`.
"""

from modeling.artifact.archive import pack, unpack
from modeling.artifact.folder import (
    MANIFEST,
    SCALE,
    SCHEMA,
    WEIGHTS,
    Artifact,
    replace_card,
    replace_preprocessing,
    write_artifact,
)
from modeling.artifact.locations import external_locations

__all__ = [
    "MANIFEST",
    "SCALE",
    "SCHEMA",
    "WEIGHTS",
    "Artifact",
    "external_locations",
    "pack",
    "replace_card",
    "replace_preprocessing",
    "unpack",
    "write_artifact",
]
