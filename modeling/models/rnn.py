"""A recurrent encoder-decoder that learns to align while it translates (Bahdanau et al. 2015).

Bidirectional encoder (3.2 there), additive attention (A.1.2). The decoder's state asks the attention, as in Luong et
al. 2015; with input feeding (3.3 there) the next step reads what this one attended to, as Bahdanau's decoder does.
Cells: GRU (Cho et al. 2014) or LSTM (Hochreiter & Schmidhuber 1997).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from modeling.configs.rnn import PointerConfig, RecurrentSizes, RNNConfig
from modeling.models.copying import mixed, surprises
from modeling.models.dropout import Dropout
from modeling.models.layers import padding_mask

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU}
Memory = dict[str, Tensor]
"""What a step reads and changes, rows first. "source..." stays as it is: "source" (B, S, 2H), "source_keys" (B, S, A),
"source_mask" (B, S), "source_ids" (B, S). State: "h0" and of an LSTM "c0" of each layer (B, H), "fed" (B, 1, E): what
was attended to before, "seen" (B, S): the coverage."""


class AdditiveAttention(nn.Module):
    """Scores v tanh(W query + U key), with the coverage of See et al. 2017, eq. 11, where it is wanted."""

    def __init__(self, width: int, *, coverage: bool) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(2 * width, width)
        self.score = nn.Linear(width, 1, bias=False)
        self.coverage = nn.Linear(1, width, bias=False) if coverage else None

    def forward(self, states: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Of states (B, T, H) what they attend to (B, T, 2H), and the shares (B, T, S)."""
        energy = memory["source_keys"][:, None] + self.query(states)[:, :, None]  # (B, T, S, A)
        if self.coverage is not None:
            energy = energy + self.coverage(memory["seen"][:, None, :, None])
        scores = self.score(energy.tanh())[..., 0] + memory["source_mask"][:, None]  # (B, T, S)
        shares = scores.softmax(-1)
        return shares @ memory["source"], shares


class RecurrentEncoderDecoder(nn.Module):
    """What the translator and the summariser share; the kinds of `step` and `forward` are theirs."""

    feeding: bool
    covering: bool

    def __init__(self, config: RecurrentSizes) -> None:
        super().__init__()
        self.config, hidden, size = config, config.hidden, config.embedding
        kind, fed = CELLS[config.cell], size if self.feeding else 0
        self.embedding = nn.Embedding(config.vocabulary_size, size)
        own = config.source_vocabulary_size
        self.source_embedding = nn.Embedding(own, size) if own else None
        self.encoder = nn.ModuleList(
            kind(size if layer == 0 else 2 * hidden, hidden, batch_first=True, bidirectional=True)
            for layer in range(config.layers))
        self.bridge = nn.Linear(2 * hidden, config.layers * config.states * hidden)
        self.decoder = nn.ModuleList(kind(size + fed if layer == 0 else hidden, hidden, batch_first=True)
                                     for layer in range(config.layers))
        self.attention = AdditiveAttention(hidden, coverage=self.covering)
        self.readout = nn.Linear(3 * hidden, size)
        self.head = None if config.tied else nn.Linear(size, config.vocabulary_size, bias=False)
        self.dropout = Dropout(config.dropout)
        for table in (self.embedding, self.source_embedding):
            if table is not None:
                nn.init.normal_(table.weight, std=size**-0.5)

    @property
    def output_weight(self) -> Tensor:
        """(V, E)"""
        return self.embedding.weight if self.head is None else self.head.weight

    def begin(self, ids: Tensor, lengths: Tensor) -> Memory:
        """Read the sources (B, S)."""
        x = self.dropout((self.source_embedding or self.embedding)(ids))  # (B, S, E)
        for layer in self.encoder:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, last = layer(packed)
            x, _ = pad_packed_sequence(states, batch_first=True, total_length=ids.shape[1])  # (B, S, 2H)
            x = self.dropout(x)
        final = last[0] if self.config.cell == "lstm" else last  # (2, B, H)
        begun = self.bridge(final.transpose(0, 1).flatten(1)).tanh().chunk(self.config.layers * self.config.states, -1)
        names = [f"{part}{layer}" for layer in range(self.config.layers) for part in "hc"[: self.config.states]]
        memory = {"source": x, "source_keys": self.attention.key(x), "source_ids": ids,
                  "source_mask": padding_mask(lengths, ids.shape[1], x)[:, 0, 0]}
        memory |= dict(zip(names, begun, strict=True))
        if self.feeding:
            memory["fed"] = x.new_zeros(len(ids), 1, self.config.embedding)
        if self.covering:
            memory["seen"] = x.new_zeros(ids.shape)
        return memory

    def read(self, x: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor, Memory]:
        """Embedded tokens x (B, T, E) to readouts (B, T, E), what was attended to and the state (B, T, 3H), the shares
        (B, T, S), and the memory after them. With feeding or coverage T is 1."""
        memory, lstm = memory.copy(), self.config.cell == "lstm"
        if self.feeding:
            x = torch.cat((x, memory["fed"]), -1)
        for number, layer in enumerate(self.decoder):
            names = [f"{part}{number}" for part in "hc"[: self.config.states]]
            past = tuple(memory[name][None].contiguous() for name in names)
            x, after = layer(x, past if lstm else past[0])
            memory |= {name: state[0] for name, state in zip(names, after if lstm else (after,), strict=True)}
        context, shares = self.attention(x, memory)
        both = torch.cat((x, context), -1)  # (B, T, 3H)
        readout = self.readout(self.dropout(both)).tanh()
        if self.feeding:
            memory["fed"] = readout
        if self.covering:
            memory["seen"] = memory["seen"] + shares[:, 0]
        return readout, both, shares, memory

    def logits(self, readouts: Tensor) -> Tensor:
        return F.linear(self.dropout(readouts), self.output_weight)


