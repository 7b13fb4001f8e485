"""What every app shares and no domain owns: errors, scoping, viewsets, paging, schema, logs.

Nothing here may import an app or know a domain word. Start reading at `viewsets`, then `policy`
and `scoping`, then `errors` and `exceptions`.
"""
