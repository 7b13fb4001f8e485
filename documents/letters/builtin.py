"""The letters that come with the product. An installation replaces each by templates of its own."""

from documents.letters.wording import (
    Column,
    Each,
    Heading,
    Letter,
    Notice,
    Paragraph,
    Particulars,
    Points,
    Signing,
    Table,
)

MESSAGE = Paragraph("{letter.message}", when="letter.has_message")
QUESTIONS = Paragraph(
    "If you have any questions, please contact {contact.name} on {contact.phone} or at {contact.email}.",
    when="contact.is_known",
)
TERMS = Particulars(
    (
        ("Borrower", "{borrowers_listed}"),
        ("Guarantor", "{guarantors_listed}"),
        ("Loan amount", "{application.amount}"),
        ("Purpose", "{application.purpose}"),
        ("Product", "{application.product}"),
        ("Term", "{application.term}"),
        ("Interest rate", "{application.rate} per annum"),
        ("Repayments", "{application.frequency}"),
        ("Expected settlement", "{application.estimated_settlement_date}"),
    )
)
SECURITIES = (
    Heading("Security", when="has_securities"),
    Each("securities", "{row.type}: {row.address}, valued at {row.value}", when="has_securities"),
)
SCHEDULE = Table(
    "schedule.rows",
    (
        Column("No.", "number", is_number=True, width=1),
        Column("Due date", "due_date", width=2),
        Column("Principal", "principal", is_number=True, width=2),
        Column("Interest", "interest", is_number=True, width=2),
        Column("Repayment", "amount", is_number=True, width=2),
        Column("Balance", "balance", is_number=True, width=2),
    ),
    totals="schedule.totals",
)
LOAN = Particulars(
    (
        ("Borrower", "{borrowers_listed}"),
        ("Settled on", "{loan.settled_on}"),
        ("Loan amount", "{loan.amount}"),
        ("Principal owing", "{loan.principal_balance}"),
        ("Interest rate", "{loan.rate} per annum"),
        ("Next repayment", "{loan.next_repayment}"),
        ("Final repayment due", "{loan.maturity}"),
    )
)
PAYOUT = Particulars(
    (
        ("Principal", "{payout.principal}"),
        ("Interest due", "{payout.interest_due}"),
        ("Interest accrued to {payout.date}", "{payout.accrued_interest}"),
        ("Fees", "{payout.fees}"),
        ("Late fees", "{payout.penalties}"),
        ("Less money held for you", "{payout.unapplied}"),
        ("Payout figure at {payout.date}", "{payout.total}"),
    )
)

INDICATIVE = Letter(
    "indicative",
    "Indicative letter of offer",
    "Indicative letter of offer",
    (
        Paragraph(
            "Thank you for your application. On the information that we have so far, we would be pleased "
            "to consider a loan on the following indicative terms."
        ),
        TERMS,
        *SECURITIES,
        Heading("What happens next"),
        Points(
            (
                "Tell us that these terms suit you by signing below and returning this letter.",
                "We then verify your information and have the security valued.",
                "A formal approval follows once our assessment is complete.",
            )
        ),
        MESSAGE,
        Notice(
            "This letter is not an offer of credit. It is indicative only, is subject to verification, "
            "valuation and formal approval, and lapses on {letter.valid_until}."
        ),
        QUESTIONS,
    ),
    enclosed=(
        Heading("Acceptance of the indicative terms"),
        Signing("borrower_names", "Borrower"),
    ),
)

APPROVAL = Letter(
    "approval",
    "Formal approval",
    "Formal approval of your loan",
    (
        Paragraph(
            "We are pleased to tell you that your application {application.reference} has been formally "
            "approved for {application.approved_amount}, on the following terms."
        ),
        TERMS,
        *SECURITIES,
        Heading("Conditions before settlement"),
        Points(
            (
                "The loan agreement and security documents are signed by all parties.",
                "Insurance of each security is current and notes our interest.",
                "Nothing material in your circumstances has changed since you applied.",
            )
        ),
        MESSAGE,
        Notice("This approval lapses on {letter.valid_until} if the loan has not settled by then."),
        QUESTIONS,
    ),
)

