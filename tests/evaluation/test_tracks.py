"""Where in its track a pose lies, under either policy, and the errors by age and after a miss."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.files import DRIFT_NAME, RECOVERIES_NAME, build_track_tables
from benchmark.evaluation.instances import Instances
from benchmark.evaluation.tracks import compute_drift, compute_recoveries, list_tracked_frames
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]
FRAMES = 12  # two scenes of six frames with six objects each
MISSED = {1, 4}  # frame numbers in which object_2 of scene_1 is not found


def _track(make: Make, policy: str) -> tuple[Predictions, Instances]:
    """Return perfect tracks, but for an object that is missed and is off by 10 cm afterwards."""
    whole = make(FRAMES)
    whole.ground_truth.handle_visible[:] = 1
    frames, rows = whole.frames, whole.detections.frame
    mine = (frames.scene[rows] == "Real/test/scene_1") & (whole.detections.category == 3)
    whole.estimates.transform[mine & (frames.number[rows] == 2), 0, 3] += 0.1
    kept = ~(mine & np.isin(frames.number[rows], list(MISSED)))
    predictions = replace(
        whole,
        info=replace(whole.info, configuration={"tracking": {"policy": policy}}),
        detections=whole.detections.take(kept),
        estimates=whole.estimates.take(kept),
    )
    evaluation = evaluate(predictions, ["tracking-genpose"])
    return predictions, evaluation.instances["tracking-genpose"]


def _list_mine(predictions: Predictions, instances: Instances) -> dict[str, list[int]]:
    tracked = list_tracked_frames(predictions, instances)
    truths = predictions.ground_truth.take(tracked.truth)
    scene = predictions.frames.scene[truths.frame]
    mine = tracked.take((scene == "Real/test/scene_1") & (truths.category == 3))
    return {name: values.astype(int).tolist() for name, values in mine.items() if name != "truth"}


@pytest.mark.parametrize(("policy", "ages"), [("reinit", [0, 0, 1, 0]), ("coast", [0, 2, 3, 5])])
def test_a_miss_begins_a_new_track_unless_it_coasts(
    make: Make, policy: str, ages: list[int]
) -> None:
    found = _list_mine(*_track(make, policy))  # seen in frames 0, 2, 3 and 5
    assert found == {"age": ages, "recovery": [0, 1, 2, 1], "lost_next": [1, 0, 1, 0]}


def test_scenes_and_objects_have_tracks_of_their_own(make: Make) -> None:
    predictions = make(FRAMES)
    instances = evaluate(predictions, ["tracking-genpose"]).instances["tracking-genpose"]
    tracked = list_tracked_frames(predictions, instances)
    assert tracked.age.tolist() == list(range(6)) * 12
    assert not tracked.recovery.any()
    number = predictions.frames.number[predictions.ground_truth.frame[tracked.truth]]
    np.testing.assert_array_equal(tracked.age, number)


def test_the_order_of_rows_does_not_matter(make: Make) -> None:
    predictions, _ = _track(make, "reinit")
    shuffle = np.random.default_rng(3).permutation(len(predictions.detections))
    shuffled = replace(
        predictions,
        detections=predictions.detections.take(shuffle),
        estimates=predictions.estimates.take(shuffle),
    )
    instances = evaluate(shuffled, ["tracking-genpose"]).instances["tracking-genpose"]
    assert _list_mine(shuffled, instances) == _list_mine(*_track(make, "reinit"))


def test_errors_fall_into_the_slice_of_their_age(make: Make) -> None:
    drift = compute_drift(*_track(make, "coast")).set_index("frames")
    assert drift["poses"].sum() == 72 - len(MISSED)
    assert drift.loc["2", "5deg_5cm"] == pytest.approx(100 * 11 / 12)
    assert drift.loc["2", "mean_cm"] == pytest.approx(10 / 12)
    assert drift.loc["0", "5deg_5cm"] == 100.0
    assert list(drift.index) == ["0", "1", "2", "3 to 4", "5 to 9"]


def test_errors_after_a_miss(make: Make) -> None:
    recoveries = compute_recoveries(*_track(make, "reinit")).set_index("frame")
    assert list(recoveries.index) == ["before a miss", "1 after", "2 after"]
    assert recoveries["poses"].tolist() == [2, 2, 1]
    assert recoveries["mean_cm"].tolist() == pytest.approx([0.0, 5.0, 0.0], abs=1e-9)


def test_without_a_miss_there_is_nothing_to_recover_from(make: Make) -> None:
    predictions = make(FRAMES)
    instances = evaluate(predictions, ["tracking-genpose"]).instances["tracking-genpose"]
    assert len(compute_recoveries(predictions, instances)) == 0


def test_tables_name_their_protocol_and_need_one_that_tracks(make: Make) -> None:
    predictions = make(FRAMES)
    both = evaluate(predictions, ["genpose", "tracking-genpose", "tracking-captra"])
    tables = build_track_tables(predictions, both)
    assert set(tables) == {DRIFT_NAME, RECOVERIES_NAME}
    assert set(tables[DRIFT_NAME]["protocol"]) == {"tracking-genpose", "tracking-captra"}
    assert build_track_tables(predictions, evaluate(predictions, ["genpose"])) == {}
