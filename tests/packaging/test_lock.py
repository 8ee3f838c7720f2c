"""The locked environment: every package by version and hash, and from no particular host."""

import re
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


def test_every_locked_package_has_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", (REQUIREMENTS / "lock.txt").read_text().strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s]+", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.splitlines()[0]


def test_no_registry_is_named() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        assert not re.search(r"://|--(extra-)?index-url|--find-links", path.read_text()), path.name
