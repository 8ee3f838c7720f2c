"""The six NOCS categories, their symmetries, and the intrinsics of the two NOCS cameras."""

from dataclasses import dataclass
from typing import Literal

from benchmark.errors import UnknownNameError

Symmetry = Literal["none", "axis", "axis_if_handle_hidden"]


@dataclass(frozen=True, kw_only=True)
class Category:
    """One NOCS category.

    Attributes:
        id: class id in every NOCS file, 1 to 6 (0 is background or a distractor).
        name: lower-case name.
        synset: ShapeNet synset, the folder under `obj_models/` of CAMERA.
        symmetry: "axis" where any turn about the object's y axis is the same pose; for mugs only
            while the handle cannot be seen.
    """

    id: int
    name: str
    synset: str
    symmetry: Symmetry


CATEGORIES: tuple[Category, ...] = (
    Category(id=1, name="bottle", synset="02876657", symmetry="axis"),
    Category(id=2, name="bowl", synset="02880940", symmetry="axis"),
    Category(id=3, name="camera", synset="02942699", symmetry="none"),
    Category(id=4, name="can", synset="02946921", symmetry="axis"),
    Category(id=5, name="laptop", synset="03642806", symmetry="none"),
    Category(id=6, name="mug", synset="03797390", symmetry="axis_if_handle_hidden"),
)

CATEGORY_NAMES: tuple[str, ...] = tuple(category.name for category in CATEGORIES)


def get_category(name_or_id: str | int) -> Category:
    """Return the category with this name or class id.

    Raises:
        UnknownNameError: no such category; the message suggests the nearest name.
    """
    for category in CATEGORIES:
        if name_or_id in (category.name, category.id):
            return category
    raise UnknownNameError.suggest("category", str(name_or_id), list(CATEGORY_NAMES))


def is_symmetric(category_id: int, handle_visible: bool) -> bool:
    """Tell whether turning this object about its y axis leaves its pose the same."""
    symmetry = CATEGORIES[category_id - 1].symmetry
    return symmetry == "axis" or (symmetry == "axis_if_handle_hidden" and not handle_visible)


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """A pinhole camera without distortion, in pixels.

    Pixel (u, v) counts columns and rows from the upper left pixel's centre.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int = 640
    height: int = 480


CAMERA_INTRINSICS = Intrinsics(fx=577.5, fy=577.5, cx=319.5, cy=239.5)
REAL_INTRINSICS = Intrinsics(fx=591.0125, fy=590.16775, cx=322.525, cy=244.11084)
