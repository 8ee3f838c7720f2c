"""What starts light: the command's help, and every module that has no business with torch."""

import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "open3d", "pandas", "numba", "scipy", "cv2", "h5py", "numpy"}
TORCH_FOLDERS = ("benchmark/networks", "benchmark/diffusion", "benchmark/training")


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return done.stdout


def test_help_starts_nothing_heavy() -> None:
    code = "import sys; from benchmark.cli.main import main; main(['-h'], standalone_mode=False)"
    loaded = _run(f"{code}; print('LOADED', *sys.modules)").partition("LOADED")[2].split()
    assert not HEAVY & set(loaded)


def test_help_takes_less_than_a_third_of_a_second() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        _run("from benchmark.cli.main import main; main(['-h'])")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_only_networks_diffusion_and_training_load_torch() -> None:
    files = [
        path.relative_to(REPOSITORY)
        for folder in ("benchmark", "preprocess", "leaderboards", "baselines/importers")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
    ]
    names = [
        ".".join(path.with_suffix("").parts)
        for path in files
        if path.name != "__init__.py" and not str(path).startswith(TORCH_FOLDERS)
    ]
    assert len(names) > 20
    code = f"import sys, importlib; [importlib.import_module(n) for n in {names!r}]"
    loaded = _run(f"{code}; print(*{{'torch', 'open3d'}} & set(sys.modules))")
    assert loaded.strip() == ""
