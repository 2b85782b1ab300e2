(rule_set (selectors) @name) @definition.rule
(media_statement . (_) @name) @definition.rule
(keyframes_statement (keyframes_name) @name) @definition.rule
(supports_statement . (_) @name) @definition.rule
(rule_set (block (declaration (property_name) @name) @definition.property) (#match? @name "^--"))
(import_statement [(string_value) (call_expression)] @import.module) @import
[(comment) (js_comment)] @comment
(string_value) @mask
