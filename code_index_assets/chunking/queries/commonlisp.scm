((defun (defun_header keyword: (_) @_k function_name: [(sym_lit) @name (list_lit (sym_lit) (sym_lit) @name)])) @definition.macro (#any-of? @_k "defmacro" "DEFMACRO"))
((defun (defun_header keyword: (_) @_k function_name: [(sym_lit) @name (list_lit (sym_lit) (sym_lit) @name)])) @definition.method (#any-of? @_k "defmethod" "DEFMETHOD"))
(defun (defun_header function_name: [(sym_lit) @name (list_lit (sym_lit) (sym_lit) @name)])) @definition.function
((list_lit . (sym_lit) @_k . [(sym_lit) @name (list_lit . (sym_lit) @name)]) @definition.struct (#any-of? @_k "defstruct" "DEFSTRUCT"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.class (#any-of? @_k "defclass" "define-condition" "DEFCLASS" "DEFINE-CONDITION"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.constant (#any-of? @_k "defconstant" "DEFCONSTANT"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.variable (#any-of? @_k "defvar" "defparameter" "DEFVAR" "DEFPARAMETER" "defglobal"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.type (#any-of? @_k "deftype" "DEFTYPE"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.macro (#any-of? @_k "define-compiler-macro" "define-symbol-macro" "define-setf-expander" "define-modify-macro"))
((list_lit . (sym_lit) @_k . (sym_lit) @name) @definition.test (#any-of? @_k "deftest" "define-test" "def-test"))
((list_lit . (sym_lit) @_k . [(kwd_lit (kwd_symbol) @name) (sym_lit) @name (str_lit) @name]) @definition.package (#any-of? @_k "defpackage" "DEFPACKAGE" "define-package"))
[(comment) (block_comment)] @comment
(str_lit) @mask
