"""What the page holds: the right numbers, the worst failures, their clouds, and nothing unsafe."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.errors import ConfigError, UnknownNameError
from benchmark.evaluation.protocols import Options
from leaderboards.page.clouds import CLOUD_POINTS, pack_cloud
from leaderboards.page.content import PageOptions, collect_content
from leaderboards.page.crops import place_window, read_crop
from leaderboards.page.document import build_document, embed_json
from leaderboards.page.failures import Failure, ObjectKey, find_failures, number_within
from leaderboards.page.objects import Sources, choose_objects, choose_tree
from leaderboards.page.scores import METRICS
from leaderboards.runs import open_run
from preprocess.images import read_png


def find_run(blocks: dict[str, Any], name: str) -> int:
    """Return the position of the run of this name."""
    return [run["name"] for run in blocks["summary"]["runs"]].index(name)


def unpack(cloud: dict[str, Any]) -> np.ndarray:
    """Return the points (n, 3) of a packed cloud, as the page's script does."""
    levels = np.frombuffer(base64.b64decode(cloud["levels"]), "<i2").reshape(-1, 3)
    return np.asarray(np.array(cloud["centre"]) + cloud["step"] * levels)


def test_scores_are_those_of_the_evaluation(world: SimpleNamespace, blocks: dict[str, Any]) -> None:
    place = find_run(blocks, "bad")
    shown = {s["protocol"]: s for s in blocks["summary"]["scores"] if s["run"] == place}
    block = open_run(world.runs / "bad").score("strict", Options(sizes="gt"))
    assert set(shown) == {"genpose/1", "strict/1"}
    expected = [[c.metrics.get(m.id) for m in METRICS] for c in block.categories]
    expected.append([block.mean.get(m.id) for m in METRICS])
    for row, values in zip(shown["strict/1"]["values"], expected, strict=True):
        assert row == pytest.approx([v if v is None else round(v, 2) for v in values], nan_ok=True)
    assert shown["strict/1"]["intervals"][6][0] is not None


def test_what_cannot_be_shown_is_named(blocks: dict[str, Any]) -> None:
    assert len(blocks["summary"]["runs"]) == 5
    assert any("damaged" in line for line in blocks["summary"]["left_out"])


def test_failures_are_the_worst_of_their_category(
    world: SimpleNamespace, blocks: dict[str, Any]
) -> None:
    run = open_run(world.runs / "bad")
    instances = run.evaluate("genpose").instances["genpose"]
    part = blocks[f"run-{find_run(blocks, 'bad')}"]
    for category in range(6):
        mine = (run.predictions.ground_truth.category == category + 1) & (instances.detection >= 0)
        severity = np.maximum(instances.degree / 5, instances.cm / 2)[mine]
        shown = [f for f in part["failures"] if f["category"] == category]
        found = [max(f["degree"] / 5, f["cm"] / 2) for f in shown]
        assert found == pytest.approx(np.sort(severity)[::-1][:3], abs=0.01)


def test_failures_show_the_cloud_of_their_own_detection(blocks: dict[str, Any]) -> None:
    """The clouds fill the true boxes, so each lies in the box of its failure and no other."""
    for failure in blocks[f"run-{find_run(blocks, 'good')}"]["failures"]:
        shown = blocks[f"object-{failure['object']}"]
        pose = np.array(failure["truth"]["pose"]).reshape(3, 4)
        local = (unpack(shown["cloud"]) - pose[:, 3]) @ pose[:, :3]
        half = np.array(failure["truth"]["size"]) / 2
        assert (np.abs(local) <= half + 1e-3).all()
        assert np.abs(local).max(axis=0) == pytest.approx(half, rel=0.1)
        assert shown["picture"].startswith("data:image/jpeg;base64,")


def test_objects_are_shared_between_runs_and_limited(
    world: SimpleNamespace, sources: Sources, blocks: dict[str, Any]
) -> None:
    count = sum(name.startswith("object-") for name in blocks)
    assert count <= 24 * 3  # as many as there are detections, in three sets of data
    few = collect_content(
        world.runs, PageOptions(protocols=("genpose",), objects=4, rounds=20), sources
    )
    assert sum(name.startswith("object-") for name in few) == 4
    named = {f["object"] for n in range(5) for f in few[f"run-{n}"]["failures"]}
    assert named == {None, 0, 1, 2, 3}


def test_data_without_known_shards_has_no_clouds(blocks: dict[str, Any]) -> None:
    for failure in blocks[f"run-{find_run(blocks, 'other-data')}"]["failures"]:
        assert "cloud" not in blocks[f"object-{failure['object']}"]
        assert "picture" not in blocks[f"object-{failure['object']}"]


def test_the_same_runs_give_the_same_bytes(
    world: SimpleNamespace, sources: Sources, blocks: dict[str, Any]
) -> None:
    options = PageOptions(protocols=("genpose", "strict", "tracking-genpose"), rounds=20)
    again = collect_content(world.runs, options, sources)
    assert build_document(again) == build_document(blocks)


