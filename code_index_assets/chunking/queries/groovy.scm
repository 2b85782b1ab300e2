; The grammar knows commands of words and blocks: what a first word makes of them is read in languages/groovy.py.
(command [(unit (identifier) @_k) (decorate)] [(unit (identifier) @name) (block . (unit (identifier) @name))]) @definition.declared
(command (block . (unit . (func . (identifier) @name) .))) @definition.declared
((command (unit (identifier) @_k) (block . (unit) (_ (unit . (identifier) @name .) @definition.enum_member))) (#eq? @_k "enum"))
[(line_comment) (block_comment)] @comment
(string) @mask
