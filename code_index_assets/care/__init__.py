"""Care: finding what is damaged of a data folder, and repairing it."""
