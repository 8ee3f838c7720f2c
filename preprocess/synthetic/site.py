"""Where a tree grows: a hidden folder beside its place, which it takes when it is complete."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import ConfigError
from benchmark.locking import LOCK_NAME, locked
from benchmark.replacing import replacing

DESCRIPTION_FILE = "synth6.json"


def is_finished(out: Path, description: dict[str, Any]) -> bool:
    """Tell whether the tree of this description lies in `out`.

    Raises:
        ConfigError: anything else is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    found = _read_description(out)
    if found is None:
        raise ConfigError(f"{out}: exists and is not a synth6 tree: name a new or empty folder")
    if found != description:
        raise ConfigError(
            f"{out}: holds a synth6 tree of another size, seed, version or meshes: "
            "name another folder, or delete it first"
        )
    return True


@contextmanager
def building(out: Path, description: dict[str, Any]) -> Iterator[Path]:
    """Yield the folder in which to build `out`, alone; move it to `out` when the block succeeds.

    What an interrupted run of the same description has left is still in it.

    Raises:
        ConfigError: the folder is in use, or somebody else's.
    """
    root = out.absolute().with_name(f".{out.absolute().name}.part")
    if _read_description(root) is None and _holds_files(root):
        raise ConfigError(f"{root}: in the way and not ours: move it elsewhere")
    with locked(root):
        if _read_description(root) not in (None, description):
            _empty(root)
        _write_description(root, description)
        yield root
        (root / LOCK_NAME).unlink()
        root.replace(out)


def _holds_files(folder: Path) -> bool:
    """Tell whether more is in a folder than what a run killed in its first moment leaves."""
    return folder.exists() and any(path.name[0] != "." for path in folder.iterdir())


def _empty(folder: Path) -> None:
    """Remove what is in a folder, its description last; but for the lock, which we hold."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == DESCRIPTION_FILE):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_NAME:
            path.unlink()


def _write_description(folder: Path, description: dict[str, Any]) -> None:
    with replacing(folder / DESCRIPTION_FILE) as temporary:
        text = json.dumps(description, indent=2, sort_keys=True)
        temporary.write_text(f"{text}\n", encoding="utf-8")


def _read_description(folder: Path) -> dict[str, Any] | None:
    """Return the description in a folder, None where there is none of ours."""
    try:
        found = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
