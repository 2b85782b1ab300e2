"""Backups of a data folder: making them beside everything that runs, checking them, restoring them."""
