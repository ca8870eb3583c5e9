"""Values of other rooms that a notebook shows with fields and buttons.

Their own rooms know nothing of widgets, and elsewhere they show themselves as HTML or text.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["register"]

LIVE_RUN = ("streamkit.streaming.live_run", "LiveRun")
CATALOG = ("streamkit.events.cataloguing.entries", "Catalog")


def register() -> None:
    """Tell a running Jupyter kernel how to show them; elsewhere nothing is done."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and hasattr(shell, "kernel"):
        shown = shell.display_formatter.ipython_display_formatter
        shown.for_type_by_name(*CATALOG, _show_catalog)
        shown.for_type_by_name(*LIVE_RUN, _show_live_run)


def _show_catalog(catalog: Any) -> None:
    from streamkit.notebook.catalogue_browser import CatalogBrowser

    CatalogBrowser(catalog).show()


def _show_live_run(run: Any) -> None:
    from streamkit.notebook.monitors import watch_live

    watch_live(run).show()
