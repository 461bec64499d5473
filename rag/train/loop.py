"""The training loop: resumable after a kill at any moment, with the same data order and the same result.

A checkpoint holds weights, averaged weights, the optimiser's state and the place in the data; it replaces the last one
in a single rename. What was logged after it is cut from the log on resuming. With a time budget the data order is still
the same, but how far the learning rate has come depends on the clock, so only trainings by passes repeat to the bit.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rag.errors import TrainingError
from rag.train.batches import Batch, batch_examples, collate, to_device
from rag.train.evaluation import precision_context
from rag.train.examples import Example, Item, SequencePool, pass_examples
from rag.train.model import ReaderModel, dropout_masks, reader_loss
from rag.train.settings import Settings
from rag.train.states import StateStore

logger = logging.getLogger(__name__)
LOG_STEPS = 25
Sampler = Callable[[ReaderModel], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Items to draw from, their sequences and the sequences' states."""

    items: list[Item]
    pool: SequencePool
    store: StateStore

    def fingerprint(self) -> str:
        """A hash of everything the examples are drawn from."""
        digest = hashlib.sha256()
        for sequence in self.pool.sequences:
            digest.update(np.asarray(sequence, np.int32).tobytes())
        digest.update(repr(self.items).encode())
        return digest.hexdigest()


