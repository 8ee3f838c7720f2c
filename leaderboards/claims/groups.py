"""Runs over the same frames, labels and detections: what a claim is tested on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.evaluation.protocols import Options, get_protocol
from leaderboards.analysis.metrics import resample_metrics
from leaderboards.analysis.resampling import ROUNDS, Estimate, Resampling, plan_resampling
from leaderboards.claims.model import MissingEvidenceError
from leaderboards.runs import Run

GENERATIVE = "genpose"
PROTOCOL = "genpose"
"""The paper's own protocol."""

_COMPARED = "-short"
"""Part of the names of the weights that share the comparison budget."""

_RUN = "genbench run SHARDS"


@dataclass(frozen=True, kw_only=True, eq=False)
class DataGroup:
    """Runs that answer the same question.

    Attributes:
        name: of the data.
        runs: at least one.
        rounds, seed: of the bootstrap.
    """

    name: str
    runs: tuple[Run, ...]
    rounds: int = ROUNDS
    seed: int = 0

    @cached_property
    def resampling(self) -> Resampling:
        """The draws of frames or scenes, the same for all runs and claims."""
        return plan_resampling(self.runs[0].predictions, None, self.rounds, self.seed)

    def precision(self, run: Run, **options: object) -> np.ndarray:
        """Return AP (7, 1 + rounds, 4) of a run under the paper's protocol; see `Options`."""
        chosen = Options(seed=self.seed, **options)  # type: ignore[arg-type]
        return resample_metrics(run, PROTOCOL, chosen, self.resampling)

    def estimate(
        self, samples: np.ndarray, bounds: tuple[float, float] = (-np.inf, np.inf)
    ) -> Estimate:
        """Turn values (1 + rounds,) into a number with its interval."""
        return self.resampling.estimate(samples, bounds)

    def find_generative(self, hypotheses: int = 1) -> Run:
        """Return the run of the generative model with all categories and most hypotheses.

        Of equal ones, that with the full training budget.

        Raises:
            MissingEvidenceError: there is none with so many hypotheses and with energies.
        """
        fitting = [
            run
            for run in self.runs
            if _is_plain(run, GENERATIVE) and (run.hypotheses or 0) >= hypotheses
        ]
        if not fitting:
            raise MissingEvidenceError(
                f"no run of {GENERATIVE} with {hypotheses} or more hypotheses",
                f"{_RUN} --hypotheses {hypotheses}",
            )
        return max(fitting, key=lambda run: (run.hypotheses or 0, _COMPARED not in run.weights))

    def find_compared(self) -> Run:
        """Return the run of the generative model with the budget of its comparisons.

        Raises:
            MissingEvidenceError: there is none.
        """
        return self.find(
            lambda run: _is_plain(run, GENERATIVE) and _COMPARED in run.weights,
            f"no run of {GENERATIVE} with the weights of the comparison budget",
            f"{_RUN} --weights compact-short",
        )

    def find(self, fits: Callable[[Run], bool], reason: str, command: str) -> Run:
        """Return the first run that fits.

        Raises:
            MissingEvidenceError: none does; with this reason and command.
        """
        for run in self.runs:
            if fits(run):
                return run
        raise MissingEvidenceError(reason, command)


def _is_plain(run: Run, estimator: str) -> bool:
    return run.info.estimator == estimator and run.holdout is None and not run.is_tracking


def name_protocol() -> str:
    """Return id and version of the paper's protocol."""
    return get_protocol(PROTOCOL).name


def group_runs(runs: Sequence[Run], rounds: int = ROUNDS, seed: int = 0) -> list[DataGroup]:
    """Put together the runs over the same frames, labels and detections.

    Groups over data of the same name are told apart by their fingerprints. Runs that were told to
    stop early are left out.
    """
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        if not run.is_partial:
            key = (run.data, run.labels, run.detections, run.info.fingerprints.get("frames", ""))
            found.setdefault(key, []).append(run)
    names = [key[0] for key in found]
    return [
        DataGroup(
            name=key[0] if names.count(key[0]) == 1 else f"{key[0]} ({key[1][:8]})",
            runs=tuple(members),
            rounds=rounds,
            seed=seed,
        )
        for key, members in sorted(found.items())
    ]
