"""Bar charts as SVG files that read well on light and on dark pages. Pure functions."""

import html
import math

WIDTH, LABEL_WIDTH, VALUE_WIDTH, BAR_HEIGHT, GAP, TOP, BOTTOM = 760, 210, 190, 16, 12, 44, 14
PLOT_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 12px; fill: #59636e; }
.ours { fill: #0969da; } .peer { fill: #8c959f; } .missed { fill: #cf222e; }
.grid { stroke: #d1d9e0; } .line { fill: none; stroke-width: 2; }
.line.first { stroke: #0969da; } .line.second { stroke: #bc4c00; } .line.third { stroke: #1a7f37; } .line.fourth { stroke: #8250df; }
.dot.first { fill: #0969da; } .dot.second { fill: #bc4c00; } .dot.third { fill: #1a7f37; } .dot.fourth { fill: #8250df; }
.range { stroke: #1f2328; stroke-width: 1.5; } .must { stroke: #cf222e; stroke-width: 2; } .aim { stroke: #1a7f37; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .small { fill: #9198a1; }
.ours { fill: #4493f8; } .peer { fill: #656c76; } .missed { fill: #f85149; }
.grid { stroke: #3d444d; }
.line.first { stroke: #4493f8; } .line.second { stroke: #f0883e; } .line.third { stroke: #3fb950; } .line.fourth { stroke: #ab7df8; }
.dot.first { fill: #4493f8; } .dot.second { fill: #f0883e; } .dot.third { fill: #3fb950; } .dot.fourth { fill: #ab7df8; }
.range { stroke: #e6edf3; } .must { stroke: #f85149; } .aim { stroke: #3fb950; }
}
</style>"""


def text(x, y, content, css="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(content)}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def drawing(title, subtitle, height, parts):
    head = [text(0, 16, title, "title"), text(0, 34, subtitle, "small")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH + 20} {height}" width="{WIDTH + 20}" height="{height}" role="img" '
        f'aria-label="{html.escape(title)}">\n{STYLE}\n' + "\n".join(head + parts) + "\n</svg>\n"
    )


def picture(title, subtitle, row_count, parts):
    return drawing(title, subtitle, TOP + row_count * (BAR_HEIGHT + GAP) + BOTTOM, parts)


def bar_row(index, label, css, begin, end, value):
    """One bar from `begin` to `end` of the plot's width, with its label and its value as text."""
    y = TOP + index * (BAR_HEIGHT + GAP)
    middle = y + BAR_HEIGHT / 2
    return (
        y,
        middle,
        [
            text(LABEL_WIDTH - 8, middle + 4, label, anchor="end"),
            f'<rect x="{LABEL_WIDTH + begin:.1f}" y="{y}" width="{max(end - begin, 1):.1f}" height="{BAR_HEIGHT}" rx="2" class="{css}"/>',
            text(LABEL_WIDTH + PLOT_WIDTH + 8, middle + 4, value, "small"),
        ],
    )


def rates_plot(title, bars):
    """`bars`: (label, is_ours, spread of requests a second)."""
    scale = PLOT_WIDTH / max(spread["highest"] for _, _, spread in bars)
    parts = []
    for index, (label, is_ours, spread) in enumerate(bars):
        value = f"{spread['median']:,.0f} ({spread['lowest']:,.0f}–{spread['highest']:,.0f})"
        _, middle, row = bar_row(index, label, "ours" if is_ours else "peer", 0, spread["median"] * scale, value)
        low, high = LABEL_WIDTH + spread["lowest"] * scale, LABEL_WIDTH + spread["highest"] * scale
        parts += [*row, line(low, middle, high, middle, "range")]
    return picture(title, "requests a second: median, lowest and highest of the rounds", len(bars), parts)


def ratios_plot(title, rows):
    """`rows`: (label, ratio, must, aim), on a scale where twice as much is always as far."""
    every = [value for _, *values in rows for value in values]
    low, high = min(*every, 0.5) / 1.2, max(every) * 1.1

    def at(value):
        return math.log(value / low) / math.log(high / low) * PLOT_WIDTH

    parts = []
    for index, (label, ratio, must, aim) in enumerate(rows):
        y, _, row = bar_row(
            index, label, "ours" if ratio >= must else "missed", 0, at(ratio), f"{ratio:.2f} × (must {must:g}, aim {aim:g})"
        )
        marks = [
            line(LABEL_WIDTH + at(value), y - 3, LABEL_WIDTH + at(value), y + BAR_HEIGHT + 3, css)
            for value, css in ((must, "must"), (aim, "aim"))
        ]
        parts += [*row, *marks]
    return picture(title, "bars: ratio of the medians, logarithmic; red mark: must, green mark: aim", len(rows), parts)


LINE_HEIGHT, LINE_LEFT, LINE_RIGHT, LEGEND_HEIGHT, LINE_COLOURS = 260, 90, 40, 18, ("first", "second", "third", "fourth")


def decades(values):
    """(lowest, highest) power of ten around the values, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def power_text(exponent):
    return f"{10 ** exponent:,}" if exponent >= 0 else f"{10.0 ** exponent:g}"


def legend(lines):
    """A row for each line, below the axis; one line alone needs none."""
    parts = []
    for index, (colour, label) in enumerate(zip(LINE_COLOURS, lines if len(lines) > 1 else ())):
        y = TOP + LINE_HEIGHT + 50 + index * LEGEND_HEIGHT
        parts += [
            f'<circle cx="{LINE_LEFT + 4}" cy="{y - 4}" r="4" class="dot {colour}"/>',
            text(LINE_LEFT + 14, y, label, "small"),
        ]
    return parts


def lines_plot(title, x_label, y_label, lines):
    """`lines`: {label: [(x, y), …]} on logarithmic axes: what grows in proportion is a slope of one. These know no 0: a point
    that has one is left out."""
    lines = {label: [(x, y) for x, y in found if x > 0 and y > 0] for label, found in lines.items()}
    points = [point for found in lines.values() for point in found] or [(1, 1)]
    (x_low, x_high), (y_low, y_high) = (decades([point[axis] for point in points]) for axis in (0, 1))
    width = WIDTH - LINE_LEFT - LINE_RIGHT

    def place(x, y):
        return (
            LINE_LEFT + (math.log10(x) - x_low) / (x_high - x_low) * width,
            TOP + LINE_HEIGHT - (math.log10(y) - y_low) / (y_high - y_low) * LINE_HEIGHT,
        )

    parts = []
    for exponent in range(x_low, x_high + 1):
        x, bottom = place(10.0**exponent, 10.0**y_low)
        parts += [line(x, TOP, x, bottom, "grid"), text(x, bottom + 16, power_text(exponent), "small", "middle")]
    for exponent in range(y_low, y_high + 1):
        left, y = place(10.0**x_low, 10.0**exponent)
        parts += [line(left, y, left + width, y, "grid"), text(left - 6, y + 4, power_text(exponent), "small", "end")]
    for colour, (label, found) in zip(LINE_COLOURS, lines.items()):
        places = [place(x, y) for x, y in sorted(found)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts += [
            f'<polyline points="{path}" class="line {colour}"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="dot {colour}"/>' for x, y in places),
        ]
    rows = legend(lines)
    parts += rows
    parts.append(text(LINE_LEFT + width / 2, TOP + LINE_HEIGHT + 34, x_label, "small", "middle"))
    return drawing(
        title, f"{y_label}; medians, both axes logarithmic", TOP + LINE_HEIGHT + 44 + LEGEND_HEIGHT * len(rows) // 2, parts
    )
