# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""How long flow rules live: restarts, other numbers of queues, isolated mode, close, changes
under traffic, churn; and dpdk-test-flow-perf.

testpmd forgets the rules of its console when it stops a port. Those of the hook stay.
"""
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import flow_frames
import frames
import pytest
from conftest import DEVARG, RUNG, need_bpf, open_port
from held import held_by, loaded, settled
from hook import flow_churn, flow_drain, flow_fill, flow_forget, hash_update, reta_update
from netns import Netns
from port import compare
from rss_model import GROUPS, RETA_SIZE, RssConfig, classify
from rules import NOTHING, Rules
from scapy.layers.inet import IP, UDP
from test_live import Sender, under_traffic
from testpmd import PATIENCE, PLUGIN, START_TIMEOUT

QUEUES = 4
CHURN_SECONDS = 60 if os.environ.get("TAP_TEST_LONG") == "1" else 3
OWN_MAC = "02:00:00:00:0a:01"
DEFAULT_TYPES = frozenset().union(*(GROUPS[name] for name in ("ip", "tcp", "udp", "sctp")))
SHAPES = flow_frames.corpus()
LIKE_HOOK = "eth / ipv4 dst is 10.255.255.255 / udp"    # has the mask of the hook's rules


def numbered(number):
    """A packet of rule number so and so of flow_fill()."""
    return bytes(frames.ether(IP(src=frames.A4, dst=f"10.0.{number >> 8}.{number & 255}")
                              / UDP(sport=1, dport=2) / bytes(18)))


def queues_of(port, shapes, expect=None, timeout=2.0):
    """Where frames have arrived: a list of queues for each."""
    return [[p.queue for p in packets] for _, packets in port.exchange(shapes, timeout, expect)]


def restart(port, *between):
    """Stop the port, do something and start it again; what was printed."""
    printed = [port.pmd.cmd(command) for command in (
        "stop", "port stop 0", *between, "port start 0", "start")]
    return "\n".join(printed)


# Restarts

@pytest.mark.parametrize("mode", RUNG)
def test_rules_survive_stop_and_start_and_other_numbers_of_queues(mode):
    """Rules lead to queues 0 to 2: three queues are enough, two are not."""
    with open_port(mode) as port:
        rules = Rules(port.pmd)
        assert flow_fill(port.pmd, 0, 60, 0, 3)["made"] == 60
        shapes = [numbered(n) for n in range(60)]
        want = [[n % 3] for n in range(60)]
        assert queues_of(port, shapes) == want
        restart(port)
        assert queues_of(port, shapes) == want
        for queues in (3, 6, 4):    # both kinds: testpmd polls pairs of queues
            restart(port, f"port config all rxq {queues}", f"port config all txq {queues}")
            assert queues_of(port, shapes) == want
            assert rules.dump().rules == 60
        text = restart(port, "port config all rxq 2")
        assert re.search(r"2 Rx queues, but a flow rule leads to queue 2; destroy the rule, or "
                         r"configure 3 queues", text), text
        restart(port, "port config all rxq 3")
        assert queues_of(port, shapes) == want
        # Without the rules it is possible.
        assert flow_drain(port.pmd)["made"] == 60
        text = restart(port, "port config all rxq 2")
        assert "flow rule" not in text
        assert all(queue in ([0], [1]) for queue in queues_of(port, shapes))
        assert rules.dump().held == NOTHING


@pytest.mark.parametrize("mode", RUNG)
def test_an_rss_rule_follows_the_table_of_a_port_with_other_queues(mode):
    """Its console rule goes with the stop; made again, it has the new table."""
    with open_port(mode) as port:
        for queues in (4, 2, 3):
            restart(port, f"port config all rxq {queues}")
            rules = Rules(port.pmd)
            rules.create("", "rss types ip tcp udp end queues end")
            types = frozenset().union(*(GROUPS[name] for name in ("ip", "tcp", "udp")))
            port.check({str(i): frame for i, frame in enumerate(frames.flows(150))},
                       RssConfig.spread(queues, types=types))


@pytest.mark.parametrize("mode", RUNG)
def test_rules_go_with_their_port_and_leave_nothing(mode):
    """A second port comes and goes with rules on it; the first one's stay."""
    with open_port(mode) as port:
        pmd = port.pmd
        rules = Rules(pmd)
        rules.create("udp", "queue index 3")
        before = held_by(pmd.proc.pid)
        sizes = set()
        for end in (["port detach 1"], ["port close 1", "device detach net_tap7"]):
            assert "Port 1 is attached" in pmd.cmd(f"port attach net_tap7,iface=later0,"
                                                   f"{DEVARG[mode] or 'rss=auto'}")
            pmd.cmd("port start 1")
            later = Rules(pmd, 1)
            assert later.dump().rules == 0
            assert flow_fill(pmd, 0, 100, 0, 4, port=1)["made"] == 100
            later.create("vxlan / ipv4", "drop")
            assert later.dump().rules == 101
            sizes.add(len(held_by(pmd.proc.pid)))
            # A port takes part in forwarding as soon as it is started.
            for command in ("stop", "port stop 1", *end, "start"):
                pmd.cmd(command)
            assert flow_forget(pmd)["made"] == 100
            assert held_by(pmd.proc.pid) == before
        assert len(sizes) == 1
        assert queues_of(port, [SHAPES["v4 udp"]]) == [[3]]
        assert rules.dump().rules == 1