SETTLEMENT = Letter(
    "settlement",
    "Settlement letter",
    "Your loan has settled",
    (
        Paragraph(
            "Your loan {application.reference} settled on {loan.settled_on}. This letter confirms what was "
            "lent and what is to be paid, and when."
        ),
        LOAN,
        Heading("Fees", when="has_fees"),
        Each("fees", "{row.description}: {row.amount}, due {row.due_date}", when="has_fees"),
        MESSAGE,
        QUESTIONS,
    ),
    enclosed=(Heading("Repayment schedule"), SCHEDULE),
)

REMINDER = Letter(
    "reminder",
    "Reminder of a repayment",
    "Reminder: your loan repayment",
    (
        Paragraph(
            "Our records show that {loan.arrears_amount} of your loan {application.reference} has not been "
            "paid. The oldest part was due on {loan.oldest_due}, {loan.days_past_due} days ago.",
            when="loan.in_arrears",
        ),
        Paragraph(
            "This is a friendly reminder of the next repayment of your loan {application.reference}: "
            "{loan.next_repayment}.",
            when="loan.is_current",
        ),
        Particulars(
            (
                ("Overdue", "{loan.arrears_amount}"),
                ("Next repayment", "{loan.next_repayment}"),
                ("Payment reference", "{application.reference}"),
            )
        ),
        Paragraph(
            "Please pay the overdue amount within seven days. If you have paid it already, thank you: "
            "please disregard this letter.",
            when="loan.in_arrears",
        ),
        MESSAGE,
        Notice(
            "If you are finding it hard to pay, please call us before the next due date. You may be "
            "entitled to hardship assistance. The National Debt Helpline, 1800 007 007, gives free and "
            "independent advice."
        ),
        QUESTIONS,
    ),
)

RENEWAL = Letter(
    "renewal",
    "Renewal offer",
    "Your loan is coming to the end of its term",
    (
        Paragraph(
            "Your loan {application.reference} falls due on {loan.maturity}. At the end of its term all "
            "that is owing is to be repaid, unless the loan is renewed before then."
        ),
        LOAN,
        Heading("Your choices"),
        Points(
            (
                "Renew: tell us by {letter.valid_until}, and we will assess a new term.",
                "Refinance or sell: ask us for a payout figure for the day that suits you.",
                "Repay: pay what is owing on or before {loan.maturity}.",
            )
        ),
        MESSAGE,
        QUESTIONS,
    ),
)

EXTENSION = Letter(
    "extension",
    "Extension of the term",
    "Extension of your loan",
    (
        Paragraph(
            "We confirm that the terms of your loan {application.reference} have been changed as follows. "
            "All other terms of your loan agreement stay as they are."
        ),
        LOAN,
        MESSAGE,
        QUESTIONS,
    ),
    enclosed=(Heading("Repayment schedule from here on"), SCHEDULE),
)

DISCHARGE = Letter(
    "discharge",
    "Discharge and payout",
    "Payout figure and discharge of your loan",
    (
        Paragraph(
            "You asked us what it takes to pay out your loan {application.reference}. The figure below "
            "holds for {payout.date}; for each later day interest is added.",
            when="loan.is_active",
        ),
        Paragraph(
            "Your loan {application.reference} has been paid in full. We will discharge our securities.",
            when="loan.is_paid_out",
        ),
        PAYOUT,
        *SECURITIES,
        Points(
            (
                "Pay in cleared funds, with the reference {application.reference}.",
                "Please allow ten business days for the discharge after we have received them.",
            ),
            when="loan.is_active",
        ),
        MESSAGE,
        QUESTIONS,
    ),
)

