(section (atx_heading heading_content: (_) @name)) @definition.section
(section (setext_heading heading_content: (_) @name)) @definition.section
(fenced_code_block (info_string (language) @fact.code))
[(minus_metadata) (plus_metadata)] @mask
