"""The one place that sets up a process's log: lines on standard error, as `time level process message`.

One record is one line, whatever a stranger put into a value; a traceback (a fault of ours) keeps its lines.
"""

import logging
import sys
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")


class _OneLine(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, _: str | None = None) -> str:  # noqa: N802 - logging's
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        record.message = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in record.message)
        return super().formatMessage(record)


def set_up(process: str, level: str) -> None:
    """`process` names the writer in each line. Libraries are never heard below warnings: they log whole
    requests.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(f"%(asctime)s %(levelname)s {process} %(message)s"))
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, number), force=True)
    logging.getLogger("proxy").setLevel(number)
