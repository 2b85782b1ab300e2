"""Engines that hold the points of an index, behind one interface: Qdrant Edge here, a Qdrant server."""
