# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The page of figures, benchmarks.md and its plots, from the JSON of a run.

Alone: report.py FILE.json [DIR] writes the page of a run that was made before.
"""
import json
import sys
import textwrap
from pathlib import Path

sys.dont_write_bytecode = True

from plots import COLOURS, LABELS, OTHERS, bar_plot, line_plot, number   # noqa: E402

MISSING = "*Not measured in this run.*\n"
FORWARD_ORDER = ("plugin", "long bursts", "stock", "loop", "vnet parts", "vnet loop", "veth")
RATES = {"gbit_per_s": "Gbit/s", "bytes_per_cycle": "bytes per busy cycle",
         "packets_per_mcycle": "packets per million busy cycles"}


def contestant(driver):
    """The driver of a row: a path, unless it is the stock driver."""
    return "stock" if driver == "stock" else "plugin"


def table(head, rows, right_from=1):
    if not rows:
        return MISSING
    align = ["---"] * right_from + ["--:"] * (len(head) - right_from)
    lines = [head, align, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cell(summary):
    """Median and quartiles."""
    if not summary:
        return "–"
    return f"{number(summary['median'])} ({number(summary['q1'])}–{number(summary['q3'])})"


class Page:
    """Collects text and writes plots into its folder."""

    def __init__(self, figures, folder):
        self.figures = figures
        self.folder = folder
        self.plots = folder / "benchmarks"
        self.text = []

    def add(self, *texts):
        self.text += texts

    def plot(self, name, title, draw, *args, **kw):
        draw(self.plots / f"{name}.svg", *args, **kw)
        self.add(f"![{title}](benchmarks/{name}.svg)\n")

    def rows(self, section):
        return [row for row in self.figures.get("rows", []) if row.get("section") == section]

    # Parts

    def head(self):
        self.add("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
                 "<!-- Written by devtools/bench.sh: not to be edited by hand. -->\n"
                 "# Benchmarks\n",
                 "This driver beside the `net_tap` that comes with DPDK, and beside what can be had at "
                 "best, all in one run. Figures are medians; quartiles are in brackets and are the error "
                 "bars of the plots. All of them, as JSON: [figures.json](benchmarks/figures.json). "
                 "`sudo devtools/bench.sh` measures anew and writes this page.\n")
        if self.figures.get("quick"):
            self.add("**A quick run: to see that all works. Its figures mean little.**\n")

    def targets(self):
        rows = [[limit["what"],
                 f"{'at least' if limit['at_least'] else 'at most'} {limit['limit']:g} "
                 f"{limit['unit']}".rstrip(),
                 f"{number(limit['measured'])} {limit['unit']}".rstrip(), str(limit["n"]),
                 "reached" if limit["reached"] else "**MISSED**"]
                for limit in self.figures.get("limits", [])]
        self.add("## Targets\n", table(["what", "limit", "measured", "samples", ""], rows))
        if rows:
            missed = sum(row[-1] != "reached" for row in rows)
            self.add(f"{len(rows) - missed} of {len(rows)} reached, {missed} missed. "
                     "What was not measured in this run is not in the list.\n")

    def machine(self):
        names = (("cpu", "CPU"), ("cores", "cores"), ("virtual_machine", "virtual machine"),
                 ("kernel", "kernel"), ("dpdk", "DPDK"), ("plugin", "this driver, commit"),
                 ("stock_driver", "stock driver"), ("iperf3", "iperf3"), ("tsc_hz", "TSC, Hz"),
                 ("getppid_ns", "empty system call, ns"),
                 ("load_before", "load average before the run"), ("time", "time of the run"))
        machine = self.figures.get("machine", {})
        rows = [[label, number(machine[key]) if isinstance(machine[key], float) else
                 str(machine[key])] for key, label in names if key in machine]
        self.add("## Machine\n", table(["", ""], rows, 2))
        rows = [[LABELS[contestant(driver["name"])], driver["rss"] or "–",
                 "yes" if driver["hash"] else "no", "yes" if driver["packet_type"] else "no",
                 driver["memory"]] for driver in self.figures.get("drivers", [])]
        if rows:
            self.add(table(["driver", "RSS", "hash in the mbuf", "packet type", "memory"], rows, 5))

    def forwarding(self):
        self.add("## Forwarding between two network stacks\n")
        forwarding = self.figures.get("forwarding")
        if not forwarding or not forwarding["rows"]:
            self.add(MISSING)
            return
        rows = forwarding["rows"]
        self.add(f"{forwarding['rounds']} rounds, {forwarding['seconds']} s per sample.\n")
        groups = list(dict.fromkeys(row["what"] for row in rows))
        tcp = [group for group in groups if group.startswith("TCP")]
        udp = [group for group in groups if not group.startswith("TCP")]
        for figure, unit in RATES.items():
            some = groups if figure != "packets_per_mcycle" else udp
            found = {(row["what"], row["contestant"]): row[figure] for row in rows if figure in row}
            self.add(f"**{unit[0].upper()}{unit[1:]}**\n", table(
                ["test", *(LABELS[who] for who in FORWARD_ORDER)],
                [[group, *(cell(found.get((group, who))) for who in FORWARD_ORDER)]
                 for group in some]))
        self.add("**Gbit/s in proportion, medians within a round**\n", table(
            ["", *(LABELS[who] for who in FORWARD_ORDER)],
            [[row["what"], *(number(row["ratios"][who]) if who in row["ratios"] else "–"
                             for who in FORWARD_ORDER)] for row in forwarding.get("proportions", ())]))
        if tcp:
            self.plot("forward-tcp", "TCP through testpmd, Gbit/s", bar_plot,
                      [("TCP between two namespaces, MTU 1500", tcp,
                        forward_bars(rows, "gbit_per_s"), "Gbit/s")])
        if udp:
            self.plot("forward-udp", "UDP through testpmd", bar_plot,
                      [("UDP between two namespaces", udp, forward_bars(rows, "gbit_per_s"),
                        "Gbit/s received"),
                       ("The same by cycles", udp, forward_bars(rows, "packets_per_mcycle"),
                        RATES["packets_per_mcycle"])], height=2.8)
        self.plot("forward-cycles", "Bytes per busy cycle", bar_plot,
                  [("Payload delivered per busy cycle of the forwarding thread", groups,
                    forward_bars(rows, "bytes_per_cycle"), RATES["bytes_per_cycle"])])

    def packets(self):
        """Rows without an x: a cost beside the raw tap."""
        for section, title in (("rx", "Receive"), ("tx", "Transmit"), ("super", "Super-frames"),
                               ("idle", "Idle poll"), ("sender", "Cost for the sender")):
            rows = self.rows(section)
            if not rows:
                rows = [row for row in self.figures.get("rows", []) if "section" not in row and
                        row["what"].lower().startswith(section)]
            self.add(f"### {title}\n", row_table(rows))
            if section in ("rx", "tx", "super") and rows:
                self.plot(section, f"{title}, ns per packet", bar_plot,
                          [(f"{title}: ns per packet", *row_bars(on_taps(rows)),
                            "ns per packet")])

    def cycles(self):
        self.add("### Bytes per cycle\n")
        panels = []
        for section, title in (("rx", "Receive"), ("tx", "Transmit"), ("super", "Super-frames")):
            rows = [row for row in on_taps(self.rows(section)) if "bytes_per_cycle" in row]
            if rows:
                panels.append((title, *row_bars(rows, bytes_per_cycle), "bytes per cycle"))
        if panels:
            self.plot("cycles", "Bytes per cycle of the core that measures", bar_plot, panels,
                      height=2.7)
        else:
            self.add(MISSING)

    def by_x(self, section, title, x_label, log=True):
        """Rows with an x: by frame size, by burst, by queues."""
        self.add(f"### {title}\n")
        rows = [row for row in self.rows(section) if row.get("x_name") in x_label]
        for x_name in dict.fromkeys(row["x_name"] for row in rows):
            some = [row for row in rows if row["x_name"] == x_name]
            panels = [(what, x_lines([row for row in some if row["what"] == what]))
                      for what in dict.fromkeys(row["what"] for row in some)]
            unit = {"ns": "ns per packet", "kpps": "thousand packets per second"}.get(
                some[0]["unit"], some[0]["unit"])
            self.plot(f"{section}-{x_name}", f"{title}, by {x_label[x_name]}", line_plot, panels,
                      x_label[x_name], unit, log)
        self.add(row_table(rows))

    def lone(self):
        rows = [[row["what"], LABELS.get(row["driver"], LABELS["plugin"]), f"{row['sent']:,}",
                 str(row["stranded"]), *(f"{row[key] / 1000:,.1f}" for key in
                                         ("p50_ns", "p99_ns", "p999_ns", "max_ns"))]
                for row in self.figures.get("lone_packets", [])]
        self.add("### Lone packets: latency in µs\n", table(
            ["sender and queues", "driver", "sent", "stranded", "median", "99 %", "99.9 %", "worst"],
            rows, 2))

    def start(self):
        by = {(row["what"], contestant(row["driver"])): row for row in self.rows("start")}
        lines = [[what, *(f"{number(row[side]['median'])} ({number(row[side]['p95'])})"
                          if (row := by.get((what, who))) else "–"
                          for who, side in (("plugin", "raw"), ("plugin", "port"), ("stock", "port")))]
                 for what in dict.fromkeys(what for what, _ in by)]
        self.add("## Start of a port of 4 queues, ms\n", *(["Medians; in brackets, 95 % are below it.\n"]
                                                           if lines else []),
                 table(["", *(LABELS[who] for who in ("raw", "plugin", "stock"))], lines))

    def watched(self):
        rows = self.rows("watch")
        lines = [[row["what"], row["unit"], cell(row["raw"]), cell(row["port"]),
                  cell(row["ratio"]) if row["unit"] == "ns" else "–"] for row in rows]
        self.add("## Watched by `dpdk-tap-rss watch`\n", table(
            ["what", "unit", "not watched; CPU of watch", "watched; CPU of answers", "ratio"],
            lines, 2))

    def programs(self):
        self.add("## Steering\n", "### By kind of packet\n")
        programs = self.figures.get("programs", [])
        if not programs:
            note = self.figures.get("programs_note")
            self.add(MISSING, *([note + "\n"] if note else []))
            return
        names = list(dict.fromkeys(row["program"] for row in programs))
        packets = list(dict.fromkeys(row["packet"] for row in programs))
        by = {(row["packet"], row["program"]): row["ns"] for row in programs}
        self.add("ns per packet, with what running an empty program takes.\n", table(
            ["packet", *names], [[packet, *(cell(by.get((packet, name))) for name in names)]
                                 for packet in packets]))
        shades = dict(zip((n for n in names if n not in ("empty", "bit by bit")), OTHERS))
        colours = [(name, shades.get(name, COLOURS["raw"])) for name in names
                   if name != "bit by bit"]      # ten times the others: in the table
        self.plot("steering-kinds", "Steering by kind of packet, ns", bar_plot,
                  [("Programs by kind of packet, harness included", [wrapped(p, 12) for p in packets],
                    [(name, colour, {wrapped(p, 12): by[p, name] for p in packets
                                     if (p, name) in by})
                     for name, colour in colours], "ns per packet")])

    def flow(self):
        self.add("### By number of rules and masks\n")
        flow = self.figures.get("flow", [])
        if not flow:
            note = self.figures.get("flow_note")
            self.add(MISSING, *([note + "\n"] if note else []))
            return
        self.add(table(["what", "unit", "value"], [[row["what"], row["unit"], cell(row["value"])]
                                                   for row in flow], 2))
        masks, rules = flow_lines(flow)
        if masks:
            self.plot("steering-masks", "Programs by number of masks, ns", line_plot, masks,
                      "masks", "ns per packet", columns=4)
        if rules:
            self.plot("steering-rules", "Programs by number of rules, ns", bar_plot, rules,
                      height=2.8)

    def method(self):
        self.add("## Method\n")
        method = dict(self.figures.get("method", {}))
        forwarding = self.figures.get("forwarding")
        if forwarding:
            self.add(f"**Forwarding.** {forwarding['method']} Forwarding core: "
                     f"{forwarding['forwarding_core']}; others: "
                     f"{', '.join(map(str, forwarding['other_cores']))}.\n")
        numbers = [f"{key.replace('_', ' ')} {value}" for key, value in method.items()
                   if not isinstance(value, str)]
        if numbers:
            self.add("**`dpdk-tap-bench`.** Drivers take turns in each round; ratios are paired "
                     f"within a round. {'; '.join(numbers)}.\n")
        for key, value in method.items():
            if isinstance(value, str) and value:
                self.add(f"**{key.replace('_', ' ').capitalize()}.** {value}\n")

    def write(self):
        self.plots.mkdir(parents=True, exist_ok=True)
        for old in self.plots.glob("*.svg"):
            old.unlink()
        self.head()
        self.targets()
        self.machine()
        self.forwarding()
        self.add("## Cost of a packet\n")
        self.packets()
        self.cycles()
        self.by_x("size", "By frame size and burst",
                  {"bytes": "frame size, bytes", "packets": "burst, packets"})
        self.lone()
        self.add("## Scaling\n")
        self.by_x("queues", "By number of queues and senders", {"queues": "queues"})
        self.add(*(f"{LABELS[contestant(driver['name'])]}: {driver['queues_note']}\n"
                   for driver in self.figures.get("drivers", []) if driver.get("queues_note")))
        self.programs()
        self.flow()
        self.start()
        self.watched()
        self.method()
        text = json.dumps(self.figures, indent=1) + "\n"
        (self.plots / "figures.json").write_text(text, encoding="utf-8")
        page = self.folder / "benchmarks.md"
        page.write_text("\n".join(self.text), encoding="utf-8")
        return page


def forward_bars(rows, figure):
    """For bar_plot(): contestants, each with its figure by test."""
    return [(LABELS[who], COLOURS[who], {row["what"]: row[figure] for row in rows
                                         if row["contestant"] == who and figure in row})
            for who in FORWARD_ORDER
            if any(row["contestant"] == who and figure in row for row in rows)]


def row_name(row):
    return row["what"] + (f", {row['x_name']}: {row['x']}" if "x" in row else "")


def on_taps(rows):
    """Without that of the checksum alone, beside which there is no system call."""
    return [row for row in rows if not row["what"].startswith("checksum")]


def row_table(rows):
    """Both drivers beside each other, and beside the raw tap of this driver's rounds."""
    lines = []
    for name in dict.fromkeys(map(row_name, rows)):
        by = {contestant(row["driver"]): row for row in rows if row_name(row) == name}
        first = next(iter(by.values()))
        lines.append([name, first["unit"], cell(first["raw"])] + [
            text for who in ("plugin", "stock")
            for text in ((cell(by[who]["port"]), cell(by[who]["ratio"])) if who in by else ("–", "–"))])
    return table(["what", "unit", LABELS["raw"], LABELS["plugin"], "over raw", LABELS["stock"],
                  "over raw"], lines, 2)


