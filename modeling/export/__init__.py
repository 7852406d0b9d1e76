"""From a trained model to an artifact: ONNX graphs built from config and state dict, proved equal, written whole."""

from modeling.export.package import assemble
from modeling.export.weights import rounded_state_dict

__all__ = ["assemble", "rounded_state_dict"]
