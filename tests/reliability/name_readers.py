"""Every reader that takes names from a file, each given a file with a name of one's choice."""

import csv
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmark.errors import GenBenchError
from tests.evaluation.conftest import make_predictions
from tests.reliability.fuzz_targets import list_targets

TARGETS = {target.name: target for target in list_targets()}
OBJ = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 2 3\nf 1 2 4\nf 1 3 4\nf 2 3 4\n"
WEIGHTS = Path(__file__).resolve().parents[2] / "benchmark/diffusion/weights/compact"


@dataclass(frozen=True)
class Places:
    """A folder that strangers filled, and one beside it that is nobody's business."""

    inside: Path
    outside: Path


@dataclass(frozen=True)
class Case:
    """One reader.

    Attributes:
        read: reads files whose names are hostile.
        start: folder below `inside` that the names are taken from.
        target: what the names lead to, below `outside`.
    """

    read: Callable[[Places, str], object]
    start: str
    target: str = "canary"


def check_line(message: str) -> None:
    """Check that a refusal is one line of bearable length."""
    assert "\n" not in message
    assert len(message) <= 2000


def read_meta_row(places: Places, name: str) -> None:
    """Look up the size of a model that `_meta.txt` names."""
    from preprocess.frames import PARTS, read_meta
    from preprocess.model_files import ModelFiles

    path = places.inside / "0000_meta.txt"
    path.write_text(f"1 6 {name}\n", errors="replace")
    for meta in read_meta(path):
        for part in PARTS:
            ModelFiles(places.inside).get_extents(part, meta)


def read_synset(places: Places, name: str) -> None:
    """Look up the size of a model of a synset that `_meta.txt` names."""
    read_meta_row(places, f"{name} canary")


def find_surface(places: Places, instance: str) -> None:
    """Look up the mesh of an object that a shard names, for a tracker that needs it."""
    from benchmark.shards import ShardInfo
    from preprocess.surfaces import ModelSurfaces

    folder = places.inside / "obj_models"
    (folder / "real_test").mkdir(parents=True, exist_ok=True)
    info = ShardInfo(dataset="d", source="real", split="test", label_set="l")
    ModelSurfaces(folder, info).get_surface(instance, 1, np.eye(4))


def read_label(places: Places, name: str) -> None:
    """Read a label of SPD's, and look up the mesh of its object."""
    from preprocess.annotations import read_spd_label

    path = places.inside / "0000_label.pkl"
    label = pickle.loads(TARGETS["label"].seeds[2])  # noqa: S301 - our own
    path.write_bytes(pickle.dumps(label | {"model_list": [name, name]}))
    find_surface(places, str(read_spd_label(path).instance[0]))


def read_aligned(places: Places, name: str) -> None:
    """Read aligned detections, and look up the mesh of their object."""
    from preprocess.detections import read_aligned_tracks

    target = TARGETS["aligned"]
    path = places.inside / target.file
    content = pickle.loads(target.seeds[2])  # noqa: S301 - our own
    content["gt"]["model_list"] = [name, name]
    path.write_bytes(pickle.dumps(content | {"image_path": name}))
    find_surface(places, read_aligned_tracks(path, (32, 24)).instances[0])


def read_detection_pickle(places: Places, name: str) -> None:
    """Read detections and ground truth that say which image they are of."""
    for target in (TARGETS["detections"], TARGETS["annotation"], TARGETS["mug meta"]):
        path = places.inside / target.file
        content = pickle.loads(target.seeds[2])  # noqa: S301 - our own
        extra = {"image_path": name, "model_list": [name], name: content.get("a_norm", 1)}
        path.write_bytes(pickle.dumps(extra | content))
        target.read(path)


def read_list(places: Places, name: str) -> None:
    """Read a list of frames."""
    from preprocess.frames import read_frame_list

    path = places.inside / "test_list.txt"
    path.write_text(f"{name}\n", errors="replace")
    for frame in read_frame_list(path):
        assert frame.startswith("inside/")
        assert ".." not in frame.split("/")


def read_place(key: str) -> Callable[[Places, str], None]:
    """Return what reads own data whose depth, masks or categories lie in a hostile place."""

    def read(places: Places, name: str) -> None:
        make_own(places, {key: name})
        read_own(places)

    return read


