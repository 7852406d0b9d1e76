"""Parley's modelling library: data, training, export and serving of language models. Knows no web."""
