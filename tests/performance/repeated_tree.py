"""Large NOCS trees out of a small one: its test scenes over and over again, as links."""

import shutil
from pathlib import Path

TEST = "Real/test"
PICKLES = (
    "gts/real_test/results_real_test_{scene}_",
    "mrcnn_results/real_test/results_test_{scene}_",
)


def link_scenes(tree: Path, out: Path, times: int) -> int:
    """Make a tree in `out` whose Real test split shows the scenes of `tree` `times` times.

    Returns:
        Its number of frames.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "obj_models").symlink_to((tree / "obj_models").resolve())
    scenes = sorted((tree / TEST).resolve().iterdir())
    frames = 0
    for number in range(times * len(scenes)):
        source, name = scenes[number % len(scenes)], f"scene_{number + 1}"
        place = out / TEST / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source)
        frames += sum(1 for _ in source.glob("*_depth.png"))
        for pattern in PICKLES:
            _link_pickles(tree, out, pattern, source.name, name)
    return frames


def _link_pickles(tree: Path, out: Path, pattern: str, source: str, name: str) -> None:
    prefix = Path(pattern.format(scene=source))
    target = out / pattern.format(scene=name)
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in (tree / prefix.parent).resolve().glob(f"{prefix.name}*.pkl"):
        target.with_name(target.name + path.name.removeprefix(prefix.name)).symlink_to(path)
