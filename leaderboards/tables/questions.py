"""Asking a run for one number, and saying why where it has none."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.categories import CATEGORY_NAMES
from benchmark.errors import ConfigError
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options
from benchmark.evaluation.result import ProtocolResult
from leaderboards.cards import count_parameters
from leaderboards.runs import Run
from leaderboards.tables.model import Cell, Provenance, Source

Ask = Callable[[Run], Cell]

_PINNED = ("detections", "labels", "frames")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A number that an evaluation gives.

    Attributes:
        metric: its name in the result ("5deg_2cm").
        protocol, options: how to evaluate.
        categories: asks for the mean over these categories; none asks for that over all six.
    """

    metric: str
    protocol: str = DEFAULT_PROTOCOL
    options: Options = field(default_factory=Options)
    categories: tuple[str, ...] = ()

    def __call__(self, run: Run) -> Cell:
        """Return the number, or why there is none."""
        reason = find_obstacle(run, self.options)
        if reason:
            return Cell(missing=reason)
        try:
            block = run.score(self.protocol, self.options)
        except ConfigError as error:
            return Cell(missing=f"{run.name}: {error}")
        return self._read(run, block)

    def _read(self, run: Run, block: ProtocolResult) -> Cell:
        wanted = self.categories or CATEGORY_NAMES
        absent = [name for name in wanted if name in block.missing]
        if absent:
            return Cell(missing=f"{run.name} has no instances of {', '.join(absent)}")
        found = {item.category: item.metrics[self.metric] for item in block.categories}
        value = sum(found[name] for name in wanted) / len(wanted)
        return make_cell(run, value, protocol=block.name, options=block.options)


def ask_parameters(*, network: str | None = None) -> Ask:
    """Return the question for the number of parameters in millions; see `count_parameters`."""

    def ask(run: Run) -> Cell:
        count = count_parameters(run, network=network)
        return Cell() if count is None else make_cell(run, count, protocol="")

    return ask


def find_obstacle(run: Run, options: Options | None = None) -> str:
    """Return why a run cannot answer, "" where it can."""
    limit = run.info.configuration.get("limit")
    if limit is not None:
        return f"{run.name} is partial: its first {limit} frames alone were run"
    drawn, wanted = run.hypotheses, options.hypotheses if options else None
    if wanted is not None and drawn is not None and wanted > drawn:
        return f"{run.name} has {drawn} hypotheses, {wanted} are needed"
    if wanted is not None and drawn is not None and wanted < drawn and not run.info.draw_order:
        return f"{run.name} holds its hypotheses sorted: the first drawn cannot be told"
    return ""


def make_cell(
    run: Run,
    value: float,
    *,
    protocol: str,
    options: dict[str, object] | None = None,
    digits: int = 1,
) -> Cell:
    """Return a cell with the provenance of a run; NaN makes a blank one."""
    if value != value:
        return Cell(missing=f"{run.name} has nothing to measure")
    return Cell(
        value=value,
        text=f"{value:.{digits}f}",
        provenance=Provenance(
            source=get_source(run),
            protocol=protocol,
            data=run.data,
            run=run.name,
            estimator=run.info.estimator,
            weights=describe_weights(run),
            options={name: given for name, given in (options or {}).items() if given is not None},
            configuration=run.info.configuration,
            fingerprints={
                name: digest
                for name, digest in run.info.fingerprints.items()
                if name in _PINNED or name.startswith("weights:")
            },
            environment=run.info.environment,
        ),
    )


def get_source(run: Run) -> Source:
    """Return whether a run was made here or read from another project's file."""
    return "imported" if run.is_imported else "reproduced"


def describe_weights(run: Run) -> str:
    """Return the name of the weights set, else of the preset, "" for neither."""
    return run.weights or str(run.info.configuration.get("preset") or "")
