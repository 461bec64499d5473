"""The reader's upper half: what is trained and shipped.

Question and window come as the encoder's states above the split layer, one after the other in one sequence; between
them, where the window stands under one, its heading. One learned vector marks the question and another what is read,
the upper layers read all of it together, and every pair of tokens of the window gets a score:

    score(i, j) = (start_i - start_0) + (end_j - end_0) + <a_i, b_j> / sqrt(PAIR_WIDTH)

where 0 is the first token read, the `<s>` of the heading or else of the window. It stands for "no answer", whose score
is thus 0, and a span's score is its log-odds against no answer: comparable between windows, passages and questions.
Training normalises over all spans of a window at once (the joint objective of Fajcik et al. 2021, arXiv:2008.12804)
beside the usual losses of start and end.
Below the token, two small heads say how many characters of the first and last token do not belong to the answer.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.reader.weights import CUT_CHOICES, PAIR_WIDTH, SPAN_LIMIT, ReaderShape
from rag.train.backbone import Backbone

QUESTION, PASSAGE, PADDING = 0, 1, 2  # segments of a sequence
INITIAL_SCALE = 0.02  # standard deviation of new weights, BERT's own


class UpperLayer(nn.Module):
    """One post-norm transformer layer, BERT's (Devlin et al. 2019), with query, key and value in one matrix."""

    def __init__(self, shape: ReaderShape):
        super().__init__()
        width, self.heads = shape.width, shape.heads
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=shape.norm_epsilon)
        self.expand = nn.Linear(width, shape.feed_forward)
        self.contract = nn.Linear(shape.feed_forward, width)
        self.output_norm = nn.LayerNorm(width, eps=shape.norm_epsilon)

    def forward(self, states: Tensor, allowed: Tensor | None, kept: Tensor | None = None) -> Tensor:
        """States (batch, length, width); `allowed` is an additive float mask (batch, 1, 1, length) over keys.

        `kept` (2, batch, 1, width) multiplies what attention and feed-forward add to the states; see `dropout_masks`.
        """
        after_attention, after_feed_forward = (1.0, 1.0) if kept is None else kept
        batch, length, width = states.shape
        parts = self.attention_in(states).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(query, key, value, allowed).transpose(1, 2).reshape(batch, length, width)
        states = self.attention_norm(states + self.attention_out(mixed) * after_attention)
        added = self.contract(functional.gelu(self.expand(states))) * after_feed_forward
        result: Tensor = self.output_norm(states + added)
        return result

    def copy_from(self, layer: Any) -> None:
        """Start from a `transformers` BERT layer."""
        own = layer.attention.self
        with torch.no_grad():
            for name in ("weight", "bias"):
                joined = torch.cat([getattr(part, name) for part in (own.query, own.key, own.value)])
                getattr(self.attention_in, name).copy_(joined)
        self.attention_out.load_state_dict(layer.attention.output.dense.state_dict())
        self.attention_norm.load_state_dict(layer.attention.output.LayerNorm.state_dict())
        self.expand.load_state_dict(layer.intermediate.dense.state_dict())
        self.contract.load_state_dict(layer.output.dense.state_dict())
        self.output_norm.load_state_dict(layer.output.LayerNorm.state_dict())


def attend(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None) -> Tensor:
    """Attention; on a CPU in float32 even when the rest is bfloat16, whose backward pass is 1.4 times slower."""
    if query.dtype == torch.bfloat16 and query.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            allowed = None if allowed is None else allowed.float()
            mixed = functional.scaled_dot_product_attention(
                query.float(), key.float(), value.float(), attn_mask=allowed
            )
        return mixed.to(query.dtype)
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)


@dataclass(frozen=True, slots=True, eq=False)
class ReaderOutput:
    """Scores of one batch of sequences, float32; higher is better, 0 is "no answer" at the first passage token.

    start, end: (batch, length) over all tokens, relative to no answer. left, right: (batch, length, PAIR_WIDTH).
    start_cut, end_cut: (batch, length, CUT_CHOICES) logits of the characters cut from a boundary token.
    """

    start: Tensor
    end: Tensor
    left: Tensor
    right: Tensor
    start_cut: Tensor
    end_cut: Tensor

    def span_scores(self) -> Tensor:
        """(batch, length, length): the score of the span from token i to token j, both included."""
        pairs = self.left @ self.right.transpose(1, 2) / math.sqrt(PAIR_WIDTH)
        return self.start[:, :, None] + self.end[:, None, :] + pairs


