#!/usr/bin/env python3
"""Rate over time of simulated throttles, as SVG: plot.py FOLDER_OF_CSV FOLDER_OF_SVG [NAME…]. See README.md here."""

import csv
import html
import os
import sys

WIDTH, HEIGHT, LEFT, TOP = 900, 300, 60, 40
STEP = 10  # seconds that a point stands for at least
MOST_POINTS = 250
LINES = [("takes", "what the server takes", "#999999"), ("attempts", "attempts", "#e0a030"),
         ("accepted", "accepted", "#2060c0"), ("learned", "learned rate", "#208040"),
         ("refused_for_rate", "refused for rate", "#c02020"), ("refused_for_block", "refused for a block", "#802080")]


def points_of(path):
    """Means of some seconds each, by column."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [] for name, _, _ in LINES}
    step = max(STEP, -(-len(rows) // MOST_POINTS))
    for begin in range(0, len(rows), step):
        part = rows[begin:begin + step]
        for name, values in columns.items():
            values.append(sum(float(row[name]) for row in part) / len(part))
    return columns, len(rows)


def time_text(seconds):
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}" if seconds >= 3600 else f"{seconds // 60} min"


def axes(seconds, top):
    """Grid, and its labels."""
    parts = []
    for part in range(6):
        x = LEFT + WIDTH * part / 5
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" stroke="#eeeeee"/>'
                     f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">'
                     f'{time_text(seconds * part // 5)}</text>')
        y = TOP + HEIGHT * part / 5
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" stroke="#eeeeee"/>'
                     f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * (5 - part) / 5:.4g}</text>')
    return parts


def svg_of(name, columns, seconds, log):
    # The burst before anything is known would press all else to the ground.
    used = sorted(value for values in columns.values() for value in values)
    top = max(used[int(len(used) * 0.995)] * 1.15, 0.01)
    parts = axes(seconds, top)
    place = LEFT
    for column, words, colour in LINES:
        values = columns[column]
        if not any(values):
            continue
        steps = max(len(values) - 1, 1)
        line = " ".join(f"{LEFT + WIDTH * i / steps:.1f},{TOP + HEIGHT * (1 - min(value, top) / top):.1f}"
                        for i, value in enumerate(values))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
                     f'<text x="{place}" y="{TOP - 8}" fill="{colour}">{words}</text>')
        place += 9 * len(words) + 10
    for number, entry in enumerate(log):
        parts.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 44 + 15 * number}" font-family="monospace" '
                     f'xml:space="preserve">{html.escape(entry)}</text>')
    height = TOP + HEIGHT + 40 + 15 * (len(log) + 1)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 30}" height="{height}" font-size="12" '
            f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="16" '
            f'font-weight="bold">{html.escape(name)}: messages a second</text>{"".join(parts)}</svg>\n')


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    source, target, *chosen = sys.argv[1:]
    os.makedirs(target, exist_ok=True)
    names = chosen or sorted(name[:-4] for name in os.listdir(source) if name.endswith(".csv"))
    for name in names:
        columns, seconds = points_of(os.path.join(source, name + ".csv"))
        with open(os.path.join(source, name + ".log"), encoding="utf-8") as file:
            log = file.read().splitlines()
        with open(os.path.join(target, name + ".svg"), "w", encoding="utf-8") as file:
            file.write(svg_of(name, columns, seconds, log))
    print(f"{len(names)} plots in {target}")


main()
