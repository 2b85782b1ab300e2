"""One run of the chain, from a commit to a publication: one module a step, in the order they run."""
