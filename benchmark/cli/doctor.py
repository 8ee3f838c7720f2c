"""genbench doctor: audit a data folder before hours of work."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.console import print_json, show

if TYPE_CHECKING:
    from preprocess.doctor import Audit
    from preprocess.survey import PartSurvey


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--detections",
    type=click.Path(path_type=Path),
    help="Folder of detections; looked for in and beside DATA if not given.",
)
@click.option(
    "--labels",
    is_flag=True,
    help="On synth6: derive training labels and compare them with the renderer's truth.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON.")
def doctor(data: Path, detections: Path | None, labels: bool, as_json: bool) -> None:
    """Say what is in DATA, a NOCS-format folder or your own frames, and what is missing.

    Reads file names, and decodes a few images of each part. Ends with 2 if nothing can be used.
    """
    from benchmark.errors import DataFormatError
    from preprocess.doctor import audit

    if labels:
        report_labels(data, as_json)
        return
    found = audit(data, detections)
    if as_json:
        print_json(asdict(found) | {"usable": found.usable})
    else:
        for line in format_audit(found):
            show(line)
    if not found.usable:
        raise DataFormatError(f"{data}: not a single usable frame")


def report_labels(data: Path, as_json: bool) -> None:
    """Print the errors of derived training labels, by source and category."""
    from preprocess.label_audit import compare_labels, summarize_errors

    summary = summarize_errors(compare_labels(data))
    if as_json:
        print_json(summary.to_dict("records"))
    else:
        click.echo(summary.to_string(index=False, float_format="%.3f"))


def format_audit(found: "Audit") -> list[str]:
    """Return the audit for a person: what is there, then what is missing."""
    lines = [f"{found.root}: {'own data' if found.kind == 'own' else 'a NOCS tree'}"]
    lines += [_format_part(part) for part in found.parts]
    if found.detections:
        lines.append(f"  detections in {found.detections}")
    for finding in found.findings:
        lines += ["", finding.what, f"  blocks: {finding.blocks}", f"  remedy: {finding.remedy}"]
    return lines


def _format_part(part: "PartSurvey") -> str:
    line = f"  {part.name}: {part.usable} usable of {part.frames} frames in {part.scenes} scenes"
    if not part.name.endswith("/train"):
        line += f", {part.ground_truth} with ground truth, {part.detections} with detections"
    return f"{line}; {part.sampled - len(part.unreadable)} of {part.sampled} sampled ones are fine"
