"""Reading the files of a foreign result: which there are, and what each holds."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import DataFormatError
from benchmark.pickles import read_pickle
from benchmark.reading import check_file, parse_json

_SUFFIXES = (".pkl", ".pickle", ".json", ".txt")
_LARGEST_TEXT, _LARGEST_FILE = 2**28, 2**32
_GZIP = b"\x1f\x8b"
_HDF5 = b"\x89HDF"


@dataclass(frozen=True, kw_only=True)
class Document:
    """One file of a result.

    Attributes:
        path: the file.
        content: a pickle's or JSON's object, or a text.
    """

    path: Path
    content: Any

    @property
    def where(self) -> str:
        """Return the file as messages show it."""
        return str(self.path)

    @property
    def stem(self) -> str:
        """Return the file's name without its suffixes ("results_test_scene_1_0000")."""
        name = self.path.name
        for suffix in (".gz", *_SUFFIXES):
            name = name.removesuffix(suffix)
        return name

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders above the file, outermost first."""
        return self.path.absolute().parts[1:-1]


def list_files(path: Path) -> list[Path]:
    """List the file itself, or all files below the folder that may be results, sorted.

    Raises:
        DataFormatError: nothing there that could be a result.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataFormatError(f"{path}: no such file or folder")
    found = [entry for entry in sorted(path.rglob("*")) if _may_be_result(entry)]
    if not found:
        raise DataFormatError(f"{path}: expected .pkl, .json or .txt files (also .gz), found none")
    return found


def _may_be_result(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith(_SUFFIXES) and not name.startswith(".") and path.is_file()


def read_documents(paths: list[Path]) -> Iterator[Document]:
    """Read files one after another, so that no more than one is in memory.

    Raises:
        DataFormatError: a file is unreadable, or neither pickle, JSON nor text.
    """
    for path in paths:
        yield Document(path=path, content=_read_content(path))


def _read_content(path: Path) -> Any:
    if _is_pickle(path):
        return read_pickle(path)
    text = _read_text(path)
    if text.lstrip()[:1] not in ("{", "["):
        return text
    return parse_json(text, str(path))


def _is_pickle(path: Path) -> bool:
    """Tell a pickle by its first byte (protocol 2 and later) or its name (protocols 0 and 1)."""
    head = _read_bytes(path, 4)
    if head.startswith(_HDF5):
        raise DataFormatError(f"{path}: an HDF5 file, not a foreign result: evaluate it as it is")
    return head[:1] == b"\x80" or path.name.removesuffix(".gz").endswith((".pkl", ".pickle"))


def _read_text(path: Path) -> str:
    data = _read_bytes(path, _LARGEST_TEXT + 1)
    if len(data) > _LARGEST_TEXT:
        raise DataFormatError(f"{path}: text of more than {_LARGEST_TEXT >> 20} MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path}: neither a pickle nor JSON nor text") from error


def _read_bytes(path: Path, count: int) -> bytes:
    """Read at most `count` bytes, unpacking gzip whatever the file is called."""
    check_file(path, _LARGEST_FILE)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            data = file.read() if packed else file.read(count)
    except OSError as error:
        raise DataFormatError(f"{path}: cannot be read ({error.strerror})") from error
    if not packed:
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, count)
    except zlib.error as error:
        raise DataFormatError(f"{path}: damaged gzip ({error})") from error
