"""Clients that others wrote, unmodified, beside a real run; what they say equals raw storage."""