class Trainer:
    """One training in one folder: `checkpoint.pt` and `log.jsonl`."""

    def __init__(self, model: ReaderModel, data: TrainingData, settings: Settings, folder: Path, seconds: float | None):
        """`seconds` is what remains of the time budget for training itself; None without one."""
        self.model, self.data, self.settings, self.folder = model, data, settings, folder
        self.device = next(model.parameters()).device
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}
        decayed = [p for p in model.parameters() if p.dim() > 1]
        others = [p for p in model.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
        self.seconds = seconds
        self.step, self.pass_number, self.place, self.elapsed, self.sampled = 0, 0, 0, 0.0, 0
        self._losses: list[float] = []  # since the last line of the log
        self._contents = data.pool.contents()
        self._fingerprint = {**settings.fingerprint(), "data": data.fingerprint()}
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()
        self._cut_log()

    @property
    def checkpoint(self) -> Path:
        """The one file a training is resumed from."""
        return self.folder / "checkpoint.pt"

    @property
    def log(self) -> Path:
        """JSON lines: losses (`train`) and development samples (`sample`)."""
        return self.folder / "log.jsonl"

    def progress(self, batches: int) -> float:
        """0..1: by passes or by the clock, whichever is further."""
        shares = [0.0]
        if self.settings.passes is not None:
            shares.append((self.pass_number + self.place / batches) / self.settings.passes)
        if self.seconds is not None:
            shares.append(self.elapsed / self.seconds)
        return min(1.0, max(shares))

    def run(self, sampler: Sampler | None = None, stop_after: int | None = None) -> dict[str, Tensor]:
        """Train to the end, or for `stop_after` steps, and return the averaged weights."""
        final = None if stop_after is None else self.step + stop_after
        tokens, last = 0, time.monotonic()
        since = last
        with tqdm(total=1000, desc="training", unit="‰", mininterval=5) as bar:
            for batch, progress in self._batches():
                self._losses.append(self._train_step(batch, progress))
                tokens += batch.token_count
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                bar.update(int(1000 * progress) - bar.n)
                if self.step % LOG_STEPS == 0:
                    bar.set_postfix(loss=f"{np.mean(self._losses):.3f}", speed=f"{tokens / (now - since):.0f} tok/s")
                    self._write_losses(progress, tokens / (now - since))
                    tokens, since = 0, now
                if sampler is not None and progress >= (self.sampled + 1) * self.settings.sample_share:
                    self._sample(sampler, progress)
                if self.step % self.settings.checkpoint_steps == 0:
                    self.save()
                if self.step == final:
                    break
            else:
                self._write_losses(1.0, tokens / max(last - since, 1e-9))
        self.save()
        return self.average

    def save(self) -> None:
        """Write the checkpoint beside the old one and switch to it at once."""
        content = {
            "fingerprint": self._fingerprint,
            "place": [self.step, self.pass_number, self.place, self.sampled],
            "losses": self._losses,
            "elapsed": self.elapsed,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(content, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> None:
        try:
            content = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except Exception as error:
            raise TrainingError(f"{self.checkpoint}: damaged ({error}); remove it to begin anew") from error
        theirs = content["fingerprint"]
        other = [name for name, value in self._fingerprint.items() if theirs.get(name) != value]
        if other:
            changes = "; ".join(f"{name} {theirs.get(name)}, now {self._fingerprint[name]}" for name in other)
            raise TrainingError(
                f"{self.checkpoint}: begun with {changes}: resume it with the same, or use another --out"
            )
        self.step, self.pass_number, self.place, self.sampled = content["place"]
        self.elapsed, self.seconds, self._losses = content["elapsed"], content["seconds"], content["losses"]
        self.model.load_state_dict(content["model"])
        self.average = content["average"]
        self.optimizer.load_state_dict(content["optimizer"])
        logger.info("resumed at step %d, pass %d, batch %d", self.step, self.pass_number, self.place)

    def _batches(self) -> Iterator[tuple[Batch, float]]:
        """Batches from the present place on, with the progress at which each is trained, until the training ends."""
        settings = self.settings
        while True:
            examples = pass_examples(self.data.items, self.data.pool, settings.seed, self.pass_number)
            groups: list[list[Example]] = batch_examples(
                examples, self.data.store, settings.batch_tokens, settings.seed, self.pass_number
            )
            if not groups:
                raise TrainingError("no example to train on: every share of the recipe is 0, or no answer fits a span")
            while self.place < len(groups):
                progress = self.progress(len(groups))
                if progress >= 1.0:
                    return
                group = groups[self.place]
                self.place += 1
                yield to_device(collate(group, self.data.store, self._contents), self.device), progress
            self.pass_number, self.place = self.pass_number + 1, 0

    def _train_step(self, batch: Batch, progress: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(progress)
        settings, rows = self.settings, len(batch.segments)
        kept = dropout_masks(self.model.shape, rows, settings.dropout, settings.seed, self.step)
        with precision_context(self.device, settings.dtype):
            states = batch.states.to(settings.dtype)
            output = self.model(states, batch.segments, None if kept is None else kept.to(states))
        loss = reader_loss(output, batch.content, batch.gold)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights towards the present ones; in the first steps, when they say little, faster."""
        decay = min(self.settings.averaging, (1 + self.step) / (10 + self.step))
        present = self.model.state_dict()
        torch._foreach_lerp_([self.average[name] for name in present], list(present.values()), 1 - decay)

    def _sample(self, sampler: Sampler, progress: float) -> None:
        """Judge the averaged weights on the development samples."""
        present = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        for result in sampler(self.model):
            self._write({"kind": "sample", "progress": progress, **result})
        self.model.load_state_dict(present)
        self.sampled = int(progress / self.settings.sample_share + 1e-9)

    def _write_losses(self, progress: float, speed: float) -> None:
        if self._losses:
            loss = float(np.mean(self._losses))
            self._write({"kind": "train", "progress": progress, "loss": loss, "rate": self.settings.rate(progress),
                         "tokens_per_second": round(speed)})  # fmt: skip
            self._losses = []

    def _write(self, entry: dict[str, Any]) -> None:
        line = {"step": self.step, "pass": self.pass_number, "seconds": round(self.elapsed, 1), **entry}
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _cut_log(self) -> None:
        """Drop lines written after the checkpoint, so that a resumed training does not say them twice."""
        if not self.log.exists():
            return
        lines = self.log.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self.step]
        self.log.write_text("".join(line + "\n" for line in kept if self.step), encoding="utf-8")
