"""Embeddings bought over HTTP: Voyage and servers that speak the OpenAI protocol; pacing, retries, budget."""
