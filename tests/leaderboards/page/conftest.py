"""A folder of runs, the data behind them, and a browser that opens pages about them."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from benchmark.predictions import Predictions
from benchmark.shards import POINTS_PER_CLOUD, Objects, Shard, ShardInfo, write_shard
from leaderboards.page.content import PageOptions, collect_content
from leaderboards.page.objects import SHARDS_FOLDER, Sources
from leaderboards.runs import Run
from preprocess.images import read_png

HOSTILE = {
    "image": "<img src=x onerror=\"document.title='owned'\">",
    "script": "</script><script>document.title='owned'</script>",
    "quotes": "\"' onmouseover=\"document.title='owned'",
    "direction": "\u202efelpmaxe\u202c מבחן",
    "emoji": "📦🤖 & &lt;b&gt;",
}
SCENES, FRAMES = 2, 2


def _err(size: float) -> Callable[..., np.ndarray]:
    return lambda generator, category, count: size * generator.normal(size=(len(category), count))


def _make_shard(predictions: Predictions) -> Shard:
    """Return a shard with a cloud for every detection: points on its object's box."""
    generator = np.random.default_rng(5)
    truth = predictions.ground_truth
    count = len(truth)
    corner = generator.uniform(-0.5, 0.5, (count, POINTS_PER_CLOUD, 3)) * truth.extents[:, None]
    turned = corner @ np.swapaxes(truth.transform[:, :3, :3], 1, 2)
    rows = np.arange(count)
    return Shard(
        info=ShardInfo(dataset="synth6", source="real", split="test", label_set="spd"),
        frames=predictions.frames,
        ground_truth=truth,
        detections=predictions.detections,
        objects=Objects(
            points=turned + truth.transform[:, None, :3, 3],
            frame=truth.frame,
            detection=rows,
            ground_truth=rows,
            category=truth.category,
            valid_pixels=np.full(count, POINTS_PER_CLOUD),
        ),
    )


def _write_images(tree: Path, predictions: Predictions) -> None:
    generator = np.random.default_rng(6)
    for frame in predictions.frames.id:
        path = tree / f"{frame}_color.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = generator.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (640, 480)))


@pytest.fixture(scope="session")
def world(
    tmp_path_factory: pytest.TempPathFactory, make_run_at: Callable[..., Run]
) -> SimpleNamespace:
    """Return `runs`, a folder of five runs and a damaged one, and `tree`, the data of some."""
    folder = tmp_path_factory.mktemp("page")
    runs, tree = folder / "runs", folder / "tree"

    def make(name: str, size: float, **options: Any) -> Run:
        drawn = {"scenes": SCENES, "frames": FRAMES, "hypotheses": 8}
        return make_run_at(runs / name, degree=_err(size), cm=_err(size / 4), **drawn | options)

    first = make("good", 2.0)
    shard = _make_shard(first.predictions)
    checksum = write_shard(tree / SHARDS_FOLDER / "test-real-0000.h5", shard)
    _write_images(tree, first.predictions)
    prints = first.info.fingerprints | {"shard:test-real-0000": checksum, "weights:score": "a" * 64}
    setup = {"hypotheses": 8, "keep": 0.6, "seed": 3, "weights": "compact"}
    make("good", 2.0, fingerprints=prints, configuration=setup)
    make("bad", 12.0, fingerprints=prints, configuration=setup | {"weights": "compact-short"})
    make("single", 6.0, hypotheses=None, estimator="regression", configuration={})
    make("other-data", 1.0, dataset="other", fingerprints={"detections": "9" * 64})
    make(
        HOSTILE["image"],
        20.0,
        estimator=HOSTILE["script"],
        dataset=HOSTILE["emoji"],
        label_set=HOSTILE["direction"],
        configuration={"weights": HOSTILE["quotes"], HOSTILE["image"]: HOSTILE["script"]},
    )
    (runs / "damaged").mkdir()
    (runs / "damaged" / "predictions.h5").write_bytes(b"not HDF5")
    return SimpleNamespace(runs=runs, tree=tree)


@pytest.fixture(scope="session")
def sources(world: SimpleNamespace) -> Sources:
    """Return where clouds and crops of the world's objects are."""
    return Sources(shards=(world.tree / SHARDS_FOLDER,), trees=(world.tree,), read_image=read_png)


@pytest.fixture(scope="session")
def blocks(world: SimpleNamespace, sources: Sources) -> dict[str, Any]:
    """Return what the page holds of the world's runs."""
    options = PageOptions(protocols=("genpose", "strict", "tracking-genpose"), rounds=20)
    return collect_content(world.runs, options, sources)
