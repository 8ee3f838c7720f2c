"""The training loop learns, continues exactly where it was killed, and shares work exactly."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.errors import ConfigError
from benchmark.training.clouds import TrainingClouds
from benchmark.training.log import append_row, read_rows
from benchmark.training.loop import Trainer, TrainingOptions, update_average

Make = Callable[[], Any]


def train(recipe: Any, shards: list[Path], folder: Path, **options: Any) -> Trainer:
    fixed = {"log_every": 10, "save_every": 10, "precision": "float32"}
    settings = TrainingOptions(**(fixed | options))
    clouds = TrainingClouds(shards)
    trainer = Trainer(
        recipe,
        clouds,
        settings,
        folder,
        validation=clouds.fetch(np.arange(12)),
        report=lambda _: None,
    )
    trainer.run()
    return trainer


def test_training_learns(make_recipe: Make, shards: list[Path], tmp_path: Path) -> None:
    trainer = train(make_recipe(), shards, tmp_path / "run", steps=800)
    assert trainer.accuracy["error"] < 0.02
    trainer.load_average()
    assert trainer.recipe.validate(trainer.clouds.fetch(np.arange(24)))["error"] < 0.02


def interrupt_at(recipe: Any, number: int) -> Any:
    """Return the recipe, whose training is interrupted in a step."""
    get_rate = recipe.get_learning_rate

    def fail(step: int, steps: int) -> float:
        if step == number:
            raise KeyboardInterrupt
        return float(get_rate(step, steps))

    recipe.get_learning_rate = fail
    return recipe


@pytest.mark.reliability
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("save_seconds", [60.0, 0.0])  # saved at 20, and at 25 between two rows
def test_interrupted_training_continues_as_if_nothing_had_happened(
    make_recipe: Make,
    shards: list[Path],
    tmp_path: Path,
    set_threads: Callable[[int], None],
    save_seconds: float,
    threads: int,
) -> None:
    set_threads(threads)
    whole = train(make_recipe(), shards, tmp_path / "whole", steps=40)
    options = {"steps": 40, "save_seconds": save_seconds}
    with pytest.raises(KeyboardInterrupt):
        train(interrupt_at(make_recipe(), 25), shards, tmp_path / "parts", **options)
    resumed = train(make_recipe(), shards, tmp_path / "parts", **options)

    assert whole.replicas.count == resumed.replicas.count == threads
    for name, value in whole.average.items():
        torch.testing.assert_close(resumed.average[name], value, atol=0, rtol=0)
    curves = [
        [(row.step, row.loss) for row in read_rows(tmp_path / run / "log.csv")]
        for run in ("whole", "parts")
    ]
    assert [step for step, _ in curves[0]] == [10, 20, 30, 40]
    assert curves[1] == curves[0]


def test_rows_after_the_last_checkpoint_are_logged_once(
    make_recipe: Make, shards: list[Path], tmp_path: Path
) -> None:
    train(make_recipe(), shards, tmp_path / "run", steps=20)
    log = tmp_path / "run" / "log.csv"
    *_, last = read_rows(log)
    append_row(log, replace(last, step=30))  # killed here, before the check-point
    train(make_recipe(), shards, tmp_path / "run", steps=40)
    assert [row.step for row in read_rows(log)] == [10, 20, 30, 40]


@pytest.mark.reliability
def test_a_row_that_a_full_disk_cut_short_is_forgotten(
    make_recipe: Make, shards: list[Path], tmp_path: Path
) -> None:
    train(make_recipe(), shards, tmp_path / "run", steps=20)
    log = tmp_path / "run" / "log.csv"
    log.write_bytes(log.read_bytes() + b"30,1.5,0.")
    train(make_recipe(), shards, tmp_path / "run", steps=40)
    assert [row.step for row in read_rows(log)] == [10, 20, 30, 40]


def test_other_data_or_seed_do_not_continue_a_training(
    make_recipe: Make, shards: list[Path], tmp_path: Path
) -> None:
    train(make_recipe(), shards, tmp_path / "run", steps=10)
    with pytest.raises(ConfigError, match="another seed"):
        train(make_recipe(), shards, tmp_path / "run", steps=20, seed=1)
    with pytest.raises(ConfigError, match="another fingerprints"):
        train(make_recipe(), shards[:1], tmp_path / "run", steps=20)


def test_budget_in_minutes_becomes_steps(
    make_recipe: Make, shards: list[Path], tmp_path: Path
) -> None:
    trainer = train(make_recipe(), shards, tmp_path / "run", minutes=0.02)
    assert trainer.step == trainer.steps
    assert trainer.step > 30


def test_loss_curve_is_drawn(make_recipe: Make, shards: list[Path], tmp_path: Path) -> None:
    train(make_recipe(), shards, tmp_path / "run", steps=40)
    picture = (tmp_path / "run" / "loss.svg").read_text()
    assert picture.count(",") >= 4
    assert "40 steps" in picture


def test_average_moves_fast_at_first_and_slowly_later() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 1.0)
    early, late = {"weight": torch.zeros(1, 1)}, {"weight": torch.zeros(1, 1)}
    update_average(early, network, 0.999, 0)
    update_average(late, network, 0.999, 10**6)
    assert float(early["weight"]) == pytest.approx(0.9)
    assert float(late["weight"]) == pytest.approx(0.001, rel=1e-3)


_WORKER = """
import os, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
import torch
from conftest import LinearRecipe
from benchmark.training.clouds import TrainingClouds
from benchmark.training.loop import Trainer, TrainingOptions

