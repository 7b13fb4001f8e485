"""What is written about notifications, mail, reminders and alerts."""
