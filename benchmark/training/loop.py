"""The training loop: deterministic batches, averaged weights, resumable check-points, any device.

Everything random in step i is drawn from (seed, i, chunk), never from a running state. A run that
was killed therefore continues as if nothing had happened, and a batch is the same however many
processes share it.
"""

import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.errors import ConfigError
from benchmark.progress import ShowProgress, show_nothing
from benchmark.training.clouds import CloudBatch, TrainingClouds
from benchmark.training.curve import write_loss_curve
from benchmark.training.log import LogRow, append_row, forget_rows_after, read_rows
from benchmark.training.options import Precision
from benchmark.training.precision import choose_precision
from benchmark.training.processes import Processes
from benchmark.training.recipe import Prepared, Recipe
from benchmark.training.replicas import Replicas
from benchmark.training.states import write_state


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of one training run.

    Attributes:
        steps: optimiser steps in all; None derives them from `minutes`.
        minutes: time budget; the steps that fit are measured at the start and then fixed.
        seed: of weights, batches, augmentation and noise.
        device: torch device.
        precision: of matrix products.
        validate_every, save_every, log_every: steps between two of each.
        save_seconds: most time between two check-points.
        clip: largest norm of the gradient.
    """

    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "auto"
    validate_every: int = 1000
    save_every: int = 500
    log_every: int = 50
    save_seconds: float = 60.0
    clip: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """How a training run ended.

    Attributes:
        steps: optimiser steps done.
        seconds: time spent, over all interrupted parts.
        loss: mean over the last logged steps.
        accuracy: what the last validation returned.
    """

    steps: int
    seconds: float
    loss: float
    accuracy: dict[str, float]


class Trainer:
    """Trains one recipe on one set of clouds, in a folder that holds all of its state."""

    CHUNK = 16
    _MEASURED_STEPS = 30

    def __init__(
        self,
        recipe: Recipe,
        clouds: TrainingClouds,
        options: TrainingOptions,
        folder: Path,
        *,
        validation: CloudBatch | None = None,
        report: Callable[[str], None] = print,
        show: ShowProgress = show_nothing,
    ) -> None:
        if recipe.batch_size % self.CHUNK:
            raise ConfigError(f"batch size {recipe.batch_size} is not a multiple of {self.CHUNK}")
        self.recipe, self.clouds, self.options = recipe, clouds, options
        self.folder, self.validation, self.report, self.show = folder, validation, report, show
        self._losses: deque[float] = deque(maxlen=options.log_every)
        self._saved = time.monotonic()
        self.processes = Processes.join(options.device)
        self.precision = choose_precision(options.precision, self.processes.device)
        recipe.network.to(self.processes.device)
        chunks = len(self.processes.share(recipe.batch_size // self.CHUNK))
        self.replicas = Replicas(recipe, chunks, self.processes.device, self.precision)
        self.optimiser = recipe.make_optimiser()
        self.average = {name: value.clone() for name, value in recipe.network.state_dict().items()}
        self.step, self.steps, self.seconds = 0, options.steps, 0.0
        self.accuracy: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if self._state_path.exists():
            self._restore()
        if self.processes.is_first:
            forget_rows_after(self._log_path, self.step)

    def run(self) -> TrainingOutcome:
        """Train to the end of the budget, from the last check-point if there is one."""
        started = time.monotonic() - self.seconds
        batches = self._batches(self.step)
        if self.steps is None:
            for prepared in itertools.islice(batches, self._MEASURED_STEPS):
                self._take_step(prepared, started)
            self._fix_steps((time.monotonic() - started) / self.step)
        with self.show("training", self.steps, "steps") as advance:
            advance(self.step)
            for prepared in batches:
                self._take_step(prepared, started)
                advance(1)
        self._save()
        logged = [row.loss for row in read_rows(self._log_path)]
        return TrainingOutcome(
            steps=self.step,
            seconds=self.seconds,
            loss=logged[-1] if logged else math.nan,
            accuracy=self.accuracy,
        )

    def load_average(self) -> None:
        """Put the averaged weights, which are what a run is for, into the network."""
        self.recipe.network.load_state_dict(self.average)

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.pt"

    @property
    def _log_path(self) -> Path:
        return self.folder / "log.csv"

    def _fix_steps(self, seconds_per_step: float) -> None:
        if self.options.minutes is None:
            raise ConfigError("training needs a budget: give --steps or --budget MINUTES")
        self.steps = max(self.step + 1, int(self.options.minutes * 60 / seconds_per_step))
        self.report(f"{self.steps} steps fit into {self.options.minutes:g} minutes")

    def _batches(self, first: int) -> Iterator[Prepared]:
        """Yield prepared batches, the next ones being made while the network computes."""
        with ThreadPoolExecutor(1) as loader:
            waiting = [loader.submit(self._load, first + ahead) for ahead in range(3)]
            while self.steps is None or self.step < self.steps:
                yield waiting.pop(0).result()
                waiting.append(loader.submit(self._load, self.step + 2))
            for future in waiting:
                future.cancel()

    def _load(self, step: int) -> Prepared:
        """Make this process's part of the batch of a step."""
        chunks = []
        for chunk in self.processes.share(self.recipe.batch_size // self.CHUNK):
            rng = np.random.default_rng([self.options.seed, step, chunk])
            rows = self.clouds.draw(self.CHUNK, self.recipe.real_share, rng)
            chunks.append(self.recipe.prepare(self.clouds.fetch(rows), rng))
        return {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}

    def _take_step(self, prepared: Prepared, started: float) -> None:
        """Take one optimiser step and keep the records of it."""
        loss, norm = self._update(prepared)
        self._losses.append(loss)
        self.seconds = time.monotonic() - started
        self._keep_records(sum(self._losses) / len(self._losses), norm)

    def _update(self, prepared: Prepared) -> tuple[float, float]:
        """Change the weights; return the loss and the norm of its gradient."""
        device = self.processes.device
        rate = self.recipe.get_learning_rate(self.step, self.steps or 10**9)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        prepared = {name: value.to(device, non_blocking=True) for name, value in prepared.items()}
        loss = self.replicas.compute_gradients(prepared)
        parameters = list(self.recipe.network.parameters())
        self.processes.average_gradients(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, self.options.clip)
        self.optimiser.step()
        self.step += 1
        update_average(self.average, self.recipe.network, self.recipe.average_decay, self.step)
        return self.processes.average(loss), float(norm)

    def _keep_records(self, loss: float, norm: float) -> None:
        options, last = self.options, self.step == self.steps
        if not math.isfinite(loss):
            raise ConfigError(f"training diverged at step {self.step}: the loss is not finite")
        if self.step % options.log_every == 0 or last:
            self._log(loss, norm)
        if self.validation is not None and (self.step % options.validate_every == 0 or last):
            self._validate(self.validation, loss)
        waited = time.monotonic() - self._saved >= options.save_seconds
        if self.step % options.save_every == 0 or waited:
            self._save()

    def _log(self, loss: float, norm: float) -> None:
        if not self.processes.is_first:
            return
        row = LogRow(
            step=self.step,
            seconds=round(self.seconds, 1),
            loss=loss,
            learning_rate=self.optimiser.param_groups[0]["lr"],
            gradient_norm=norm,
            clouds_per_s=round(self.step * self.recipe.batch_size / self.seconds, 1),
        )
        append_row(self._log_path, row)

    def _validate(self, clouds: CloudBatch, loss: float) -> None:
        network = self.recipe.network
        trained = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average)
        network.eval()
        self.accuracy = self.recipe.validate(clouds)
        network.train()
        network.load_state_dict(trained)
        shown = ", ".join(f"{name} {value:.3g}" for name, value in self.accuracy.items())
        self.report(f"step {self.step}: loss {loss:.4f}; validation {shown}")

    def _save(self) -> None:
        """Write a check-point; only between two steps, when all of the state is of one step."""
        self._saved = time.monotonic()
        if not self.processes.is_first:
            return
        write_loss_curve(self._log_path, self.folder / "loss.svg")
        state = {
            "network": self.recipe.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "losses": list(self._losses),
            "seed": self.options.seed,
            "fingerprints": self.clouds.fingerprints,
            "accuracy": self.accuracy,
        }
        write_state(self._state_path, state)

    def _restore(self) -> None:
        state = torch.load(self._state_path, map_location=self.processes.device, weights_only=True)
        for name, expected in (
            ("seed", self.options.seed),
            ("fingerprints", self.clouds.fingerprints),
        ):
            if state[name] != expected:
                raise ConfigError(
                    f"{self._state_path}: was trained with another {name}: "
                    "give another --out, or the same options to continue"
                )
        self.recipe.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.steps = self.options.steps or state["steps"]
        self.accuracy = state["accuracy"]
        self._losses.extend(state.get("losses", ()))
        self.report(f"continuing at step {self.step} after {self.seconds:.0f} s")


def update_average(average: dict[str, Tensor], network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's, faster in the first steps."""
    decay = min(decay, (1 + step) / (10 + step))
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)
