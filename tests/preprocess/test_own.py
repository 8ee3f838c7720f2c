"""Own data: what the folder may look like, and that its clouds are where its pixels say."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmark.errors import ConfigError, DataFormatError, UnknownNameError
from benchmark.rle import encode_rle
from benchmark.shards import Shard, read_shard
from preprocess.own import find_own_frames, read_own_configuration
from preprocess.prepare import PrepareOptions, write_shards
from preprocess.sources import find_sources

FOCAL, WIDTH, HEIGHT = 500.0, 320, 240
BOXES = {1: np.s_[40:100, 60:140], 2: np.s_[120:200, 180:260]}
MILLIMETRES = {1: 800, 2: 1000}
CONFIGURATION = f"fx = {FOCAL}\nfy = {FOCAL}\ncx = 159.5\ncy = 119.5\n"
CATEGORIES = (
    "frame,instance,category,confidence\na,1,mug,0.9\na,2,laptop,\nb,1,mug,0.8\nb,2,laptop,\n"
)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two frames with a mug 0.8 m and a laptop 1 m away, both flat and facing the camera."""
    folder = tmp_path / "own"
    identity, depth = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH), 1500, np.uint16)
    for instance, box in BOXES.items():
        identity[box], depth[box] = instance, MILLIMETRES[instance]
    for name in ("a", "b"):
        write_png(folder / "depth" / f"{name}.png", depth)
        write_png(folder / "masks" / f"{name}.png", identity)
    (folder / "genbench.toml").write_text(CONFIGURATION)
    (folder / "categories.csv").write_text(CATEGORIES)
    return folder


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def prepare(folder: Path, **options: Any) -> Shard:
    out = folder.parent / "shards"
    summary = write_shards(find_sources(folder, PrepareOptions(**options)), out)
    return read_shard(summary.shards[0].path)


def test_shard_says_what_it_is(own: Path) -> None:
    shard = prepare(own)
    assert (shard.info.source, shard.info.split) == ("own", "test")
    assert not shard.info.has_ground_truth
    assert len(shard.ground_truth) == 0
    assert shard.frames.id.tolist() == ["a", "b"]
    assert shard.detections.category.tolist() == [6, 5, 6, 5]
    np.testing.assert_allclose(shard.detections.confidence, [0.9, 1, 0.8, 1], rtol=1e-6)
    assert shard.detections.bbox[0].tolist() == [40, 60, 100, 140]
    assert shard.objects.detection.tolist() == [0, 1, 2, 3]


def test_points_lie_where_the_pixels_and_the_depth_put_them(own: Path) -> None:
    shard = prepare(own)
    for points, instance in zip(shard.objects.points, [1, 2, 1, 2], strict=True):
        rows, cols = BOXES[instance]
        np.testing.assert_allclose(points[:, 2], MILLIMETRES[instance] / 1000, rtol=1e-6)
        u = points[:, 0] / points[:, 2] * FOCAL + 159.5
        v = points[:, 1] / points[:, 2] * FOCAL + 119.5
        assert u.min() == pytest.approx(cols.start, abs=2)
        assert u.max() == pytest.approx(cols.stop - 1, abs=2)
        assert v.min() == pytest.approx(rows.start, abs=2)
        assert v.max() == pytest.approx(rows.stop - 1, abs=2)


def test_depth_scale_scales_the_scene(own: Path) -> None:
    near = prepare(own).objects.points[:]
    (own / "genbench.toml").write_text(CONFIGURATION + "depth_scale = 0.002\n")
    np.testing.assert_allclose(prepare(own).objects.points, 2 * near, rtol=1e-5)


