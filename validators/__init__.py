"""Validators: the mirror image of miners, folder by folder (``inference``). They never import
miners."""