def make_own(places: Places, changed: dict[str, str], frame: str = "0000") -> None:
    """Write own data of one frame."""
    told = {"depth": "depth", "masks": "masks", "categories": "categories.csv", "name": "own"}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in (told | changed).items()]
    text = "fx = 1.0\nfy = 1.0\ncx = 1.0\ncy = 1.0\n" + "".join(lines)
    (places.inside / "genbench.toml").write_text(text)
    for folder in ("depth", "masks"):
        (places.inside / folder).mkdir()
        cv2.imwrite(str(places.inside / folder / "0000.png"), np.ones((24, 32), np.uint16))
    with (places.inside / "categories.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([("frame", "instance", "category"), (frame, "1", "mug")])


def read_own(places: Places) -> None:
    """Read all frames of own data."""
    from preprocess.clouds import CloudOptions
    from preprocess.frame_tables import Rejected
    from preprocess.own_frames import find_own_source

    source = find_own_source(places.inside, stride=1, clouds=CloudOptions())
    for frame in source.frames:
        try:
            source.reader.read(frame)
        except Rejected as error:
            check_line(str(error))


def read_own_rows(places: Places, name: str) -> None:
    """Read own data whose table names a hostile frame."""
    make_own(places, {}, frame=name)
    read_own(places)


def read_own_coco(places: Places, name: str) -> None:
    """Read own data whose masks are of a hostile image."""
    make_own(places, {"masks": "masks.json"})
    content = {
        "images": [{"id": 1, "file_name": name}, {"id": 2, "file_name": f"{name}.png"}],
        "annotations": [{"id": 1, "image_id": i, "segmentation": {}} for i in (1, 2)],
    }
    (places.inside / "masks.json").write_text(json.dumps(content))
    read_own(places)


def name_own_run(places: Places, name: str) -> None:
    """Make the folder of a run over a data set of a hostile name."""
    from benchmark.predictions import RunInfo
    from benchmark.running import name_run
    from benchmark.shards import Objects, Shard, ShardInfo, write_shard

    made = make_predictions(1)
    shard = Shard(
        info=ShardInfo(dataset=name, source="own", split="test", label_set="none"),
        frames=made.frames,
        ground_truth=made.ground_truth,
        detections=made.detections,
        objects=Objects.empty(),
    )
    path = places.inside / "test-own-0000.h5"
    write_shard(path, shard)
    base = RunInfo(estimator="genpose", dataset="", split="", label_set="")
    folder = places.inside / "runs" / name_run(base, [path])
    (folder / "parts").mkdir(parents=True)
    assert folder.resolve().parent == (places.inside / "runs").resolve()


def read_coco_names(places: Places, name: str) -> None:
    """Read detections of a hostile image in COCO's two forms."""
    from preprocess.coco import read_coco

    result = {"category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, "segmentation": {}}
    images = {"images": [{"id": 1, "file_name": name}], "categories": [{"id": 1, "name": name}]}
    for content in ([result | {"image_id": name}], images | {"annotations": []}):
        path = places.inside / "detections.json"
        path.write_text(json.dumps(content))
        read_coco(path)


def import_result(form: str, change: Callable[[Any, str], Any]) -> Callable[[Places, str], None]:
    """Return what imports a result of a form, and writes it out again in all others."""

    def read(places: Places, name: str) -> None:
        from baselines.importers import ImportOptions, read_foreign
        from baselines.importers.export import EXPORTS, write_foreign

        target = TARGETS[form]
        path = places.inside / target.file
        seed = target.seeds[min(2, len(target.seeds) - 1)]
        if path.suffix == ".pkl":
            content = change(pickle.loads(seed), name)  # noqa: S301 - our own
            path.write_bytes(pickle.dumps(content))
        elif path.suffix == ".json":
            path.write_text(json.dumps(change(json.loads(seed), name)))
        else:
            path.write_bytes(change(seed, name.encode()))
        predictions = read_foreign(path, options=ImportOptions(detections_only=True))
        for frame in predictions.frames.id:
            assert not {"", ".", ".."} & set(frame.split("/"))
        for form_ in EXPORTS:
            if form_ != "p4" or predictions.hypotheses is not None:
                write_foreign(places.inside / "written" / form_, predictions, form_)

    return read


def export_frame(places: Places, name: str) -> None:
    """Write predictions of a hostile frame and scene in every form, and in a picture's file."""
    from baselines.importers.export import EXPORTS, write_foreign
    from benchmark.texts import to_file_name

    made = make_predictions(1, hypotheses=2)
    count = len(made.frames)
    made = replace(made, frames=replace(made.frames, id=[name] * count, scene=[name] * count))
    made = strip_zeros(made)
    for form in EXPORTS:
        write_foreign(places.inside / "written" / form, made, form)
    picture = places.inside / f"view-{to_file_name(name)}.png"
    picture.write_bytes(b"")
    assert picture.resolve().parent == places.inside.resolve()


def strip_zeros(made: Any) -> Any:
    """Return predictions as they come back from a file, which cuts zero bytes at the end."""
    ids = np.array([str(name).rstrip("\0") for name in made.frames.id])
    return replace(made, frames=replace(made.frames, id=ids, scene=ids))


def read_images(places: Places, name: str) -> None:
    """Read the colour image of a hostile frame, for figures and for the page."""
    from leaderboards.page.crops import read_crop
    from preprocess.colours import read_colour
    from preprocess.images import read_png

    (places.inside / "Real/test").mkdir(parents=True)
    box = np.array([1, 1, 9, 9])
    for frame in (name, f"Real/test/{name}", f"Real/test/../{name}"):
        assert read_crop(places.inside, frame, box, read_png) is None
        try:
            read_colour(places.inside, frame)
        except GenBenchError as error:
            check_line(str(error))


def verify_record(places: Places, name: str) -> None:
    """Read the predictions that a record names."""
    from benchmark.predictions import read_predictions
    from leaderboards.submission.record import read_record
    from leaderboards.submission.verification import find_predictions

    path = write_record(places, {"predictions": {"file": name, "checksum": "00"}})
    read_predictions(find_predictions(path, read_record(path)))


def tabulate_record(places: Places, name: str) -> None:
    """Put records of a hostile method, run and data set into the tables."""
    from leaderboards.submission.record import read_records
    from leaderboards.tables.build import build_tables
    from leaderboards.tables.files import write_tables

    document = json.loads(TARGETS["record"].seeds[0])
    run = {"estimator": name, "dataset": name, "split": "test", "label_set": name}
    run |= {"configuration": {"form": name, "weights": name}, "fingerprints": {name: name}}
    document["result"]["run"] |= run
    means = {f"{degree}deg_{cm}cm": 50.0 for degree in (5, 10) for cm in (2, 5)}
    document["result"]["protocols"]["genpose"]["mean"] = means
    write_record(places, {"result": document["result"]}, method=name or "nothing")
    tables = build_tables([1, 7], (), read_records(places.inside / "records"))
    write_tables(places.inside / "tables", tables)


def write_record(places: Places, changed: dict[str, Any], **metadata: str) -> Path:
    """Write a record."""
    document = json.loads(TARGETS["record"].seeds[0]) | changed
    document["metadata"] |= metadata
    path = places.inside / "records" / "record.json"
    path.parent.mkdir()
    path.write_text(json.dumps(document))
    return path


def load_weights_of_run(places: Places, name: str) -> None:  # noqa: ARG001 - as all readers
    """Load the weights that a run says it used."""
    from benchmark.predictions import RunInfo
    from benchmark.run_inputs import load_run_estimator

    info = RunInfo(
        estimator="genpose",
        dataset="d",
        split="test",
        label_set="l",
        configuration={"weights": name, "preset": "compact"},
        fingerprints={"weights:score": "0" * 64, f"shard:{name}": "0" * 64},
    )
    load_run_estimator(info, None, "cpu")


def load_card(places: Places, name: str) -> None:
    """Load weights whose card is full of hostile names."""
    from benchmark.estimator import EstimatorOptions
    from benchmark.registry import load_estimator

    folder = places.inside / "weights"
    shutil.copytree(WEIGHTS, folder, copy_function=os.symlink)
    (folder / "card.json").unlink()
    card = json.loads((WEIGHTS / "card.json").read_text())
    network = card["networks"]["score"]
    card["networks"] = {name: network, f"{name}.safetensors": network} | card["networks"]
    card |= {"preset": name, "estimator": name, name: name}
    for key in ("shards", "categories", "instances"):
        values = card["data"].get(key)
        if isinstance(values, dict):
            card["data"][key] = {name: next(iter(values.values()), {})} | values
    (folder / "card.json").write_text(json.dumps(card))
    options = EstimatorOptions(weights=folder, device="cpu", preset="compact")
    load_estimator("genpose", options)


def open_runs(places: Places, name: str) -> None:
    """Open runs that say hostile things of themselves, and ask for the shards they used."""
    from benchmark.predictions import write_predictions
    from benchmark.run_inputs import find_shards_used
    from leaderboards.runs import find_runs
    from leaderboards.tables.build import build_tables

    made = make_predictions(2, hypotheses=2)
    info = replace(
        made.info,
        estimator=name,
        dataset=name,
        configuration={"form": name, "weights": name},
        fingerprints={f"shard:{name}": "0" * 64, name: name},
    )
    write_predictions(places.inside / "runs/a/predictions.h5", replace(made, info=info))
    shard = places.inside / "test-real-0000.h5"
    shard.write_bytes(TARGETS["shard"].seeds[0])
    (run,) = find_runs(places.inside / "runs").found
    build_tables([1], [run])
    find_shards_used(run.info, [shard])


def _in_image(content: Any, name: str) -> Any:
    return content | {"image_path": [name], "image_id": 3}


def _in_models(content: Any, name: str) -> Any:
    truth = content["gt"] | {"model_list": [name, name]}
    return content | {"image_path": name, "gt": truth}


def _in_columns(content: Any, name: str) -> Any:
    return [entry | {"image_path": name} for entry in content]


def _in_json(content: Any, name: str) -> Any:
    models = [model | {"model_path": name} for model in content["model_information"]]
    return content | {"image_path": name, "model_information": models}


def _in_keys(content: Any, name: str) -> Any:
    return {name: next(iter(content.values()))}


def _in_steps(content: Any, name: str) -> Any:
    return {step: _in_keys(images, name) for step, images in content.items()}


def _in_text(content: bytes, name: bytes) -> bytes:
    return content.replace(b"0000_color.png", name)


MODELS = "obj_models/real_test"
CASES = {
    "model in _meta.txt": Case(read_meta_row, MODELS),
    "synset in _meta.txt": Case(read_synset, "obj_models/val"),
    "instance in a shard": Case(find_surface, MODELS),
    "model in a label": Case(read_label, MODELS),
    "model in aligned detections": Case(read_aligned, MODELS),
    "image in detections and ground truth": Case(read_detection_pickle, "."),
    "frame list": Case(read_list, "."),
    "depth in genbench.toml": Case(read_place("depth"), "."),
    "masks in genbench.toml": Case(read_place("masks"), "."),
    "categories in genbench.toml": Case(read_place("categories"), ".", "canary.csv"),
    "frame in categories.csv": Case(read_own_rows, "depth"),
    "image in own COCO": Case(read_own_coco, "masks"),
    "name in genbench.toml": Case(name_own_run, "runs"),
    "image in COCO": Case(read_coco_names, "."),
    "P1": Case(import_result("P1", _in_image), "."),
    "P2": Case(import_result("P2", _in_columns), "."),
    "P3": Case(import_result("P3", _in_json), "."),
    "P4": Case(import_result("P4", _in_keys), "."),
    "P6": Case(import_result("P6", _in_steps), "."),
    "P8": Case(import_result("P8", _in_text), "."),
    "P9": Case(import_result("aligned", _in_models), "."),
    "frame in exported files": Case(export_frame, "written"),
    "frame in figures and page": Case(read_images, "Real/test"),
    "predictions in a record": Case(verify_record, "records", "canary.h5"),
    "method in a record": Case(tabulate_record, "."),
    "weights in a run": Case(load_weights_of_run, "."),
    "card of weights": Case(load_card, "weights", "canary/score"),
    "what a run says of itself": Case(open_runs, "."),
}
