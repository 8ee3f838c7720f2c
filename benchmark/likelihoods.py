"""The likelihood file of a run: exact log-likelihoods of the hypotheses of some of its frames.

`genbench likelihood` writes it beside the predictions; tables read it without torch.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.columns import (
    Table,
    column,
    compute_checksum,
    creating,
    get_group,
    read_table,
    read_text,
    write_table,
    write_text,
)
from benchmark.errors import ConfigError, ShardFormatError
from benchmark.predictions import Predictions
from benchmark.shards import open_checked

LIKELIHOOD_NAME = "likelihood.h5"
SCHEMA_VERSION = 1
_FORMAT = "genbench-likelihood"


@dataclass(frozen=True, kw_only=True)
class ScoredHypotheses:
    """Likelihoods of a batch, as an estimator computes them.

    Attributes:
        log_likelihood: (B, K) nats, in the units of the preset's pose vectors.
        sigma, prior_sigma: see `LikelihoodInfo`.
        seconds, energy_seconds: spent on them, and on the energies of the same hypotheses.
    """

    log_likelihood: np.ndarray
    sigma: float
    prior_sigma: float
    seconds: float
    energy_seconds: float


@dataclass(frozen=True, kw_only=True)
class LikelihoodInfo:
    """How likelihoods came to be.

    Attributes:
        sigma: noise level of the density.
        prior_sigma: noise level at which the density is taken to be N(0, prior_sigma^2).
        tolerance: of the ODE solver.
        weights: SHA-256 of the score network.
        detections: fingerprint of the detections of the run.
        seconds: spent on the likelihoods.
        energy_seconds: spent on the energies of the same hypotheses, 0 without an energy model.
    """

    sigma: float
    prior_sigma: float
    tolerance: float
    weights: str
    detections: str
    seconds: float
    energy_seconds: float


@dataclass(frozen=True, kw_only=True)
class FrameRows(Table):
    """The frames whose detections have likelihoods, all of them."""

    frame: np.ndarray = column("i8")


@dataclass(frozen=True, kw_only=True)
class LikelihoodRows(Table):
    """One row for every hypothesis.

    Attributes:
        detection: row of the detection in the predictions.
        hypothesis: its place in draw order.
        log_likelihood: nats, in the units of the preset's pose vectors.
    """

    detection: np.ndarray = column("i8")
    hypothesis: np.ndarray = column("i8")
    log_likelihood: np.ndarray = column("f8")


@dataclass(frozen=True, kw_only=True)
class Likelihoods:
    """A likelihood file in memory."""

    info: LikelihoodInfo
    frames: FrameRows
    rows: LikelihoodRows

    def by_detection(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the detections (n,) and the log-likelihoods (n, K) of their hypotheses."""
        order = np.lexsort((self.rows.hypothesis, self.rows.detection))
        detection = np.unique(self.rows.detection)
        return detection, self.rows.log_likelihood[order].reshape(len(detection), -1)


def write_likelihoods(path: Path, likelihoods: Likelihoods) -> None:
    """Write the file under a temporary name, then rename it to `path`."""
    tables: dict[str, Table] = {"frames": likelihoods.frames, "rows": likelihoods.rows}
    with creating(path) as file:
        write_text(file, "format", _FORMAT)
        file.attrs["schema_version"] = SCHEMA_VERSION
        write_text(file, "info", json.dumps(asdict(likelihoods.info), sort_keys=True))
        for name, table in tables.items():
            write_table(file.create_group(name), table)
        write_text(file, "checksum", compute_checksum(tables))


def read_likelihoods(path: Path) -> Likelihoods:
    """Read a likelihood file.

    Raises:
        ShardFormatError: not a likelihood file, of a newer schema, truncated or altered.
    """
    with open_checked(path, _FORMAT, SCHEMA_VERSION) as file:
        frames = read_table(get_group(file, "frames"), FrameRows)
        rows = read_table(get_group(file, "rows"), LikelihoodRows)
        if compute_checksum({"frames": frames, "rows": rows}) != read_text(file, "checksum"):
            raise ShardFormatError(
                f"{path}: its content does not match its checksum: delete it and write it again"
            )
        info = LikelihoodInfo(**json.loads(read_text(file, "info")))
    return Likelihoods(info=info, frames=frames, rows=rows)


def take_frames(predictions: Predictions, frames: np.ndarray) -> Predictions:
    """Return the predictions of some whole frames, given by ascending rows, renumbered."""
    detected = np.flatnonzero(np.isin(predictions.detections.frame, frames))
    annotated = np.flatnonzero(np.isin(predictions.ground_truth.frame, frames))
    detections = predictions.detections.take(detected)
    truths = predictions.ground_truth.take(annotated)
    arrays: dict[str, Any] = {
        name: np.asarray(values[detected]) for name, values in predictions.arrays().items()
    }
    return replace(
        predictions,
        frames=predictions.frames.take(frames),
        detections=replace(detections, frame=np.searchsorted(frames, detections.frame)),
        ground_truth=replace(truths, frame=np.searchsorted(frames, truths.frame)),
        estimates=predictions.estimates.take(detected),
        **arrays,
    )


def rank_by_likelihood(predictions: Predictions, likelihoods: Likelihoods) -> Predictions:
    """Return the covered frames with log-likelihoods in place of both energies.

    Whatever ranks by energy then ranks by likelihood, rotation and translation jointly. Hypotheses
    without a likelihood (their detection has no estimate) get 0.

    Raises:
        ConfigError: the likelihoods are of another run's detections or hypotheses.
    """
    if predictions.hypotheses is None:
        raise ConfigError("these predictions hold no hypotheses, so there is nothing to rank")
    if predictions.info.fingerprints.get("detections", "") != likelihoods.info.detections:
        raise ConfigError(
            "the likelihoods are of other detections than these predictions: "
            "run genbench likelihood again"
        )
    energies = np.zeros((*predictions.hypotheses.shape[:2], 2), np.float32)
    rows = likelihoods.rows
    if len(rows) and (
        rows.detection.max() >= len(energies) or rows.hypothesis.max() >= energies.shape[1]
    ):
        raise ConfigError(
            "the likelihoods are of more hypotheses than these predictions hold: "
            "run genbench likelihood again"
        )
    energies[rows.detection, rows.hypothesis] = rows.log_likelihood[:, None]
    return take_frames(replace(predictions, energies=energies), likelihoods.frames.frame)