def test_rle_masks_give_the_same_clouds_as_images(own: Path) -> None:
    from_images = prepare(own)
    images, annotations = [], []
    for number, name in enumerate("ab"):
        identity = cv2.imread(str(own / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        images.append({"id": number, "file_name": f"rgb/{name}.jpg"})
        annotations += [
            {"image_id": number, "id": i, "segmentation": encode_rle(identity == i)} for i in BOXES
        ]
    coco = {"images": images, "annotations": annotations}
    (own / "masks.json").write_text(json.dumps(coco))
    (own / "genbench.toml").write_text(CONFIGURATION + 'masks = "masks.json"\n')
    from_rle = prepare(own)
    np.testing.assert_array_equal(from_rle.objects.points, from_images.objects.points)
    np.testing.assert_array_equal(from_rle.detections.bbox, from_images.detections.bbox)


def test_an_object_that_the_mask_lacks_stays_a_detection(own: Path) -> None:
    (own / "categories.csv").write_text("frame,instance,category\na,7,can\na,1,mug\n")
    shard = prepare(own)
    assert shard.detections.category.tolist() == [4, 6]
    assert shard.objects.detection.tolist() == [1]
    assert shard.quarantine.reason.tolist() == ["too_few_points"]
    assert shard.quarantine.instance.tolist() == [0]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def shrink(path: Path) -> None:
    write_png(path, cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:100])


def blank(path: Path) -> None:
    write_png(path, np.zeros((HEIGHT, WIDTH), np.uint16))


def colour(path: Path) -> None:
    write_png(path, np.zeros((HEIGHT, WIDTH, 3), np.uint8))


@pytest.mark.reliability
@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("depth/b.png", truncate, "unreadable_depth"),
        ("depth/b.png", blank, "no_depth"),
        ("depth/b.png", colour, "unreadable_depth"),
        ("masks/b.png", truncate, "unreadable_mask"),
        ("masks/b.png", Path.unlink, "unreadable_mask"),
        ("masks/b.png", shrink, "size_mismatch"),
    ],
)
def test_a_bad_frame_goes_to_quarantine_and_the_rest_goes_on(
    own: Path, file: str, damage: Any, reason: str
) -> None:
    damage(own / file)
    shard = prepare(own)
    assert shard.frames.id.tolist() == ["a"]
    assert len(shard.objects) == 2
    assert shard.quarantine.reason.tolist() == [reason]
    assert shard.quarantine.frame.tolist() == ["b"]
    assert file in shard.quarantine.detail[0]


@pytest.mark.reliability
def test_no_usable_frame_is_an_error_that_leaves_nothing(own: Path) -> None:
    for name in ("a", "b"):
        blank(own / "depth" / f"{name}.png")
    with pytest.raises(DataFormatError, match="no usable frame: 2 no_depth"):
        prepare(own)
    assert not list((own.parent / "shards").glob("*.h5*"))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("fx = [", ConfigError, "not TOML"),
        (CONFIGURATION + "depth_scal = 1.0", UnknownNameError, "did you mean 'depth_scale'"),
        (CONFIGURATION.replace("cy = 119.5\n", ""), ConfigError, "missing cy"),
        (CONFIGURATION.replace("119.5", "'119.5'"), ConfigError, "expected cy to be a float"),
        (CONFIGURATION.replace("fx = 500.0", "fx = -1"), ConfigError, "expected fx above 0"),
        (CONFIGURATION.replace("fx = 500.0", "fx = nan"), ConfigError, "expected fx above 0"),
    ],
)
def test_every_mistake_in_the_configuration_is_named(
    own: Path, text: str, error: type[Exception], message: str
) -> None:
    (own / "genbench.toml").write_text(text)
    with pytest.raises(error, match=message) as caught:
        read_own_configuration(own)
    assert "genbench.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("frame,instance\na,1\n", DataFormatError, "missing column category"),
        ("frame,instance,category\na,one,mug\n", DataFormatError, "categories.csv:2"),
        ("frame,instance,category\na,1,mugg\n", UnknownNameError, "csv:2: .*did you mean 'mug'"),
        ("frame,instance,category,confidence\na,1,mug,7\n", DataFormatError, "from 0 to 1"),
        ("frame,instance,category,confidence\na,1,mug,nan\n", DataFormatError, "from 0 to 1"),
        ("frame,instance,category\na.png,1,mug\n", DataFormatError, "without .png"),
        ("frame,instance,category\na,1\n", UnknownNameError, "categories.csv:2"),
        ("frame,instance,category\na,1,mug\na,1,can\n", DataFormatError, "a stands there twice"),
    ],
)
def test_every_mistake_in_the_categories_is_named(
    own: Path, text: str, error: type[Exception], message: str
) -> None:
    (own / "categories.csv").write_text(text)
    with pytest.raises(error, match=message):
        find_own_frames(own, read_own_configuration(own))


@pytest.mark.parametrize("missing", ["depth", "masks", "categories.csv"])
def test_a_missing_piece_is_named(own: Path, missing: str) -> None:
    (own / missing).rename(own / "elsewhere")
    with pytest.raises(DataFormatError, match=missing):
        find_own_frames(own, read_own_configuration(own))


def test_own_data_has_only_a_test_split(own: Path) -> None:
    with pytest.raises(ConfigError, match="split test alone"):
        find_sources(own, PrepareOptions(split="train"))


def test_changing_the_categories_makes_the_shard_again(own: Path) -> None:
    prepare(own)
    (own / "categories.csv").write_text(CATEGORIES.replace("laptop", "bowl"))
    assert prepare(own).detections.category.tolist() == [6, 2, 6, 2]
