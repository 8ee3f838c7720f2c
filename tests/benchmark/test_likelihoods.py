"""The likelihood file, and runs ranked by it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.errors import ConfigError, ShardFormatError
from benchmark.likelihood_scoring import ScoringOptions, choose_frames
from benchmark.likelihoods import (
    FrameRows,
    LikelihoodInfo,
    LikelihoodRows,
    Likelihoods,
    rank_by_likelihood,
    read_likelihoods,
    take_frames,
    write_likelihoods,
)
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]


def make_likelihoods(predictions: Predictions, frames: list[int]) -> Likelihoods:
    """Give every hypothesis of some frames a log-likelihood that names it."""
    assert predictions.hypotheses is not None
    rows = np.flatnonzero(np.isin(predictions.detections.frame, frames))
    count = predictions.hypotheses.shape[1]
    detection = np.repeat(rows, count)
    hypothesis = np.tile(np.arange(count), len(rows))
    return Likelihoods(
        info=LikelihoodInfo(
            sigma=0.003,
            prior_sigma=3.0,
            tolerance=1e-4,
            weights="w",
            detections=predictions.info.fingerprints.get("detections", ""),
            seconds=8.0,
            energy_seconds=0.01,
        ),
        frames=FrameRows(frame=frames),
        rows=LikelihoodRows(
            detection=detection,
            hypothesis=hypothesis,
            log_likelihood=100.0 * detection + hypothesis,
        ),
    )


@pytest.fixture
def predictions(make_predictions: Make) -> Predictions:
    made = make_predictions(frames=5)
    return replace(made, info=replace(made.info, fingerprints={"detections": "d"}))


def test_likelihoods_come_back_from_their_file(predictions: Predictions, tmp_path: Path) -> None:
    path, made = tmp_path / "likelihood.h5", make_likelihoods(predictions, [1, 4])
    write_likelihoods(path, made)
    found = read_likelihoods(path)
    assert found.info == made.info
    np.testing.assert_array_equal(found.frames.frame, made.frames.frame)
    for name, values in made.rows.items():
        np.testing.assert_array_equal(getattr(found.rows, name), values)


def test_an_altered_file_is_refused(predictions: Predictions, tmp_path: Path) -> None:
    path = tmp_path / "likelihood.h5"
    write_likelihoods(path, make_likelihoods(predictions, [1]))
    with h5py.File(path, "r+") as file:
        file["rows/log_likelihood"][0] = 7
    with pytest.raises(ShardFormatError, match="checksum"):
        read_likelihoods(path)


def test_whole_frames_are_taken_with_all_that_is_theirs(predictions: Predictions) -> None:
    part = take_frames(predictions, np.array([1, 4]))
    part.check()
    assert list(part.frames.id) == list(predictions.frames.id[[1, 4]])
    for name in ("detections", "ground_truth"):
        whole, mine = getattr(predictions, name), getattr(part, name)
        np.testing.assert_array_equal(np.array([1, 4])[mine.frame], whole.frame[[2, 3, 8, 9]])
        np.testing.assert_array_equal(mine.bbox, whole.bbox[[2, 3, 8, 9]])
    assert predictions.hypotheses is not None
    assert part.hypotheses is not None
    np.testing.assert_array_equal(part.hypotheses, predictions.hypotheses[[2, 3, 8, 9]])


def test_likelihoods_take_the_place_of_both_energies(predictions: Predictions) -> None:
    ranked = rank_by_likelihood(predictions, make_likelihoods(predictions, [1, 4]))
    assert ranked.energies is not None
    expected = 100.0 * np.array([2, 3, 8, 9])[:, None] + np.arange(ranked.energies.shape[1])
    for column in (0, 1):
        np.testing.assert_array_equal(ranked.energies[..., column], expected)


@pytest.mark.parametrize("spoil", ["detections", "hypotheses"])
def test_likelihoods_of_another_run_are_refused(predictions: Predictions, spoil: str) -> None:
    likelihoods = make_likelihoods(predictions, [1, 4])
    if spoil == "detections":
        other = replace(predictions, info=replace(predictions.info, fingerprints={}))
    else:
        assert predictions.hypotheses is not None
        assert predictions.energies is not None
        other = replace(
            predictions,
            hypotheses=predictions.hypotheses[:, :2],
            energies=predictions.energies[:, :2],
        )
    with pytest.raises(ConfigError, match="likelihoods are of"):
        rank_by_likelihood(other, likelihoods)


def test_frames_are_spread_evenly() -> None:
    assert list(choose_frames(300, 4)) == [0, 75, 150, 225]
    assert list(choose_frames(3, 40)) == [0, 1, 2]


def test_senseless_options_are_refused() -> None:
    for bad in ({"frames": 0}, {"tolerance": 0.0}):
        with pytest.raises(ConfigError, match="expected 1 frame or more"):
            ScoringOptions(**bad)
