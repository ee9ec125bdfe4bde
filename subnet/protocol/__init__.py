"""The messages and constants of each task (``inference``), shared by its two halves.

``client_receipts`` is what was signed for an answer that a client got, ``handing_on`` what of it
validators are shown.
"""
