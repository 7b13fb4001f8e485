"""Writing: every money service locks the application first, and goes through `books`."""
