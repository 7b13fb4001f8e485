"""Loans after settlement: schedules, fees, payments, arrears, and the ledger that all of it is written in.

May import `applications` and everything below it. `schedule` and `allocation` are pure: terms in, instalments
out; dues and money in, shares out. Start reading at `models`, then `services/books`, which every money
service goes through; `docs/servicing.md` explains how money moves.
"""
