"""The SQL models of the catalogue: staging, intermediate, marts. Data, no code."""
