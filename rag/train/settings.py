"""Every setting of a training in one value, and how the learning rate moves with its progress."""

from dataclasses import asdict, dataclass

import torch

from rag.errors import TrainingError
from rag.reader.tokens import WindowSizes

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a reader is trained; the defaults are those of the shipped one.

    passes: times through the data. minutes: wall time of a whole run, its preparation included; the learning rate then
    follows the clock and ends at 0 when the time is up. Whichever of the two is reached first ends the training.
    """

    split: int = 4
    window: int = 320
    stride: int = 192
    passes: float | None = 3.0
    minutes: float | None = None
    learning_rate: float = 2e-4
    warmup: float = 0.05  # share of the training
    weight_decay: float = 0.01
    clip: float = 1.0  # norm of the gradient
    batch_tokens: int = 5120  # padding included: some 16 windows of 320
    dropout: float = 0.1  # share of the features of a sequence that each half of a layer goes without
    averaging: float = 0.998  # decay a step of the averaged weights that are kept in the end
    precision: str = "float32"
    seed: int = 2018
    start: str = ""  # SHA-256 of the weights it begins from; none, the encoder's own upper layers
    checkpoint_steps: int = 100
    sample_share: float = 0.2  # of the training between two looks at the development samples
    sample_questions: int = 60

    def __post_init__(self) -> None:
        if self.passes is None and self.minutes is None:
            raise TrainingError("neither passes nor minutes given: a training needs an end; give one of them")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision {self.precision!r}: expected one of {', '.join(PRECISIONS)}")

    @property
    def windows(self) -> WindowSizes:
        """How passages are cut."""
        return WindowSizes(self.window, self.stride)

    @property
    def dtype(self) -> torch.dtype:
        """What matrices are multiplied in; weights are float32 always."""
        return PRECISIONS[self.precision]

    def rate(self, progress: float) -> float:
        """The learning rate at `progress` 0..1: up in a line over the warm-up, then down in a line to 0."""
        if progress < self.warmup:
            return self.learning_rate * max(progress, 1e-3 * self.warmup) / self.warmup
        return self.learning_rate * max(0.0, 1.0 - progress) / (1.0 - self.warmup)

    def fingerprint(self) -> dict[str, str]:
        """What must agree between a checkpoint and the run that resumes it: everything but the end and the looks."""
        free = {"checkpoint_steps", "sample_share", "sample_questions"}
        return {name: repr(value) for name, value in asdict(self).items() if name not in free}
