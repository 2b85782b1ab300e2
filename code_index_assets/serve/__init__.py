"""HTTP API, MCP, webhooks and the web page: thin shells over `search/`."""
