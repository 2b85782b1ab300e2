"""The web pages, rendered here."""
