"""Weights sets: folders of safetensors files with a card that says how they came about.

A set is named (`compact-short`) where it ships with genbench, or given as a folder.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import DataFormatError, UnknownNameError
from benchmark.holdout import TrainingRecord
from benchmark.reading import read_json

_CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class WeightsSet:
    """One folder of weights.

    Attributes:
        name: of the shipped set, or of the folder.
        folder: where the files lie.
        card: content of `card.json`; None where there is none (imported checkpoints).
    """

    name: str
    folder: Path
    card: dict[str, Any] | None

    @property
    def card_path(self) -> Path:
        """The card's file."""
        return self.folder / _CARD

    @property
    def holdout(self) -> str | None:
        """Category that was not trained on, if the card says so."""
        return None if self.card is None else self.card.get("options", {}).get("holdout")

    def read_record(self) -> TrainingRecord:
        """Return what the weights were trained on.

        Raises:
            DataFormatError: no card, or not a sound one.
        """
        if self.card is None:
            raise DataFormatError(
                f"{self.folder}: expected {_CARD}, which train writes, found none"
            )
        return TrainingRecord.from_card(self.card.get("data", {}), self.card_path)

    def verify(self, fingerprints: dict[str, str]) -> dict[str, Any]:
        """Check the card against the files, and against what it says was held out.

        Args:
            fingerprints: SHA-256 of every network's file by its name.

        Returns:
            What an estimator says of its weights: the set's name ("weights"), the held-out category
            ("holdout") if there is one, and the "fingerprints" of files and card.

        Raises:
            DataFormatError: a file is not the one that the card describes.
            LeakageError: the held-out category was trained on.
        """
        described: dict[str, Any] = {"weights": self.name, "fingerprints": dict(fingerprints)}
        if self.card is None:
            return described
        record = self.read_record()
        for name, found in fingerprints.items():
            expected = self.card.get("networks", {}).get(name, {}).get("sha256")
            if found != expected:
                raise DataFormatError(
                    f"{self.folder / name}.safetensors: expected SHA-256 {expected} as on its "
                    f"card, got {found}: the weights or the card were replaced"
                )
        described["fingerprints"]["card"] = hashlib.sha256(self.card_path.read_bytes()).hexdigest()
        if self.holdout is not None:
            record.check_holdout(self.holdout, self.card_path)
            described["holdout"] = self.holdout
        return described


def find_weights(given: Path, shipped: Path) -> WeightsSet:
    """Return a set by the name of a shipped one, or by its folder.

    Args:
        given: name or folder; a shipped set's name wins.
        shipped: folder of the shipped sets.

    Raises:
        UnknownNameError: neither.
        DataFormatError: its card is not JSON.
    """
    known = list_weights(shipped)
    folder = shipped / given if str(given) in known else given
    if not folder.is_dir():
        raise UnknownNameError.suggest("weights set or folder", str(given), known)
    return WeightsSet(name=folder.resolve().name, folder=folder, card=_read_card(folder / _CARD))


def list_weights(shipped: Path) -> list[str]:
    """Return the names of the shipped sets."""
    return sorted(path.parent.name for path in shipped.glob(f"*/{_CARD}"))


def _read_card(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    card = read_json(path)
    if not isinstance(card, dict):
        raise DataFormatError(f"{path}: expected a JSON object, got {type(card).__name__}")
    return card
