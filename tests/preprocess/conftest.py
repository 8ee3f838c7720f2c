"""A small NOCS tree of ellipsoids, whose depth, coordinates and poses are known in closed form."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.categories import Intrinsics, get_category
from benchmark.rle import encode_rle
from preprocess.frames import PARTS, Part

FRAMES = {
    "CAMERA/train": {"00000": 2},
    "CAMERA/val": {"00000": 1},
    "Real/train": {"scene_1": 1},
    "Real/test": {"scene_1": 2, "scene_2": 1},
}
EXTENTS = {1: (0.08, 0.22, 0.08), 5: (0.26, 0.18, 0.3), 6: (0.13, 0.09, 0.09)}
MUG_SHIFT, MUG_SCALE = (0.1, 0.0, 0.0), 0.85


@dataclass(frozen=True)
class Ellipsoid:
    """An object that fills its box: instance id, class id, name, pose and box sides in metres."""

    id: int
    category: int
    name: str
    rotation: np.ndarray
    translation: np.ndarray
    extents: np.ndarray

    @property
    def transform(self) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, :3] = np.linalg.norm(self.extents) * self.rotation
        matrix[:3, 3] = self.translation
        return matrix


@dataclass(frozen=True)
class NocsTree:
    """Where the tree lies, and its objects by frame id."""

    root: Path
    objects: dict[str, list[Ellipsoid]]


@pytest.fixture(scope="session")
def nocs_template(tmp_path_factory: pytest.TempPathFactory) -> NocsTree:
    """Write the tree once."""
    root = tmp_path_factory.mktemp("nocs")
    objects: dict[str, list[Ellipsoid]] = {}
    rng = np.random.default_rng(7)
    for part in PARTS:
        for scene, count in FRAMES[part.name].items():
            for number in range(count):
                drawn = [_draw(part, row, category, rng) for row, category in enumerate(EXTENTS, 1)]
                _write_frame(root, part, scene, number, drawn)
                objects[f"{part.name}/{scene}/{number:04d}"] = drawn
    _write_models(root)
    return NocsTree(root, objects)


@pytest.fixture
def nocs_tree(nocs_template: NocsTree, tmp_path: Path) -> NocsTree:
    """Return a copy of the tree, to be damaged."""
    root = tmp_path / "nocs"
    shutil.copytree(nocs_template.root, root)
    return NocsTree(root, nocs_template.objects)


@pytest.fixture
def write_coco(nocs_template: NocsTree) -> Callable[[Path], None]:
    """Return a function that writes the detections of the tree as one COCO file."""

    def write(path: Path) -> None:
        results: list[dict[str, Any]] = []
        for file in sorted((nocs_template.root / "mrcnn_results").glob("*/*.pkl")):
            part = next(part for part in PARTS if part.download == file.parent.name)
            _, _, scene, stem = _split_name(file.stem)
            found = pickle.loads(file.read_bytes())  # noqa: S301 - written above
            for row, (y1, x1, y2, x2) in enumerate(found["rois"].tolist()):
                results.append(
                    {
                        "image_id": f"{part.name}/{scene}/{stem}",
                        "category_id": int(found["class_ids"][row]),
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "score": float(found["scores"][row]),
                        "segmentation": encode_rle(found["masks"][..., row]),
                    }
                )
        path.write_text(json.dumps(results))

    return write


def _split_name(stem: str) -> tuple[str, str, str, str]:
    """Split results_test_scene_1_0000 into its four pieces."""
    head, split, rest = stem.split("_", 2)
    scene, number = rest.rsplit("_", 1)
    return head, split, scene, number


def _draw(part: Part, row: int, category: int, rng: np.random.Generator) -> Ellipsoid:
    ending = "_norm" if part.source == "real" else ""
    name = f"{get_category(category).name}_{part.download}{ending}"
    place = np.array([0.28 * (row - 2), 0.0, 1.0]) + rng.uniform(-0.04, 0.04, 3)
    rotation = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
    return Ellipsoid(row, category, name, rotation, place, np.array(EXTENTS[category]))


def _write_frame(root: Path, part: Part, scene: str, number: int, drawn: list[Ellipsoid]) -> None:
    depth_mm, mask, coordinates = render(drawn, part.intrinsics)
    prefix = root / part.name / scene / f"{number:04d}"
    prefix.parent.mkdir(parents=True, exist_ok=True)
    if part.source == "camera":
        packed = np.where(depth_mm == 0, 32001, depth_mm)
        stored = np.stack([packed * 0, packed >> 8, packed & 255], axis=-1).astype(np.uint8)
        shown = np.stack([mask * 0, mask * 0, mask, mask * 0 + 255], axis=-1)
    else:
        stored, shown = depth_mm.astype(np.uint16), mask
    images = {"depth": stored, "mask": shown, "coord": coordinates[..., ::-1], "color": coordinates}
    for kind, image in images.items():
        cv2.imwrite(f"{prefix}_{kind}.png", image)
    rows = [
        f"{item.id} {item.category} "
        + (f"{get_category(item.category).synset} " if part.source == "camera" else "")
        + item.name
        for item in drawn
    ]
    Path(f"{prefix}_meta.txt").write_text("\n".join(rows) + "\n")
    if part.split != "train":
        _write_annotations(root, part, f"{scene}_{number:04d}", drawn, mask)


def _write_annotations(
    root: Path, part: Part, name: str, drawn: list[Ellipsoid], mask: np.ndarray
) -> None:
    boxes = np.array([_bound(mask == item.id) for item in drawn], dtype=np.int32)
    classes = np.array([item.category for item in drawn], dtype=np.int32)
    truth: dict[str, Any] = {"gt_RTs": np.array([item.transform for item in drawn], np.float32)}
    if part.source == "camera":
        sizes = [item.extents / np.linalg.norm(item.extents) for item in drawn]
        truth |= {"gt_class_ids": classes, "gt_bboxes": boxes, "gt_scales": np.array(sizes)}
    detections = {
        "class_ids": classes,
        "rois": boxes,
        "scores": np.linspace(0.9, 0.99, len(drawn)).astype(np.float32),
        "masks": np.stack([mask == item.id for item in drawn], axis=-1),
    }
    for folder, prefix, content in (
        ("gts", part.download, truth),
        ("mrcnn_results", part.split, detections),
    ):
        path = root / folder / part.download / f"results_{prefix}_{name}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(content, protocol=3))


def _write_models(root: Path) -> None:
    mug_meta = {}
    for part in PARTS:
        for category, extents in EXTENTS.items():
            kind = get_category(category)
            folder = root / "obj_models" / part.download
            ending = "_norm" if part.source == "real" else ""
            name = f"{kind.name}_{part.download}{ending}"
            if part.source == "real":
                path, text = folder / f"{name}.txt", " ".join(map(str, extents))
            else:
                path = folder / kind.synset / name / "bbox.txt"
                half = np.array(extents) / np.linalg.norm(extents) / 2
                text = "\n".join(" ".join(map(str, corner)) for corner in (half, -half))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if category == 6:
                mug_meta[name] = [np.array(MUG_SHIFT), MUG_SCALE]
    (root / "obj_models" / "mug_meta.pkl").write_bytes(pickle.dumps(mug_meta, protocol=3))


def render(
    objects: list[Ellipsoid], intrinsics: Intrinsics
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth (h, w) int32 mm, mask (h, w) uint8 and coordinates (h, w, 3) uint8 RGB."""
    v, u = np.mgrid[: intrinsics.height, : intrinsics.width]
    rays = np.stack(
        [(u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy, u * 0 + 1.0], -1
    )
    nearest = np.full(u.shape, np.inf)
    mask, coordinates = np.full(u.shape, 255, np.uint8), np.zeros((*u.shape, 3), np.uint8)
    for item in objects:
        half = item.extents / 2
        direction = rays @ item.rotation / half
        origin = -item.translation @ item.rotation / half
        a, b = (direction**2).sum(-1), direction @ origin
        root = b**2 - a * (origin @ origin - 1)
        z = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        hit = z < nearest
        nearest[hit], mask[hit] = z[hit], item.id
        local = (rays[hit] * z[hit][:, None] - item.translation) @ item.rotation
        stored = local / np.linalg.norm(item.extents) + 0.5
        stored[:, 2] = 1 - stored[:, 2]
        coordinates[hit] = np.round(255 * stored)
    depth = np.where(np.isfinite(nearest), np.round(1000 * np.where(nearest < 9, nearest, 0)), 0)
    return depth.astype(np.int32), mask, coordinates


def _bound(mask: np.ndarray) -> list[int]:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [rows[0], cols[0], rows[-1] + 1, cols[-1] + 1]
