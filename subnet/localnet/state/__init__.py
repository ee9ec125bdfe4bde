"""State: the trie and its root, the overlay that a runtime call writes to, the store on disk."""
