"""Which pose of a detection is scored against an object, and how far it is off."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmark.aggregation import count_kept, pool_average, rank_hypotheses, select_hypotheses
from benchmark.columns import release_pages
from benchmark.errors import ConfigError
from benchmark.evaluation.pairs import Pairs
from benchmark.evaluation.protocols import Options, Protocol
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from benchmark.predictions import Predictions

_ROUNDING_DEG = 1e-9  # equal rotations differ by 1e-14 once scales and averages are taken out
_HYPOTHESES_AT_A_TIME = 1 << 16
_RANDOM_STREAM = 0x72616E6B  # keeps the random ranker's draws apart from other uses of the seed


@dataclass(frozen=True, kw_only=True)
class Hypotheses:
    """M poses per detection: rotation (D, M, 3, 3) and translation (D, M, 3) in metres."""

    rotation: np.ndarray
    translation: np.ndarray

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and translation."""
        return self.rotation, self.translation

    def take(self, rows: np.ndarray) -> "Hypotheses":
        """Return the hypotheses of some detections."""
        return Hypotheses(rotation=self.rotation[rows], translation=self.translation[rows])

    def select(self, order: np.ndarray, kept: int) -> "Hypotheses":
        """Return the best `kept` by an order (D, K, 2)."""
        rotation, translation = select_hypotheses(*self.parts, order, kept)
        return Hypotheses(rotation=rotation, translation=translation)

    def pool(self) -> "Hypotheses":
        """Return their average, as one hypothesis, in single precision as the released code."""
        pooled = [part[:, None].astype(np.float32) for part in pool_average(*self.parts)]
        return Hypotheses(rotation=pooled[0].astype("f8"), translation=pooled[1].astype("f8"))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The hypotheses that count, of some detections; read a few at a time, as K may be large.

    Attributes:
        predictions: what is scored.
        options: how hypotheses are ranked and pooled.
        count: hypotheses of each detection that are looked at.
        rows: (n,) rows of the detections table.
        order: (n, count, 2) best first, None where nothing ranks them.
    """

    predictions: Predictions
    options: Options
    count: int
    rows: np.ndarray
    order: np.ndarray | None

    def read(self, places: np.ndarray) -> Hypotheses:
        """Return the hypotheses of detections `rows[places]`, or their estimate without any.

        A detection without an estimate has the identity pose, as in the official evaluators.
        """
        predictions, rows = self.predictions, self.rows[places]
        if predictions.hypotheses is None:
            transform = predictions.estimates.transform[rows]
            rotation = compute_rotation(transform)
            return Hypotheses(rotation=rotation[:, None], translation=transform[:, None, :3, 3])
        poses = np.array(predictions.hypotheses[rows, : self.count])
        poses[predictions.estimates.estimated[rows] == 0] = np.eye(4)[:3]
        return Hypotheses(rotation=poses[..., :3], translation=poses[..., 3])

    def keep(self, places: np.ndarray) -> Hypotheses:
        """Return the best hypotheses of detections `rows[places]`, all where nothing ranks them."""
        hypotheses = self.read(places)
        if self.order is None:
            return hypotheses
        kept = count_kept(self.count, self.options.keep or 0.6)
        return hypotheses.select(self.order[places], kept)

    def pool(self) -> Hypotheses:
        """Return the average of what is kept, of every detection of `rows`."""
        kept = (self.keep(places) for places in _iterate_chunks(len(self.rows), self.count))
        parts = [part if self.count == 1 else part.pool() for part in kept]
        return Hypotheses(
            rotation=np.concatenate([part.rotation for part in parts]),
            translation=np.concatenate([part.translation for part in parts]),
        )


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """The hypotheses of all detections, to be taken some detections at a time.

    Attributes:
        predictions, options, count: as in `Selection`.
        drawn: (rows of the detections table, count, 2) order by chance, where chance ranks.
    """

    predictions: Predictions
    options: Options
    count: int
    drawn: np.ndarray | None

    def take(self, rows: np.ndarray) -> Selection:
        """Return the hypotheses of some detections, ranked."""
        return Selection(
            predictions=self.predictions,
            options=self.options,
            count=self.count,
            rows=rows,
            order=self._rank(rows) if self.count > 1 else None,
        )

    def release(self) -> None:
        """Let go of what has been read, where hypotheses lie in a file."""
        release_pages(self.predictions.hypotheses)
        release_pages(self.predictions.energies)

    def _rank(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the order (n, count, 2) of some hypotheses, None where nothing ranks them."""
        if self.drawn is not None:
            return np.asarray(self.drawn[rows])
        if self.predictions.energies is None:
            return None
        order = _make_order(len(rows), self.count)
        for part in _iterate_chunks(len(rows), self.count):
            energies = np.asarray(self.predictions.energies[rows[part], : self.count])
            order[part] = rank_hypotheses(energies, self.options.ranking or "separate")
        return order


