"""Unit tests of the chain clients."""
