"""Parts of a borrower's shape: addresses, the bank account, directors and identity documents."""

import json
from typing import Any
from uuid import uuid4

import structlog
from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from borrowers.choices import IdentityDocumentType
from borrowers.models import validate_birth_date
from crm_backend.common.australia import (
    State,
    validate_account_number,
    validate_bsb,
    validate_postcode,
)
from crm_backend.common.encryption import DOT, mask, plain
from crm_backend.common.errors import Conflict
from crm_backend.common.reads import reads, reads_of
from crm_backend.common.serializers import (
    UNREADABLE_DETAIL,
    DigitsField,
    JsonListField,
    PhoneField,
    SecretField,
    Serializer,
    caller_of,
)
from users.choices import Role

logger = structlog.get_logger(__name__)

MAX_DOCUMENTS = 10
MAX_DIRECTORS = 50


@reads("user_id")
def reads_secrets(user: Any, borrower: Any) -> bool:
    """Who reads the encrypted values: administrators, and the owner of the profile."""
    return getattr(user, "role", "") == Role.ADMIN or (
        user is not None and getattr(borrower, "user_id", None) == user.pk
    )


class AddressSerializer(Serializer):
    """An address; the columns are the party's own."""

    street = serializers.CharField(max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    state = serializers.ChoiceField(choices=State.choices, required=False, allow_blank=True)
    postcode = serializers.CharField(required=False, allow_blank=True, validators=[validate_postcode])
    country = serializers.RegexField(r"\A[A-Z]{2}\Z", required=False, help_text="ISO 3166-1 alpha-2.")


class MailingAddressSerializer(Serializer):
    """Where mail goes; empty where that is the address itself."""

    street = serializers.CharField(source="mailing_street", max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(source="mailing_city", max_length=100, required=False, allow_blank=True)
    state = serializers.ChoiceField(
        source="mailing_state", choices=State.choices, required=False, allow_blank=True
    )
    postcode = serializers.CharField(
        source="mailing_postcode", required=False, allow_blank=True, validators=[validate_postcode]
    )
    country = serializers.RegexField(
        r"\A[A-Z]{2}\Z",
        source="mailing_country",
        required=False,
        allow_blank=True,
        help_text="ISO 3166-1 alpha-2.",
    )


class BankAccountSerializer(Serializer):
    """Where money is paid to: all three, or none."""

    name = serializers.CharField(source="bank_account_name", max_length=100, required=False, allow_blank=True)
    bsb = DigitsField(
        source="bank_bsb", required=False, allow_blank=True, validators=[validate_bsb], help_text="6 digits."
    )
    number = SecretField(
        source="bank_account_number",
        readers=reads_secrets,
        required=False,
        allow_blank=True,
        validators=[validate_account_number],
        help_text="5 to 9 digits; masked except to administrators and the owner.",
    )


class DirectorSerializer(Serializer):
    """A director of a company."""

    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    date_of_birth = serializers.DateField(
        required=False, allow_null=True, default=None, validators=[validate_birth_date]
    )
    email = serializers.EmailField(required=False, allow_blank=True, default="")
    phone = PhoneField(required=False, allow_blank=True, default="")
    is_guarantor = serializers.BooleanField(
        required=False, default=False, help_text="Whether they answer for the company's loans."
    )


@extend_schema_field(DirectorSerializer(many=True))
class DirectorsField(JsonListField):
    """The directors of a company."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=DirectorSerializer(), max_length=MAX_DIRECTORS, **kwargs)


class IdentityDocumentSerializer(Serializer):
    """A document that proves who a person is."""

    id = serializers.CharField(
        required=False,
        max_length=36,
        help_text="Given by us; it says which document an edited or masked one is. New ones have none.",
    )
    document_type = serializers.ChoiceField(choices=IdentityDocumentType.choices)
    number = DigitsField(
        validators=[
            RegexValidator(rf"\A[0-9A-Za-z{DOT}]{{3,40}}\Z", "A number has 3 to 40 letters and digits.")
        ],
        help_text="Masked except to administrators and the owner.",
    )
    issuing_state = serializers.ChoiceField(
        choices=State.choices, required=False, allow_blank=True, default=""
    )
    issuing_country = serializers.RegexField(
        r"\A[A-Z]{2}\Z", required=False, default="AU", help_text="ISO 3166-1 alpha-2."
    )
    expiry_date = serializers.DateField(required=False, allow_null=True, default=None)


@extend_schema_field(IdentityDocumentSerializer(many=True))
class IdentityDocumentsField(JsonListField):
    """The documents of a person, which are encrypted together; their numbers are masked as other secrets are.

    A document whose number is the mask that was read keeps the number of the stored one with its id.
    """

    reads = reads_of(reads_secrets)
    default_error_messages = {
        **SecretField.default_error_messages,
        "unknown": "The borrower has no such document.",
        "repeated": "Each may be named once.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=IdentityDocumentSerializer(), max_length=MAX_DOCUMENTS, **kwargs)

    def get_attribute(self, instance: Any) -> list[dict[str, Any]]:
        """What this caller may see of them; none when they cannot be read."""
        documents = documents_in(super().get_attribute(instance)) or []
        if reads_secrets(caller_of(self), instance):
            return documents
        return [{**document, "number": mask(document["number"])} for document in documents]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The text to store.

        Raises:
            Conflict: what is stored cannot be read, so nobody knows what would be overwritten.
        """
        documents = super().run_validation(data)
        stored = getattr(getattr(self.root, "instance", None), str(self.source), "")
        known = documents_in(stored)
        if known is None:
            raise Conflict(UNREADABLE_DETAIL)
        self._identify(documents, {document["id"]: document for document in known})
        text = json.dumps(documents) if documents else ""
        return stored if documents == known else text

    def _identify(self, documents: list[dict[str, Any]], known: dict[str, dict[str, Any]]) -> None:
        """Give new documents an id, and masked ones the number that they have."""
        errors: dict[Any, Any] = {}
        for place, document in enumerate(documents):
            stored: dict[str, Any] = {}
            if "id" in document:
                earlier = [one.get("id") for one in documents[:place]]
                if document["id"] not in known or document["id"] in earlier:
                    code = "repeated" if document["id"] in known else "unknown"
                    errors[place] = {"id": [self.error_messages[code]]}
                    continue
                stored = known[document["id"]]
            if DOT in document["number"]:
                if not stored or mask(stored["number"]) != document["number"]:
                    errors[place] = {"number": [self.error_messages["masked"]]}
                    continue
                document["number"] = stored["number"]
            document.setdefault("id", str(uuid4()))
        if errors:
            raise serializers.ValidationError(errors)


def documents_in(value: Any) -> list[dict[str, Any]] | None:
    """The identity documents in a column's value; None when they cannot be read.

    Lists from before documents had ids are numbered; with the next write the numbers are stored.
    """
    text = plain(value)
    if not text:
        return None if text is None else []
    try:
        documents = json.loads(text)
        return [{"id": str(place), **document} for place, document in enumerate(documents)]
    except (ValueError, TypeError):
        logger.error("borrowers.identity_documents_malformed")
        return None
