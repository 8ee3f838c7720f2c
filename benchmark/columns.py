"""Tables of equally long numpy columns, and how they lie in an HDF5 group.

Shards and predictions are made of such tables. A table is a frozen dataclass whose fields are
declared with `column`; everything here is derived from those declarations, so a schema is written
down exactly once.
"""

import hashlib
import io
import math
import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar

import h5py
import numpy as np

from benchmark.errors import ShardFormatError
from benchmark.replacing import replacing
from benchmark.signals import postponing_signals

_CHUNK_BYTES = 1 << 22


def column(dtype: str, *shape: int, optional: bool = False) -> Any:
    """Declare a column: a numpy dtype ("str" for text) and the shape of one row.

    An optional column may be None, and is then absent from the file.
    """
    metadata = {"dtype": dtype, "shape": shape, "optional": optional}
    return field(default=None, metadata=metadata) if optional else field(metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Base of column tables: conversion, length, row selection and joining."""

    def __post_init__(self) -> None:
        length: int | None = None
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None and item.metadata["optional"]:
                continue
            array = _as_column(value, item.metadata["dtype"], item.metadata["shape"])
            where = f"{type(self).__name__}.{item.name}"
            if array.shape[1:] != item.metadata["shape"]:
                expected = item.metadata["shape"]
                raise ShardFormatError(
                    f"{where}: expected rows of {expected}, got {array.shape[1:]}"
                )
            if length is not None and len(array) != length:
                raise ShardFormatError(f"{where}: expected {length} rows, got {len(array)}")
            length = len(array)
            object.__setattr__(self, item.name, array)

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    @classmethod
    def empty(cls) -> Self:
        """Return the table without rows (optional columns absent)."""
        names = [item for item in fields(cls) if not item.metadata["optional"]]
        return cls(**{item.name: np.empty((0, *item.metadata["shape"])) for item in names})

    def take(self, rows: Any) -> Self:
        """Return the rows picked by an index array, mask or slice."""
        return type(self)(**{name: values[rows] for name, values in self.items()})

    def items(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the name and values of every column that is present."""
        for item in fields(self):
            if getattr(self, item.name) is not None:
                yield item.name, getattr(self, item.name)

    @classmethod
    def concatenate(cls, tables: Sequence[Self]) -> Self:
        """Join tables end to end.

        Raises:
            ShardFormatError: an optional column is present in some of them that have rows, but not
                in all.
        """
        filled = [table for table in tables if len(table)] or list(tables[:1])
        if not filled:
            return cls.empty()
        names = [name for name, _ in filled[0].items()]
        for table in filled:
            if (found := [name for name, _ in table.items()]) != names:
                odd = ", ".join(sorted(set(found) ^ set(names)))
                raise ShardFormatError(
                    f"{cls.__name__}: {odd} is in some parts only: delete what was prepared "
                    "before, and prepare it again"
                )
        return cls(**{name: np.concatenate([getattr(t, name) for t in filled]) for name in names})


T = TypeVar("T", bound=Table)


def _as_column(value: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype != "str":
        array: np.ndarray = np.asanyarray(value)  # keeps a memory map a memory map
        return array if array.dtype == np.dtype(dtype) else array.astype(dtype)
    array = np.asarray(value)
    return array.astype(str) if array.size else np.empty((0, *shape), dtype="<U1")


def write_text(file: h5py.File, name: str, text: str) -> None:
    """Write an attribute of ASCII text.

    Text of variable length would lie in a heap that HDF5 keeps no checksum of, and in which a
    damaged file makes it run in circles.
    """
    file.attrs[name] = np.bytes_(text.encode("ascii"))


def read_text(file: h5py.File, name: str) -> str:
    """Read an attribute that `write_text` wrote.

    Raises:
        KeyError: there is none.
        ShardFormatError: it is text of variable length, or no text.
    """
    kind = file.attrs.get_id(name).dtype
    if kind.kind != "S":
        raise ShardFormatError(
            f"{file.filename}: attribute {name} is not text of fixed length: write the file again"
        )
    text: bytes = file.attrs[name]
    return text.decode("ascii")


def read_number(file: h5py.File, name: str) -> int:
    """Read an attribute that is a whole number.

    Raises:
        KeyError: there is none.
        ShardFormatError: it is anything else.
    """
    attribute = file.attrs.get_id(name)
    if attribute.dtype.kind not in "iu" or attribute.shape != ():
        raise ShardFormatError(f"{file.filename}: attribute {name} is no whole number")
    return int(file.attrs[name])


def write_table(group: h5py.Group, table: Table) -> None:
    """Write every present column as one contiguous dataset of `group`."""
    for name, values in table.items():
        if values.dtype.kind == "U":
            text = np.char.encode(values, "utf-8") if values.size else values.astype("S1")
            kind = h5py.string_dtype("utf-8", max(text.dtype.itemsize, 1))
            group.create_dataset(name, data=text.astype(kind))
        else:
            group.create_dataset(name, data=values)


def read_table(group: h5py.Group, table: type[T], *, mapped: Sequence[str] = ()) -> T:
    """Read a table, checking every dataset against its declaration.

    Args:
        group: the HDF5 group that holds one dataset a column; see `get_group`.
        table: the table class to read.
        mapped: columns to return as read-only memory maps instead of reading them.

    Raises:
        ShardFormatError: a column is missing, or has another type or shape than declared.
    """
    columns: dict[str, np.ndarray] = {}
    for item in fields(table):
        where = f"{group.file.filename}: {group.name}/{item.name}"
        if not has_link(group, item.name):
            if item.metadata["optional"]:
                continue
            raise ShardFormatError(f"{where} is missing: write the file again")
        dataset = get_dataset(group, item.name)
        _check_dataset(dataset, item.metadata["dtype"], item.metadata["shape"], where)
        if item.metadata["dtype"] == "str":
            columns[item.name] = np.asarray(dataset.asstr()[...])
        else:
            columns[item.name] = map_dataset(dataset) if item.name in mapped else dataset[...]
    return table(**columns)


def has_link(group: h5py.Group, name: str) -> bool:
    """Tell whether a group has something of this name, without following a link to elsewhere."""
    return bool(group.id.links.exists(name.encode()))


def get_group(file: h5py.File, name: str) -> h5py.Group:
    """Return a group that lies in this very file.

    Raises:
        ShardFormatError: it is missing, or a link.
    """
    return _get_own(file, name, h5py.Group)


def get_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset whose values all lie, unpacked, in this very file.

    Raises:
        ShardFormatError: it is missing, a link, virtual, chunked, or claims more than is there.
    """
    dataset = _get_own(group, name, h5py.Dataset)
    claimed = None if dataset.size is None else dataset.size * dataset.dtype.itemsize
    elsewhere = dataset.is_virtual or dataset.external or dataset.chunks
    if elsewhere or dataset.id.get_storage_size() != claimed:
        where = f"{group.file.filename}: {group.name.rstrip('/')}/{name}"
        raise ShardFormatError(f"{where} is not a plain dataset: write the file again")
    return dataset


def _get_own(group: h5py.Group, name: str, kind: type[Any]) -> Any:
    """Return a group or dataset of this very file: links to elsewhere are not followed."""
    where = f"{group.file.filename}: {group.name.rstrip('/')}/{name}"
    if not has_link(group, name):
        raise ShardFormatError(f"{where} is missing: write the file again")
    is_hard = group.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD
    found = group[name] if is_hard else None
    if not isinstance(found, kind):
        raise ShardFormatError(
            f"{where} is a link or of another kind, expected a {kind.__name__.lower()}: "
            "write the file again"
        )
    return found


def _check_dataset(dataset: h5py.Dataset, dtype: str, shape: tuple[int, ...], where: str) -> None:
    text = h5py.check_string_dtype(dataset.dtype)
    is_text = text is not None and text.length is not None
    fits = is_text if dtype == "str" else (not is_text and dataset.dtype == np.dtype(dtype))
    if not fits or dataset.shape is None or dataset.shape[1:] != shape:
        raise ShardFormatError(
            f"{where}: expected {dtype} rows of {shape}, got {dataset.dtype} {dataset.shape}: "
            "write the file again"
        )


def map_dataset(dataset: h5py.Dataset) -> np.ndarray:
    """Return a read-only memory map of a contiguous dataset (a plain array where it is empty)."""
    offset = dataset.id.get_offset()
    if offset is None:
        return np.asarray(dataset[...])
    return np.memmap(
        dataset.file.filename, mode="r", dtype=dataset.dtype, shape=dataset.shape, offset=offset
    )


def release_pages(values: np.ndarray | None) -> None:
    """Let go of what has been read of a memory map; it is read again where it is asked for again.

    The system would take these pages back when it needs memory. Until then they count as ours.
    """
    source: mmap.mmap | None = getattr(values, "_mmap", None)
    if source is not None and getattr(values, "mode", "") == "r" and hasattr(mmap, "MADV_DONTNEED"):
        source.madvise(mmap.MADV_DONTNEED)


def compute_checksum(
    tables: dict[str, Table], arrays: Mapping[str, np.ndarray | h5py.Dataset] | None = None
) -> str:
    """Return the SHA-256 over all columns and arrays, by name, type, shape and bytes.

    Args:
        tables: tables by the name of their group.
        arrays: further arrays by name; HDF5 datasets are read some rows at a time.
    """
    columns: dict[str, Any] = {f"{k}/{name}": v for k, t in tables.items() for name, v in t.items()}
    digest = hashlib.sha256()
    for name, values in sorted((columns | dict(arrays or {})).items()):
        if values.dtype.kind == "U":
            values = np.char.encode(values, "utf-8") if values.size else values.astype("S1")
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        for rows in _iterate_chunks(values):
            digest.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _iterate_chunks(values: np.ndarray | h5py.Dataset) -> Iterator[np.ndarray]:
    row_bytes = values.dtype.itemsize * math.prod(values.shape[1:])
    count = max(1, _CHUNK_BYTES // max(1, row_bytes))
    for start in range(0, len(values), count):
        yield values[start : start + count]


@contextmanager
def creating(path: Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that appears as `path` when the block succeeds.

    Ctrl-C and SIGTERM wait until it is there: an exception under HDF5's hands crashes the process.

    Raises:
        OSError: it could not be written (no space left).
    """
    with postponing_signals(), replacing(path) as temporary, _PatientFile(temporary, "w+") as raw:
        with h5py.File(raw, "w", libver="v110") as file:
            yield file
        if raw.failure is not None:
            raise OSError(raw.failure.errno, raw.failure.strerror, str(path)) from raw.failure


class _PatientFile(io.FileIO):
    """A file that seems to take everything, and keeps the first failure for later.

    When a write fails under HDF5's hands, it can neither go on nor close the file, and crashes the
    process in the end.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all bytes of `data`, unless an earlier write has failed."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.failure is None:
            try:
                done += super().write(view[done:])
            except OSError as error:
                self.failure = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the length of the file, unless an earlier write has failed."""
        try:
            if self.failure is None:
                super().truncate(size)
        except OSError as error:
            self.failure = error
        return size or 0
