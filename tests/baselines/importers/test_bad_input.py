"""Whatever a foreign file holds, reading it ends in predictions or in one clear line."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines.importers import ImportOptions, read_foreign
from benchmark.errors import DataFormatError, GenBenchError, UnknownNameError

NAME = "results_test_scene_1_0000.pkl"


def nocs_columns(known: Any) -> dict[str, Any]:
    transform, extents = known.similarity()
    return {
        "gt_class_ids": known.category,
        "gt_bboxes": known.bbox,
        "gt_RTs": transform,
        "gt_scales": extents,
        "pred_class_ids": known.category,
        "pred_bboxes": known.bbox,
        "pred_scores": known.confidence,
        "pred_RTs": transform,
        "pred_scales": extents,
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pred_RTs", np.zeros((5, 3, 4)), "'pred_RTs' should be numbers in rows of"),
        ("pred_RTs", np.zeros((4, 4, 4)), "expected 5 rows of 'pred_RTs', got 4"),
        ("pred_RTs", [[1, 2], [3]], "rows of different lengths"),
        ("pred_class_ids", ["mug"] * 5, "'pred_class_ids' should be numbers"),
        ("pred_bboxes", np.full((5, 4), np.nan), "'pred_bboxes' should hold pixels"),
        ("pred_scores", np.full(5, np.inf), "'pred_scores' should be finite"),
        ("gt_RTs", np.full((5, 4, 4), np.nan), "ground-truth pose is not finite"),
        ("gt_scales", np.zeros((5, 4)), "'gt_scales' should be numbers in rows of"),
        ("gt_handle_visibility", np.zeros(3), "expected 5 rows of 'gt_handle_visibility'"),
        ("multi_hypothesis_pred_RTs", np.ones((5, 2, 4, 4)), "ending in 0 0 0 1"),
        ("multi_hypothesis_pred_RTs", np.tile(2 * np.eye(4), (5, 2, 1, 1)), "ending in 0 0 0 1"),
    ],
)
def test_misshapen_columns_are_named(
    known: Any, write: Any, key: str, value: Any, message: str
) -> None:
    path = write(NAME, nocs_columns(known) | {key: value})
    with pytest.raises(DataFormatError, match=re.escape(message)) as caught:
        read_foreign(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scaled_hypotheses_are_refused(known: Any, write: Any) -> None:
    scaled = np.tile(np.diag([2.0, 2.0, 2.0, 1.0]), (5, 2, 1, 1))
    path = write(NAME, nocs_columns(known) | {"multi_hypothesis_pred_RTs": scaled})
    with pytest.raises(DataFormatError, match="rotations without scale"):
        read_foreign(path)


def test_frames_must_agree_in_the_number_of_hypotheses(known: Any, write: Any) -> None:
    for frame, count in ((0, 2), (1, 3)):
        hypotheses = np.tile(np.eye(4), (5, count, 1, 1))
        columns = nocs_columns(known) | {"multi_hypothesis_pred_RTs": hypotheses}
        path = write(f"run/results_test_scene_1_{frame:04d}.pkl", columns)
    with pytest.raises(DataFormatError, match="differ in their number of hypotheses"):
        read_foreign(path.parent)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mug_x_norm_scene_1_0_pose.txt", "1 0 0\n0 1 0\n0 0 1\n0 0 x\n0\n", "line 4"),
        ("mug_x_norm_scene_1_0_pose.txt", "1 0 0\n0 1 0\n0 0 1\n0 0 1\n0 0\n", "line 5"),
        ("unnamed.txt", "1 0 0\n0 1 0\n0 0 1\n0 0 1\n0\n", "expected a name such as"),
        ("Pose_mug_seq1.txt", "mug 0001.png 0 0 1 1 0 0 0 0.1 2\nmug 2.png 0\n", "line 2"),
        ("Pose_mug_seq1.txt", "mug 0001.png 0 0 1 0 0 0 0 0.1 2\n", "quaternion"),
        ("Pose_mug_seq1.txt", "fork 0001.png 0 0 1 1 0 0 0 0.1 2\n", "unknown category 'fork'"),
        ("results.json", '{"scene_1/0000": [{"pose_est": 1, "obj_id": 1}]}', "unreadable object"),
        ("results.json", '{"a": [{"pose_est": 1}]}', "expected a frame such as"),
        ("results.json", "[1, 2", "not valid JSON"),
        ("results.json", "[" * 100_000, "not valid JSON"),
        ("results.txt", "hello", "expected a result of a known form"),
        ("image.pkl", "hello", "image.pkl"),
    ],
)
def test_bad_text_is_named(write: Any, name: str, text: str, message: str) -> None:
    path = write(name, text)
    with pytest.raises(DataFormatError, match=re.escape(message)) as caught:
        read_foreign(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="no such file"):
        read_foreign(tmp_path / "nowhere")
    with pytest.raises(DataFormatError, match="found none"):
        read_foreign(tmp_path)


def test_unknown_form_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        read_foreign(tmp_path, "p11")


def test_two_results_in_one_folder_are_told_apart(known: Any, write: Any) -> None:
    write(f"run/{NAME}", nocs_columns(known))
    folder = write("run/list.pkl", [nocs_columns(known) | {"image_path": "scene_1/1"}] * 2).parent
    with pytest.raises(DataFormatError, match="--format"):
        read_foreign(folder)
    chosen = read_foreign(folder, "p1")
    assert any("left out 1 files" in note for note in chosen.info.assumptions)
    with pytest.raises(DataFormatError, match="occurs more than once"):
        read_foreign(folder, "p2")


def test_poses_without_classes_are_only_good_as_ground_truth(known: Any, write: Any) -> None:
    path = write("results_real_test_scene_1_0000.pkl", {"gt_RTs": known.similarity()[0]})
    with pytest.raises(DataFormatError, match="--ground-truth"):
        read_foreign(path)


def test_ground_truth_of_other_frames_is_refused(known: Any, write: Any) -> None:
    result = write(NAME, nocs_columns(known))
    other = write("gt/results_test_scene_2_0000.pkl", nocs_columns(known))
    with pytest.raises(DataFormatError, match="no frame in common"):
        read_foreign(result, options=ImportOptions(ground_truth=other))


@pytest.mark.parametrize(
    "path", ["../../etc/scene_1/0000", "/etc/scene_1/0000", "..\\..\\scene_1\\0000_color.png"]
)
def test_names_in_files_never_leave_the_data_root(known: Any, write: Any, path: str) -> None:
    read = read_foreign(write("x.pkl", [nocs_columns(known) | {"image_path": path}]))
    assert read.frames.id.tolist() == ["Real/test/scene_1/0000"]


@pytest.mark.parametrize("path", ["../0000", "a b/0000", "scene_1", "", "scene_1/..", "</b>/1"])
def test_names_that_are_no_frames_are_refused(known: Any, write: Any, path: str) -> None:
    with pytest.raises(DataFormatError, match="expected a frame such as"):
        read_foreign(write("x.pkl", [nocs_columns(known) | {"image_path": path}]))


STRANGE = (
    None, -1, 7, 10**30, 1e300, float("nan"), float("inf"), "", "x/1", b"\0", [], {}, [[]],
    [1, [2]], np.zeros(0), np.zeros((2, 3)), np.array("a"), np.full((5, 4, 4), 1e200), True,
)  # fmt: skip


def mutate(value: Any, rng: random.Random) -> Any:
    """Return the value with one random part replaced, dropped or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        changed = {k: v for k, v in value.items() if k != key}
        if rng.random() < 0.1:
            return changed
        name = rng.choice(["iter3", 5, "pred", key]) if rng.random() < 0.1 else key
        return changed | {name: mutate(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        row = rng.randrange(len(value))
        return [*value[:row], mutate(value[row], rng), *value[row + 1 :]]
    if (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "if"
        and value.size
        and rng.random() < 0.6
    ):
        changed = value.astype(float)
        changed.flat[rng.randrange(value.size)] = rng.choice([np.nan, np.inf, -1e300, 0, 1e9])
        return changed
    return rng.choice(STRANGE)


def seeds(known: Any) -> dict[str, Any]:
    """Return one good content of every form that is not a text."""
    columns = nocs_columns(known)
    energy = {
        "multi_hypothesis_pred_RTs": np.tile(np.eye(4), (5, 2, 1, 1)),
        "energy": np.zeros((5, 2, 2)),
    }
    pose = {"rotation": np.eye(3)[None], "translation": np.ones((1, 3, 1)), "scale": np.ones(1)}
    track = {"poses": [pose] * 2, "corners": [None, np.ones((1, 2, 3))]}
    refined = {"obj_id": 1, "pose_0": np.eye(4)[:3].tolist(), "scale_0": [1, 1, 1], "score": 1}
    model = {"cls_id": "1", "gt_scales_for_CASS": [1, 1, 1]}
    return {
        "p1": columns | energy,
        "p2": [columns | {"image_path": f"scene_1/{n}"} for n in range(3)],
        "p3": columns
        | {"image_path": "scene_1/1", "model_information": [model] * 5}
        | {"pred_RTs_cass": columns["pred_RTs"], "pred_scales_cass": columns["pred_scales"]}
        | {"gt_RTs_for_CASS": columns["gt_RTs"]},
        "p4": {
            "scene_1/0": {"result": columns | energy, "cat_id": [0], "valid_inst": [0]},
            "scene_1/1": {"result": columns | energy},
        },
        "p5": {"pred": track, "gt": track, "frame_nums": [0, 1]},
        "p6": {"iter0": {"scene_1/0": columns}, "iter1": {"scene_1/0": columns}},
        "p6 objects": {"scene_1/0": [refined | {"bbox_est": [1, 2, 3, 4]}] * 2},
        "p9": {"class_ids": known.category, "rois": known.bbox, "scores": known.confidence},
    }


@pytest.mark.parametrize("form", ["p1", "p2", "p3", "p4", "p5", "p6", "p6 objects", "p9"])
def test_mutated_files_end_in_predictions_or_in_an_error_of_ours(
    known: Any, form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / ("mug_x_norm_scene_1.pkl" if form == "p5" else NAME)
    path.touch()
    content: Any = None
    monkeypatch.setattr("baselines.importers.sources._read_content", lambda _path: content)
    rng = random.Random(form)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(150):
        content = seeds(known)[form]
        for _ in range(rng.randint(1, 3)):
            content = mutate(content, rng)
        try:
            read_foreign(path, options=ImportOptions(detections_only=True)).check()
            outcomes["read"] += 1
        except GenBenchError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 0


def test_json_numbers_beyond_floats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.json"
    entry = {"obj_id": 1e400, "pose_est": [[0] * 4] * 3, "scale_est": [1] * 3}
    path.write_text(json.dumps({"scene_1/0": [entry]}))
    with pytest.raises(DataFormatError, match="unreadable object"):
        read_foreign(path)


def test_progress_counts_files(known: Any, write: Any) -> None:
    for frame in range(3):
        path = write(f"run/results_test_scene_1_{frame:04d}.pkl", nocs_columns(known))
    done: list[int] = []
    count: Callable[[int], None] = done.append
    read_foreign(path.parent, advance=count)
    assert done == [1, 1, 1]
