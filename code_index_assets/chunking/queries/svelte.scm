(document (script_element (start_tag (tag_name) @name)) @definition.element)
(document (style_element (start_tag (tag_name) @name)) @definition.element)
(document (element (start_tag (tag_name) @name)) @definition.element)
(comment) @comment
