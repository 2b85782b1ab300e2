"""The gate: profiles, Great Expectations suites, verdicts and the permits the publisher asks for."""
