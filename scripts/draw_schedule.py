"""Draw the loan that docs/servicing.md works out: ``draw_schedule.py > docs/images/schedule.svg``.

Standard library only; reads the table of the document, so that picture and table cannot differ.
"""

import re
import sys
from datetime import date
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "servicing.md"
ROW = re.compile(
    r"^\| \d+ \| (\d{4}-\d\d-\d\d) \| \d+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|$", re.MULTILINE
)
START = re.compile(r'"principal": "([\d.]+)".*?"start_date": "([\d-]+)"', re.DOTALL)
WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 760, 320, 70, 20, 670, 250
STEP = 100_000
# Readable on white and on black.
INK, LINE = "#808080", "#2f81f7"
STYLE = f'font-family="sans-serif" font-size="12" fill="{INK}"'
BESIDE = 'text-anchor="end" dominant-baseline="middle"'
BELOW = TOP + PLOT_HEIGHT + 20
TITLE = "Balance in AUD at each due date: it falls in steps, and the last instalment repays the rest"


def drawing(text: str) -> str:
    """The picture of the document's loan, as SVG."""
    given = START.search(text)
    assert given is not None
    principal, start = given.groups()
    points = [(date.fromisoformat(start), float(principal))]
    for due, balance in ROW.findall(text):
        points.append((date.fromisoformat(due), float(balance)))
    first, last = points[0][0], points[-1][0]
    top = max(balance for _, balance in points)
    top = STEP * -(-top // STEP)

    def x(day: date) -> str:
        return f"{LEFT + PLOT_WIDTH * (day - first).days / (last - first).days:.1f}"

    def y(balance: float) -> str:
        return f"{TOP + PLOT_HEIGHT * (1 - balance / top):.1f}"

    levels = range(0, int(top) + 1, STEP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {STYLE}>',
        f"<title>{TITLE}</title>",
        *(f'<path d="M{LEFT} {y(at)}h{PLOT_WIDTH}" stroke="{INK}" stroke-width="0.5"/>' for at in levels),
        *(f'<text x="{LEFT - 8}" y="{y(at)}" {BESIDE}>{at:,}</text>' for at in levels),
        *(f'<text x="{x(day)}" y="{BELOW}" text-anchor="middle">{day:%b}</text>' for day, _ in points[1:]),
    ]
    path = f"M{x(first)} {y(points[0][1])}" + "".join(
        f"H{x(day)}V{y(balance)}" for day, balance in points[1:]
    )
    parts.append(f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 6}">Balance, AUD, at each due date of {first:%Y}–{last:%Y}</text>'
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(drawing(DOCUMENT.read_text()))
