"""The lender's branches, the BDMs in them, and the brokers who bring loans.

May import `users`, `events` and `crm_backend.common`, not `borrowers`. Start reading at `models`.
"""
