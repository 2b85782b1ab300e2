"""The search index: documents, lexical vectors, backends, publication, readers. Nothing is imported here on purpose:
readers must start without what only writers need."""
