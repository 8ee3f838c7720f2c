"""`genbench run --holdout`: weights that never saw a category beside weights that did."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.console import (
    get_data_home,
    get_runs_home,
    print_json,
    say,
    show,
    show_progress,
)
from benchmark.errors import ConfigError
from benchmark.holdout import TrainingRecord, UnseenProof, check_unseen
from benchmark.replacing import replacing
from benchmark.weights import WeightsSet, find_weights, list_weights

if TYPE_CHECKING:
    from benchmark.evaluation.result import ProtocolResult
    from benchmark.running import RunOptions

SEEN = "compact-short"
SEEN_FOLDER = "genpose-short"
PROOF_NAME = "holdout.json"
ESTIMATOR, PRESET = "genpose", "compact"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One half of the comparison.

    Attributes:
        weights: what was run.
        record: what the weights were trained on.
        proof: the test shards and instances that were found not to be among it.
        run: folder of the run.
        metrics: APs in percent of the category in question.
        instances: annotated objects of it.
    """

    weights: WeightsSet
    record: TrainingRecord
    proof: UnseenProof
    run: Path
    metrics: dict[str, float]
    instances: int


def run_holdout(
    category: str,
    estimator: str,
    shards: Sequence[Path],
    options: "RunOptions",
    *,
    out: Path | None,
    train_shards: Path | None,
    as_json: bool,
) -> None:
    """Run GenPose with and without having trained on a category; print its row of Table 5.

    Args:
        category: name of the held-out category.
        estimator: its name; only genpose has weights of the kind.
        shards: test shards.
        options: of both runs.
        out: folder that receives both runs.
        train_shards: what to train on where no weights without the category are shipped.
        as_json: print the row with its proof as JSON.

    Raises:
        ConfigError: another estimator, or options that choose weights.
        LeakageError: the category, or a test instance, was trained on.
    """
    from benchmark.diffusion.presets import SHIPPED

    told = options.estimator
    if estimator != ESTIMATOR or told.weights is not None or told.preset not in (None, PRESET):
        raise ConfigError(
            f"--holdout compares {SEEN} of {ESTIMATOR} with the same without {category}: leave out "
            "--estimator, --weights and --preset"
        )
    home = out or get_runs_home()
    seen = find_weights(Path(SEEN), SHIPPED)
    unseen = find_or_train(category, seen, SHIPPED, train_shards)
    sides = {
        "seen": run_side(category, seen, shards, home / SEEN_FOLDER, options),
        "unseen": run_side(category, unseen, shards, home / f"holdout-{category}", options),
    }
    row = describe_row(category, sides, options)
    path = sides["unseen"].run / PROOF_NAME
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(row, indent=2) + "\n")
    if as_json:
        print_json(row)
    else:
        print_row(row)
    say(f"runs: {sides['seen'].run}, {sides['unseen'].run}; numbers with their proof: {path}")


def find_or_train(
    category: str, like: WeightsSet, shipped: Path, train_shards: Path | None
) -> WeightsSet:
    """Return weights without a category: shipped, trained before, or trained now.

    Args:
        category: what must not have been trained on.
        like: the weights whose budget and seed a training takes over.
        shipped: folder of the shipped weights.
        train_shards: training shards; those of synth6 full if not given.
    """
    from benchmark.categories import get_category

    name = f"{like.name}-without-{get_category(category).name}"
    if name in list_weights(shipped):
        return find_weights(Path(name), shipped)
    folder = get_runs_home() / name
    if not (folder / "card.json").exists():
        train_without(category, like, folder, train_shards or make_training_shards())
    return find_weights(folder, shipped)


def train_without(category: str, like: WeightsSet, folder: Path, shards: Path) -> None:
    """Train weights without a category at the budget of others; goes on where it stopped."""
    from benchmark.diffusion.estimator import GenPose
    from benchmark.training.options import FitOptions

    card = like.card or {}
    options, networks = card.get("options", {}), card.get("networks", {})
    minutes = sum(network["seconds"] for network in networks.values()) / 60
    say(
        f"no weights without {category} are shipped: training them in {folder}, which took "
        f"{minutes:.0f} minutes for {like.name}; after Ctrl-C the same command goes on"
    )
    fit = FitOptions(holdout=category, steps=options["steps"], seed=options["seed"])
    GenPose.fit(shards, folder, fit, report=say, show=show_progress)


