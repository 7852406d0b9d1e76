"""`python -m tests.benchmarks [NAME]`: each compares Parley with a peer on the same work in the same run."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = {
    "generation": "tokens a second of the engine, against Transformers' generate() with the same weights",
    "training": "tokens a second of a training, against Transformers' Trainer and Keras; they take turns",
    "first_text": "milliseconds from Send to the first text in a browser, for each starter",
    "upload": "megabytes a second of a 1 GB CSV, from the browser to its report, and the memory that it takes",
    "kills": "seconds until a training goes on after kill -9 of trainer and child, and what that does to its result",
    "stopped": "whether a trainer that stood still for two minutes (SIGSTOP) writes into what another has taken over",
    "retrieval": "how often BM25, dense vectors and both bring up the right passage of SQuAD's dev articles",
    "faq": "how often a list of questions knows a paraphrase, and how often it answers what it lacks",
    "queue": "milliseconds to the first text of the chat while a training runs and others wait, against without one",
    "glove_objective": "GloVe beside the simplified objective that is sometimes quoted for it: docs/theory/glove.md",
    "language_models": "word perplexity on the Penn Treebank of n-grams, LSTM and Transformer, beside published ones",
    "embeddings": "words a second and quality of word vectors, against gensim's word2vec on the same text",
    "sentences": "nats of the sentence autoencoder, against an LSTM and n-grams; ways between two",
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or not names:
        print("\n".join(f"{name:12} {purpose}" for name, purpose in BENCHMARKS.items()))
        return 2 if unknown else 0
    for name in names:
        import_module(f"tests.benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
