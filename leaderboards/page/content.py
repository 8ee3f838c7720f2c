"""What the page shows, collected from runs as plain values; the scripts in `assets/` draw it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.categories import CATEGORIES, CATEGORY_NAMES
from benchmark.errors import ConfigError, GenBenchError
from benchmark.evaluation.protocols import PROTOCOLS, get_protocol
from leaderboards.analysis.resampling import ROUNDS
from leaderboards.claims.checking import report_claims
from leaderboards.figures.energy_error import compute_energy_error
from leaderboards.figures.feature_map import compute_feature_maps
from leaderboards.figures.rotation_distribution import compute_rotation_distribution
from leaderboards.page.clouds import CLOUD_POINTS
from leaderboards.page.crops import CROP_PIXELS
from leaderboards.page.curves import collect_curves, collect_risk
from leaderboards.page.failures import (
    FAILURE_PROTOCOL,
    UNIT_CM,
    UNIT_DEG,
    Failure,
    count_missed,
    describe_failure,
    find_failures,
)
from leaderboards.page.objects import Gallery, Sighting, Sources, build_objects, choose_objects
from leaderboards.page.provenance import list_provenance
from leaderboards.page.scores import METRICS, choose_options, describe_run, score_run
from leaderboards.page.tables import describe_tables
from leaderboards.runs import Run, find_runs

Blocks = dict[str, Any]
"""Plain values by name; the scripts read each by its name when they need it."""


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """What goes into the page, and the limits that keep it small.

    Attributes:
        protocols: ids, those of tracking for tracking runs; the first that fits is shown first.
        failures: worst failures of each run and category.
        objects: objects with cloud and crop on the whole page, the worst of every run first.
        rounds: of the claims' bootstrap.
    """

    protocols: tuple[str, ...] = tuple(protocol.id for protocol in PROTOCOLS)
    failures: int = 3
    objects: int = 300
    rounds: int = ROUNDS

    def __post_init__(self) -> None:
        for name in self.protocols:
            get_protocol(name)


def collect_content(
    root: Path,
    options: PageOptions,
    sources: Sources,
    advance: Callable[[int], None] = lambda _: None,
) -> Blocks:
    """Collect everything that the page shows of the runs below a folder.

    Args:
        root: the folder.
        options: what to show.
        sources: where clouds and crops come from.
        advance: told of every run that is done.

    Returns:
        Blocks "summary", "features", "tables" and "claims", one "run-<n>" for each run, and one
        "object-<n>" for each object shown.

    Raises:
        ConfigError: there is no run to show.
    """
    found = find_runs(root)
    collected = _Collected(left_out=list(found.left_out))
    for run in found.found:
        try:
            _add_run(collected, run, root, options)
        except GenBenchError as error:
            collected.left_out.append(str(error))
        advance(1)
    if not collected.runs:
        reasons = "; ".join(collected.left_out) or "make one with genbench run"
        raise ConfigError(f"{root}: no run to show: {reasons}")
    return _assemble(collected, options, sources)


@dataclass(kw_only=True)
class _Collected:
    """What has been collected so far: shown, runs and parts go together, one each a run."""

    left_out: list[str]
    shown: list[Run] = field(default_factory=list)
    runs: list[Blocks] = field(default_factory=list)
    scores: list[Blocks] = field(default_factory=list)
    parts: list[Blocks] = field(default_factory=list)
    gallery: Gallery = field(default_factory=Gallery)


def _add_run(collected: _Collected, run: Run, root: Path, options: PageOptions) -> None:
    entries, refused = score_run(run, options.protocols)
    collected.left_out += refused
    if entries:
        collected.parts.append(_collect_run(run, collected.gallery, options))
        collected.scores += [{"run": len(collected.runs), **entry} for entry in entries]
        collected.runs.append(describe_run(run, root))
        collected.shown.append(run)


def _assemble(collected: _Collected, options: PageOptions, sources: Sources) -> Blocks:
    objects = _collect_objects(collected, options, sources)
    features = _collect_features(collected)
    return {
        "summary": _summarise(collected, options, sources),
        "features": features,
        "tables": describe_tables(collected.shown),
        "claims": report_claims(collected.shown, rounds=options.rounds).document["claims"],
        **{f"run-{index}": part for index, part in enumerate(collected.parts)},
        **{f"object-{index}": shown for index, shown in enumerate(objects)},
    }


def _summarise(collected: _Collected, options: PageOptions, sources: Sources) -> Blocks:
    return {
        "categories": [{"name": c.name, "symmetry": c.symmetry} for c in CATEGORIES],
        "metrics": [asdict(metric) for metric in METRICS],
        "runs": collected.runs,
        "scores": collected.scores,
        "left_out": collected.left_out,
        "limits": _describe_limits(options, sources),
    }


def _collect_run(run: Run, gallery: Gallery, options: PageOptions) -> Blocks:
    """Return what is shown of one run on demand, and add to `gallery` what it wants pictures of."""
    predictions = run.predictions
    instances = run.evaluate(FAILURE_PROTOCOL, choose_options(run)).instances[FAILURE_PROTOCOL]
    data = run.detections or run.data
    failures = find_failures(predictions, instances, data, options.failures)
    gallery.failures.append(failures)
    for failure in failures:
        gallery.sightings[failure.key] = _find_sighting(run, failure)
    gallery.data_of_shard |= {
        checksum: data
        for name, checksum in run.info.fingerprints.items()
        if name.startswith("shard:")
    }
    return {
        "provenance": list_provenance(run.info),
        "failures": [describe_failure(predictions, instances, failure) for failure in failures],
        "missed": count_missed(predictions, instances),
        "curves": collect_curves(run, options.protocols),
        "risk": collect_risk(run),
        "figures": _collect_figures(run),
    }


def _find_sighting(run: Run, failure: Failure) -> Sighting:
    predictions = run.predictions
    detections = predictions.detections
    return Sighting(
        bbox=detections.bbox[failure.detection],
        intrinsics=predictions.frames.intrinsics[detections.frame[failure.detection]],
    )


def _collect_figures(run: Run) -> list[dict[str, Any]]:
    """Return figures 3 and 4 of a run, as far as it has what they show."""
    figures: list[dict[str, Any]] = []
    if run.predictions.hypotheses is None:
        return figures
    for compute in (compute_energy_error, compute_rotation_distribution):
        try:
            figures.append(compute(run).to_plain())
        except ConfigError:
            continue
    return figures


def _collect_features(collected: _Collected) -> dict[str, Any] | None:
    """Return figure 5, which is about several runs together; None where none has features."""
    try:
        return compute_feature_maps(collected.shown).to_plain()
    except GenBenchError as error:
        collected.left_out.append(f"figure 5: {error}")
        return None


def _collect_objects(collected: _Collected, options: PageOptions, sources: Sources) -> list[Blocks]:
    """Build the objects that are shown, and name each failure's object in the parts of the runs."""
    gallery = collected.gallery
    chosen = choose_objects(gallery.failures, options.objects)
    place = {key: index for index, key in enumerate(chosen)}
    for part, failures in zip(collected.parts, gallery.failures, strict=True):
        for shown, failure in zip(part["failures"], failures, strict=True):
            shown["object"] = place.get(failure.key)
    return build_objects(gallery, chosen, sources)


def _describe_limits(options: PageOptions, sources: Sources) -> list[str]:
    lines = [
        f"The {options.failures} worst objects of each of the {len(CATEGORY_NAMES)} categories, by "
        f"the larger of rotation error / {UNIT_DEG:g}° and translation error / {UNIT_CM:g} cm, "
        f"matched as in protocol {FAILURE_PROTOCOL}.",
        f"Pictures of at most {options.objects} objects on the whole page, the worst of every run "
        f"first; {CLOUD_POINTS} points of each cloud, crops of at most {CROP_PIXELS} pixels a "
        "side.",
    ]
    if not sources.shards:
        lines.append("No clouds: predictions hold none. Name the shards with --shards or --data.")
    return lines
