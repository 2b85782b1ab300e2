"""Clojure, Common Lisp and the other Lisps."""

from __future__ import annotations

from ..facts import LanguageFacts, words

LANGUAGES = {
    "clojure": LanguageFacts(separator="/", keywords=words("defn def let fn ns nil true false if do when cond")),
    "commonlisp": LanguageFacts(keywords=words("defun let nil if progn cond setf lambda")),
}
