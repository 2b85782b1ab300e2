(section (title) @name) @definition.section
(comment) @comment
(directive name: (_) @fact.directive)
