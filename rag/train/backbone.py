"""The encoder as the reader uses it: its tokenizer, its lower layers (frozen) and the start of the reader's upper ones.

Split at layer `k`: layers `0 … k-1` run on question and window separately, exactly as the retriever runs them.
"""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from rag.errors import TrainingError
from rag.reader.tokens import SpanTokenizer

TOKENS_AT_ONCE = 8192  # a batch of the lower half: large enough to fill the cores, small enough for their caches


@dataclass(frozen=True, slots=True)
class Backbone:
    """A BERT-shaped encoder (`transformers.BertModel` or XLM-R's) and its tokenizer."""

    model: Any
    tokenizer: SpanTokenizer
    sha256: str

    @property
    def width(self) -> int:
        """Of a hidden state."""
        return int(self.model.config.hidden_size)

    @property
    def layer_count(self) -> int:
        """Lower and upper layers together."""
        return int(self.model.config.num_hidden_layers)

    @torch.no_grad()
    def lower_states(self, ids: np.ndarray, split: int, precision: torch.dtype = torch.float32) -> np.ndarray:
        """Token ids (batch, length), all of one length -> the states above `split` layers, (batch, length, width)."""
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            states = self.model.embeddings(input_ids=torch.from_numpy(ids.astype(np.int64)).to(device))
            for layer in self.model.encoder.layer[:split]:
                states = layer(states)
                states = states[0] if isinstance(states, tuple) else states
        result: np.ndarray = states.float().cpu().numpy()
        return result


def load_backbone(path: Path, device: str = "cpu") -> Backbone:
    """The encoder of a sentence-transformers folder (`config.json`, `model.safetensors`, `tokenizer.json`)."""
    from transformers import AutoModel

    missing = [name for name in ("config.json", "model.safetensors", "tokenizer.json") if not (path / name).is_file()]
    if missing:
        raise TrainingError(
            f"{path}: no encoder there ({', '.join(missing)} missing); give a sentence-transformers folder"
        )
    model = AutoModel.from_pretrained(path, add_pooling_layer=False, dtype=torch.float32).eval().to(device)
    if not hasattr(model, "encoder") or not hasattr(model.encoder, "layer"):
        raise TrainingError(f"{path}: a {type(model).__name__}; expected an encoder shaped like BERT")
    tokenizer = SpanTokenizer(Tokenizer.from_file(str(path / "tokenizer.json")))
    return Backbone(model, tokenizer, _source_sha256(path / "model.safetensors"))


def prune_encoder(path: Path, used: Iterable[int], target: Path) -> None:
    """Write the encoder to `target` in float16 without the words that `used` does not name (their rows become 0).

    For training on another machine: it packs to a tenth, and keeps the hash of the encoder it was made from.
    """
    target.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.astype(np.float16) for name, value in load_file(path / "model.safetensors").items()}
    (name,) = (name for name in tensors if name.endswith("word_embeddings.weight"))
    rows = np.zeros_like(tensors[name])
    kept = sorted(set(used))
    rows[kept] = tensors[name][kept]
    source = {"source_sha256": _source_sha256(path / "model.safetensors")}
    save_file(tensors | {name: rows}, target / "model.safetensors", metadata={"format": "pt", **source})
    for file in ("config.json", "tokenizer.json"):
        shutil.copyfile(path / file, target / file)


def _source_sha256(weights: Path) -> str:
    """SHA-256 of a weights file, or of the one that it was pruned from."""
    with safe_open(weights, "np") as file:
        source = (file.metadata() or {}).get("source_sha256")
    if source:
        return str(source)
    with weights.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
