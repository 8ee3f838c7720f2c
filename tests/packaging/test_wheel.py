"""The wheel: builds, holds what it must, and works where nothing of the repository is in sight."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LARGEST_WEIGHTS = 45 * 2**20  # the whole repository is to stay below 60 MB


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.glob("genbench-*.whl")
    return built


def test_it_holds_the_four_packages_the_licence_and_the_weights(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = {entry.filename: entry.file_size for entry in archive.infolist()}
    for package in ("benchmark", "preprocess", "baselines", "leaderboards"):
        assert f"{package}/__init__.py" in entries
    assert {"template.html", "page.css", "main.js"} <= {
        name.removeprefix("leaderboards/page/assets/") for name in entries
    }
    assert any(name.endswith("LICENSE") for name in entries)
    assert not any(name.startswith("tests") for name in entries)
    weights = [size for name, size in entries.items() if name.endswith(".safetensors")]
    assert weights
    assert sum(weights) <= LARGEST_WEIGHTS


def test_it_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--no-input", "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    command = [str(environment / "bin" / "genbench"), "--version"]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert printed.stdout.startswith("genbench 0.")
    where = [str(python), "-c", "import benchmark; print(benchmark.__file__)"]
    printed = subprocess.run(where, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert printed.stdout.startswith(str(packages))
