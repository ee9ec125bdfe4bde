"""Tests of the oracles themselves."""