@pytest.mark.parametrize("end", ["close", "kill"])
@pytest.mark.parametrize("mode", RUNG)
def test_programs_and_maps_of_rules_go_with_the_process(mode, end):
    with open_port(mode) as port:
        plain = held_by(port.pmd.proc.pid)
        rules = Rules(port.pmd)
        rules.create("udp", "drop / count")
        rules.create("tcp", "rss types ip end queues 1 2 end / mark id 4")
        with_rules = held_by(port.pmd.proc.pid)
        assert (plain < with_rules) == (mode == "bpf")
        getattr(port.pmd, end)()
        assert port.ns.links() == {"lo"}
        assert settled(lambda: not with_rules & loaded()), with_rules & loaded()


# Ports of other kinds

@pytest.mark.parametrize("mode", RUNG)
def test_a_port_with_one_queue(mode):
    """There the filter program is the only one: it drops, counts and rings."""
    if mode != "soft":
        need_bpf()
    with open_port(mode, rxq=1) as port:
        rules = Rules(port.pmd)
        made = rules.create_all([
            ("ipv4 / udp", "drop / count"),
            ("ipv6 / udp", "queue index 0 / count / mark id 6"),
            ("tcp", "rss types ip end queues 0 end / count"),
            ("", "passthru / count", "ingress priority 7"),
        ])
        names = ["v4 udp", "v6 udp", "v4 tcp ack", "arp"] * 20
        result = port.exchange([SHAPES[name] for name in names], 3, 60)
        assert settled(lambda: rules.count(made[0]).hits == 20)
        assert [len(packets) for _, packets in result] == [0, 1, 1, 1] * 20
        assert {p.mark for _, (p,) in result[1::4]} == {6}
        assert [rules.count(rule).hits for rule in made] == [20, 20, 20, 20]
        stats, xstats = port.pmd.stats(), port.pmd.xstats()
        assert stats["RX-missed"] == 0 and stats["RX-packets"] == 60
        assert xstats["rx_flow_dropped"] + xstats["rx_q0_flow_dropped"] == 20
        assert rules.refusal("eth", "queue index 1").errno == "Invalid argument"
        rules.flush()
        assert queues_of(port, [SHAPES[name] for name in names]) == [[0]] * 80


@pytest.mark.parametrize("mode", RUNG)
def test_a_port_without_rss(mode):
    """While there are rules, what they leave is spread by the default types and an even table."""
    with open_port(mode, args=("--disable-rss",)) as port:
        rules = Rules(port.pmd)
        flows = list(frames.flows(120, seed=5))
        cfg = RssConfig.spread(QUEUES, types=DEFAULT_TYPES)
        own = RssConfig(reta=[3 - i % 2 for i in range(RETA_SIZE)], types=frozenset(GROUPS["ip"]))
        rules.create("ipv4 / tcp", "queue index 2 / mark id 9")
        rules.create("ipv6 / tcp", "rss types ip end queues 3 2 end / count")
        drop = rules.create("ipv4 / udp dst is 7002", "drop / count")
        for _ in range(2):
            for frame, packets in port.exchange(flows):
                is4, tcp = frame[14] >> 4 == 4, 6 in (frame[20], frame[23])
                got, = packets
                assert got.hash is None
                want = (2 if is4 and tcp else
                        classify(frame, own if tcp and not is4 else cfg).queue)
                assert (got.queue, got.mark) == (want, 9 if is4 and tcp else None)
            assert queues_of(port, [SHAPES["v4 udp"], SHAPES["arp"]], 1) == [[], [0]]
        assert settled(lambda: rules.count(drop).hits == 2)
        rules.flush()
        assert all(len(queues) == 1 for queues in queues_of(port, flows))
        assert sum(v for k, v in port.pmd.xstats().items() if k.endswith("flow_dropped")) == 2


