"""The exact index: which files may have a text, and the texts themselves.

A bucket of files has two parts: `texts` (the text of each kept file, secrets removed, compressed) and `trigrams` (which
files have which three bytes). Both are made where chunks are made, are named parts of a publication
(`quality/parts.py`), and are read by `search/exact.py`.
"""
