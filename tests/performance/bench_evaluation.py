"""How long each protocol takes on predictions of REAL275's size, beside a straightforward loop.

    python tests/performance/bench_evaluation.py [--frames 2754] [--hypotheses 50] [--rounds 5]

The reference is what a careful user would write with numpy: frame by frame, threshold by threshold.
It is timed on a part of the frames, and its time scaled up.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.aggregation import pool_ranked
from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.protocols import PROTOCOLS, Options, get_protocol
from benchmark.geometry.boxes import compute_image_iou
from benchmark.geometry.rotations import rotation_about_axis, sample_rotations
from benchmark.geometry.symmetry import compute_rotation_error, find_symmetric
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth

DETECTIONS_PER_FRAME = 15_573 / 2_754
REFERENCE_FRAMES = 12


def build_predictions(frames: int, hypotheses: int, seed: int = 0) -> Predictions:
    """Draw as many detections and objects a frame as REAL275 has, with plausible errors."""
    generator = np.random.default_rng(seed)
    count = round(frames * DETECTIONS_PER_FRAME)
    frame = np.sort(generator.integers(0, frames, count))
    category = generator.integers(1, 7, count)
    transform = np.tile(np.eye(4), (count, 1, 1))
    rotation = sample_rotations(generator, count)
    transform[:, :3, :3] = 0.2 * rotation
    transform[:, :3, 3] = generator.uniform([-0.3, -0.2, 0.6], [0.3, 0.2, 1.4], (count, 3))
    corner = generator.integers(0, 350, (count, 2))
    box = np.concatenate([corner, corner + generator.integers(50, 130, (count, 2))], axis=1)
    poses = _scatter(generator, rotation, transform[:, :3, 3], hypotheses)
    estimate = transform.copy()
    estimate[:, :3, :3] = 0.2 * poses[:, 0, :, :3]
    estimate[:, :3, 3] = poses[:, 0, :, 3]
    extents = generator.uniform(0.3, 0.8, (count, 3))
    return Predictions(
        info=RunInfo(estimator="random", dataset="random", split="test", label_set="random"),
        frames=Frames(
            id=[f"{row:05d}" for row in range(frames)],
            scene=[f"{row * 6 // frames}" for row in range(frames)],
            number=np.arange(frames),
            intrinsics=np.ones((frames, 4)),
            image_size=np.tile([640, 480], (frames, 1)),
        ),
        ground_truth=GroundTruth(
            frame=frame,
            category=category,
            instance=["object"] * count,
            transform=transform,
            extents=extents,
            bbox=box,
            handle_visible=generator.integers(0, 2, count),
            visible_pixels=np.full(count, -1),
        ),
        detections=Detections(
            frame=frame,
            category=category,
            bbox=box + generator.integers(-15, 16, (count, 4)),
            confidence=generator.random(count),
        ),
        estimates=Estimates(
            estimated=np.ones(count),
            transform=estimate,
            extents=extents * generator.uniform(0.9, 1.1, (count, 3)),
        ),
        hypotheses=poses,
        energies=generator.standard_normal((count, hypotheses, 2)).astype(np.float32),
    )


def _scatter(
    generator: np.random.Generator, rotation: np.ndarray, translation: np.ndarray, hypotheses: int
) -> np.ndarray:
    """Return hypotheses (n, K, 3, 4) around the truth."""
    shape = (len(rotation), hypotheses)
    angle = np.radians(15.0) * generator.random((len(rotation), 1)) * generator.random(shape)
    noise = rotation_about_axis(generator.standard_normal((*shape, 3)), angle)
    shift = 0.02 * generator.standard_normal((*shape, 3))
    poses = [noise @ rotation[:, None], (translation[:, None] + shift)[..., None]]
    return np.concatenate(poses, axis=-1).astype(np.float32)


def score_plainly(predictions: Predictions, frames: int) -> list[np.ndarray]:
    """Match the first frames by 2D box and by pose, one threshold after the other."""
    protocol = get_protocol("genpose")
    thresholds = [(d, s / 2) for d in protocol.degree_thresholds for s in range(22)]
    matches = []
    for frame in range(frames):
        for category in range(1, 7):
            matches += _match_plainly(predictions, frame, category, thresholds)
    return matches


def _match_plainly(
    predictions: Predictions, frame: int, category: int, thresholds: list[tuple[float, float]]
) -> list[np.ndarray]:
    detections, truths = predictions.detections, predictions.ground_truth
    mine = np.flatnonzero((detections.frame == frame) & (detections.category == category))
    mine = mine[np.argsort(-detections.confidence[mine])]
    theirs = np.flatnonzero((truths.frame == frame) & (truths.category == category))
    if not len(mine) or not len(theirs):
        return []
    overlap = compute_image_iou(detections.bbox[mine][:, None], truths.bbox[theirs][None])
    matches = [_match_greedily(overlap > step / 100, -overlap) for step in range(101)]
    mine = mine[matches[10] >= 0]
    poses = np.asarray(predictions.hypotheses[mine])
    rotation, translation = pool_ranked(
        poses[..., :3], poses[..., 3], np.asarray(predictions.energies[mine])
    )
    true_pose = truths.transform[theirs]
    symmetric = find_symmetric(truths.category[theirs], truths.handle_visible[theirs])
    scale = np.cbrt(np.linalg.det(true_pose[:, :3, :3]))[:, None, None]
    true_rotation = true_pose[:, :3, :3] / scale
    degree = np.degrees(
        compute_rotation_error(rotation[:, None], true_rotation[None], symmetric[None])
    )
    cm = 100 * np.linalg.norm(translation[:, None] - true_pose[None, :, :3, 3], axis=-1)
    for degree_limit, cm_limit in thresholds:
        passes = (degree <= degree_limit) & (cm <= cm_limit)
        matches.append(_match_greedily(passes, degree + cm))
    return matches


def _match_greedily(allowed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    partner = np.full(len(cost), -1)
    taken: set[int] = set()
    for row in range(len(cost)):
        for column in np.argsort(cost[row]):
            if allowed[row, column] and column not in taken:
                partner[row] = column
                taken.add(int(column))
                break
    return partner


def measure(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return median wall and processor seconds of a few calls, after one that compiles."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
    return wall, processor


def main() -> None:
    """Print the time of each protocol, and the ratio to the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2754)
    parser.add_argument("--hypotheses", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    predictions = build_predictions(arguments.frames, arguments.hypotheses)
    print(f"{arguments.frames} frames, {len(predictions.detections)} detections")
    part = min(REFERENCE_FRAMES, arguments.frames)
    share = arguments.frames / part
    plain = [share * spent for spent in measure(lambda: score_plainly(predictions, part), 3)]
    print(f"{'':36s} {'wall':>8s}   {'processor':>9s}   reference over it (wall, processor)")
    print(f"{'reference (genpose, matching only)':36s} {plain[0]:8.2f} s {plain[1]:9.2f} s")
    cases = [(protocol.id, protocol.id, Options()) for protocol in PROTOCOLS]
    cases.append(("genpose, nearest", "genpose", Options(pooling="nearest")))
    for label, protocol, options in cases:
        work = partial(evaluate, predictions, [protocol], options)
        wall, processor = measure(work, arguments.rounds)
        ratios = f"{plain[0] / wall:6.0f} {plain[1] / processor:6.0f}"
        print(f"{label:36s} {wall:8.2f} s {processor:9.2f} s   {ratios}")


if __name__ == "__main__":
    main()
