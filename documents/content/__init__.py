"""What is in a file: `formats` (which of the known ones it is), `checks` (and nothing else besides),
`reading` (pages, text, a picture of the first page). Free of Django; files in, facts out.
"""
