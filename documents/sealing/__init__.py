"""Signed files: records that form a chain, pages that are added, and a PDF signature over everything.

Pure: no Django, no database, no clock. A signed file begins with the very bytes that were signed: pages,
drawings and seal are an incremental update behind them (ISO 32000-2, 7.5.6), so the hash of its beginning is
the hash in every record. `records` has the chain, `files` the PDF, `keys` the key. docs/signatures.md tells
more.
"""
