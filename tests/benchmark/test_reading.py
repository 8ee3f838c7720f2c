"""Files that are read once and held, so that what is fingerprinted is what is read."""

from pathlib import Path

import pytest

from benchmark.errors import DataFormatError
from benchmark.reading import holding_files, read_bytes


def test_a_held_file_stays_as_it_was_first_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with holding_files():
        assert read_bytes(path, 10) == b"before"
        path.write_bytes(b"after")
        assert read_bytes(path, 10) == b"before"
        path.unlink()
        assert read_bytes(path, 10) == b"before"
    with pytest.raises(DataFormatError, match="cannot be read"):
        read_bytes(path, 10)


def test_a_file_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with holding_files():
        with pytest.raises(DataFormatError, match="cannot be read"):
            read_bytes(path, 10)
        path.write_bytes(b"late")
        assert read_bytes(path, 10) == b"late"


def test_a_held_file_has_to_be_small_enough_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with holding_files():
        read_bytes(path, 10)
        with pytest.raises(DataFormatError, match="10 bytes, expected at most 9"):
            read_bytes(path, 9)


def test_an_inner_block_reads_afresh(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with holding_files():
        read_bytes(path, 10)
        path.write_bytes(b"after")
        with holding_files():
            assert read_bytes(path, 10) == b"after"
        assert read_bytes(path, 10) == b"before"
