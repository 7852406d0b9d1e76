"""QANet (Yu et al. 2018): a reader of convolutions and attention, without recurrence.

As in the paper: blocks of separable convolutions, attention and feed-forward (2.2, "embedding encoder"), attention
between passage and question (from BiDAF, Seo et al. 2017, with DCN's other direction), a stack of blocks that is
passed three times with the same weights, the start from the first and second pass, the end from the first and third.
Unlike it: both texts lie in one sequence, so that all readers have the same inputs, and the first blocks see only
their own; subwords instead of a convolution over characters and a highway; rotary positions, RMSNorm and SwiGLU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs.reading import QANetConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import Block, RMSNorm, initialise, padding_mask, rotary_tables
from modeling.models.transformer_reader import THETA, ReaderEmbeddings

Tables = tuple[Tensor, Tensor]
FAR = -1e4
"""What is added to a score that shall not count."""


class SeparableConvolution(nn.Module):
    """A convolution of each channel over neighbours, then a matrix over the channels (Chollet 2017)."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.pointwise = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x.transpose(1, 2)).transpose(1, 2)))  # (B, T, D)


class EncoderBlock(nn.Module):
    """Convolutions, attention and feed-forward, each added to x (B, T, D); `real` (B, T, 1) is 0 at padding."""

    def __init__(self, config: QANetConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(RMSNorm(config.width) for _ in range(config.convolutions))
        self.convolutions = nn.ModuleList(
            SeparableConvolution(config.width, config.kernel) for _ in range(config.convolutions)
        )
        self.rest = Block(config.width, config.heads, config.heads, config.hidden, config.dropout)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, real: Tensor, tables: Tables, mask: Tensor) -> Tensor:
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = x + self.dropout(convolution(norm(x) * real))
        return self.rest(x, tables, mask)


class ContextQueryAttention(nn.Module):
    """What the question says to each token (BiDAF 2, 4; QANet 2.2): x (B, T, D) to (B, T, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row = nn.Linear(width, 1, bias=False)
        self.column = nn.Linear(width, 1, bias=False)
        self.both = nn.Parameter(torch.ones(width))
        self.mix = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, asked: Tensor, told: Tensor) -> Tensor:
        """`asked` and `told` (B, T) are 0 in question and passage, and FAR elsewhere."""
        scores = self.row(x) + self.column(x).transpose(1, 2) + (x * self.both) @ x.transpose(1, 2)  # (B, T, T)
        to_question = (scores + asked[:, None, :]).softmax(-1)  # (B, T, T)
        from_passage = (scores + told[:, :, None]).softmax(1)  # (B, T, T)
        question = to_question @ x  # (B, T, D)
        passage = to_question @ (from_passage.transpose(1, 2) @ x)  # (B, T, D)
        return self.mix(torch.cat((x, question, x * question, x * passage), -1))


class QANet(nn.Module):
    """`mark question mark passage mark` (B, T) to the logits of starts and ends, each (B, T)."""

    def __init__(self, config: QANetConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = ReaderEmbeddings(config)
        self.encoder = EncoderBlock(config)
        self.attention = ContextQueryAttention(config.width)
        self.blocks = nn.ModuleList(EncoderBlock(config) for _ in range(config.blocks))
        self.norm = RMSNorm(config.width)
        self.start = nn.Linear(2 * config.width, 1)
        self.end = nn.Linear(2 * config.width, 1)
        initialise(self, 3 * config.blocks)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv1d):  # at first each token sees itself
                    module.weight[:, 0, config.kernel // 2] += 1

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embeddings(ids, types)  # (B, T, D)
        tables = rotary_tables(ids.shape[1], self.config.width // self.config.heads, THETA)
        mask = padding_mask(lengths, ids.shape[1], x)  # (B, 1, 1, T)
        padding = mask[:, 0, 0]  # (B, T)
        other = (types[:, :, None] != types[:, None, :]).to(x.dtype)[:, None] * FAR  # (B, 1, T, T)
        real = (padding == 0).to(x.dtype)[..., None]  # (B, T, 1)
        x = self.encoder(x, real, tables, mask + other)
        passage = types.to(x.dtype)
        x = self.attention(x, padding + passage * FAR, (1 - passage) * FAR)
        passes = []
        for _ in range(3):
            for block in self.blocks:
                x = block(x, real, tables, mask)
            passes.append(self.norm(x))
        first, second, third = passes
        start, end = self.start(torch.cat((first, second), -1)), self.end(torch.cat((first, third), -1))
        return start.squeeze(-1), end.squeeze(-1)
