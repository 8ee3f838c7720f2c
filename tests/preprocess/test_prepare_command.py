"""`genbench prepare`: what it prints, and that it fails in one line and leaves nothing behind."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from preprocess import prepare as prepare_module


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["prepare", *map(str, arguments)])


def test_command_prints_counts_by_reason_and_succeeds(nocs_tree: Any, tmp_path: Path) -> None:
    path = nocs_tree.root / "Real/test/scene_1/0001_depth.png"
    cv2.imwrite(str(path), np.zeros((480, 640), np.uint16))
    result = run(nocs_tree.root, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 0
    assert "test-real: 6 objects in 2 frames" in result.stderr
    assert "left out: 1 no_depth" in result.stderr


def test_command_gives_machines_the_same_counts(nocs_tree: Any, tmp_path: Path) -> None:
    result = run(nocs_tree.root, "--out", tmp_path / "out", "--split", "val", "--json")
    summary = json.loads(result.stdout)
    assert [shard["objects"] for shard in summary["shards"]] == [3]
    assert summary["quarantine"] == {}


@pytest.mark.reliability
@pytest.mark.parametrize("arguments", [["--split", "train"], ["--detections", "nowhere"], []])
def test_unusable_input_is_one_line_and_exit_2(
    nocs_tree: Any, tmp_path: Path, arguments: list[str]
) -> None:
    shutil.rmtree(nocs_tree.root / "CAMERA")
    shutil.rmtree(nocs_tree.root / "Real/train")
    for path in (nocs_tree.root / "Real/test").glob("*/*_depth.png"):
        path.write_bytes(path.read_bytes()[:-30])
    result = run(nocs_tree.root, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("genbench: ")]
    assert len(lines) == 1
    assert not list((tmp_path / "out").glob("*.h5"))


@pytest.mark.reliability
def test_a_missing_folder_is_one_line_and_exit_2(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.reliability
def test_a_full_disk_is_one_line_and_exit_1(
    nocs_tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(prepare_module, "write_shard", fail)
    result = run(nocs_tree.root, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr.splitlines()[-1]
    assert not list((tmp_path / "out").glob("*.h5*"))
