"""How large a synth6 tree is, which models it has, and which of them each scene shows."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.errors import UnknownNameError
from preprocess.frames import PARTS, Part
from preprocess.labels import MUG
from preprocess.synthetic.models import MODEL_SPLITS, ModelSplit

Size = Literal["tiny", "small", "full"]
ModelKey = tuple[int, int]
"""Class id (0 for a distractor) and number of a model within its split."""

_FEWEST_OBJECTS, _MOST_OBJECTS, _MOST_DISTRACTORS = 3, 7, 2
_DISTRACTOR_MODELS = 40


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """Size of one of the four parts.

    Attributes:
        scenes: folders; in CAMERA a folder is only a bundle of frames.
        frames: frames in each folder; in Real they are one moving-camera sequence.
        models: instances of each category.
    """

    scenes: int
    frames: int
    models: int


@dataclass(frozen=True, kw_only=True)
class TreePlan:
    """Size of a whole tree.

    Attributes:
        parts: by the part's name ("CAMERA/val"); parts that are not there are not rendered.
        training_objects: single objects rendered straight into training shards.
    """

    parts: dict[str, PartPlan]
    training_objects: int = 0


PLANS: dict[Size, TreePlan] = {
    "tiny": TreePlan(
        parts={
            "CAMERA/train": PartPlan(scenes=4, frames=10, models=5),
            "CAMERA/val": PartPlan(scenes=3, frames=10, models=5),
            "Real/train": PartPlan(scenes=2, frames=10, models=3),
            "Real/test": PartPlan(scenes=6, frames=10, models=5),
        }
    ),
    "small": TreePlan(
        parts={
            "CAMERA/train": PartPlan(scenes=6, frames=10, models=10),
            "CAMERA/val": PartPlan(scenes=10, frames=10, models=20),
            "Real/train": PartPlan(scenes=2, frames=20, models=3),
            "Real/test": PartPlan(scenes=10, frames=30, models=12),
        }
    ),
    "full": TreePlan(
        parts={
            "CAMERA/train": PartPlan(scenes=6, frames=10, models=10),
            "CAMERA/val": PartPlan(scenes=100, frames=10, models=60),
            "Real/train": PartPlan(scenes=2, frames=20, models=3),
            "Real/test": PartPlan(scenes=30, frames=100, models=40),
        },
        training_objects=60_000,
    ),
}


def get_plan(size: str) -> TreePlan:
    """Return the plan of a named size.

    Raises:
        UnknownNameError: no such size.
    """
    for name, plan in PLANS.items():
        if name == size:
            return plan
    raise UnknownNameError.suggest("size", size, list(PLANS))


def get_model_split(part: Part) -> ModelSplit:
    """Return the random stream of models that a part draws from."""
    return MODEL_SPLITS[PARTS.index(part)]


def draw_casts(
    count: int, models: dict[int, int], rng: np.random.Generator, *, one_mug: bool = False
) -> list[tuple[ModelKey, ...]]:
    """Draw which models stand in each of `count` scenes, in random order.

    Categories and their models are dealt like cards, so that each comes up equally often.

    Args:
        count: number of scenes.
        models: number of models of every class id that there is.
        rng: random stream.
        one_mug: at most one mug a scene, as `mug_handle.pkl` has one flag a frame.
    """
    categories = _Deck(sorted(models), rng)
    instances = {category: _Deck(list(range(models[category])), rng) for category in models}
    casts = []
    for _ in range(count):
        hand = [categories.draw() for _ in range(rng.integers(_FEWEST_OBJECTS, _MOST_OBJECTS + 1))]
        if one_mug and MUG in hand:
            hand = [*(category for category in hand if category != MUG), MUG]
        cast: list[ModelKey] = []
        for category in hand:
            shown = {index for other, index in cast if other == category}
            if len(shown) < models[category]:  # never the same model twice in a scene
                cast.append((category, instances[category].draw(avoid=shown)))
        distractors = rng.choice(_DISTRACTOR_MODELS, rng.integers(_MOST_DISTRACTORS + 1), False)
        cast += [(0, int(index)) for index in distractors]
        casts.append(tuple(cast[index] for index in rng.permutation(len(cast))))
    return casts


class _Deck:
    """Cards that are all dealt, in random order, before any is dealt again."""

    def __init__(self, cards: list[int], rng: np.random.Generator) -> None:
        self._cards, self._rng = cards, rng
        self._left: list[int] = []

    def draw(self, avoid: Collection[int] = ()) -> int:
        """Deal the next card that is not among `avoid`; some card must be left to deal."""
        while True:
            if not self._left:
                self._left = [self._cards[i] for i in self._rng.permutation(len(self._cards))]
            card = self._left.pop()
            if card not in avoid:
                return card


def count_models(plan: PartPlan) -> dict[int, int]:
    """Return how many models a part has of every category."""
    return {category.id: plan.models for category in CATEGORIES}
