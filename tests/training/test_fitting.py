"""Training of whole estimators: stages in order, and a card that can be written anew."""

import json
from pathlib import Path
from typing import Any

import torch

from baselines.regression.recipe import PLANS
from benchmark.diffusion.checkpoints import write_weights
from benchmark.diffusion.fitting import Plan, fit_networks
from benchmark.progress import show_nothing
from benchmark.training.options import FitOptions
from benchmark.weights import find_weights

OPTIONS = FitOptions(holdout="bowl", steps=1, device="cpu")


def _fit(plan: Plan, shards: Path, folder: Path, options: FitOptions = OPTIONS) -> dict[str, Any]:
    said: list[str] = []
    fit_networks(plan, shards, folder, options, report=said.append, show=show_nothing)
    card: dict[str, Any] = json.loads((folder / "card.json").read_text())
    return card


def test_a_finished_training_writes_the_same_files_again(
    shards: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "fit"
    card = _fit(PLANS["handled"], shards[0].parent, folder)
    files = {path: path.read_bytes() for path in folder.glob("*.safetensors")}
    for path in (*files, folder / "card.json"):
        path.unlink()
    assert _fit(PLANS["handled"], shards[0].parent, folder) == card
    assert {path: path.read_bytes() for path in folder.glob("*.safetensors")} == files


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the order that safetensors keeps its metadata in."""
    state = {name: torch.zeros(3) for name in "ab"}
    about = dict.fromkeys(("preset", "network", "source"), "text")
    assert len({write_weights(tmp_path / str(i), state, about) for i in range(20)}) == 1


def test_the_card_is_what_loading_expects(shards: list[Path], tmp_path: Path) -> None:
    card = _fit(PLANS["ignored"], shards[0].parent, tmp_path / "fit")
    assert (card["estimator"], card["preset"]) == ("regression", "ignored")
    fingerprints = {name: network["sha256"] for name, network in card["networks"].items()}
    found = find_weights(tmp_path / "fit", tmp_path).verify(fingerprints)
    assert found["holdout"] == "bowl"
