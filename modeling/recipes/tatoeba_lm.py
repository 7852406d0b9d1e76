"""The language model beside which the sentence autoencoder stands: the same sentences, the same tokenizer."""

from __future__ import annotations

from modeling.recipes.recipe import Recipe
from modeling.recipes.tatoeba_sentences import ABOUT, prepare

RECIPE = Recipe(
    title="English sentences, one LSTM",
    task="generation",
    model="lstm",
    prepare=prepare,
    settings={"vocabulary_size": "4000", "embedding": "128", "hidden": "320", "layers": "2", "context": "42",
              "batch_tokens": "1536", "learning_rate": "3e-3", "epochs": "20", "precision": "bf16", "decay": "0.5",
              "dropout": "0.2", "dropout_between": "0.2", "dropout_input": "0.2", "dropout_weights": "0.2",
              "dropout_words": "0", "activation": "0", "slowness": "0", "patience": "0", "clip": "1"},
    expected={"loss": 3.01},
    about=ABOUT.split("## Use")[0] + "## Use and limits\n\nIt goes on from the first words of a short sentence.",
)