class RNNTranslator(RecurrentEncoderDecoder):
    """Source ids (B, S) with lengths (B) and target ids (B, T) to logits (B, T, V)."""

    covering = False
    copies = False

    def __init__(self, config: RNNConfig) -> None:
        self.feeding = config.input_feeding
        super().__init__(config)

    def states(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        """The states (B, T, E) from which the head predicts."""
        memory, x = self.begin(source_ids, lengths), self.dropout(self.embedding(target_ids))
        if not self.feeding:
            return self.dropout(self.read(x, memory)[0])
        found = []
        for token in x.split(1, dim=1):
            readout, _, _, memory = self.read(token, memory)
            found.append(readout)
        return self.dropout(torch.cat(found, 1))

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        return F.linear(self.states(source_ids, lengths, target_ids), self.output_weight)

    def step(self, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The newest tokens (B, 1) to log probabilities (B, V) of the next."""
        readout, _, _, memory = self.read(self.embedding(ids), memory)
        return self.logits(readout)[:, 0].float().log_softmax(-1), memory


class PointerNetwork(RecurrentEncoderDecoder):
    """A summariser with attention that writes or copies, and keeps in mind what it said (See et al. 2017).

    Text ids (B, S) with lengths (B) and summary ids (B, T) to log probabilities (B, T, V).
    """

    feeding = True
    copies = True

    def __init__(self, config: PointerConfig) -> None:
        self.covering = config.coverage
        super().__init__(config)
        self.writing = nn.Linear(3 * config.hidden + config.embedding, 1)

    def walked(self, ids: Tensor, lengths: Tensor, target_ids: Tensor
               ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (B, T, V), the chance to write (B, T, 1), shares (B, T, S) and the coverage before each (B, T, S)."""
        memory, x = self.begin(ids, lengths), self.dropout(self.embedding(target_ids))
        steps = []
        for token in x.split(1, dim=1):
            before = memory["seen"] if self.covering else token.new_zeros(ids.shape)
            readout, both, shares, memory = self.read(token, memory)
            steps.append((readout, self._chance(both, token), shares, before[:, None]))
        readouts, writing, shares, seen = (torch.cat(part, 1) for part in zip(*steps, strict=True))
        return self.logits(readouts), writing, shares, seen

    def _chance(self, both: Tensor, x: Tensor) -> Tensor:
        """Of writing a word, not copying one (B, 1, 1)."""
        return self.writing(torch.cat((both, x), -1)).sigmoid()

    def surprises(self, ids: Tensor, lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Minus the log probability of each token after the first (B, T - 1), and what is attended to twice (eq.
        12)."""
        logits, writing, shares, seen = self.walked(ids, lengths, target[:, :-1])
        return surprises(logits, writing, shares, ids, target[:, 1:]), torch.minimum(shares, seen).sum(-1)

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        logits, writing, shares, _ = self.walked(source_ids, lengths, target_ids)
        return mixed(logits, writing, shares, source_ids)

    def step(self, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The newest tokens (B, 1) to log probabilities (B, V) of the next."""
        x = self.embedding(ids)
        readout, both, shares, memory = self.read(x, memory)
        return mixed(self.logits(readout), self._chance(both, x), shares, memory["source_ids"])[:, 0], memory
