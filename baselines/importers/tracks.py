"""What the files of trackers share: one file per instance, and names that say its category."""

from baselines.importers.sources import Document
from benchmark.categories import CATEGORIES, CATEGORY_NAMES
from benchmark.errors import DataFormatError


def get_category(instance: str, document: Document) -> int:
    """Return the class id of a tracked instance, from its name or from the folders above its file.

    NOCS's real instances are called after their category ("mug_daniel_norm"). Folders are called
    after the category ("mug_rot") or after its class id ("temp_6", "6_mug_rot").

    Raises:
        DataFormatError: neither says a category.
    """
    for text in (instance, *reversed(document.folders)):
        parts = text.lower().split("_")
        named = [name for name in CATEGORY_NAMES if name in parts[:2]]
        if named:
            return CATEGORY_NAMES.index(named[0]) + 1
        if parts[0] == "temp" and parts[-1] in {str(category.id) for category in CATEGORIES}:
            return int(parts[-1])
    raise DataFormatError(
        f"{document.where}: neither the name nor a folder says a category "
        f"({', '.join(CATEGORY_NAMES)})"
    )