# Programs that cannot be had

def limit_files(port, spare):
    """Let the process have so many files more than now: without them there are no maps."""
    pid = port.pmd.proc.pid
    top = max(map(int, os.listdir(f"/proc/{pid}/fd")))
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={top + 1 + spare}:"], check=True)


@pytest.fixture
def short_of_files():
    """A port on the first rung, all to queue 0, whose process may open no more files."""
    with open_port("bpf") as port:
        assert reta_update(port.pmd, 0, 0, QUEUES) == 0
        limit_files(port, 0)
        yield port


def test_without_programs_a_rule_is_refused_while_the_port_runs(short_of_files):
    port, rules = short_of_files, Rules(short_of_files.pmd)
    for pattern, actions in (("udp", "queue index 3 / count"), ("udp", "drop"), ("tcp", "queue index 0")):
        refused = rules.refusal(pattern, actions)
        assert (refused.type, refused.errno) == (1, "Operation not supported")
        assert "the programs for such a rule cannot be attached, see the log" in refused.message
        assert rules.dump().held == NOTHING
        assert queues_of(port, [SHAPES["v4 udp"]] * 5) == [[0]] * 5
    assert "Too many open files" in port.pmd.log
    assert "run in software" not in port.pmd.log
    limit_files(port, 100)
    rule = rules.create("udp", "queue index 3 / count")
    assert rules.dump().where == "kernel"
    assert queues_of(port, [SHAPES["v4 udp"]] * 5) == [[3]] * 5
    assert rules.count(rule).hits == 5


def test_without_programs_rules_of_a_port_that_is_stopped_go_to_software(short_of_files):
    port, rules = short_of_files, Rules(short_of_files.pmd)
    line = rules.line("udp", "queue index 3 / count")
    assert rules.created(restart(port, line)) == 0, port.pmd.tail()
    assert "flow rules run in software" in port.pmd.log
    assert rules.dump().where == "software"
    for _ in range(2):
        assert queues_of(port, [SHAPES["v4 udp"], SHAPES["v4 tcp ack"]] * 5) == [[3], [0]] * 5
        drop = rules.create("tcp", "drop / count", "ingress priority 3")
        result = queues_of(port, [SHAPES["v4 udp"], SHAPES["v4 tcp ack"]] * 5, 5)
        assert settled(lambda: rules.count(drop).hits == 5)
        assert result == [[3], []] * 5
        rules.flush()
        assert queues_of(port, [SHAPES["v4 udp"]] * 5) == [[0]] * 5
        # Without a rule, but with bursts that are ready for one.
        restart(port, "port config all rxq 4")
        port.pmd.set_reta([0] * RETA_SIZE)
        rules.create("udp", "queue index 3 / count")


# Isolated mode

def dropped(port):
    return sum(v for k, v in port.pmd.xstats().items() if k.endswith("flow_dropped"))


def check_isolated(port, rules):
    """In isolated mode: nothing without a rule, and all that a rule takes."""
    before = dropped(port)
    shapes = [SHAPES[name] for name in ("v4 udp", "v4 udp +mac", "v6 udp", "arp")]
    assert rules.dump().isolated
    assert queues_of(port, shapes, timeout=0.3) == [[]] * 4
    through = rules.create("ipv6", "passthru / count", "ingress priority 1")
    rule = rules.create("ipv4 / udp", "queue index 2 / count", "ingress priority 2")
    assert queues_of(port, shapes, 2) == [[2], [2], [], []], "a MAC address does not matter"
    assert rules.count(rule).hits == 2
    assert settled(lambda: rules.count(through).hits == 1), "a rule without fate saves nothing"
    rules.destroy(rule)
    assert queues_of(port, shapes, timeout=0.3) == [[]] * 4
    rules.create("arp_eth_ipv4", "rss types ip end queues 1 end")
    assert queues_of(port, shapes, 1) == [[], [], [], [1]]
    assert port.pmd.stats()["RX-missed"] == 0
    assert settled(lambda: dropped(port) == before + 4 + 2 + 4 + 3)
    rules.flush()


@pytest.mark.parametrize("mode", RUNG)
def test_isolated_from_before_the_start(mode):
    with open_port(mode, f"mac={OWN_MAC}", args=("--flow-isolate-all",)) as port:
        rules = Rules(port.pmd)
        check_isolated(port, rules)
        port.pmd.cmd("flow isolate 0 0")
        port.pmd.cmd("set promisc 0 on")
        assert all(len(queues) == 1 for queues in queues_of(port, list(frames.flows(40))))


