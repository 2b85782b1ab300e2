((call target: (identifier) @_k (arguments . (alias) @name) (do_block)) @definition.impl (#eq? @_k "defimpl"))
((unary_operator operator: "@" operand: (call target: (identifier) @_k (arguments (binary_operator left: [(identifier) @name (call target: (identifier) @name)])))) @definition.type (#any-of? @_k "type" "typep" "opaque"))
((unary_operator operator: "@" operand: (call target: (identifier) @_k (arguments (binary_operator left: (call target: (identifier) @name))))) @definition.prototype (#any-of? @_k "callback" "macrocallback"))
((call target: (identifier) @_k (arguments . (alias) @name) (do_block)) @definition.module (#any-of? @_k "defmodule" "defprotocol"))
((call target: (identifier) @_k (arguments . [(identifier) @name (call target: (identifier) @name) (binary_operator left: (call target: (identifier) @name)) (binary_operator left: (identifier) @name)])) @definition.function (#any-of? @_k "def" "defp" "defdelegate" "defguard" "defguardp"))
((call target: (identifier) @_k (arguments . [(identifier) @name (call target: (identifier) @name) (binary_operator left: (call target: (identifier) @name))])) @definition.macro (#any-of? @_k "defmacro" "defmacrop"))
((call target: (identifier) @_k (arguments . (string (quoted_content) @name)) (do_block)) @definition.test (#any-of? @_k "test" "describe"))
((call target: (identifier) @_k (arguments . (alias) @import.module)) @import (#any-of? @_k "alias" "import" "require" "use"))
(comment) @comment
(quoted_content) @mask
