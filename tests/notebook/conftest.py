"""The fixtures and the hook of `lab.py`, for every test in this folder."""

from __future__ import annotations

from tests.notebook.lab import browser_thread, lab, pytest_pyfunc_call

__all__ = ["browser_thread", "lab", "pytest_pyfunc_call"]
