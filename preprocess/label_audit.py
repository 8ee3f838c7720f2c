"""How far derived training labels are from the truth that synth6's renderer knows."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import DataFormatError
from benchmark.geometry.rotations import compute_angle
from benchmark.geometry.similarity import compute_rotation, compute_scale
from preprocess.frame_tables import Rejected
from preprocess.frames import PARTS, Part, find_frames, find_parts
from preprocess.label_fitting import derive_labels
from preprocess.labels import MugHandles, ObjectLabel
from preprocess.model_files import ModelFiles
from preprocess.synthetic.truth import TRUTH_FILE, read_truth

if TYPE_CHECKING:
    import pandas as pd


def compare_labels(root: Path, *, limit: int | None = None) -> "pd.DataFrame":
    """Derive the labels of synth6's training frames and compare them with the truth.

    Mugs are compared about their box centre, the convention that both sides start from.

    Args:
        root: a tree that `genbench synth` made.
        limit: at most so many frames of each part, None for all.

    Returns:
        One row per object: source, category, rotation_deg, translation_mm, scale_percent.

    Raises:
        DataFormatError: not a synth6 tree, or it has no training frames.
    """
    import pandas as pd

    if not (root / TRUTH_FILE).is_file():
        raise DataFormatError(
            f"{root / TRUTH_FILE}: no such file: labels can be checked on synth6 alone"
        )
    truth = read_truth(root / TRUTH_FILE)
    rows = zip(truth.frame.tolist(), truth.instance.tolist(), truth.transform, strict=True)
    poses = {(frame, instance): transform for frame, instance, transform in rows}
    there = find_parts(root)
    parts = [part for part in PARTS if part.split == "train" and part.name in there]
    errors = [row for part in parts for row in _compare_part(root, part, poses, limit)]
    if not errors:
        raise DataFormatError(f"{root}: no labels could be derived: expected training frames")
    return pd.DataFrame(errors)


def _compare_part(
    root: Path, part: Part, poses: dict[tuple[str, int], np.ndarray], limit: int | None
) -> Iterator[dict[str, object]]:
    models, handles = ModelFiles(root), MugHandles(root)
    for frame in find_frames(root, part)[:limit]:
        try:
            labelled = derive_labels(frame, models, handles, recentre_mugs=False)
        except Rejected:
            continue
        for label in labelled.labels:
            meta = label.instance.meta
            yield {
                "source": part.source,
                "category": get_category(meta.category).name,
                **_measure(label, poses[frame.id, meta.id]),
            }


def _measure(label: ObjectLabel, truth: np.ndarray) -> dict[str, float]:
    """Return the errors of one label against a true similarity transform (4, 4)."""
    pose = label.pose
    angle = compute_angle(np.asarray(pose.rotation), compute_rotation(truth))
    return {
        "rotation_deg": float(np.rad2deg(angle)),
        "translation_mm": float(1000 * np.linalg.norm(pose.translation - truth[:3, 3])),
        "scale_percent": float(100 * abs(pose.scale / compute_scale(truth) - 1)),
    }


def summarize_errors(errors: "pd.DataFrame") -> "pd.DataFrame":
    """Return objects, median and 90 % quantile of each error, by source and category."""
    import pandas as pd

    kinds = ["rotation_deg", "translation_mm", "scale_percent"]
    groups = errors.groupby(["source", "category"])
    columns = {"objects": groups.size()}
    for kind in kinds:
        columns[f"{kind} median"] = groups[kind].median()
        columns[f"{kind} 90 %"] = groups[kind].quantile(0.9)
    return pd.DataFrame(columns).reset_index()
