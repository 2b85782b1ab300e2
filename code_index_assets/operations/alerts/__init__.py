"""Alerts: what is wrong with a data folder now, and telling people once."""
