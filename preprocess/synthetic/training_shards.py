"""Training data of synth6: single objects rendered straight into shards, without any picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.errors import ShardFormatError
from benchmark.records import Detections, Frames, GroundTruth
from benchmark.shards import Objects, Shard, ShardInfo, Split, read_shard, write_shard
from preprocess.synthetic.models import ModelSplit
from preprocess.synthetic.objects import (
    Catalogue,
    TrainingObject,
    get_intrinsics,
    make_training_object,
)
from preprocess.synthetic.placement import Source
from preprocess.workers import map_in_processes

OBJECTS_PER_SHARD = 2000
LABEL_SET = "synth6-1/mug-body-axis"
_INSTANCES_PER_SHARD = 60
_SOURCE_STREAM: dict[Source, int] = {"camera": 0, "real": 1}
_MODEL_SPLITS: dict[tuple[Source, Split], ModelSplit] = {
    ("camera", "train"): "camera_train",
    ("camera", "val"): "camera_val",
    ("real", "train"): "real_train",
    ("real", "test"): "real_test",
}


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """All that determines one shard.

    Attributes:
        out: folder.
        number: of the shard, from 0.
        objects: in this shard.
        instances_per_category: size of the population that shards take their instances from.
        seed: seed of the data set.
        source: "camera" (clean) or "real" (depth sensor).
        split: of the shard and of the instances.
    """

    out: Path
    number: int
    objects: int
    instances_per_category: int
    seed: int
    source: Source
    split: Split

    @property
    def path(self) -> Path:
        """The shard's file."""
        return self.out / f"{self.split}-{self.source}-{self.number:05d}.h5"

    def describe(self) -> ShardInfo:
        """Return what the shard says of itself."""
        configuration = {
            "number": self.number,
            "objects": self.objects,
            "instances_per_category": self.instances_per_category,
            "seed": self.seed,
        }
        return ShardInfo(
            dataset="synth6",
            source=self.source,
            split=self.split,
            label_set=LABEL_SET,
            configuration=configuration,
        )


def write_training_shards(
    out: Path,
    *,
    count: int,
    instances_per_category: int,
    seed: int,
    source: Source,
    split: Split = "train",
    workers: int = 1,
    on_shard: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Write shards of 2,000 single objects, the six categories in turn.

    The bytes depend on the arguments alone, not on the number of workers. A shard that is there
    already, whole and of the same arguments, is kept.

    Args:
        out: folder for the shards.
        count: objects in all.
        instances_per_category: different models of each category to draw from.
        seed: seed of the data set.
        source: "camera" (clean) or "real" (depth sensor).
        split: whose instances to use.
        workers: processes.
        on_shard: called with every shard as it is done, in no particular order.

    Returns:
        The shards in order.
    """
    tasks = [
        ShardTask(
            out=out,
            number=number,
            objects=min(OBJECTS_PER_SHARD, count - number * OBJECTS_PER_SHARD),
            instances_per_category=instances_per_category,
            seed=seed,
            source=source,
            split=split,
        )
        for number in range(-(-count // OBJECTS_PER_SHARD))
    ]
    for path in map_in_processes(write_training_shard, tasks, workers=workers):
        if on_shard is not None:
            on_shard(path)
    return [task.path for task in tasks]


def write_training_shard(task: ShardTask) -> Path:
    """Write one shard, unless it is there already."""
    import cv2

    cv2.setNumThreads(1)  # the images are small, and every worker has one core
    if not _is_done(task):
        catalogue = _choose_catalogue(task)
        samples = [_make_sample(task, catalogue, row) for row in range(task.objects)]
        write_shard(task.path, _collect(task, samples))
    return task.path


def _is_done(task: ShardTask) -> bool:
    """Tell whether the shard lies there undamaged, made from the same arguments."""
    try:
        return read_shard(task.path).info == task.describe()
    except ShardFormatError:
        return False


def _choose_catalogue(task: ShardTask) -> Catalogue:
    """Return the shard's instances: the next stretch of the population, so that all get used."""
    count = min(_INSTANCES_PER_SHARD, task.instances_per_category)
    start = task.number * count
    indices = tuple((start + step) % task.instances_per_category for step in range(count))
    split = _MODEL_SPLITS[task.source, task.split]
    return Catalogue(split=split, seed=task.seed, indices=indices)


def _make_sample(task: ShardTask, catalogue: Catalogue, row: int) -> TrainingObject:
    stream = (task.seed, _SOURCE_STREAM[task.source], task.number, row)
    rng = np.random.default_rng(np.random.SeedSequence(stream))
    return make_training_object(row % 6 + 1, catalogue, task.source, rng)


def _collect(task: ShardTask, samples: list[TrainingObject]) -> Shard:
    """Return the samples as a shard in which every object has a frame of its own."""
    rows = np.arange(len(samples))
    camera = get_intrinsics(task.source)
    names = [f"synth6/{task.path.stem}/{row:04d}" for row in rows]
    columns = {
        name: np.array([getattr(sample, name) for sample in samples])
        for name in ("category", "instance", "transform", "extents", "bbox", "visible_pixels")
    }
    return Shard(
        info=task.describe(),
        frames=Frames(
            id=np.array(names),
            scene=np.array(names),
            number=np.zeros(len(rows)),
            intrinsics=np.tile([camera.fx, camera.fy, camera.cx, camera.cy], (len(rows), 1)),
            image_size=np.tile([camera.width, camera.height], (len(rows), 1)),
        ),
        ground_truth=GroundTruth(
            frame=rows,
            handle_visible=np.array([sample.handle_visible for sample in samples]),
            **columns,
        ),
        detections=Detections.empty(),
        objects=Objects(
            points=np.array([sample.points for sample in samples]),
            frame=rows,
            detection=np.full(len(rows), -1),
            ground_truth=rows,
            category=columns["category"],
            valid_pixels=np.array([sample.valid_pixels for sample in samples]),
        ),
    )
