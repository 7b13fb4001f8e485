"""The lender's branches, the BDMs in them, and the brokers who bring loans.

Figures about them are read by `applications`, which is above: its `selectors/portfolios` and `views/team`.

May import `users`, `events` and `crm_backend.common`, not `borrowers`. Start reading at `models`.
"""
