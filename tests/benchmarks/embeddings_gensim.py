"""gensim's word2vec, as a program of the peers' environment: `embeddings_gensim.py TEXT OUT SETTINGS`; prints JSON."""

from __future__ import annotations

import json
import sys
import time

import gensim
from gensim.models import Word2Vec


def main(text: str, out: str, settings: str) -> None:
    given = json.loads(settings)
    epochs = given.pop("epochs")
    model = Word2Vec(**given)
    model.build_vocab(corpus_file=text)
    start = time.monotonic()
    model.train(corpus_file=text, total_words=model.corpus_total_words, total_examples=model.corpus_count,
                epochs=epochs)  # fmt: skip
    seconds = time.monotonic() - start
    if out:
        model.wv.save_word2vec_format(out, binary=True)
    print(json.dumps({"words_per_second": model.corpus_total_words * epochs / seconds, "words": len(model.wv),
                      "version": gensim.__version__}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
