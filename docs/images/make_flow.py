"""Draw flow.svg, the picture of how data becomes an order; run it from anywhere after changing it.

Colours come from the reader's scheme, so that the picture is legible on a light and on a dark page.
"""

import sys
from html import escape
from itertools import pairwise
from pathlib import Path

WIDTH, HEIGHT = 980, 690
BOX_WIDTH, BOX_HEIGHT = 150, 74

STYLE = """
  .band { fill: #f3f5f8; stroke: #c8cfd8 }
  .box { fill: #ffffff; stroke: #47566b; stroke-width: 1.5 }
  .stop { fill: #fdf0ee; stroke: #b3392b; stroke-width: 1.5 }
  .title { fill: #1c2430; font: 600 15px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
  .text, .note { fill: #3c4858; font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
  .note { font-style: italic }
  .arrow { stroke: #47566b; stroke-width: 1.6; fill: none; marker-end: url(#head) }
  .danger { stroke: #b3392b; stroke-width: 1.6; fill: none; marker-end: url(#red) }
  .head { fill: #47566b } .red { fill: #b3392b }
  @media (prefers-color-scheme: dark) {
    .band { fill: #161b22; stroke: #39424e }
    .box { fill: #21293354; stroke: #9fb0c6 }
    .stop { fill: #3a1d1a; stroke: #f08a7c }
    .title { fill: #eef2f7 } .text, .note { fill: #c3cdd9 }
    .arrow { stroke: #9fb0c6 } .head { fill: #9fb0c6 }
    .danger { stroke: #f08a7c } .red { fill: #f08a7c }
  }
"""


def box(x: int, y: int, title: str, *lines: str, kind: str = "box") -> str:
    """Draw a box with a title and up to two lines under it."""
    middle = x + BOX_WIDTH // 2
    parts = [f'<rect class="{kind}" x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/>']
    top = y + 28 if lines else y + 43
    parts.append(f'<text class="title" x="{middle}" y="{top}" text-anchor="middle">{escape(title)}</text>')
    for number, line in enumerate(lines):
        parts.append(f'<text class="text" x="{middle}" y="{top + 18 + 16 * number}" text-anchor="middle">{escape(line)}</text>')
    return "\n".join(parts)


def band(y: int, height: int, title: str, *, at_right: bool = False) -> str:
    """Draw the ground that the boxes of one host stand on."""
    place = f'x="{WIDTH - 26}" text-anchor="end"' if at_right else 'x="26"'
    return (
        f'<rect class="band" x="10" y="{y}" width="{WIDTH - 20}" height="{height}" rx="10"/>\n'
        f'<text class="title" {place} y="{y + 27}">{escape(title)}</text>'
    )


def arrow(path: str, *, kind: str = "arrow") -> str:
    """Draw an arrow along an SVG path."""
    return f'<path class="{kind}" d="{path}"/>'


def note(x: int, y: int, text: str, anchor: str = "middle") -> str:
    """Write a remark beside an arrow."""
    return f'<text class="note" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def draw() -> str:
    """Give the whole picture."""
    columns = [30, 223, 416, 609, 802]
    data, above, below = 64, 180, 442
    line, row = above + BOX_HEIGHT // 2, data + BOX_HEIGHT // 2
    parts = [
        band(10, 284, "Pipeline host: prove it"),
        box(columns[0], data, "Bars", "files of market", "data"),
        box(columns[1], data, "Audit", "26 expectations,", "refused by name"),
        box(columns[2], data, "Lake", "published rows,", "archived sessions"),
        box(columns[3], data, "Dataset", "frozen, named by", "its content"),
        box(columns[4], data, "Summary", "each day; each", "session replayed"),
        *(arrow(f"M {left + BOX_WIDTH} {row} H {right - 6}") for left, right in pairwise(columns[:4])),
        arrow(f"M {columns[2] + 75} {data} V 46 H {columns[4] + 75} V {data - 6}"),
        box(columns[0], above, "Strategy folder", "source, parameters,", "limits"),
        box(columns[1], above, "Replay", "the same engine,", "recorded bars"),
        box(columns[2], above, "Gates", "look-ahead, luck,", "costs, limits: nine"),
        box(columns[3], above, "Bundle", "code and evidence,", "signed together"),
        box(columns[4], above, "Registry", "an alias asks,", "and grants nothing"),
        *(arrow(f"M {left + BOX_WIDTH} {line} H {right - 6}") for left, right in pairwise(columns)),
        arrow(f"M {columns[3] + 75} {data + BOX_HEIGHT} V 153 H {columns[1] + 75} V {above - 6}"),
        band(380, 300, "Live host: only what was proven, only while armed", at_right=True),
        box(columns[0], below, "Feed", "a tape, played;", "later a venue"),
        box(columns[1], below, "Engine", "decision, intent,", "risk, order"),
        box(columns[2], below, "Journal", "durable before", "anything leaves"),
        box(columns[3], below, "Gate", "latch clear,", "lease alive"),
        box(columns[4], below, "Venue", "simulated fills", "in this version"),
    ]
    line = below + BOX_HEIGHT // 2
    parts += [arrow(f"M {left + BOX_WIDTH} {line} H {right - 6}") for left, right in pairwise(columns)]
    registry, engine, gate, venue, journal = columns[4] + 75, columns[1] + 75, columns[3] + 75, columns[4] + 75, columns[2] + 75
    parts += [
        arrow(f"M {registry} {above + BOX_HEIGHT} V 348 H {engine} V {below - 6}"),
        note(680, 340, "sync: signatures, digests, this host's own thresholds"),
        arrow(f"M {journal} {below} V 320 H {columns[2] - 22} V {row + 22} H {columns[2] - 6}"),
        note(columns[2] - 30, 314, "closed sessions", anchor="end"),
        arrow(f"M {venue} {below + BOX_HEIGHT} V 544 H {engine} V {below + BOX_HEIGHT + 6}"),
        note(442, 538, "reports: accepted, filled, canceled"),
        box(columns[1], 586, "Arm", "a person, two steps,", "a lease that ends"),
        box(columns[3], 586, "Kill", "one call; a file that", "survives a crash", kind="stop"),
        arrow(f"M {columns[1] + BOX_WIDTH} 623 H {columns[3] - 30} V 502 H {columns[3] - 6}"),
        arrow(f"M {gate} 586 V {below + BOX_HEIGHT + 6}", kind="danger"),
        note(868, 619, "cancels everything,"),
        note(868, 635, "proves it or says UNPROVEN"),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">\n'
        "<title>From a strategy folder to orders: what proves it, and what may stop it</title>\n"
        f"<style>{STYLE}</style>\n"
        "<defs>\n"
        '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M 0 0 L 8 4 L 0 8 z"/></marker>\n'
        '<marker id="red" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="red" d="M 0 0 L 8 4 L 0 8 z"/></marker>\n'
        f"</defs>\n{body}\n</svg>\n"
    )


if __name__ == "__main__":
    target = Path(__file__).resolve().with_name("flow.svg")
    target.write_text(draw(), encoding="utf-8")
    sys.stderr.write(f"{target.name} written\n")
