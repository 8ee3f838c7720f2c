"""Where a run's numbers come from, as groups of labelled lines."""

from typing import Any

from benchmark.predictions import RunInfo

Group = tuple[str, list[tuple[str, str]]]


def list_provenance(info: RunInfo) -> list[Group]:
    """Return what a run says of itself, sorted within each group; empty groups are left out."""
    environment = dict(info.environment)
    versions = environment.pop("versions", {})
    prints = info.fingerprints
    weights = {
        name.partition(":")[2]: v for name, v in prints.items() if name.startswith("weights")
    }
    inputs = {name: value for name, value in prints.items() if not name.startswith("weights")}
    groups = {
        "Run": {
            "estimator": info.estimator,
            "data set": info.dataset,
            "split": info.split,
            "label set": info.label_set,
            "hypotheses in draw order": "yes" if info.draw_order else "no",
        },
        "Configuration and seed": _flatten(info.configuration),
        "Weights (SHA-256)": weights,
        "Inputs (fingerprints)": inputs,
        "Assumptions": {str(n): text for n, text in enumerate(info.assumptions, start=1)},
        "Hardware and time": _flatten(environment),
        "Versions": _flatten(versions),
    }
    return [
        (title, [(key, _show(value)) for key, value in sorted(lines.items())])
        for title, lines in groups.items()
        if lines
    ]


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _show(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case list() | tuple():
            return ", ".join(_show(item) for item in value)
        case _:
            return str(value)
