"""Templates, previews, and letters made of real applications."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, ApplicationGuarantor
from borrowers.models import Borrower
from documents.choices import DocumentKind, LetterType
from documents.facts.letters import LetterOptions, letter_facts
from documents.letters.sample import SAMPLE
from documents.models import Document, GeneratedLetter, LetterTemplate, StoredFile
from documents.services.letters import letter_make
from events.models import Event
from jobs.models import Job
from jobs.services.running import job_run
from servicing.dates import business_date
from servicing.services.changes import loan_extend
from tests.documents.printed import flat, stored, text_of_docx, text_of_pdf, word_template
from tests.servicing.kit import settled
from tests.writes import nothing_written

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEMPLATE = '#letter(subject: "Ours")[Dear #data.borrowers_listed: #data.application.amount]'


def generate(client, letter_type, application, **options):
    return client.post(f"/api/templates/{letter_type}/generate/", {"application": application.pk, **options})


def made(reply):
    """Do the job of a reply; the document that came of it."""
    assert reply.status_code == 202, reply.content
    job_run(reply.json()["id"])
    job = Job.objects.get(pk=reply.json()["id"])
    assert job.status == "succeeded", job.result
    return Document.objects.get(pk=job.result["document"])


def shape(value):
    """The names and types of facts, lists by their first row."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


@pytest.fixture
def loan(world):
    """A settled loan of ours, with a guarantor."""
    ApplicationGuarantor.objects.create(application=world.ours.application, guarantor=world.ours.guarantor)
    return settled(world.admin, world.ours.application, on=date(2026, 1, 15)).application


def test_the_facts_of_a_loan_have_the_shape_of_the_sample(world, loan, settings):
    settings.LENDER_ADDRESS = ["1 Harbour Street"]
    Borrower.objects.update(street="1 High Street", city="Newtown", state="NSW", postcode="2042")
    facts = letter_facts(loan, LetterType.STATEMENT, LetterOptions(dated=date(2026, 6, 1)))
    found, wanted = shape(facts), shape(SAMPLE)
    wanted["fees"] = found["fees"] = []
    assert found == wanted


def test_the_facts_before_settlement_have_the_same_names(world):
    facts = letter_facts(world.ours.application, LetterType.INDICATIVE, LetterOptions(dated=date(2026, 6, 1)))
    for name, value in SAMPLE.items():
        if isinstance(value, dict):
            assert set(facts[name]) == set(value), name
    assert facts["application"]["amount"] == "A$450,000.00"
    assert facts["application"]["term"] == "360 months (30 years)"
    assert facts["application"]["rate"] == "6.25%"
    assert len(facts["schedule"]["rows"]) == 360
    assert facts["schedule"]["is_indicative"] is True
    assert facts["schedule"]["totals"]["principal"] == "A$450,000.00"
    assert facts["letter"]["valid_until"] == "1 July 2026"


@pytest.mark.parametrize("form", ["pdf", "docx"])
@pytest.mark.parametrize("letter_type", LetterType.values)
def test_every_letter_is_made_of_a_real_loan(world, api, loan, letter_type, form):
    if letter_type == LetterType.EXTENSION:
        loan_extend(application=loan, actor=world.admin, interest_rate=Decimal("5.0000"))
    options = {"guarantor": world.ours.guarantor.pk} if letter_type == LetterType.GUARANTOR_LETTER else {}
    document = made(generate(api(world.ours.bd_user), letter_type, loan, format=form, **options))
    content = stored(document.current)
    text = text_of_pdf(content) if form == "pdf" else text_of_docx(content)
    assert loan.reference_number in text
    assert world.ours.borrower.display_name in text
    assert document.current.name.endswith(f"{loan.reference_number}.{form}")
    assert document.current.file.content_type == (PDF if form == "pdf" else WORD)


def test_a_letter_is_a_document_of_the_application_that_names_where_it_came_from(world, api, loan):
    client = api(world.ours.bd_user)
    reply = generate(
        client, "loan_agreement", loan, title="Agreement", visible_to_client=True, date="2026-02-01"
    )
    assert reply["Location"].endswith(f"/api/jobs/{reply.json()['id']}/")
    document = made(reply)
    assert (document.application, document.title, document.kind) == (
        loan,
        "Agreement",
        DocumentKind.AGREEMENT,
    )
    assert (document.visible_to_client, document.created_by) == (True, world.ours.bd_user)
    letter = document.current.letter
    assert letter.template is None
    assert letter.facts["letter"]["date"] == "1 February 2026"
    assert letter.places[0]["name"] == world.ours.borrower.display_name
    event = Event.objects.get(type="document.uploaded", application_id=loan.pk)
    assert world.ours.client_user.pk in event.recipients
    timeline = client.get(f"/api/applications/{loan.pk}/timeline/").json()["results"]
    assert "Agreement uploaded: Agreement." in [entry["summary"] for entry in timeline]


