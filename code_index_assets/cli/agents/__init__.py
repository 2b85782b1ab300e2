"""Telling coding agents of the index: which files each client reads, and edits that keep all else in them."""
