"""genbench.log: what a long command said and why it ended, for whoever looks days later."""

import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import GenBenchError
from benchmark.texts import to_line

LOG_NAME = "genbench.log"
MOST_BYTES = 1_000_000
KEPT_LOGS = 3
"""Full logs that are kept as genbench.log.1 to .3; older ones go."""

_logger = logging.getLogger("genbench")
_logger.propagate = False
_logger.setLevel(logging.INFO)


def note(message: str) -> None:
    """Write one line into the log, if there is one."""
    if _logger.handlers:
        _logger.info(to_line(message))


@contextmanager
def logging_into(folder: Path) -> Iterator[None]:
    """Keep a log in `folder`, made if need be, while the block runs.

    It begins with the command and ends with what became of it; of an error that is not the user's,
    it holds the traceback. It never takes more than 4 MB, and no failure to write it (a full disk)
    stops the work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = _open_log(folder / LOG_NAME)
    _logger.addHandler(handler)
    try:
        note(f"begins: {shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
        yield
        note("done")
    except BaseException as error:
        unexpected = isinstance(error, Exception) and not isinstance(error, GenBenchError | OSError)
        reason = f"stopped by {type(error).__name__}: {to_line(error)}"
        _logger.error(reason, exc_info=unexpected)
        raise
    finally:
        _logger.removeHandler(handler)
        handler.close()


def _open_log(path: Path) -> logging.Handler:
    from logging.handlers import RotatingFileHandler

    class Handler(RotatingFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
            """Go on without the log."""

    handler = Handler(
        path,
        maxBytes=MOST_BYTES,
        backupCount=KEPT_LOGS,
        encoding="utf-8",
        errors="backslashreplace",
        delay=True,
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(message)s"))
    return handler
