"""JSON schemas of types that HTTP and MCP share."""

from __future__ import annotations

from pydantic import WithJsonSchema

from ..search.outcome import SearchOutcome


def one_of(*outcomes: SearchOutcome) -> WithJsonSchema:
    """The schema of a field that holds one of these outcomes: written out, as clients without references need it."""
    return WithJsonSchema({"type": "string", "enum": [str(outcome) for outcome in outcomes]})


ANY_OUTCOME = one_of(*SearchOutcome)
OF_DEFINITIONS = one_of(SearchOutcome.FOUND, SearchOutcome.NO_MATCH, SearchOutcome.INCOMPLETE)
OF_REFERENCES = one_of(SearchOutcome.FOUND, SearchOutcome.NO_MATCH)
