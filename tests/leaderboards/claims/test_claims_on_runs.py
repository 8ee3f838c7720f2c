"""Every claim about runs, on data made to bear it out, to contradict it, and to leave it open."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from benchmark.features import FEATURES_NAME, Features, write_features
from leaderboards import cards
from leaderboards.claims.catalogue import CLAIMS
from leaderboards.claims.checking import check_claims
from leaderboards.claims.model import Verdict
from leaderboards.runs import Run

Make = Callable[..., Run]
Scenario = Mapping[str, Any]


def find_verdict(make_run: Make, claim: str, *scenarios: Scenario) -> Verdict:
    """Return the verdict on a claim on the runs of some scenarios."""
    runs = [make_run(f"{claim}-{row}", **scenario) for row, scenario in enumerate(scenarios)]
    (tested,) = [item for item in CLAIMS if item.id == claim]
    return check_claims(runs, claims=[tested], rounds=200)[-1].verdict


def noise(spread: float) -> Callable[..., np.ndarray]:
    """Err normally, every hypothesis by itself."""

    def draw(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return spread * generator.standard_normal((len(category), count))

    return draw


def mix(share: float, degree: float, *, wide: bool = False, seed: int = 5) -> Callable[..., Any]:
    """Let a share of each object's hypotheses err by some degrees, or up to them."""

    def draw(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        generator = np.random.default_rng(seed)
        errs = generator.random((len(category), count)).argsort(axis=1) < round(share * count)
        size = generator.uniform(10, degree, (len(category), 1)) if wide else degree
        return np.where(errs, size, 0.0)

    return draw


def from_place(values: Callable[[int], float]) -> Callable[..., np.ndarray]:
    """Give the k-th hypothesis drawn a fixed error."""

    def draw(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        return np.tile([values(k) for k in range(count)], (len(category), 1)).astype(float)

    return draw


def in_first_scene(draw: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Err in the first scene alone."""

    def part(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        values = draw(generator, category, count)
        values[len(category) // 6 :] = 0.0
        return values

    return part


def by_category(degrees: Mapping[int, float], default: float) -> Callable[..., np.ndarray]:
    """Err normally, by category."""

    def draw(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        spread = np.array([degrees.get(int(code), default) for code in category])
        return spread[:, None] * generator.standard_normal((len(category), count))

    return draw


def reverse(_: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Give the worst the most energy."""
    return error


def random(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Give energy without regard to the error."""
    return generator.standard_normal(error.shape)


def exact(**options: Any) -> Scenario:
    """Return a scenario without any error."""
    return {"hypotheses": 50, **options}


def nearest_aside(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Let the nearest hypotheses lie to one side, so that their average is off."""
    return np.tile(np.where(np.arange(count) < 0.6 * count, 6.0, -7.0), (len(category), 1))


def prefer_far(_: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Give the farther ones, which balance the nearer, the most energy."""
    return error


AGGREGATION: dict[str, dict[Verdict, Scenario]] = {
    "pooling-beats-one-sample": {
        "holds": {"hypotheses": 50, "degree": noise(12.0)},
        "fails": {"hypotheses": 50, "degree": mix(0.5, 60.0)},
        "untestable": exact(),
    },
    "energy-beats-random": {
        "holds": {"hypotheses": 50, "degree": mix(0.35, 90.0, wide=True)},
        "fails": {"hypotheses": 50, "degree": mix(0.35, 90.0, wide=True), "energy": reverse},
        "untestable": exact(energy=random),
    },
    "truth-ranking-bounds": {
        "holds": {"hypotheses": 50, "degree": mix(0.35, 90.0, wide=True), "energy": random},
        "fails": {"hypotheses": 50, "degree": nearest_aside, "energy": prefer_far},
        "untestable": exact(),
    },
    "fifty-beat-ten": {
        "holds": {"hypotheses": 50, "degree": noise(25.0), "energy": random},
        "fails": {
            "hypotheses": 50,
            "degree": from_place(lambda k: 60.0 * (k >= 10)),
            "energy": random,
        },
        "untestable": exact(),
    },
    "hundred-add-little": {
        "holds": exact(hypotheses=100),
        "fails": {"hypotheses": 100, "degree": from_place(lambda k: 60.0 * (k < 50))},
        "untestable": {
            "hypotheses": 100,
            "degree": in_first_scene(from_place(lambda k: 60.0 * (k < 50))),
        },
    },
    "sixty-percent-near-best": {
        "holds": exact(),
        "fails": {"hypotheses": 50, "degree": mix(0.7, 60.0)},
        "untestable": {"hypotheses": 50, "degree": in_first_scene(mix(0.7, 60.0))},
    },
    "filtering-beats-keeping-all": {
        "holds": {"hypotheses": 50, "degree": mix(0.35, 60.0)},
        "fails": {"hypotheses": 50, "degree": mix(0.15, 60.0), "energy": reverse},
        "untestable": exact(),
    },
    "small-share-is-worse": {
        "holds": {"hypotheses": 50, "degree": mix(0.2, 24.0), "energy": reverse},
        "fails": {"hypotheses": 50, "degree": mix(0.7, 60.0)},
        "untestable": exact(),
    },
}


def misled(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Tell small errors from smaller ones, and nothing of large ones."""
    return np.where(error < 10, -error, -10 * generator.random(error.shape))


def wide(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Err by anything up to 40, evenly."""
    return generator.uniform(0, 40, (len(category), count))


def coarse(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Tell large errors alone."""
    return -20.0 * (error > 15) + generator.standard_normal(error.shape)


def coarse_both(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Tell errors above 15 degrees, or 3 cm, whichever they are."""
    return coarse(generator, error * (5 if error.max() < 15 else 1))


def misled_both(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Be misled about either kind of error."""
    return misled(generator, error * (5 if error.max() < 15 else 1))


def short(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Err by anything up to 8, evenly."""
    return generator.uniform(0, 8, (len(category), count))


ERRORS = {"hypotheses": 20, "degree": wide, "cm": short}
ENERGY: dict[str, dict[Verdict, Scenario]] = {
    "energy-falls-with-error": {
        "holds": ERRORS,
        "fails": ERRORS | {"energy": reverse},
        "untestable": ERRORS | {"energy": random},
    },
    "energy-tells-large-errors": {
        "holds": ERRORS,
        "fails": ERRORS | {"energy": reverse},
        "untestable": ERRORS | {"energy": random},
    },
    "energy-tells-large-errors-better": {
        "holds": ERRORS | {"energy": coarse_both},
        "fails": ERRORS | {"energy": misled_both},
        "untestable": ERRORS | {"energy": random},
    },
}


def turned(*codes: int, share: float = 1.0) -> Callable[..., np.ndarray]:
    """Turn hypotheses of some categories all around y, for a share of the objects."""

    def draw(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        free = np.isin(category, codes) & (np.arange(len(category)) < share * len(category))
        return np.where(free[:, None], generator.uniform(0, 360, (len(category), count)), 0.0)

    return draw


def turned_mugs(visible: bool | None) -> Callable[..., np.ndarray]:
    """Turn mugs whose handle is hidden, or visible, or all of them."""

    def draw(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
        seen = np.arange(len(category)) // 6 % 2 == 1
        free = (category == 6) & (np.True_ if visible is None else seen == visible)
        return np.where(free[:, None], generator.uniform(0, 360, (len(category), count)), 0.0)

    return draw


ROTATION: dict[str, dict[Verdict, Scenario]] = {
    "symmetric-spread-about-axis": {
        "holds": exact(yaw=turned(1, 2, 4)),
        "fails": exact(),
        "untestable": exact(yaw=turned(1, 2, 4, share=0.5)),
    },
    "asymmetric-concentrate": {
        "holds": exact(yaw=turned(1, 2, 4)),
        "fails": exact(yaw=turned(3, 5)),
        "untestable": exact(yaw=turned(3, 5, share=0.5)),
    },
    "mugs-concentrate-with-handle": {
        "holds": exact(yaw=turned_mugs(visible=False)),
        "fails": exact(yaw=turned_mugs(visible=True)),
        "untestable": exact(yaw=turned_mugs(visible=None)),
    },
}

SCENARIOS = {
    (claim, verdict): scenario
    for claim, cases in (AGGREGATION | ENERGY | ROTATION).items()
    for verdict, scenario in cases.items()
}


@pytest.mark.parametrize(("claim", "verdict"), SCENARIOS)
def test_claims_about_hypotheses(make_run: Make, claim: str, verdict: Verdict) -> None:
    assert find_verdict(make_run, claim, SCENARIOS[claim, verdict]) == verdict


def trained(
    degree: Callable[..., np.ndarray], weights: str = "compact-short", **more: Any
) -> Scenario:
    configuration = {"hypotheses": 10, "keep": 0.6, "weights": weights} | more
    return {"degree": degree, "configuration": configuration, "energy": random}


def twin(degree: Callable[..., np.ndarray], symmetry: str) -> Scenario:
    """Return a run of the regression twin."""
    return {
        "degree": degree,
        "hypotheses": None,
        "estimator": "regression",
        "configuration": {"symmetry": symmetry},
        "seed": 3,
    }


POOR, GOOD, SAME = noise(14.0), noise(5.0), noise(0.0)
SYMMETRIC_POOR = by_category({1: 14.0, 2: 14.0, 4: 14.0, 6: 14.0}, default=1.0)
ASYMMETRIC_POOR = by_category({3: 14.0, 5: 14.0}, default=1.0)


@pytest.mark.parametrize(
    ("claim", "degree", "verdict"),
    [
        ("beats", POOR, "holds"),
        ("beats", SAME, "untestable"),
        ("gains", SYMMETRIC_POOR, "holds"),
        ("gains", ASYMMETRIC_POOR, "fails"),
        ("gains", SAME, "untestable"),
    ],
)
@pytest.mark.parametrize("symmetry", ["ignored", "handled"])
def test_claims_about_the_twin(
    make_run: Make, claim: str, degree: Any, verdict: Verdict, symmetry: str
) -> None:
    names = {
        ("beats", "ignored"): "beats-plain-regression",
        ("beats", "handled"): "beats-symmetry-aware-regression",
        ("gains", "ignored"): "gains-where-ambiguous-over-plain",
        ("gains", "handled"): "gains-where-ambiguous-over-aware",
    }
    found = find_verdict(make_run, names[claim, symmetry], trained(SAME), twin(degree, symmetry))
    assert found == verdict


def test_a_better_twin_contradicts(make_run: Make) -> None:
    runs = trained(noise(30.0)), twin(SAME, "ignored")
    assert find_verdict(make_run, "beats-plain-regression", *runs) == "fails"
    assert find_verdict(make_run, "beats-symmetry-aware-regression", *runs) == "untestable"


def test_the_twin_needs_a_run_of_its_own_budget(make_run: Make) -> None:
    runs = trained(SAME, weights="compact"), twin(POOR, "ignored")
    assert find_verdict(make_run, "beats-plain-regression", *runs) == "untestable"


def held_out(degree: Callable[..., np.ndarray]) -> list[Scenario]:
    """Return three runs, each without a category."""
    names = ("bowl", "bottle", "can")
    return [trained(degree, f"compact-short-without-{name}", holdout=name) for name in names]


def mostly_right(_: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Be wrong about every seventh object."""
    wrong = np.arange(len(category)) // 6 % 7 == 0
    return np.where(wrong[:, None], 60.0, 0.0) * np.ones((1, count))


@pytest.mark.parametrize(
    ("unseen", "degrade", "survive"),
    [
        (mostly_right, "holds", "holds"),
        (noise(90.0), "holds", "fails"),
        (SAME, "untestable", "holds"),
    ],
)
def test_claims_about_unseen_categories(
    make_run: Make, unseen: Any, degrade: Verdict, survive: Verdict
) -> None:
    runs = [trained(SAME), *held_out(unseen)]
    runs = [run | {"scenes": 7, "frames": 7} for run in runs]
    assert find_verdict(make_run, "unseen-degrade", *runs) == degrade
    assert find_verdict(make_run, "unseen-do-not-collapse", *runs) == survive


def test_all_held_out_categories_are_needed(make_run: Make) -> None:
    runs = [trained(SAME), *held_out(mostly_right)[:2]]
    assert find_verdict(make_run, "unseen-degrade", *runs) == "untestable"


CENTRES = {1: 0.0, 4: 1.0, 2: 10.0, 6: 13.0, 3: 30.0, 5: 40.0}


@pytest.mark.parametrize(
    ("moved", "cans", "bowls"),
    [
        ({}, "holds", "holds"),
        ({1: -5.0, 2: 0.0, 3: 0.0, 4: 60.0, 5: 0.0, 6: -30.0}, "fails", "fails"),
        (dict.fromkeys(range(1, 7), 0.0), "untestable", "untestable"),
    ],
)
def test_claims_about_features(
    make_run: Make, moved: dict[int, float], cans: Verdict, bowls: Verdict
) -> None:
    run = make_run(scenes=8, frames=3)
    category = run.predictions.detections.category
    centre = np.array([(CENTRES | moved)[int(code)] for code in category])
    drawn = np.random.default_rng(0).standard_normal((len(category), 3))
    features = (drawn + np.stack([centre, 0 * centre, 0 * centre], axis=1)).astype(np.float16)
    rows = np.arange(len(category))
    write_features(
        run.folder / FEATURES_NAME, Features(features=features, detection=rows, category=category)
    )
    verdicts = {item.claim: item.verdict for item in check_claims([run], rounds=200)}
    assert verdicts["cans-and-bottles-intermingle"] == cans
    assert verdicts["bowls-lie-near-mugs"] == bowls


def card(categories: int, parameters: int) -> dict[str, Any]:
    names = ["bottle", "bowl", "camera", "can", "laptop", "mug"][:categories]
    network = {"sha256": "a" * 64, "parameters": parameters}
    return {"networks": {"score": network}, "data": {"categories": names}}


@pytest.mark.parametrize(
    ("found", "one", "fewest"),
    [
        (card(6, 2_000_000), "holds", "holds"),
        (card(5, 9_000_000), "fails", "fails"),
        (None, "untestable", "untestable"),
    ],
)
def test_claims_about_networks(
    make_run: Make,
    monkeypatch: pytest.MonkeyPatch,
    found: dict[str, Any] | None,
    one: Verdict,
    fewest: Verdict,
) -> None:
    monkeypatch.setattr(cards, "read_cards", lambda: (found,) if found else ())
    run = {"fingerprints": {"weights:score": "a" * 64}}
    assert find_verdict(make_run, "one-model-for-all-categories", run) == one
    assert find_verdict(make_run, "fewest-parameters", run) == fewest


def test_the_shipped_weights_bear_out_both(make_run: Make) -> None:
    (digest,) = [
        item["networks"]["score"]["sha256"]
        for item in cards.read_cards()
        if item["networks"].get("energy") and len(item["data"]["categories"]) == 6
    ][:1]
    run = {"fingerprints": {"weights:score": digest}}
    assert find_verdict(make_run, "one-model-for-all-categories", run) == "holds"
    assert find_verdict(make_run, "fewest-parameters", run) == "holds"


@pytest.mark.parametrize(
    ("speed", "verdict"), [(30.0, "holds"), (5.0, "fails"), (None, "untestable")]
)
def test_claim_about_tracking_speed(make_run: Make, speed: float | None, verdict: Verdict) -> None:
    environment = {"processor": "a processor", "cores": 2} | (
        {} if speed is None else {"frames_per_second": speed}
    )
    run = {"configuration": {"hypotheses": 10, "tracking": {}}, "environment": environment}
    assert find_verdict(make_run, "tracks-in-real-time", run) == verdict


@pytest.mark.parametrize(
    ("degree", "above", "scores"),
    [
        (SAME, "holds", "holds"),
        (POOR, "fails", "fails"),
        (in_first_scene(from_place(lambda _: 60.0)), "untestable", "untestable"),
    ],
)
def test_claims_about_real275(make_run: Make, degree: Any, above: Verdict, scores: Verdict) -> None:
    run = {"dataset": "nocs", "degree": degree, "hypotheses": 2, "scenes": 6}
    assert find_verdict(make_run, "real275-above-50-and-60", run) == above
    assert find_verdict(make_run, "real275-scores-reproduce", run) == scores


def test_other_data_say_nothing_about_real275(make_run: Make) -> None:
    assert find_verdict(make_run, "real275-above-50-and-60", exact()) == "untestable"


def test_sorted_hypotheses_leave_the_first_open(make_run: Make) -> None:
    run = {"hypotheses": 50, "degree": noise(25.0), "energy": random, "draw_order": False}
    assert find_verdict(make_run, "fifty-beat-ten", run) == "untestable"


def test_runs_that_stopped_early_are_left_out(make_run: Make) -> None:
    run = {"configuration": {"hypotheses": 50, "limit": 3}, "degree": noise(12.0), "hypotheses": 50}
    assert find_verdict(make_run, "pooling-beats-one-sample", run) == "untestable"


def test_runs_over_other_data_are_not_mixed(make_run: Make) -> None:
    runs = [
        make_run("a", hypotheses=50),
        make_run("b", hypotheses=50, fingerprints={"labels": "other"}),
        make_run("c", hypotheses=10),
    ]
    (claim,) = [item for item in CLAIMS if item.id == "pooling-beats-one-sample"]
    findings = [item for item in check_claims(runs, claims=[claim], rounds=20) if item.evidence]
    groups = {item.evidence.runs for item in findings if item.evidence and item.evidence.runs}
    assert groups == {("a",), ("b",)}
    assert len({item.data for item in findings}) == 3
