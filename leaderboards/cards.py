"""The cards of shipped weights: how many parameters the networks of a run have."""

import json
from functools import cache
from pathlib import Path

from leaderboards.runs import Run

_PREFIX = "weights:"
_CARD = "card"
_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("benchmark", "baselines")


def count_parameters(run: Run, *, network: str | None = None) -> float | None:
    """Return the parameters in millions of the networks behind a run.

    Args:
        run: whose weights are found by their fingerprints, so that a name can deceive nobody.
        network: one of its networks ("score"); None counts all of them.

    Returns:
        None where the weights are not among the shipped ones, whose cards say it.
    """
    wanted = [
        digest
        for name, digest in run.info.fingerprints.items()
        if name.startswith(_PREFIX)
        and name.removeprefix(_PREFIX) != _CARD
        and network in (None, name.removeprefix(_PREFIX))
    ]
    known = [_read_cards().get(digest) for digest in wanted]
    counts = [count for count in known if count is not None]
    return sum(counts) / 1e6 if counts and len(counts) == len(known) else None


@cache
def _read_cards() -> dict[str, int]:
    """Return the number of parameters by the SHA-256 of the weights file."""
    counts = {}
    for path in (
        path for name in _PACKAGES for path in (_ROOT / name).rglob("weights/*/card.json")
    ):
        for network in json.loads(path.read_text())["networks"].values():
            counts[network["sha256"]] = int(network["parameters"])
    return counts
