# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""devtools/bench/: forwarding by all contestants for a second each, the JSON and the page of it.

What the figures are does not matter here, but that there is one of each.
"""
import json
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from netns import Netns
from testpmd import ROOT

CONTESTANTS = ("plugin", "long bursts", "stock", "loop", "vnet loop", "veth")
TARGETS = ("TCP, 1 stream, over stock", "TCP, 1 stream, over the vnet loop",
           "UDP 1400 B, packets per cycle, over stock")
BENCH = ROOT / "build/app/dpdk-tap-bench"


def script(name, *args, code=0):
    done = subprocess.run([sys.executable, ROOT / "devtools/bench" / name, *map(str, args)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two tests, one round of a second: what was printed, figures and folder."""
    folder = tmp_path_factory.mktemp("bench")
    out = script("run.py", "--quick", "--rounds", 1, "--only", "forward", "--tests", "tcp,udp",
                 "--json", folder / "figures.json", "--page", folder)
    return out, json.loads((folder / "figures.json").read_text()), folder


def test_all_contestants_have_figures(run):
    out, figures, _ = run
    rows = {(row["test"], row["contestant"]): row for row in figures["forwarding"]["rows"]}
    assert set(rows) == {(test, who) for test in ("tcp", "udp") for who in CONTESTANTS}
    for (_, who), row in rows.items():
        assert f"{row['what']}: {who}: " in out
        names = {"gbit_per_s"}
        if who != "veth":
            names |= {"bytes_per_cycle", "packets_per_mcycle"}
        assert {name for name in row if isinstance(row[name], dict)} == names, row
        for name in names:
            assert row[name]["n"] == len(row["samples"]) == 1
            assert 0 < row[name]["q1"] <= row[name]["median"] <= row[name]["q3"], row


def test_super_frames_pass_whole_through_the_loop(run):
    """The vnet loop is no limit otherwise: it must need far fewer frames than the plain one."""
    per_frame = {}
    for row in run[1]["forwarding"]["rows"]:
        if row["test"] == "tcp" and "loop" in row["contestant"]:
            per_frame[row["contestant"]] = (row["bytes_per_cycle"]["median"] /
                                            row["packets_per_mcycle"]["median"])
    assert per_frame["vnet loop"] > 3 * per_frame["loop"]


def test_targets_are_judged(run):
    limits = run[1]["limits"]
    assert [limit["what"] for limit in limits] == list(TARGETS)
    page = (run[2] / "benchmarks.md").read_text()
    for limit in limits:
        assert limit["reached"] == (limit["measured"] >= limit["limit"])
        line = next(line for line in page.splitlines() if line.startswith(f"| {limit['what']} |"))
        assert line.endswith("| reached |" if limit["reached"] else "| **MISSED** |")


def test_machine_and_method_are_in_the_page(run):
    page = (run[2] / "benchmarks.md").read_text()
    for key in ("kernel", "cpu", "cores", "dpdk", "plugin", "stock_driver", "time"):
        assert run[1]["machine"][key], key
        assert str(run[1]["machine"][key]) in page
    assert run[1]["forwarding"]["method"] in page
    assert "Not measured in this run" in page       # dpdk-tap-bench was not asked for


def test_plots(run, tmp_path):
    folder = run[2] / "benchmarks"
    plots = {path.name: path.read_bytes() for path in folder.glob("*.svg")}
    assert set(plots) == {"forward-tcp.svg", "forward-udp.svg", "forward-cycles.svg"}
    for name, content in plots.items():
        assert xml.etree.ElementTree.fromstring(content).tag.endswith("svg")
        assert f"(benchmarks/{name})" in (run[2] / "benchmarks.md").read_text()
    assert json.loads((folder / "figures.json").read_text()) == run[1]
    script("report.py", run[2] / "figures.json", tmp_path)
    for name, content in plots.items():
        assert (tmp_path / "benchmarks" / name).read_bytes() == content, f"{name} differs"


def test_a_missed_target_is_said_to_be_missed(run, tmp_path):
    figures = dict(run[1])
    figures["limits"] = [{**figures["limits"][0], "limit": 1e6, "reached": False}]
    path = tmp_path / "missed.json"
    path.write_text(json.dumps(figures))
    script("report.py", path, tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "**MISSED**" in page and "0 of 1 reached, 1 missed." in page


@pytest.mark.parametrize("args, message", [
    (("--loop", "fast"), '--loop "fast": there are plain, vnet'),
    (("--loop", "plain"), "--loop and --loop-ifaces belong together"),
    (("--loop", "plain", "--loop-ifaces", "a"), '--loop-ifaces "a": two names'),
    (("--loop", "plain", "--loop-ifaces", "a,b,c"), '--loop-ifaces "a,b,c": two names'),
    (("--loop", "plain", "--loop-ifaces", "x0,x0"), "tap x0: "),
])
def test_bad_loops_are_refused(args, message):
    with Netns() as ns:
        done = subprocess.run([*ns.exec_argv, BENCH, *args], text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 2 and message in done.stdout, done.stdout


def test_unknown_tests_are_refused():
    assert "there are tcp, tcp-reverse, udp, tcp4" in script("run.py", "--tests", "x", code=2)
