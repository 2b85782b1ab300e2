(from_instruction (image_spec) @name) @definition.stage
(from_instruction (image_spec) as: (image_alias) @name) @definition.stage
(arg_instruction name: (_) @name) @definition.variable
(env_pair name: (_) @name) @definition.variable
(comment) @comment