def rank_all(predictions: Predictions, options: Options) -> Ranked:
    """Rank the hypotheses of all detections.

    Raises:
        ConfigError: more hypotheses asked for than there are, or the first K of a sorted file.
    """
    count = _count_hypotheses(predictions, options)
    by_chance = count > 1 and options.ranker == "random"
    drawn = _draw_order(len(predictions.detections), count, options) if by_chance else None
    return Ranked(predictions=predictions, options=options, count=count, drawn=drawn)


def _count_hypotheses(predictions: Predictions, options: Options) -> int:
    if predictions.hypotheses is None:
        return 1
    drawn = predictions.hypotheses.shape[1]
    count = options.hypotheses or drawn
    if count > drawn:
        raise ConfigError(f"{count} hypotheses asked for, but the file holds {drawn}")
    if count < drawn and not predictions.info.draw_order:
        raise ConfigError(
            f"the first {count} of {drawn} hypotheses cannot be told: this file holds them sorted"
        )
    return count


def _iterate_chunks(rows: int, count: int) -> Iterator[np.ndarray]:
    """Yield row numbers of `count` hypotheses each, some thousands of hypotheses at once.

    Without rows, that is one empty array.
    """
    size = max(1, _HYPOTHESES_AT_A_TIME // count)
    for start in range(0, max(rows, 1), size):
        yield np.arange(start, min(start + size, rows))


def _draw_order(rows: int, count: int, options: Options) -> np.ndarray:
    """Return an order (rows, count, 2) by chance, drawn in the order of the file."""
    generator = np.random.default_rng([options.seed, _RANDOM_STREAM])
    order = _make_order(rows, count)
    for part in _iterate_chunks(rows, count):
        energies = generator.random((len(part), count, 2))
        order[part] = rank_hypotheses(energies, options.ranking or "separate")
    return order


def _make_order(rows: int, count: int) -> np.ndarray:
    return np.empty((rows, count, 2), dtype=np.min_scalar_type(count))


@dataclass(frozen=True, kw_only=True)
class PairErrors:
    """How far each pair's detection is off its object.

    Attributes:
        degree, cm: (P,) rotation and translation error, infinite where the pair may not match.
    """

    degree: np.ndarray
    cm: np.ndarray


def compute_pair_errors(
    pairs: Pairs,
    allowed: np.ndarray,
    selection: Selection,
    pooled: Hypotheses,
    protocol: Protocol,
) -> tuple[PairErrors, np.ndarray]:
    """Compute the errors of the allowed pairs.

    Args:
        pairs: some blocks.
        allowed: (P,) bool.
        selection: of `pairs.detection`.
        pooled: from `Selection.pool`.
        protocol: the rules.

    Returns:
        The errors, and (P, thresholds) the centimetre error that goes with each degree threshold.
    """
    detection = pairs.pair_detection[allowed]
    truth = pairs.truth[pairs.pair_truth[allowed]]
    oracle = selection.options.pooling == "nearest" or selection.options.ranker == "gt"
    spread = _Spread.make(len(detection), protocol)
    for part in _iterate_pairs(detection, selection.count):
        if oracle and selection.count > 1:
            chosen = _choose_by_truth(selection, detection[part], truth[part])
        else:
            chosen = pooled.take(detection[part])
        errors = _compute_errors(
            chosen, selection.predictions, truth[part], protocol.mugs_symmetric
        )
        spread.store(part, errors)
    return spread.finish(allowed)


def _iterate_pairs(detection: np.ndarray, count: int) -> Iterator[slice]:
    """Yield slices of pairs, of `count` hypotheses each, that do not part those of a detection."""
    size = max(1, _HYPOTHESES_AT_A_TIME // count)
    first = np.flatnonzero(np.diff(detection, prepend=-1))
    wanted = np.searchsorted(first, np.arange(0, len(detection), size), side="right") - 1
    for start, end in pairwise([*first[np.unique(wanted)], len(detection)]):
        yield slice(start, end)


def _choose_by_truth(selection: Selection, detection: np.ndarray, truth: np.ndarray) -> Hypotheses:
    """Return what an oracle scores of each pair's detection.

    Ranked by the truth, these are the truly best hypotheses, or their average. An error is then the
    smallest over all objects the detection may match, as in GenPose's evaluator.
    """
    options = selection.options
    if options.ranker != "gt":
        return selection.keep(detection)
    errors = _compute_errors(selection.read(detection), selection.predictions, truth)
    first = np.flatnonzero(np.diff(detection, prepend=-1))
    least = np.minimum.reduceat(errors, first, axis=0)
    kept = count_kept(selection.count, options.keep or 0.6)
    order = rank_hypotheses(-least, options.ranking or "separate")
    best = selection.read(detection[first]).select(order, kept)
    best = best.take(np.repeat(np.arange(len(first)), np.diff(first, append=len(detection))))
    return best if options.pooling == "nearest" else best.pool()


def _compute_errors(
    hypotheses: Hypotheses,
    predictions: Predictions,
    truth: np.ndarray,
    mugs_symmetric: bool = True,
) -> np.ndarray:
    """Return the errors (n, M, 2), degrees and centimetres, of n detections against n objects."""
    truths = predictions.ground_truth.take(truth)
    rotation = compute_rotation(truths.transform)[:, None]
    visible = truths.handle_visible if mugs_symmetric else np.ones(len(truths))
    symmetric = find_symmetric(truths.category, visible)[:, None]
    degree = np.degrees(compute_rotation_error(hypotheses.rotation, rotation, symmetric))
    cm = 100.0 * compute_translation_error(hypotheses.translation, truths.transform[:, None, :3, 3])
    return np.stack([degree, cm], axis=-1)


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """The errors of allowed pairs, reduced over their hypotheses.

    Attributes:
        protocol: the rules.
        single: (n, 2) degrees and centimetres of the best hypothesis.
        shift_at: (n, thresholds) least centimetres of those within each degree threshold.
    """

    protocol: Protocol
    single: np.ndarray
    shift_at: np.ndarray

    @classmethod
    def make(cls, pairs: int, protocol: Protocol) -> "_Spread":
        """Make room for the errors of that many pairs."""
        shape = (pairs, len(protocol.degree_thresholds))
        return cls(protocol=protocol, single=np.empty((pairs, 2)), shift_at=np.empty(shape))

    def store(self, part: slice, errors: np.ndarray) -> None:
        """Reduce the errors (n, M, 2) of some pairs."""
        errors = np.where(np.isnan(errors), np.inf, errors)
        if self.protocol.oracle == "separate":
            errors = errors.min(axis=1, keepdims=True)
        within = errors[:, :, None, 0] <= np.array(self.protocol.degree_thresholds) + _ROUNDING_DEG
        self.shift_at[part] = np.where(within, errors[:, :, None, 1], np.inf).min(axis=1)
        best = np.argmin(errors.sum(axis=-1), axis=1)
        self.single[part] = np.take_along_axis(errors, best[:, None, None], axis=1)[:, 0]

    def finish(self, allowed: np.ndarray) -> tuple[PairErrors, np.ndarray]:
        """Return what `compute_pair_errors` does: infinite for pairs that may not match."""
        single = np.full((len(allowed), 2), np.inf)
        shift_at = np.full((len(allowed), self.shift_at.shape[1]), np.inf)
        single[allowed], shift_at[allowed] = self.single, self.shift_at
        return PairErrors(degree=single[:, 0], cm=single[:, 1]), shift_at


def compute_pooled_transforms(selection: Selection, pooled: Hypotheses) -> np.ndarray:
    """Return the pooled poses (n, 4, 4) of a selection with the scale of its estimates."""
    transform = np.tile(np.eye(4), (len(selection.rows), 1, 1))
    scale = compute_scale(selection.predictions.estimates.transform[selection.rows])
    transform[:, :3, :3] = pooled.rotation[:, 0] * scale[:, None, None]
    transform[:, :3, 3] = pooled.translation[:, 0]
    return transform
