((list . (symbol) @_k . (list . (symbol) @name)) @definition.function (#any-of? @_k "define" "define*" "define-public" "define/contract" "define/public" "define/private" "define/override" "define-inline"))
((list . (symbol) @_k . (list . (symbol) @name)) @definition.macro (#any-of? @_k "define-syntax-rule" "define-macro" "define-syntax"))
((list . (symbol) @_k . (symbol) @name . (list . (symbol) @_l)) @definition.function (#any-of? @_k "define" "define-public") (#any-of? @_l "lambda" "λ" "case-lambda"))
((list . (symbol) @_k . (symbol) @name) @definition.variable (#any-of? @_k "define" "define-public" "define-parameter"))
((list . (symbol) @_k . (symbol) @name) @definition.macro (#any-of? @_k "define-syntax" "define-macro"))
((list . (symbol) @_k . [(symbol) @name (list . (symbol) @name)]) @definition.struct (#any-of? @_k "define-record-type" "struct" "define-struct"))
((list . (symbol) @_k . (symbol) @name) @definition.class (#any-of? @_k "define-class" "class"))
((list . (symbol) @_k . (list . (symbol) @name)) @definition.function (#match? @_k "^define-") (#not-match? @_k "^define-(library|values|c-include)$"))
((list . (symbol) @_k . (symbol) @name) @definition.variable (#match? @_k "^define-") (#not-match? @_k "^define-(library|values)$"))
[(comment) (block_comment)] @comment
(string) @mask
