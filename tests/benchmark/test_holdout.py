"""Training records: what is written is read back, and whatever leaks or was altered is found."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import DataFormatError, LeakageError
from benchmark.holdout import (
    TrainingRecord,
    check_unseen,
    fold_names,
    record_shard,
    unfold_names,
)
from benchmark.shards import Shard, read_fingerprint, write_shard

MakeShard = Callable[..., Shard]
CARD = Path("weights/card.json")
BOTTLE, BOWL = 1, 2


def _make_record(excluded: int = BOWL) -> TrainingRecord:
    """Return two shards of three bottles and two bowls each, all different instances."""
    shards = {}
    for number in range(2):
        rows = [f"{name}_{3 * number + i:04d}" for name in ("bottle", "bowl") for i in range(3)]
        shards[f"train-camera-{number:05d}.h5"] = record_shard(
            f"{number:064x}",
            np.array([BOTTLE] * 3 + [BOWL] * 2),
            np.array(rows[:5]),
            excluded=excluded,
        )
    return TrainingRecord(shards=shards)


def _write_and_read(record: TrainingRecord) -> TrainingRecord:
    return TrainingRecord.from_card(json.loads(json.dumps(record.to_card())), CARD)


def test_numbered_names_fold_into_ranges() -> None:
    names = ["mug_08", "mug_09", "mug_10", "mug_12", "mug_red", "can_1"]
    assert fold_names(names) == ["can_1", "mug_{08..10}", "mug_12", "mug_red"]


@given(st.sets(st.from_regex(r"[ab]?[0-9]{0,4}(_norm)?", fullmatch=True)))
def test_folded_names_unfold(names: set[str]) -> None:
    assert sorted(unfold_names(fold_names(names))) == sorted(names)


def test_a_record_survives_the_card() -> None:
    record = _make_record()
    assert _write_and_read(record) == record
    assert record.categories == ["bottle"]
    assert record.objects == 6
    assert record.instances == [f"bottle_{number:04d}" for number in range(6)]


def test_an_honest_holdout_passes() -> None:
    _write_and_read(_make_record()).check_holdout("bowl", CARD)


def test_a_category_that_was_used_is_found() -> None:
    with pytest.raises(LeakageError, match=r"'bowl' .* train-camera-00000.h5 gave 2 objects"):
        _make_record(excluded=0).check_holdout("bowl", CARD)


def test_an_instance_used_under_another_category_is_found() -> None:
    record = _make_record()
    first, second = record.shards.values()
    bottles = replace(first.used["bottle"], instances=("bowl_0003", "bottle_0000"))
    leaking = {"a": replace(first, used={"bottle": bottles}), "b": second}
    with pytest.raises(LeakageError, match="bowl_0003 left out"):
        TrainingRecord(shards=leaking).check_holdout("bowl", CARD)


def _rename(data: dict[str, Any]) -> None:
    first = data["shards"]["train-camera-00000.h5"]
    first["used"]["bottle"]["instances"] = ["bottle_{0003..0005}"]


def _drop_shard(data: dict[str, Any]) -> None:
    del data["shards"]["train-camera-00001.h5"]


def _hide_category(data: dict[str, Any]) -> None:
    for shard in data["shards"].values():
        shard["left_out"]["bottle"] = shard["used"].pop("bottle")


def _count_less(data: dict[str, Any]) -> None:
    data["shards"]["train-camera-00000.h5"]["used"]["bottle"]["objects"] = 2


@pytest.mark.parametrize("tamper", [_rename, _drop_shard, _hide_category, _count_less])
def test_a_card_that_was_altered_is_refused(tamper: Callable[[dict[str, Any]], None]) -> None:
    data = _make_record().to_card()
    tamper(data)
    with pytest.raises(DataFormatError, match="the card was altered"):
        TrainingRecord.from_card(data, CARD)


@pytest.mark.parametrize("missing", ["shards", "objects", "instances_sha256"])
def test_a_card_without_the_record_says_how_to_get_one(missing: str) -> None:
    data = copy.deepcopy(_make_record().to_card())
    del data[missing]
    with pytest.raises(DataFormatError, match="give the same genbench train command again"):
        TrainingRecord.from_card(data, CARD)


@pytest.fixture
def toy_shard(tmp_path: Path, make_shard: MakeShard) -> Path:
    """Write a test shard whose objects are all of one instance, mug_äöü_norm."""
    path = tmp_path / "test-real-0000.h5"
    write_shard(path, make_shard(2))
    return path


def test_unseen_instances_are_proven_by_name(toy_shard: Path) -> None:
    proof = check_unseen(_make_record(), [toy_shard], CARD)
    assert proof.instances == ("mug_äöü_norm",)
    assert proof.shards == {toy_shard.name: read_fingerprint(toy_shard)}


@pytest.mark.parametrize("name", ["mug_äöü_norm", "mug_äöü"])
def test_a_test_instance_that_was_trained_on_is_found(toy_shard: Path, name: str) -> None:
    shard = record_shard("0" * 64, np.array([6]), np.array([name]), excluded=0)
    with pytest.raises(LeakageError, match="trained on test instances mug_äöü_norm"):
        check_unseen(TrainingRecord(shards={"train": shard}), [toy_shard], CARD)


def test_a_shard_that_was_trained_on_is_found(toy_shard: Path) -> None:
    shard = record_shard(
        read_fingerprint(toy_shard), np.array([1]), np.array(["other"]), excluded=0
    )
    with pytest.raises(LeakageError, match=r"trained on test-real-0000\.h5"):
        check_unseen(TrainingRecord(shards={"train": shard}), [toy_shard], CARD)
