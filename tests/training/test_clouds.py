"""Training clouds: labels belong to their points, hold-outs do not leak, draws are balanced."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import ConfigError, UnknownNameError
from benchmark.shards import read_fingerprint
from benchmark.training.clouds import TrainingClouds


def test_every_row_has_the_labels_of_its_cloud(shards: list[Path]) -> None:
    clouds = TrainingClouds(shards)
    batch = clouds.fetch(np.arange(len(clouds))[::-1])
    assert len(clouds) == 24
    np.testing.assert_allclose(batch.points.mean(axis=1), batch.translation, atol=0.01)
    np.testing.assert_allclose(batch.size, 0.2, atol=1e-6)


def test_held_out_category_is_nowhere(shards: list[Path]) -> None:
    clouds = TrainingClouds(shards, holdout="bowl")
    everything = clouds.fetch(np.arange(len(clouds)))
    assert "bowl" not in clouds.record.categories
    assert 2 not in everything.category
    assert len(clouds) == 20
    assert not {"camera_0_1", "camera_0_7", "real_1_1", "real_1_7"} & set(clouds.record.instances)


def test_draws_have_the_share_of_real_clouds_that_was_asked_for(shards: list[Path]) -> None:
    clouds = TrainingClouds(shards)
    rows = clouds.draw(4000, 0.25, np.random.default_rng(0))
    assert np.mean(rows >= 12) == pytest.approx(0.25, abs=0.03)
    assert set(rows.tolist()) == set(range(24))


def test_one_source_alone_is_drawn_from_whatever_the_share(shards: list[Path]) -> None:
    clouds = TrainingClouds(shards[:1])
    assert set(clouds.draw(500, 0.9, np.random.default_rng(0)).tolist()) == set(range(12))


def test_fingerprints_are_those_of_the_shards(shards: list[Path]) -> None:
    expected = {path.name: read_fingerprint(path) for path in shards}
    assert TrainingClouds(shards).fingerprints == expected


def test_unknown_category_is_refused(shards: list[Path]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'bowl'"):
        TrainingClouds(shards, holdout="bowls")


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(ConfigError, match="no training objects"):
        TrainingClouds([])
