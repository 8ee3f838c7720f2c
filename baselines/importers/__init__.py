"""Result files of other projects, read into predictions and written back: see docs/formats.md."""

from baselines.importers.options import FORMS, ImportOptions
from baselines.importers.reading import read_foreign

__all__ = ["FORMS", "ImportOptions", "read_foreign"]
