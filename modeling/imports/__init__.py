"""Models of Hugging Face folders become artifacts: read, exported, proved equal, without a line of their code."""

from modeling.imports.importing import FAMILIES, Import, import_model

__all__ = ["FAMILIES", "Import", "import_model"]