LOAN_AGREEMENT = Letter(
    "loan_agreement",
    "Loan agreement",
    "Loan agreement",
    (
        Paragraph(
            "This agreement is made on {letter.date} between {lender.name} (the lender) and "
            "{borrowers_listed} (the borrower, jointly and severally if more than one)."
        ),
        Heading("1. The loan"),
        TERMS,
        Paragraph(
            "The lender lends the borrower the loan amount at settlement. The borrower repays it with "
            "interest and fees as this agreement says."
        ),
        Heading("2. Interest"),
        Paragraph(
            "Interest accrues on the principal owing at {application.rate} per annum, by the day count "
            "{schedule.day_count}, and is payable with each repayment."
        ),
        Heading("3. Repayment"),
        Paragraph(
            "The borrower pays the repayments of the schedule on their due dates. The dates of the "
            "schedule assume settlement on {schedule.start}; if it settles on another day they move with "
            "it."
        ),
        Heading("4. Security and guarantee"),
        Each("securities", "{row.type}: {row.address}", when="has_securities"),
        Paragraph("The loan is guaranteed by {guarantors_listed}.", when="has_guarantors"),
        Paragraph("No security is given for this loan.", when="is_unsecured"),
        Heading("5. Default"),
        Paragraph(
            "If a repayment is not paid within seven days of its due date, or the borrower breaks another "
            "obligation and does not remedy it within the time that a notice gives, the lender may require "
            "all that is owing, after any notice that the law requires."
        ),
        Heading("6. Early repayment"),
        Paragraph("The borrower may repay all or part early, and may ask for a payout figure at any time."),
        Heading("7. Governing law"),
        Paragraph("The law of {lender.state} governs this agreement."),
        MESSAGE,
        Heading("Signed as an agreement"),
        Signing("borrower_names", "Borrower"),
        Signing("lender_names", "For the lender"),
        Heading("Schedule of repayments"),
        SCHEDULE,
    ),
    has_closing=False,
)

GUARANTOR_LETTER = Letter(
    "guarantor_letter",
    "Guarantor letter",
    "Your guarantee",
    (
        Paragraph(
            "{borrowers_listed} applied for a loan of {application.amount} and named you as guarantor. "
            "This letter explains what that means before you sign."
        ),
        TERMS,
        Heading("What you promise"),
        Points(
            (
                "If the borrower does not pay what is due, we may ask you for it, with interest and costs.",
                "Your promise covers the whole loan and goes on until it is repaid.",
                "We will send you copies of the loan agreement and of each notice of default.",
            )
        ),
        Notice(
            "Take independent legal and financial advice before you sign. You can decline to sign, and you "
            "can withdraw at any time before the loan is settled."
        ),
        MESSAGE,
        QUESTIONS,
    ),
    enclosed=(
        Heading("Acknowledgement"),
        Paragraph("I have read this letter and have had the chance to take independent advice."),
        Signing("addressee.names", "Guarantor"),
    ),
)

STATEMENT = Letter(
    "statement",
    "Statement of account",
    "Statement of account",
    (
        Paragraph("Your loan {application.reference} from {statement.start} to {statement.end}."),
        Particulars(
            (
                ("Borrower", "{borrowers_listed}"),
                ("Opening balance", "{statement.opening_balance}"),
                ("Charged in this period", "{statement.total_debits}"),
                ("Paid in this period", "{statement.total_credits}"),
                ("Closing balance", "{statement.closing_balance}"),
                ("Overdue", "{loan.arrears_amount}"),
                ("Next repayment", "{loan.next_repayment}"),
            )
        ),
        Table(
            "statement.lines",
            (
                Column("Date", "date", width=2),
                Column("Description", "description", width=5),
                Column("Charged", "debit", is_number=True, width=2),
                Column("Paid", "credit", is_number=True, width=2),
                Column("Balance", "balance", is_number=True, width=2),
            ),
        ),
        MESSAGE,
        QUESTIONS,
    ),
    has_closing=False,
)

LETTERS: dict[str, Letter] = {
    letter.name: letter
    for letter in (
        INDICATIVE,
        APPROVAL,
        SETTLEMENT,
        REMINDER,
        RENEWAL,
        EXTENSION,
        DISCHARGE,
        LOAN_AGREEMENT,
        GUARANTOR_LETTER,
        STATEMENT,
    )
}
