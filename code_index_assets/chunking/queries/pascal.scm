(unit (moduleName) @name) @definition.module
(program (moduleName) @name) @definition.module
(declType name: (identifier) @name type: (declClass (kClass))) @definition.class
(declType name: (identifier) @name type: (declClass)) @definition.record
(declType name: (identifier) @name type: (declIntf)) @definition.interface
(declType name: (identifier) @name) @definition.type
(declField name: (identifier) @name) @definition.field
(declProp name: (identifier) @name) @definition.property
(declConst name: (identifier) @name) @definition.constant
(defProc header: (declProc name: (genericDot lhs: (_) @scope rhs: (identifier) @name))) @definition.function
(defProc header: (declProc name: (identifier) @name)) @definition.function
(declProc name: (identifier) @name) @definition.prototype
(declUses (moduleName) @import.module) @import
(comment) @comment
(literalString) @mask
