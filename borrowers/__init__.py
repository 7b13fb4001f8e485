"""Borrowers (people and companies), what they own and owe, and the guarantors who stand in for them.

May import `users`, `events` and `crm_backend.common`, not `brokers`. Who sees a borrower follows from the
applications it is on, through the relation's name. Start reading at `models`; `finances` is pure.
"""