class ReaderModel(nn.Module):
    """The trained half of the reader."""

    def __init__(self, shape: ReaderShape):
        super().__init__()
        self.shape = shape
        self.marks = nn.Embedding(2, shape.width)
        self.layers = nn.ModuleList(UpperLayer(shape) for _ in range(shape.layers))
        self.boundary = nn.Linear(shape.width, 2)
        self.pair = nn.Linear(shape.width, 2 * PAIR_WIDTH)
        self.cut = nn.Linear(shape.width, 2 * CUT_CHOICES)
        for module in (self.marks, self.boundary, self.pair, self.cut):
            nn.init.normal_(module.weight, std=INITIAL_SCALE)
        for linear in (self.boundary, self.pair, self.cut):
            nn.init.zeros_(linear.bias)

    @classmethod
    def from_backbone(cls, backbone: Backbone, split: int) -> "ReaderModel":
        """A reader whose upper layers begin as the encoder's own."""
        config = backbone.model.config
        shape = ReaderShape(
            split=split,
            layers=backbone.layer_count - split,
            width=backbone.width,
            heads=int(config.num_attention_heads),
            feed_forward=int(config.intermediate_size),
            norm_epsilon=float(config.layer_norm_eps),
        )
        model = cls(shape)
        for own, source in zip(model.layers, backbone.model.encoder.layer[split:], strict=True):
            cast(UpperLayer, own).copy_from(source)
        return model

    def forward(self, states: Tensor, segments: Tensor, kept: Tensor | None = None) -> ReaderOutput:
        """States (batch, length, width) and segments (batch, length): question, then heading and window, then padding.

        `kept`: `dropout_masks` while training.
        """
        padding = segments == PADDING
        allowed = None
        if bool(padding.any()):
            allowed = torch.zeros_like(padding, dtype=states.dtype).masked_fill(padding, -torch.inf)[:, None, None, :]
        hidden = states + self.marks(segments.clamp(max=PASSAGE)).to(states.dtype)
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, allowed, None if kept is None else kept[number])
        return self._heads(hidden, (segments == PASSAGE).int().argmax(1))

    def read_pair(self, question: Tensor, passage: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One question (1, q, width) and one window with its heading (1, p, width), without padding, as when serving.

        Returns span scores (p, p) and the cuts (p, CUT_CHOICES) at start and end, over tokens of heading and window.
        """
        marks = self.marks.weight
        hidden = torch.cat([question + marks[QUESTION], passage + marks[PASSAGE]], dim=1)
        for layer in self.layers:
            hidden = layer(hidden, None)
        output = self._heads(hidden[:, question.shape[1] :], torch.zeros(1, dtype=torch.long))
        return output.span_scores()[0], output.start_cut[0], output.end_cut[0]

    def _heads(self, hidden: Tensor, null: Tensor) -> ReaderOutput:
        """`null` (batch) is where the passage begins; its scores are subtracted so that no answer scores 0."""
        rows = torch.arange(len(hidden), device=hidden.device)
        left, right = self.pair(hidden).float().chunk(2, dim=-1)
        start, end = self.boundary(hidden).float().unbind(-1)
        start_cut, end_cut = self.cut(hidden).float().chunk(2, dim=-1)
        start = start - start[rows, null][:, None]
        end = end - end[rows, null][:, None]
        return ReaderOutput(start, end, left, right, start_cut, end_cut)


def dropout_masks(shape: ReaderShape, batch: int, share: float, seed: int, step: int) -> Tensor | None:
    """Masks (layers, 2, batch, 1, width) of 0 and 1 / (1 - share), from (seed, step) alone; None for a share of 0.

    The same features of a whole sequence are dropped (Gal and Ghahramani 2016, arXiv:1512.05287): drawing a number for
    each token and feature would cost a CPU more than the layers themselves.
    """
    if share == 0.0:
        return None
    generator = torch.Generator().manual_seed((seed << 32) + step)
    drawn = torch.rand((shape.layers, 2, batch, 1, shape.width), generator=generator)
    return (drawn >= share).float() / (1.0 - share)


def valid_spans(content: Tensor) -> Tensor:
    """(batch, length) of tokens that may bound an answer -> (batch, length, length) of spans that may be one."""
    length = content.shape[1]
    places = torch.arange(length, device=content.device)
    distance = places[None, :] - places[:, None]
    within = (distance >= 0) & (distance < SPAN_LIMIT)
    return content[:, :, None] & content[:, None, :] & within


@dataclass(frozen=True, slots=True, eq=False)
class Gold:
    """Where the answers of a batch stand: int64 (batch) of token places and cuts; a negative start is no answer."""

    start: Tensor
    end: Tensor
    start_cut: Tensor
    end_cut: Tensor


def reader_loss(output: ReaderOutput, content: Tensor, gold: Gold) -> Tensor:
    """Mean over the batch of: joint span loss + start loss + end loss + (answers only) the losses of both cuts.

    Each is a cross-entropy in nats. "No answer" is one more class, of logit 0, in the first three.
    """
    batch, length = content.shape
    answered = gold.start >= 0
    start, end = gold.start.clamp(min=0), gold.end.clamp(min=0)
    spans = output.span_scores().masked_fill(~valid_spans(content), -torch.inf).view(batch, -1)
    joint = _with_null(spans, torch.where(answered, start * length + end, length * length))
    begins = _with_null(output.start.masked_fill(~content, -torch.inf), torch.where(answered, start, length))
    finishes = _with_null(output.end.masked_fill(~content, -torch.inf), torch.where(answered, end, length))
    rows = torch.arange(batch, device=content.device)
    cuts = functional.cross_entropy(output.start_cut[rows, start], gold.start_cut, reduction="none")
    cuts = cuts + functional.cross_entropy(output.end_cut[rows, end], gold.end_cut, reduction="none")
    return (joint + begins + finishes + cuts * answered).mean()


def _with_null(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy (batch) with one class of logit 0 appended."""
    return functional.cross_entropy(functional.pad(logits, (0, 1)), target, reduction="none")
