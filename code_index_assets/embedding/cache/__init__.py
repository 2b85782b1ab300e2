"""The vector cache: computed vectors by the hash of their text, shared by all repositories of a space."""
