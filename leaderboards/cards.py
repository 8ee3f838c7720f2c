"""The cards of shipped weights: what the networks behind a run are and were trained on."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from leaderboards.runs import Run

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("benchmark", "baselines")


def find_card(run: Run) -> dict[str, Any] | None:
    """Return the card of a run's weights, None where they are not among the shipped ones.

    Weights are known by their fingerprints, so that a name can deceive nobody.
    """
    wanted = {
        digest for name, digest in run.info.fingerprints.items() if name.startswith("weights:")
    }
    for card in read_cards():
        if wanted & {network["sha256"] for network in card["networks"].values()}:
            return card
    return None


def count_parameters(run: Run, *, network: str | None = None) -> float | None:
    """Return the parameters in millions of the networks behind a run.

    Args:
        run: whose weights are looked for among the shipped ones.
        network: one of its networks ("score"); None counts all of them.

    Returns:
        None where the weights are not among the shipped ones, or have no such network.
    """
    card = find_card(run) or {"networks": {}}
    counts = [
        item["parameters"] for name, item in card["networks"].items() if network in (None, name)
    ]
    return sum(counts) / 1e6 if counts else None


@cache
def read_cards() -> tuple[dict[str, Any], ...]:
    folders = (_ROOT / package for package in _PACKAGES)
    paths = sorted(path for folder in folders for path in folder.rglob("weights/*/card.json"))
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in paths)
