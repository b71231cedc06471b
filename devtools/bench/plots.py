# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The plots of the page. The same figures give the same SVG, byte for byte."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt             # noqa: E402
from matplotlib.ticker import ScalarFormatter   # noqa: E402

plt.rcParams.update({
    "svg.hashsalt": "net_tap", "svg.fonttype": "path", "font.size": 9, "axes.axisbelow": True,
    "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#dddddd", "axes.spines.top": False,
    "axes.spines.right": False, "figure.facecolor": "white", "errorbar.capsize": 2,
    "legend.frameon": False})

# A contestant has the same colour in every plot; limits are grey and green.
COLOURS = {"plugin": "#0060b0", "long bursts": "#7fb2dd", "stock": "#e07b00", "raw": "#8a8a8a",
           "loop": "#8a8a8a", "vnet parts": "#bdbdbd", "vnet loop": "#4d4d4d", "veth": "#6aa84f"}
LABELS = {"plugin": "this driver", "long bursts": "this driver, bursts of 64",
          "stock": "DPDK's own driver", "raw": "system calls on a raw tap",
          "loop": "read/write loop", "vnet parts": "loop, super-frames in parts",
          "vnet loop": "loop with super-frames",
          "veth": "veth, no user space"}
OTHERS = ("#0060b0", "#7fb2dd", "#b04040", "#e2a0a0")


def save(figure, path):
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def spread(summaries):
    """Error bars from median to the quartiles."""
    return [[max(0, s["median"] - s["q1"]) for s in summaries],
            [max(0, s["q3"] - s["median"]) for s in summaries]]


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{value:.2g}"


def bars(axes, groups, table, unit, labels=True):
    """Groups of bars. table: (name, label, colour, {group: summary}) per contestant."""
    width = 0.84 / len(table)
    for i, (label, colour, by_group) in enumerate(table):
        found = [(g, by_group[group]) for g, group in enumerate(groups) if group in by_group]
        if not found:
            continue
        at = [g + (i - (len(table) - 1) / 2) * width for g, _ in found]
        summaries = [s for _, s in found]
        drawn = axes.bar(at, [s["median"] for s in summaries], width * 0.94, color=colour,
                         label=label, yerr=spread(summaries),
                         error_kw={"elinewidth": 0.8, "ecolor": "#222222"})
        if labels:
            axes.bar_label(drawn, [number(s["median"]) for s in summaries], fontsize=6.5, padding=2)
    axes.set_xticks(range(len(groups)), groups)
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")
    axes.set_ylabel(unit)
    axes.margins(y=0.12)


def legend_above(figure, axes, columns):
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncol=columns, fontsize=8)


def bar_plot(path, panels, height=3.4, columns=4, labels=True):
    """panels: (title, groups, table, unit), one below the other."""
    figure, all_axes = plt.subplots(len(panels), 1, squeeze=False,
                                    figsize=(8.4, 0.4 + height * len(panels)))
    for axes, (title, groups, table, unit) in zip(all_axes[:, 0], panels):
        bars(axes, groups, table, unit, labels)
        axes.set_title(title, fontsize=9, loc="left")
    legend_above(figure, max(all_axes[:, 0], key=lambda a: len(a.get_legend_handles_labels()[0])),
                 columns)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / (0.4 + height * len(panels))))
    save(figure, path)


def line_plot(path, panels, x_label, unit, log=True, columns=3):
    """panels: (title, lines), side by side, two in a row; a line: (label, colour, style,
    [(x, summary)])."""
    wide = min(2, len(panels))
    rows = (len(panels) + wide - 1) // wide
    figure, grid = plt.subplots(rows, wide, squeeze=False, figsize=(8.4, 0.5 + 3.0 * rows))
    flat = [axes for row in grid for axes in row]
    for axes in flat[len(panels):]:
        axes.set_visible(False)
    for axes, (title, lines) in zip(flat, panels):
        for label, colour, style, points in lines:
            points = sorted(points, key=lambda point: point[0])
            summaries = [s for _, s in points]
            axes.errorbar([x for x, _ in points], [s["median"] for s in summaries],
                          yerr=spread(summaries), fmt=style, color=colour, label=label,
                          markersize=4, linewidth=1.3, elinewidth=0.8)
        ticks = sorted({x for line in lines for x, _ in line[3]})
        if log:
            axes.set_xscale("log", base=2)
        axes.set_xticks(ticks)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_xlabel(x_label)
        axes.set_ylabel(unit)
    legend_above(figure, flat[0], columns)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / (0.5 + 3.0 * rows)))
    save(figure, path)
