"""The demo book: 9,857 real loans with people, dates and a history made up around them from a seed.

Owns no tables. `manage.py demo` writes the tables of the other apps, with the same rows and events that
their services write for the same story; `docs/demo-data.md` says what is real and what is made up.

The top layer: may import everything, and nothing imports it. Start reading at `book`, then `stories` (what
happens to a loan), `builder` (the rows of a story) and `eventlog` (its events and notifications).
"""
