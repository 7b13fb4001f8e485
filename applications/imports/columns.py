"""The columns of an import file, and where the value of each goes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.imports.columns import Errors, ImportColumn, Kind

TERMS = ""
BORROWER = "borrower"
SECURITY = "security"


COLUMNS = (
    ImportColumn("client_reference", TERMS, "client_reference", "LEGACY-0001", required=True),
    ImportColumn("application_type", TERMS, "application_type", "residential"),
    ImportColumn("purpose", TERMS, "purpose", "Purchase of a house"),
    ImportColumn("loan_amount", TERMS, "loan_amount", "450000.00", Kind.NUMBER, required=True),
    ImportColumn("loan_term", TERMS, "loan_term", "360", Kind.NUMBER, required=True),
    ImportColumn("interest_rate", TERMS, "interest_rate", "6.2500", Kind.NUMBER, required=True),
    ImportColumn("repayment_frequency", TERMS, "repayment_frequency", "monthly"),
    ImportColumn("estimated_settlement_date", TERMS, "estimated_settlement_date", "2027-03-31", Kind.DATE),
    ImportColumn("broker", TERMS, "broker", "", Kind.REFERENCE),
    ImportColumn("bd", TERMS, "bd", "", Kind.REFERENCE),
    ImportColumn("branch", TERMS, "branch", "", Kind.REFERENCE),
    ImportColumn("borrower_id", TERMS, "existing_borrower", "", Kind.ID),
    ImportColumn("borrower_first_name", BORROWER, "first_name", "Mia"),
    ImportColumn("borrower_last_name", BORROWER, "last_name", "Chen"),
    ImportColumn("borrower_date_of_birth", BORROWER, "date_of_birth", "1988-05-17", Kind.DATE),
    ImportColumn("borrower_company_name", BORROWER, "company_name", ""),
    ImportColumn("borrower_abn", BORROWER, "abn", ""),
    ImportColumn("borrower_email", BORROWER, "email", "mia.chen@example.com"),
    ImportColumn("borrower_phone", BORROWER, "phone", "0412 345 678"),
    ImportColumn("security_type", SECURITY, "security_type", "first_mortgage"),
    ImportColumn("security_street", SECURITY, "street", "12 Harbour Street"),
    ImportColumn("security_city", SECURITY, "city", "Sydney"),
    ImportColumn("security_state", SECURITY, "state", "NSW"),
    ImportColumn("security_postcode", SECURITY, "postcode", "2000"),
    ImportColumn("security_description", SECURITY, "description", ""),
    ImportColumn("security_value", SECURITY, "value", "600000.00", Kind.NUMBER),
)
BY_NAME = {column.name: column for column in COLUMNS}
COMPANY_ONLY = ("borrower_company_name", "borrower_abn")
PERSON_ONLY = ("borrower_first_name", "borrower_last_name", "borrower_date_of_birth")

# Parts of a cascade that hold what a part of the file says.
_PARTS = {"borrowers": BORROWER, "company_borrowers": BORROWER, "securities": SECURITY}
_NAMES = {(column.part, column.field): column.name for column in COLUMNS}


def body_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """What would be sent to create this application one by one; an empty cell is not sent."""
    body: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {BORROWER: {}, SECURITY: {}}
    for name, value in cells.items():
        column = BY_NAME[name]
        (nested[column.part] if column.part else body)[column.field] = value
    if nested[BORROWER]:
        is_company = any(name in cells for name in COMPANY_ONLY)
        body["company_borrowers" if is_company else "borrowers"] = [nested[BORROWER]]
    if nested[SECURITY]:
        body["securities"] = [nested[SECURITY]]
    return body


def by_column(errors: Mapping[str, Any]) -> Errors:
    """Messages of the body as messages of the columns."""
    found: Errors = {}
    for name, message in _flat(errors):
        found.setdefault(name, []).append(message)
    return found


def _flat(errors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field, detail in errors.items():
        part = _PARTS.get(field)
        if part is None:
            yield from _named(TERMS, field, detail)
            continue
        for item in detail if isinstance(detail, Sequence) else detail.values():
            if isinstance(item, Mapping):
                for name, messages in item.items():
                    yield from _named(part, name, messages)
            else:
                yield f"{part}_type" if part == SECURITY else f"{part}_last_name", str(item)


def _named(part: str, field: str, messages: Any) -> Iterator[tuple[str, str]]:
    name = _NAMES.get((part, field), "non_field_errors")
    for message in messages:
        yield name, str(message)
