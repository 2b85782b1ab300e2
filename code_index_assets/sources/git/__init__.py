"""Git repositories as sources: mirrors, local clones, working trees with uncommitted changes."""
