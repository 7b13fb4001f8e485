"""What is known of a borrower in all apps, in one view: loans and what they are worth, people, what passed.

Owns no rows and writes none. May import every app but `reports`, its neighbour. Start reading at `selectors`.
"""
