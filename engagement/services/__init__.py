"""What is written about leads, interactions, appointments and reviews."""
