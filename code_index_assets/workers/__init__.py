"""Runs jobs of the code location: in this process."""
