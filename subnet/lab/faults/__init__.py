"""Honest miners on a bad day. Each fault is one file (``slow``) and works for every task."""

from assay.lab.faults.slow import wrap_slow

__all__ = ["wrap_slow"]
