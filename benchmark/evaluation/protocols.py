"""The named, versioned protocols: how predictions become numbers.

Every number that genbench prints carries the id and version of its protocol. `docs/protocols.md`
explains each of them, with the official evaluators' bugs that some reproduce on purpose.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from benchmark.aggregation import Pooling, Ranking, check_keep
from benchmark.errors import ConfigError, UnknownNameError

Overlap = Literal["image", "official", "aligned", "oriented"]
Counting = Literal["matched", "all", "gated"]
Ranker = Literal["energy", "random", "gt"]
Oracle = Literal["separate", "joint"]
Sizes = Literal["own", "gt"]

HEADLINE: tuple[tuple[float, float], ...] = ((5.0, 2.0), (5.0, 5.0), (10.0, 2.0), (10.0, 5.0))
"""Degrees and centimetres of the table's columns."""

MATCH_OVERLAP = 0.1
"""A detection belongs to an object if they overlap by more than this."""

OVERLAP_THRESHOLDS = tuple(step / 100 for step in range(101))
SHIFT_THRESHOLDS_CM = (*(step / 2 for step in range(21)), 100.0)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How one evaluator scores predictions.

    Attributes:
        id: name on the command line and in results.
        version: raised whenever a number it gives changes.
        summary: one line for `genbench list`.
        overlap: what decides whether a detection belongs to an object. "image": pixel boxes;
            "official": the 3D IoU of NOCS, which is none; "aligned": axis-aligned boxes around the
            posed ones; "oriented": the boxes themselves.
        size_overlap: what `iou_50` and `iou_75` are, for methods that give sizes.
        counting: what pose AP counts. "matched": only detections and objects that overlap, so a
            missed object costs nothing; "all": everything, and any detection of the category may
            take any object of the frame; "gated": everything, but only pairs that overlap match.
        degrees: the largest of the degree thresholds 0, 1, 2 ..., which 360 follows.
        oracle: what the nearest of several hypotheses is. "separate": smallest rotation error and
            smallest translation error, perhaps of two hypotheses; "joint": of one hypothesis.
        stable_ties: equal confidences keep the detector's order; else they are reversed, as a
            reversed stable sort leaves them.
        intervals: give bootstrap intervals.
        tracking: score sequences instead of detections.
        skip_first_frame: tracking: leave out every sequence's first frame.
        mugs_symmetric: whether a mug without visible handle counts as symmetric.
    """

    id: str
    version: int
    summary: str
    overlap: Overlap = "image"
    size_overlap: Overlap = "official"
    counting: Counting = "matched"
    degrees: int = 60
    oracle: Oracle = "separate"
    stable_ties: bool = False
    intervals: bool = False
    tracking: bool = False
    skip_first_frame: bool = False
    mugs_symmetric: bool = True

    @property
    def name(self) -> str:
        """Id and version together, as printed with every table."""
        return f"{self.id}/{self.version}"

    @property
    def degree_thresholds(self) -> tuple[float, ...]:
        """Return the thresholds of the pose curves, in degrees."""
        return (*(float(degree) for degree in range(self.degrees + 1)), 360.0)

    @property
    def headline_places(self) -> tuple[tuple[int, int], ...]:
        """Return where the headline thresholds lie on the axes of the pose curves."""
        degrees = self.degree_thresholds
        return tuple((degrees.index(d), SHIFT_THRESHOLDS_CM.index(cm)) for d, cm in HEADLINE)


PROTOCOLS: tuple[Protocol, ...] = (
    Protocol(
        id="genpose",
        version=1,
        summary="GenPose: matches by 2D box, drops what is unmatched, ranks and pools hypotheses",
        degrees=45,
    ),
    Protocol(
        id="nocs",
        version=1,
        summary="NOCS and SPD: matches by their faulty 3D IoU, drops what is unmatched",
        overlap="official",
    ),
    Protocol(
        id="catre",
        version=1,
        summary="CATRE: as nocs, with the 3D IoU of axis-aligned boxes",
        overlap="aligned",
        size_overlap="aligned",
    ),
    Protocol(
        id="strict",
        version=1,
        summary="exact oriented boxes, misses and false detections counted, intervals",
        overlap="oriented",
        size_overlap="oriented",
        counting="gated",
        oracle="joint",
        stable_ties=True,
        intervals=True,
    ),
    Protocol(
        id="tracking-genpose",
        version=1,
        summary="tracking as GenPose scores it: accuracy and mean errors, every frame",
        tracking=True,
    ),
    Protocol(
        id="tracking-captra",
        version=1,
        summary="tracking as CAPTRA scores it: first frames left out, mugs never symmetric",
        tracking=True,
        skip_first_frame=True,
        mugs_symmetric=False,
    ),
)

DEFAULT_PROTOCOL = "genpose"
TRACKING_PROTOCOL = "tracking-genpose"


def choose_protocol(configuration: dict[str, Any]) -> str:
    """Return the protocol that a run is scored under if none is asked for."""
    return TRACKING_PROTOCOL if "tracking" in configuration else DEFAULT_PROTOCOL


def get_protocol(name: str) -> Protocol:
    """Return the protocol with this id.

    Raises:
        UnknownNameError: no such protocol; the message suggests the nearest.
    """
    for protocol in PROTOCOLS:
        if protocol.id == name:
            return protocol
    raise UnknownNameError.suggest("protocol", name, [protocol.id for protocol in PROTOCOLS])


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose within a protocol. None takes what the run or the protocol says.

    Attributes:
        hypotheses: use the first K drawn only.
        keep: fraction of the ranked hypotheses that is pooled (delta of the paper).
        ranker: "energy", "random" or "gt" (ranked by the true errors, a bound).
        ranking: rank rotation and translation apart or jointly.
        pooling: "average", or "nearest" to the truth (an oracle).
        oracle: what nearest means; see `Protocol`.
        use_matches: drop what does not overlap before the pose AP; not for strict.
        sizes: "gt" lends the true sizes to a method that predicts none.
        sort_boxes: False repeats GenPose's bug of leaving the boxes unsorted where it sorts the
            confidences; it matters only for detections that do not come sorted.
        seed: of the random ranker and of the bootstrap.
        rounds: of the bootstrap.
    """

    hypotheses: int | None = None
    keep: float | None = None
    ranker: Ranker = "energy"
    ranking: Ranking | None = None
    pooling: Pooling = "average"
    oracle: Oracle | None = None
    use_matches: bool | None = None
    sizes: Sizes = "own"
    sort_boxes: bool = True
    seed: int = 0
    rounds: int = 1000

    def __post_init__(self) -> None:
        if self.keep is not None:
            check_keep(self.keep)
        if self.hypotheses is not None and self.hypotheses < 1:
            raise ConfigError(f"hypotheses must be at least 1, got {self.hypotheses}")
        if self.rounds < 2:
            raise ConfigError(f"bootstrap rounds must be at least 2, got {self.rounds}")

    def resolve(self, configuration: dict[str, Any]) -> "Options":
        """Fill in keep and ranking from a run's configuration, else with the published defaults."""
        keep = configuration.get("keep", 0.6) if self.keep is None else self.keep
        ranking = self.ranking or configuration.get("ranking", "separate")
        return replace(self, keep=keep, ranking=ranking)

    def apply(self, protocol: Protocol) -> Protocol:
        """Return the protocol with the rules that these options change.

        Raises:
            ConfigError: the protocol does not have the choice.
        """
        if self.use_matches is not None:
            if protocol.counting == "gated" or protocol.tracking:
                raise ConfigError(f"protocol '{protocol.id}' has no choice of use_matches")
            protocol = replace(protocol, counting="matched" if self.use_matches else "all")
        if self.oracle is not None:
            protocol = replace(protocol, oracle=self.oracle)
        return protocol

    def describe(self) -> dict[str, Any]:
        """Return the options as plain values, for the result."""
        return {item.name: getattr(self, item.name) for item in fields(self)}