def test_figures_of_a_letter_are_those_of_the_ledger(world, api, loan):
    client = api(world.ours.bd_user)
    day = business_date()
    text = text_of_pdf(stored(made(generate(client, "discharge", loan)).current))
    payoff = client.get(f"/api/applications/{loan.pk}/payoff/").json()
    figures = payoff["figures"][0] if "figures" in payoff else payoff
    total = Decimal(figures["total"])
    assert f"A${total:,.2f}" in text
    assert f"{day.day} {day:%B %Y}" in text


def test_a_name_that_is_markup_stays_a_name(world, api):
    name = '#eval("1") {{ 7*7 }} <w:p> $x$ *b*'
    Borrower.objects.filter(pk=world.ours.borrower.pk).update(first_name=name)
    for form, read in (("pdf", text_of_pdf), ("docx", text_of_docx)):
        document = made(generate(api(world.admin), "indicative", world.ours.application, format=form))
        assert flat(name) in flat(read(stored(document.current)))


@pytest.mark.parametrize(
    ("letter_type", "missing"),
    [
        ("approval", ["it needs an approved amount"]),
        ("loan_agreement", ["it needs an approved amount"]),
        ("settlement", ["it has not been settled"]),
        ("statement", ["it has not been settled"]),
        ("discharge", ["it has not been settled"]),
        ("extension", ["it has not been settled", "the terms of its loan have not been changed"]),
        ("guarantor_letter", ["it needs a guarantor"]),
    ],
)
def test_a_letter_of_what_is_not_there_is_refused_by_what_is_missing(world, api, letter_type, missing):
    client = api(world.ours.bd_user)
    with nothing_written():
        reply = generate(client, letter_type, world.ours.application)
    assert reply.status_code == 409
    assert (reply.json()["code"], reply.json()["missing"]) == ("letter_not_possible", missing)
    preview = client.get(f"/api/templates/{letter_type}/preview/", {"application": world.ours.application.pk})
    assert (preview.status_code, preview.json()["missing"]) == (409, missing)


def test_a_guarantor_letter_goes_to_a_guarantor_of_the_application(world, api, loan):
    client = api(world.admin)
    reply = generate(client, "guarantor_letter", loan)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["guarantor"])
    reply = generate(client, "guarantor_letter", loan, guarantor=world.theirs.guarantor.pk)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["guarantor"])


def test_nobody_makes_letters_of_what_they_do_not_see(world, api):
    reply = generate(api(world.ours.bd_user), "indicative", world.theirs.application)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["application"])
    for role in ("broker", "client"):
        reply = generate(api(world.user(role)), "indicative", world.ours.application)
        assert reply.status_code == 403


def test_there_is_no_such_letter(world, api):
    assert generate(api(world.admin), "poem", world.ours.application).status_code == 404


def test_a_job_that_is_repeated_finds_the_letter_that_it_made(world, api):
    reply = generate(api(world.admin), "indicative", world.ours.application)
    document = made(reply)
    Job.objects.filter(pk=reply.json()["id"]).update(status="queued", finished_at=None, lease_until=None)
    job_run(reply.json()["id"])
    assert Job.objects.get(pk=reply.json()["id"]).result["document"] == document.pk
    assert Document.objects.count() == GeneratedLetter.objects.count() == 1


def test_a_letter_that_becomes_impossible_fails_its_job_with_the_reason(world, api, loan):
    reply = generate(api(world.admin), "indicative", world.ours.application)
    Application.objects.get(pk=loan.pk).borrower_links.all().delete()
    job_run(reply.json()["id"])
    job = Job.objects.get(pk=reply.json()["id"])
    assert (job.status, job.message) == ("failed", "For this letter: it needs a borrower.")
    assert job.result["missing"] == ["it needs a borrower"]
    assert not Document.objects.exists()
    assert not StoredFile.objects.exists()


# --- templates --------------------------------------------------------------------------------


def add(client, **fields):
    given = {"letter_type": "indicative", "format": "pdf", "name": "Ours", "source": TEMPLATE, **fields}
    return client.post("/api/templates/", given)


def test_versions_of_a_template_follow_each_other_and_one_is_in_use(world, api):
    client = api(world.admin)
    first = add(client, is_active=True).json()
    second = add(client, is_active=True).json()
    third = add(client).json()
    assert [one["version"] for one in (first, second, third)] == [1, 2, 3]
    active = client.get("/api/templates/", {"is_active": "true"}).json()["results"]
    assert [one["id"] for one in active] == [second["id"]]
    types = {one["letter_type"]: one for one in client.get("/api/templates/types/").json()}
    assert (types["indicative"]["pdf_version"], types["indicative"]["docx_version"]) == (2, None)
    reply = client.patch(f"/api/templates/{first['id']}/", {"is_active": True})
    assert (reply.status_code, reply.json()["is_active"]) == (200, True)
    assert LetterTemplate.objects.active().get().pk == first["id"]
    events = Event.objects.filter(subject_type="lettertemplate").order_by("id")
    added, activated = "template.added", "template.activated"
    told = [added, activated, added, activated, added, activated]
    assert list(events.values_list("type", flat=True)) == told


