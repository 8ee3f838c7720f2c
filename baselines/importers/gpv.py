"""P2: one pickle with a list of P1 dictionaries, as GPV-Pose and RBP-Pose write it."""

from collections.abc import Mapping

from baselines.importers.names import parse_frame_path
from baselines.importers.nocs import get_image_path, read_frame
from baselines.importers.record import ImportedFrame
from baselines.importers.sources import Document
from benchmark.errors import DataFormatError


def read_document(document: Document) -> list[ImportedFrame]:
    """Read the list; every dictionary names its own image.

    Raises:
        DataFormatError: an entry is no dictionary or names no image.
    """
    frames = []
    for index, content in enumerate(document.content):
        where = f"{document.where}, entry {index}"
        path = get_image_path(content) if isinstance(content, Mapping) else None
        if path is None:
            raise DataFormatError(f"{where}: expected a dictionary with 'image_path'")
        frames.append(read_frame(content, parse_frame_path(path, where), where))
    return frames
