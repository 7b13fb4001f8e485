"""Files on applications, their versions, batches of them; letters; signatures; notes.

`content/` says what a file is and reads it, knowing nothing of Django; `storage` and `bucket` keep the bytes;
`services/files` puts them there, `services/documents` makes documents of them, `services/reading` is what a
worker does. `letters` prints and `sealing` seals, both pure; `facts` is what letters say of a loan, and
`providers` are outside services that collect signatures. May import `servicing`, `jobs` and everything below
them. Start reading at `models/files`, then `services/files`; docs/documents.md follows a file on its way.
"""
