"""How a client walks through the pages of a list."""


def key(row):
    """What tells a row from the others of its list: versions are numbered."""
    return row.get("id", row.get("number"))


def walk(client, url, way="next"):
    """Every page from an address on."""
    while url:
        reply = client.get(url)
        assert reply.status_code == 200, url
        page = reply.json()
        assert set(page) == {"next", "previous", "results"}
        yield page
        url = page[way]


def keys(pages):
    return [key(row) for page in pages for row in page["results"]]
