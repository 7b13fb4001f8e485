"""Servicing: what happens to a loan after settlement, from its schedule of instalments to its discharge.

`schedule` is the mathematics: pure, without Django, a database or a clock. May import `applications`,
`borrowers`, `brokers`, `jobs`, `notifications`, `users`, `events` and `crm_backend.common`. Start reading at
`schedule`, and at docs/servicing.md for its formulas.
"""
