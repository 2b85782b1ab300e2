"""Finds what is damaged in a data folder."""
