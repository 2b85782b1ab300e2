"""What runs did, as far as searches and status pages may read it: run log, observations, failures."""
