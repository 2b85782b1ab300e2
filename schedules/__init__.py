"""Jobs, the nightly schedule and the sensors."""
