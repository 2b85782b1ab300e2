"""SCIP, the format in which compilers' indexers write who defines and who uses what: read, written, and compared."""
