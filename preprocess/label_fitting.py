"""Training labels from images, as SPD derives them.

CAMERA: the coordinate map against depth, by RANSAC-Umeyama. Real: the coordinate map, in the
model's known size, against pixels, by PnP; its depth is a sensor's, its coordinate map a rendering.
"""

import zlib
from dataclasses import replace

import numpy as np

from benchmark.categories import Intrinsics
from benchmark.errors import DataFormatError
from benchmark.geometry.alignment import (
    Similarity,
    draw_ransac_indices,
    estimate_similarity_robustly,
)
from benchmark.geometry.cameras import back_project, pack_intrinsics
from preprocess.frame_tables import rejecting
from preprocess.frames import NocsFrame
from preprocess.images import check_same_size, decode_coordinates, read_coordinate_map
from preprocess.instances import VisibleInstance, find_instances, read_frame, select_usable
from preprocess.labels import MUG, LabelledFrame, MugHandles, ObjectLabel, recentre
from preprocess.model_files import ModelFiles

_PNP_POINTS = 4096  # more change the pose by 0.01 degrees and cost half a second
_PNP_TOLERANCE_PX = 3.0
_PNP_ITERATIONS = 200
_SMALLEST_INLIER_RATIO = 0.1


def derive_labels(
    frame: NocsFrame, models: ModelFiles, handles: MugHandles, *, recentre_mugs: bool = True
) -> LabelledFrame:
    """Derive the pose and scale of every usable object of a training frame.

    Args:
        frame: of CAMERA or Real.
        models: of the same data root.
        handles: of the same data root.
        recentre_mugs: move the origin of mugs to the axis of their body, as SPD does.

    Raises:
        Rejected: the frame cannot be used at all.
    """
    images = read_frame(frame)
    instances = find_instances(images.mask, images.meta)
    usable, left_out = select_usable(frame.id, instances, images.depth_mm)
    path = frame.get_path("coord.png")
    with rejecting("unreadable_coordinates"):
        coordinates = read_coordinate_map(path)
        check_same_size({frame.get_path("mask.png"): images.mask, path: coordinates})
    labels = []
    for instance in usable:
        try:
            label = _derive_label(frame, models, instance, coordinates, images.depth_mm)
            if instance.meta.category == MUG:
                label = _finish_mug(frame, models, handles, label, recentre_mugs)
            labels.append(label)
        except DataFormatError as error:
            left_out.append((frame.id, instance.meta.id, "no_label", str(error)))
    return LabelledFrame(images=images, labels=labels, left_out=left_out)


def _derive_label(
    frame: NocsFrame,
    models: ModelFiles,
    instance: VisibleInstance,
    coordinates: np.ndarray,
    depth_mm: np.ndarray,
) -> ObjectLabel:
    nocs = decode_coordinates(instance.select(coordinates))
    pixels = instance.find_pixels()
    extents = models.get_extents(frame.part, instance.meta)
    diagonal = float(np.linalg.norm(extents))
    if frame.part.source == "camera":
        rng = np.random.default_rng([zlib.crc32(frame.id.encode()), instance.meta.id])
        pose = fit_to_depth(nocs, pixels, instance.select(depth_mm), frame.part.intrinsics, rng)
    else:
        pose = fit_to_pixels(nocs, pixels, diagonal, frame.part.intrinsics)
    if pose is None:
        raise DataFormatError(
            f"{frame.get_path('coord.png')}: object {instance.meta.id}: no pose agrees with it"
        )
    return ObjectLabel(instance=instance, pose=pose, extents=extents / diagonal)


def _finish_mug(
    frame: NocsFrame,
    models: ModelFiles,
    handles: MugHandles,
    label: ObjectLabel,
    recentre_mugs: bool,
) -> ObjectLabel:
    label = replace(label, handle_visible=handles.is_visible(frame))
    if not recentre_mugs:
        return label
    return recentre(label, models.get_recentring(frame.part, label.instance.meta))


def fit_to_depth(
    nocs: np.ndarray,
    pixels: np.ndarray,
    depth_mm: np.ndarray,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
) -> Similarity | None:
    """Fit the similarity that takes NOCS coordinates to the points seen.

    Args:
        nocs: (n, 3) centred coordinates.
        pixels: (n, 2) u, v.
        depth_mm: (n,) depth, 0 where unknown.
        intrinsics: the camera's.
        rng: draws the RANSAC samples.

    Returns:
        Object-to-camera similarity, None where fewer than a tenth of the pixels agree.
    """
    known = depth_mm > 0
    points = back_project(pixels[known], depth_mm[known] / 1000.0, pack_intrinsics(intrinsics))
    draws = draw_ransac_indices(len(points), rng)
    return estimate_similarity_robustly(nocs[known], points, draws)


def fit_to_pixels(
    nocs: np.ndarray, pixels: np.ndarray, scale: float, intrinsics: Intrinsics
) -> Similarity | None:
    """Fit the pose that takes NOCS coordinates, in the known size, to the pixels that show them.

    Args:
        nocs: (n, 3) centred coordinates.
        pixels: (n, 2) u, v.
        scale: diagonal of the object's box in metres.
        intrinsics: the camera's.

    Returns:
        Object-to-camera similarity, None where fewer than a tenth of the pixels agree.
    """
    fx, fy, cx, cy = pack_intrinsics(intrinsics)
    camera = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    chosen = np.linspace(0, len(nocs) - 1, min(len(nocs), _PNP_POINTS)).astype(int)
    solution = _solve_pnp(scale * nocs[chosen].astype(float), pixels[chosen].astype(float), camera)
    if solution is None:
        return None
    rotation, translation = solution
    return Similarity(np.array(scale), rotation, translation)


def _solve_pnp(
    points: np.ndarray, pixels: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rotation and translation by RANSAC, refined on the pixels that agree."""
    import cv2

    try:
        # SQPnP is ten times faster than the iterative solver and, refined, gives the same pose
        found, turn, shift, inliers = cv2.solvePnPRansac(
            points,
            pixels,
            camera,
            None,
            iterationsCount=_PNP_ITERATIONS,
            reprojectionError=_PNP_TOLERANCE_PX,
            flags=cv2.SOLVEPNP_SQPNP,
        )
        if not found or inliers is None or len(inliers) < _SMALLEST_INLIER_RATIO * len(points):
            return None
        kept = inliers[:, 0]
        turn, shift = cv2.solvePnPRefineLM(points[kept], pixels[kept], camera, None, turn, shift)
    except cv2.error:  # degenerate coordinates
        return None
    rotation, _ = cv2.Rodrigues(turn)
    if not np.all(np.isfinite(rotation)) or not np.all(np.isfinite(shift)) or shift[2, 0] <= 0:
        return None
    return rotation, shift[:, 0]
