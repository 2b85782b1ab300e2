(function_definition name: (symbol) @name) @definition.function
(macro_definition name: (symbol) @name) @definition.macro
((special_form . ["defvar" "defconst"] . (symbol) @name) @definition.variable)
((list . (symbol) @_k . (symbol) @name) @definition.variable (#any-of? @_k "defcustom" "defvar-local" "defface" "defgroup"))
((list . (symbol) @_k . (symbol) @name) @definition.function (#any-of? @_k "cl-defun" "cl-defmethod" "cl-defgeneric" "define-minor-mode" "define-derived-mode" "defalias" "define-inline"))
((list . (symbol) @_k . (symbol) @name) @definition.macro (#any-of? @_k "cl-defmacro"))
((list . (symbol) @_k . [(symbol) @name (list . (symbol) @name)]) @definition.struct (#any-of? @_k "cl-defstruct" "defclass"))
((list . (symbol) @_k . (symbol) @name) @definition.test (#any-of? @_k "ert-deftest"))
((list . (symbol) @_k . (quote (symbol) @import.module)) @import (#any-of? @_k "require"))
(comment) @comment
(string) @mask
