"""Code Index: repositories become gated, published, searchable indexes.

The package is a set of rooms. Data flows one way (sources → chunking → embedding → quality → index; search reads
index); only `assets/`, `resources/` and `schedules/` know Dagster. `docs/architecture.md` has the map.
"""

__version__ = "0.2.0"
