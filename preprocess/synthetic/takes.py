"""Takes: the frames that one worker renders in one go, with everything NOCS says of them.

Each frame draws from its own random streams, so takes can be cut anywhere without changing a byte.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocess.clouds import compute_mask_box
from preprocess.frames import PARTS, NocsFrame, Part
from preprocess.labels import MUG
from preprocess.mugs import compute_mug_recentring
from preprocess.synthetic.annotations import (
    write_aligned_detections,
    write_detections,
    write_ground_truth,
)
from preprocess.synthetic.detector import TrueObject, simulate_detections
from preprocess.synthetic.model_source import ModelSource
from preprocess.synthetic.models import is_handle_visible
from preprocess.synthetic.plans import ModelKey, get_model_split
from preprocess.synthetic.render import Rendering, SceneRenderer
from preprocess.synthetic.scenes import Scene, make_scene
from preprocess.synthetic.sensor import quantise_depth, simulate_depth
from preprocess.synthetic.truth import Truth, write_truth
from preprocess.synthetic.views import View
from preprocess.synthetic.writer import MetaRow, name_model, write_frame

TAKES = ".takes"
_SCENE_STREAM, _SENSOR_STREAM, _DETECTOR_STREAM = 0, 1, 2
_UNSEEN_ROW_EVERY, _UNSEEN_ROW_AT = 5, 3


@dataclass(frozen=True, kw_only=True)
class Take:
    """Consecutive frames of one folder.

    Attributes:
        root: where the tree is being built.
        part: CAMERA or Real, train, val or test.
        number: of the folder within its part, from 0.
        first: number of the first frame.
        casts: the models of every frame; in Real all frames show the same scene.
        models: where models come from.
        seed: seed of the data set.
    """

    root: Path
    part: Part
    number: int
    first: int
    casts: tuple[tuple[ModelKey, ...], ...]
    models: ModelSource
    seed: int

    @property
    def scene(self) -> str:
        """Name of the folder."""
        if self.part.source == "camera":
            return f"{self.number:05d}"
        return f"scene_{self.number + 1}"

    @property
    def truth_path(self) -> Path:
        """Where the truth of these frames waits for the others; written last."""
        name = f"{self.part.download}-{self.scene}-{self.first:04d}.h5"
        return self.root / TAKES / name

    def frame(self, number: int) -> NocsFrame:
        """Return one of its frames."""
        return NocsFrame(
            root=self.root,
            part=self.part,
            scene=self.scene,
            stem=f"{number:04d}",
            folder=self.root / self.part.name / self.scene,
        )

    def stream(self, purpose: int, number: int) -> np.random.Generator:
        """Return the random stream of a frame for one purpose."""
        key = (self.seed, PARTS.index(self.part), self.number, number, purpose)
        return np.random.default_rng(np.random.SeedSequence(key))


def render_take(take: Take) -> int:
    """Render and write the frames of a take, unless it is done; return their number."""
    import cv2

    cv2.setNumThreads(1)  # every worker has one core
    if not take.truth_path.exists():
        tables = [
            _render_frame(take, take.first + offset, renderer)
            for offset, renderer in enumerate(_build_renderers(take))
        ]
        write_truth(take.truth_path, Truth.concatenate([table for table in tables if len(table)]))
    return len(take.casts)


def _build_renderers(take: Take) -> Iterator[SceneRenderer]:
    """Yield the renderer of every frame: one for a whole sequence, or a scene for each frame."""
    if take.part.source == "camera":
        for offset, cast in enumerate(take.casts):
            yield _build_renderer(take, take.first + offset, cast)
    else:
        renderer = _build_renderer(take, 0, take.casts[0])
        yield from itertools.repeat(renderer, len(take.casts))


def _build_renderer(take: Take, number: int, cast: tuple[ModelKey, ...]) -> SceneRenderer:
    split = get_model_split(take.part)
    models = [take.models.get(category, split, index) for category, index in cast]
    return SceneRenderer(make_scene(models, take.stream(_SCENE_STREAM, number)))


def _render_frame(take: Take, number: int, renderer: SceneRenderer) -> Truth:
    """Render and write one frame, its annotations and detections; return what is true of it."""
    frame, scene = take.frame(number), renderer.scene
    view = scene.path.view(number if take.part.source == "real" else 0)
    rendering = renderer.render(view, take.part.intrinsics)
    depth_mm = _measure_depth(take, number, rendering)
    write_frame(frame, rendering, depth_mm, _list_meta_rows(take, number, scene))
    fractions = renderer.compute_visible_fractions(view, take.part.intrinsics, rendering.instance)
    truth = _describe_objects(frame, scene, view, rendering, fractions)
    if take.part.split != "train":
        _write_annotations(take, number, scene, rendering.instance, truth, fractions)
    return truth


def _write_annotations(
    take: Take,
    number: int,
    scene: Scene,
    instance: np.ndarray,
    truth: Truth,
    fractions: np.ndarray,
) -> None:
    """Write ground truth and detections of an evaluation frame."""
    frame = take.frame(number)
    boxes = [compute_mask_box(instance == id_) for id_ in truth.instance]
    write_ground_truth(frame, truth, np.array(boxes).reshape(-1, 4))
    objects = [
        TrueObject(index + 1, item.model.category, float(fractions[index]))
        for index, item in enumerate(scene.objects)
    ]
    found = simulate_detections(instance, objects, take.stream(_DETECTOR_STREAM, number))
    write_detections(frame, found)
    if take.part.source == "real":
        write_aligned_detections(frame, truth, _recentre_mugs(scene, truth), found)


def _measure_depth(take: Take, number: int, rendering: Rendering) -> np.ndarray:
    """Return depth (H, W) uint16 in millimetres: through the sensor in Real, clean in CAMERA."""
    import cv2

    if take.part.source == "camera":
        return quantise_depth(rendering.depth)
    luma = cv2.cvtColor(rendering.albedo, cv2.COLOR_RGB2GRAY)
    rng = take.stream(_SENSOR_STREAM, number)
    return simulate_depth(rendering.depth, rendering.incidence, luma, rng)


def _list_meta_rows(take: Take, number: int, scene: Scene) -> list[MetaRow]:
    """Return a row for each object, and in some CAMERA frames one for an absent object."""
    rows = [MetaRow(id=index + 1, model=item.model) for index, item in enumerate(scene.objects)]
    if take.part.source == "camera" and number % _UNSEEN_ROW_EVERY == _UNSEEN_ROW_AT:
        category = min((item.model.category or 1) for item in scene.objects)
        unseen = take.models.get(category, get_model_split(take.part), 0)
        rows.append(MetaRow(id=len(rows) + 1, model=unseen))
    return rows


def _describe_objects(
    frame: NocsFrame, scene: Scene, view: View, rendering: Rendering, fractions: np.ndarray
) -> Truth:
    """Return the table of the visible objects of the six categories, by ascending id."""
    pixels = np.bincount(rendering.instance.reshape(-1), minlength=256)
    on_handle = np.bincount(rendering.instance[rendering.handle], minlength=256)
    shown = [
        (index + 1, item)
        for index, item in enumerate(scene.objects)
        if item.model.category and pixels[index + 1]
    ]
    if not shown:
        return Truth.empty()
    ids = np.array([id_ for id_, _ in shown])
    category = np.array([item.model.category for _, item in shown])
    size = np.array([item.model.extents for _, item in shown])
    scale = np.linalg.norm(size, axis=1)
    transform = np.array([view.transform(item.rotation, item.translation) for _, item in shown])
    transform[:, :3, :3] *= scale[:, None, None]
    visible = [is_handle_visible(on_handle[id_], pixels[id_]) for id_ in ids]
    return Truth(
        frame=np.full(len(ids), frame.id),
        instance=ids,
        category=category,
        model=np.array([name_model(item.model, frame.part.source) for _, item in shown]),
        transform=transform,
        extents=size / scale[:, None],
        visible_pixels=pixels[ids],
        visible_fraction=fractions[ids - 1],
        handle_pixels=on_handle[ids],
        handle_visible=np.where(category == MUG, visible, True),
    )


def _recentre_mugs(scene: Scene, truth: Truth) -> np.ndarray:
    """Return the transforms (N, 4, 4) with the origin of mugs on the axis of the body."""
    poses = truth.transform.copy()
    for row in np.flatnonzero(truth.category == MUG):
        model = scene.objects[truth.instance[row] - 1].model
        shift, scale = compute_mug_recentring(model.vertices, model.faces)
        poses[row, :3, 3] -= poses[row, :3, :3] @ shift
        poses[row, :3, :3] /= scale
    return poses
