"""Parametric shape families of synth6: one module a category, and distractors."""

from collections.abc import Callable

import numpy as np

from preprocess.synthetic.shapes.bottles import make_bottle
from preprocess.synthetic.shapes.bowls import make_bowl
from preprocess.synthetic.shapes.cameras import make_camera
from preprocess.synthetic.shapes.cans import make_can
from preprocess.synthetic.shapes.distractors import make_distractor
from preprocess.synthetic.shapes.laptops import make_laptop
from preprocess.synthetic.shapes.mesh import Mesh
from preprocess.synthetic.shapes.mugs import make_mug

_FAMILIES: dict[int, Callable[[np.random.Generator], Mesh]] = {
    0: make_distractor,
    1: make_bottle,
    2: make_bowl,
    3: make_camera,
    4: make_can,
    5: make_laptop,
    6: make_mug,
}


def make_shape(category: int, rng: np.random.Generator) -> Mesh:
    """Draw a shape of class id 1 to 6, or a distractor (0), in its NOCS frame, metres."""
    return _FAMILIES[category](rng)
