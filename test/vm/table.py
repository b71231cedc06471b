# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""table.py [--page FILE] [--ledger FILE] RESULTS...

Says what the runs of the virtual machines have found (files of JSON lines, one of each kernel)
and ends with "N passed, N failed"; writes a table of it into the page FILE, between its marks.
"""
import argparse
import json
import re
import sys
from pathlib import Path

# Column, and whose results are in it: those whose names match.
COLUMNS = {
    "objects load": r"doctor: (full program|attaching)|program: objects",
    "program tests": r"program: ",
    "steering": r"test_rss\.py|test_kernel\.py::test_(flows|a_tag|a_vlan|a_kernel)",
    "filter": r"test_a_port_with_one_queue|test_drop|mac_filter_then_drops|test_256_queues|test_so_many",
    "flow rules": r"test_flow.*\.py|program: (flow rules|spoilt maps)",
    "remote= by clsact": r"test_remote\.py.*\[(.*-)?clsact",
    "remote= by tcx": r"test_remote\.py.*\[(.*-)?tcx",
    "doorbell": r"never_stranded|test_mbuf_exhaustion",
    "offloads": r"test_super\.py|checksum|super_packet|doctor: TCP super-frames",
    "USO": r"doctor: UDP super-frames",
    "privileges": r"test_caps\.py|test_unprivileged\.py|capabilit",
    "system tests": r"system: ",
}
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


class Run:
    """The results of one kernel."""

    def __init__(self, path):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        records = [json.loads(line) for line in lines]
        self.head = records[0] if records else {"kernel": path.parent.name, "version": "did not boot",
                                                "release": "", "quick": False}
        self.results = [record for record in records if "name" in record]
        if not records or not records[-1].get("done"):
            self.results.append({"name": "the run itself", "result": "failed",
                                 "detail": "it did not get to its end"})

    def of(self, result, what=""):
        return [record for record in self.results
                if record["result"] == result and re.search(what, record["name"])]

    def cell(self, what):
        """A cell of the table: how many tests passed, and failed."""
        passed, failed, skipped = (len(self.of(kind, what)) for kind in
                                   ("passed", "failed", "skipped"))
        if failed:
            return f"**{failed} of {passed + failed} failed**"
        if passed:
            return f"{passed} passed"
        return "not there" if skipped else "not run"

    def rung(self):
        """The best rung that the doctor has found."""
        for number, what in enumerate(("doctor: full program", "doctor: basic program"), 1):
            if self.of("passed", what):
                return str(number)
        return "3"


def say(runs):
    for run in runs:
        head = run.head
        print(f"kernel {head['kernel']} ({head['release'] or head['version']}):",
              ", ".join(f"{name}: {run.cell(what)}" for name, what in COLUMNS.items()))
        for record in run.of("skipped"):
            print(f"  skipped: {record['name']}: {record['detail']}")
        for record in run.of("failed"):
            print(f"  failed: {record['name']}: {record.get('detail', '')}")
    passed, failed = (sum(len(run.of(kind)) for run in runs) for kind in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed")
    return failed


def table(runs):
    rows = [["", *(f"Linux {run.head['version']}" for run in runs)],
            ["---"] * (len(runs) + 1),
            ["best rung", *(run.rung() for run in runs)]]
    for name, what in COLUMNS.items():
        rows.append([name, *(run.cell(what) for run in runs)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def notes(runs):
    """What was skipped or left out, and why: each reason once."""
    reasons = {}
    for run in runs:
        for kind in ("left out", "skipped"):
            for record in run.of(kind):
                reasons.setdefault((kind, record["detail"]), {}).setdefault(
                    run.head["kernel"], []).append(record["name"])
    lines = []
    for (kind, why), kernels in sorted(reasons.items()):
        files = sorted({re.sub(r"system: (\w+\.py).*", r"\1", name)
                        for names in kernels.values() for name in names})
        where = ", ".join(f"{kernel}: {len(names)}" for kernel, names in kernels.items())
        lines.append(f"* {kind}: {why} ({', '.join(f'`{name}`' for name in files)}; {where})")
    return "\n".join(lines)


def write_page(path, runs):
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    quick = "**A quick run: with fewer tests than there are.**\n\n"
    quick = quick if any(run.head["quick"] for run in runs) else ""
    path.write_text(f"{before}{BEGIN}\n\n{quick}{table(runs)}\n\nNot run, by reason and kernel:\n\n"
                    f"{notes(runs)}\n\n{END}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[2])
    parser.add_argument("--page", type=Path)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    args = parser.parse_args()
    runs = [Run(path) for path in args.results]
    if args.ledger:
        with open(args.ledger, "a", encoding="utf-8") as ledger:
            ledger.writelines(f"{record['result']} kernel {run.head['kernel']}: {record['name']}\n"
                              for run in runs for record in run.results
                              if record["result"] != "left out")
    if args.page:
        write_page(args.page, runs)
    sys.exit(1 if say(runs) else 0)


main()
