"""Miners: one folder a task, the same file set in each. They never import validators."""
