"""Exact likelihoods of the hypotheses of a run: some of its frames, spread evenly over it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from benchmark.errors import ConfigError
from benchmark.estimator import Observations, PoseHypotheses
from benchmark.inference import Advance, iterate_batches
from benchmark.likelihoods import (
    FrameRows,
    LikelihoodInfo,
    LikelihoodRows,
    Likelihoods,
    ScoredHypotheses,
)
from benchmark.predictions import Predictions, RunInfo, read_predictions
from benchmark.run_inputs import find_shards_used, load_run_estimator
from benchmark.running import PREDICTIONS_NAME
from benchmark.shards import read_shard


@runtime_checkable
class LikelihoodModel(Protocol):
    """What an estimator offers, besides the contract, if it knows the likelihood of a pose."""

    def score_hypotheses(
        self, observations: Observations, hypotheses: PoseHypotheses, tolerance: float
    ) -> ScoredHypotheses:
        """Return the log-likelihoods of K given poses of each observation."""
        ...


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """Which hypotheses are scored, and how closely.

    Attributes:
        frames: how many of the run's frames, evenly spread; all detections of a frame are scored.
        tolerance: of the ODE solver.
        weights: name or folder; None takes what the run says, and must match its fingerprints.
        device: torch device name, "auto" takes a GPU where there is one.
        batch: observations per call; bounds memory.
    """

    frames: int = 40
    tolerance: float = 1e-4
    weights: Path | None = None
    device: str = "auto"
    batch: int = 8

    def __post_init__(self) -> None:
        if self.frames < 1 or self.tolerance <= 0:
            raise ConfigError(
                f"expected 1 frame or more and a tolerance above 0, "
                f"got {self.frames} and {self.tolerance:g}"
            )


def score_run(
    run: Path,
    shards: Sequence[Path],
    options: ScoringOptions,
    advance: Advance = lambda _: None,
) -> Likelihoods:
    """Compute the log-likelihoods of the hypotheses of some frames of a run.

    Args:
        run: its folder.
        shards: the shards it was made from.
        options: see there.
        advance: called with the number of detections just done.

    Raises:
        ConfigError: other shards or weights than the run's, no hypotheses, or an estimator that
            knows no likelihoods.
        ShardFormatError: a shard or the predictions are damaged.
    """
    predictions = read_predictions(run / PREDICTIONS_NAME)
    if predictions.hypotheses is None:
        raise ConfigError(f"{run}: its predictions hold no hypotheses to score")
    used = find_shards_used(predictions.info, shards)
    model = _load_model(predictions.info, options)
    frames = choose_frames(len(predictions.frames), options.frames)
    rows, parts = [], []
    for detection, observations in _iterate_chosen(predictions, used, frames, options.batch):
        poses = np.array(predictions.hypotheses[detection], dtype=np.float32)
        hypotheses = PoseHypotheses(rotation=poses[..., :3], translation=poses[..., 3])
        parts.append(model.score_hypotheses(observations, hypotheses, options.tolerance))
        rows.append(detection)
        advance(len(detection))
    if not parts:
        raise ConfigError(f"{run}: no detection with a pose in {len(frames)} frames: take more")
    return Likelihoods(
        info=_describe(predictions.info, parts, options.tolerance),
        frames=FrameRows(frame=frames),
        rows=_list_rows(np.concatenate(rows), parts),
    )


def choose_frames(count: int, wanted: int) -> np.ndarray:
    """Return at most `wanted` ascending rows, evenly spread over `count` frames."""
    return np.unique(np.linspace(0, count, min(wanted, count), endpoint=False).astype(np.int64))


def _load_model(info: RunInfo, options: ScoringOptions) -> LikelihoodModel:
    estimator = load_run_estimator(info, options.weights, options.device)
    if not isinstance(estimator, LikelihoodModel):
        raise ConfigError(f"estimator '{info.estimator}' knows no likelihood of a pose")
    return estimator


def _iterate_chosen(
    predictions: Predictions, shards: Sequence[Path], frames: np.ndarray, batch: int
) -> Iterator[tuple[np.ndarray, Observations]]:
    """Yield rows of the predictions' detections, and their observations, in some frames."""
    chosen = np.isin(predictions.detections.frame, frames) & (predictions.estimates.estimated > 0)
    offset = 0
    for path in shards:
        shard = read_shard(path)
        for detection, observations in iterate_batches(shard, seed=0, batch=batch):
            rows = detection + offset
            # A limited run stops within a shard.
            mine = np.append(chosen, False)[np.minimum(rows, len(chosen))]
            if mine.any():
                yield rows[mine], observations.take(mine)
        offset += len(shard.detections)


def _describe(info: RunInfo, parts: list[ScoredHypotheses], tolerance: float) -> LikelihoodInfo:
    return LikelihoodInfo(
        sigma=parts[0].sigma,
        prior_sigma=parts[0].prior_sigma,
        tolerance=tolerance,
        weights=info.fingerprints.get("weights:score", ""),
        detections=info.fingerprints.get("detections", ""),
        seconds=sum(part.seconds for part in parts),
        energy_seconds=sum(part.energy_seconds for part in parts),
    )


def _list_rows(detection: np.ndarray, parts: list[ScoredHypotheses]) -> LikelihoodRows:
    values = np.concatenate([part.log_likelihood for part in parts])
    count = values.shape[1]
    return LikelihoodRows(
        detection=np.repeat(detection, count),
        hypothesis=np.tile(np.arange(count), len(detection)),
        log_likelihood=values.reshape(-1),
    )
