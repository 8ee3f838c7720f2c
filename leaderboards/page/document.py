"""One HTML file out of the page's data, scripts and style: nothing in it comes from elsewhere.

Text from files reaches the page as JSON only, in which every character that could end a script or
begin a tag is escaped; the scripts put it on the page as text, never as markup. A policy in the
page's head lets no other script run and no request leave, should either be wrong.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from benchmark.replacing import replacing

SCRIPTS = (
    "dom.js",
    "state.js",
    "leaderboard.js",
    "heatmap.js",
    "charts.js",
    "plots.js",
    "figures.js",
    "cloud.js",
    "failures.js",
    "details.js",
    "sections.js",
    "main.js",
)
"""In the order in which they run."""

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def write_document(path: Path, blocks: Mapping[str, Any]) -> None:
    """Write the HTML file; see `build_document`."""
    with replacing(path) as temporary:
        temporary.write_text(build_document(blocks), encoding="utf-8")


def build_document(blocks: Mapping[str, Any]) -> str:
    """Return the HTML file.

    Args:
        blocks: plain values by name, each of which an element `data-<name>` holds as JSON. The
            scripts read a block when they need it.
    """
    style = read_asset("page.css")
    script = "\n".join(read_asset(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; "
        f"style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    )
    data = "\n".join(embed_json(name, value) for name, value in blocks.items())
    return Template(read_asset("template.html")).substitute(
        policy=policy, style=style, script=script, data=data
    )


def embed_json(name: str, value: Any) -> str:
    """Return an element that holds a value as JSON, which nothing in the value can leave."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return f'<script type="application/json" id="data-{name}">{text}</script>'


def read_asset(name: str) -> str:
    """Return a file that the page is made of."""
    return resources.files("leaderboards.page").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
