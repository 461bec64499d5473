"""Any other encoder: a sentence-transformers model by name or path, with its own prompts."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.errors import EncoderError
from rag.types import EncodedQuestion


class SentenceTransformerEncoder:
    """A sentence-transformers model that is on this machine already; nothing is downloaded or unpickled."""

    def __init__(self, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(
                name, device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except Exception as error:  # whatever the libraries underneath raise at a name or folder that is no model
            raise EncoderError(
                f"the encoder {name!r} is no sentence-transformers model on this machine: expected a folder that holds "
                f"one, or the name of one in the local model cache, since nothing is downloaded; fetch it beforehand, "
                f"or leave the encoder out to use the default, multilingual-e5-small ({error})"
            ) from error
        self.name = name
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.fingerprint = self._hash_weights()

    def encode_question(self, text: str) -> EncodedQuestion:
        """A question, with the model's prompt for queries; without states, which the trained reader cannot use."""
        (vector,) = self._unit([self._model.encode_query(text, convert_to_numpy=True)])
        return EncodedQuestion(text, vector, None)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of passages, shape `(len(texts), dimension)`, with the model's prompt for documents."""
        return self._unit([self._model.encode_document(text, convert_to_numpy=True) for text in texts])

    def _unit(self, rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One text at a time, so that a vector depends on its text alone; see `onnx`."""
        if not rows:
            return np.empty((0, self.dimension), np.float32)
        vectors = np.stack(rows).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def _hash_weights(self) -> str:
        """SHA-256 over the model's weights by name, so that another version under the same name is told apart."""
        import torch

        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()
