"""How long commands take before they do anything: `python tests/performance/bench_startup.py`."""

import subprocess
import sys
import tempfile

from timing import format_rows, time_in_turns

COMMANDS = {
    "a bare interpreter": ["-c", "pass"],
    "genbench --help": ["-m", "benchmark.cli.main", "--help"],
    "genbench run --help": ["-m", "benchmark.cli.main", "run", "--help"],
    "genbench list": ["-m", "benchmark.cli.main", "list"],
    "genbench tables 1, no runs": ["-m", "benchmark.cli.main", "tables", "1"],
    "import torch": ["-c", "import torch"],
}


def main() -> None:
    """Print the median seconds of each."""
    with tempfile.TemporaryDirectory() as empty:
        calls = {
            name: (
                lambda words=words: subprocess.run(
                    [sys.executable, *words, *(["--runs", empty] if "tables" in words else [])],
                    check=True,
                    capture_output=True,
                )
            )
            for name, words in COMMANDS.items()
        }
        seconds = time_in_turns(*calls.values())
    print(format_rows([(name, value, "s") for name, value in zip(calls, seconds, strict=True)]))


if __name__ == "__main__":
    main()
