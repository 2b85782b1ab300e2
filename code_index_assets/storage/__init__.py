"""The data folder: where everything lies, immutable artifacts, fingerprints, locks."""
