"""From trained weights to the file that is shipped, and back."""

from pathlib import Path

import torch

from rag.reader.weights import ReaderWeights, load_weights, save_weights
from rag.train.model import ReaderModel
from rag.train.settings import Settings


def export_weights(model: ReaderModel, settings: Settings, encoder_sha256: str, path: Path) -> ReaderWeights:
    """Write the upper half, marks and heads in float16; what was written is read back and returned."""
    tensors = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_weights(ReaderWeights(model.shape, tensors, encoder_sha256, settings.window, settings.stride), partial)
    partial.replace(path)
    return load_weights(path)


def import_model(weights: ReaderWeights) -> ReaderModel:
    """The model of a weights file, for evaluation or further training."""
    model = ReaderModel(weights.shape)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.tensors.items()})
    return model.eval()
