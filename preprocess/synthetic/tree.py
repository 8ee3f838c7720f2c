"""synth6: a whole NOCS tree, rendered in resumable pieces and put in place when it is complete."""

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.progress import ShowProgress, show_nothing
from benchmark.shards import Split
from preprocess.frames import PARTS, Part
from preprocess.labels import MUG
from preprocess.synthetic.annotations import write_pickle
from preprocess.synthetic.model_files import ModelTask, write_joint_files, write_model
from preprocess.synthetic.model_source import ModelSource, find_meshes
from preprocess.synthetic.placement import Source
from preprocess.synthetic.plans import (
    TreePlan,
    count_models,
    draw_casts,
)
from preprocess.synthetic.site import building, is_finished
from preprocess.synthetic.takes import TAKES, Take, render_take
from preprocess.synthetic.training_shards import OBJECTS_PER_SHARD, write_training_shards
from preprocess.synthetic.truth import TRUTH_FILE, Truth, read_truth, write_truth
from preprocess.workers import map_in_processes

TRAINING_SHARDS = "shards-train"
_VERSION = 1
_FRAMES_PER_TAKE = 10
_MUG_HANDLES = "Real/train/mug_handle.pkl"
_CAST_STREAM = 10_000
_TRAINING_INSTANCES = 1500


@dataclass(frozen=True, kw_only=True)
class TreeOptions:
    """What a tree is made of.

    Attributes:
        plan: how large it is.
        seed: seed of everything.
        meshes: folder of real meshes to show in CAMERA val and Real test instead of parametric
            models; the train parts are then left out.
    """

    plan: TreePlan
    seed: int = 0
    meshes: Path | None = None

    @property
    def parts(self) -> list[Part]:
        """The parts to render."""
        chosen = [part for part in PARTS if part.name in self.plan.parts]
        return [part for part in chosen if self.meshes is None or part.split != "train"]

    @property
    def training_objects(self) -> int:
        """Objects to render straight into shards; none of real meshes, which are for tests."""
        return 0 if self.meshes else self.plan.training_objects


def synthesize(
    out: Path,
    options: TreeOptions,
    *,
    workers: int = 1,
    show: ShowProgress = show_nothing,
) -> bool:
    """Render a tree into `out`; a finished one is kept, an interrupted one is continued.

    The bytes depend on the options alone, not on the number of workers.

    Args:
        out: a folder that does not exist, is empty, or holds the same tree.
        options: what to render.
        workers: processes.
        show: shows how far each stage is; called with what is done, how many items there are, and
            their name in the plural.

    Returns:
        False where the finished tree was there already.

    Raises:
        ConfigError: something else is in `out`.
        DataFormatError: a mesh cannot be used.
    """
    models = find_meshes(options.meshes, options.seed) if options.meshes else None
    models = models or ModelSource(seed=options.seed)
    description = describe_tree(options, models)
    if is_finished(out, description):
        return False
    with building(out, description) as root:
        _render_frames(root, options, models, workers, show)
        _write_models(root, options, models, workers, show)
        write_training_objects(root, options, workers=workers, show=show)
        shutil.rmtree(root / TAKES)
    return True


def describe_tree(options: TreeOptions, models: ModelSource) -> dict[str, Any]:
    """Return everything that decides the bytes of a tree, as JSON values."""
    meshes = {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for _, files in models.meshes
        for path in files
    }
    return {
        "dataset": "synth6",
        "version": _VERSION,
        "seed": options.seed,
        "parts": {part.name: asdict(options.plan.parts[part.name]) for part in options.parts},
        "training_objects": options.training_objects,
        "meshes": meshes,
    }


def _render_frames(
    root: Path, options: TreeOptions, models: ModelSource, workers: int, show: ShowProgress
) -> None:
    """Render all frames, and write the files that join them."""
    (root / TAKES).mkdir(exist_ok=True)
    takes = [take for part in options.parts for take in plan_takes(root, part, options, models)]
    with show("rendering", sum(len(take.casts) for take in takes), "frames") as advance:
        for count in map_in_processes(render_take, takes, workers=workers):
            advance(count)
    truth = Truth.concatenate([read_truth(take.truth_path) for take in takes])
    write_truth(root / TRUTH_FILE, truth)
    for part in options.parts:
        _write_frame_list(root, part, [take for take in takes if take.part == part])
        if part.name == "Real/train":
            _write_mug_handles(root, takes, truth)


