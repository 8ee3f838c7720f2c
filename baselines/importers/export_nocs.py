"""Writing P1 (a pickle per image) and P4 (GenPose's pickle)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from baselines.importers.layout import expand_layout
from baselines.importers.nocs import COLUMNS
from baselines.importers.record import build_transforms
from benchmark.aggregation import rank_hypotheses, select_hypotheses
from benchmark.errors import ConfigError
from benchmark.pickle_writing import write_pickle
from benchmark.predictions import Predictions

_MOST_LETTERS = 200
_SAME_COLUMNS = ("p1", "p2", "p4")
_USUAL_DTYPES = {
    "gt_class_ids": "i8",
    "gt_bboxes": "i4",
    "gt_RTs": "f4",
    "gt_scales": "f8",
    "gt_handle_visibility": "i8",
    "pred_class_ids": "i4",
    "pred_bboxes": "i4",
    "pred_scores": "f4",
    "pred_RTs": "f8",
    "pred_scales": "f8",
    "multi_hypothesis_pred_RTs": "f8",
    "energy": "f8",
}


def write_nocs_folder(folder: Path, predictions: Predictions) -> None:
    """Write one pickle per frame, called as NOCS's own results are.

    Raises:
        ConfigError: two frames would get the same file name.
    """
    names = [_name_file(frame_id) for frame_id in predictions.frames.id]
    if len(set(names)) != len(names):
        raise ConfigError("two frames have the same scene and number: export csv or json instead")
    frames = _build_frames(predictions, has_placeholders=_has_placeholders(predictions))
    for name, (content, source) in zip(names, frames, strict=True):
        write_pickle(folder / name, [content] if source.get("listed") else content)


def write_genpose_file(path: Path, predictions: Predictions) -> None:
    """Write one pickle from image path to result.

    A run of this project goes out as GenPose's own do: hypotheses sorted by their energies,
    rotations and translations apart, and placeholders for the estimates.

    Raises:
        ConfigError: the predictions hold no hypotheses.
    """
    if predictions.hypotheses is None:
        raise ConfigError("P4 holds hypotheses, and this method has none: export p1 instead")
    placeholders = not _is_imported(predictions) or _has_placeholders(predictions)
    frames = _build_frames(predictions, has_placeholders=placeholders)
    entries = {
        source.get("key", f"data/{frame_id}"): _build_entry(content, source.get("entry"), kept)
        for frame_id, kept, (content, source) in zip(
            predictions.frames.id, _list_estimated(predictions), frames, strict=True
        )
    }
    write_pickle(path, entries)


def _build_entry(
    content: Mapping[str, Any], given: Mapping[str, Any] | None, estimated: list[int]
) -> dict[str, Any]:
    """Wrap the columns of a frame as GenPose does; what the import described stays as it was."""
    classes = np.asarray(content["pred_class_ids"]).astype(int) - 1
    entry: dict[str, Any] = {"result": dict(content), "valid_pts": [], "valid_rgb": None}
    if given is None:
        return entry | {"cat_id": classes[estimated].tolist(), "valid_inst": estimated}
    usual = {"cat_id": classes.tolist(), "valid_inst": list(range(len(classes)))}
    entry |= {name: given.get(name, value) for name, value in usual.items()}
    return {name: entry[name] for name in given["keys"] if name in entry}


def _build_frames(
    predictions: Predictions, *, has_placeholders: bool
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return for every frame its columns, and what the import noted of it."""
    ids = [str(name) for name in predictions.frames.id]
    sources = expand_layout(predictions.info.configuration.get("source", {}), ids)
    table = _build_columns(predictions, has_placeholders=has_placeholders)
    same = predictions.info.configuration.get("form") in _SAME_COLUMNS
    truths = _split_rows(predictions.ground_truth.frame, len(ids))
    detections = _split_rows(predictions.detections.frame, len(ids))
    frames = []
    for source, truth, detected in zip(sources, truths, detections, strict=True):
        layout = source.get("columns") if same else None
        rows = {"gt": truth, "pred": detected}
        content = _pick_frame(table, rows, layout, source.get("zero_poses", ()))
        content |= {key: source[key] for key in ("image_id", "image_path") if key in source}
        frames.append((content, source))
    return frames


