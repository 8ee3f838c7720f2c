"""Recorded frames as predictions."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.pickles import read_pickle
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth


@lru_cache(maxsize=8)
def read_frames(source: Path) -> list[dict[str, Any]]:
    """Read the frames of a folder, or of one file with all of them."""
    if source.is_dir():
        return [read_pickle(path) for path in sorted(source.glob("*.pkl"))]
    return [entry["result"] for entry in read_pickle(source).values()]


def build_predictions(frames: list[dict[str, Any]], *, hypotheses: bool) -> Predictions:
    """Turn frames into predictions, with hypotheses (GenPose) or with boxes (SPD, NOCS)."""

    def join(key: str) -> np.ndarray:
        return np.concatenate([frame[key] for frame in frames if len(frame[key])])

    counts = [len(frame["pred_class_ids"]) for frame in frames]
    truths = [len(frame["gt_class_ids"]) for frame in frames]
    rows = np.arange(len(frames))
    detections = sum(counts)
    with_hypotheses = {
        "hypotheses": join("multi_hypothesis_pred_RTs")[:, :, :3] if hypotheses else None,
        "energies": join("energy") if hypotheses else None,
    }
    no_sizes = np.full((detections, 3), np.nan)
    return Predictions(
        info=RunInfo(estimator="golden", dataset="golden", split="test", label_set="golden"),
        frames=Frames(
            id=[f"frame_{row:04d}" for row in rows],
            scene=["scene"] * len(rows),
            number=rows,
            intrinsics=np.ones((len(rows), 4)),
            image_size=np.tile([640, 480], (len(rows), 1)),
        ),
        ground_truth=GroundTruth(
            frame=np.repeat(rows, truths),
            category=join("gt_class_ids"),
            instance=["object"] * sum(truths),
            transform=join("gt_RTs"),
            extents=join("gt_scales"),
            bbox=join("gt_bboxes"),
            handle_visible=join("gt_handle_visibility"),
            visible_pixels=np.full(sum(truths), -1),
        ),
        detections=Detections(
            frame=np.repeat(rows, counts),
            category=join("pred_class_ids"),
            bbox=join("pred_bboxes"),
            confidence=join("pred_scores"),
        ),
        estimates=Estimates(
            estimated=np.ones(detections),
            transform=np.tile(np.eye(4), (detections, 1, 1)) if hypotheses else join("pred_RTs"),
            extents=no_sizes if hypotheses else join("pred_scales"),
        ),
        **with_hypotheses,
    )
