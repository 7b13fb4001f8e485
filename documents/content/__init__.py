"""What is in a file: `formats` (which of the known ones it is), `checks` (and nothing else besides),
`actions` (that a PDF does nothing by itself), `reading` (pages, text, a picture of the first page). Free of
Django; files in, facts out. `inspection` does all of that in a process that a file may end (`viewing`).
"""
