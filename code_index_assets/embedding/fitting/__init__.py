"""Fitting a static table to a transformer's vectors of real code, and to what people say about code."""
