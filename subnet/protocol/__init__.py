"""The messages and constants of each task (``inference``), shared by its two halves."""
