"""The command `genbench`: finds the subcommand, and turns every error into one line and a code.

Exit codes: 0 done; 1 our fault or the system's (no space left); 2 the user's mistake or unusable
input; 3 a comparison that failed; 130 and 143 interrupted.

A command `some-name` is the click command of that name in `benchmark/cli/some_name.py` (a name that
is a Python keyword gets an underscore: `import_.py`). It is imported only when it runs, so that
`genbench --help` starts no heavy library.
"""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from benchmark.errors import ComparisonError, GenBenchError, UnknownNameError
from benchmark.openmp import sleep_while_waiting
from benchmark.signals import Terminated, raising_signals
from benchmark.texts import shorten, to_line

COMMANDS: dict[str, str] = {
    "synth": "Render synth6, a data set in the NOCS format.",
    "doctor": "Audit a data folder: what is there, what is missing, what it blocks.",
    "prepare": "Turn a NOCS-format folder, or your own frames, into shards.",
    "train": "Train an estimator on shards.",
    "run": "Estimate poses and print the per-category table.",
    "evaluate": "Score a run under one or more protocols.",
    "tables": "Print the paper's tables beside imported and reproduced results.",
    "publish": "Make the published tables again, and compare.",
    "submit": "Write a leaderboard record for a run.",
    "verify": "Check a leaderboard record by scoring its predictions again.",
    "compare": "Test two runs against each other, metric by metric.",
    "slices": "Say how accurate a run is by visibility, distance, handle and depth holes.",
    "risk": "Say how well energies tell which estimates to trust.",
    "claims": "Test what the paper claims against the runs at hand.",
    "report": "Write one page with every run, number, figure and worst failure.",
    "figures": "Draw the paper's figures from runs.",
    "view": "Draw one frame of a run: boxes, axes, errors, energies.",
    "features": "Write what a run's encoder makes of its clouds, for figure 5.",
    "likelihood": "Rank hypotheses by their exact likelihood, on some frames of a run.",
    "import": "Read a result that another project wrote.",
    "export": "Write a run in a form that other projects read.",
    "import-weights": "Take over checkpoints of the released GenPose code.",
    "export-weights": "Write weights as the released GenPose code reads them.",
    "list": "Show estimators, data sets, protocols and weights.",
}


class CommandGroup(click.Group):
    """Lists commands from a table, imports the one that runs, and reports its errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands, in the order they are used in."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        module = import_module(f"benchmark.cli.{name}")
        commands = [value for value in vars(module).values() if isinstance(value, click.Command)]
        return next(command for command in commands if command.name == cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` names, suggesting the nearest name for an unknown one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError.suggest("command", args[0], list(COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever goes wrong ends as one line on stderr and an exit code."""
        signals: list[int] = []
        try:
            with raising_signals() as signals:
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt, Terminated) as error:
            if ctx.params["debug"]:
                import traceback

                traceback.print_exc()
            message, code = describe_failure(error, signals)
            click.echo(f"genbench: {message}", err=True)
            ctx.exit(code)


def describe_failure(error: BaseException, signals: Sequence[int] = ()) -> tuple[str, int]:
    """Return the line to print for an error, and the exit code.

    Args:
        error: what ended the command.
        signals: requests to stop that came before; they are the reason, whatever the error.
    """
    if signals:
        error = KeyboardInterrupt() if signals[0] == signal.SIGINT else Terminated()
    line = shorten(to_line(" ".join(str(error).split())))
    match error:
        case ComparisonError():
            return line, 3
        case GenBenchError():
            return line, 2
        case KeyboardInterrupt() | click.Abort():
            return "interrupted", 130
        case Terminated():
            return "terminated", 143
        case MemoryError():
            return "out of memory: use smaller batches or fewer workers", 1
        case OSError():
            return line, 1
        case _:
            kind = type(error).__name__
            return f"unexpected {kind}: {line} (genbench --debug ... shows where)", 1


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="genbench", message="%(package)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:  # noqa: ARG001 - CommandGroup.invoke reads it
    """Benchmark category-level 6D object pose estimation.

    \b
    genbench run            make the embedded data set, run GenPose on it, print the table
    genbench COMMAND -h     explain a command
    """
    sleep_while_waiting()


if __name__ == "__main__":
    sys.exit(main())
