"""What letters say of an application: read from the rows, written as Australian text.

`letters.letter_facts` puts everything together; `documents.letters.sample` shows the same names with made-up
values, and a test holds the two to one shape. Nothing that is encrypted or masked elsewhere is in here.
"""
