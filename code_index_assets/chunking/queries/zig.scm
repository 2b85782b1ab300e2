(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ContainerDecl (ContainerDeclType "struct"))))) @definition.struct)
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ContainerDecl (ContainerDeclType "enum"))))) @definition.enum)
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ContainerDecl (ContainerDeclType "union"))))) @definition.union)
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (ErrorSetDecl)))) @definition.enum)
((Decl (VarDecl variable_type_function: (IDENTIFIER) @name (ErrorUnionExpr (SuffixExpr (BUILTINIDENTIFIER) @_b (FnCallArguments (ErrorUnionExpr (SuffixExpr (STRINGLITERALSINGLE) @import.module)))))) @import) (#eq? @_b "@import"))
(Decl (VarDecl variable_type_function: (IDENTIFIER) @name) @definition.variable)
(Decl (FnProto function: (IDENTIFIER) @name) . (Block) @body) @definition.function
(Decl (FnProto function: (IDENTIFIER) @name)) @definition.prototype
(ContainerField field_member: (IDENTIFIER) @name) @definition.field
(ContainerField . (ErrorUnionExpr . (SuffixExpr . variable_type_function: (IDENTIFIER) @name .))) @definition.enum_member
(ErrorSetDecl field_constant: (IDENTIFIER) @name @definition.enum_member)
(TestDecl (STRINGLITERALSINGLE) @name) @definition.test
[(line_comment) (doc_comment) (container_doc_comment)] @comment
[(STRINGLITERALSINGLE) (LINESTRING)] @mask
