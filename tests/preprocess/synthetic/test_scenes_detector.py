"""The simulated detector: its errors are of the right kind and size, and its confidence tells."""

import numpy as np
import pytest

from preprocess.clouds import compute_mask_box
from preprocess.synthetic.detector import (
    DetectorModel,
    SimulatedDetections,
    TrueObject,
    degrade_mask,
    simulate_detections,
)

PERFECT = DetectorModel(miss=0, confuse=0, double=0, on_distractor=0, leak=0, blank=0)


def draw_frame(rng: np.random.Generator) -> tuple[np.ndarray, list[TrueObject]]:
    """Six discs of the six categories, and a seventh that is a distractor."""
    instance = np.full((240, 320), 255, np.uint8)
    rows, columns = np.indices(instance.shape)
    objects = []
    for index in range(7):
        row, column = 55 + 110 * (index // 4), 40 + 78 * (index % 4)
        radius = rng.uniform(15, 35)
        instance[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = index + 1
        objects.append(TrueObject(index + 1, index, 1.0))
    return instance, objects


@pytest.fixture(scope="module")
def many() -> list[tuple[np.ndarray, list[TrueObject], SimulatedDetections]]:
    results = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        instance, objects = draw_frame(rng)
        results.append((instance, objects, simulate_detections(instance, objects, rng)))
    return results


def compute_overlap(first: np.ndarray, second: np.ndarray) -> float:
    return np.count_nonzero(first & second) / np.count_nonzero(first | second)


def test_form_of_detections(
    many: list[tuple[np.ndarray, list[TrueObject], SimulatedDetections]],
) -> None:
    for instance, _, found in many:
        count = len(found.scores)
        assert found.class_ids.dtype == found.rois.dtype == np.int32
        assert found.scores.dtype == np.float32
        assert found.masks.dtype == bool
        assert found.masks.shape == (*instance.shape, count)
        assert found.rois.shape == (count, 4)
        assert (np.diff(found.scores) <= 0).all()
        assert ((found.scores > 0) & (found.scores < 1)).all()
        assert ((found.class_ids >= 1) & (found.class_ids <= 6)).all()
        for row in range(count):
            top, left, bottom, right = found.rois[row]
            inside = np.zeros(instance.shape, bool)
            inside[top:bottom, left:right] = True
            assert not (found.masks[..., row] & ~inside).any()


def test_rates_of_errors(
    many: list[tuple[np.ndarray, list[TrueObject], SimulatedDetections]],
) -> None:
    real = {(frame, item.instance_id) for frame in range(150) for item in many[frame][1][1:]}
    category = {item.instance_id: item.category for item in many[0][1]}
    found = [
        (frame, int(source), int(class_id))
        for frame, (_, _, found) in enumerate(many)
        for source, class_id in zip(found.sources, found.class_ids, strict=True)
    ]
    sources = [(frame, source) for frame, source, _ in found if category[source]]
    right = {(frame, source) for frame, source, class_id in found if class_id == category[source]}
    assert 0.94 < len(set(sources)) / len(real) < 1.0  # few misses
    assert 0.92 < len(right) / len(real) < 1.0  # few confusions
    assert 0.01 < (len(sources) - len(set(sources))) / len(real) < 0.08  # doubled
    on_distractors = [frame for frame, source, _ in found if not category[source]]
    assert 0.08 < len(on_distractors) / 150 < 0.35
    assert any(len(result.scores) == 0 for _, _, result in many)


def test_confidence_falls_with_the_error_of_the_mask(
    many: list[tuple[np.ndarray, list[TrueObject], SimulatedDetections]],
) -> None:
    pairs = [
        (compute_overlap(instance == source, found.masks[..., row]), found.scores[row])
        for instance, _, found in many
        for row, source in enumerate(found.sources)
    ]
    overlaps, confidences = np.array(pairs).T
    assert np.corrcoef(overlaps, confidences)[0, 1] > 0.2
    assert 0.82 < np.median(overlaps) < 0.96


def test_hidden_objects_are_missed() -> None:
    instance, objects = draw_frame(np.random.default_rng(0))
    hidden = [item._replace(visible=0.02) for item in objects[1:]]
    counts = [
        len(simulate_detections(instance, hidden, np.random.default_rng(seed), PERFECT).scores)
        for seed in range(40)
    ]
    assert np.mean(counts) < 0.2 * len(hidden)


def test_borders_erode_and_dilate() -> None:
    instance, _ = draw_frame(np.random.default_rng(0))
    truth = instance == 2
    areas = []
    for seed in range(60):
        roi, mask = degrade_mask(truth, PERFECT, np.random.default_rng(seed))
        areas.append(np.count_nonzero(mask) / np.count_nonzero(truth))
        assert np.abs(roi - compute_mask_box(truth)).max() < 8
    assert min(areas) < 0.95
    assert max(areas) > 1.03


def test_same_stream_same_detections() -> None:
    instance, objects = draw_frame(np.random.default_rng(0))
    first, second = (
        simulate_detections(instance, objects, np.random.default_rng(7)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.masks, second.masks)
    np.testing.assert_array_equal(first.scores, second.scores)
