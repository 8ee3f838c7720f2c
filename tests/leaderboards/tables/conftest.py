"""Run folders with made-up predictions, right or wrong by a known amount."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.predictions import Predictions, RunInfo, write_predictions
from leaderboards.runs import Run, find_runs
from tests.evaluation.conftest import make_predictions

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that writes a run folder and reads it back."""

    def make(
        name: str,
        *,
        estimator: str = "genpose",
        split: str = "test",
        detections: str = "d" * 64,
        draw_order: bool = True,
        without: str | None = None,
        made: dict[str, Any] | None = None,
        fingerprints: dict[str, str] | None = None,
        environment: dict[str, Any] | None = None,
        **configuration: Any,
    ) -> Run:
        predictions = make_predictions(8, **({"degree": 4.0, "cm": 2.0} | (made or {})))
        drawn = predictions.hypotheses
        known = {} if drawn is None else {"hypotheses": drawn.shape[1]}
        info = RunInfo(
            estimator=estimator,
            dataset="toy",
            split=split,
            label_set="toy/1",
            draw_order=draw_order,
            configuration={"seed": 0} | known | configuration,
            fingerprints={"detections": detections, "labels": "e" * 64} | (fingerprints or {}),
            environment=environment or {},
        )
        predictions = replace(predictions, info=info)
        if without is not None:
            predictions = drop_category(predictions, without)
        write_predictions(tmp_path / name / "predictions.h5", predictions)
        return find_runs(tmp_path / name).found[0]

    return make


def drop_category(predictions: Predictions, name: str) -> Predictions:
    """Return the predictions without the objects of a category."""
    from benchmark.categories import get_category

    truths = predictions.ground_truth
    kept = np.flatnonzero(truths.category != get_category(name).id)
    return replace(predictions, ground_truth=truths.take(kept))
