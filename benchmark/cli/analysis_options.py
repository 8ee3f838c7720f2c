"""The options that all commands with bootstrap intervals share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--protocol", default="genpose", show_default=True, help="See genbench list."),
    click.option(
        "--draw",
        type=click.Choice(["frame", "scene"]),
        default=None,
        help="What the bootstrap draws  [default: scenes where objects recur in them, else "
        "frames].",
    ),
    click.option("--rounds", type=click.IntRange(2), default=1000, show_default=True),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--json", "as_json", is_flag=True, help="Print it as JSON."),
)


def analysis_options(command: Command) -> Command:
    """Add --protocol, --draw, --rounds, --seed and --json to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
