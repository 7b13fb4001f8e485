"""Sheets that are printed from: what every letter is made with, and those of signed files."""

from pathlib import Path

_HERE = Path(__file__).parent
CERTIFICATE = (_HERE / "certificate.typ").read_bytes()
OVERLAY = (_HERE / "overlay.typ").read_bytes()
