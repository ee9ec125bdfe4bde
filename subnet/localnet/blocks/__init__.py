"""Blocks: what one is, how the first is made, how the next is built, how one is checked."""
