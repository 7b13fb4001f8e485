"""Shapes of notes and documents."""