class Recipe(LinearRecipe):
    def get_learning_rate(self, step, steps):
        if os.environ.get("DIES_AT") == str(step) and os.environ.get("RANK", "0") != "0":
            os._exit(9)
        return super().get_learning_rate(step, steps)

torch.manual_seed(0)
clouds = TrainingClouds(sorted(Path(sys.argv[2]).glob("*.h5")))
options = TrainingOptions(steps=12, save_every=4, precision="float32")
Trainer(Recipe(), clouds, options, Path(sys.argv[1]), report=lambda _: None).run()
"""


@dataclass
class TrainTogether:
    """Trains 12 steps in some processes, as torchrun starts them; check-points every 4 steps."""

    folder: Path
    shards: Path

    def __call__(self, count: int, dies_at: int | None = None) -> list[int]:
        """Return the exit codes; the last process dies before a step, if one is given."""
        self.folder.mkdir(exist_ok=True)
        script, here = self.folder / "worker.py", Path(__file__).parent
        script.write_text(_WORKER.format(root=str(here.parents[1]), here=str(here)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment |= {"WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1", "DIES_AT": str(dies_at)}
        command = [sys.executable, str(script), str(self.folder / "run"), str(self.shards)]
        workers = [
            subprocess.Popen(
                command,
                env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stderr=subprocess.DEVNULL if dies_at else None,
            )
            for rank in range(count)
        ]
        return [worker.wait(timeout=240) for worker in workers]

    def read_state(self) -> dict[str, Any]:
        """Return the last check-point."""
        return dict(torch.load(self.folder / "run" / "state.pt", weights_only=True))


@pytest.fixture
def train_together(tmp_path: Path, shards: list[Path]) -> TrainTogether:
    """Return what trains in several processes."""
    return TrainTogether(folder=tmp_path / "together", shards=shards[0].parent)


def assert_as_alone(
    make_recipe: Make, shards: list[Path], folder: Path, state: dict[str, Any]
) -> None:
    alone = train(make_recipe(), shards, folder, steps=12)
    assert state["step"] == alone.step == 12
    for name, value in alone.average.items():
        torch.testing.assert_close(state["average"][name], value, atol=1e-6, rtol=1e-5)


def test_two_processes_agree_with_one(
    make_recipe: Make, shards: list[Path], tmp_path: Path, train_together: TrainTogether
) -> None:
    assert train_together(2) == [0, 0]
    assert_as_alone(make_recipe, shards, tmp_path / "alone", train_together.read_state())


@pytest.mark.reliability
@pytest.mark.parametrize("others", [1, 2])
def test_any_number_of_processes_resumes_after_one_died(
    others: int,
    make_recipe: Make,
    shards: list[Path],
    tmp_path: Path,
    train_together: TrainTogether,
) -> None:
    codes = train_together(2, dies_at=6)
    assert codes[1] == 9
    assert codes[0] != 0
    assert train_together.read_state()["step"] == 4
    assert train_together(others) == [0] * others
    assert_as_alone(make_recipe, shards, tmp_path / "alone", train_together.read_state())


def test_finished_training_reports_the_same_outcome_again(
    make_recipe: Make, shards: list[Path], tmp_path: Path
) -> None:
    first = train(make_recipe(), shards, tmp_path / "run", steps=20)
    again = Trainer(
        make_recipe(), first.clouds, first.options, tmp_path / "run", report=lambda _: None
    )
    assert again.run() == first.run()
    assert again.step == 20
