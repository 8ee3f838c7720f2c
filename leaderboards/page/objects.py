"""The objects that failures show: each once for all runs, with its cloud and its colour crop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leaderboards.page.clouds import pack_cloud, read_clouds
from leaderboards.page.crops import ReadImage, read_crop
from leaderboards.page.failures import Failure, ObjectKey

SHARDS_FOLDER = "shards"
"""Where a data folder keeps its shards, if it does."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the pictures of objects come from.

    Attributes:
        shards: folders of shards, for clouds.
        trees: NOCS-layout folders, for colour crops.
        read_image: reads a PNG; None where there are no crops.
    """

    shards: tuple[Path, ...] = ()
    trees: tuple[Path, ...] = ()
    read_image: ReadImage | None = None


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A detection in its image.

    Attributes:
        bbox: pixel box [y1, x1, y2, x2].
        intrinsics: fx, fy, cx, cy in pixels.
    """

    bbox: np.ndarray
    intrinsics: np.ndarray


@dataclass(kw_only=True)
class Gallery:
    """What all runs together want to show.

    Attributes:
        failures: those of each run.
        sightings: where each object is seen.
        data_of_shard: fingerprint of every shard that some run used to the data of that run.
    """

    failures: list[list[Failure]] = field(default_factory=list)
    sightings: dict[ObjectKey, Sighting] = field(default_factory=dict)
    data_of_shard: dict[str, str] = field(default_factory=dict)


def choose_objects(failures: Sequence[Sequence[Failure]], limit: int) -> list[ObjectKey]:
    """Return the objects to show, at most `limit`: the worst of every run and category first."""
    ranked = sorted((f.rank, run, f.category) for run, list_ in enumerate(failures) for f in list_)
    by_place = {
        (f.rank, run, f.category): f.key for run, list_ in enumerate(failures) for f in list_
    }
    return list(dict.fromkeys(by_place[place] for place in ranked))[:limit]


def build_objects(
    gallery: Gallery, chosen: Sequence[ObjectKey], sources: Sources
) -> list[dict[str, Any]]:
    """Return each chosen object as plain values: intrinsics, and cloud and crop where known."""
    clouds = read_clouds(sources.shards, gallery.data_of_shard, set(chosen))
    return [_build_object(key, gallery.sightings[key], clouds, sources) for key in chosen]


def _build_object(
    key: ObjectKey,
    sighting: Sighting,
    clouds: Mapping[ObjectKey, tuple[Path, np.ndarray]],
    sources: Sources,
) -> dict[str, Any]:
    shown: dict[str, Any] = {"intrinsics": [round(float(v), 3) for v in sighting.intrinsics]}
    if key not in clouds:
        return shown
    shard, points = clouds[key]
    shown["cloud"] = pack_cloud(points)
    tree = choose_tree(shard, sources.trees)
    if tree is not None and sources.read_image is not None:
        shown |= read_crop(tree, key.frame, sighting.bbox, sources.read_image) or {}
    return shown


def choose_tree(shard: Path, trees: Sequence[Path]) -> Path | None:
    """Return the data folder that a shard was made from; None where that cannot be told.

    Frames of two data sets may have the same ids, so a folder with shards of its own serves those
    alone.
    """
    inside = [tree for tree in trees if shard.resolve().is_relative_to(tree.resolve())]
    others = [tree for tree in trees if not (tree / SHARDS_FOLDER).is_dir()]
    if inside:
        return inside[0]
    return others[0] if len(others) == 1 else None
