"""How long the builder takes to answer a key, in a real browser; `make bench` prints it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.conftest import ROOT
from tests.notebook.lab import CHROMIUM, Lab, running_lab

__all__ = ["builder_figures"]

KEYS = "150.25"
"""Typed into the criterion's value; each key makes another stream."""
CELL = f"""
from streamkit import Builder, History
history = History({str(ROOT / "data" / "shop")!r}, {str(ROOT / "data" / "schema.yaml")!r})
builder = Builder(history, {str(ROOT / "data" / "streams" / "checkout-rescue.yaml")!r})
builder
"""
SENTENCE = ".jp-RenderedHTML [role=status]"
STATUS = "document.querySelector('.sk-preview [role=status]').textContent"


def builder_figures() -> dict[str, float]:
    """Milliseconds from a key press to the page, on the shipped history of 320,000 rows.

    Returns:
        `key_to_sentence`: until the sentence has changed, the median of the keys;
        `key_to_slowest_sentence`: the slowest of them; `key_to_preview`: from the last key until
        the answer of the whole history stands there, the pause of 400 ms before it included.
        Empty where there is no Chromium.
    """
    if CHROMIUM is None:
        return {}
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab:
        return _figures(lab)


def _figures(lab: Lab) -> dict[str, float]:
    with lab.notebook([CELL]) as notebook:
        notebook.run()
        page = notebook.page
        page.locator(".sk-preview").get_by_text("Matches over time").wait_for(timeout=120_000)
        value = page.locator(".sk-builder").get_by_label("Step 1: Value", exact=True)
        value.click()
        value.press("Control+a")
        sentences = [_press(page, key, SENTENCE) for key in KEYS]
        began = page.evaluate("performance.now()")
        page.wait_for_function(
            f"() => /the whole history/.test({STATUS}) && !/Reading|last complete/.test({STATUS})",
            polling=5,
        )
        preview = page.evaluate("performance.now()") - began + sentences[-1]
    return {
        "key_to_sentence": median(sentences),
        "key_to_slowest_sentence": max(sentences),
        "key_to_preview": preview,
    }


def _press(page: Any, key: str, selector: str) -> float:
    """Press a key; milliseconds until a part of the page has changed."""
    read = f"[...document.querySelectorAll({selector!r})].map(e => e.textContent).join()"
    page.evaluate(f"window.before = {read}")
    page.evaluate(
        f"""() => {{ window.took = new Promise(resolve => {{
            addEventListener('keydown', () => {{
                const began = performance.now();
                const look = () => {read} !== window.before
                    ? resolve(performance.now() - began) : setTimeout(look, 1);
                look();
            }}, {{once: true, capture: true}}); }}); }}"""
    )
    page.keyboard.press(key)
    return float(page.evaluate("window.took"))


if __name__ == "__main__":
    print(builder_figures())  # noqa: T201 # a script that prints
