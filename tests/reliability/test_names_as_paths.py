"""Names inside files lead to nothing outside the folder that they belong to.

Every reader that takes names from a file is given such as lead to a good file elsewhere. It must
refuse them in one line, or take them for mere names; and the kernel must not have seen anything
opened, or made, in the folder where that file lies.
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.errors import GenBenchError
from tests.reliability.hostile_names import KINDS, list_names, watching
from tests.reliability.name_readers import (
    CASES,
    MODELS,
    OBJ,
    TARGETS,
    WEIGHTS,
    Places,
    check_line,
    find_surface,
)

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's"),
]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write good files of every kind, which a reader would take if it were led to them."""
    folder = tmp_path_factory.mktemp("outside")
    image = bytes(cv2.imencode(".png", np.ones((24, 32, 3), np.uint8))[1])
    grey = bytes(cv2.imencode(".png", np.ones((24, 32), np.uint16))[1])
    for path in ("canary_color.png", "canary.png", "canary/0000_color.png"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(image)
    (folder / "canary/canary.png").write_bytes(grey)
    for path in ("canary.obj", "canary/model.obj", "canary/canary.obj"):
        (folder / path).write_text(OBJ)
    for path in ("canary.txt", "canary/bbox.txt"):
        (folder / path).write_text("0.1 0.2 0.3\n")
    (folder / "canary.csv").write_text("frame,instance,category\ncanary,1,mug\n")
    (folder / "canary.h5").write_bytes(TARGETS["predictions"].seeds[0])
    (folder / "canary/predictions.h5").write_bytes(TARGETS["predictions"].seeds[0])
    for path in WEIGHTS.iterdir():
        if path.is_file():
            shutil.copy(path, folder / "canary" / path.name)
    return folder


@pytest.fixture
def places(outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Return the two folders; commands work in the first."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    monkeypatch.setenv("GENBENCH_HOME", str(inside))
    return Places(inside, outside)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", CASES)
def test_names_lead_nowhere(reader: str, kind: str, places: Places) -> None:
    case = CASES[reader]
    start = places.inside / case.start
    name = list_names(start, places.outside / case.target)[kind]
    with watching(places.outside) as touched:
        try:
            case.read(places, name)
        except GenBenchError as error:
            check_line(str(error))
    assert touched == []
    assert [path.name for path in places.inside.parent.iterdir()] == ["inside"]


def test_the_watch_sees_what_is_opened_and_made(places: Places) -> None:
    with watching(places.outside) as touched:
        (places.outside / "canary/predictions.h5").read_bytes()
        (places.outside / "new").write_bytes(b"")
        (places.outside / "new").unlink()
    assert any("predictions.h5" in line for line in touched)
    assert any(line.endswith("/new") for line in touched)


def test_links_inside_a_tree_are_followed(places: Places) -> None:
    """They are their owner's; see SECURITY.md."""
    (places.inside / MODELS).mkdir(parents=True)
    (places.inside / MODELS / "mine.obj").symlink_to(places.outside / "canary.obj")
    with watching(places.outside) as touched:
        find_surface(places, "mine")
    assert any("canary.obj" in line for line in touched)
