"""The catalogue: artifacts and run log as DuckDB tables, and the SQL models built on them."""
