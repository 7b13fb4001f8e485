"""What jobs do below HTTP."""
