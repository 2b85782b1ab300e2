"""Text to chunks and symbols: grammars, queries, the splitter. Knows nothing of repositories or storage."""
