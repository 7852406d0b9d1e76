"""From a trained model to an artifact: ONNX graphs built from config and state dict, proved equal, written whole."""

from modeling.export.entry import export, export_lexrank
from modeling.export.package import assemble
from modeling.export.weights import Storage, rounded_state_dict

__all__ = ["Storage", "assemble", "export", "export_lexrank", "rounded_state_dict"]