def test_choosing_takes_the_worst_of_every_run_first() -> None:
    def fail(rank: int, frame: str, category: int = 0) -> Failure:
        key = ObjectKey(data="d", frame=frame, row=0)
        return Failure(
            category=category, rank=rank, key=key, truth=0, detection=0, degree=1.0, cm=1.0
        )

    runs = [[fail(0, "a"), fail(1, "b")], [fail(0, "c"), fail(1, "a")], [fail(0, "d", 5)]]
    assert [key.frame for key in choose_objects(runs, 9)] == ["a", "c", "d", "b"]
    assert [key.frame for key in choose_objects(runs, 2)] == ["a", "c"]


def test_failures_need_a_match(world: SimpleNamespace) -> None:
    run = open_run(world.runs / "good")
    instances = run.evaluate("genpose").instances["genpose"]
    none = instances.take(slice(None))
    none.detection[:] = -1
    assert find_failures(run.predictions, none, "d", 3) == []


def test_number_within_counts_each_group() -> None:
    assert number_within(np.array([3, 1, 3, 3, 1])).tolist() == [0, 0, 1, 2, 1]


def test_packed_clouds_keep_a_tenth_of_a_millimetre() -> None:
    points = np.random.default_rng(0).uniform([-0.5, -0.3, 0.5], [0.5, 0.3, 3.0], (1024, 3))
    found = unpack(pack_cloud(points))
    assert len(found) == CLOUD_POINTS
    nearest = np.abs(found[:, None] - points[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-4
    single = unpack(pack_cloud(np.tile([[1.0, 2.0, 3.0]], (5, 1))))
    assert single == pytest.approx(np.tile([[1.0, 2.0, 3.0]], (5, 1)), abs=1e-4)


@pytest.mark.parametrize("bbox", [[0, 0, 10, 10], [400, 600, 479, 639], [0, 0, 479, 639]])
def test_crops_lie_in_the_image(bbox: list[int]) -> None:
    left, top, side = place_window(np.array(bbox), 640, 480)
    assert left >= 0
    assert top >= 0
    if side <= 480:
        assert left + side <= 640
        assert top + side <= 480
        assert left <= bbox[1]
        assert left + side >= bbox[3]


def test_frame_ids_do_not_lead_out_of_the_tree(world: SimpleNamespace, tmp_path: Path) -> None:
    inside = world.tree / "Real/test/scene_1/0000_color.png"
    (tmp_path / "tree").mkdir()
    (tmp_path / "secret_color.png").write_bytes(inside.read_bytes())
    (tmp_path / "tree" / "link_color.png").symlink_to(inside)  # links in a tree are its owner's
    box = np.array([10, 10, 60, 60])
    assert read_crop(world.tree, "Real/test/scene_1/0000", box, read_png) is not None
    assert read_crop(tmp_path / "tree", "link", box, read_png) is not None
    for frame in ("../secret", str(tmp_path / "secret"), "missing", "", "a\0b", "a" * 5000):
        assert read_crop(tmp_path / "tree", frame, box, read_png) is None


def test_a_shard_belongs_to_the_tree_around_it(tmp_path: Path) -> None:
    own, other, bare = (tmp_path / name for name in ("own", "other", "bare"))
    for tree in (own, other):
        (tree / "shards").mkdir(parents=True)
    bare.mkdir()
    shard = own / "shards" / "test-real-0000.h5"
    assert choose_tree(shard, [other, own]) == own
    assert choose_tree(shard, [other]) is None
    assert choose_tree(tmp_path / "elsewhere.h5", [other, bare]) == bare
    assert choose_tree(tmp_path / "elsewhere.h5", [own]) is None


@pytest.mark.parametrize("text", ["</script><b>", "<!--", "]]>", "\u2028 & \ud800", "\x00"])
def test_embedded_text_stays_inside_and_comes_back(text: str) -> None:
    element = embed_json("name", {text: [text]})
    inner = element.removeprefix('<script type="application/json" id="data-name">')
    inner = inner.removesuffix("</script>")
    assert not set("<>&") & set(inner)
    assert inner.isascii()
    assert json.loads(inner) == {text: [text]}


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json("name", float("nan"))


def test_unknown_protocols_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="genpose"):
        PageOptions(protocols=("genpos",))
    with pytest.raises(ConfigError, match="no run to show"):
        collect_content(tmp_path, PageOptions(), Sources())


def test_the_command_writes_the_page_without_torch(world: SimpleNamespace, tmp_path: Path) -> None:
    arguments = ["report", "--runs", str(world.runs / "good"), "--data", str(world.tree)]
    arguments += ["--out", str(tmp_path), "--protocol", "genpose", "--rounds", "20"]
    code = (
        "import sys\n"
        "from benchmark.cli.main import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "print(sorted({'torch', 'open3d'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(tmp_path / "index.html"), "[]"]
    assert "runs: 1" in done.stderr
    assert (tmp_path / "index.html").read_text().startswith("<!DOCTYPE html>")
