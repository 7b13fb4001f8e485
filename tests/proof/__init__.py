"""Proof that the API holds: machines look for what nobody thought of. See docs/testing.md, "Proof"."""
