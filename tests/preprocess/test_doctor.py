"""The audit of a data folder: what is there, what is missing, and exit codes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from preprocess.doctor import audit


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)])


def find_what(root: Path, text: str) -> list[str]:
    return [finding.what for finding in audit(root).findings if text in finding.what]


def test_a_whole_tree_has_no_findings_but_the_handles(nocs_tree: Any) -> None:
    found = audit(nocs_tree.root)
    assert [finding.what for finding in found.findings] == ["mug_handle.pkl is not there"]
    assert {part.name: part.usable for part in found.parts} == {
        "CAMERA/train": 2,
        "CAMERA/val": 1,
        "Real/train": 1,
        "Real/test": 3,
    }


@pytest.mark.parametrize(
    ("removed", "what"),
    [
        ("Real/train", "Real/train is not there"),
        ("gts/real_test", "Real/test: 3 of 3 frames without ground truth"),
        ("mrcnn_results/val", "CAMERA/val: 1 of 1 frames without detections"),
        ("obj_models/real_test", "obj_models/real_test is not there"),
        ("obj_models/mug_meta.pkl", "mug_meta.pkl is not there"),
        ("Real/test/scene_1/0001_mask.png", "Real/test: 1 of 3 frames lack files (1 mask.png)"),
        ("CAMERA/train/00000/0001_coord.png", "1 frames without a coordinate map"),
    ],
)
def test_everything_that_is_missing_is_found(nocs_tree: Any, removed: str, what: str) -> None:
    assert not find_what(nocs_tree.root, what)
    path = nocs_tree.root / removed
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (finding,) = [finding for finding in audit(nocs_tree.root).findings if what in finding.what]
    assert finding.blocks
    assert finding.remedy


def test_a_truncated_image_is_found_in_the_sample(nocs_tree: Any) -> None:
    path = nocs_tree.root / "Real/test/scene_1/0000_depth.png"
    path.write_bytes(path.read_bytes()[:-40])
    assert find_what(nocs_tree.root, "1 of 3 sampled frames cannot be read")


def test_a_list_that_disagrees_is_found(nocs_tree: Any) -> None:
    (nocs_tree.root / "Real/test_list.txt").write_text("test/scene_1/0000\n")
    assert find_what(nocs_tree.root, "test_list.txt lists 1 frames, 3 are there")
    (nocs_tree.root / "Real/test_list.txt").write_text("../../etc\n")
    assert find_what(nocs_tree.root, "test_list.txt, line 1")


def test_command_ends_with_0_while_anything_is_usable(nocs_tree: Any) -> None:
    shutil.rmtree(nocs_tree.root / "CAMERA")
    result = run(nocs_tree.root)
    assert result.exit_code == 0
    assert "Real/test: 3 usable of 3 frames" in result.stdout
    assert "blocks: training on CAMERA" in result.stdout


def test_command_ends_with_2_when_nothing_is_usable(nocs_tree: Any) -> None:
    for path in nocs_tree.root.glob("*/*/*/*_depth.png"):
        path.unlink()
    result = run(nocs_tree.root)
    assert result.exit_code == 2
    assert "not a single usable frame" in result.stderr


def test_command_refuses_what_is_no_data(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2
    assert run(tmp_path / "nowhere").exit_code == 2


def test_machines_get_the_same(nocs_tree: Any) -> None:
    found = json.loads(run(nocs_tree.root, "--json").stdout)
    assert found["usable"]
    assert len(found["parts"]) == 4


def test_own_data_is_audited_as_such(tmp_path: Path) -> None:
    (tmp_path / "genbench.toml").write_text("fx = 1.0\nfy = 1.0\ncx = 1.0\ncy = 1.0\n")
    for folder in ("depth", "masks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    (tmp_path / "depth" / "b.png").touch()
    (tmp_path / "categories.csv").write_text("frame,instance,category\na,1,mug\n")
    found = audit(tmp_path)
    assert found.kind == "own"
    assert [f.what for f in found.findings if "without a mask" in f.what] == [
        "1 frames without a mask, the first is b"
    ]
