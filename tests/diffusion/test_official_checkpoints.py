"""Official checkpoints: hostile and damaged files, identification, the two commands."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from benchmark.cli.main import main
from benchmark.diffusion.checkpoints import read_weights
from benchmark.diffusion.official_checkpoints import (
    identify_network,
    load_official,
    read_official_checkpoint,
    write_official_checkpoint,
)
from benchmark.diffusion.paper import PoseNetwork, ScoreNetwork
from benchmark.errors import DataFormatError


def make_linear_network(slope: float) -> ScoreNetwork:
    """Return a network whose output at any time is slope * pose / 50, through its ReLU layers."""
    network = ScoreNetwork()
    heads = network.pose_score_net
    for parameter in heads.parameters():
        parameter.data.zero_()
    mirrored = torch.cat([torch.eye(9), -torch.eye(9)])
    heads.pose_encoder[0].weight.data[:18] = mirrored
    heads.pose_encoder[2].weight.data[:18, :18] = torch.eye(18)
    tails = (heads.fusion_tail_rot_x, heads.fusion_tail_rot_y, heads.fusion_tail_trans)
    for i, tail in enumerate(tails):
        tail[0].weight.data[:18, 1152:1170] = torch.eye(18)
        tail[2].weight.data[:, :18] = slope / 50 * mirrored.T[3 * i : 3 * i + 3]
    return network


def save(path: Path, network: nn.Module) -> Path:
    write_official_checkpoint(path, network.state_dict(), len(list(network.parameters())))
    return path


@pytest.mark.parametrize(
    ("slope", "expected"), [(-1.0, "score"), (-0.5, "energy"), (1.0, None), (0.0, None)]
)
def test_the_network_is_told_by_what_it_computes(slope: float, expected: str | None) -> None:
    assert identify_network(make_linear_network(slope).state_dict()) == expected


def test_parallel_half_precision_legacy_and_bare_files_are_read(tmp_path: Path) -> None:
    state = {"weight": torch.tensor([0.5, 2.0]), "count": torch.tensor(3)}
    half = {f"module.{name}": v.half() if v.is_floating_point() else v for name, v in state.items()}
    torch.save({"model_state_dict": half}, tmp_path / "parallel.pth")
    torch.save(state, tmp_path / "bare.pth")
    torch.save(state, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    for path in tmp_path.iterdir():
        found = read_official_checkpoint(path)
        assert found.keys() == state.keys()
        assert found["weight"].dtype == torch.float32
        assert torch.equal(found["weight"], state["weight"])
        assert found["count"].dtype == torch.int64


class Hostile:
    """Creates a file when unpickled by a reader that runs what it reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    torch.save({"model_state_dict": {"weight": Hostile(trap)}}, tmp_path / "hostile.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Hostile(trap)))
    for name in ("hostile.pth", "plain.pth"):
        with pytest.raises(DataFormatError, match="nothing in it was run"):
            read_official_checkpoint(tmp_path / name)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "no weights"),
        ({"model_state_dict": {}}, "no weights"),
        ({"model_state_dict": {"weight": 3}}, "expected a named tensor"),
        ({"model_state_dict": {"weight": torch.zeros(1).expand(10**9)}}, "dense"),
        ({"model_state_dict": {"weight": torch.tensor([float("nan")])}}, "not finite"),
    ],
)
def test_content_that_is_no_network_is_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    torch.save(content, tmp_path / "file.pth")
    with pytest.raises(DataFormatError, match=message):
        read_official_checkpoint(tmp_path / "file.pth")


def test_truncated_and_missing_files_are_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.pth", nn.Linear(50, 50)).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(DataFormatError):
            read_official_checkpoint(tmp_path / "cut.pth")
    with pytest.raises(DataFormatError, match="no such checkpoint"):
        read_official_checkpoint(tmp_path / "missing.pth")


@pytest.mark.parametrize("change", ["missing", "extra", "reshaped"])
def test_a_network_of_another_form_is_refused(tmp_path: Path, change: str) -> None:
    state: dict[str, Tensor] = dict(PoseNetwork().state_dict())
    name = "pose_score_net.pose_encoder.0.bias"
    if change == "missing":
        del state[name]
    else:
        state["other" if change == "extra" else name] = torch.zeros(7)
    torch.save({"model_state_dict": state}, tmp_path / "other.pth")
    with pytest.raises(DataFormatError, match="expected"):
        load_official(tmp_path / "other.pth", "score")


def test_weights_go_to_our_form_and_back_unchanged(tmp_path: Path) -> None:
    runner = CliRunner()
    files = {"score": make_linear_network(-1.0), "energy": make_linear_network(-0.5)}
    paths = [str(save(tmp_path / f"{name}.pth", network)) for name, network in files.items()]
    folder = tmp_path / "weights"
    result = runner.invoke(main, ["import-weights", *paths, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    for name, network in files.items():
        expected = network.state_dict()
        state, _ = read_weights(folder / f"{name}.safetensors")
        assert all(torch.equal(state[key], value) for key, value in expected.items())
        back = tmp_path / f"{name}_back.pth"
        source = str(folder / f"{name}.safetensors")
        assert runner.invoke(main, ["export-weights", source, str(back)]).exit_code == 0
        again = load_official(back, "score").state_dict()
        assert all(torch.equal(again[key], value) for key, value in expected.items())


def test_weights_that_cannot_be_told_apart_need_a_word(tmp_path: Path) -> None:
    path = str(save(tmp_path / "new.pth", ScoreNetwork()))
    out = ["--out", str(tmp_path / "weights")]
    result = CliRunner().invoke(main, ["import-weights", path, *out])
    assert result.exit_code == 2
    assert "--network" in result.output
    assert not (tmp_path / "weights").exists()
    assert (
        CliRunner().invoke(main, ["import-weights", path, "--network", "energy", *out]).exit_code
        == 0
    )
    assert (tmp_path / "weights" / "energy.safetensors").exists()
