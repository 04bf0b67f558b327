"""Bar chart of the ratios; a line marks nginx without a login."""

from html import escape

from load import WORKLOADS

WIDTH, LABEL, BAR, GAP = 760, 190, 18, 14
# Longer bars are cut off; the figure is beside each bar.
MOST = 2.5
COLOURS = {"portcullis": "#2a6f97"}
OTHERS = "#b8b8b8"


def svg(document):
    """SVG for light and dark pages, without scripts and fonts."""
    rows, y = [], 46
    scale = (WIDTH - LABEL - 60) / MOST
    for workload in WORKLOADS:
        result = document["workloads"].get(workload.name)
        if result is None:
            continue
        rows.append(f'<text x="0" y="{y + 13}" class="workload">{escape(workload.title)}</text>')
        for name, found in result["to_nginx"].items():
            # Variants of Portcullis have no figure for memory; they are in the table only.
            if name == "portcullis" or "idle_connection_kib" in document["memory"].get(name, {}):
                rows += bar(name, found["median"], y, scale)
                y += BAR + 3
        y += GAP
    line = LABEL + scale
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
        f'aria-label="CPU time for each request, as a ratio to nginx without a login">\n<style>{STYLE}</style>\n'
        f'<text x="0" y="16" class="title">CPU time for each request; nginx without a login is 1</text>\n'
        f'<line x1="{line:.0f}" x2="{line:.0f}" y1="28" y2="{y - GAP}" class="nginx"/>\n' + "\n".join(rows) + "\n</svg>\n"
    )


def bar(name, ratio, y, scale):
    width = min(ratio, MOST) * scale
    colour = COLOURS.get(name, OTHERS)
    return [
        f'<rect x="{LABEL}" y="{y}" width="{width:.0f}" height="{BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{LABEL + max(width, scale) + 8:.0f}" y="{y + 13}">{ratio:.2f} {escape(name)}</text>',
    ]


STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600}.workload{font-weight:500}"
    ".nginx{stroke:#c1121f;stroke-width:1.5;stroke-dasharray:4 3}"
    "@media (prefers-color-scheme:dark){text{fill:#ccc}}"
)
