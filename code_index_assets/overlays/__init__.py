"""Answers for trees that are not published: working trees, and any commit, as layers over what is."""
