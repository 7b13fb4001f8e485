"""How many letters are printed and files sealed in a second: `python -m benchmarks.letters [--seconds N]`.

One process that asks and one that prints, as a worker has them; no database. Each kind is printed for some
seconds, after one that warms up.
"""

import io
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from documents.letters.builtin import LETTERS
from documents.letters.press import Form, Press
from documents.letters.sample import SAMPLE
from documents.letters.typst_form import typst_source
from documents.letters.word_form import word_source
from documents.sealing.files import look_at, seal
from documents.sealing.keys import self_signed


def rate(work: Callable[[], object], seconds: float) -> tuple[float, float]:
    """How often a second, and the slowest in milliseconds."""
    work()
    count, slowest, start = 0, 0.0, time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        work()
        count, slowest = count + 1, max(slowest, time.perf_counter() - now)
    return count / (time.perf_counter() - start), slowest * 1000


def main() -> None:
    """Measure each and print a table."""
    parser = ArgumentParser(description="Letters printed and files sealed in a second.")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each kind, at most 30")
    seconds = min(parser.parse_args().seconds, 30.0)
    out, press = sys.stdout, Press()
    started = time.perf_counter()
    press.print(Form.PDF, b"Hello", {})
    out.write(f"start of the printing process: {(time.perf_counter() - started) * 1000:.0f} ms\n\n")
    out.write(f"{'':<24}{'PDF/s':>8}{'slowest':>10}{'Word/s':>10}{'slowest':>10}\n")
    for name, letter in LETTERS.items():
        sources = {Form.PDF: typst_source(letter).encode(), Form.DOCX: word_source(letter)}
        row = f"{name:<24}"
        for form, width in ((Form.PDF, 8), (Form.DOCX, 10)):
            each, slowest = rate(partial(press.print, form, sources[form], SAMPLE), seconds)
            row += f"{each:>{width}.0f}{slowest:>7.0f} ms"
        out.write(row + "\n")
    agreement = press.print(Form.PDF, typst_source(LETTERS["loan_agreement"]).encode(), SAMPLE).content
    page = press.print(Form.PDF, b"Certificate", {}).content
    key = self_signed("Bench", datetime.now(UTC))

    def sealed() -> bytes:
        return seal(io.BytesIO(agreement), appended=page, overlays={1: page}, with_seal=key, reason="Bench")

    content = sealed()
    out.write(f"\n{'sealed files/s':<24}{rate(sealed, seconds)[0]:>8.0f}\n")
    out.write(f"{'verified files/s':<24}{rate(lambda: look_at(io.BytesIO(content)), seconds)[0]:>8.0f}\n")
    press.close()


if __name__ == "__main__":
    main()
