"""Claims about the networks themselves: how many, how large, and how fast they track."""

from typing import Any

from benchmark.categories import CATEGORY_NAMES
from leaderboards.cards import find_card
from leaderboards.claims.groups import GENERATIVE, DataGroup
from leaderboards.claims.model import Evidence, MissingEvidenceError, measure
from leaderboards.claims.reported import REAL_TIME_FPS, get_fewest_parameters
from leaderboards.runs import Run


def check_one_model(group: DataGroup) -> Evidence:
    """Count the categories that one set of weights was trained on and estimates."""
    run = group.find_generative()
    trained = _read_card(run)["data"]["categories"]
    estimated = run.predictions.estimates.estimated == 1
    present = len(set(run.predictions.detections.category[estimated].tolist()))
    count = len(CATEGORY_NAMES)
    return Evidence(
        measures=(
            measure("trained on", len(trained), bound=count - 0.5, unit="categories"),
            measure("estimated by the same weights", present, bound=count - 0.5, unit="categories"),
        ),
        runs=(run.name,),
        count=f"weights {run.weights or run.info.configuration.get('preset', '')}, by their card",
    )


def check_fewest_parameters(group: DataGroup) -> Evidence:
    """Compare the parameters behind a run with the smallest number that another method prints."""
    run = group.find_generative()
    networks = _read_card(run)["networks"]
    own = sum(network["parameters"] for network in networks.values()) / 1e6
    least, label = get_fewest_parameters()
    return Evidence(
        measures=(measure(f"{label} as printed minus ours", least - own, unit="million"),),
        runs=(run.name,),
        count=f"{own:.2f} million in {' and '.join(sorted(networks))}",
    )


def _read_card(run: Run) -> dict[str, Any]:
    """Return the card of a run's weights.

    Raises:
        MissingEvidenceError: it is not among those of the shipped weights.
    """
    card = find_card(run)
    if card is None:
        raise MissingEvidenceError(
            f"the card of {run.name}'s weights is not among the shipped ones"
        )
    return card


def check_real_time(group: DataGroup) -> Evidence:
    """Compare a tracking run's frames per second with what the paper calls real time."""
    run = group.find(
        lambda run: run.is_tracking and run.info.estimator == GENERATIVE,
        f"no tracking run of {GENERATIVE}",
        "genbench run SHARDS --track",
    )
    environment = run.info.environment
    speed = environment.get("frames_per_second")
    if speed is None:
        raise MissingEvidenceError(f"{run.name} does not say how fast it was")
    hardware = environment.get("gpu") or environment.get("processor") or "unknown processor"
    return Evidence(
        measures=(
            measure("frames per second", float(speed), bound=REAL_TIME_FPS, unit="frames/s"),
        ),
        runs=(run.name,),
        count=f"on {hardware}, {environment.get('cores', '?')} cores",
        notes=("the paper's speed is that of one RTX 3090",),
    )
