"""The test suite; `docs/testing.md` explains it."""
