"""What hostile or broken input does: attacks that take too long for tests, with figures."""
