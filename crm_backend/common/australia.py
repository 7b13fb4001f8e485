"""Australian identifiers and addresses: states, postcodes, phone numbers, ABN, ACN, TFN and BSB.

ABN, ACN and TFN check digits: Australian Business Register, ASIC and the Australian Taxation Office, as
implemented by python-stdnum. BSB and account numbers: the fields of AusPayNet's direct entry (BECS), six
digits and at most nine.
Phone numbers: libphonenumber, with Australia as the country of a number without a prefix.
"""

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from stdnum.au import abn, acn, tfn
from stdnum.exceptions import ValidationError as StdnumError


class State(models.TextChoices):
    """States and territories."""

    NSW = "NSW", "New South Wales"
    VIC = "VIC", "Victoria"
    QLD = "QLD", "Queensland"
    WA = "WA", "Western Australia"
    SA = "SA", "South Australia"
    TAS = "TAS", "Tasmania"
    ACT = "ACT", "Australian Capital Territory"
    NT = "NT", "Northern Territory"


validate_postcode = RegexValidator(r"\A[0-9]{4}\Z", "An Australian postcode has 4 digits.", "postcode")
validate_bsb = RegexValidator(r"\A[0-9]{6}\Z", "A BSB has 6 digits.", "bsb")
validate_account_number = RegexValidator(
    r"\A[0-9]{5,9}\Z", "An account number has 5 to 9 digits.", "account_number"
)


def validate_abn(value: str) -> None:
    """Refuse what is not a valid Australian Business Number (11 digits, modulus 89)."""
    try:
        abn.validate(value)
    except StdnumError:
        raise ValidationError("This is not a valid ABN.", code="abn") from None


def validate_acn(value: str) -> None:
    """Refuse what is not a valid Australian Company Number (9 digits, modulus 10)."""
    try:
        acn.validate(value)
    except StdnumError:
        raise ValidationError("This is not a valid ACN.", code="acn") from None


def validate_tfn(value: str) -> None:
    """Refuse what is not a valid Tax File Number (8 or 9 digits, modulus 11); the number is not repeated."""
    try:
        tfn.validate(value)
    except StdnumError:
        raise ValidationError("This is not a valid tax file number.", code="tfn") from None


def normalise_phone(value: str) -> str:
    """Return a phone number as E.164 (`+61412345678`).

    Raises:
        ValidationError: it is not a possible and valid number.
    """
    try:
        number = phonenumbers.parse(value, "AU")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValidationError("This is not a valid phone number.", code="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def validate_phone(value: str) -> None:
    """Refuse what is not a valid phone number."""
    normalise_phone(value)
