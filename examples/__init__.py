"""One-file tasks to copy: `assay up --task examples/reverse.py`.

``reverse`` is the smallest one, ``archive`` has two methods and follows the chain's blocks,
``countdown`` answers with a stream.
"""
