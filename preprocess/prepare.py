"""From frames to shards: `genbench prepare`.

Frames are divided into shards before anything is read, and one process builds one shard, so that
neither the number of workers nor an interruption changes a byte. A shard that is already there, and
was made of the same files in the same way, is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmark.cluster import MapTasks
from benchmark.errors import ConfigError, DataFormatError, ShardFormatError
from benchmark.locking import locked
from benchmark.memory import keep_freed_memory
from benchmark.reading import holding_files
from benchmark.shards import Shard, ShardInfo, Split, read_shard, read_shard_info, write_shard
from preprocess.clouds import CloudOptions
from preprocess.fingerprints import Fingerprint
from preprocess.frame_tables import FrameTables, Rejected, join_frames, reject_frame
from preprocess.partition import find_surplus, name_shard, partition
from preprocess.workers import map_in_processes

Advance = Callable[[int], None]

_RECIPE = 2
"""Recorded in every shard; raised whenever the same input would give other shards."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """How shards are made.

    Attributes:
        split: which split, None for all that are there.
        detections: folder of Mask R-CNN detections, None to look for it in the data.
        stride: take every so many-th frame of a split.
        recentre_mugs: move the mug's origin from the box centre to the body axis, as SPD does.
        clouds: how clouds are drawn.
    """

    split: Split | None = None
    detections: Path | None = None
    stride: int = 1
    recentre_mugs: bool = True
    clouds: CloudOptions = field(default_factory=CloudOptions)

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ConfigError(f"--stride: expected 1 or more, got {self.stride}")


class Frame(Protocol):
    """What `prepare` itself needs to know of a frame."""

    @property
    def id(self) -> str:
        """Unique name."""
        ...


class FrameReader(Protocol):
    """Turns the frames of one source into rows; is sent to worker processes."""

    def list_files(self, frame: Any) -> dict[str, list[Path]]:
        """Return the files that the frame's rows depend on, by kind of fingerprint."""
        ...

    def read(self, frame: Any) -> FrameTables:
        """Return the frame's rows.

        Raises:
            Rejected: the frame cannot be used.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class FrameSource:
    """All frames of one split from one camera, and what reads them.

    Attributes:
        info: what its shards say of themselves, the fingerprints of each excepted.
        frames: every frame, in order.
        reader: what turns a frame into rows.
        notes: sentences that the user should see.
    """

    info: ShardInfo
    frames: Sequence[Frame]
    reader: FrameReader
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard to build."""

    path: Path
    info: ShardInfo
    frames: Sequence[Frame]
    reader: FrameReader


@dataclass(frozen=True, kw_only=True)
class ShardSummary:
    """What one shard holds.

    Attributes:
        path: the shard.
        kept: whether it was there already.
        frames, objects, detections: numbers of rows; left-out frames are not among them.
        reasons: number of quarantine rows by reason.
        examples: detail of the first of them by reason.
    """

    path: Path
    kept: bool
    frames: int
    objects: int
    detections: int
    reasons: dict[str, int]
    examples: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """What a preparation left in its folder.

    Attributes:
        shards: one summary a shard, in order of their names.
        removed: surplus shards of an earlier preparation, which were deleted.
    """

    shards: list[ShardSummary]
    removed: list[Path]

    def count_reasons(self) -> dict[str, int]:
        """Return the number of quarantine rows by reason."""
        return dict(sum((Counter(shard.reasons) for shard in self.shards), Counter()))

    def find_example(self, reason: str) -> str:
        """Return the detail of the first quarantine row with a reason."""
        return next(shard.examples[reason] for shard in self.shards if reason in shard.reasons)


def write_shards(
    sources: Sequence[FrameSource],
    out: Path,
    *,
    workers: int = 1,
    advance: Advance = lambda _: None,
    map_tasks: MapTasks | None = None,
) -> PrepareSummary:
    """Build the shards of all sources in `out`, and remove surplus ones of an earlier preparation.

    Args:
        sources: frames and their readers.
        out: folder of shards, made if need be.
        workers: number of processes.
        advance: called with the number of frames just done.
        map_tasks: who builds the shards; None takes `workers` processes of this machine.

    Raises:
        DataFormatError: not a single cloud came out; nothing is left in `out` then.
        ConfigError: another process works in `out`.
    """
    tasks = [task for source in sources for task in plan_shards(source, out)]
    frames = {task.path: len(task.frames) for task in tasks}
    shards = []
    with locked(out):
        for shard in (map_tasks or partial(map_in_processes, workers=workers))(build_shard, tasks):
            shards.append(shard)
            advance(frames[shard.path])
        summary = PrepareSummary(
            shards=sorted(shards, key=lambda shard: shard.path),
            removed=[path for source in sources for path in _find_surplus_of(source, out)],
        )
        if not any(shard.objects for shard in shards):
            _discard(summary)
        for path in summary.removed:
            path.unlink()
    return summary


