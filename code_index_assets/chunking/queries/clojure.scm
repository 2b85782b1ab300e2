((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @package)) (#eq? @_k "ns"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.function
  (#any-of? @_k "defn" "defn-" "defmulti" "defmethod" "defnp" "defn-spec"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.macro (#any-of? @_k "defmacro" "defmacro-"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.test (#any-of? @_k "deftest" "deftest-" "defspec"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.interface (#any-of? @_k "defprotocol" "definterface"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.record (#any-of? @_k "defrecord" "deftype" "defstruct"))
((list_lit . (sym_lit name: (sym_name) @_k) . (sym_lit name: (sym_name) @name)) @definition.variable (#any-of? @_k "def" "defonce"))
((list_lit . (sym_lit name: (sym_name) @_k) (list_lit . (sym_lit name: (sym_name) @name) . (vec_lit)) @definition.method)
  (#any-of? @_k "defprotocol" "definterface" "defrecord" "deftype"))
(comment) @comment
[(str_lit) (regex_lit)] @mask
