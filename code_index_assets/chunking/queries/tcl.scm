(procedure name: (_) @name) @definition.function
(namespace (word_list . (simple_word) @_e . (simple_word) @name) (#eq? @_e "eval")) @definition.namespace
((command name: (simple_word) @_c arguments: (word_list . (simple_word) @_k . (simple_word) @name)) @definition.class (#any-of? @_c "oo::class" "::oo::class" "itcl::class" "::itcl::class") (#eq? @_k "create"))
((command name: (simple_word) @_c arguments: (word_list . (simple_word) @name . (braced_word))) @definition.class (#any-of? @_c "snit::type" "::snit::type" "snit::widget" "::snit::widget" "snit::widgetadaptor" "::snit::widgetadaptor" "itcl::class" "::itcl::class" "oo::define"))
((command name: (simple_word) @_c arguments: (word_list . (simple_word) @name . (_) . (braced_word))) @definition.method (#any-of? @_c "method" "typemethod"))
