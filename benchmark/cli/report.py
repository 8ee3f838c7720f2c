"""`genbench report`: the page with every run, number, figure and worst failure."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboards.page.objects import Sources


@click.command("report")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder that the runs lie below; genbench-runs if not given.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for index.html."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Data folder, for colour crops, and clouds from the shards in it. May be repeated.",
)
@click.option(
    "--shards",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder of shards, for clouds. May be repeated.",
)
@click.option("--protocol", default=None, help="Protocols, comma-separated; all if not given.")
@click.option(
    "--rounds",
    type=click.IntRange(2),
    default=1000,
    show_default=True,
    help="Of the claims' bootstrap.",
)
@click.option(
    "--failures",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Worst of each run and category.",
)
@click.option(
    "--objects",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="With pictures, on the whole page.",
)
def report(
    runs: Path | None,
    out: Path,
    data: tuple[Path, ...],
    shards: tuple[Path, ...],
    protocol: str | None,
    rounds: int,
    failures: int,
    objects: int,
) -> None:
    """Write one self-contained page about all runs below a folder.

    It needs no server and no network: open OUT/index.html, or send it to someone.

    \b
    genbench report --runs genbench-runs --out report
    genbench report --runs RUNS --out report --data genbench-data/synth6-small
    """
    from dataclasses import replace

    from benchmark.cli.console import get_runs_home, say, show, show_progress
    from leaderboards.page.content import PageOptions, collect_content
    from leaderboards.page.document import write_document

    options = PageOptions(failures=failures, objects=objects, rounds=rounds)
    if protocol is not None:
        names = tuple(name.strip() for name in protocol.split(",") if name.strip())
        options = replace(options, protocols=names)
    with show_progress("scoring", None, "runs") as advance:
        blocks = collect_content(
            runs or get_runs_home(), options, _find_sources(data, shards), advance
        )
    path = out / "index.html"
    write_document(path, blocks)
    summary = blocks["summary"]
    for line in summary["left_out"]:
        say(f"left out: {line}")
    say(f"runs: {len(summary['runs'])}, size: {path.stat().st_size / 1e6:.1f} MB")
    show(path)


def _find_sources(data: tuple[Path, ...], shards: tuple[Path, ...]) -> "Sources":
    from benchmark.errors import ConfigError
    from leaderboards.page.objects import SHARDS_FOLDER, Sources
    from preprocess.images import read_png

    for folder in (*data, *shards):
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder")
    prepared = (tree / SHARDS_FOLDER for tree in data)
    return Sources(
        shards=(*shards, *(folder for folder in prepared if folder.is_dir())),
        trees=data,
        read_image=read_png,
    )
