"""Finding secrets in text, and masking them before anything is stored."""
