"""Golden vectors and their readers."""
