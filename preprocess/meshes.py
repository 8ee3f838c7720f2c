"""Reading and writing Wavefront OBJ files: vertices and faces, nothing else."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.reading import check_file

_MOST_DIGITS = 18
"""What 64 bits hold; a number of so many is beyond every vertex anyway."""
_MAX_BYTES, _MAX_LINE, _MAX_WORDS = 2**28, 2**16, 2**23


def read_obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the triangles of an OBJ file; polygons are split into fans, materials are ignored.

    Returns:
        vertices: (V, 3) float64, in the file's unit.
        faces: (F, 3) int32 rows of `vertices`.

    Raises:
        DataFormatError: the file cannot be read, or holds no mesh.
    """
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    for number, words in _read_rows(path):
        try:
            if words[0] == "v":
                vertices.append([float(word) for word in words[1:4]])
            elif words[0] == "f":
                faces += _split_polygon(words[1:], len(vertices))
        except ValueError as error:
            raise DataFormatError(f"{path}, line {number}: not OBJ ({error})") from error
    points = np.array(vertices, dtype=np.float64).reshape(-1, 3) if _are_points(vertices) else None
    if points is None or not faces or not np.isfinite(points).all():
        raise DataFormatError(f"{path}: expected a mesh with finite vertices and faces, found none")
    rows = np.array(faces, dtype=np.int64)
    if rows.min() < 0 or rows.max() >= len(points):
        raise DataFormatError(f"{path}: a face names a vertex that is not there: get it again")
    return points, rows.astype(np.int32)


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write vertices (V, 3) and faces (F, 3) with six decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces.astype(np.int64) + 1).tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of every line that defines a vertex or a face."""
    check_file(path, _MAX_BYTES)
    count = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(iter(partial(file.readline, _MAX_LINE), ""), start=1):
                if line.startswith(("v ", "v\t", "f ", "f\t")):
                    words = line.split("#")[0].split()
                    yield number, words
                    count += len(words)
                    if len(line) == _MAX_LINE or count > _MAX_WORDS:
                        raise DataFormatError(f"{path}, line {number}: too much: simplify the mesh")
    except OSError as error:
        raise DataFormatError(f"{path}: cannot be read ({error.strerror})") from error


def _split_polygon(corners: list[str], known: int) -> list[tuple[int, int, int]]:
    """Return the triangles of a face row; negative numbers count back from the last vertex."""
    numbers = [int(corner.split("/")[0][:_MOST_DIGITS]) for corner in corners]
    rows = [number - 1 if number > 0 else known + number for number in numbers]
    if len(rows) < 3:
        raise ValueError(f"expected at least 3 corners, got {len(rows)}")
    return [(rows[0], rows[i], rows[i + 1]) for i in range(1, len(rows) - 1)]


def _are_points(vertices: list[list[float]]) -> bool:
    return bool(vertices) and all(len(vertex) == 3 for vertex in vertices)
