"""Validators: the mirror image of miners, folder by folder (``inference``, ``training``). They
never import miners."""
