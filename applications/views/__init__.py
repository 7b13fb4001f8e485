"""Views: `applications`, `bulk` (import, export), `securities`, `related` (applications of other rows)."""
