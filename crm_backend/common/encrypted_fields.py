"""Model fields for encrypted values."""

from typing import Any

from django.db import models
from django.db.models.lookups import Exact

from crm_backend.common.encryption import Secret, keyring, plain


class EncryptedTextField(models.TextField):
    """Text that only this installation's keys can read; "" stays "".

    A row read from the database has a `Secret` here, which decrypts when asked. Assigning text, or a
    secret as it is, both do. It cannot be filtered by its value: for that there is `BlindIndexField`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(blank=True, default="")
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """As in the declaration."""
        name, path, args, kwargs = super().deconstruct()
        for own in ("blank", "default"):
            kwargs.pop(own, None)
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Keep it sealed."""
        model = getattr(self, "model", None)
        return None if value is None else Secret(value, f"{model._meta.label}.{self.name}" if model else "")

    def to_python(self, value: Any) -> Any:
        """A secret is clean as it is."""
        return value if isinstance(value, Secret) else super().to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt text; what is sealed already goes back as it came."""
        if isinstance(value, Secret):
            return value.stored
        return keyring().encrypt(str(value)) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        """Only what looks at the stored text itself; a value would be encrypted anew and match nothing."""
        if lookup_name not in {"exact", "startswith"}:
            raise TypeError(f"{self.name} is encrypted and cannot be filtered by {lookup_name!r}")
        return super().get_lookup(lookup_name)


@EncryptedTextField.register_lookup
class IsEmpty(Exact):
    """`field=""`: the one comparison that needs no key."""

    def get_prep_lookup(self) -> str:
        """Refuse any other value."""
        if self.rhs != "":
            raise TypeError("an encrypted column can only be compared with nothing")
        return ""


class BlindIndexField(models.CharField):
    """A keyed hash of an encrypted field, to find equal values by; written with the row.

    Saving with `update_fields` has to name it beside its source.
    """

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        kwargs.update(max_length=64, blank=True, default="", editable=False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """As in the declaration."""
        name, path, args, kwargs = super().deconstruct()
        for own in ("max_length", "blank", "default", "editable"):
            kwargs.pop(own, None)
        return name, path, args, {**kwargs, "source": self.source}

    @property
    def purpose(self) -> str:
        """Equal values of different columns have different hashes."""
        return f"{self.model._meta.label_lower}.{self.source}"

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Hash the source as it is now; of one that cannot be read the hash stays."""
        text = plain(getattr(model_instance, self.source))
        if text is not None:
            setattr(model_instance, self.attname, keyring().fingerprint(text, self.purpose))
        return str(getattr(model_instance, self.attname))

    def matching(self, value: Any) -> list[str]:
        """The hashes under which rows with this value are found; none of nothing."""
        return keyring().fingerprints(plain(value) or "", self.purpose)
