"""Miners: one folder a task (``inference``, ``training``), the same file set in each. They never
import validators."""
