"""The code graph: what names refer to, with grade and evidence."""
