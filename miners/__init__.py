"""Miners: one folder a task (``inference``), the same file set in each. They never import
validators."""