def _write_models(
    root: Path, options: TreeOptions, models: ModelSource, workers: int, show: ShowProgress
) -> None:
    """Write all models, and the files that join them."""
    tasks = [task for part in options.parts for task in _plan_models(root, part, options, models)]
    order = {(task.part.name, task.key): row for row, task in enumerate(tasks)}
    written = []
    with show("writing models", len(tasks), "models") as advance:
        for model in map_in_processes(write_model, tasks, workers=workers):
            written.append(model)
            advance(1)
    write_joint_files(root, sorted(written, key=lambda model: order[model.key]))


def plan_takes(root: Path, part: Part, options: TreeOptions, models: ModelSource) -> list[Take]:
    """Cut a part into takes of at most ten frames."""
    plan = options.plan.parts[part.name]
    is_sequence = part.source == "real"
    rng = np.random.default_rng((options.seed, _CAST_STREAM, PARTS.index(part)))
    counts = models.count() or count_models(plan)
    one_mug = part.name == "Real/train"
    scenes = plan.scenes if is_sequence else plan.scenes * plan.frames
    casts = draw_casts(scenes, counts, rng, one_mug=one_mug)
    takes = []
    for number in range(plan.scenes):
        if is_sequence:
            of_folder = [casts[number]] * plan.frames
        else:
            of_folder = casts[number * plan.frames : (number + 1) * plan.frames]
        takes += [
            Take(
                root=root,
                part=part,
                number=number,
                first=first,
                casts=tuple(of_folder[first : first + _FRAMES_PER_TAKE]),
                models=models,
                seed=options.seed,
            )
            for first in range(0, plan.frames, _FRAMES_PER_TAKE)
        ]
    return takes


def _plan_models(
    root: Path, part: Part, options: TreeOptions, models: ModelSource
) -> list[ModelTask]:
    counts = models.count() or count_models(options.plan.parts[part.name])
    return [
        ModelTask(root=root, part=part, key=(category, index), models=models, seed=options.seed)
        for category, count in counts.items()
        for index in range(count)
    ]


def _write_frame_list(root: Path, part: Part, takes: list[Take]) -> None:
    """Write SPD's list of a part's frames."""
    folder, split = part.name.split("/")
    names = [
        f"{split}/{take.scene}/{take.first + offset:04d}\n"
        for take in takes
        for offset in range(len(take.casts))
    ]
    (root / folder / f"{split}_list.txt").write_text("".join(names), encoding="utf-8")


def _write_mug_handles(root: Path, takes: list[Take], truth: Truth) -> None:
    """Write whether the handle is visible in each frame of Real train; 0 where there is no mug."""
    mugs = truth.take(truth.category == MUG)
    visible = dict(zip(mugs.frame.tolist(), mugs.handle_visible.tolist(), strict=True))
    content: dict[str, list[int]] = {}
    for take in takes:
        if take.part.name != "Real/train":
            continue
        for number in range(take.first, take.first + len(take.casts)):
            content.setdefault(take.scene, []).append(number)
            flag = int(visible.get(take.frame(number).id, 0))
            content.setdefault(f"{take.scene}_res", []).append(flag)
    write_pickle(root / _MUG_HANDLES, content)


def write_training_objects(
    root: Path, options: TreeOptions, *, workers: int = 1, show: ShowProgress = show_nothing
) -> None:
    """Render single objects straight into shards: half clean, half through the sensor.

    One more shard, of instances that are not trained on, measures accuracy during training.
    """
    if not options.training_objects:
        return
    half = options.training_objects // 2
    parts: tuple[tuple[Source, Split, int], ...] = (
        ("camera", "train", half),
        ("real", "train", half),
        ("camera", "val", OBJECTS_PER_SHARD),
    )
    shards = sum(-(-count // OBJECTS_PER_SHARD) for _, _, count in parts)
    with show("rendering training objects", shards, "shards") as advance:
        for source, split, count in parts:
            write_training_shards(
                root / TRAINING_SHARDS,
                count=count,
                instances_per_category=_TRAINING_INSTANCES,
                seed=options.seed,
                source=source,
                split=split,
                workers=workers,
                on_shard=lambda _path: advance(1),
            )
