"""TASKS: what Parley can do. A table: task -> the fields of a row, the models, the metrics. No logic here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Method:
    """One way to do it: a network, or a method that needs no training."""

    title: str  # what the field calls it
    about: str  # what it is good for


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of work."""

    title: str  # what people call it
    roles: Mapping[str, str]  # field of a row -> what stands in it; every row has them all
    optional: Mapping[str, str] = field(default_factory=dict)  # fields that a row can lack
    names: Mapping[str, tuple[str, ...]]  # role -> column names that are taken for it, best first, lower case
    needed: tuple[str, ...]  # roles that a column has to be found for; the others can be filled in
    asked: str  # the role of what a person writes into the chat
    models: Mapping[str, Method]  # from the classic to the current
    metrics: tuple[str, ...]  # what `evaluate` prints, the deciding one first


TASKS: dict[str, Task] = {
    "question-answering": Task(
        title="Question answering",
        roles={"id": "a name of the question", "title": "the document's title", "context": "the passage",
               "question": "the question", "answers": "list of {text, start}; empty where there is no answer"},
        names={"id": ("id", "qid"), "title": ("title",), "context": ("context", "passage", "paragraph"),
               "question": ("question", "query"), "answers": ("answers", "answer")},
        needed=("context", "question", "answers"), asked="question",
        models={
            "bert": Method("Fine-tuned BERT",
                           "finds the answer word for word in your documents; fine-tuned from a BERT, RoBERTa or "
                           "DistilBERT folder"),
            "dual": Method("Dual encoder", "finds the passage by its meaning, also in other words; fine-tuned from a "
                                           "BERT, RoBERTa or DistilBERT folder; readers search with it"),
            "qanet": Method("QANet", "convolutions and attention; learns to read from nothing but your rows; from some "
                                     "ten thousand questions on"),
            "transformer": Method("Transformer reader", "an encoder that learns to read from nothing but your rows; "
                                                        "quicker than QANet"),
        },
        metrics=("f1", "em", "recall_1"),
    ),
    "translation": Task(
        title="Translation",
        roles={"source": "the text", "target": "its translation", "source_language": "ISO code, such as en",
               "target_language": "ISO code, such as fr"},
        names={"source": ("source", "src", "source_text", "input"), "target": ("target", "tgt", "trg", "target_text",
               "translation", "output"), "source_language": ("source_language", "source_lang", "src_lang"),
               "target_language": ("target_language", "target_lang", "tgt_lang")},
        needed=("source", "target"), asked="source",
        models={
            "rnn": Method("RNN with attention", "the classic of 2015: bidirectional GRU or LSTM that learns to align; "
                                                "small, and content with few pairs"),
            "transformer": Method("Transformer", "encoder and decoder; several directions in one model; from some ten "
                                                 "thousand pairs on"),
        },
        metrics=("bleu", "chrf"),
    ),
    "summarisation": Task(
        title="Summarisation",
        roles={"text": "the long text"},
        optional={"summary": "a summary that people wrote; a model that writes learns from it, LexRank needs none"},
        names={"text": ("text", "document", "article", "dialogue", "body", "content", "abstract"),
               "summary": ("summary", "highlights", "subject", "title", "headline")},
        needed=("text",), asked="text",
        models={
            "lexrank": Method("LexRank", "picks the sentences that say most; English and Chinese; made in seconds on "
                                         "your word vectors, and there at once without them"),
            "pointer": Method("RNN with attention and copying",
                              "writes a summary of its own, and copies names and rare words; from some ten thousand "
                              "pairs on"),
            "transformer": Method("Transformer with copying", "writes a summary of its own, and copies names and rare "
                                                              "words; reads faster than the RNN"),
        },
        metrics=("rouge1", "rouge2", "rougeL"),
    ),
    "classification": Task(
        title="Classification",
        roles={"text": "the text", "label": "its class; `a|b` where a text can have several"},
        names={"text": ("text", "sentence", "review", "content", "message", "comment", "title", "headline", "body",
                        "description", "question"),
               "label": ("label", "class", "category", "cat", "sentiment", "target", "topic", "intent")},
        needed=("text", "label"), asked="text",
        models={
            "bag": Method("Bag of n-grams", "fastText's model: learns in seconds, hard to beat on few rows"),
            "cnn": Method("Convolutions", "TextCNN: finds the telling phrases wherever they stand; quick"),
            "lstm": Method("LSTM", "small and fast; two classes or many; good from a few thousand rows on"),
            "transformer": Method("Transformer encoder", "learns from scratch; from some ten thousand rows on"),
            "bert": Method("Fine-tuned BERT", "mostly the best, also on few rows; fine-tuned from a BERT, RoBERTa or "
                                              "DistilBERT folder"),
            "onnx": Method("ONNX graph", "a classifier that was trained elsewhere, in Keras or scikit-learn"),
        },
        metrics=("accuracy", "macro_f1", "f1"),
    ),
    "generation": Task(
        title="Text generation",
        roles={"text": "a text in the manner to be learnt"},
        optional={"instruction": "what is asked for; instead of a text", "input": "what it is asked about",
                  "response": "the answer to be learnt", "messages": "a conversation; instead of all others"},
        names={"text": ("text", "content", "paragraphs", "body", "poem", "document"), "input": ("input",),
               "instruction": ("instruction", "prompt"), "messages": ("messages", "conversations", "conversation"),
               "response": ("response", "output", "completion")},
        needed=("text",), asked="text",
        models={
            "ngram": Method("N-gram model",
                            "counts which words follow which; made in seconds, from a few texts on; the baseline that "
                            "the others have to pass"),
            "lstm": Method("Recurrent language model",
                           "LSTM or GRU with AWD-LSTM's regularisation; the better one for little text, and answers of "
                           "any length; from some ten thousand characters on"),
            "vae": Method("Sentence autoencoder",
                          "a variational autoencoder: a sentence as a point; writes new sentences, the way from one to "
                          "another, and one over again; from some ten thousand short sentences on"),
            "decoder": Method("Transformer decoder",
                              "writes on from your first words, in the manner of its texts; from about a million "
                              "characters on"),
            "causal": Method("Fine-tuned Llama, Qwen, Mistral or GPT-2",
                             "learns to answer, or to write, from few rows; fine-tuned from a model that you import"),
        },
        metrics=("loss", "perplexity"),
    ),
}
