"""What applications are found by: always what the rows say, whoever wrote them and in whatever order."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from applications.models import Application, ApplicationBorrower, SearchDocument
from applications.services.applications import application_delete
from borrowers.models import Borrower
from brokers.models import Broker
from tests.factories import ApplicationFactory, BorrowerFactory, BrokerFactory
from tests.threads import with_own_connection


@pytest.fixture
def application(db: None) -> Application:
    """One with a broker and a borrower, whose names are in it."""
    broker = BrokerFactory.create(
        first_name="Berta", last_name="Ng", company_name="Söhne & Co", email="b@x.example"
    )
    made: Application = ApplicationFactory.create(
        broker=broker, purpose="Buy 100% of a_boat \\ yacht", reference_number="APP-QWERTZ12"
    )
    borrower = BorrowerFactory.create(first_name="Mia", last_name="O'Brien", email="mia.obrien@x.example")
    ApplicationBorrower.objects.create(application=made, borrower=borrower)
    return made


def finds(world, api, words: str) -> list[int]:
    for number, side in enumerate((world.ours, world.theirs)):  # nothing sought is in theirs by chance
        others = Application.objects.filter(pk=side.application.pk)
        others.update(reference_number=f"APP-0000000{number}")
    reply = api(world.admin).get("/api/applications/", {"search": words})
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


@pytest.mark.parametrize(
    "words",
    ["QWERTZ12", "app-qwertz12", "app-q", "App-Qw", "pp-q",
     "wertz", "yacht", "berta", "BERT", "söhne", "SÖHNE", "b@x.example", "mia",
     "o'brien", "brien", "mia.obrien@x.example", "obrien@x", "yacht berta mia", "mia berta", '"berta ng"',
     '"mia o\'brien"', "100%", "a_boat", "\\", "ng", "s", "mi", "o'", "bu", "a_"],
)  # fmt: skip
def test_a_word_is_found_in_any_of_them(world, api, application, words):
    assert finds(world, api, words) == [application.pk]


@pytest.mark.parametrize(
    "words",
    [
        "qwertz13",
        "yacht xavier",
        "1%0",
        "b_at",
        "100_",
        "%%%",
        "___",
        '"ng söhne"',
        "rt",
        "ia",
        "n'",
        "_",
        "%",
    ],
)
def test_a_word_is_not_found_elsewhere(world, api, application, words):
    assert finds(world, api, words) == []


def text_of(application: Application) -> str:
    return SearchDocument.objects.get(application=application).text


def test_the_document_has_a_line_for_each_name_and_address(application):
    assert text_of(application).split("\n") == [
        " APP-QWERTZ12", " BUY 100% OF A_BOAT \\ YACHT", " BERTA NG", " SÖHNE & CO", " B@X.EXAMPLE",
        " MIA O'BRIEN", " MIA.OBRIEN@X.EXAMPLE",
    ]  # fmt: skip


def test_the_document_follows_every_change(application):
    link = application.borrower_links.get()
    second = BorrowerFactory.create(
        borrower_type="company", first_name="", last_name="", company_name="Zephyr", email=""
    )
    other = BrokerFactory.create(first_name="Otto", last_name="Other")

    def change(act: Callable[[], object], gone: str, there: str) -> None:
        assert gone in text_of(application)
        act()
        assert gone not in text_of(application)
        assert there in text_of(application)

    change(lambda: Borrower.objects.update(last_name="Zola"), "O'BRIEN", " MIA ZOLA")
    change(lambda: Broker.objects.filter(pk=application.broker_id).update(email="n@x.example"), "B@X", " N@X")
    change(lambda: Application.objects.update(purpose="Sell"), "YACHT", " SELL")
    change(lambda: Application.objects.update(broker=other), "BERTA", " OTTO OTHER")
    change(lambda: Application.objects.update(broker=None), "OTTO", "APP-")
    change(lambda: ApplicationBorrower.objects.update(borrower=second), "MIA", "\n ZEPHYR")
    change(lambda: ApplicationBorrower.objects.filter(pk=link.pk).delete(), "ZEPHYR", "APP-")
    ApplicationBorrower.objects.bulk_create([ApplicationBorrower(application=application, borrower=second)])
    assert text_of(application).endswith("\n ZEPHYR")
    elsewhere = ApplicationFactory.create()
    ApplicationBorrower.objects.update(application=elsewhere)
    assert ("ZEPHYR" in text_of(application), "ZEPHYR" in text_of(elsewhere)) == (False, True)


def test_an_application_takes_its_document_along(world, application):
    application_delete(application=application, actor=world.admin)
    assert not SearchDocument.objects.filter(pk=application.pk).exists()
    assert SearchDocument.objects.count() == Application.objects.count()


def test_what_does_not_concern_it_does_not_write_it(application):
    def version() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text, xmin::text FROM applications_searchdocument")
            return str(cursor.fetchall())

    before = version()
    Application.objects.update(stage="settled", loan_amount=1)
    Borrower.objects.update(phone="0491570006", first_name="Mia")
    application.borrower_links.update(position=3)
    assert version() == before


# --- at the same moment -----------------------------------------------------------------------------


def meanwhile(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Begin the second while the first is done but not yet committed."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            running = pool.submit(with_own_connection, second)
            time.sleep(0.3)
        running.result(timeout=20)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turned", [False, True])
def test_a_name_that_changes_while_its_bearer_joins_is_the_new_one(turned):
    application, borrower = ApplicationFactory.create(), BorrowerFactory.create(last_name="Before")
    acts = [
        lambda: Borrower.objects.filter(pk=borrower.pk).update(last_name="After"),
        lambda: ApplicationBorrower.objects.create(application=application, borrower=borrower),
    ]
    meanwhile(*(acts[::-1] if turned else acts))
    assert text_of(application).split("\n")[1] == " BEA AFTER"


@pytest.mark.django_db(transaction=True)
def test_two_on_one_application_may_change_their_names_at_once():
    broker, borrower = BrokerFactory.create(), BorrowerFactory.create()
    application = ApplicationFactory.create(broker=broker)
    ApplicationBorrower.objects.create(application=application, borrower=borrower)
    meanwhile(
        lambda: Broker.objects.filter(pk=broker.pk).update(last_name="Newby"),
        lambda: Borrower.objects.filter(pk=borrower.pk).update(last_name="Newman"),
    )
    assert "NEWBY" in text_of(application)
    assert "NEWMAN" in text_of(application)
