# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""dpdk-tap-bench: short runs. Every row is there; what the figures are does not matter here."""
import json
import os
import pathlib
import subprocess

import pytest
from conftest import need_bpf
from netns import KERNEL
from testpmd import PLUGIN, ROOT

BENCH = ROOT / "build/app/dpdk-tap-bench"
SENDERS = min(len(os.sched_getaffinity(0)) - 1, 8)
SIZES = (60, 128, 256, 512, 1024, 1500)
BURSTS = (1, 2, 4, 8, 16, 32, 64)

# By section: the rows that every driver has, as (what, x).
ROWS = {
    "rx": [("Rx 60 B", None), ("Rx 60 B, mbufs kept", None), ("Rx 60 B, checksum offload", None),
           ("Rx 1500 B", None), ("Rx 1500 B, checksum offload", None)],
    "tx": [("Tx 60 B", None), ("Tx 60 B, UDP checksum offload", None), ("Tx 1500 B", None),
           ("Tx 1500 B, UDP checksum offload", None)],
    "super": [("Rx, cut, checksum offload", None), ("Rx, cut, checksums in packets", None),
              ("Tx, joined, checksums by flag", None), ("Tx, joined, checksums verified", None)],
    "size": [(what, x) for what in ("Rx by frame size", "Tx by frame size") for x in SIZES] +
            [(what, x) for what in ("Rx 60 B by burst", "Tx 60 B by burst") for x in BURSTS],
    "idle": [("idle poll of one queue", None)],
    "queues": [(f"drained, {n} sender{'s' * (n > 1)}", x) for n in range(1, SENDERS + 1)
               for x in (1, 2, 4)],
    "sender": [(f"sender {what}, {way}", None) for what in ("IPv4/UDP", "IPv6/TCP")
               for way in ("qdisc bypassed", "through qdisc")],
    "start": [("hotplug to first packet", None), ("of it: probe", None),
              ("of it: configure, queues", None), ("of it: start, promiscuous", None),
              ("of it: packet", None)],
}
if KERNEL >= (6, 2):    # has super-frames of UDP
    ROWS["super"].append(("Tx, UDP 1400 B, checksums by flag", None))
# Those that the stock driver does not have, or not always.
PLUGIN_ROWS = {
    "super": [("Rx, LRO", None), ("checksum of 1448 bytes", None)],
    "queues": [(f"drained, {n} sender{'s' * (n > 1)}", 8) for n in range(1, SENDERS + 1)],
    "watch": [("Rx 60 B, watched", None), ("Rx 1500 B, watched", None), ("CPU time of watch", None)],
}
UNITS = {"sender": {"cycles"}, "queues": {"kpps"}, "start": {"ms"}, "watch": {"ns", "us/s"}}
X_NAMES = {"size": {"bytes", "packets"}, "queues": {"queues"}}


def bench(*args, code=0):
    done = subprocess.run([BENCH, "--driver", PLUGIN, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def measure(tmp_path):
    def run(*args):
        """Figures of a run, as text and from the JSON file."""
        need_bpf()
        path = tmp_path / "bench.json"
        out = bench("--rounds", "1", "--lone-packets", "400", "--json", path, *args)
        return out, json.loads(path.read_text())
    return run


def rows_of(figures, driver):
    rows = [row for row in figures["rows"] if (row["driver"] == "stock") == (driver == "stock")]
    return {(row["section"], row["what"], row.get("x")): row for row in rows}


def expected(sections, *tables):
    return {(section, *row) for table in tables for section in sections
            for row in table.get(section, ())}


def check_row(row, out):
    section = row["section"]
    assert row["raw"]["n"] >= 1, row
    for figure in ("raw", "port", "ratio"):
        assert row[figure]["median"] > 0, row
    assert ("x_name" in row) == ("x" in row), row
    assert row.get("x_name") in X_NAMES.get(section, {None}), row
    assert row["unit"] in UNITS.get(section, {"ns"})
    if section in ("rx", "tx", "super", "size"):
        assert row["bytes_per_cycle"]["port"] > 0 and row["bytes_per_cycle"]["raw"] > 0, row
    label = row["what"] if "x" not in row else f"{row['what']}, {row['x_name']}: {row['x']}"
    assert f"\n{label} " in out, f"{label}: not in\n{out}"


def test_a_run_of_all_has_every_row(measure):
    out, figures = measure()
    plugin, stock = rows_of(figures, "plugin"), rows_of(figures, "stock")
    assert set(plugin) == expected(ROWS | PLUGIN_ROWS, ROWS, PLUGIN_ROWS)
    eight = expected(["queues"], PLUGIN_ROWS)
    assert set(stock) - eight == expected(ROWS, ROWS)
    note = figures["drivers"][1]["queues_note"]
    assert (note in out and "8 queues" in note) if not eight & set(stock) else not note
    for row in figures["rows"]:
        check_row(row, out)
    for what in ("lone_packets", "programs", "flow"):
        assert figures[what], what
    assert "not measured in this run" not in out
    assert len({limit["what"] for limit in figures["limits"]}) == len(figures["limits"]) == 27


@pytest.mark.parametrize("section", ["rx", "tx", "super", "size", "idle", "queues", "start", "watch"])
def test_a_section_can_be_had_alone(measure, section):
    out, figures = measure("--only", section, "--no-stock")
    assert set(rows_of(figures, "plugin")) == expected([section], ROWS, PLUGIN_ROWS)
    for row in figures["rows"]:
        check_row(row, out)


def test_the_parts_of_a_start_are_all_of_it(measure):
    _, figures = measure("--only", "start")
    for driver in ("plugin", "stock"):
        whole, *parts = (row["port"] for row in rows_of(figures, driver).values())
        assert all(part["n"] == whole["n"] == 3 for part in parts)
        assert sum(part["median"] for part in parts) == pytest.approx(whole["median"], rel=0.5)
        assert whole["median"] <= whole["p95"]
    (limit,) = figures["limits"]
    assert (limit["unit"], limit["limit"]) == ("ms", 150)
    assert limit["reached"] == (limit["measured"] <= 150)


def test_nothing_stays_of_a_watched_run(measure):
    run_dir = pathlib.Path("/var/run/dpdk")
    before = set(run_dir.glob("tapbench*"))
    measure("--only", "watch")
    assert set(run_dir.glob("tapbench*")) <= before
    assert not subprocess.run(["pgrep", "-f", "watch --json --file-prefix tapbench"],
                              check=False, stdout=subprocess.PIPE).stdout


def test_an_unknown_section_is_refused_by_name():
    out = bench("--only", "rx,supper", code=2)
    assert '--only "supper": there are rx,tx,super,size,idle,queues,sender,lone,bpf,flow,start,watch' in out
