"""Attacks, damage and long runs: what must hold, measured. Each module is a program of its own."""
