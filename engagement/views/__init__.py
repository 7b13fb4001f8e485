"""HTTP of leads, appointments, interactions and reviews."""