@pytest.mark.parametrize("mode", RUNG)
def test_isolated_while_the_port_runs(mode):
    with open_port(mode, f"mac={OWN_MAC}") as port:
        rules = Rules(port.pmd)
        flows = list(frames.flows(40))
        port.pmd.cmd("set promisc 0 off")
        for _ in range(2):
            assert "restricted" in port.pmd.cmd("flow isolate 0 1")
            check_isolated(port, rules)
            assert "not restricted" in port.pmd.cmd("flow isolate 0 0")
            assert not rules.dump().isolated
            # The filter of addresses is there again.
            assert queues_of(port, flows[:4], timeout=0.3) == [[]] * 4
            port.pmd.cmd("set promisc 0 on")
            assert all(len(queues) == 1 for queues in queues_of(port, flows))
            port.pmd.cmd("set promisc 0 off")
        assert dropped(port) == 2 * (4 + 2 + 4 + 3)


# Changes under traffic

@pytest.fixture(scope="module", params=list(RUNG))
def busy(request):
    """A port with long queues: no packet may be lost for want of CPU time."""
    with open_port(request.param, args=("--rxd=8192",), mbufs=16384) as port:
        port.mode = request.param
        port.rules = Rules(port.pmd)
        assert hash_update(port.pmd, RssConfig().rss_hf, RssConfig().key) == 0
        yield port


@pytest.fixture
def traffic(busy):
    """under_traffic() for a port whose programs for rules have been loaded before, with an
    even table and without a rule, now and afterwards."""
    assert reta_update(busy.pmd, 0, 1, QUEUES) == 0
    busy.rules.create_all([("", "drop"), ("udp", "queue index 1 / mark id 1", "ingress priority 1")])
    busy.rules.flush()
    yield lambda change: under_traffic(busy, change, 1.2)
    busy.rules.flush()


def check_moves(result, places):
    """Each packet arrived once, at one of two queues, and some at each."""
    lost = sum(len(packets) != 1 for _, packets in result)
    assert not lost, f"{lost} of {len(result)} lost or doubled"
    used = set()
    for frame, (got,) in result:
        allowed = [place(frame) for place in places]
        assert got.queue in allowed, f"at {got.queue}, allowed {allowed}"
        if allowed[0] != allowed[1]:
            used.add(allowed.index(got.queue))
    assert used == {0, 1}, "traffic has met only one of the two states"


def spread(frame):
    return classify(frame, RssConfig.spread(QUEUES)).queue


def is_udp(frame):
    return frame[23] == 17 if frame[14] >> 4 == 4 else frame[20] == 17


def test_the_first_and_the_last_rule_come_and_go_under_traffic(busy, traffic):
    """With the first rule other programs are attached, with the last they go."""

    def change(i):
        if i % 2:
            busy.rules.flush()
        else:
            busy.rules.create("udp", "queue index 2")
    check_moves(traffic(change),
                [spread, lambda frame: 2 if is_udp(frame) else spread(frame)])


