"""`manage.py demo`: when it runs, when it refuses, and that it repeats itself."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from applications.models import Application
from demo import book as book_module
from documents.choices import LetterType
from documents.models import Document, Note, SignatureRequest, SigningMail
from documents.services.sealing import request_verify
from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import OutgoingMail
from tests.demo.support import TODAY
from tests.demo.test_same_as_services import snapshot
from users.models import User

pytestmark = pytest.mark.django_db
FEW = 12
LETTERS = {str(label) for label in LetterType.labels}


def run(path: Path, **options: Any) -> str:
    out = StringIO()
    given = {"limit": FEW, "today": TODAY, "logins": path, "files": False, **options}
    call_command("demo", stdout=out, **given)
    return out.getvalue()


def nothing_there() -> bool:
    return not User.objects.all().exists() and not Event.objects.exists()


def test_the_same_seed_and_day_give_the_same_book_and_another_seed_another(tmp_path: Path) -> None:
    books = []
    for seed in (7, 7, 8):
        with transaction.atomic():
            run(tmp_path / "logins.json", seed=seed)
            books.append(snapshot())
            transaction.set_rollback(True)
    first, again, other = books
    assert first == again
    assert first["Borrower"] != other["Borrower"]
    assert first["StageChange"] != other["StageChange"]


def test_scale_tells_every_loan_again_with_other_people(tmp_path: Path) -> None:
    run(tmp_path / "logins.json", scale=3)
    assert Application.objects.count() == 3 * FEW
    assert Application.objects.values("reference_number").distinct().count() == 3 * FEW
    amounts = list(Application.objects.order_by("loan_amount").values_list("loan_amount", flat=True))
    assert amounts[0::3] == amounts[1::3] == amounts[2::3]
    times = list(Application.objects.order_by("id").values_list("created_at", flat=True))
    assert times == sorted(set(times))


def test_the_logins_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "logins.json"
    run(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    logins = json.loads(path.read_text())
    assert set(logins) == {"admin", "bd", "broker", "client"}
    for role, login in logins.items():
        user = User.objects.get(email=login["email"])
        assert user.role == role
        assert user.check_password(login["password"])
    assert list(path.parent.iterdir()) == [path]


def test_it_reports_what_it_wrote(tmp_path: Path) -> None:
    text = run(tmp_path / "logins.json")
    assert "Applications: 12 of 12 (100 %)" in text
    assert "       12 applications\n" in text
    assert "\r" not in text
    for login in json.loads((tmp_path / "logins.json").read_text()).values():
        assert f"{login['email']}   {login['password']}" in text


def test_it_refuses_a_database_with_data(tmp_path: Path, world: Any) -> None:
    before = snapshot()
    with pytest.raises(CommandError, match="has users or applications already"):
        run(tmp_path / "logins.json")
    assert snapshot() == before
    assert not (tmp_path / "logins.json").exists()


def test_if_empty_does_nothing_when_there_is_data(tmp_path: Path, world: Any) -> None:
    before = snapshot()
    assert run(tmp_path / "logins.json", if_empty=True) == "There is data already; no demo data loaded.\n"
    assert snapshot() == before


def test_if_empty_loads_when_there_is_none(tmp_path: Path) -> None:
    text = run(tmp_path / "logins.json", if_empty=True)
    assert Application.objects.count() == FEW
    assert "log in as" not in text


def test_it_refuses_production(tmp_path: Path, settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="no place in production"):
        run(tmp_path / "logins.json")
    assert nothing_there()


def test_a_run_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(book_module, "write_logins", fail)
    with pytest.raises(OSError, match="the disk is full"):
        run(tmp_path / "logins.json")
    assert nothing_there()


@pytest.mark.parametrize(
    ("option", "value"), [("scale", 0), ("limit", 9), ("today", TODAY.replace(year=2999))]
)
def test_it_refuses_senseless_options(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(CommandError, match=f"--{option}"):
        run(tmp_path / "logins.json", **{option: value})
    assert nothing_there()


def test_the_demo_client_has_papers_that_can_be_read_and_found(tmp_path: Path, api: Any) -> None:
    run(tmp_path / "logins.json", files=True)
    client = api(User.objects.get(email="client@example.com"))
    rows = client.get("/api/documents/documents/").json()["results"]
    # Of each of two applications: three own papers, and the contract.
    assert sorted({row["title"] for row in rows} - LETTERS) == [
        "Bank statement Q1",
        "Contract",
        "Licence",
        "Payslip March",
    ]
    assert {row["current"]["status"] for row in rows} == {"ready"}
    assert {row["current"]["number"] for row in rows if row["title"] == "Contract"} == {2}
    assert {row["current"]["pages"] for row in rows if row["title"] == "Bank statement Q1"} == {3}
    assert client.get("/api/documents/documents/", {"search": "salary"}).json()["count"] == 2


def test_the_demo_client_has_letters_to_read_and_one_to_sign(tmp_path: Path) -> None:
    run(tmp_path / "logins.json", files=True)
    client = User.objects.get(email="client@example.com")
    titles = Document.objects.visible_to(client).order_by("pk").values_list("title", flat=True)
    assert [title for title in titles if title in LETTERS] == [
        "Loan agreement",
        "Settlement letter",
        "Statement of account",
        "Indicative letter of offer",
    ]
    signed, to_sign = SignatureRequest.objects.order_by("pk")
    assert (signed.status, to_sign.status) == ("completed", "open")
    assert all(check.is_intact for check in request_verify(signed))
    assert Note.objects.visible_to(client).count() == 1
    assert Note.objects.count() == 3
    assert client.notifications.filter(event__type="signature.requested").count() == 2
    dispatch_pending()
    assert not SigningMail.objects.exists()
    assert not OutgoingMail.objects.exists()
