"""The committed documents are those that the code describes, and links in them lead somewhere."""

import re

import pytest

from crm_backend.env import BASE_DIR
from crm_backend.site.reference import DOCUMENTS

PAGES = [BASE_DIR / "README.md", BASE_DIR / "CHANGELOG.md", *sorted((BASE_DIR / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_reference_documents_are_up_to_date(name):
    """Run `./crm manage docs` and commit the result when this fails."""
    assert (BASE_DIR / name).read_text() == DOCUMENTS[name]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(BASE_DIR)))
def test_links_between_documents_lead_to_files(page):
    targets = re.findall(r"\]\((?!https?:|#|/)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
