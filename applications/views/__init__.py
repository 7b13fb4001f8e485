"""Views: `applications`, `securities`, and `related` (applications of brokers, borrowers, guarantors)."""
