"""Reading: loans, statements, and the audit of the ledger."""
