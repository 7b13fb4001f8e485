"""HTTP of notes and documents."""
