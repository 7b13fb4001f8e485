"""Letters and agreements: a template and facts in, the bytes of a PDF or Word file out.

Pure: no Django, no database, no clock. The facts are text already (`australian` formats them), nested in
dictionaries and lists; a template places them and never reads them as markup. Built-in templates are written
once, in `wording`, and become Typst source (`typst_form`) or a Word template (`word_form`). `press` has a
template printed by a child process (`pressroom`) that can open no file and no connection, and is ended when
it takes too long or too much memory. docs/letters.md tells more.
"""
