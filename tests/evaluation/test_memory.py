"""What an evaluation takes beyond the predictions hardly grows with their number."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.columns import release_pages
from benchmark.evaluation import bootstrap, files, pairs, poses
from benchmark.evaluation.evaluator import Evaluation, evaluate
from benchmark.evaluation.files import write_evaluation
from benchmark.evaluation.protocols import Options
from benchmark.predictions import Predictions, read_predictions, write_predictions

Make = Callable[..., Predictions]

FEW, MANY = 200, 1200
BYTES_A_DETECTION = 300


def _measure(make: Make, frames: int, protocol: str, out: Path) -> int:
    """Return the most bytes that are held at once, beyond the predictions."""
    predictions = make(frames, degree=6.0, cm=3.0)
    tracemalloc.start()
    try:
        evaluation = evaluate(predictions, [protocol], Options(rounds=4))
        write_evaluation(out, predictions, evaluation)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("protocol", ["genpose", "nocs", "strict", "tracking-genpose"])
def test_memory_hardly_grows(
    make: Make, monkeypatch: pytest.MonkeyPatch, protocol: str, tmp_path: Path
) -> None:
    monkeypatch.setattr(pairs, "_AT_A_TIME", 256)
    monkeypatch.setattr(files, "_ROWS_AT_A_TIME", 256)
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_A_TIME", 256)
    evaluate(make(5), [protocol], Options(rounds=4))  # compiles
    few, many = (_measure(make, frames, protocol, tmp_path) for frames in (FEW, MANY))
    detections = 6 * (MANY - FEW)
    each = (many - few) / detections
    assert each < BYTES_A_DETECTION


def _use_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_AT_A_TIME", 10)
    monkeypatch.setattr(poses, "_HYPOTHESES_AT_A_TIME", 15)
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_A_TIME", 45)
    monkeypatch.setattr(files, "_ROWS_AT_A_TIME", 7)


@pytest.mark.parametrize("protocol", ["genpose", "catre", "strict", "tracking-captra"])
@pytest.mark.parametrize(
    "options", [{}, {"pooling": "nearest"}, {"ranker": "gt"}, {"ranker": "random"}]
)
def test_parts_never_change_a_number(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    protocol: str,
    options: dict[str, str],
) -> None:
    predictions = make(12, degree=8.0, cm=4.0, hypotheses=5)
    rows = np.random.default_rng(1).permutation(len(predictions.detections))  # in no order
    predictions = replace(
        predictions,
        detections=predictions.detections.take(rows),
        estimates=predictions.estimates.take(rows),
        hypotheses=predictions.hypotheses[rows],
        energies=predictions.energies[rows],
    )
    whole = _evaluate(predictions, protocol, options, tmp_path / "whole")
    _use_small_parts(monkeypatch)
    in_parts = _evaluate(predictions, protocol, options, tmp_path / "parts")
    assert repr(in_parts.result.protocols) == repr(whole.result.protocols)
    for name in ("instances.csv", "table.csv", "table.md"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    for name, curve in whole.curves.items():
        np.testing.assert_array_equal(in_parts.curves[name], curve)


def _evaluate(
    predictions: Predictions, protocol: str, options: dict[str, str], out: Path
) -> Evaluation:
    chosen = Options(rounds=20, **options)  # type: ignore[arg-type]
    evaluation = evaluate(predictions, [protocol], chosen)
    write_evaluation(out, predictions, evaluation)
    return evaluation


_PEAK = """
import sys
from pathlib import Path
from benchmark.evaluation.evaluator import evaluate
from benchmark.predictions import read_predictions
evaluate(read_predictions(Path(sys.argv[1])), ["genpose"])
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hypotheses_in_a_file_are_let_go_of(make: Make, tmp_path: Path) -> None:
    peaks = []
    for hypotheses in (1, 200):
        path = tmp_path / f"{hypotheses}.h5"
        write_predictions(path, make(700, degree=6.0, cm=3.0, hypotheses=hypotheses, sizes=False))
        command = [sys.executable, "-c", _PEAK, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) * 1024)
    size = path.stat().st_size
    assert size > 90e6
    assert peaks[1] - peaks[0] < 0.8 * size, peaks


def test_what_was_let_go_of_is_read_again(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "predictions.h5"
    write_predictions(path, make(5, degree=6.0, cm=3.0, hypotheses=4))
    mapped = read_predictions(path).hypotheses
    before = np.array(mapped)
    release_pages(mapped)
    np.testing.assert_array_equal(mapped, before)
    release_pages(before)
    release_pages(None)
