"""Loan applications, from inquiry to settlement: the stage machine, parties on them, securities.

`stages` is the table of stages and moves, as data. May import `borrowers`, `brokers`, `users`, `events` and
`crm_backend.common`. Start reading at `stages`, `models`, `services/stage`, then `views`.
"""
