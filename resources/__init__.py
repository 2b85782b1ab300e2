"""Dagster resources: thin adapters that build the objects of the rooms."""
