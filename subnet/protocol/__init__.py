"""The messages and constants of each task, shared by its miners and its validators."""
