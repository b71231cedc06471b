# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""devtools/bench/: forwarding by all contestants for a second each, the JSON and the page of it.

What the figures are does not matter here, but that there is one of each.
"""
import json
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from netns import Netns
from pair import Pair, receive
from super_frames import VNET, packets_of, split, super_frame
from testpmd import ROOT

CONTESTANTS = ("plugin", "long bursts", "stock", "loop", "vnet parts", "vnet loop", "veth")
TARGETS = ("TCP, 1 stream, over stock", "TCP, 1 stream, over the vnet loop",
           "TCP, 1 stream, bursts of 64, over the vnet loop",
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


def test_ratios_are_those_of_the_samples(run):
    gbit = {row["contestant"]: row["samples"][0]["gbit_per_s"]
            for row in run[1]["forwarding"]["rows"] if row["test"] == "tcp"}
    page = (run[2] / "benchmarks.md").read_text()
    want = {who: gbit[who] / gbit["vnet loop"] for who in CONTESTANTS}
    (row,) = run[1]["forwarding"]["proportions"]
    assert row["what"] == "TCP, 1 stream, over the vnet loop"
    assert row["ratios"] == pytest.approx(want)
    line = next(line for line in page.split("in proportion")[1].splitlines()
                if line.startswith(f"| {row['what']} |"))
    found = [float(value) for value in line.split("|")[2:-1]]
    assert found == pytest.approx(list(want.values()), rel=0.06)    # two digits


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


@pytest.mark.parametrize("most", [0, 1, 7])
def test_parts_of_super_frames_are_the_same_packets(most):
    """What the loop writes in parts stands for the packets that the super-frame stood for."""
    rng = random.Random(most)
    frames = [super_frame(rng, rng.randrange(2, 40), tcp=True) for _ in range(60)]
    with Netns() as ns:
        args = ("--loop", "vnet", "--loop-ifaces", "in0,out0", "--core", min(os.sched_getaffinity(0)))
        loop = subprocess.Popen([*ns.exec_argv, BENCH, *map(str, args),
                                 *(("--loop-segments", str(most)) if most else ())],
                                stdout=subprocess.PIPE, text=True)
        try:
            assert loop.stdout.readline().startswith("forwarding between in0 and out0")
            ns.batch(["link set in0 up", "link set out0 up"])
            with Pair.packet_socket(ns, "in0") as sender, Pair.packet_socket(ns, "out0") as receiver:
                for number, frame in enumerate(frames):
                    sender.send(frame)
                    want, got, counts = packets_of(frame), [], []
                    while len(got) < len(want):
                        (vnet, data), = receive(receiver, 5, at_most=1)
                        part = split(vnet, data)
                        counts.append(len(part))
                        got += part
                    assert got == want, number
                    # Neither tags nor options before TCP, and IPv4.
                    if most and frame[VNET.size + 12:VNET.size + 15] == b"\x08\0\x45":
                        whole, rest = divmod(len(want), most)
                        assert counts == [most] * whole + [rest] * (rest != 0), number
                    else:
                        assert counts == [len(want)], number
            loop.terminate()
            out = loop.communicate(timeout=10)[0]
            assert re.findall(r"(\d+) frames, .* (\d+) failed", out) == [
                (str(len(frames)), "0"), ("0", "0")], out
        finally:
            loop.kill()
            loop.wait()


@pytest.mark.parametrize("args, message", [
    (("--loop", "fast"), '--loop "fast": there are plain, vnet'),
    (("--loop", "plain"), "--loop and --loop-ifaces belong together"),
    (("--loop", "plain", "--loop-ifaces", "a"), '--loop-ifaces "a": two names'),
    (("--loop", "plain", "--loop-ifaces", "a,b,c"), '--loop-ifaces "a,b,c": two names'),
    (("--loop", "plain", "--loop-ifaces", "x0,x0"), "tap x0: "),
    (("--loop", "plain", "--loop-ifaces", "a,b", "--loop-segments", "32"),
     "--loop-segments needs --loop vnet"),
    (("--loop-segments", "32"), "--loop and --loop-ifaces belong together"),
    (("--loop", "vnet", "--loop-segments", "65"), "a number from 1 to 64 is wanted"),
])
def test_bad_loops_are_refused(args, message):
    with Netns() as ns:
        done = subprocess.run([*ns.exec_argv, BENCH, *args], text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 2 and message in done.stdout, done.stdout


def test_unknown_tests_are_refused():
    assert "there are tcp, tcp-reverse, udp, tcp4" in script("run.py", "--tests", "x", code=2)
