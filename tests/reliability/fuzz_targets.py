"""Every reader of files from outside, with small good files to start from."""

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Read = Callable[[Path], object]
SIZE = (24, 32)
"""Height and width of the images and masks."""


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: of the target.
        file: name that the reader expects.
        read: reads a file.
        seeds: contents of good files.
        repair: makes a mutated file pass its checksums, so that what lies behind them is reached.
    """

    name: str
    file: str
    read: Read
    seeds: tuple[bytes, ...]
    repair: Callable[[bytes], bytes] | None = None


def list_targets() -> list[Target]:
    """Return all targets."""
    return [*_list_images(), *_list_texts(), *_list_pickles(), *_list_own_files(), *_list_weights()]


def _list_images() -> list[Target]:
    from preprocess.images import read_coordinate_map, read_depth, read_mask
    from preprocess.own_frames import read_own_depth

    rng = np.random.default_rng(0)
    deep = rng.integers(300, 1500, SIZE).astype(np.uint16)
    packed = rng.integers(0, 256, (*SIZE, 4)).astype(np.uint8)
    mask = rng.integers(0, 4, SIZE).astype(np.uint8)
    seeds = {name: _encode(image) for name, image in (("16", deep), ("8", packed), ("m", mask))}
    return [
        Target("depth", "a_depth.png", read_depth, (seeds["16"], seeds["8"]), repair_png),
        Target("mask", "a_mask.png", read_mask, (seeds["m"], seeds["8"]), repair_png),
        Target("map", "a_coord.png", read_coordinate_map, (seeds["8"],), repair_png),
        Target(
            "own depth",
            "a.png",
            lambda path: read_own_depth(path, 1000.0),
            (seeds["16"],),
            repair_png,
        ),
    ]


def _encode(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def repair_png(data: bytes) -> bytes:
    """Return PNG data with the checksum of every part set right."""
    import zlib

    fixed, place = bytearray(data), 8
    while place + 12 <= len(fixed):
        end = place + 8 + int.from_bytes(fixed[place : place + 4])
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = zlib.crc32(fixed[place + 4 : end]).to_bytes(4)
        place = end + 4
    return bytes(fixed)


def _list_texts() -> list[Target]:
    from benchmark.evaluation.result import read_result
    from leaderboards.submission.record import read_record
    from preprocess.coco import read_coco
    from preprocess.frames import read_frame_list, read_meta
    from preprocess.meshes import read_obj
    from preprocess.model_files import read_extents
    from preprocess.own import read_instances, read_own_configuration

    toml = b'fx = 591.0\nfy = 590.1\ncx = 322.5\ncy = 244.1\ndepth = "depth"\ndepth_scale = 1000\n'
    meta = b"1 1 02876657 1a7ba1f4c892e2da30711cdbdbc73924\n2 6 mug2_scene3_norm\n"
    obj = b"v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 2 3\nf 1/1/1 3//2 4/2\nf 1 2 3 4\n"
    boxes = b"0.1 0.2 0.3\n"
    coco = json.dumps([{"image_id": "a", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5,
        "segmentation": {"size": list(SIZE), "counts": "0a1b2"}}]).encode()  # fmt: skip
    return [
        Target("meta", "a_meta.txt", read_meta, (meta,)),
        Target("frame list", "val_list.txt", read_frame_list, (b"val/00000/0000\nval/1/7\n",)),
        Target("mesh", "a.obj", read_obj, (obj,)),
        Target("extents", "a.txt", read_extents, (boxes,)),
        Target("coco", "a.json", read_coco, (coco,)),
        Target("own configuration", "genbench.toml",
            lambda path: read_own_configuration(path.parent), (toml,)),
        Target(
            "own categories", "categories.csv", read_instances,
            (b"frame,instance,category\n0001,1,mug\n0001,2,bottle\n",),
        ),
        Target("result", "result.json", read_result, (_make_result(),)),
        Target("record", "record.json", read_record, (_make_record(),)),
    ]  # fmt: skip


def _make_result() -> bytes:
    from benchmark.evaluation.result import CategoryResult, ProtocolResult, Result, to_document
    from benchmark.predictions import RunInfo

    run = RunInfo(estimator="a", dataset="b", split="test", label_set="c")
    row = CategoryResult(
        category="mug", instances=3, detections=4, matched=2, metrics={"5deg_2cm": 50.0},
        intervals={"5deg_2cm": (40.0, 60.0)},
    )  # fmt: skip
    block = ProtocolResult(
        protocol="genpose", version=1, options={"keep": 0.6}, frames=2, categories=(row,)
    )
    result = Result(run=run, protocols=(block,), environment={"cores": 2}, seconds=0.1)
    return json.dumps(to_document(result)).encode()


def _make_record() -> bytes:
    from dataclasses import fields

    from leaderboards.submission.record import Metadata

    document = {
        "format": "genbench-record",
        "schema_version": 1,
        "metadata": {item.name: "a" for item in fields(Metadata)},
        "predictions": {"file": "predictions.h5", "checksum": "00"},
        "result": json.loads(_make_result()),
    }
    return json.dumps(document).encode()


def _list_pickles() -> list[Target]:
    from baselines.importers import read_foreign
    from preprocess.annotations import read_annotation, read_spd_label
    from preprocess.detections import read_aligned_tracks, read_detections
    from preprocess.model_files import read_model_points, read_mug_meta

    size = (SIZE[1], SIZE[0])
    found = {
        "class_ids": np.array([1, 6]), "rois": np.array([[2, 3, 10, 12], [5, 5, 20, 30]]),
        "scores": np.array([0.9, 0.8], np.float32), "masks": np.ones((*SIZE, 2), bool),
    }  # fmt: skip
    poses = np.tile(np.diag([0.2, 0.2, 0.2, 1.0]), (2, 1, 1))
    truth = {"gt_RTs": poses, "handle_visibility": np.ones(2, int)}
    label = {
        "class_ids": [1, 6], "bboxes": found["rois"], "scales": np.array([0.2, 0.1]),
        "rotations": np.tile(np.eye(3), (2, 1, 1)), "translations": np.ones((2, 3)),
        "instance_ids": [1, 2], "model_list": ["a", "b"],
    }  # fmt: skip
    aligned = {
        "pred": found | {"seen": np.array([1, 0])},
        "gt": {"poses": poses, "handle_visibility": [1, 1], "model_list": ["a", "b"]},
    }
    nocs = {
        "gt_class_ids": np.array([1, 6]), "gt_bboxes": found["rois"], "gt_RTs": poses,
        "gt_scales": np.full((2, 3), 0.5), "gt_handle_visibility": np.ones(2),
        "pred_class_ids": np.array([1, 6]), "pred_bboxes": found["rois"],
        "pred_scores": np.array([0.9, 0.8]), "pred_RTs": poses, "pred_scales": np.ones((2, 3)),
    }  # fmt: skip
    many = {"multi_hypothesis_pred_RTs": np.tile(np.eye(4), (2, 3, 1, 1)),
        "energy": np.zeros((2, 3, 2))}  # fmt: skip
    genpose = {"Real/test/scene_1/0000": {"result": nocs | many, "cat_id": np.array([0, 5])}}
    catre = {
        "iter0": {"Real/test/scene_1/0000": {k: v for k, v in nocs.items() if k.startswith("pred")}}
    }
    captra = {
        side: {"poses": [{"rotation": np.eye(3)[None], "translation": np.ones((1, 3, 1)),
            "scale": np.ones(1)}], "corners": [np.ones((1, 2, 3))]}
        for side in ("pred", "gt")
    } | {"frame_nums": ["0000"]}  # fmt: skip
    mugs = {"a_norm": [np.zeros(3), 0.9]}
    return [
        _pickled("detections", "results_test_scene_1_0000.pkl",
            lambda p: read_detections(p, size), found),
        _pickled("aligned", "results_test_scene_1_0000.pkl",
            lambda p: read_aligned_tracks(p, size), aligned),
        _pickled("annotation", "results_real_test_scene_1_0000.pkl", read_annotation, truth),
        _pickled("label", "0000_label.pkl", read_spd_label, label),
        _pickled("mug meta", "mug_meta.pkl", read_mug_meta, mugs),
        _pickled("model points", "a.pkl", read_model_points, {"a": np.ones((4, 3))}),
        _pickled("P1", "results_test_scene_1_0000.pkl", read_foreign, nocs, [nocs]),
        _pickled("P2", "pred_result.pkl", read_foreign, [nocs | {"image_path": "scene_1/0000"}]),
        _pickled("P4", "results_with_energy.pkl", read_foreign, genpose),
        _pickled("P5", "mug_x_norm_scene_1.pkl", read_foreign, captra),
        _pickled("P6", "cat_real_preds.pkl", read_foreign, catre),
        Target("P3", "scene_1_0000.json", read_foreign, (json.dumps({
            "image_path": "scene_1/0000", "pred_class_ids": [1], "pred_scores": [0.5],
            "pred_bboxes": [[1, 2, 3, 4]], "pred_RTs_cass": np.eye(4)[None].tolist(),
            "pred_scales_cass": [[1, 1, 1]], "gt_class_ids": [1], "gt_bboxes": [[1, 2, 3, 4]],
            "gt_RTs_for_CASS": np.eye(4)[None].tolist(), "pred_RTs": np.eye(4)[None].tolist(),
            "pred_scales": [[1, 1, 1]], "gt_RTs": np.eye(4)[None].tolist(),
            "gt_scales": [[1, 1, 1]],
            "gt_handle_visibility": [1], "model_information": [
                {"cls_id": "1", "model_path": "x.obj", "gt_scales_for_CASS": [1, 1, 1]}],
        }).encode(),)),
        Target("P7", "mug_scene_1_0_pose.txt", read_foreign,
            (b"1 0 0\n0 1 0\n0 0 1\n10 20 900\n0.5\n",)),
        Target("P8", "Pose_mug_seq1.txt", read_foreign,
            (b"mug 0000_color.png 0.1 0.2 0.9 1 0 0 0 0.2 1.8\n",)),
    ]  # fmt: skip


def _pickled(name: str, file: str, read: Read, *contents: Any) -> Target:
    """Return a target whose seeds are the contents, pickled by every protocol."""
    seeds = [pickle.dumps(content, protocol) for content in contents for protocol in range(6)]
    return Target(name, file, read, tuple(seeds))


def _list_own_files() -> list[Target]:
    from benchmark.features import read_features
    from benchmark.likelihoods import read_likelihoods
    from benchmark.predictions import read_predictions
    from benchmark.shards import read_shard

    shard, predictions = _make_tables()
    features = io.BytesIO()
    np.savez_compressed(
        features, features=np.zeros((2, 4), np.float16), detection=np.arange(2), category=np.ones(2)
    )
    return [
        Target("shard", "test-real-0000.h5", read_shard, (shard,)),
        Target("predictions", "predictions.h5", read_predictions, (predictions,)),
        Target("likelihoods", "likelihood.h5", read_likelihoods, (_make_likelihoods(),)),
        Target("features", "features.npz", read_features, (features.getvalue(),)),
    ]


def _make_tables() -> tuple[bytes, bytes]:
    """Return the bytes of a small shard and of small predictions."""
    import tempfile

    from benchmark.estimator import EstimatorOptions
    from benchmark.records import Detections, Frames, GroundTruth
    from benchmark.registry import load_estimator
    from benchmark.running import RunOptions, run_estimator
    from benchmark.shards import POINTS_PER_CLOUD, Objects, Shard, ShardInfo, write_shard

    shard = Shard(
        info=ShardInfo(dataset="d", source="real", split="test", label_set="l"),
        frames=Frames(id=["a"], scene=["s"], number=[0], intrinsics=np.ones((1, 4)),
            image_size=[[640, 480]]),
        ground_truth=GroundTruth.empty(),
        detections=Detections(frame=[0], category=[1], bbox=[[1, 2, 3, 4]], confidence=[0.5]),
        objects=Objects(points=np.ones((1, POINTS_PER_CLOUD, 3)), frame=[0], detection=[0],
            ground_truth=[-1], category=[1], valid_pixels=[9]),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "test-real-0000.h5"
        write_shard(path, shard)
        options = RunOptions(estimator=EstimatorOptions())
        estimator = load_estimator("mean-pose", options.estimator)
        made = run_estimator(estimator, [path], folder / "run", options)
        return path.read_bytes(), made.read_bytes()


def _make_likelihoods() -> bytes:
    import tempfile

    from benchmark.likelihoods import (
        FrameRows,
        LikelihoodInfo,
        LikelihoodRows,
        Likelihoods,
        write_likelihoods,
    )

    info = LikelihoodInfo(
        sigma=0.1, prior_sigma=3.0, tolerance=1e-5, weights="a", detections="b", seconds=1.0,
        energy_seconds=0.1,
    )  # fmt: skip
    rows = LikelihoodRows(detection=[0, 0], hypothesis=[0, 1], log_likelihood=[1.0, 2.0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "likelihood.h5"
        write_likelihoods(path, Likelihoods(info=info, frames=FrameRows(frame=[0]), rows=rows))
        return path.read_bytes()


def _list_weights() -> list[Target]:
    import torch
    from safetensors.torch import save

    from benchmark.diffusion.checkpoints import read_weights
    from benchmark.diffusion.official_checkpoints import read_official_checkpoint

    official = io.BytesIO()
    torch.save({"model_state_dict": {"a": torch.ones(3)}, "clock": {"epoch": 1}}, official)
    return [
        Target("weights", "score.safetensors", read_weights, (save({"a": torch.ones(3)}),)),
        Target("checkpoint", "score.pth", read_official_checkpoint, (official.getvalue(),)),
    ]
