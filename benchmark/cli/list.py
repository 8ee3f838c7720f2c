"""`genbench list`: what there is to choose from."""

from pathlib import Path
from typing import Any

import click

from benchmark.cli.console import get_data_home, print_json

_ORDER = ("estimators", "data sets", "protocols", "weights", "methods")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the lists as JSON.")
def list_command(as_json: bool) -> None:
    """Show estimators, data sets, protocols, weights, and the methods of the paper."""
    found = {
        "estimators": describe_estimators(),
        "data sets": describe_data_sets(),
        "protocols": describe_protocols(),
        "weights": describe_weights(),
        "methods": describe_methods(),
    }
    if as_json:
        print_json(found)
        return
    for title in _ORDER:
        click.echo(click.style(title, bold=True))
        width = max((len(row["name"]) for row in found[title]), default=0)
        for row in found[title]:
            click.echo(f"  {row['name']:{width}}  {row['summary']}")


def describe_estimators() -> list[dict[str, Any]]:
    """Return every registered estimator; one that cannot be loaded says why."""
    from benchmark.errors import PluginLoadError
    from benchmark.registry import get_estimator, list_estimators

    rows = []
    for name in list_estimators():
        try:
            spec = get_estimator(name).spec
        except PluginLoadError as error:
            rows.append({"name": name, "summary": f"broken: {error}", "broken": True})
            continue
        gives, needs = sorted(spec.gives), sorted(spec.needs)
        rows.append({"name": name, "summary": spec.summary, "gives": gives, "needs": needs})
    return rows


def describe_data_sets() -> list[dict[str, Any]]:
    """Return the data sets that can be read or made, and the folders that hold shards already."""
    rows: list[dict[str, Any]] = [
        {"name": "synth6", "summary": "rendered here: genbench synth OUT"},
        {"name": "nocs", "summary": "CAMERA and REAL275: genbench prepare DATA --out SHARDS"},
        {
            "name": "own",
            "summary": "your frames, docs/own-data.md: genbench prepare DATA --out SHARDS",
        },
    ]
    for folder in sorted({path.parent for path in get_data_home().rglob("*-*-[0-9]*.h5")}):
        rows.append({"name": str(folder), "summary": _describe_shards(folder)})
    return rows


def _describe_shards(folder: Path) -> str:
    from benchmark.errors import ShardFormatError
    from benchmark.shards import find_shards, read_shard_info

    try:
        infos = [read_shard_info(path) for path in find_shards(folder)]
    except ShardFormatError as error:
        return f"unreadable: {error}"
    kinds = sorted({f"{info.dataset} {info.split} ({info.source})" for info in infos})
    return f"shards of {', '.join(kinds)}"


def describe_protocols() -> list[dict[str, Any]]:
    """Return every protocol."""
    from benchmark.evaluation.protocols import PROTOCOLS

    return [{"name": item.id, "summary": item.summary, "id": item.name} for item in PROTOCOLS]


def describe_weights() -> list[dict[str, Any]]:
    """Return the weights that ship with genbench: folders of safetensors with a card."""
    from importlib import resources

    from benchmark.weights import find_weights

    roots = [Path(str(resources.files(package))) for package in ("benchmark", "baselines")]
    rows = []
    for folder in sorted({path.parent for root in roots for path in root.rglob("*.safetensors")}):
        files = sorted(folder.glob("*.safetensors"))
        size = sum(path.stat().st_size for path in files) / 1e6
        names = ", ".join(path.stem for path in files)
        found = find_weights(folder, folder.parent)
        without = f"; trained without {found.holdout}" if found.holdout else ""
        summary = f"{names}; {size:.1f} MB{without}"
        rows.append({"name": found.name, "summary": summary, "folder": folder})
    return rows


def describe_methods() -> list[dict[str, Any]]:
    """Return the methods of the paper: what can be imported of each, or why nothing can."""
    from baselines.methods import METHODS

    return [
        {
            "name": method.name,
            "summary": method.reported_only or f"import {', '.join(method.forms)}",
            "input": method.input,
            "prior": method.prior,
            "task": method.task,
            "forms": method.forms,
            "published": method.published,
        }
        for method in METHODS
    ]
