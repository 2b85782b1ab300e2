; The grammar knows commands of words and blocks: what a first word makes of them is read in languages/groovy.py.
(command [(unit (identifier) @_k) (decorate)] [(unit (identifier) @name) (block . (unit (identifier) @name))]) @definition.declared
(command (block . (unit . (func . (identifier) @name) .))) @definition.declared
[(comment) (groovy_doc)] @comment
(string) @mask