def make_training_shards() -> Path:
    """Render the training objects of synth6 full, unless they are there; return their folder."""
    from preprocess.synthetic.plans import get_plan
    from preprocess.synthetic.tree import TRAINING_SHARDS, TreeOptions, write_training_objects

    tree = get_data_home() / "synth6-training"
    write_training_objects(tree, TreeOptions(plan=get_plan("full")), show=show_progress)
    return tree / TRAINING_SHARDS


def run_side(
    category: str,
    weights: WeightsSet,
    shards: Sequence[Path],
    folder: Path,
    options: "RunOptions",
) -> Side:
    """Run and score one set of weights, after checking that no test instance was trained on."""
    from benchmark.registry import load_estimator
    from benchmark.running import count_frames, run_estimator

    record = weights.read_record()
    proof = check_unseen(record, shards, weights.card_path)
    options = replace(options, estimator=replace(options.estimator, weights=weights.folder))
    loaded = load_estimator(ESTIMATOR, options.estimator)
    title = f"estimating with {weights.name}"
    with show_progress(title, count_frames(shards, options.limit)) as advance:
        run_estimator(loaded, shards, folder, options, advance)
    found = next(item for item in score_run(folder).categories if item.category == category)
    return Side(
        weights=weights,
        record=record,
        proof=proof,
        run=folder,
        metrics=found.metrics,
        instances=found.instances,
    )


def score_run(folder: Path) -> "ProtocolResult":
    """Score a run under the default protocol, write its tables, and return the result."""
    from benchmark.evaluation.evaluator import evaluate
    from benchmark.evaluation.files import write_evaluation
    from benchmark.predictions import read_predictions
    from benchmark.running import PREDICTIONS_NAME

    predictions = read_predictions(folder / PREDICTIONS_NAME)
    evaluation = evaluate(predictions)
    write_evaluation(folder, predictions, evaluation)
    return evaluation.result.protocols[0]


def describe_row(category: str, sides: dict[str, Side], options: "RunOptions") -> dict[str, Any]:
    """Return the row with everything that it rests on, as plain values."""
    from benchmark.evaluation.instances import METRIC_NAMES

    shards = [
        {name: shard.fingerprint for name, shard in side.record.shards.items()}
        for side in sides.values()
    ]
    return {
        "category": category,
        "instances": sides["unseen"].instances,
        "metrics": {
            name: {kind: side.metrics[name] for kind, side in sides.items()}
            for name in METRIC_NAMES
        },
        "seed": options.seed,
        "hypotheses": options.estimator.hypotheses,
        "keep": options.estimator.keep,
        "same_training_shards": shards[0] == shards[1],
        **{kind: describe_side(side) for kind, side in sides.items()},
    }


def describe_side(side: Side) -> dict[str, Any]:
    """Return the weights of one side, how they were trained, and the proof of what they saw."""
    card = side.weights.card or {}
    return {
        "run": str(side.run),
        "weights": side.weights.name,
        "card_sha256": hashlib.sha256(side.weights.card_path.read_bytes()).hexdigest(),
        "training_seed": card["options"]["seed"],
        "training_steps": {name: item["steps"] for name, item in card["networks"].items()},
        "trained_on": side.record.summarise(),
        "never_trained_on": asdict(side.proof),
    }


def print_row(row: dict[str, Any]) -> None:
    """Print the row as a table, and what it rests on below."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Table 5: {row['category']}, {row['instances']} objects (seen / unseen)")
    table.add_column("category")
    cells = []
    for name, values in row["metrics"].items():
        table.add_column(name, justify="right")
        cells.append(f"{values['seen']:.1f} / {values['unseen']:.1f}")
    table.add_row(row["category"], *cells)
    Console().print(table)
    for kind in ("seen", "unseen"):
        show(format_side(kind, row[kind]))
    if not row["same_training_shards"]:
        click.echo("note: the two were trained on different shards")
    click.echo(
        f"protocol genpose; K = {row['hypotheses']}, {row['keep']:.0%} kept; seed {row['seed']}"
    )


def format_side(kind: str, side: dict[str, Any]) -> str:
    """Return one line on the weights of one side."""
    steps = " + ".join(f"{count:,} {name}" for name, count in side["training_steps"].items())
    trained, proof = side["trained_on"], side["never_trained_on"]
    return (
        f"{kind}: {side['weights']}, {steps} steps, seed {side['training_seed']}; trained on "
        f"{trained['objects']:,} objects, {trained['instances']:,} instances of "
        f"{', '.join(trained['categories'])}; none of the {len(proof['instances'])} test instances "
        "among them"
    )
