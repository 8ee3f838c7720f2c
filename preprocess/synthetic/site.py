"""Where a tree grows: a hidden folder beside its place, which it takes when it is complete."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.columns import replacing
from benchmark.errors import ConfigError
from benchmark.locking import LOCK_NAME, locked

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
    if root.exists() and _read_description(root) != description:
        if _read_description(root) is None and any(root.iterdir()):
            raise ConfigError(f"{root}: in the way and not ours: move it elsewhere")
        shutil.rmtree(root)
    with locked(root):
        _write_description(root, description)
        yield root
        (root / LOCK_NAME).unlink()
        root.replace(out)


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
