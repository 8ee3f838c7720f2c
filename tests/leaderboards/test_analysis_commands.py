"""The commands compare, slices, risk and claims: text, JSON, files and exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark.cli.main import main
from leaderboards.claims.catalogue import CLAIMS
from leaderboards.runs import Run

Make = Callable[..., Run]


def run_command(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("slices", {"slices.md", "slices.json", "slices.csv"}),
        ("risk", {"risk.md", "risk.json", "risk.csv", "risk_curves.csv"}),
    ],
)
def test_one_run(make_run: Make, tmp_path: Path, command: str, files: set[str]) -> None:
    folder, out = make_run().folder, tmp_path / "out"
    text = run_command(command, folder, "--rounds", 10)
    assert text.exit_code == 0, text.output
    assert text.stdout.startswith("# ")
    machine = run_command(command, folder, "--rounds", 10, "--json", "--out", out)
    assert json.loads(machine.stdout) == json.loads((out / f"{command}.json").read_text())
    assert {path.name for path in out.iterdir()} == files
    assert (out / f"{command}.md").read_text() == text.stdout


def test_two_runs(make_run: Make) -> None:
    first, second = make_run("a").folder, make_run("b", seed=1).folder
    document = json.loads(run_command("compare", first, second, "--rounds", 10, "--json").stdout)
    assert (document["first"], document["second"]) == ("a", "b")
    other = make_run("c", fingerprints={"labels": "x"}).folder
    refused = run_command("compare", first, other)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "different data" in refused.stderr


def test_claims(make_run: Make, tmp_path: Path) -> None:
    make_run("runs/a")
    out = tmp_path / "out"
    result = run_command("claims", "--runs", tmp_path / "runs", "--rounds", 10, "--out", out)
    assert result.exit_code == 0, result.output
    assert all(f"### {claim.id}\n" in result.stdout for claim in CLAIMS)
    document = json.loads((out / "claims.json").read_text())
    assert [item["id"] for item in document["claims"]] == [claim.id for claim in CLAIMS]
    missing = run_command("claims", "--runs", tmp_path / "nowhere")
    assert missing.exit_code == 2


def test_none_of_them_imports_torch(make_run: Make, tmp_path: Path) -> None:
    make_run("runs/a")
    code = (
        "import sys\n"
        "from benchmark.cli.main import main\n"
        "main(['claims', '--runs', sys.argv[1], '--rounds', '2'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "runs")]
    subprocess.run(command, check=True, capture_output=True)