def plan_shards(source: FrameSource, out: Path) -> list[ShardTask]:
    """Divide the frames of a source into shards."""
    info = replace(source.info, configuration={"recipe": _RECIPE} | source.info.configuration)
    return [
        ShardTask(
            path=out / name_shard(info.split, info.source, number),
            info=info,
            frames=frames,
            reader=source.reader,
        )
        for number, frames in enumerate(partition(source.frames))
    ]


def build_shard(task: ShardTask) -> ShardSummary:
    """Write one shard, unless it is there already; the work of one worker process."""
    import cv2

    cv2.setNumThreads(1)  # every worker has one core
    keep_freed_memory()
    shard = _read_existing(task)
    if shard is not None:
        return _summarize(task.path, shard, kept=True)
    inputs, parts = ShardInputs(task.reader), []
    for frame in task.frames:
        with holding_files():  # the fingerprint is of the very bytes that are read next
            inputs.add(frame)
            parts.append(read_frame(task.reader, frame))
    shard = join_frames(replace(task.info, fingerprints=inputs.compute()), parts)
    write_shard(task.path, shard)
    return _summarize(task.path, shard, kept=False)


class ShardInputs:
    """The fingerprints of the files that a shard is made of, by kind."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self._fingerprints: defaultdict[str, Fingerprint] = defaultdict(Fingerprint)

    def add(self, frame: Frame) -> None:
        """Add the files of one frame."""
        for kind, paths in self._reader.list_files(frame).items():
            fingerprint = self._fingerprints[kind]  # also where this frame has no such file
            for path in paths:
                fingerprint.add(frame.id, path)

    def compute(self) -> dict[str, str]:
        """Return the fingerprint of every kind."""
        return {kind: found.compute() for kind, found in self._fingerprints.items()}


def read_frame(reader: FrameReader, frame: Frame) -> FrameTables:
    """Read a frame; where it cannot be used, return the quarantine row that says why."""
    try:
        return reader.read(frame)
    except Rejected as rejected:
        return reject_frame(frame.id, rejected)


def _read_existing(task: ShardTask) -> Shard | None:
    """Return the shard that is there already if it is whole, made alike, of the same files."""
    try:
        shard = read_shard(task.path)
    except ShardFormatError:
        return None
    if replace(shard.info, fingerprints={}) != task.info:
        return None
    inputs = ShardInputs(task.reader)
    for frame in task.frames:
        inputs.add(frame)
    return shard if shard.info.fingerprints == inputs.compute() else None


def _summarize(path: Path, shard: Shard, *, kept: bool) -> ShardSummary:
    reasons, details = shard.quarantine.reason.tolist(), shard.quarantine.detail.tolist()
    return ShardSummary(
        path=path,
        kept=kept,
        frames=len(shard.frames),
        objects=len(shard.objects),
        detections=len(shard.detections),
        reasons=dict(Counter(reasons)),
        examples=dict(zip(reversed(reasons), reversed(details), strict=True)),
    )


def _find_surplus_of(source: FrameSource, out: Path) -> list[Path]:
    """Return shards that an earlier, longer preparation of the same split left."""
    count = len(partition(source.frames))
    paths = find_surplus(out, source.info.split, source.info.source, count)
    return [path for path in paths if "recipe" in _read_configuration(path)]


def _read_configuration(path: Path) -> dict[str, Any]:
    try:
        return read_shard_info(path).configuration
    except ShardFormatError:
        return {}


def _discard(summary: PrepareSummary) -> None:
    """Remove shards without a single cloud, and say why there is none."""
    for shard in summary.shards:
        shard.path.unlink(missing_ok=True)
    counts = sorted(summary.count_reasons().items())
    reasons = [f"{count} {name} ({summary.find_example(name)})" for name, count in counts]
    raise DataFormatError(f"no usable frame: {', '.join(reasons) or 'no detections'}")
