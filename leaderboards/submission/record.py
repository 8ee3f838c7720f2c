"""A leaderboard record: who submits what, with the numbers and everything needed to check them."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmark.errors import ConfigError, DataFormatError
from benchmark.evaluation.result import Result, parse_document, to_document
from benchmark.reading import read_json, read_text
from benchmark.replacing import replacing

SCHEMA_VERSION = 1
_FORMAT = "genbench-record"
_MAX_TOML_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What only the submitter knows. All of it is required, except one of the links, and notes.

    Attributes:
        method: name for the leaderboard.
        authors: who made it.
        contact: where to ask.
        paper, code: links, at least one.
        training_data: what the method was trained on.
        hardware: what it was run on.
        notes: anything else that a reader should know.
    """

    method: str = ""
    authors: str = ""
    contact: str = ""
    paper: str = ""
    code: str = ""
    training_data: str = ""
    hardware: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, str):
                raise ConfigError(f"{item.name}: expected text, got {value!r}")

    def list_missing(self) -> list[str]:
        """Return the names of what is required and not there."""
        required = ("method", "authors", "contact", "training_data", "hardware")
        missing = [name for name in required if not getattr(self, name).strip()]
        return missing if self.paper.strip() or self.code.strip() else [*missing, "paper or code"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One submission.

    Attributes:
        metadata: who and what.
        predictions: where the predictions lie, as seen from the record.
        checksum: SHA-256 of their content.
        result: their scores, with the provenance of the run.
    """

    metadata: Metadata
    predictions: str
    checksum: str
    result: Result = field(repr=False)


def read_metadata(path: Path | None, given: dict[str, str | None]) -> Metadata:
    """Return metadata from a TOML or JSON file, with what was `given` going before.

    Raises:
        ConfigError: something required is missing, or a key is unknown.
        DataFormatError: the file is neither TOML nor JSON.
    """
    told = _read_file(path) if path is not None else {}
    told |= {name: value for name, value in given.items() if value is not None}
    known = [item.name for item in fields(Metadata)]
    unknown = sorted(set(told) - set(known))
    if unknown:
        raise ConfigError(f"metadata: unknown {', '.join(unknown)}: known are {', '.join(known)}")
    metadata = Metadata(**told)
    if missing := metadata.list_missing():
        raise ConfigError(
            f"metadata lacks {', '.join(missing)}: give it as options (see -h) or in --metadata"
        )
    return metadata


def _read_file(path: Path) -> dict[str, Any]:
    try:
        is_json = path.suffix == ".json"
        content = read_json(path) if is_json else tomllib.loads(read_text(path, _MAX_TOML_BYTES))
    except DataFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{path}: expected TOML or JSON ({error})") from error
    if not isinstance(content, dict):
        raise DataFormatError(f"{path}: expected names and values, got {type(content).__name__}")
    return content


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON."""
    document = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "metadata": asdict(record.metadata),
        "predictions": {"file": record.predictions, "checksum": record.checksum},
        "result": to_document(record.result),
    }
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        DataFormatError: it is not a record of this or an older schema, or its metadata is lacking.
    """
    document = read_json(path)
    try:
        if document["format"] != _FORMAT or document["schema_version"] > SCHEMA_VERSION:
            raise DataFormatError(
                f"{path}: expected format {_FORMAT} of schema {SCHEMA_VERSION} or older, got "
                f"{document['format']} of {document['schema_version']}: submit again"
            )
        metadata = Metadata(**document["metadata"])
        predictions, result = document["predictions"], document["result"]
        name, checksum = str(predictions["file"]), str(predictions["checksum"])
    except (KeyError, TypeError, ConfigError) as error:
        raise DataFormatError(f"{path}: not a genbench record ({error}): submit again") from error
    if missing := metadata.list_missing():
        raise DataFormatError(f"{path}: metadata lacks {', '.join(missing)}: submit again")
    return Record(
        metadata=metadata,
        predictions=name,
        checksum=checksum,
        result=parse_document(result, str(path)),
    )


def read_records(folder: Path) -> list[Record]:
    """Read all records of a folder.

    Raises:
        ConfigError: there is no such folder.
        DataFormatError: a JSON file in it is not a record.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of records: make one with genbench submit")
    return [read_record(path) for path in sorted(folder.glob("*.json"))]
