"""Shapes of reports and their filters."""
