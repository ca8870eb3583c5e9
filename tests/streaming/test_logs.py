"""What the command line logs, and that the library sets up nothing."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from streamkit.streaming.logs import Format, formatter


def record(message: str, *arguments: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("streamkit.streaming", logging.INFO, "", 0, message, arguments, None)
    vars(made).update(fields, created=1.5)
    return made


def test_json_is_one_object_a_line():
    """With the fields beside the message, whatever they are; line ends cannot forge a record."""
    made = record("%d events\nof", 3, streams=["a", "b"], place=object, text='"é"')
    line = formatter("json").format(made)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:01.500000Z",
        "level": "INFO",
        "logger": "streamkit.streaming",
        "message": "3 events\nof",
        "streams": ["a", "b"],
        "place": "<class 'object'>",
        "text": '"é"',
    }


def test_text_is_one_line():
    """Time, level, message, fields."""
    line = formatter("text").format(record("%d events\nof", 3, batch=7, text="a\rb"))
    assert line == "1970-01-01T00:00:01.500000Z INFO 3 events\\nof batch=7 text=a\\rb"


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_comes_with_its_traceback(form: Format):
    """Else nobody could mend it."""
    made = record("ended")
    try:
        raise ValueError("for this reason")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert "ValueError: for this reason" in formatter(form).format(made)


SCRIPT = """
import logging
from streamkit.streaming import logs
logs.configure({form!r})
log = logging.getLogger("streamkit.streaming")
log.info("heard", extra={{"number": 1}})
log.debug("not heard")
logging.getLogger("httpx").info("https://example.org/?key=secret")
logging.getLogger("other").warning("heard too")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_line_hears_streamkit_and_warnings_of_others(form: Format):
    """Others write whole URLs, with what is secret in them, below that."""
    script = SCRIPT.format(form=form)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert done.stdout == ""
    assert len(lines) == 2
    assert "heard" in lines[0]
    assert "heard too" in lines[1]
    if form == "json":
        assert json.loads(lines[0])["number"] == 1


def test_the_library_sets_up_nothing():
    """Importing every room for live work adds no handler and sets no level."""
    script = """
import logging, pkgutil, importlib, streamkit.streaming as room
for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(f"streamkit.streaming.{module.name}")
known = [logging.root, *(logging.getLogger(n) for n in logging.root.manager.loggerDict if n.startswith("streamkit"))]
assert all(not each.handlers and each.level in (0, 30) for each in known), known
"""
    subprocess.run([sys.executable, "-c", script], check=True)
