"""`genbench evaluate`: score predictions under one or more protocols."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.spreading import connect_if_asked, spreading_options

if TYPE_CHECKING:
    from benchmark.evaluation.evaluator import Evaluation
    from benchmark.predictions import Predictions


@click.command("evaluate")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--protocol",
    default=None,
    help="Protocols, comma-separated: genpose, nocs, catre, strict, tracking-genpose, "
    "tracking-captra  [default: genpose; of tracked runs tracking-genpose].",
)
@click.option(
    "--sizes",
    type=click.Choice(["own", "gt"]),
    default="own",
    show_default=True,
    help="gt lends the true sizes to a method that predicts none.",
)
@click.option("--hypotheses", type=int, default=None, help="Use the first K drawn.")
@click.option("--keep", type=float, default=None, help="Fraction kept; the run's if not given.")
@click.option(
    "--ranker",
    type=click.Choice(["energy", "random", "gt"]),
    default="energy",
    show_default=True,
    help="What ranks the hypotheses; gt is an oracle.",
)
@click.option(
    "--pooling",
    type=click.Choice(["average", "nearest"]),
    default="average",
    show_default=True,
    help="nearest to the truth is an oracle.",
)
@click.option(
    "--oracle",
    type=click.Choice(["separate", "joint"]),
    default=None,
    help="Whether the nearest rotation and translation may be of two hypotheses.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random ranker, bootstrap.")
@click.option("--explain", is_flag=True, help="List the objects that flip between protocols.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for result.json and tables; the run's folder if not given.",
)
@spreading_options
def evaluate(
    path: Path,
    protocol: str | None,
    explain: bool,
    as_json: bool,
    out: Path | None,
    scheduler: str | None,
    cluster: str | None,
    **choices: Any,
) -> None:
    """Score PATH: a run folder, a predictions file, or another method's result file.

    \b
    genbench evaluate genbench-runs/genpose
    genbench evaluate RUN --protocol nocs,genpose,strict --sizes gt
    genbench evaluate RUN --protocol genpose,strict --explain
    genbench evaluate RUN --protocol genpose,nocs,catre,strict --sizes gt --explain
    """
    from benchmark.cli.console import print_json, say
    from benchmark.evaluation.evaluator import evaluate as evaluate_predictions
    from benchmark.evaluation.evaluator import evaluate_file
    from benchmark.evaluation.files import write_evaluation
    from benchmark.evaluation.protocols import Options, choose_protocol
    from benchmark.evaluation.result import to_document

    options = Options(**choices)
    predictions, folder = _read(path)
    if protocol is None:
        protocol = choose_protocol(predictions.info.configuration)
    names = _split_names(protocol, explain)
    with connect_if_asked(scheduler, cluster) as map_tasks:
        if map_tasks is None:
            evaluation = evaluate_predictions(predictions, names, options)
        else:
            file = check_own_file(path)
            evaluation = evaluate_file(file, names, options, map_tasks)
    out = out or folder
    if out is not None:
        write_evaluation(out, predictions, evaluation)
    if as_json:
        print_json(to_document(evaluation.result))
    else:
        _print_tables(evaluation)
        _print_tracks(predictions, evaluation)
    if explain:
        _print_flips(predictions, evaluation, names)
    if out is not None:
        say(f"written: {out}/result.json, table.csv, table.md, instances.csv, curves.npz")


def _split_names(protocol: str, explain: bool) -> list[str]:
    from benchmark.errors import ConfigError

    names = list(dict.fromkeys(name.strip() for name in protocol.split(",") if name.strip()))
    if not names:
        raise ConfigError("no protocol given: name some, as in --protocol genpose,strict")
    if explain and len(names) < 2:
        raise ConfigError(
            f"--explain compares two or more protocols, got {len(names)}: "
            "give them as --protocol genpose,strict"
        )
    return names


def _read(path: Path) -> tuple["Predictions", Path | None]:
    """Read predictions, and name the folder that results go to; None for files not of a run."""
    from benchmark.errors import ConfigError
    from benchmark.predictions import read_predictions

    file = _get_file(path)
    if file.is_file() and _is_hdf5(file):
        return read_predictions(file), file.parent
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder")
    from baselines.importers import read_foreign

    return read_foreign(path), None


def _get_file(path: Path) -> Path:
    return path / "predictions.h5" if path.is_dir() else path


def check_own_file(path: Path) -> Path:
    """Return the predictions file of a run, which workers read themselves.

    Raises:
        ConfigError: PATH is another project's file.
    """
    from benchmark.errors import ConfigError

    file = _get_file(path)
    if not _is_hdf5(file):
        raise ConfigError(f"{path}: --scheduler and --cluster need a run: genbench import it first")
    return file


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(8) == b"\x89HDF\r\n\x1a\n"


def _print_tables(evaluation: "Evaluation") -> None:
    import sys

    from rich.console import Console

    from benchmark.evaluation.tables import render_table

    console = Console(width=None if sys.stdout.isatty() else 160)
    for block in evaluation.result.protocols:
        console.print(render_table(block, evaluation.result.hypotheses_per_s))


def _print_tracks(predictions: "Predictions", evaluation: "Evaluation") -> None:
    from benchmark.cli.console import show
    from benchmark.evaluation.files import build_track_tables

    for table in build_track_tables(predictions, evaluation).values():
        show(table.to_string(index=False, float_format="%.2f"))


def _print_flips(predictions: "Predictions", evaluation: "Evaluation", names: list[str]) -> None:
    from benchmark.cli.console import say, show
    from benchmark.evaluation.explain import count_flips, explain_flips

    flips = explain_flips(predictions, evaluation, *names)
    say(f"{len(flips)} flips between {' and '.join(names)}")
    if len(names) > 2:
        click.echo("accepted by the row's protocol, refused by the column's:")
        click.echo(count_flips(evaluation, names).to_string())
    for flip in flips.to_dict("records"):
        accepted = ", ".join(name for name in names if flip[name])
        show(f"{flip['frame']} {flip['instance']} {flip['metric']}: only {accepted}; {flip['why']}")
