((element (start_tag (attribute (attribute_name) @_id (quoted_attribute_value (attribute_value) @name)))) @definition.element (#eq? @_id "id"))
((element (start_tag (tag_name) @name)) @definition.element (#any-of? @name "head" "body" "header" "main" "nav" "section" "article" "footer" "aside" "form" "template"))
(script_element (start_tag (tag_name) @name)) @definition.element
(style_element (start_tag (tag_name) @name)) @definition.element
(comment) @comment
