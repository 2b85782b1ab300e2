"""Rules of languages: one module a family."""
