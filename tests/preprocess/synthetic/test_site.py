"""Where a tree grows: alone, out of sight, and on top of what earlier runs have left."""

from pathlib import Path

import pytest

from benchmark.errors import ConfigError
from benchmark.locking import LOCK_NAME, locked
from preprocess.synthetic.site import building, is_finished

pytestmark = pytest.mark.reliability

DESCRIPTION = {"seed": 0}


def _interrupt(out: Path, description: dict[str, int]) -> list[str]:
    """Write a frame and be interrupted; return the names of the frames that were there."""
    found: list[str] = []

    def build() -> None:
        with building(out, description) as root:
            found.extend(path.name for path in root.glob("*.png"))
            (root / "frame.png").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    return found


def test_a_tree_appears_when_it_is_complete_and_without_a_lock(tmp_path: Path) -> None:
    out = tmp_path / "tree"
    with building(out, DESCRIPTION) as root:
        (root / "frame.png").touch()
        assert not out.exists()
    assert is_finished(out, DESCRIPTION)
    assert {path.name for path in out.iterdir()} == {"frame.png", "synth6.json"}


def test_an_interrupted_tree_goes_on_and_another_one_begins_anew(tmp_path: Path) -> None:
    out = tmp_path / "tree"
    assert _interrupt(out, DESCRIPTION) == []
    assert _interrupt(out, DESCRIPTION) == ["frame.png"]
    assert _interrupt(out, {"seed": 1}) == []


def test_a_tree_that_another_process_makes_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "tree"
    _interrupt(out, DESCRIPTION)
    with (
        locked(tmp_path / ".tree.part"),
        pytest.raises(ConfigError, match="in use by process"),
        building(out, {"seed": 1}),
    ):
        pass
    assert (tmp_path / ".tree.part" / "frame.png").exists()


def test_what_a_kill_in_the_first_moment_leaves_is_no_obstacle(tmp_path: Path) -> None:
    root = tmp_path / ".tree.part"
    root.mkdir()
    (root / LOCK_NAME).touch()
    (root / ".synth6.json.0-1.part").write_text("{")
    with building(tmp_path / "tree", DESCRIPTION):
        pass
    assert is_finished(tmp_path / "tree", DESCRIPTION)


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".tree.part").mkdir()
    (tmp_path / ".tree.part" / "thesis.txt").touch()
    with pytest.raises(ConfigError, match="not ours"), building(tmp_path / "tree", DESCRIPTION):
        pass
    assert (tmp_path / ".tree.part" / "thesis.txt").exists()
