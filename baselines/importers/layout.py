"""What writing a file again needs, kept small: the usual value, and the frames that differ."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def compress_layout(sources: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> dict[str, Any]:
    """Turn one mapping per frame into one entry per key.

    An entry is a prefix and suffix around the frame ids where that is all the values are, else the
    most frequent value and the frames that differ. A frame without the key has None.
    """
    keys = dict.fromkeys(key for source in sources for key in source)
    return {key: _compress([source.get(key) for source in sources], ids) for key in keys}


def expand_layout(layout: Mapping[str, Any], ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the mappings that `compress_layout` was given, without keys that are None."""
    sources: list[dict[str, Any]] = [{} for _ in ids]
    for key, entry in layout.items():
        for row, frame_id in enumerate(ids):
            value = _expand(entry, row, frame_id)
            if value is not None:
                sources[row][key] = value
    return sources


def _compress(values: list[Any], ids: Sequence[str]) -> dict[str, Any]:
    if all(isinstance(value, str) for value in values):
        prefix, found, suffix = values[0].partition(ids[0])
        if found and all(v == prefix + i + suffix for v, i in zip(values, ids, strict=True)):
            return {"prefix": prefix, "suffix": suffix}
    texts = [json.dumps(value, sort_keys=True) for value in values]
    usual = Counter(texts).most_common(1)[0][0]
    others = {
        str(row): value
        for row, (value, text) in enumerate(zip(values, texts, strict=True))
        if text != usual
    }
    return {"usual": json.loads(usual), "others": others}


def _expand(entry: Mapping[str, Any], row: int, frame_id: str) -> Any:
    if "prefix" in entry:
        return f"{entry['prefix']}{frame_id}{entry['suffix']}"
    return entry["others"].get(str(row), entry["usual"])