def test_a_rule_of_better_priority_comes_and_goes_under_traffic(busy, traffic):
    busy.rules.create("", "queue index 1", "ingress priority 9")

    def change(i):
        if i % 2:
            busy.rules.destroy(change.rule)
        else:
            change.rule = busy.rules.create("udp", "rss types ip udp end queues 3 0 end / mark id 1")
    cfg = RssConfig(reta=[3, 0] * (RETA_SIZE // 2),
                    types=frozenset(GROUPS["ip"] | GROUPS["udp"]))
    check_moves(traffic(change),
                [lambda frame: 1,
                 lambda frame: classify(frame, cfg).queue if is_udp(frame) else 1])


def test_rules_with_drop_for_others_come_and_go_under_traffic(busy, traffic):
    """The filter program is attached and detached, and drops nothing that is not its own."""

    def change(i):
        if i % 2:
            busy.rules.destroy(*change.made)
        else:
            change.made = busy.rules.create_all([("arp_eth_ipv4", "drop"), ("ipv4", "queue index 0")])
    check_moves(traffic(change),
                [spread, lambda frame: 0 if frame[14] >> 4 == 4 else spread(frame)])


def resident(pid):
    """VmRSS in kB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def test_churn_under_traffic_loses_nothing_and_leaves_nothing(busy, traffic):
    """As fast as it goes from the hook, and from the console in bulk; by turns with programs
    that come and go with every rule, and with masks that come and go, and with neither."""
    pmd, rules = busy.pmd, busy.rules
    actions = ["queue index 1 / count", "drop / count", "rss types ip end queues 0 2 end / mark id 4",
               "passthru / flag", f"rss key {'5a' * 40} key_len 40 types udp end queues 3 end"]
    plan = [(f"ipv4 dst is 203.0.113.{i} / udp dst is {i}", actions[i % len(actions)])
            for i in range(20)]
    # Tables are memory that counts only once it was touched: have all of it touched.
    assert flow_fill(pmd, 0, 32767, 0, QUEUES)["made"] == flow_drain(pmd)["made"] == 32767
    before = rules.dump().held
    pmd.take_packets()
    sender = Sender(busy)
    sender.start()
    begin = time.monotonic()
    samples, turn = [], 0
    while time.monotonic() < begin + CHURN_SECONDS:
        company, count = ((None, 300), ("arp_eth_ipv4", 500), (LIKE_HOOK, 5000))[turn % 3]
        turn += 1
        rule = rules.create(company, "queue index 1") if company else None
        answer = flow_churn(pmd, count)
        assert answer["made"] == count, answer
        rules.destroy(*rules.create_all(plan), *([rule] if company else []))
        samples.append((time.monotonic() - begin, resident(pmd.proc.pid)))
        pmd.pump(0.001)
    sender.over.set()
    sender.join()
    # Of a minute's packets, count each only when all must be there.
    pmd.wait(lambda: len(pmd.packets) >= len(sender.sent), 20)
    pmd.wait(lambda: sum(p.src.startswith("02:aa:") for p in pmd.packets) >= len(sender.sent), 10)
    seen = {number: [] for number in sender.sent}
    for packet in pmd.take_packets():
        if frames.number_of(packet.src) in seen:
            seen[frames.number_of(packet.src)].append(packet)
    wrong = [number for number, packets in seen.items()
             if compare(sender.sent[number], packets, RssConfig.spread(QUEUES))]
    assert not wrong, f"{len(wrong)} of {len(seen)} lost or misplaced"
    assert turn >= 3
    assert rules.dump().held == before == NOTHING
    quarter = CHURN_SECONDS / 4
    first = max(kb for at, kb in samples if at <= max(quarter, samples[0][0]))
    last = max(kb for at, kb in samples if at >= min(3 * quarter, samples[-1][0]))
    if "ASAN_OPTIONS" not in os.environ:    # the sanitizer keeps what was freed
        assert last - first < 1024, f"VmRSS from {first} to {last} kB"


# dpdk-test-flow-perf

def flow_perf(mode, *args):
    """Exit code and output of DPDK's benchmark of flow rules on a port of ours."""
    if mode != "soft":
        need_bpf()
    with Netns("perf") as ns:
        done = subprocess.run(
            [*ns.exec_argv, "dpdk-test-flow-perf", "--lcores", "0@(0-1),1@(0-1)", "--no-huge",
             "--no-pci", "-m", "256", "--file-prefix", ns.name, "-d", str(PLUGIN),
             "--vdev", f"net_tap0,iface=perf0,{DEVARG[mode] or 'rss=auto'}", "--", "--ingress",
             *args, "--rules-count=16000", "--rules-batch=16000", "--deletion-rate", "--rxq=4",
             "--txq=4", "--total-mbuf-count=8000"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=START_TIMEOUT * PATIENCE)
        shutil.rmtree(f"/var/run/dpdk/{ns.name}", ignore_errors=True)
        assert ns.links() == {"lo"}
    return done.returncode, done.stdout


@pytest.mark.parametrize("mode", ["bpf", "soft"])
@pytest.mark.parametrize("args", [
    ("--ether", "--ipv4", "--udp", "--queue", "--count"),
    ("--ether", "--ipv6", "--tcp", "--rss", "--mark"),
    ("--ether", "--ipv4", "--drop", "--count"),
    ("--ether", "--ipv4", "--udp", "--vxlan", "--queue", "--flag"),
], ids=" ".join)
def test_flow_perf_runs_through(mode, args):
    code, out = flow_perf(mode, *args)
    assert code == 0, out[-3000:]
    for what in ("creating 16000 rules is", "deleting 16000 rules is", "Bye"):
        assert what in out, out[-3000:]
    rates = [float(rate) for rate in re.findall(r"Total \w* ?\w* ?rate -> ([\d.]+) K", out)]
    assert rates and min(rates) > 1, rates