def test_letters_are_made_from_the_template_in_use_and_keep_it(world, api):
    client = api(world.admin)
    template = add(client, is_active=True).json()
    document = made(generate(client, "indicative", world.ours.application))
    assert f"Dear {world.ours.borrower.display_name}: A$450,000.00" in text_of_pdf(stored(document.current))
    letter = document.current.letter
    assert (letter.template_id, letter.template_sha256) == (template["id"], template["sha256"])
    assert client.delete(f"/api/templates/{template['id']}/").status_code == 409
    client.patch(f"/api/templates/{template['id']}/", {"is_active": False})
    text = text_of_pdf(stored(made(generate(client, "indicative", world.ours.application)).current))
    assert "Indicative letter of offer" in text


def test_a_word_template_is_a_file(world, api):
    client = api(world.admin)
    content = word_template("Hello {{ borrowers_listed }}")
    file = SimpleUploadedFile("ours.docx", content)
    fields = {"letter_type": "indicative", "format": "docx", "name": "Ours", "is_active": True, "file": file}
    reply = client.post("/api/templates/", fields, format="multipart")
    assert reply.status_code == 201, reply.content
    document = made(generate(client, "indicative", world.ours.application, format="docx"))
    assert f"Hello {world.ours.borrower.display_name}" in text_of_docx(stored(document.current))
    source = client.get(f"/api/templates/{reply.json()['id']}/source/")
    assert (source.content, source["Content-Type"]) == (content, WORD)


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("Hello\n#nothing", "Line 2: unknown variable: nothing", 2),
        ("#data.nobody", 'Line 1: dictionary does not contain key "nobody"', 1),
        ("#while true { let x = 1 }", "Line 1: condition is always true", 1),
    ],
)
def test_a_broken_template_is_refused_with_its_line(world, api, source, message, line):
    client = api(world.admin)
    with nothing_written():
        reply = add(client, source=source)
    body = reply.json()
    assert (reply.status_code, body["code"], body["line"]) == (400, "broken_template", line)
    assert body["errors"]["source"][0].startswith(message)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": ""}, "source"),
        ({"source": "x" * (1024 * 1024 + 1)}, "source"),
        ({"format": "docx"}, "source"),
        ({"format": "odt"}, "format"),
        ({"letter_type": "poem"}, "letter_type"),
        ({"name": ""}, "name"),
        ({"version": 7}, "version"),
    ],
)
def test_a_template_that_says_too_little_or_too_much_is_refused(world, api, fields, field):
    client = api(world.admin)
    with nothing_written():
        reply = add(client, **fields)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


def test_a_preview_shows_made_up_facts_or_those_of_an_application(world, api):
    client = api(world.ours.bd_user)
    template = add(api(world.admin)).json()
    address = f"/api/templates/{template['id']}/preview/"
    reply = client.get(address)
    assert (reply.status_code, reply["Content-Type"]) == (200, PDF)
    assert reply["Content-Disposition"] == 'inline; filename="indicative-sample.pdf"'
    assert "Dear Bea Borrower and Bob Borrower: A$45,000.00" in text_of_pdf(reply.content)
    with nothing_written():
        reply = client.get(address, {"application": world.ours.application.pk})
    assert f"Dear {world.ours.borrower.display_name}" in text_of_pdf(reply.content)
    reply = client.get(address, {"application": world.theirs.application.pk})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["application"])
    reply = client.get("/api/templates/statement/preview/", {"as_format": "docx"})
    assert "Statement of account" in text_of_docx(reply.content)


def test_a_template_that_fails_with_real_facts_says_so(world, api):
    client = api(world.admin)
    add(client, source="#data.guarantors.first().name", is_active=True)
    reply = client.get("/api/templates/indicative/preview/", {"application": world.ours.application.pk})
    assert (reply.status_code, reply.json()["code"]) == (409, "template_fails")
    reply = generate(client, "indicative", world.ours.application)
    job_run(reply.json()["id"])
    job = Job.objects.get(pk=reply.json()["id"])
    assert (job.status, job.result["code"]) == ("failed", "template_fails")


def test_the_built_in_template_is_a_start_for_ones_own(world, api):
    client = api(world.admin)
    source = client.get("/api/templates/approval/source/", {"built_in": "true"}).content.decode()
    reply = add(client, letter_type="approval", source=source.replace("We are pleased", "We are delighted"))
    assert reply.status_code == 201, reply.content
    preview = client.get(f"/api/templates/{reply.json()['id']}/preview/")
    assert "We are delighted to tell you" in text_of_pdf(preview.content)
    word = client.get("/api/templates/approval/source/", {"as_format": "docx"}).content
    file = SimpleUploadedFile("ours.docx", word)
    fields = {"letter_type": "approval", "format": "docx", "name": "Ours", "file": file}
    assert client.post("/api/templates/", fields, format="multipart").status_code == 201


def test_letter_make_is_the_handler_of_its_kind():
    from jobs.registry import job_kind

    assert job_kind("documents.letter").run is letter_make
