"""Shapes of loans, fees, payments and the ledger."""
