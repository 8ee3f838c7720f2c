"""Weights sets: found by name or folder, and refused where card and files disagree."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baselines.regression
import benchmark.diffusion
from benchmark.errors import DataFormatError, LeakageError, UnknownNameError
from benchmark.holdout import TrainingRecord, record_shard
from benchmark.weights import find_weights, list_weights

ROOTS = [
    Path(package.__path__[0]) / "weights" for package in (benchmark.diffusion, baselines.regression)
]
SHIPPED = [(root, name) for root in ROOTS for name in list_weights(root)]
CONTENT = b"not really weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()

Edit = Callable[[dict[str, Any]], None]


def _write_set(folder: Path, edit: Edit = lambda _: None) -> Path:
    """Write a set that was trained without bowls; `edit` falsifies its card."""
    shard = record_shard("0" * 64, np.array([1, 2]), np.array(["a", "b"]), excluded=2)
    card = {
        "options": {"holdout": "bowl"},
        "networks": {"score": {"sha256": DIGEST}},
        "data": TrainingRecord(shards={"train-camera-00000.h5": shard}).to_card(),
    }
    edit(card)
    folder.mkdir(parents=True)
    (folder / "score.safetensors").write_bytes(CONTENT)
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_a_shipped_set_is_found_by_name(tmp_path: Path) -> None:
    _write_set(tmp_path / "short")
    found = find_weights(Path("short"), tmp_path)
    assert (found.name, found.folder) == ("short", tmp_path / "short")


def test_a_folder_is_a_set_of_its_own_name(tmp_path: Path) -> None:
    _write_set(tmp_path / "mine")
    assert find_weights(tmp_path / "mine", tmp_path / "shipped").name == "mine"


def test_an_unknown_name_lists_the_shipped_sets(tmp_path: Path) -> None:
    _write_set(tmp_path / "short")
    with pytest.raises(UnknownNameError, match="did you mean 'short'"):
        find_weights(Path("shirt"), tmp_path)


def test_a_sound_set_describes_itself(tmp_path: Path) -> None:
    found = find_weights(_write_set(tmp_path / "short"), tmp_path).verify({"score": DIGEST})
    card = hashlib.sha256((tmp_path / "short" / "card.json").read_bytes()).hexdigest()
    expected = {"score": DIGEST, "card": card}
    assert found == {"weights": "short", "holdout": "bowl", "fingerprints": expected}


def test_imported_weights_need_no_card(tmp_path: Path) -> None:
    found = find_weights(tmp_path, tmp_path / "shipped").verify({"score": DIGEST})
    assert found == {"weights": tmp_path.name, "fingerprints": {"score": DIGEST}}


def _use_bowls(card: dict[str, Any]) -> None:
    shard = record_shard("0" * 64, np.array([1, 2]), np.array(["a", "b"]), excluded=0)
    card["data"] = TrainingRecord(shards={"train-camera-00000.h5": shard}).to_card()


def _claim_bottles(card: dict[str, Any]) -> None:
    card["options"]["holdout"] = "bottle"


@pytest.mark.parametrize("edit", [_use_bowls, _claim_bottles])
def test_a_holdout_that_was_trained_on_is_refused(tmp_path: Path, edit: Edit) -> None:
    found = find_weights(_write_set(tmp_path / "short", edit), tmp_path)
    with pytest.raises(LeakageError, match="was to be held out"):
        found.verify({"score": DIGEST})


def test_other_weights_than_the_cards_are_refused(tmp_path: Path) -> None:
    found = find_weights(_write_set(tmp_path / "short"), tmp_path)
    with pytest.raises(DataFormatError, match="weights or the card were replaced"):
        found.verify({"score": "0" * 64})


def test_a_card_without_its_record_is_refused(tmp_path: Path) -> None:
    folder = _write_set(tmp_path / "short", lambda card: card.pop("data"))
    with pytest.raises(DataFormatError, match="record of the training shards"):
        find_weights(folder, tmp_path).verify({"score": DIGEST})


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_card_that_is_no_card_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(DataFormatError, match="JSON"):
        find_weights(tmp_path, tmp_path / "shipped")


@pytest.mark.parametrize(("root", "name"), SHIPPED, ids=[name for _, name in SHIPPED])
def test_every_shipped_set_is_what_its_card_says(root: Path, name: str) -> None:
    found = find_weights(Path(name), root)
    files = {path.stem: path.read_bytes() for path in found.folder.glob("*.safetensors")}
    described = found.verify({n: hashlib.sha256(c).hexdigest() for n, c in files.items()})
    assert described.get("holdout") == (name.partition("-without-")[2] or None)
    assert found.card is not None
    assert set(found.card["networks"]) == set(files)


def test_all_sets_that_are_compared_were_offered_the_same_shards() -> None:
    """All but `compact`, whose budget is another anyway."""
    compared = [(root, name) for root, name in SHIPPED if name != "compact"]
    shards = []
    for root, name in compared:
        record = find_weights(Path(name), root).read_record()
        shards.append({n: shard.fingerprint for n, shard in record.shards.items()})
    assert len(shards) == 6
    assert all(found == shards[0] for found in shards)
