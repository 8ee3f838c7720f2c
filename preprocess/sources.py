"""What there is to prepare in a folder: the splits of a NOCS tree, or own data."""

from pathlib import Path

from benchmark.errors import ConfigError
from preprocess.nocs_sources import find_nocs_sources
from preprocess.own import is_own_data
from preprocess.own_frames import find_own_source
from preprocess.prepare import FrameSource, PrepareOptions


def find_sources(data: Path, options: PrepareOptions) -> list[FrameSource]:
    """Return what there is to prepare in a folder.

    Raises:
        ConfigError: own data has no such split.
        DataFormatError: the folder is no NOCS tree, or the split is not in it.
    """
    if not is_own_data(data):
        return find_nocs_sources(data, options)
    if options.split not in (None, "test"):
        raise ConfigError(f"{data}: own data has the split test alone, not {options.split}")
    return [find_own_source(data, stride=options.stride, clouds=options.clouds)]
