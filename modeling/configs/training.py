"""How a training runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import check_ranges
from modeling.errors import ConfigError
from modeling.text import Preprocessing


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    epochs: float = 1.0
    """Passes over the training rows; `steps` goes before it."""
    steps: int | None = None
    """Updates of the weights in all."""
    batch_tokens: int = 6000
    """Most tokens in a batch, padding included."""
    accumulate: int = 1
    """Batches whose gradients make one update: a large batch in the memory of a small one. Several processes share
    them."""
    packing: bool = False
    """Whether a row of a batch holds several texts, one behind the other, instead of texts of like length beside each
    other: batches are mixed better, and measured here a seventh fewer tokens a second."""
    learning_rate: float = 1e-3
    """Highest rate."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises."""
    decay: float = 0.5
    """Share of the steps in which the rate falls to zero, at the end."""
    weight_decay: float = 0.01
    """Pull of matrices towards zero."""
    clip: float = 1.0
    """Largest norm of a gradient; 0 leaves it as it is."""
    optimizer: Literal["adamw", "muon", "nt-asgd"] = "adamw"
    """adamw, muon for the hidden matrices and adamw for the rest, or nt-asgd: plain steps at a high rate, whose weights
    are averaged from when the validation split gets no better."""
    label_smoothing: float = 0.0
    """Share of the probability spread over all tokens or labels."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether all labels count the same in the loss (balanced), however rare they are."""
    wanted_accuracy: float = 0.0
    """Share of the given answers that should be right: below the confidence that gives this on the validation split an
    answer is *not sure*; 0 leaves this out."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto, bf16 (with fp32 masters) or fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it computes: auto takes an NVIDIA GPU (cuda) where PyTorch sees one, else the processor."""
    compile: bool = False
    """Whether torch.compile makes one program of each layer: worth it on GPUs or for long trainings; needs a C++
    compiler."""
    evaluations: int = 10
    """How often the validation split is looked at."""
    patience: int = 0
    """Evaluations without a better one until the training stops, keeping the best weights; 0 goes on to the end."""
    checkpoint_seconds: float = 180.0
    """Longest time between checkpoints; the first ones follow each other sooner."""
    threads: int = 0
    """Threads of PyTorch; 0 leaves its choice."""
    validation: float = 0.05
    """Share of the rows for validation."""
    test: float = 0.05
    """Share of the rows for the frozen test split, where no test file is given."""
    tokenizer: Literal["bpe", "characters", "words"] = "bpe"
    """Kind of a tokenizer trained here: bpe, characters or words."""
    lowercase: bool = False
    """Whether that tokenizer folds case."""
    retokenise: bool = False
    """Whether a training that continues from an artifact gets a tokenizer of its own data; tokens in both keep their
    vectors."""
    vectors: str = ""
    """Word vectors that tokens which are words start from; the size of the table of tokens follows them."""
    freeze_vectors: bool = False
    """Whether the tokens that these vectors know keep them as they are; means nothing without vectors."""
    shares: tuple[float, ...] = ()
    """Share of the rows used for each direction in an epoch; empty takes all."""
    negatives: float = 0.1
    """Share of questions also shown with a passage that has no answer."""
    lora_rank: int = 0
    """Fine-tunes by pairs of matrices of this rank (LoRA), which takes less memory; 0 trains all weights."""
    lora_scale: float = 2.0
    """How much such a pair counts: LoRA's alpha over its rank."""
    beam: int = 4
    """Beams in the final evaluation."""
    preprocessing: Preprocessing = Preprocessing()
    """What is done to a text before the tokenizer; its settings are asked for one by one."""

    def __post_init__(self) -> None:
        check_ranges(
            self, shares=("warmup", "decay", "label_smoothing", "validation", "test", "negatives", "wanted_accuracy"),
            least={"weight_decay": 0, "clip": 0, "patience": 0, "checkpoint_seconds": 0, "threads": 0,
                   "lora_rank": 0},
            most={"beam": 8, "threads": 1024, "epochs": 10_000, "steps": 10**7, "batch_tokens": 10**6,
                  "accumulate": 10_000, "label_smoothing": 0.9, "evaluations": 10_000, "patience": 10_000,
                  "weight_decay": 10, "lora_rank": 1024, "lora_scale": 100},
        )
        if bad := [share for share in self.shares if not 0 <= share <= 1]:
            raise ConfigError(f"shares has {bad[0]}", allowed="shares from 0 to 1", field="shares")
        if self.shares and not any(self.shares):
            raise ConfigError("all shares are 0", allowed="at least one share above 0", field="shares")
