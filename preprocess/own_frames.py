"""Frames of own data into the rows of a shard."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmark.categories import Intrinsics
from benchmark.errors import DataFormatError
from benchmark.rle import decode_rle
from benchmark.shards import ShardInfo
from preprocess.clouds import (
    CloudOptions,
    Region,
    build_detections,
    build_frame,
    compute_mask_box,
    cut_clouds,
)
from preprocess.fingerprints import compute_files_fingerprint
from preprocess.frame_tables import FrameTables, Rejected, build_quarantine, rejecting
from preprocess.images import read_png
from preprocess.own import OwnConfiguration, OwnFrame, find_own_frames, read_own_configuration
from preprocess.prepare import FrameSource

_MM_PER_M = 1000.0


@dataclass(frozen=True, kw_only=True)
class OwnReader:
    """Reads frames of own data: every object of the CSV is a detection, whether or not it is seen.

    Attributes:
        configuration: what `genbench.toml` says.
        clouds: how clouds are drawn.
    """

    configuration: OwnConfiguration
    clouds: CloudOptions

    def list_files(self, frame: OwnFrame) -> dict[str, list[Path]]:
        """Return the files that the frame's rows depend on, by fingerprint."""
        return {"frames": [frame.depth], "detections": [frame.mask] if frame.mask else []}

    def read(self, frame: OwnFrame) -> FrameTables:
        """Return the frame's detections and clouds.

        Raises:
            Rejected: the depth or the mask cannot be used.
        """
        with rejecting("unreadable_depth"):
            depth_mm = read_own_depth(frame.depth, self.configuration.depth_scale)
        if not depth_mm.any():
            raise Rejected("no_depth", f"{frame.depth}: no pixel has a depth")
        masks = read_own_masks(frame, depth_mm.shape, self.configuration.background)
        regions = [
            Region(
                category=instance.category,
                bbox=compute_mask_box(mask),
                confidence=instance.confidence,
                mask=mask,
            )
            for instance, mask in zip(frame.instances, masks, strict=True)
        ]
        intrinsics = self._get_intrinsics(depth_mm.shape)
        objects, quarantine = cut_clouds(frame.id, depth_mm, regions, intrinsics, self.clouds)
        return FrameTables(
            frames=build_frame(frame.id, self.configuration.name, frame.number, intrinsics),
            detections=build_detections(regions, depth_mm),
            objects=objects,
            quarantine=build_quarantine(quarantine),
        )

    def _get_intrinsics(self, shape: tuple[int, ...]) -> Intrinsics:
        own = self.configuration
        return Intrinsics(
            fx=own.fx, fy=own.fy, cx=own.cx, cy=own.cy, width=shape[1], height=shape[0]
        )


def find_own_source(folder: Path, *, stride: int, clouds: CloudOptions) -> FrameSource:
    """Return the frames of a folder of own data: a test split without ground truth.

    Raises:
        ConfigError, UnknownNameError, DataFormatError: the folder is not as `docs/own-data.md`
            says; see `preprocess.own`.
    """
    own = read_own_configuration(folder)
    frames = find_own_frames(folder, own)
    tables = [folder / own.categories, folder / own.masks]
    configuration = asdict(own) | {
        "stride": stride,
        "clouds": asdict(clouds),
        "tables": compute_files_fingerprint((p.name, p) for p in tables if p.is_file()),
    }
    info = ShardInfo(
        dataset=own.name,
        source="own",
        split="test",
        label_set="none",
        has_ground_truth=False,
        configuration=configuration,
    )
    reader = OwnReader(configuration=own, clouds=clouds)
    return FrameSource(info=info, frames=frames[::stride], reader=reader)


def read_own_depth(path: Path, depth_scale: float) -> np.ndarray:
    """Read a one-channel depth image.

    Args:
        path: 8-bit or 16-bit PNG.
        depth_scale: metres per unit.

    Returns:
        (h, w) float32, millimetres, 0 where unknown.

    Raises:
        DataFormatError: missing, damaged, or with several channels.
    """
    return _read_grey(path).astype(np.float32) * np.float32(depth_scale * _MM_PER_M)


def read_own_masks(frame: OwnFrame, shape: tuple[int, ...], background: int) -> list[np.ndarray]:
    """Return the boolean mask (h, w) of every object of a frame, in order.

    Raises:
        Rejected: the mask cannot be read, or its size is not the depth's.
    """
    if frame.mask is None:
        with rejecting("unreadable_mask"):
            masks = [_decode_instance(frame, instance.id, shape) for instance in frame.instances]
    else:
        with rejecting("unreadable_mask"):
            identity = _read_grey(frame.mask)
        masks = [
            (identity == instance.id) & (identity != background) for instance in frame.instances
        ]
        if identity.shape != shape:
            raise Rejected(
                "size_mismatch",
                f"{frame.mask}: expected {shape[1]}x{shape[0]} pixels as the depth, "
                f"got {identity.shape[1]}x{identity.shape[0]}",
            )
    return masks


def _decode_instance(frame: OwnFrame, instance: int, shape: tuple[int, ...]) -> np.ndarray:
    if instance not in frame.rles:
        return np.zeros(shape, dtype=bool)  # as an id that the mask image does not hold
    return decode_rle(frame.rles[instance], (shape[1], shape[0]))


def _read_grey(path: Path) -> np.ndarray:
    image = read_png(path)
    if image.ndim != 2:
        raise DataFormatError(f"{path}: expected one channel, got {image.shape[2]}")
    return image
