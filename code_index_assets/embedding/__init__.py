"""Chunk texts to vectors: the embedder interface, the models behind it, the vector cache."""
