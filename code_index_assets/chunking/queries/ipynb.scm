; A notebook is JSON; a cell is an object of `cells` and is named by its `cell_type` until its facts rename it.
((object (pair key: (string (string_content) @name))) @definition.cell (#eq? @name "cell_type"))
