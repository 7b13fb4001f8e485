"""The child process that draws. Run by `pdf`; knows of charts only, and loads what no web process should.

Reads a list of charts as JSON from its standard input, and writes a list of SVG drawings. Letters are drawn
as outlines: what shows a drawing needs no fonts, whatever the script. Colours are those of Okabe and Ito,
which people with any colour vision tell apart; in grey print series differ by markers, lines and hatching
as well.
"""

import json
import sys
from datetime import date
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import font_manager, ticker
from matplotlib.figure import Figure

INK, FAINT, HAIR, ACCENT = "#1d2b3a", "#5d6b78", "#d7dee4", "#0b5563"
COLOURS = ("#0b5563", "#e69f00", "#56b4e9", "#d55e00", "#009e73", "#cc79a7")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
MARKERS, DASHES = "osD^vP", ("-", "--", "-.", ":", "-", "--")
WIDTH = 6.8  # inches: a page less its margins
LONGEST_LABEL = 36
MOST_TICKS = 8
USUAL = ("manimgx_fonts", "NotoSans[[]wght].ttf")
# Of every script, by package; they take two seconds to load.
FONTS = {"manimgx_fonts": "NotoSans*[[]wght].ttf", "manimgx_fonts_cjk": "NotoSansCJK-VF.otf.ttc"}


def words(value: float, kind: str) -> str:
    """A value as an axis or a bar says it."""
    if kind == "percent":
        return f"{value:,.4g}%"
    prefix, size = ("$" if kind == "money" else ""), abs(value)
    for limit, unit in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if size >= limit:
            divisor = 1e3 if unit == "k" else limit
            return f"{prefix}{value / divisor:,.4g}{unit}"
    return f"{prefix}{value:,.4g}" if value % 1 else f"{prefix}{value:,.0f}"


def short(label: str) -> str:
    """A label that fits beside a bar; no dollar sign begins a formula."""
    label = label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"
    return label.replace("$", r"\$")


def moments(labels: list[str]) -> list[str]:
    """Dates as people write them, and the first days of months as months; other labels as they are."""
    try:
        days = [date.fromisoformat(label) for label in labels]
    except ValueError:
        return labels
    form = "%b %Y" if len(days) > 1 and all(day.day == 1 for day in days) else "%d %b %Y"
    return [day.strftime(form).removeprefix("0") for day in days]


def number(value: Any) -> float:
    """What is drawn; nothing where there is nothing."""
    return float("nan") if value is None else float(value)


def draw(chart: Any) -> str:
    """One drawing."""
    lying = chart["look"] in ("bars", "funnel")
    bars_of = len(chart["labels"])
    # Many bars are closer, so that two such drawings share a page.
    height = max(1.3, 0.55 + (0.27 if bars_of <= 10 else 0.21) * bars_of) if lying else 2.7
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    several = len(chart["series"]) > 1
    if lying:
        bars(axes, chart)
    else:
        standing(axes, chart)
    for side in ("top", "right", "bottom" if lying else "left"):
        axes.spines[side].set_visible(False)
    axes.spines["left" if lying else "bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=INK)
    if several:
        figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    written = StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return written.getvalue()


def bars(axes: Any, chart: Any) -> None:
    """Bars from the left, the first on top, each with its value, so that no axis is needed."""
    count, most = len(chart["series"]), 0.0
    for place, series in enumerate(chart["series"]):
        values = [number(value) for value in series["values"]]
        thickness = 0.72 / count
        ys = [row + (place - (count - 1) / 2) * thickness for row in range(len(values))]
        drawn = axes.barh(
            ys, values, thickness * 0.94, label=short(series["name"]), color=COLOURS[place % 6],
            hatch=HATCHES[place % 6], edgecolor="white", linewidth=0.4,
        )  # fmt: skip
        said = ["" if value != value else short(words(value, chart["kind"])) for value in values]
        axes.bar_label(drawn, said, padding=3, fontsize=7.5, color=INK)
        most = max([most, *(value for value in values if value == value)])
    axes.set_yticks(range(len(chart["labels"])), [short(label) for label in chart["labels"]])
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    # Room for the longest value behind the longest bar.
    axes.set_xlim(right=most * 1.14 or 1)


def standing(axes: Any, chart: Any) -> None:
    """Lines, or columns on top of each other, over time."""
    places, below = list(range(len(chart["labels"]))), [0.0] * len(chart["labels"])
    for place, series in enumerate(chart["series"]):
        values, name = [number(value) for value in series["values"]], short(series["name"])
        colour = COLOURS[place % 6]
        if chart["look"] == "line":
            axes.plot(
                places, values, label=name, color=colour, linewidth=1.8, linestyle=DASHES[place % 6],
                marker=MARKERS[place % 6], markersize=3.5, clip_on=False,
            )  # fmt: skip
        else:
            values = [0.0 if value != value else value for value in values]
            axes.bar(
                places, values, 0.72, below, label=name, color=colour, hatch=HATCHES[place % 6],
                edgecolor="white", linewidth=0.4,
            )  # fmt: skip
            below = [one + other for one, other in zip(below, values, strict=True)]
    step = -(-len(places) // MOST_TICKS) or 1
    # Counted from the end: the latest is what people look for.
    shown = places[::-1][::step][::-1]
    labels = moments(chart["labels"])
    axes.set_xticks(shown, [short(labels[place]) for place in shown])
    if len(places) > 1:
        axes.set_xlim(-0.6, len(places) - 0.4)
    axes.grid(axis="y", color=HAIR, linewidth=0.6)
    axes.set_axisbelow(True)
    whole = chart["kind"] in ("count", "days")
    locator = ticker.MaxNLocator(nbins=5, integer=whole)
    axes.yaxis.set_major_locator(locator)
    # From zero, or lengths would lie; up to a whole step, so that nothing is above the last line.
    bottom, top = axes.dataLim.intervaly
    ticks = locator.tick_values(min(0.0, bottom), max(top, 1e-9) if top == top and abs(top) < 1e300 else 1.0)
    axes.set_ylim(ticks[0], ticks[-1])
    axes.yaxis.set_major_formatter(lambda value, _: short(words(value, chart["kind"])))


def needs_more(charts: Any) -> bool:
    """Whether anything is written in a script beyond Latin, Greek and Cyrillic; punctuation aside."""
    text = json.dumps(charts, ensure_ascii=False)
    return any(letter > "\u052f" and not "\u2000" <= letter <= "\u206f" for letter in text)


def main() -> None:
    """Draw what is asked for."""
    charts = json.load(sys.stdin)
    families = []
    for package, pattern in FONTS.items() if needs_more(charts) else [USUAL]:
        found = find_spec(package)
        assert found is not None
        assert found.submodule_search_locations
        for path in sorted(Path(next(iter(found.submodule_search_locations))).glob(pattern)):
            if "Italic" not in path.name:
                font_manager.fontManager.addfont(str(path))
                families.append(font_manager.fontManager.ttflist[-1].name)
    families.sort(key=lambda name: (name != "Noto Sans", name))
    matplotlib.rcParams.update(
        {
            "svg.fonttype": "path",
            "svg.hashsalt": "report",
            "font.family": families,
            "font.size": 8,
            "text.color": INK,
            "hatch.color": "white",
            "hatch.linewidth": 0.7,
        }
    )
    json.dump([draw(chart) for chart in charts], sys.stdout)


if __name__ == "__main__":
    main()
