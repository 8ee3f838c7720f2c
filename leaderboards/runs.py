"""Runs on disk, as tables, claims, figures and the page see them."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from benchmark.errors import ConfigError, GenBenchError
from benchmark.evaluation.evaluator import Evaluation, evaluate
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options
from benchmark.evaluation.result import ProtocolResult
from benchmark.predictions import Predictions, RunInfo, read_predictions, read_run_info

_PREDICTIONS = "predictions.h5"
_PARTS = "parts"
_KEPT_EVALUATIONS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run folder: what its predictions say of themselves, and their scores on demand.

    Attributes:
        folder: where it lies.
        info: provenance, without reading the predictions.
    """

    folder: Path
    info: RunInfo

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def holdout(self) -> str | None:
        """Category that the weights were not trained on."""
        return self.info.configuration.get("holdout")

    @property
    def is_tracking(self) -> bool:
        """Whether poses were tracked over frames."""
        return "tracking" in self.info.configuration

    @property
    def is_imported(self) -> bool:
        """Whether another project's result file was read."""
        return "form" in self.info.configuration

    @property
    def is_partial(self) -> bool:
        """Whether the run was told to stop before the end of its data."""
        return self.info.configuration.get("limit") is not None

    @property
    def detections(self) -> str:
        """Fingerprint of the detections."""
        return self.info.fingerprints.get("detections", "")

    @property
    def labels(self) -> str:
        """Fingerprint of the ground truth."""
        return self.info.fingerprints.get("labels", "")

    @cached_property
    def hypotheses(self) -> int | None:
        """Number of hypotheses of each detection, None for a method with a single answer."""
        told = self.info.configuration.get("hypotheses")
        if told is not None:
            return int(told)
        held = self.predictions.hypotheses if self.is_imported else None
        return None if held is None else held.shape[1]

    @property
    def weights(self) -> str:
        """Name of the weights set, "" for a method without."""
        return str(self.info.configuration.get("weights") or "")

    @property
    def data(self) -> str:
        """Data set, split and label set, which scores must share to be compared."""
        return f"{self.info.dataset}/{self.info.split}/{self.info.label_set}"

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions, read and checked once.

        Raises:
            ShardFormatError: they are damaged.
        """
        return read_predictions(self.folder / _PREDICTIONS)

    def evaluate(
        self, protocol: str = DEFAULT_PROTOCOL, options: Options | None = None
    ) -> Evaluation:
        """Score the run under one protocol; the same question is answered once.

        Raises:
            ConfigError: there is no ground truth, or the protocol cannot score this method.
        """
        return _evaluate(self, protocol, options or Options())

    def score(
        self, protocol: str = DEFAULT_PROTOCOL, options: Options | None = None
    ) -> ProtocolResult:
        """Return the aggregates of `evaluate`."""
        return self.evaluate(protocol, options).result.protocols[0]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """All runs below a folder.

    Attributes:
        found: readable runs with ground truth, sorted by folder.
        left_out: why anything else that looks like a run is not among them, one line each.
    """

    found: tuple[Run, ...]
    left_out: tuple[str, ...] = ()


def open_run(folder: Path) -> Run:
    """Open one run folder.

    Raises:
        ConfigError: its predictions have no ground truth.
        ShardFormatError: there are no predictions in it, or they are damaged.
    """
    run = Run(folder=folder, info=read_run_info(folder / _PREDICTIONS))
    if not run.info.has_ground_truth:
        raise ConfigError(f"{folder}: no ground truth to score against")
    return run


def find_runs(folder: Path) -> Runs:
    """Find the run folders at or below `folder`.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of runs: make one with genbench run")
    found: list[Run] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob(_PREDICTIONS)):
        try:
            found.append(open_run(path.parent))
        except GenBenchError as error:
            left_out.append(str(error))
    left_out += _find_unfinished(folder)
    return Runs(found=tuple(found), left_out=tuple(left_out))


def _find_unfinished(folder: Path) -> list[str]:
    return [
        f"{parts.parent}: not finished: give the same genbench run again"
        for parts in sorted(folder.rglob(_PARTS))
        if parts.is_dir() and not (parts.parent / _PREDICTIONS).exists()
    ]


@lru_cache(maxsize=_KEPT_EVALUATIONS)
def _evaluate(run: Run, protocol: str, options: Options) -> Evaluation:
    return evaluate(run.predictions, [protocol], options)
