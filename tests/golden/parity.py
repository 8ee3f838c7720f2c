"""Comparisons with what the official code recorded, counted for docs/parity.md."""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


class Recorded(Mapping[str, np.ndarray]):
    """The arrays of an archive, or those with a prefix; remembers which of them were read."""

    def __init__(self, arrays: dict[str, np.ndarray], read: set[str], prefix: str = "") -> None:
        self._arrays, self._read, self._prefix = arrays, read, prefix

    def __getitem__(self, name: str) -> np.ndarray:
        value = self._arrays[self._prefix + name]
        self._read.add(self._prefix + name)
        return value

    def __contains__(self, name: object) -> bool:
        return f"{self._prefix}{name}" in self._arrays

    def __iter__(self) -> Iterator[str]:
        names = (name for name in self._arrays if name.startswith(self._prefix))
        return (name.removeprefix(self._prefix) for name in names)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def below(self, prefix: str) -> "Recorded":
        """Return the arrays whose names begin with a prefix, without it."""
        return Recorded(self._arrays, self._read, self._prefix + prefix)


class Archives:
    """The .npz files of a golden set, each read once."""

    def __init__(self, golden: Path) -> None:
        self._golden = golden
        self._arrays: dict[str, dict[str, np.ndarray]] = {}
        self._read: dict[str, set[str]] = {}

    def __call__(self, name: str) -> Recorded:
        """Return an archive by its path below the golden set."""
        if name not in self._arrays:
            with np.load(self._golden / name, allow_pickle=False) as archive:
                self._arrays[name] = dict(archive)
            self._read[name] = set()
        return Recorded(self._arrays[name], self._read[name])

    def find_unread(self) -> list[str]:
        """Return "file: array" of everything in the set that was never read."""
        paths = sorted(path.relative_to(self._golden) for path in self._golden.rglob("*.npz"))
        for path in paths:
            self(path.as_posix())
        return [
            f"{path.as_posix()}: {name}"
            for path in paths
            for name in self._arrays[path.as_posix()]
            if name not in self._read[path.as_posix()]
        ]


@dataclass
class Row:
    """One line of the table: all comparisons of an item."""

    largest: float = 0.0
    values: int = 0


@dataclass
class Report:
    """Everything that was compared in this session.

    Attributes:
        compared: by test file, item and tolerance.
        effects: what deliberate differences do, by test file and what differs.
    """

    compared: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    effects: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path, unread: dict[str, int]) -> None:
        """Replace what stands between the markers of a document."""
        before, _, rest = path.read_text().partition(BEGIN)
        _, marker, after = rest.partition(END)
        if not marker:
            raise ValueError(f"{path}: expected the lines {BEGIN} and {END}")
        blocks = [*self._list_comparisons(), _format_unread(unread), self._format_effects()]
        path.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(blocks) + f"\n\n{END}{after}")

    def _list_comparisons(self) -> Iterator[str]:
        for file in dict.fromkeys(file for file, _, _ in self.compared):
            yield f"### `pytest tests/golden/{file}`"
            rows = [
                f"| {item} | {tolerance} | {row.largest:.2g} | {row.values:,} |"
                for (where, item, tolerance), row in self.compared.items()
                if where == file
            ]
            head = ["| item | tolerance | largest difference | values |", "|---|---|---|---|"]
            yield "\n".join([*head, *rows])

    def _format_effects(self) -> str:
        head = "### Sizes of the differences\n\n| difference | what it does here |"
        rows = [f"| {what} | {size} |" for what, size in self.effects.items()]
        return "\n".join([head, "|---|---|", *rows])


class Parity:
    """Compares arrays for one test file; a test gets it as the fixture `parity`."""

    def __init__(self, report: Report, file: str) -> None:
        self._report, self._file = report, file

    def __call__(
        self,
        item: str,
        found: ArrayLike,
        expected: ArrayLike,
        *,
        atol: float = 0.0,
        rtol: float = 0.0,
        share: float = 0.0,
    ) -> None:
        """Assert equality within a tolerance, NaN in the same places, and record the difference.

        Args:
            item: what is compared, and the names of its arrays.
            found, expected: of the same shape.
            atol: absolute tolerance.
            rtol: tolerance relative to each expected value.
            share: tolerance relative to the largest expected value.
        """
        found, expected = np.asarray(found), np.asarray(expected)
        assert found.shape == expected.shape, f"{item}: {found.shape}, expected {expected.shape}"
        unit = _find_largest(expected) if share else 1.0
        allowed = atol + share * unit
        if allowed or rtol:
            np.testing.assert_allclose(found, expected, atol=allowed, rtol=rtol, err_msg=item)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=item)
        tolerance = _describe_tolerance(atol, rtol, share)
        row = self._report.compared.setdefault((self._file, item, tolerance), Row())
        row.values += expected.size
        difference = _find_difference(found, expected, relative=bool(rtol and not atol))
        row.largest = max(row.largest, difference / (unit or 1.0))

    def note(self, what: str, size: str) -> None:
        """Record what a deliberate difference does to a number."""
        self._report.effects[what] = size


def explain_unread(unread: list[str], reasons: Mapping[str, str]) -> dict[str, int]:
    """Return how many unread arrays each reason covers.

    Args:
        unread: "file: array".
        reasons: by pattern of "file: array".

    Raises:
        AssertionError: an array that was not read has no reason, or a reason covers none.
    """
    covered = {pattern: fnmatch.filter(unread, pattern) for pattern in reasons}
    unexplained = set(unread).difference(*covered.values())
    first = sorted(unexplained)[:10]
    assert not first, f"neither compared nor explained: {first}, {len(unexplained)} in all"
    stale = [pattern for pattern, names in covered.items() if not names]
    assert not stale, f"explained, but compared: {stale}"
    return {f"`{pattern}` | {reasons[pattern]}": len(names) for pattern, names in covered.items()}


def _format_unread(unread: dict[str, int]) -> str:
    head = "### Arrays that nothing here is compared with\n\n| arrays | why | number |"
    return "\n".join(
        [head, "|---|---|---|", *(f"| {what} | {count} |" for what, count in unread.items())]
    )


def _find_largest(values: np.ndarray) -> float:
    return float(np.fmax.reduce(np.abs(values), axis=None, initial=0.0))


def _find_difference(found: np.ndarray, expected: np.ndarray, *, relative: bool) -> float:
    if expected.dtype.kind not in "biuf":
        return 0.0
    expected = expected.astype(np.float64)
    difference = np.abs(found.astype(np.float64) - expected)
    if relative:
        difference /= np.where(expected == 0, 1.0, np.abs(expected))
    return _find_largest(difference)


def _describe_tolerance(atol: float, rtol: float, share: float) -> str:
    parts = [f"{atol:g}"] if atol else []
    parts += [f"{rtol:g} relative"] if rtol else []
    parts += [f"{share:g} of the largest"] if share else []
    return " + ".join(parts) or "exact"
