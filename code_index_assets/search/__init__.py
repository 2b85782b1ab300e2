"""The query engine: lanes, fusion, ranking, filters. Reads what is published; imports no writer."""
