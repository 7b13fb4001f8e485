"""The columns of a file of leads; each is a field of a lead."""

from jobs.imports.columns import ImportColumn, Kind


def _column(name: str, example: str = "", kind: Kind = Kind.TEXT, *, required: bool = False) -> ImportColumn:
    return ImportColumn(name, "", name, example, kind, required)


COLUMNS = (
    _column("first_name", "Mia", required=True),
    _column("last_name", "Chen", required=True),
    _column("email", "mia.chen@example.com"),
    _column("phone", "0412 345 678"),
    _column("company_name"),
    _column("state", "NSW"),
    _column("source", "phone_inquiry"),
    _column("loan_amount", "450000.00", Kind.NUMBER),
    _column("application_type", "residential"),
    _column("purpose", "Purchase of a house"),
    _column("message"),
    _column("annual_income", "120000.00", Kind.NUMBER),
    _column("deposit", "90000.00", Kind.NUMBER),
    _column("is_decision_maker", "true", Kind.BOOLEAN),
    _column("timeframe", "three_months"),
    _column("urgency", "medium"),
    _column("follow_up_on", "2027-03-31", Kind.DATE),
    _column("consent_to_contact", "true", Kind.BOOLEAN),
    _column("utm_source"),
    _column("utm_medium"),
    _column("utm_campaign"),
    _column("landing_page"),
    _column("partnership", kind=Kind.ID),
    _column("branch", kind=Kind.REFERENCE),
    _column("assignee", kind=Kind.REFERENCE),
)
BY_NAME = {column.name: column for column in COLUMNS}
