"""Which form a foreign result has, told from its content and never from its name alone."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_STEP_KEY = re.compile(r"iter\d+$")
_POSE_KEY = re.compile(r"pose_(est|\d+)$")


def detect_form(content: Any) -> str | None:
    """Return the form ("p1" to "p9") of one file's content, None where it is none of them."""
    if isinstance(content, str):
        return _detect_text(content)
    if isinstance(content, Mapping):
        return _detect_mapping(content)
    if isinstance(content, Sequence) and content and isinstance(content[0], Mapping):
        inner = _detect_columns(content[0])
        return inner if len(content) == 1 or inner != "p1" else "p2"
    return None


def _detect_mapping(content: Mapping[str, Any]) -> str | None:
    columns = _detect_columns(content)
    if columns is not None:
        return columns
    predicted = content.get("pred")
    if isinstance(predicted, Mapping) and isinstance(content.get("gt"), Mapping):
        return "p9" if "rois" in predicted else "p5" if "poses" in predicted else None
    if is_by_step(content):
        return "p6"
    first = next((value for value in content.values() if len(_sized(value))), None)
    if isinstance(first, Mapping) and "result" in first:
        return "p4"
    if isinstance(first, list) and isinstance(first[0], Mapping):
        return "p6" if any(_POSE_KEY.match(str(key)) for key in first[0]) else None
    return None


def is_by_step(content: Mapping[str, Any]) -> bool:
    """Tell CATRE's dictionary of refinement steps ("iter0", "iter1", ...)."""
    return bool(content) and all(_STEP_KEY.match(str(key)) for key in content)


def _detect_columns(content: Mapping[str, Any]) -> str | None:
    """Detect the forms that are one image's columns."""
    if "model_information" in content or "pred_RTs_cass" in content:
        return "p3"
    if "pred_RTs" in content or "multi_hypothesis_pred_RTs" in content:
        return "p1"
    if {"class_ids", "rois"} <= set(content) or "pred_masks" in content:
        return "p9"
    return "p1" if "gt_RTs" in content else None


def _detect_text(text: str) -> str | None:
    """Detect 6-PACK's five short lines and iCaps's lines of eleven fields."""
    lines = [line.split() for line in text.splitlines()[:6] if line.strip()]
    if not lines:
        return None
    if [len(line) for line in lines[:4]] == [3] * 4 and all(_is_number(x) for x in lines[0]):
        return "p7"
    numbers = lines[0][2:]
    return "p8" if len(numbers) in (8, 9) and all(_is_number(x) for x in numbers) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sized(value: Any) -> Any:
    return value if isinstance(value, Mapping | list) else ()
