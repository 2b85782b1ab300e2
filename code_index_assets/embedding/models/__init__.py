"""The models that run on this machine: transformers, the static table, and the model of the tests."""
