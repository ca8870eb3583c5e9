"""Notebook: views over values that can be printed, stored and run again."""
