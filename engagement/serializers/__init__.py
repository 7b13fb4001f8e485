"""Shapes of leads, appointments, interactions and reviews."""
