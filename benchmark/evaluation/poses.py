"""Which pose of a detection is scored against an object, and how far it is off."""

from dataclasses import dataclass

import numpy as np

from benchmark.aggregation import count_kept, pool_average, rank_hypotheses, select_hypotheses
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


def read_hypotheses(predictions: Predictions, options: Options) -> Hypotheses:
    """Return the hypotheses to rank, or the estimates as one hypothesis where there are none.

    A detection without an estimate has the identity pose, as in the official evaluators.

    Raises:
        ConfigError: more hypotheses asked for than there are, or the first K of a sorted file.
    """
    transform = predictions.estimates.transform
    if predictions.hypotheses is None:
        rotation = compute_rotation(transform)
        return Hypotheses(rotation=rotation[:, None], translation=transform[:, None, :3, 3])
    drawn = predictions.hypotheses.shape[1]
    count = options.hypotheses or drawn
    if count > drawn:
        raise ConfigError(f"{count} hypotheses asked for, but the file holds {drawn}")
    if count < drawn and not predictions.info.draw_order:
        raise ConfigError(
            f"the first {count} of {drawn} hypotheses cannot be told: this file holds them sorted"
        )
    poses = np.array(predictions.hypotheses[:, :count])
    poses[predictions.estimates.estimated == 0] = np.eye(4)[:3]
    return Hypotheses(rotation=poses[..., :3], translation=poses[..., 3])


def rank(predictions: Predictions, options: Options, count: int) -> np.ndarray | None:
    """Return the order (D, K, 2) of the hypotheses, None where nothing ranks them."""
    ranking = options.ranking or "separate"
    if options.ranker == "random":
        generator = np.random.default_rng([options.seed, _RANDOM_STREAM])
        draws = generator.random((len(predictions.detections), count, 2))
        return rank_hypotheses(draws, ranking)
    if predictions.energies is None:
        return None
    return rank_hypotheses(np.asarray(predictions.energies[:, :count]), ranking)


def select_estimates(predictions: Predictions, options: Options) -> tuple[Hypotheses, Hypotheses]:
    """Return what is kept of every detection's hypotheses, and its average.

    With the "gt" ranker all are kept: which are best depends on the object.
    """
    hypotheses = read_hypotheses(predictions, options)
    count = hypotheses.rotation.shape[1]
    if count == 1:
        return hypotheses, hypotheses
    order = rank(predictions, options, count)
    if order is None:
        return hypotheses, hypotheses.pool()
    kept = hypotheses.select(order, count_kept(count, options.keep or 0.6))
    return hypotheses if options.ranker == "gt" else kept, kept.pool()


@dataclass(frozen=True, kw_only=True)
class PairErrors:
    """How far each pair's detection is off its object.

    Attributes:
        degree, cm: (P,) rotation and translation error, infinite where the pair may not match.
        shift_at: (P, thresholds) centimetre error that goes with each degree threshold.
    """

    degree: np.ndarray
    cm: np.ndarray
    shift_at: np.ndarray


def compute_pair_errors(
    predictions: Predictions,
    pairs: Pairs,
    allowed: np.ndarray,
    poses: tuple[Hypotheses, Hypotheses],
    protocol: Protocol,
    options: Options,
) -> PairErrors:
    """Compute the errors of the allowed pairs.

    Args:
        predictions: the predictions that are scored.
        pairs: from `build_pairs`.
        allowed: (P,) bool.
        poses: from `select_estimates`.
        protocol, options: the rules.
    """
    detection = pairs.detection[pairs.pair_detection[allowed]]
    truth = pairs.truth[pairs.pair_truth[allowed]]
    kept, pooled = poses
    nearest = options.pooling == "nearest"
    chosen = (kept if nearest else pooled).take(detection)
    if options.ranker == "gt" and kept.rotation.shape[1] > 1 and len(detection):
        ranked = _rank_by_truth(kept, predictions, detection, truth, options)
        chosen = ranked if nearest else ranked.pool()
    errors = _compute_errors(chosen, predictions, truth, protocol.mugs_symmetric)
    return _spread(errors, allowed, protocol)


def _rank_by_truth(
    hypotheses: Hypotheses,
    predictions: Predictions,
    detection: np.ndarray,
    truth: np.ndarray,
    options: Options,
) -> Hypotheses:
    """Return the hypotheses of each pair's detection that are truly best.

    As in GenPose's evaluator, an error is the smallest over all objects the detection may match.
    """
    errors = _compute_errors(hypotheses.take(detection), predictions, truth)
    first = np.flatnonzero(np.diff(detection, prepend=-1))
    least = np.minimum.reduceat(errors, first, axis=0)
    kept = count_kept(errors.shape[1], options.keep or 0.6)
    order = rank_hypotheses(-least, options.ranking or "separate")
    best = hypotheses.take(detection[first]).select(order, kept)
    return best.take(np.repeat(np.arange(len(first)), np.diff(first, append=len(detection))))


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


def _spread(errors: np.ndarray, allowed: np.ndarray, protocol: Protocol) -> PairErrors:
    """Reduce over hypotheses, and give infinite errors to the pairs that may not match."""
    errors = np.where(np.isnan(errors), np.inf, errors)
    thresholds = np.array(protocol.degree_thresholds)
    if protocol.oracle == "separate":
        errors = errors.min(axis=1, keepdims=True)
    within = errors[:, :, None, 0] <= thresholds + _ROUNDING_DEG
    shift_at = np.full((len(allowed), len(thresholds)), np.inf)
    shift_at[allowed] = np.where(within, errors[:, :, None, 1], np.inf).min(axis=1)
    best = np.argmin(errors.sum(axis=-1), axis=1)
    single = np.full((len(allowed), 2), np.inf)
    single[allowed] = np.take_along_axis(errors, best[:, None, None], axis=1)[:, 0]
    return PairErrors(degree=single[:, 0], cm=single[:, 1], shift_at=shift_at)


def compute_pooled_transforms(predictions: Predictions, pooled: Hypotheses) -> np.ndarray:
    """Return the pooled poses (D, 4, 4) with the scale of the estimates."""
    transform = np.tile(np.eye(4), (len(predictions.detections), 1, 1))
    scale = compute_scale(predictions.estimates.transform)
    transform[:, :3, :3] = pooled.rotation[:, 0] * scale[:, None, None]
    transform[:, :3, 3] = pooled.translation[:, 0]
    return transform
