"""The errors a user of genbench can meet.

Every message names what was wrong, where, what was expected, what was found, and what to do. The
command line prints it as one line and exits with 2; see `benchmark.cli.main`.
"""

from benchmark.texts import shorten, to_line


class GenBenchError(Exception):
    """Base of every error that the user, or a file from outside, has caused.

    Messages quote names and values of files. As text they are one line of bearable length, in which
    nothing controls a terminal.
    """

    def __str__(self) -> str:
        return shorten(to_line(" ".join(super().__str__().split())))


class ConfigError(GenBenchError, ValueError):
    """An option or configuration value that cannot be used."""


class DataFormatError(GenBenchError, ValueError):
    """A file from outside (frame, annotation, detection, mesh) that is not what it should be."""


class ShardFormatError(GenBenchError, ValueError):
    """A shard or predictions file that is truncated, altered, of another schema or not ours."""


class InvalidPoseError(GenBenchError, ValueError):
    """A matrix that is not a pose: wrong shape, not finite, reflected or singular."""


class LeakageError(GenBenchError):
    """Weights were trained on what they are to be tested on."""


class ComparisonError(GenBenchError):
    """A comparison that ran and came out different; the command line exits with 3."""


class PluginLoadError(GenBenchError, ImportError):
    """A registered estimator whose package cannot be imported or breaks the contract."""


class UnknownNameError(GenBenchError, LookupError):
    """A name (category, estimator, protocol, data set) that is not registered."""

    @classmethod
    def suggest(cls, kind: str, name: str, known: list[str]) -> "UnknownNameError":
        """Build the message for `name`, with the nearest known names first.

        Args:
            kind: what the name should be, in the singular ("category").
            name: what the user wrote.
            known: every valid name.
        """
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return cls(f"unknown {kind} '{name}': {hint}known are {', '.join(sorted(known))}")
