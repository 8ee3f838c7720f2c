"""Text from strangers, made harmless for where it goes.

Frames, objects, methods, data sets and runs are named by whoever made the files, in any characters.
Such a name is written as it is into HDF5 and JSON. Anywhere else, where part of it would mean
something, it goes through one of these functions, which leave ordinary names alone.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

_FORMULA = re.compile(r"\s*[=+\-@]")
_MARKDOWN = re.compile(
    r"[\\`*|~$]"  # code, emphasis, the next cell, strike-through, formulas
    r"|<(?=[A-Za-z/!?])|&(?=#?\w+;)"  # tags and entities
    r"|(?<=\])(?=[(\[:])"  # links
    r"|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"  # emphasis, not the middle of a name
    r"|://|\bwww\."  # links without any mark
)
_MARKDOWN_ESCAPES = {"<": "&lt;", "&": "&amp;", "": "\\", "://": "&#58;//", "www.": "www&#46;"}
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.+-]+")
_MOST_SHOWN = 2000
_MOST_BYTES, _MOST_NAME, _MOST_PLACE = 120, 200, 1000


def to_file_name(text: str) -> str:
    """Return a name for a file or folder: one part of a path, whatever the text.

    Letters, digits and `._+-` are kept, anything else becomes a hyphen; it neither begins with a
    dot, nor is empty, nor longer than file systems allow.
    """
    name = _NOT_IN_FILE_NAMES.sub("-", text).encode("utf-8", "ignore")[:_MOST_BYTES]
    return name.decode("utf-8", "ignore").strip(".-") or "unnamed"


def is_file_name(text: str) -> bool:
    """Tell whether a text is one part of a path that leads nowhere else: no folder, no `..`."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return text not in ("", ".", "..") and not set(text) & {"/", "\\", "\0"} and size <= _MOST_NAME


def is_place_below(text: str) -> bool:
    """Tell whether a text is a path, parts by slashes, to something below where it starts."""
    return len(text) <= _MOST_PLACE and all(is_file_name(part) for part in text.split("/"))


def to_line(text: object) -> str:
    """Return text for a terminal or a log: one line, in which nothing controls the terminal.

    Control characters, escape sequences, line breaks and marks that turn the direction of writing
    are spelled out (`\\x1b`).
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(c if c.isprintable() else _spell(c) for c in plain)


def shorten(text: str, most: int = _MOST_SHOWN) -> str:
    """Return text with its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    return f"{text[: most - most // 5]} ... {text[5 - most // 5 :]}"


def _spell(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def to_lines(text: str) -> str:
    """Return text of several lines for a terminal; see `to_line`."""
    return "\n".join(to_line(line) for line in text.split("\n"))


def to_markdown(text: str) -> str:
    """Return text for a line or a table cell of Markdown, where it is no markup, link or tag."""
    return _MARKDOWN.sub(_escape_markdown, to_line(text))


def _escape_markdown(match: re.Match[str]) -> str:
    return _MARKDOWN_ESCAPES.get(match[0], f"\\{match[0]}")


def to_cell(text: str) -> str:
    """Return text for a cell of CSV that a spreadsheet takes for text, never for a formula.

    What would begin a formula (`=`, `+`, `-`, `@`) gets an apostrophe before it. Line breaks and
    control characters are spelled out as by `to_line`: readers of CSV differ about them.
    """
    line = to_line(text)
    return f"'{line}" if _FORMULA.match(line) else line


def to_cells(table: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return a table whose texts are cells of CSV; see `to_cell`. Numbers stay as they are."""
    texts = table.select_dtypes(exclude=["number", "bool"])
    return table.assign(**{str(name): column.map(_to_any_cell) for name, column in texts.items()})


def _to_any_cell(value: Any) -> Any:
    return to_cell(value) if isinstance(value, str) else value
