"""Figure 5: where the encoder puts the clouds of each category, one of which it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmark.categories import CATEGORIES, CATEGORY_NAMES, get_category
from benchmark.errors import ConfigError
from benchmark.features import FEATURES_NAME, Features, read_features
from leaderboards.figures.figure_data import FigureData
from leaderboards.runs import Run

HOLDOUTS = ("bowl", "bottle", "can")
_PER_CATEGORY = 120
_COMPONENTS = 50
_PERPLEXITY = 30.0


@dataclass(frozen=True, kw_only=True)
class FeatureMap(FigureData):
    """The features of one run's clouds in the plane.

    Attributes:
        run: name of the run.
        unseen: category that the encoder was not trained on, "" for none.
        place: (n, 2) t-SNE coordinates; distances matter, axes mean nothing.
        category: (n,) names.
        nearest: for each category the other whose features are nearest to its own on average
            (medians of the features' own distances, not of the map's).
    """

    run: str
    unseen: str
    place: np.ndarray
    category: tuple[str, ...]
    nearest: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class FeatureFigure(FigureData):
    """Figure 5.

    Attributes:
        panels: one run each.
        missing: held-out categories without a run, which the figure leaves empty.
    """

    number: ClassVar[int] = 5
    panels: tuple[FeatureMap, ...]
    missing: tuple[str, ...]


def compute_feature_maps(runs: Sequence[Run]) -> FeatureFigure:
    """Compute figure 5 from the runs that have features.

    Panels are the paper's three where there are runs of weights trained without a category, else
    one run trained on all.

    Raises:
        ConfigError: no run has features.
        DataFormatError: a file of features is damaged.
    """
    ready = [run for run in runs if (run.folder / FEATURES_NAME).is_file()]
    held_out = {name: _find_holdout(ready, name) for name in HOLDOUTS}
    chosen = [run for run in held_out.values() if run] or [r for r in ready if r.holdout is None][
        :1
    ]
    if not chosen:
        raise ConfigError(
            f"none of {len(runs)} runs has features: write them with genbench features RUN SHARDS"
        )
    missing = tuple(name for name, run in held_out.items() if run is None)
    missing = missing if len(missing) < len(HOLDOUTS) else ()
    panels = tuple(compute_feature_map(run) for run in chosen)
    held = any(panel.unseen for panel in panels)
    lacking = f" No run without {' or '.join(missing)}." if missing else ""
    return FeatureFigure(
        caption=f"t-SNE of the encoder's features of up to {_PER_CATEGORY} detections of each "
        f"category ({chosen[0].data}; perplexity {_PERPLEXITY:g}, PCA to {_COMPONENTS} first). "
        + ("Crosses: the category that was left out of training. " if held else "")
        + " ".join(panel.caption for panel in panels)
        + lacking,
        panels=panels,
        missing=missing,
    )


def _find_holdout(runs: Sequence[Run], category: str) -> Run | None:
    return next((run for run in runs if run.holdout == category), None)


def compute_feature_map(run: Run) -> FeatureMap:
    """Compute one panel from a run's features."""
    features = read_features(run.folder / FEATURES_NAME)
    rows = choose_rows(features, _PER_CATEGORY)
    values = features.features[rows].astype(np.float64)
    category = tuple(get_category(int(id_)).name for id_ in features.category[rows])
    nearest = find_nearest(values, np.array(category))
    told = run.holdout or ""
    sentence = f"Without {told}, its nearest are features of {nearest[told]}s." if told else ""
    return FeatureMap(
        caption=sentence if told in nearest else "",
        run=run.name,
        unseen=told,
        place=embed_features(values),
        category=category,
        nearest=nearest,
    )


def choose_rows(features: Features, count: int) -> np.ndarray:
    """Return at most `count` rows of each category, evenly spread over the run."""
    chosen = []
    for category in CATEGORIES:
        rows = np.flatnonzero(features.category == category.id)
        picked = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
        chosen.append(rows[picked])
    return np.concatenate(chosen)


def find_nearest(features: np.ndarray, category: np.ndarray) -> dict[str, str]:
    """Return for each category the other one with the smallest median distance to it."""
    groups = {name: features[category == name] for name in CATEGORY_NAMES}
    groups = {name: rows for name, rows in groups.items() if len(rows)}
    nearest = {}
    for name, rows in groups.items():
        others = {
            other: float(np.median(compute_distances(rows, theirs)))
            for other, theirs in groups.items()
            if other != name
        }
        if others:
            nearest[name] = min(others, key=others.__getitem__)
    return nearest


def compute_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the distances (n, m) between rows (n, d) and (m, d)."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(first, second))


def embed_features(features: np.ndarray) -> np.ndarray:
    """Return t-SNE coordinates (n, 2) of features (n, d); the same for the same features.

    Raises:
        ConfigError: too few clouds to embed.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) < 4:
        raise ConfigError(f"t-SNE needs four clouds or more, got {len(features)}")
    with threadpool_limits(1):  # sums in parallel would round differently from run to run
        components = min(_COMPONENTS, *features.shape)
        reduced = PCA(components, svd_solver="full").fit_transform(features)
        perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
        tsne = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=0)
        return np.asarray(tsne.fit_transform(reduced), dtype=np.float64)
