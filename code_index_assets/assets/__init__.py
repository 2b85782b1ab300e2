"""The Dagster assets: load, call a room, write, attach metadata. No logic of their own."""
