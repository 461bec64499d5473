"""The reader's weights file: safetensors, float16, with everything a loader must know in its header.

It holds the trained upper half alone; the lower half is the encoder's, not shipped twice. The header has one key,
`yinju`: JSON with the shape below, what the weights were trained for, and the SHA-256 of the tensors.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rag.errors import ReaderError

FORMAT = "yinju-span-reader-1"
PAIR_WIDTH = 64
CUT_CHOICES = 4  # 0 to 3 characters cut from a boundary token: 99.9 % of CMRC's and DRCD's answers
SPAN_LIMIT = 80  # tokens of the longest answer; 99 % of CMRC's have 72 or fewer


@dataclass(frozen=True, slots=True)
class ReaderShape:
    """The sizes of a reader: `layers` upper layers that take the states above `split` lower ones."""

    split: int
    layers: int
    width: int = 384
    heads: int = 12
    feed_forward: int = 1536
    norm_epsilon: float = 1e-12

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the weights file with its shape; matrices are (outputs, inputs)."""
        width, feed_forward = self.width, self.feed_forward
        parts: dict[str, tuple[int, ...]] = {"marks.weight": (2, width)}
        heads = {"boundary": 2, "pair": 2 * PAIR_WIDTH, "cut": 2 * CUT_CHOICES}
        linear = {name: (count, width) for name, count in heads.items()}
        norms = []
        for number in range(self.layers):
            layer = f"layers.{number}"
            linear[f"{layer}.attention_in"] = (3 * width, width)
            linear[f"{layer}.attention_out"] = (width, width)
            linear[f"{layer}.expand"] = (feed_forward, width)
            linear[f"{layer}.contract"] = (width, feed_forward)
            norms += [f"{layer}.attention_norm", f"{layer}.output_norm"]
        for name, shape in linear.items():
            parts |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        for name in norms:
            parts |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
        return parts


@dataclass(frozen=True, slots=True, eq=False)
class ReaderWeights:
    """Tensors by name, their shape, the windows they were trained with, and the SHA-256 of the encoder below them."""

    shape: ReaderShape
    tensors: Mapping[str, np.ndarray]
    encoder_sha256: str
    window: int = 320
    stride: int = 192

    @property
    def sha256(self) -> str:
        """Of the tensors as they are stored (float16), in order of name."""
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.tensors[name], np.float16).tobytes())
        return digest.hexdigest()


def save_weights(weights: ReaderWeights, path: Path) -> None:
    """Write the file. One header key only: safetensors orders several at random, and a rerun should equal this one."""
    stored = {name: np.ascontiguousarray(value, np.float16) for name, value in weights.tensors.items()}
    header = {
        "format": FORMAT,
        "shape": asdict(weights.shape),
        "encoder_sha256": weights.encoder_sha256,
        "window": weights.window,
        "stride": weights.stride,
        "sha256": weights.sha256,
    }
    save_file(stored, path, metadata={"yinju": json.dumps(header, sort_keys=True)})


def load_weights(path: Path) -> ReaderWeights:
    """Read and check the file; tensors come as float32. Raises `ReaderError` when anything is not as it was."""
    header, stored = _read(path)
    if header.get("format") != FORMAT:
        raise ReaderError(f"{path}: format {header.get('format')!r}; expected {FORMAT!r}: train or export it anew")
    shape = ReaderShape(**header["shape"])
    weights = ReaderWeights(shape, stored, header["encoder_sha256"], header["window"], header["stride"])
    expected = shape.tensors()
    wrong = sorted(
        n for n in expected.keys() | stored.keys() if expected.get(n) != getattr(stored.get(n), "shape", None)
    )
    if wrong:
        raise ReaderError(f"{path}: tensors {', '.join(wrong[:5])} missing, unknown or of another shape")
    if weights.sha256 != header["sha256"]:
        raise ReaderError(
            f"{path}: damaged: SHA-256 of its tensors is {weights.sha256}, expected {header['sha256']}; install it anew"
        )
    widened = {name: value.astype(np.float32) for name, value in stored.items()}
    return ReaderWeights(shape, widened, weights.encoder_sha256, weights.window, weights.stride)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not path.is_file():
        raise ReaderError(f"{path}: no such weights file; expected one that `rag train` wrote")
    try:
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {})["yinju"])
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ReaderError(f"{path}: not a reader's weights file, or damaged ({error}); install it anew") from error
