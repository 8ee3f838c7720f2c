"""Time tracking: `python tests/performance/bench_tracking.py [--objects 5] [--threads 2]`.

K = 50, preset compact. Prints frames per second and latencies, beside the same tracker with RK45.
Both take the same frame in turns, so that other load hits both. CPU time counts this process's own
work alone.
"""

import argparse
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from timing import make_shards

from benchmark.diffusion.estimator import GenPose
from benchmark.estimator import EstimatorOptions, Observations, PoseEstimate
from benchmark.geometry.perturbation import perturb_poses, sample_pose_noise
from benchmark.inference import compute_seeds
from benchmark.memory import keep_freed_memory
from benchmark.records import compute_rotation
from benchmark.shards import Shard, find_shards, read_shard
from benchmark.tracking import describe_speed

K = 50


@dataclass
class Timed:
    """A tracker with its last poses and what each frame took, in milliseconds."""

    name: str
    tracker: GenPose
    poses: PoseEstimate
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def track(self, observations: Observations) -> None:
        """Track one frame from the pose of the frame before."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.poses = self.tracker.track(observations, self.poses)
        self.wall_ms.append(1e3 * (time.perf_counter() - wall))
        self.cpu_ms.append(1e3 * (time.process_time() - cpu))

    def report(self) -> str:
        """Return one line; the first frame warms up."""
        wall, cpu = describe_speed(self.wall_ms[1:]), describe_speed(self.cpu_ms[1:])
        latency = ", ".join(f"{name} {value:.1f}" for name, value in wall["latency_ms"].items())
        return (
            f"{self.name}: {wall['frames_per_second']:.2f} frames/s, latency in ms {latency}; "
            f"CPU time {np.median(self.cpu_ms[1:]):.1f} ms a frame "
            f"({cpu['frames_per_second']:.2f} frames/s)"
        )


def observe(shard: Shard, frame: int, count: int) -> Observations:
    """Return the same objects, seen again with other noise: only the work matters here."""
    objects = shard.objects.take(np.arange(count))
    noise = np.random.default_rng(frame).normal(0, 1e-3, objects.points.shape)
    return Observations(
        points=(objects.points + noise).astype(np.float32),
        category=objects.category,
        seeds=compute_seeds(0, [str(frame)] * count, list(range(count))),
        intrinsics=shard.frames.intrinsics[objects.frame],
    )


def find_start(shard: Shard, count: int) -> PoseEstimate:
    """Return the true poses of the objects, perturbed."""
    rows = shard.objects.ground_truth[:count]
    truth = shard.ground_truth.transform[rows]
    noise = sample_pose_noise(np.random.default_rng(0), count)
    rotation, translation = perturb_poses(compute_rotation(truth), truth[:, :3, 3], noise)
    return PoseEstimate(rotation=rotation, translation=translation)


def build(name: str, start: PoseEstimate, **extra: str) -> Timed:
    """Load a tracker; `extra` are its options."""
    options = EstimatorOptions(hypotheses=K, device="cpu", tracking=True, extra=dict(extra))
    return Timed(name=name, tracker=GenPose.load(options), poses=start)


def main(frames: int, objects: int, threads: int) -> None:
    """Print both, and the ratio of their medians."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    shard = read_shard(find_shards(make_shards())[0])
    start = find_start(shard, objects)
    runs = [build("genbench", start), build("RK45 at its default tolerance", start, sampler="rk45")]
    for frame in range(frames + 1):
        observations = observe(shard, frame, objects)
        for run in runs:
            run.track(observations)
    print(f"{objects} objects a frame, K = {K}, {frames} frames, {threads} threads")
    for run in runs:
        print(run.report())
    fast, plain = (float(np.median(run.cpu_ms[1:])) for run in runs)
    print(f"{plain / fast:.1f} times the reference, by CPU time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--objects", type=int, default=5, help="in a frame")
    parser.add_argument("--threads", type=int, default=2)
    main(**vars(parser.parse_args()))