def _pick_frame(
    table: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray],
    layout: Mapping[str, Any] | None,
    zero_poses: Any,
) -> dict[str, Any]:
    """Return the columns of one frame, with the types and row shapes that `layout` asks for."""
    content: dict[str, Any] = {}
    for key in COLUMNS:
        if key not in table or (layout is not None and key not in layout):
            continue
        if layout is None and key not in _USUAL_DTYPES:
            continue
        values = table[key][rows["gt" if key.startswith(("gt", "handle")) else "pred"]]
        if key == "pred_RTs" and len(zero_poses):
            values[list(zero_poses)] = 0.0
        if layout is None:
            content[key] = values.astype(_USUAL_DTYPES[key])
        else:
            dtype, shape = layout[key]
            content[key] = values.astype(dtype).reshape(len(values), *shape)
    return content


def _build_columns(predictions: Predictions, *, has_placeholders: bool) -> dict[str, np.ndarray]:
    """Return every column over all frames, before types are changed."""
    truth, detections = predictions.ground_truth, predictions.detections
    estimates = predictions.estimates
    identity = np.tile(np.eye(4), (len(estimates), 1, 1))
    sizes = np.where(np.isnan(estimates.extents), 1.0, estimates.extents)
    columns = {
        "pred_class_ids": detections.category,
        "pred_bboxes": detections.bbox,
        "pred_scores": detections.confidence,
        "pred_RTs": identity if has_placeholders else np.array(estimates.transform),
        "pred_scales": sizes,
    }
    if predictions.info.has_ground_truth:
        columns |= {
            "gt_class_ids": truth.category,
            "gt_bboxes": truth.bbox,
            "gt_RTs": truth.transform,
            "gt_scales": truth.extents,
            "gt_handle_visibility": truth.handle_visible,
            "handle_visibility": truth.handle_visible,
        }
    return columns | _build_hypotheses(predictions)


def _build_hypotheses(predictions: Predictions) -> dict[str, np.ndarray]:
    """Return hypotheses as 4x4 matrices and energies; sorted where they come from a run of ours."""
    hypotheses, energies = predictions.hypotheses, predictions.energies
    if hypotheses is None:
        return {}
    rotation, translation = hypotheses[..., :3], hypotheses[..., 3]
    if energies is not None and not _is_imported(predictions):
        order = rank_hypotheses(energies)
        kept = energies.shape[1]
        rotation, translation = select_hypotheses(rotation, translation, order, kept)
        energies = np.take_along_axis(np.asarray(energies), order, axis=1)
    columns = {"multi_hypothesis_pred_RTs": build_transforms(rotation, translation)}
    if energies is not None:
        columns["energy"] = np.asarray(energies)
    elif predictions.info.configuration.get("zero_energies", not _is_imported(predictions)):
        columns["energy"] = np.zeros((*hypotheses.shape[:2], 2))
    return columns


def _list_estimated(predictions: Predictions) -> list[list[int]]:
    """Return for every frame which of its detections have an estimate."""
    rows = _split_rows(predictions.detections.frame, len(predictions.frames))
    return [np.flatnonzero(predictions.estimates.estimated[part]).tolist() for part in rows]


def _split_rows(frame: np.ndarray, count: int) -> list[np.ndarray]:
    """Return for each of `count` frames the rows that belong to it, in their order."""
    order = np.argsort(frame, kind="stable")
    return np.split(order, np.searchsorted(frame[order], np.arange(1, count)))


def _is_imported(predictions: Predictions) -> bool:
    return "form" in predictions.info.configuration


def _has_placeholders(predictions: Predictions) -> bool:
    return bool(predictions.info.configuration.get("placeholders"))


def _name_file(frame_id: str) -> str:
    """Return a file name without folders ("Real/test/a/0000" -> "results_test_a_0000.pkl")."""
    for split, short in (("Real/test/", "test_"), ("CAMERA/val/", "val_")):
        if frame_id.startswith(split):
            frame_id = short + frame_id.removeprefix(split)
    return f"results_{re.sub(r'[^A-Za-z0-9.-]+', '_', frame_id)[:_MOST_LETTERS]}.pkl"
