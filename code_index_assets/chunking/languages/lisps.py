"""Clojure, Common Lisp and the other Lisps."""

from __future__ import annotations

from ..facts import LanguageFacts, words
from ..references import LISP

WORDS = words("nil true false let let* if cond lambda progn begin quote define setf setq when unless do and or not")

LANGUAGES = {
    "clojure": LanguageFacts(separator="/", token=LISP, keywords=WORDS | words("defn def fn ns defmacro")),
    "commonlisp": LanguageFacts(token=LISP, keywords=WORDS | words("defun defmacro defvar defclass")),
    "elisp": LanguageFacts(token=LISP, keywords=WORDS),
    "scheme": LanguageFacts(token=LISP, keywords=WORDS),
    "racket": LanguageFacts(token=LISP, keywords=WORDS),
    "fennel": LanguageFacts(token=LISP, keywords=WORDS),
    "janet": LanguageFacts(token=LISP, keywords=WORDS),
}
