"""Coverage-guided fuzzing of one reader, by atheris.

    python -m tests.reliability.fuzz_guided "own categories" -atheris_runs=20000

Only readers written in Python gain by it: what lies behind h5py and OpenCV is not instrumented.
Files that break a reader are written into the working directory.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["benchmark", "preprocess", "baselines", "leaderboards"]):
    from benchmark.errors import GenBenchError
    from tests.reliability.fuzz_targets import list_targets


def main() -> None:
    """Fuzz the target named first; atheris takes the other arguments."""
    name = sys.argv.pop(1)
    target = {each.name: each for each in list_targets()}[name]
    folder = Path(tempfile.mkdtemp())
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(target.seeds):
        (seeds / str(number)).write_bytes(seed)
    path = folder / target.file

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            target.read(path)
        except GenBenchError:
            return

    atheris.Setup([*sys.argv, "-timeout=10", "-rss_limit_mb=2048", str(seeds)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
