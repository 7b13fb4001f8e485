"""Who may become a customer, and what passes between people: leads, interactions, appointments, reviews.

May import `servicing` and everything below it. Start reading at `models/leads`, then `services`.
"""
