"""Validators: the mirror image of miners. They never import miners."""
