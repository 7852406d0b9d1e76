"""The classic network in Keras on TensorFlow, as a contestant of `training`: texts padded in front to one size."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf  # in .peers alone

from tests.benchmarks.racing import Turns


def main(folder: Path) -> None:
    turns = Turns()
    settings = json.loads((folder / "settings.json").read_text())
    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(0)
    train, test = (np.load(folder / f"{name}.npz") for name in ("train", "test"))
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((settings["length"],), dtype="int32"),
        layers.Embedding(settings["vocabulary_size"], settings["embedding"]), layers.Dropout(settings["dropout"]),
        layers.LSTM(settings["hidden"]), layers.Dropout(settings["dropout"]), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(tf.keras.optimizers.Adam(settings["learning_rate"]), "binary_crossentropy")

    class Waiting(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            turns.done(len(train["ids"]), loss=float(logs["loss"]))

    turns.ready(version=f"TensorFlow {tf.__version__}, Keras {tf.keras.__version__}")
    model.fit(train["ids"], train["labels"], batch_size=settings["batch_tokens"] // settings["length"],
              epochs=int(settings["epochs"]), verbose=0, callbacks=[Waiting()])
    found = model.predict(test["ids"], batch_size=256, verbose=0)[:, 0] > 0.5
    turns.end(accuracy=float((found == test["labels"]).mean()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
