"""Facts of a made-up loan, for previews and for seeing what a template may use."""

from typing import Any

SCHEDULE_ROWS = [
    {
        "number": str(number),
        "due_date": f"15/{(number - 1) % 12 + 1:02}/{2027 + (number - 1) // 12}",
        "principal": "A$1,250.00",
        "interest": "A$312.50",
        "amount": "A$1,562.50",
        "balance": f"A${45_000 - 1_250 * number:,}.00",
    }
    for number in range(1, 37)
]

SAMPLE: dict[str, Any] = {
    "letter": {
        "type": "sample",
        "date": "26 November 2026",
        "message": "We look forward to working with you.",
        "has_message": True,
        "valid_until": "26 December 2026",
    },
    "addressee": {
        "names": ["Bea Borrower", "Bob Borrower"],
        "lines": ["12 Sample Street", "Newtown NSW 2042"],
        "greeting": "Dear Bea Borrower and Bob Borrower",
    },
    "contact": {
        "is_known": True,
        "name": "Dana Manager",
        "phone": "+61 2 5550 1234",
        "email": "dana.manager@example.com",
    },
    "application": {
        "reference": "APP-SAMPLE01",
        "type": "Residential",
        "purpose": "Purchase of an investment property",
        "product": "Standard variable",
        "amount": "A$45,000.00",
        "approved_amount": "A$45,000.00",
        "term": "36 months (3 years)",
        "rate": "8.50%",
        "frequency": "Monthly",
        "estimated_settlement_date": "15 December 2026",
    },
    "borrowers": [
        {
            "name": "Bea Borrower",
            "abn": "",
            "email": "bea@example.com",
            "address": "12 Sample Street, Newtown NSW 2042",
        },
        {
            "name": "Bob Borrower",
            "abn": "",
            "email": "bob@example.com",
            "address": "12 Sample Street, Newtown NSW 2042",
        },
    ],
    "borrower_names": ["Bea Borrower", "Bob Borrower"],
    "borrowers_listed": "Bea Borrower and Bob Borrower",
    "guarantors": [
        {"name": "Gus Guarantor", "relationship": "Parent", "address": "3 Other Road, Newtown NSW 2042"}
    ],
    "guarantors_listed": "Gus Guarantor",
    "has_guarantors": True,
    "securities": [
        {"type": "First mortgage", "address": "12 Sample Street, Newtown NSW 2042", "value": "A$950,000.00"},
    ],
    "has_securities": True,
    "is_unsecured": False,
    "fees": [{"description": "Application fee", "amount": "A$495.00", "due_date": "15 December 2026"}],
    "has_fees": True,
    "loan": {
        "is_settled": True,
        "is_active": True,
        "is_paid_out": False,
        "in_arrears": True,
        "is_current": False,
        "settled_on": "15 December 2026",
        "amount": "A$45,000.00",
        "principal_balance": "A$43,750.00",
        "rate": "8.50%",
        "next_repayment": "A$1,562.50 on 15 February 2027",
        "maturity": "15 December 2029",
        "arrears_amount": "A$1,562.50",
        "oldest_due": "15 January 2027",
        "days_past_due": "12",
    },
    "schedule": {
        "is_indicative": False,
        "start": "15 December 2026",
        "day_count": "Actual/365",
        "rows": SCHEDULE_ROWS,
        "totals": {
            "number": "",
            "due_date": "Total",
            "principal": "A$45,000.00",
            "interest": "A$11,250.00",
            "amount": "A$56,250.00",
            "balance": "",
        },
    },
    "payout": {
        "date": "26 November 2026",
        "principal": "A$43,750.00",
        "interest_due": "A$312.50",
        "accrued_interest": "A$110.27",
        "fees": "A$0.00",
        "penalties": "A$0.00",
        "unapplied": "A$0.00",
        "total": "A$44,172.77",
    },
    "statement": {
        "start": "1 July 2026",
        "end": "31 December 2026",
        "opening_balance": "A$0.00",
        "total_debits": "A$45,495.00",
        "total_credits": "A$495.00",
        "closing_balance": "A$45,000.00",
        "lines": [
            {
                "date": "15/12/2026",
                "description": "Loan disbursed",
                "debit": "A$45,000.00",
                "credit": "",
                "balance": "A$45,000.00",
            },
            {
                "date": "15/12/2026",
                "description": "Application fee",
                "debit": "A$495.00",
                "credit": "",
                "balance": "A$45,495.00",
            },
            {
                "date": "15/12/2026",
                "description": "Payment by deduction",
                "debit": "",
                "credit": "A$495.00",
                "balance": "A$45,000.00",
            },
        ],
    },
    "lender": {
        "name": "Harbour Street Lending Pty Ltd",
        "abn": "51 824 753 556",
        "licence": "000000",
        "address": ["Level 5, 1 Harbour Street", "Sydney NSW 2000"],
        "state": "New South Wales",
        "phone": "+61 2 5550 1000",
        "email": "hello@example.com",
        "website": "example.com",
    },
    "lender_names": ["Harbour Street Lending Pty Ltd"],
}