def wrapped(name, width=18):
    """In lines, for the axis of a plot."""
    return "\n".join(textwrap.wrap(name, width))


def row_bars(rows, value=dict.get):
    """Groups and table of bar_plot(); value gives the summary of a row's raw tap or port."""
    width = max(9, 96 // len({row["what"] for row in rows}))
    groups = list(dict.fromkeys(wrapped(row["what"], width) for row in rows))
    drawn = [(LABELS["raw"], COLOURS["raw"], {wrapped(row["what"], width): value(row, "raw")
                                              for row in reversed(rows)})]
    for who in ("plugin", "stock"):
        drawn.append((LABELS[who], COLOURS[who],
                      {wrapped(row["what"], width): value(row, "port") for row in rows
                       if contestant(row["driver"]) == who}))
    return groups, drawn


def bytes_per_cycle(row, side):
    """As a summary without a spread: it follows from a median."""
    found = row["bytes_per_cycle"][side]
    return {"median": found, "q1": found, "q3": found}


def x_lines(rows):
    """Lines of line_plot(): the raw tap, and the drivers."""
    raw = {row["x"]: row["raw"] for row in reversed(rows)}
    lines = [(LABELS["raw"], COLOURS["raw"], "s--", list(raw.items()))]
    for who in ("plugin", "stock"):
        points = [(row["x"], row["port"]) for row in rows if contestant(row["driver"]) == who]
        if points:
            lines.append((LABELS[who], COLOURS[who], "o-", points))
    return lines


def flow_lines(flow):
    """Panels by number of masks, and by number of rules."""
    masks, rules = [], []
    programs = ("steering", "filter")
    for way in ("same frame", "frames that differ"):
        lines, bars = [], []
        for program, colour in zip(programs, OTHERS[::2]):
            start = f"{program}, {way}, "
            by = {row["what"][len(start):]: row["value"] for row in flow
                  if row["what"].startswith(start) and row["unit"] == "ns"}
            for inner, shade, style in (("", colour, "o-"), ("VXLAN, ", OTHERS[OTHERS.index(colour) + 1],
                                                            "s--")):
                points = [(int(what[len(inner):].split()[0]), value) for what, value in by.items()
                          if what.startswith(inner) and "mask" in what[len(inner):] and
                          what[len(inner):].split()[0].isdigit()]
                if points:
                    lines.append((f"{program}{', in VXLAN' if inner else ''}", shade, style, points))
            cases = {wrapped(what): value for what, value in by.items() if "rule" in what}
            if cases:
                bars.append((program, colour, cases))
        if lines:
            masks.append((f"Packets matching no rule, {way}", lines))
        if bars:
            rules.append((f"By number of rules, {way}", list(bars[0][2]), bars, "ns per packet"))
    return masks, rules


def write_page(figures, folder):
    """Write folder/benchmarks.md, folder/benchmarks/*.svg and figures.json; the page's path."""
    return Page(figures, Path(folder)).write()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(write_page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")),
                     sys.argv[2] if len(sys.argv) == 3 else "doc"))
