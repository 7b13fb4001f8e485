"""Files are looked at where they can end nothing else: what takes too much is refused, the next is taken."""

import io
import os
import resource
import signal
import threading

import pytest

from documents.content.errors import UnknownFormat, Unreadable, UnsafeContent
from documents.content.formats import FORMATS
from documents.content.inspection import TOO_MUCH, Inspection
from tests.documents import bombs, makers

ALL = tuple(FORMATS)


@pytest.fixture(scope="module")
def shared():
    made = Inspection()
    yield made
    made.close()


@pytest.fixture
def own():
    made = Inspection()
    yield made
    made.close()


def grown(since):
    """By how many megabytes this process was larger than it is said to have been."""
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - since) / 1024


def largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def known(inspection, content, name="a"):
    return inspection.format_of(io.BytesIO(content), name=name, allowed=ALL).extension


def test_it_says_the_same_as_a_look_in_the_process_itself(shared):
    assert known(shared, makers.pdf()) == "pdf"
    assert known(shared, b"a,b", "rates.csv") == "csv"
    with pytest.raises(UnknownFormat, match="png"):
        shared.format_of(io.BytesIO(makers.pdf()), name="a", allowed=["png"])
    with pytest.raises(UnsafeContent, match="follows"):
        known(shared, makers.pdf() + b"more")
    content = shared.read(io.BytesIO(makers.pdf("Kalgoorlie")), "application/pdf")
    assert (content.pages, content.text.strip()) == (1, "Kalgoorlie")
    assert content.thumbnail is not None
    with pytest.raises(Unreadable, match="damaged"):
        shared.read(io.BytesIO(b"%PDF-1.4 nothing\n%%EOF\n"), "application/pdf")


def test_a_file_on_the_disk_is_read_from_wherever_it_was_and_stays_there(shared, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(makers.pdf())
    with path.open("rb") as file:
        file.seek(3)
        assert shared.format_of(file, name="a", allowed=ALL).extension == "pdf"
        assert file.read() == makers.pdf()[3:]


def test_objects_that_unpack_without_end_are_refused(shared):
    before = largest()
    content = bombs.object_stream(600)
    assert len(content) < 1024 * 1024
    with pytest.raises(UnsafeContent):
        known(shared, content)
    assert known(shared, makers.pdf()) == "pdf"
    assert grown(before) < 50


def test_a_page_that_unpacks_to_gigabytes_has_no_picture_and_ends_nothing(shared):
    content, before = bombs.page_of_images(20_000), largest()
    found = shared.read(io.BytesIO(content), "application/pdf")
    assert found.pages == 1
    assert shared.read(io.BytesIO(makers.pdf()), "application/pdf").pages == 1
    assert grown(before) < 50


def test_a_document_of_elements_without_end_is_read_at_its_beginning(shared):
    content, before = bombs.word(100), largest()
    assert len(content) < 2 * 1024 * 1024
    assert known(shared, content) == "docx"
    assert shared.read(io.BytesIO(content), FORMATS["docx"].content_type).text == ""
    assert shared.read(io.BytesIO(makers.docx("Dear Bea")), FORMATS["docx"].content_type).text.strip()
    assert grown(before) < 50


def test_more_pixels_than_can_be_shown_are_refused(shared):
    with pytest.raises(UnsafeContent, match="pixels"):
        known(shared, bombs.pixels(30_000))


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_taken():
    slow = Inspection(check_seconds=0.001)
    try:
        with pytest.raises(UnsafeContent, match=TOO_MUCH):
            known(slow, makers.pdf(*["Page"] * 3000))
        slow.check_seconds = 20.0
        assert known(slow, makers.pdf()) == "pdf"
    finally:
        slow.close()


def test_a_process_that_was_killed_is_followed_by_another(own):
    assert known(own, makers.pdf()) == "pdf"
    [viewer] = own._idle
    os.kill(viewer.process.pid, signal.SIGKILL)
    viewer.process.wait()
    assert known(own, makers.pdf()) == "pdf"
    assert own._idle[0].process.pid != viewer.process.pid


def test_many_threads_share_a_few_processes(own):
    found = []
    contents = [makers.pdf(), makers.picture("PNG"), makers.docx(), b"text"] * 5
    threads = [threading.Thread(target=lambda c=c: found.append(known(own, c))) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(["pdf", "png", "docx", "txt"] * 5)
    assert 1 <= len(own._idle) <= 2
