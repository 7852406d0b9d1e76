"""Word vectors: trained by word2vec or GloVe (`training`, imported only to train), explored, measured, exchanged."""

from modeling.embeddings.config import METHODS, VectorsConfig, read_vector_settings, vector_options
from modeling.embeddings.evaluation import Figure, evaluate
from modeling.embeddings.folder import load_vectors, save_vectors
from modeling.embeddings.formats import FORMATS, encoded, read_vectors, write_vectors
from modeling.embeddings.picture import PROJECTIONS, load_map, map_svg, save_maps, word_map
from modeling.embeddings.vectors import Neighbour, Vectors

__all__ = [
    "FORMATS", "METHODS", "PROJECTIONS", "Figure", "Neighbour", "Vectors", "VectorsConfig", "encoded", "evaluate",
    "load_map", "load_vectors", "map_svg", "read_vector_settings", "read_vectors", "save_maps", "save_vectors",
    "vector_options", "word_map", "write_vectors",
]
