"""What a shard was made of: one SHA-256 over the content of many files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def compute_files_fingerprint(files: Iterable[tuple[str, Path | None]]) -> str:
    """Return the SHA-256 over the names and contents of files, in the order given.

    Names are the caller's (a frame id, say), so that a data set keeps its fingerprint wherever it
    lies. A file that is not there, or None, counts as such: when it turns up, the fingerprint
    changes.
    """
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0{_hash_file(path)}\n".encode())
    return digest.hexdigest()


def _hash_file(path: Path | None) -> str:
    if path is None:
        return "none"
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
