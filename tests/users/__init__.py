"""Users: what only shows below HTTP."""
