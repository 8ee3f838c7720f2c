"""Column tables: declarations are honoured, on the way in, on disk and on the way out."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.columns import (
    Table,
    column,
    compute_checksum,
    get_dataset,
    read_table,
    replacing,
    write_table,
)
from benchmark.errors import ShardFormatError

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Sample(Table):
    """A table with every kind of column."""

    name: np.ndarray = column("str")
    value: np.ndarray = column("f4", 2)
    extra: np.ndarray | None = column("i4", optional=True)


def _sample(**changes: object) -> Sample:
    columns = {"name": ["a", "Tür 門"], "value": [[1, 2], [3, 4]], "extra": None}
    return Sample(**(columns | changes))  # type: ignore[arg-type]


def test_columns_are_converted_to_their_declared_type() -> None:
    table = _sample(extra=[1.0, 2.0])
    assert table.value.dtype == np.float32
    assert table.extra is not None
    assert table.extra.dtype == np.int32


def test_rows_of_another_shape_are_refused_by_name() -> None:
    with pytest.raises(ShardFormatError, match=r"Sample\.value.*\(2,\).*\(3,\)"):
        _sample(value=np.zeros((2, 3)))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ShardFormatError, match="expected 2 rows, got 3"):
        _sample(value=np.zeros((3, 2)))


def test_concatenating_the_pieces_of_a_table_gives_the_table() -> None:
    table = _sample(extra=[5, 6])
    pieces = [table.take(slice(0, 1)), table.take(np.array([False, True])), table.take([])]
    joined = Sample.concatenate(pieces)
    for (name, expected), (_, found) in zip(table.items(), joined.items(), strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_pieces_without_rows_need_no_optional_column() -> None:
    joined = Sample.concatenate([Sample.empty(), _sample(extra=[5, 6]), Sample.empty()])
    assert joined.extra is not None
    np.testing.assert_array_equal(joined.extra, [5, 6])


@pytest.mark.parametrize("order", [1, -1])
def test_an_optional_column_in_some_pieces_only_is_refused(order: int) -> None:
    with pytest.raises(ShardFormatError, match="Sample: extra is in some parts only"):
        Sample.concatenate([_sample(), _sample(extra=[5, 6])][::order])


def test_concatenating_nothing_is_empty() -> None:
    assert len(Sample.concatenate([])) == 0


@pytest.mark.parametrize("table", [_sample(), _sample(extra=[7, 8]), Sample.empty()])
def test_a_table_survives_the_file(tmp_path: Path, table: Sample) -> None:
    with h5py.File(tmp_path / "t.h5", "w", libver="v110") as file:
        write_table(file.create_group("t"), table)
    with h5py.File(tmp_path / "t.h5") as file:
        found = read_table(file["t"], Sample, mapped=("value",))
    assert [name for name, _ in found.items()] == [name for name, _ in table.items()]
    for (_, expected), (_, values) in zip(table.items(), found.items(), strict=True):
        np.testing.assert_array_equal(values, expected)
    assert compute_checksum({"t": found}) == compute_checksum({"t": table})


@pytest.mark.parametrize(
    ("dataset", "message"),
    [(None, "is missing"), (np.zeros((2, 3), "f4"), "expected f4"), (np.zeros((2, 2)), "float64")],
)
def test_a_column_that_is_not_as_declared_is_refused(
    tmp_path: Path, dataset: np.ndarray | None, message: str
) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        write_table(file.create_group("t"), _sample())
        del file["t/value"]
        if dataset is not None:
            file["t/value"] = dataset
        with pytest.raises(ShardFormatError, match=message):
            read_table(file["t"], Sample)


def test_links_and_storage_outside_the_file_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["soft"] = h5py.SoftLink("/elsewhere")
        file["external"] = h5py.ExternalLink("other.h5", "/x")
        file.create_dataset("raw", (4,), "u1", external=[(str(tmp_path / "secret"), 0, 4)])
        for name in ("soft", "external", "raw"):
            with pytest.raises(ShardFormatError, match=name):
                get_dataset(file, name)


@pytest.mark.parametrize(
    "other",
    [
        {"name": ["a", "Tür X"]},
        {"value": [[1, 2], [4, 3]]},
        {"extra": [0, 0]},
    ],
)
def test_the_checksum_sees_every_column(other: dict[str, object]) -> None:
    assert compute_checksum({"t": _sample()}) != compute_checksum({"t": _sample(**other)})


def test_the_checksum_sees_every_row_of_long_arrays(tmp_path: Path) -> None:
    values = np.arange(5000, dtype="i4")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["values"] = values
        assert compute_checksum({}, {"v": file["values"]}) == compute_checksum({}, {"v": values})
    changed = values.copy()
    changed[-1] = 0
    assert compute_checksum({}, {"v": changed}) != compute_checksum({}, {"v": values})


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


_FILL_THE_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from benchmark.columns import creating

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with creating(Path(sys.argv[1])) as file:
        for number in range(20):
            file.create_dataset(f"group/{number}", data=np.arange(1000 * number))
        assert len(file["group/19"][...]) == 19000
except OSError as error:
    print("refused:", error.filename)
"""


@pytest.mark.reliability
@pytest.mark.parametrize("largest", [0, 100, 50_000, 1_000_000])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path, largest: int) -> None:
    path = tmp_path / "t.h5"
    done = subprocess.run(
        [sys.executable, "-c", _FILL_THE_DISK, str(path), str(largest)],
        cwd=REPOSITORY,
        check=True,  # HDF5 would crash at exit
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (f"refused: {path}\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.reliability
def test_what_a_killed_process_left_of_a_file_goes_and_all_else_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.h5") as temporary:
        mine = temporary.name
        temporary.write_text("whole")
    dead = _find_dead_process()
    left = tmp_path / mine.replace(f"-{os.getpid()}.", f"-{dead}.")
    others = [mine.replace(f"-{os.getpid()}.", f"-{os.getppid()}."), f".a.h5.elsewhere-{dead}.part"]
    for name in [left.name, *others]:
        (tmp_path / name).touch()
    with replacing(tmp_path / "a.h5") as temporary:
        temporary.write_text("again")
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", *others}
    assert (tmp_path / "a.h5").read_text() == "again"


@pytest.mark.reliability
@pytest.mark.skipif(sys.platform != "linux", reason="ended processes show in /proc")
def test_what_an_ended_process_left_goes_though_nobody_asked_how_it_ended(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.h5") as temporary:
        mine = temporary.name
        temporary.write_text("whole")
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    (tmp_path / mine.replace(f"-{os.getpid()}.", f"-{process}.")).touch()
    with replacing(tmp_path / "a.h5") as temporary:
        temporary.write_text("again")
    os.waitpid(process, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def _find_dead_process() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid
