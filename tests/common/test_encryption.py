"""Encrypted columns: what the database has, what is printed, and how keys are changed."""

import copy
import json
from io import StringIO

import pytest
import structlog
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from borrowers.models import Borrower
from crm_backend.common import reencryption
from crm_backend.common.encryption import Keyring, Secret, Undecryptable, keyring, mask
from tests.factories import BorrowerFactory

TFN = "123456782"
ACCOUNT = "12345678"
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
INDEX = Borrower._meta.get_field("tax_id_index")


def stored(borrower):
    """The columns as the database has them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tax_id, bank_account_number, tax_id_index FROM borrowers_borrower WHERE id = %s",
            [borrower.pk],
        )
        return cursor.fetchone()


def one(**fields):
    account = {"bank_account_name": "B", "bank_bsb": "000001", "bank_account_number": ACCOUNT}
    return BorrowerFactory.create(tax_id=TFN, **account, **fields)


def reencrypt(**options):
    out = StringIO()
    call_command("reencrypt", stdout=out, **options)
    return out.getvalue()


# --- keys and values ------------------------------------------------------------------------------


def test_what_one_key_encrypted_the_same_key_reads():
    ring = Keyring([NEW])
    text = ring.encrypt(TFN)
    assert TFN not in text
    assert ring.encrypt(TFN) != text
    assert ring.decrypt(text) == TFN


def test_the_first_key_encrypts_and_every_key_decrypts():
    old = Keyring([OLD]).encrypt(TFN)
    both = Keyring([NEW, OLD])
    assert both.decrypt(old) == TFN
    assert Keyring([NEW]).decrypt(both.encrypt(TFN)) == TFN
    with pytest.raises(Undecryptable, match="not among FIELD_ENCRYPTION_KEYS"):
        Keyring([NEW]).decrypt(old)


@pytest.mark.parametrize(
    "edit", [lambda t: t[:-3], lambda t: t[:40] + "A" + t[41:], lambda t: t.split(":")[0]]
)
def test_an_edited_value_is_noticed_and_not_repeated(edit):
    ring = Keyring([NEW])
    text = edit(ring.encrypt(TFN))
    with pytest.raises(Undecryptable) as refusal:
        ring.decrypt(text)
    assert text not in str(refusal.value)


def test_hashes_are_equal_for_equal_values_of_one_purpose_and_key_only():
    ring = Keyring([NEW])
    assert ring.fingerprint(TFN, "a") == ring.fingerprint(TFN, "a")
    others = {
        ring.fingerprint(TFN, "b"),
        ring.fingerprint("876543210", "a"),
        Keyring([OLD]).fingerprint(TFN, "a"),
    }
    assert ring.fingerprint(TFN, "a") not in others
    assert len(others) == 3
    assert (ring.fingerprint("", "a"), ring.fingerprints("", "a")) == ("", [])


@pytest.mark.parametrize(
    ("text", "masked"),
    [("", ""), ("12345", "•••••"), ("123456", "••••••"), ("1234567", "••••567"), (TFN, "••••••782")],
)
def test_a_mask_shows_at_most_the_last_three(text, masked):
    assert mask(text) == masked


@pytest.mark.django_db
def test_a_value_is_never_printed():
    borrower = Borrower.objects.get(pk=one().pk)
    secret = borrower.tax_id
    printed = f"{secret} {secret!r} {secret!s} {borrower} {borrower!r} {vars(borrower)} {keyring().newest!r}"
    assert TFN not in printed
    row = Borrower.objects.values("tax_id").first()
    assert json.dumps(row, default=str, ensure_ascii=False) == '{"tax_id": "Secret(•••)"}'
    assert secret.reveal() == TFN


@pytest.mark.django_db
def test_secrets_compare_by_their_texts():
    first, second = (Borrower.objects.get(pk=one().pk).tax_id for _ in range(2))
    assert first.stored != second.stored
    assert first == second == TFN == copy.copy(first)
    assert first not in ("", None, "876543210", Secret(""))
    assert not Secret("")
    with pytest.raises(TypeError):
        hash(first)
    broken = Secret("nobody:knows")
    assert broken == Secret("nobody:knows")
    assert broken not in (TFN, first, "", None)


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_database_has_neither_the_value_nor_its_plain_hash():
    borrower = one()
    tax_id, account, index = stored(borrower)
    assert TFN not in tax_id
    assert ACCOUNT not in account
    assert len(index) == 64
    assert Borrower.objects.filter(tax_id_index__in=INDEX.matching(TFN)).get() == borrower
    assert stored(BorrowerFactory.create()) == ("", "", "")


@pytest.mark.django_db
def test_saving_what_was_read_does_not_encrypt_it_again():
    borrower = Borrower.objects.get(pk=one().pk)
    before = stored(borrower)
    borrower.save()
    assert stored(borrower) == before
    borrower.full_clean(exclude=["created_by"])
    borrower.save()
    assert stored(borrower) == before
    borrower.tax_id = "876543210"
    borrower.save()
    assert Borrower.objects.get(tax_id_index__in=INDEX.matching("876543210")) == borrower
    borrower.tax_id = ""
    borrower.save()
    assert (stored(borrower)[0], stored(borrower)[2]) == ("", "")


@pytest.mark.parametrize("lookup", [{"tax_id": TFN}, {"tax_id__icontains": "1"}, {"tax_id__in": [TFN]}])
def test_an_encrypted_column_cannot_be_searched(lookup):
    with pytest.raises(TypeError, match="encrypted"):
        Borrower.objects.filter(**lookup)


@pytest.mark.django_db
def test_rows_without_a_value_can_be_found():
    with_one, without = one(), BorrowerFactory.create()
    assert Borrower.objects.get(tax_id="") == without
    assert Borrower.objects.exclude(tax_id="").get() == with_one


@pytest.mark.django_db
def test_a_value_that_no_key_reads_is_logged_without_it_and_reads_as_none(settings):
    borrower = one()
    settings.FIELD_ENCRYPTION_KEYS = [OTHER]
    secret = Borrower.objects.get(pk=borrower.pk).tax_id
    with structlog.testing.capture_logs() as lines:
        assert secret.read() is None
    assert lines == [
        {
            "event": "encryption.undecryptable",
            "log_level": "error",
            "column": "borrowers.Borrower.tax_id",
            "reason": "it was encrypted with a key that is not among FIELD_ENCRYPTION_KEYS",
        }
    ]


# --- other keys -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_after_encrypting_anew_the_old_key_can_go(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    borrowers = [one() for _ in range(5)]
    nothing = BorrowerFactory.create()
    old_hash = stored(borrowers[0])[2]
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    later = one()
    assert Borrower.objects.get(pk=borrowers[0].pk).tax_id == TFN
    assert Borrower.objects.filter(tax_id_index__in=INDEX.matching(TFN)).count() == 6
    stamps = dict(Borrower.objects.values_list("pk", "updated_at"))

    assert "borrowers.Borrower: 5 rows encrypted" in reencrypt(batch_size=2)

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    for borrower in [*borrowers, later]:
        fresh = Borrower.objects.get(pk=borrower.pk)
        assert (fresh.tax_id.reveal(), fresh.bank_account_number.reveal()) == (TFN, ACCOUNT)
        assert stored(borrower)[2] != old_hash
    assert Borrower.objects.filter(tax_id_index__in=INDEX.matching(TFN)).count() == 6
    assert stored(nothing) == ("", "", "")
    assert dict(Borrower.objects.values_list("pk", "updated_at")) == stamps
    assert "borrowers.Borrower: 0 rows encrypted" in reencrypt()


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_run_goes_on_where_it_was(settings, monkeypatch):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    borrowers = [one() for _ in range(5)]
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    renew, seen = reencryption._renew, []

    def killed_in_the_second_batch(row, outcome):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(row.pk)
        renew(row, outcome)

    monkeypatch.setattr(reencryption, "_renew", killed_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        reencrypt(batch_size=2)
    done = [stored(b)[0].startswith(f"{keyring().newest.id}:") for b in borrowers]
    assert done == [True, True, False, False, False]  # the second batch was undone as a whole
    monkeypatch.setattr(reencryption, "_renew", renew)
    assert "borrowers.Borrower: 3 rows encrypted" in reencrypt(batch_size=2)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert {Borrower.objects.get(pk=b.pk).tax_id.reveal() for b in borrowers} == {TFN}


@pytest.mark.django_db
def test_what_cannot_be_read_is_left_named_and_counted(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    good, bad = one(), one()
    Borrower.objects.filter(pk=bad.pk).update(tax_id=Secret("nobody:knows"))
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    before = stored(bad)
    with structlog.testing.capture_logs() as lines, pytest.raises(CommandError, match="1 values could not"):
        reencrypt(batch_size=1)
    named = [(line["column"], line["pk"]) for line in lines if line["event"] == "encryption.unreadable"]
    assert named == [("borrowers.Borrower.tax_id", bad.pk)]
    assert (stored(bad)[0], stored(bad)[2]) == (before[0], before[2])
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert Borrower.objects.get(pk=good.pk).tax_id == TFN
    assert Borrower.objects.get(pk=bad.pk).bank_account_number == ACCOUNT


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(CommandError, match="at least 1"):
        reencrypt(batch_size=0)
