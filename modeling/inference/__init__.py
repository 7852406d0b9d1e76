"""Serving. `await connect(socket)` gives the Engine; the process behind it is `python -m modeling.inference.server`.

This front imports no ONNX Runtime: the web lives in another process than the models.
"""

from modeling.inference.client import connect
from modeling.inference.request import Chunk, Engine, Latent, Request, SamplingParams, Stream

__all__ = ["Chunk", "Engine", "Latent", "Request", "SamplingParams", "Stream", "connect"]
