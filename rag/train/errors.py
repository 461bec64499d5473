"""What can go wrong while training, each an `rag.errors.RagError`."""

from rag.errors import RagError


class TrainingDataError(RagError):
    """A training or development file that is not a question set, or holds nothing to train on."""


class TrainingError(RagError):
    """A training that cannot be begun or resumed with these settings."""
