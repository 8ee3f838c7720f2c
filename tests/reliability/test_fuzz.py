"""Mutated files: every reader ends in a result or in one line, in time and in bounded memory."""

from pathlib import Path

import pytest

from tests.reliability.fuzz_targets import Target, list_targets
from tests.reliability.fuzzing import find_problem, fuzz, make_case

pytestmark = pytest.mark.reliability

CASES, CASES_IN_FULL = 40, 700
CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
TARGETS = {target.name: target for target in list_targets()}


@pytest.mark.parametrize("name", TARGETS)
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        (tmp_path / target.file).write_bytes(seed)
        target.read(tmp_path / target.file)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files_are_read_or_refused(name: str, full: bool) -> None:
    findings = list(fuzz(name, range(CASES_IN_FULL if full else CASES)))
    assert [finding.problem for finding in findings] == []


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_once_stays_mended(path: Path, tmp_path: Path) -> None:
    target = TARGETS[path.name.partition(".")[0].replace("-", " ")]
    copy = tmp_path / target.file
    copy.write_bytes(path.read_bytes())
    assert find_problem(target, copy) == ""


def test_what_must_not_happen_is_found(tmp_path: Path) -> None:
    def divide(path: Path) -> float:
        return 1 / len(path.read_bytes())

    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert "ZeroDivisionError" in find_problem(Target("bad", path.name, divide, ()), path)
    path.write_bytes(b"a")
    assert find_problem(Target("good", path.name, divide, ()), path) == ""


def test_cases_are_the_same_every_time_and_differ() -> None:
    target = TARGETS["result"]
    cases = [make_case(target, number) for number in range(50)]
    assert cases == [make_case(target, number) for number in range(50)]
    assert len(set(cases)) > 45
