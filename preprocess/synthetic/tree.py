"""synth6: a whole NOCS tree, rendered in resumable pieces and put in place when it is complete."""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.columns import replacing
from benchmark.errors import ConfigError
from preprocess.frames import PARTS, Part
from preprocess.labels import MUG
from preprocess.synthetic.annotations import write_pickle
from preprocess.synthetic.model_files import ModelTask, write_joint_files, write_model
from preprocess.synthetic.model_source import ModelSource, find_meshes
from preprocess.synthetic.plans import (
    TreePlan,
    count_models,
    draw_casts,
)
from preprocess.synthetic.takes import TAKES, Take, render_take
from preprocess.synthetic.training_shards import write_training_shards
from preprocess.synthetic.truth import TRUTH_FILE, Truth, read_truth, write_truth
from preprocess.workers import map_in_processes

DESCRIPTION_FILE = "synth6.json"
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
    on_done: Callable[[int], None] = lambda _count: None,
) -> bool:
    """Render a tree into `out`; a finished one is kept, an interrupted one is continued.

    The bytes depend on the options alone, not on the number of workers.

    Args:
        out: a folder that does not exist, is empty, or holds the same tree.
        options: what to render.
        workers: processes.
        on_done: called with the number of frames that were just finished.

    Returns:
        False where the finished tree was there already.

    Raises:
        ConfigError: something else is in `out`.
        DataFormatError: a mesh cannot be used.
    """
    models = find_meshes(options.meshes, options.seed) if options.meshes else None
    models = models or ModelSource(seed=options.seed)
    description = describe_tree(options, models)
    if _is_finished(out, description):
        return False
    root = _open_building_site(out, description)
    with _locked(root):
        _render_parts(root, options, models, workers, on_done)
        _write_training_shards(root, options, workers)
        shutil.rmtree(root / TAKES)
        root.replace(out)
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


def _is_finished(out: Path, description: dict[str, Any]) -> bool:
    """Tell whether the same tree lies in `out`; refuse anything else that is there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not out.is_dir() or _read_description(out) is None:
        raise ConfigError(f"{out}: exists and is not a synth6 tree: name a new or empty folder")
    if _read_description(out) != description:
        raise ConfigError(
            f"{out}: holds a synth6 tree of another size, seed, version or meshes: "
            "name another folder, or delete it first"
        )
    return True


def _read_description(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _open_building_site(out: Path, description: dict[str, Any]) -> Path:
    """Return the hidden folder beside `out` where the tree grows; the same tree is continued."""
    root = out.absolute().with_name(f".{out.absolute().name}.part")
    if root.exists() and _read_description(root) != description:
        if _read_description(root) is None and any(root.iterdir()):
            raise ConfigError(f"{root}: in the way and not ours: move it elsewhere")
        shutil.rmtree(root)
    (root / TAKES).mkdir(parents=True, exist_ok=True)
    with replacing(root / DESCRIPTION_FILE) as temporary:
        temporary.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", "utf-8")
    return root


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the building site alone while the block runs."""
    with (root / TAKES / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"{root}: another genbench is rendering this tree: wait for it"
            ) from error
        yield


def _render_parts(
    root: Path,
    options: TreeOptions,
    models: ModelSource,
    workers: int,
    on_done: Callable[[int], None],
) -> None:
    """Render all frames and models, and write the files that join them."""
    takes = [take for part in options.parts for take in plan_takes(root, part, options, models)]
    for count in map_in_processes(render_take, takes, workers=workers):
        on_done(count)
    tasks = [task for part in options.parts for task in _plan_models(root, part, options, models)]
    order = {(task.part.name, task.key): row for row, task in enumerate(tasks)}
    written = sorted(
        map_in_processes(write_model, tasks, workers=workers), key=lambda model: order[model.key]
    )
    write_joint_files(root, written)
    truth = Truth.concatenate([read_truth(take.truth_path) for take in takes])
    write_truth(root / TRUTH_FILE, truth)
    for part in options.parts:
        _write_frame_list(root, part, [take for take in takes if take.part == part])
        if part.name == "Real/train":
            _write_mug_handles(root, takes, truth)


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


def _write_training_shards(root: Path, options: TreeOptions, workers: int) -> None:
    """Render single objects straight into shards, half clean and half through the sensor."""
    for source in ("camera", "real"):
        if options.training_objects:
            write_training_shards(
                root / TRAINING_SHARDS,
                count=options.training_objects // 2,
                instances_per_category=_TRAINING_INSTANCES,
                seed=options.seed,
                source=source,
                workers=workers,
            )
