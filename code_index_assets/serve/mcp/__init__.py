"""The MCP server: tools, their answers, and cutting them to a budget of tokens."""
