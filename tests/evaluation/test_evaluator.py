"""Results, tables, files and explanations of an evaluation."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest

from benchmark.categories import CATEGORY_NAMES
from benchmark.errors import ConfigError, DataFormatError, UnknownNameError
from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.explain import count_flips, explain_flips
from benchmark.evaluation.files import write_evaluation
from benchmark.evaluation.protocols import Options
from benchmark.evaluation.result import read_result
from benchmark.evaluation.tables import build_table
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]
COLUMNS = [
    "5deg_2cm",
    "5deg_5cm",
    "10deg_2cm",
    "10deg_5cm",
    "iou_50",
    "iou_75",
    "median_deg",
    "median_cm",
    "instances",
]


def _without(predictions: Predictions, category: int) -> Predictions:
    truths, detections = predictions.ground_truth, predictions.detections
    kept = detections.category != category
    return replace(
        predictions,
        ground_truth=truths.take(truths.category != category),
        detections=detections.take(kept),
        estimates=predictions.estimates.take(kept),
    )


def test_table_has_a_row_a_category_and_their_mean(make: Make) -> None:
    result = evaluate(make(degree=5.0, cm=2.0)).result
    table = build_table(result.protocols[0])
    assert list(table.index) == [*CATEGORY_NAMES, "mean"]
    assert list(table.columns) == COLUMNS
    each = table.iloc[:6]
    np.testing.assert_allclose(table.loc["mean", COLUMNS[:8]], each[COLUMNS[:8]].mean())
    assert table.loc["mean", "instances"] == each["instances"].sum() == 120


def test_medians_are_those_of_the_errors(make: Make) -> None:
    evaluation = evaluate(make(40, degree=5.0, cm=2.0))
    camera = evaluation.result.protocols[0].categories[2]
    instances = evaluation.instances["genpose"]
    cameras = instances.take(make(40).ground_truth.category == 3)
    assert camera.metrics["median_deg"] == np.median(cameras.degree)
    assert camera.metrics["median_cm"] == np.median(cameras.cm)
    assert 3.0 < camera.metrics["median_deg"] < 7.0


def test_iou_is_blank_without_sizes(make: Make) -> None:
    table = build_table(evaluate(make(sizes=False)).result.protocols[0])
    assert list(table.columns) == COLUMNS
    assert table[["iou_50", "iou_75"]].isna().all().all()


def test_speed_of_the_run_is_printed_where_it_is_known(make: Make) -> None:
    predictions = make(4)
    known = replace(predictions.info, environment={"hypotheses_per_second": 1234.0})
    result = evaluate(replace(predictions, info=known)).result
    table = build_table(result.protocols[0], result.hypotheses_per_s)
    assert table.loc["mean", "hypotheses_per_s"] == 1234.0


@pytest.mark.parametrize("protocol", ["genpose", "strict", "tracking-genpose"])
def test_no_mean_over_what_happens_to_be_there(make: Make, protocol: str) -> None:
    block = evaluate(_without(make(), 5), [protocol], Options(rounds=20)).result.protocols[0]
    assert block.missing == ("laptop",)
    assert block.mean == {}
    assert block.mean_intervals == {}
    table = build_table(block)
    metrics = [name for name in table.columns if name != "instances"]
    assert table.loc[["laptop", "mean"], metrics].isna().all().all()
    assert table.loc["laptop", "instances"] == 0
    assert table.loc["mug", metrics[0]] > 0


def test_ground_truth_is_needed(make: Make) -> None:
    predictions = make(3)
    blind = replace(
        predictions,
        info=replace(predictions.info, has_ground_truth=False),
        ground_truth=predictions.ground_truth.take(slice(0, 0)),
    )
    with pytest.raises(ConfigError, match="no ground truth"):
        evaluate(blind)


def test_unknown_protocols_are_suggested(make: Make) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'strict'"):
        evaluate(make(2), ["strickt"])


def test_predictions_without_any_detection_score_zero(make: Make) -> None:
    predictions = make(3)
    nothing = replace(
        predictions,
        detections=predictions.detections.take(slice(0, 0)),
        estimates=predictions.estimates.take(slice(0, 0)),
    )
    for protocol in ("genpose", "strict"):
        block = evaluate(nothing, [protocol], Options(rounds=20)).result.protocols[0]
        assert block.mean["10deg_5cm"] == 0.0
        assert math.isnan(block.mean["median_deg"])


def test_keep_and_ranking_come_from_the_run(make: Make) -> None:
    predictions = make(degree=8.0, cm=4.0, hypotheses=10, sizes=False)
    told = replace(
        predictions,
        info=replace(predictions.info, configuration={"keep": 0.1, "ranking": "joint"}),
    )
    own = evaluate(told).result.protocols[0]
    asked = evaluate(predictions, options=Options(keep=0.1, ranking="joint")).result.protocols[0]
    assert own.mean == asked.mean
    assert own.mean != evaluate(predictions).result.protocols[0].mean
    assert own.options["keep"] == 0.1


def test_lent_sizes_are_said_in_every_table(make: Make, tmp_path: Path) -> None:
    predictions = make(sizes=False, degree=3.0, cm=2.0)
    evaluation = evaluate(predictions, ["nocs", "catre"], Options(sizes="gt"))
    write_evaluation(tmp_path, predictions, evaluation)
    lent = "sizes are those of the ground truth"
    assert (tmp_path / "table.md").read_text().count(lent) == 2
    table = pandas.read_csv(tmp_path / "table.csv")
    assert table["notes"].str.contains(lent).all()
    assert table[["iou_50", "iou_75"]].notna().all().all()


def test_result_survives_its_file(make: Make, tmp_path: Path) -> None:
    predictions = _without(make(degree=5.0, cm=2.0), 2)
    protocols = ["genpose", "strict", "tracking-captra"]
    evaluation = evaluate(predictions, protocols, Options(rounds=20))
    write_evaluation(tmp_path, predictions, evaluation)
    read = read_result(tmp_path / "result.json")
    assert read.run == evaluation.result.run
    for ours, theirs in zip(evaluation.result.protocols, read.protocols, strict=True):
        pandas.testing.assert_frame_equal(build_table(ours), build_table(theirs))
        assert (ours.missing, ours.notes) == (theirs.missing, theirs.notes)
        assert ours.categories[0].intervals == theirs.categories[0].intervals
    rows = pandas.read_csv(tmp_path / "instances.csv")
    assert len(rows) == 3 * len(predictions.ground_truth)
    curves = np.load(tmp_path / "curves.npz", allow_pickle=False)
    assert curves["genpose/pose_ap"].shape == (6, 47, 22)
    headline = read.protocols[0].categories[0].metrics["5deg_2cm"]
    assert headline == pytest.approx(100 * curves["genpose/pose_ap"][0, 5, 4])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "other", "schema_version": 1}'])
def test_other_files_are_not_results(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(DataFormatError, match=r"result\.json"):
        read_result(path)


def test_flips_name_the_objects_and_the_reason(make: Make) -> None:
    """One object detected far away: genpose matches its 2D box, strict finds no overlap."""
    predictions = make(4)
    predictions.estimates.transform[8, 2, 3] += 0.01
    predictions.estimates.extents[8] *= 0.1
    evaluation = evaluate(predictions, ["genpose", "strict"], Options(rounds=20))
    flips = explain_flips(predictions, evaluation, "genpose", "strict")
    assert set(flips["frame"]) == {predictions.frames.id[1]}
    assert set(flips["category"]) == {"camera"}
    assert set(flips["metric"]) == {"5deg_2cm", "5deg_5cm", "10deg_2cm", "10deg_5cm"}
    assert flips["genpose"].all()
    assert not flips["strict"].any()
    assert flips["why"].str.contains("strict: no match, its best detection overlaps by 0.0").all()


def test_flips_tell_of_objects_that_only_one_protocol_counts(make: Make) -> None:
    predictions = make(4)
    predictions.detections.bbox[9] += 300
    evaluation = evaluate(predictions, ["genpose", "strict"], Options(rounds=20))
    flips = explain_flips(predictions, evaluation, "genpose", "strict")
    counted = flips[flips["metric"] == "counted"]
    assert len(counted) == 1
    assert counted["why"].item().startswith("genpose: no match")


def test_flips_between_many_protocols_are_those_between_all_pairs(make: Make) -> None:
    predictions = make(10, degree=6.0, cm=3.0)
    predictions.detections.bbox[::7] += 300
    predictions.estimates.extents[::5] *= 0.1
    names = ["genpose", "nocs", "catre", "strict"]
    evaluation = evaluate(predictions, names, Options(rounds=20))
    key = ["frame", "instance", "metric"]
    flips = explain_flips(predictions, evaluation, *names)
    pairs = [explain_flips(predictions, evaluation, a, b) for a in names for b in names if a < b]
    both = {tuple(row) for pair in pairs for row in pair[key].to_numpy()}
    assert {tuple(row) for row in flips[key].to_numpy()} == both
    counts = count_flips(evaluation, names)
    assert counts.to_numpy().sum() == sum(len(pair) for pair in pairs)
    assert counts.loc["genpose", "strict"] == (flips["genpose"] & ~flips["strict"]).sum() > 0
    assert (flips["why"] != "").all()


def test_nothing_flips_between_a_protocol_and_itself(make: Make) -> None:
    predictions = make(degree=6.0, cm=3.0)
    evaluation = evaluate(predictions, ["nocs"])
    assert explain_flips(predictions, evaluation, "nocs", "nocs").empty
