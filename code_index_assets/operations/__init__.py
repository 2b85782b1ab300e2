"""What operators do with a data folder: prune, retire, purge, examine and repair."""
