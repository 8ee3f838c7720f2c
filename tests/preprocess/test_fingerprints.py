"""What a fingerprint follows, and that no file can make it wait or fill the memory."""

import os
from pathlib import Path

import pytest

from preprocess import fingerprints
from preprocess.fingerprints import compute_files_fingerprint


def test_fingerprint_follows_content_names_and_absence_but_not_the_folder(tmp_path: Path) -> None:
    def write(folder: str, content: str) -> Path:
        path = tmp_path / folder / "file"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    base = compute_files_fingerprint([("frame", write("a", "one"))])
    assert base == compute_files_fingerprint([("frame", write("b", "one"))])
    others = [
        compute_files_fingerprint([("frame", write("c", "two"))]),
        compute_files_fingerprint([("other", write("a", "one"))]),
        compute_files_fingerprint([("frame", tmp_path / "missing")]),
        compute_files_fingerprint([("frame", None)]),
    ]
    assert len({base, *others}) == 5


def test_a_file_too_large_to_be_held_has_the_same_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    whole = compute_files_fingerprint([("frame", path)])
    monkeypatch.setattr(fingerprints, "_MOST_HELD_BYTES", 1000)
    assert compute_files_fingerprint([("frame", path)]) == whole
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert compute_files_fingerprint([("frame", path)]) != whole


def test_what_is_no_regular_file_counts_as_missing_and_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for ever
    (tmp_path / "folder").mkdir()
    missing = compute_files_fingerprint([("frame", tmp_path / "missing")])
    for name in ("pipe", "folder"):
        assert compute_files_fingerprint([("frame", tmp_path / name)]) == missing
