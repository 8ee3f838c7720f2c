"""Hold-outs: what every training shard held, what of it was used, and the proof that nothing leaks.

A `TrainingRecord` lists the categories and instances of every shard that weights were trained on.
It is written onto their card when they are trained and checked again whenever they are loaded.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.errors import DataFormatError, LeakageError
from benchmark.shards import read_fingerprint, read_shard

_NUMBERED = re.compile(r"(.*?)(\d+)")
_RANGE = re.compile(r"(.*)\{(\d+)\.\.(\d+)\}")
_MODEL_SUFFIX = "_norm"
_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class CategoryRecord:
    """Objects of one category in one shard.

    Attributes:
        objects: how many.
        instances: sorted names of the different instances among them.
    """

    objects: int
    instances: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What one training shard held, by category.

    Attributes:
        fingerprint: the shard's checksum.
        used: what was trained on.
        left_out: what was not.
    """

    fingerprint: str
    used: dict[str, CategoryRecord]
    left_out: dict[str, CategoryRecord]


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """What weights were trained on.

    Attributes:
        shards: by file name.
    """

    shards: dict[str, ShardRecord]

    @property
    def categories(self) -> list[str]:
        """Names of the categories that were trained on, in the order of their ids."""
        used = {name for shard in self.shards.values() for name in shard.used}
        return [item.name for item in CATEGORIES if item.name in used]

    @property
    def instances(self) -> list[str]:
        """Sorted names of the instances that were trained on."""
        return _collect_instances(shard.used for shard in self.shards.values())

    @property
    def objects(self) -> int:
        """Number of objects that were trained on."""
        return sum(item.objects for shard in self.shards.values() for item in shard.used.values())

    def to_card(self) -> dict[str, Any]:
        """Return the record as plain values, runs of numbered instances as ranges."""
        return self.summarise() | {
            "shards": {
                name: {
                    "fingerprint": shard.fingerprint,
                    "used": _write_groups(shard.used),
                    "left_out": _write_groups(shard.left_out),
                }
                for name, shard in self.shards.items()
            }
        }

    @classmethod
    def from_card(cls, data: dict[str, Any], where: Path) -> "TrainingRecord":
        """Read what `to_card` wrote.

        Args:
            data: the card's entry.
            where: the card, for messages.

        Raises:
            DataFormatError: not such an entry, or its parts contradict each other.
        """
        try:
            shards = {
                name: ShardRecord(
                    fingerprint=shard["fingerprint"],
                    used=_read_groups(shard["used"]),
                    left_out=_read_groups(shard["left_out"]),
                )
                for name, shard in data["shards"].items()
            }
            record = cls(shards=shards)
            stated = {name: data[name] for name in record.summarise()}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataFormatError(
                f"{where}: expected a record of the training shards' categories and instances "
                f"({error!r} is missing or wrong): give the same genbench train command again, "
                "which writes the card anew"
            ) from error
        for name, expected in record.summarise().items():
            if stated[name] != expected:
                raise DataFormatError(
                    f"{where}: data.{name}: its shards add up to {expected}, it says "
                    f"{stated[name]}: the card was altered"
                )
        return record

    def check_holdout(self, category: str, where: Path) -> None:
        """Check that nothing of a category was trained on.

        Raises:
            LeakageError: objects of the category, or instances that were left out, were used.
        """
        for name, shard in self.shards.items():
            if category in shard.used:
                raise LeakageError(
                    f"{where}: '{category}' was to be held out, but {name} gave "
                    f"{shard.used[category].objects} objects of it to the training"
                )
        left_out = _collect_instances(shard.left_out for shard in self.shards.values())
        if both := sorted(set(left_out) & set(self.instances)):
            raise LeakageError(
                f"{where}: {_name_some(both)} left out of one shard, but trained on in another"
            )

    def summarise(self) -> dict[str, Any]:
        """Return how much was trained on: counts, categories, a digest of the instances."""
        names = self.instances
        return {
            "objects": self.objects,
            "categories": self.categories,
            "instances": len(names),
            "instances_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        }


@dataclass(frozen=True, kw_only=True)
class UnseenProof:
    """What was compared to tell that nothing of some test shards was trained on.

    Attributes:
        shards: fingerprint of every test shard by name.
        instances: sorted names of the annotated test instances.
    """

    shards: dict[str, str]
    instances: tuple[str, ...]


def record_shard(
    fingerprint: str, category: np.ndarray, instance: np.ndarray, *, excluded: int
) -> ShardRecord:
    """Return the record of one training shard.

    Args:
        fingerprint: its checksum.
        category, instance: (objects,) class id and instance name of every labelled object.
        excluded: class id of the held-out category, 0 for none.
    """
    used: dict[str, CategoryRecord] = {}
    left_out: dict[str, CategoryRecord] = {}
    for item in CATEGORIES:
        chosen = np.asarray(category) == item.id
        if chosen.any():
            names = tuple(str(name) for name in np.unique(np.asarray(instance)[chosen]))
            target = left_out if item.id == excluded else used
            target[item.name] = CategoryRecord(objects=int(chosen.sum()), instances=names)
    return ShardRecord(fingerprint=fingerprint, used=used, left_out=left_out)


def check_unseen(record: TrainingRecord, shards: Sequence[Path], where: Path) -> UnseenProof:
    """Check that no annotated instance of some test shards was trained on.

    Instances are compared by name; that of a Real test model may end in "_norm", which training
    shards leave out.

    Args:
        record: what was trained on.
        shards: test shards.
        where: the card, for messages.

    Raises:
        LeakageError: an instance, or a whole shard, was trained on.
    """
    fingerprints = {path.name: read_fingerprint(path) for path in shards}
    trained = {shard.fingerprint for shard in record.shards.values()}
    for name, fingerprint in fingerprints.items():
        if fingerprint in trained:
            raise LeakageError(f"{where}: the weights were trained on {name}, which is to be run")
    seen = {name.removesuffix(_MODEL_SUFFIX) for name in record.instances}
    truths = [read_shard(path, verify=False).ground_truth for path in shards]
    names = sorted({str(name) for truth in truths for name in truth.instance})
    if known := [name for name in names if name.removesuffix(_MODEL_SUFFIX) in seen]:
        raise LeakageError(
            f"{where}: the weights were trained on test instances {_name_some(known)}"
        )
    return UnseenProof(shards=fingerprints, instances=tuple(names))


def fold_names(names: Iterable[str]) -> list[str]:
    """Write runs of numbered names as ranges: a01, a02, a03 become "a{01..03}".

    Numbers of one run have the same number of digits.
    """
    folded = []
    for _, run in groupby(enumerate(sorted(names)), _find_run):
        members = [name for _, name in run]
        found = _NUMBERED.fullmatch(members[-1])
        if len(members) == 1 or found is None:
            folded += members
        else:
            width = len(found[2])
            folded.append(f"{found[1]}{{{members[0][-width:]}..{found[2]}}}")
    return folded


def unfold_names(folded: Iterable[str]) -> list[str]:
    """Undo `fold_names`."""
    names = []
    for text in folded:
        if found := _RANGE.fullmatch(text):
            prefix, first, last = found.groups()
            numbers = range(int(first), int(last) + 1)
            names += [f"{prefix}{number:0{len(first)}d}" for number in numbers]
        else:
            names.append(text)
    return names


def _find_run(item: tuple[int, str]) -> tuple[str, int, int]:
    """Return what positions and names share whose numbers follow each other."""
    position, name = item
    found = _NUMBERED.fullmatch(name)
    return (found[1], len(found[2]), int(found[2]) - position) if found else (name, 0, 0)


def _write_groups(groups: dict[str, CategoryRecord]) -> dict[str, Any]:
    return {
        name: {"objects": group.objects, "instances": fold_names(group.instances)}
        for name, group in groups.items()
    }


def _read_groups(groups: dict[str, Any]) -> dict[str, CategoryRecord]:
    return {
        name: CategoryRecord(
            objects=int(group["objects"]), instances=tuple(unfold_names(group["instances"]))
        )
        for name, group in groups.items()
    }


def _collect_instances(groups: Iterable[dict[str, CategoryRecord]]) -> list[str]:
    return sorted({name for group in groups for item in group.values() for name in item.instances})


def _name_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
