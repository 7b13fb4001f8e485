"""What keeps the rollups."""
