"""The command line, `code-index`: one module a group of commands."""
