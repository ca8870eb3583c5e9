"""What the command line does with log records; the library itself only writes them.

Everything here logs to `streamkit.streaming`, with fields of its own in `extra`. What is in an
event is never logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from streamkit.times import format_time, from_microseconds

__all__ = ["configure", "formatter"]

Format = Literal["text", "json"]


def configure(format: Format = "text", level: int = logging.INFO) -> None:  # noqa: A002 # as the option is called
    """Let log records go to standard error.

    For the command line only: a library's user decides for himself. Other libraries are heard
    from warnings on; some write whole URLs at lower levels.

    Args:
        format: `text` for people, `json` for one object a line.
        level: What is heard of streamkit.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(format))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("streamkit").setLevel(level)


def formatter(format: Format) -> logging.Formatter:  # noqa: A002 # as the option is called
    """How a record is written: as a line for people, or as a JSON object.

    Args:
        format: `text` or `json`.

    Example:
        >>> record = logging.makeLogRecord(
        ...     {"name": "streamkit.streaming", "msg": "listening", "levelname": "INFO",
        ...      "created": 0, "address": "127.0.0.1:80"})
        >>> print(formatter("text").format(record))
        1970-01-01T00:00:00Z INFO listening address=127.0.0.1:80
        >>> print(formatter("json").format(record))
        {"time": "1970-01-01T00:00:00Z", "level": "INFO", "logger": "streamkit.streaming", \
"message": "listening", "address": "127.0.0.1:80"}
    """
    return _Json() if format == "json" else _Text()


def _time(record: logging.LogRecord) -> str:
    return format_time(from_microseconds(round(record.created * 1000) * 1000))


class _Text(logging.Formatter):
    """Time, level, message, and the fields as `name=value`; always one line but for tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value
            for name, value in vars(record).items()
            if name not in RESERVED_ATTRS and not name.startswith("_")
        }
        parts = [_time(record), record.levelname, record.getMessage()]
        parts += [f"{name}={value}" for name, value in fields.items()]
        line = " ".join(parts).replace("\r", "\\r").replace("\n", "\\n")
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _Json(JsonFormatter):
    """One object a line, with the fields beside the message."""

    def __init__(self) -> None:
        super().__init__(
            ["time", "levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            json_ensure_ascii=False,
            json_default=str,
        )

    def format(self, record: logging.LogRecord) -> str:
        record.time = _time(record)
        return super().format(record)
