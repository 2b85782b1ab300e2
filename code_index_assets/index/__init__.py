"""The search index: documents, the embedded and the server backend, publications, roll-back."""
