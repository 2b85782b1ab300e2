"""Where code comes from: the registry, git mirrors, plain folders; which files are kept; which secrets are removed."""
