"""The outputs in README and docs, made by running their commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "streamkit" / "docs").glob("*.md")))
BLOCK = re.compile(r"```text\n\$ (streamkit [^\n]*)\n(.*?)```\n", re.DOTALL)
TIMES = re.compile(r"in \d+\.\d s;")


def output(command: str) -> str:
    """What a command prints, with the time it took left open."""
    words = [sys.executable, "-m", "streamkit", *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return TIMES.sub("in 0.5 s;", done.stdout)


def renewed(text: str) -> str:
    """A page with the real output of its commands."""
    return BLOCK.sub(lambda found: f"```text\n$ {found[1]}\n{output(found[1])}```\n", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(renewed(page.read_text()))
