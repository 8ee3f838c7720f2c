"""P3: one JSON per image, as CASS writes it, with its own poses and those of NOCS."""

from collections.abc import Mapping
from typing import Any

from baselines.importers.names import FrameName, parse_frame_path
from baselines.importers.nocs import NocsKeys, get_image_path, read_frame
from baselines.importers.options import ImportOptions
from baselines.importers.record import FROM_Z180, ImportedFrame, change_camera_frame, take_array
from baselines.importers.sources import Document
from benchmark.errors import DataFormatError

_OWN_KEYS = NocsKeys(
    gt_class_ids="gt_class_ids_for_CASS",
    gt_transforms="gt_RTs_for_CASS",
    gt_scales="gt_scales_for_CASS",
    transforms="pred_RTs_cass",
    scales="pred_scales_cass",
)


def read_document(document: Document, options: ImportOptions) -> list[ImportedFrame]:
    """Read one image; `options.poses` says whose poses, CASS's own or NOCS's.

    Raises:
        DataFormatError: no image path, or the poses asked for are not there.
    """
    content, where = document.content, document.where
    path = get_image_path(content)
    if path is None:
        raise DataFormatError(f"{where}: expected the key 'image_path'")
    name = parse_frame_path(path, where)
    if options.poses == "nocs":
        return [read_frame(content, name, where)]
    return [_read_own(content, name, where)]


def _read_own(content: Mapping[str, Any], name: FrameName, where: str) -> ImportedFrame:
    """Read CASS's own poses and ground truth, both in the camera frame turned by 180 degrees."""
    shared = ("pred_class_ids", "pred_bboxes", "pred_scores", "pred_scales_cass")
    own = {key: content[key] for key in shared if key in content}
    for key in ("pred_RTs_cass", "gt_RTs_for_CASS"):
        own[key] = change_camera_frame(take_array(content, key, (4, 4), where), FROM_Z180)
    models = content.get("model_information")
    if not isinstance(models, list) or not all(isinstance(model, Mapping) for model in models):
        raise DataFormatError(f"{where}: 'model_information' should be a list of dictionaries")
    own["gt_class_ids_for_CASS"] = [_read_class(model, where) for model in models]
    own["gt_scales_for_CASS"] = [model.get("gt_scales_for_CASS") for model in models]
    return read_frame(own, name, where, keys=_OWN_KEYS)


def _read_class(model: Mapping[str, Any], where: str) -> int:
    """Return the class id of a model, which some files hold as text."""
    try:
        return int(model["cls_id"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataFormatError(f"{where}: a model without a usable 'cls_id' ({error})") from error
