"""One-file tasks to copy: `assay up --task examples/reverse.py`."""
