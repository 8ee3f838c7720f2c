"""What a caller may choose when a foreign result is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FORMS: dict[str, str] = {
    "p1": "NOCS-style pickle per image (NOCS, SPD, CR-Net, SGPA, DualPoseNet, DPDN, SAR-Net)",
    "p2": "one pickle with a list of images (GPV-Pose, RBP-Pose)",
    "p3": "CASS JSON per image",
    "p4": "GenPose pickle with hypotheses and energies",
    "p5": "CAPTRA pickle per instance and sequence",
    "p6": "CATRE pickles and initial-pose JSON",
    "p7": "6-PACK text per image and instance",
    "p8": "iCaps text per sequence",
    "p9": "detections with masks, without poses",
}


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How to read a foreign result.

    Attributes:
        form: a key of `FORMS`, "auto" to tell it from the content.
        method: name of the method that made the result; None takes the form's own.
        poses: for CASS, whose poses: "own" or "nocs".
        iteration: for CATRE, which refinement step (0 is the initial pose); None takes the last.
        keep: fraction of ranked hypotheses to average where a file has hypotheses alone.
        detections_only: accept files that hold detections and no poses.
        ground_truth: predictions, shards or another foreign result whose ground truth to use
            instead of the file's own.
    """

    form: str = "auto"
    method: str | None = None
    poses: Literal["own", "nocs"] = "own"
    iteration: int | None = None
    keep: float = 0.6
    detections_only: bool = False
    ground_truth: Path | None = None
