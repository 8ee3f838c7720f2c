"""Writing predictions in the forms that other projects read: P1, P4, CSV and JSON."""

from pathlib import Path

from baselines.importers.export_nocs import write_genpose_file, write_nocs_folder
from baselines.importers.export_tables import write_csv, write_json
from benchmark.errors import UnknownNameError
from benchmark.predictions import Predictions

EXPORTS = {
    "p1": "folder with a NOCS-style pickle per image",
    "p4": "GenPose pickle with hypotheses and energies",
    "csv": "one row per detection",
    "json": "one entry per detection, with hypotheses",
}
_WRITERS = {"p1": write_nocs_folder, "p4": write_genpose_file, "csv": write_csv, "json": write_json}
_NAMES = {"p1": "p1", "p4": "results_with_energy.pkl", "csv": "poses.csv", "json": "poses.json"}


def get_export_name(form: str) -> str:
    """Return the usual name of the file or folder of a form.

    Raises:
        UnknownNameError: no such form.
    """
    if form not in EXPORTS:
        raise UnknownNameError.suggest("export format", form, list(EXPORTS))
    return _NAMES[form]


def write_foreign(path: Path, predictions: Predictions, form: str) -> None:
    """Write predictions to `path`, a folder for "p1" and a file otherwise.

    What was imported from P1 or P4 and goes back to the same form gets the very types, keys and
    values that it had; masks and point clouds excepted.

    Raises:
        UnknownNameError: no such form.
        ConfigError: the form cannot hold these predictions.
    """
    get_export_name(form)
    _WRITERS[form](path, predictions)
