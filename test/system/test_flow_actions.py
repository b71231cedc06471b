# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What becomes of the packets of a flow rule: every action, and counters."""
import socket
from dataclasses import replace

import flow_frames
import frames
import pytest
from held import settled
from hook import flow_drain, flow_fill, flow_reset, hash_update, reta_update
from port import compare, show
from rss_model import GROUPS, RETA_SIZE, RssConfig, classify
from rules import Rules
from scapy.layers.inet import IP, UDP

QUEUES = 4
KEY2 = bytes((i * 37 + 11) & 255 for i in range(40))
KEY3 = bytes((i * 91 + 7) & 255 for i in range(40))
IP_TYPES = frozenset(GROUPS["ip"])
DEFAULT_TYPES = frozenset().union(*(GROUPS[name] for name in ("ip", "tcp", "udp", "sctp")))
# All that the port offers; "all" means more to the console.
EVERY = "types ip tcp udp sctp vlan eth l2-payload esp ah end"
FUNCTIONS = {"toeplitz": "toeplitz", "simple_xor": "xor", "symmetric_toeplitz": "symmetric",
             "default": "toeplitz"}
UDP_SEGMENT = 103       # not named by Python's socket module


@pytest.fixture
def rules(port):
    """The rules of a port with all types, the default key and an even table."""
    port.cfg = RssConfig.spread(QUEUES)
    assert hash_update(port.pmd, port.cfg.rss_hf, port.cfg.key) == 0
    assert reta_update(port.pmd, 0, 1, QUEUES) == 0
    rules = Rules(port.pmd)
    yield rules
    rules.flush()


def spread_over(queues, **kw):
    """The configuration that an RSS action with these queues means."""
    return RssConfig(reta=[queues[i % len(queues)] for i in range(RETA_SIZE)], **kw)


def flows(count=200):
    return {f"flow {i}": frame for i, frame in enumerate(frames.flows(count, seed=11))}


def one(port, frame):
    """The packet that a frame arrives as."""
    (_, packets), = port.exchange([frame])
    assert len(packets) == 1
    return packets[0]


# Queue

@pytest.mark.parametrize("queue", range(QUEUES))
def test_queue_takes_all_flows_to_one_queue_and_the_hash_stays_the_ports(port, rules, queue):
    rules.create("", f"queue index {queue}")
    port.check(frames.corpus(), replace(port.cfg, reta=[queue] * RETA_SIZE))


# RSS

@pytest.mark.parametrize("queues", [[2], [1, 3], [3, 1], [0, 1, 2], [1, 1, 1, 2], [3, 2, 1, 0, 3],
                                    [i * 7 % 4 for i in range(100)]], ids=lambda q: f"{q}"[:20])
def test_rss_spreads_by_its_list_of_queues_as_often_as_each_is_in_it(port, rules, queues):
    rules.create("", f"rss queues {' '.join(map(str, queues))} end {EVERY}")
    cfg = spread_over(queues)
    port.check(frames.corpus(), cfg)
    port.check(flows(600), cfg)


def test_shares_follow_the_list_for_random_flows(port, rules):
    """Chi-square with two degrees of freedom: above 13.8 once in a thousand times; the flows
    are always the same."""
    rules.create("", "rss queues 1 1 1 2 3 3 end types ip tcp udp end")
    counts = {queue: 0 for queue in range(QUEUES)}
    for _, packets in port.exchange(frames.flows(1200, seed=21)):
        counts[packets[0].queue] += 1
    want = {1: 600, 2: 200, 3: 400}
    assert counts[0] == 0
    assert sum((counts[q] - n) ** 2 / n for q, n in want.items()) < 13.8, counts


@pytest.mark.parametrize("func,algo", FUNCTIONS.items())
@pytest.mark.parametrize("level", [0, 1, 2])
def test_rss_by_function_and_level(port, rules, func, algo, level):
    rules.create("", f"rss func {func} level {level} {EVERY} queues 3 0 1 end")
    port.check(frames.corpus(), spread_over([3, 0, 1], algo=algo, inner=level == 2))


@pytest.mark.parametrize("types", [
    "ipv4", "ipv6-tcp", "ipv4-udp ipv6-udp", "eth", "c-vlan s-vlan", "l2-payload", "esp ah",
    "ipv4-frag ipv6-frag", "ipv6-ex"])
def test_rss_by_types_of_its_own(port, rules, types):
    rules.create("", f"rss types {types} end queues 1 2 3 end")
    port.check(frames.corpus(), spread_over([1, 2, 3], types=frozenset(types.split())))


@pytest.mark.parametrize("modifiers", ["l3-src-only", "l3-dst-only l4-src-only", "l3-pre48",
                                       "l2-dst-only"])
def test_rss_with_modifiers(port, rules, modifiers):
    rules.create("", f"rss types ip tcp udp eth {modifiers} end queues 0 1 2 3 end")
    types = IP_TYPES | GROUPS["tcp"] | GROUPS["udp"] | {"eth"}
    port.check(frames.corpus(), spread_over([0, 1, 2, 3], types=types,
                                            modifiers=frozenset(modifiers.split())))


def test_rss_with_a_key_of_its_own(port, rules):
    rules.create("", f"rss key {KEY2.hex()} key_len 40 {EVERY} queues 2 1 end")
    port.check(frames.corpus(), spread_over([2, 1], key=KEY2))


def test_rss_without_key_and_types_follows_those_of_the_port(port, rules):
    """What is the port's is what it is when the packet comes, modifiers and all."""
    rules.create("", "rss types end queues 1 2 3 end")
    rest = dict(types=IP_TYPES, modifiers=frozenset({"l3-src-only"}), key=KEY2)
    for changed in (RssConfig.spread(QUEUES, **rest), RssConfig.spread(QUEUES)):
        assert hash_update(port.pmd, changed.rss_hf, changed.key) == 0
        port.check(frames.corpus(), replace(changed, reta=[1 + i % 3 for i in range(RETA_SIZE)]))


def test_rss_with_types_but_no_key_follows_the_key_of_the_port(port, rules):
    rules.create("", "rss types ip udp end queues 1 3 end")
    cfg = spread_over([1, 3], types=IP_TYPES | GROUPS["udp"])
    port.check(frames.corpus(), cfg)
    assert hash_update(port.pmd, port.cfg.rss_hf, KEY2) == 0
    port.check(frames.corpus(), replace(cfg, key=KEY2))


def test_rss_without_queues_follows_the_table_of_the_port(port, rules):
    rules.create("", f"rss key {KEY2.hex()} key_len 40 {EVERY} queues end")
    cfg = RssConfig.spread(QUEUES, key=KEY2)
    port.check(flows(), cfg)
    for first, step in ((2, 3), (1, 0)):
        assert reta_update(port.pmd, first, step, QUEUES) == 0
        reta = [(first + i * step) % QUEUES for i in range(RETA_SIZE)]
        port.check(flows(), replace(cfg, reta=reta))


def test_rss_with_nothing_of_its_own_is_the_ports(port, rules):
    rules.create("", "rss types end queues end / mark id 1")
    port.check(frames.corpus(), port.cfg)


@pytest.mark.parametrize("how", ["func toeplitz", "level 1"])
def test_rss_with_function_or_level_but_no_types_has_the_default_types(port, rules, how):
    rules.create("", f"rss types end {how} queues 0 1 2 end")
    port.check(frames.corpus(), spread_over([0, 1, 2], types=DEFAULT_TYPES))


def is_kind(version, proto):
    """Whether a frame of frames.flows() is of this kind."""
    def matches(frame):
        at = {4: 23, 6: 20}[version]
        return frame[14] >> 4 == version and frame[at] == proto
    return matches


def test_rules_with_keys_types_and_functions_of_their_own_side_by_side(port, rules):
    """Three contexts and the port's own hash in one stream of packets."""
    plan = [
        ("ipv4 / tcp", f"rss key {KEY2.hex()} key_len 40 types ipv4 end queues 1 2 end",
         is_kind(4, 6), spread_over([1, 2], key=KEY2, types=frozenset({"ipv4"}))),
        ("ipv4 / udp", f"rss key {KEY3.hex()} key_len 40 types udp end func symmetric_toeplitz "
         "queues 3 end", is_kind(4, 17), spread_over([3], key=KEY3, algo="symmetric",
                                                     types=frozenset(GROUPS["udp"]))),
        ("ipv6 / tcp", f"rss {EVERY} func simple_xor queues 0 0 3 end", is_kind(6, 6),
         spread_over([0, 0, 3], algo="xor")),
    ]
    rules.create_all([(pattern, actions) for pattern, actions, _, _ in plan])
    assert rules.dump()[-4::2] == (3, 2)
    seen = set()
    for frame, packets in port.exchange(frames.flows(800, seed=5)):
        cfg, = [cfg for _, _, kind, cfg in plan if kind(frame)] or [port.cfg]
        assert compare(frame, packets, cfg) == ""
        seen.add(id(cfg))
    assert len(seen) == 4


def test_equal_rss_actions_share_a_context_and_keys_are_given_back(port, rules):
    action = f"rss key {KEY2.hex()} key_len 40 types ipv4 end queues 1 2 end"
    made = rules.create_all([(f"udp dst is {i}", action) for i in range(5)])
    assert rules.dump().held[-2:] == (1, 1)
    other = rules.create("tcp", f"rss key {KEY2.hex()} key_len 40 types ipv6 end queues 1 end")
    assert rules.dump().held[-2:] == (2, 1)
    rules.destroy(*made)
    assert rules.dump().held[-2:] == (1, 1)
    rules.destroy(other)
    assert rules.dump().held[-2:] == (0, 0)
    again = rules.create("tcp", action)
    assert rules.dump().held[-2:] == (1, 1)
    rules.destroy(again)
    assert rules.dump().held[-2:] == (0, 0)


def test_a_key_that_is_used_again_after_its_rule_has_gone_is_the_right_one(port, rules):
    """Places of contexts and keys change hands; the hash shows whose key is there."""
    for i in range(12):
        key = bytes((i * 13 + j * 5 + 1) & 255 for j in range(40))
        rule = rules.create("", f"rss key {key.hex()} key_len 40 {EVERY} queues 0 {i % 4} end")
        port.check(flows(20), spread_over([0, i % 4], key=key))
        if i % 3:
            rules.destroy(rule)
        else:
            rules.flush()


# Drop

def dropped_now(port):
    """What rules have dropped by the port's xstats, in the kernel and in bursts."""
    stats = port.pmd.xstats()
    return sum(value for name, value in stats.items() if name.endswith("flow_dropped"))


def test_drop_takes_packets_away_and_counts_them_as_dropped_not_as_missed(port, rules):
    pmd = port.pmd
    shapes = flow_frames.corpus()
    udp4 = [shapes["v4 udp"]] * 30
    rest = [shapes["v6 udp"], shapes["v4 tcp ack"], shapes["arp"]] * 10
    rule = rules.create("ipv4 / udp", "drop / count")
    for command in ("clear port stats 0", "clear port xstats 0"):
        pmd.cmd(command)
    mixed = [frame for pair in zip(udp4, rest) for frame in pair]
    result = port.exchange(mixed, expect=len(rest))
    assert settled(lambda: dropped_now(port) == len(udp4)), pmd.xstats()
    assert [len(packets) for _, packets in result] == [0, 1] * 30
    assert not any(p.src.startswith("02:aa") for p in pmd.take_packets())
    sent = [frame for frame, packets in result if not packets]
    assert rules.count(rule) == (30, sum(map(len, sent)))
    stats, xstats = pmd.stats(), pmd.xstats()
    assert stats["RX-packets"] == len(rest)
    assert (stats["RX-missed"], stats["RX-errors"], stats["RX-nombuf"]) == (0, 0, 0)
    in_kernel = xstats["rx_flow_dropped"]
    assert in_kernel == (len(udp4) if port.mode == "bpf" else 0)
    for command in ("clear port stats 0", "clear port xstats 0"):
        pmd.cmd(command)
    assert dropped_now(port) == 0 and pmd.stats()["RX-missed"] == 0
    rules.destroy(rule)
    assert one(port, shapes["v4 udp"]).queue == classify(shapes["v4 udp"], port.cfg).queue


def test_a_rule_of_better_rank_saves_packets_from_drop(port, rules):
    shapes = flow_frames.corpus()
    drop = rules.create("", "drop / count", "ingress priority 9")
    save = rules.create("ipv6", f"rss {EVERY} queues 1 2 end / count", "ingress priority 8")
    names = ("v4 udp", "v6 udp", "arp", "v6 tcp syn")
    result = port.exchange([shapes[name] for name in names], expect=2)
    assert [compare(frame, packets, spread_over([1, 2])) for frame, packets in result[1::2]] == [
        "", ""]
    assert settled(lambda: rules.count(drop).hits == 2)
    assert [len(packets) for _, packets in result] == [0, 1, 0, 1]
    assert rules.count(save).hits == 2


# Mark, flag, passthru

def test_mark_and_flag_reach_the_mbuf_beside_the_hash(port, rules):
    shapes = flow_frames.corpus()
    rules.create_all([
        ("ipv4 / udp", "queue index 1 / mark id 0x12345678"),
        ("ipv4 / tcp", "queue index 2 / flag"),
        ("ipv6 / udp", f"rss {EVERY} queues 3 end / mark id 0"),
        ("ipv6 / tcp", f"rss {EVERY} queues 3 end / mark id 0xffffffff / flag"),
    ])
    want = {"v4 udp": (1, True, 0x12345678), "v4 tcp ack": (2, True, None),
            "v6 udp": (3, True, 0), "v6 tcp ack": (3, True, 0xffffffff)}
    for name in ("v4 udp", "v4 tcp ack", "v6 udp", "v6 tcp ack", "arp", "v4 icmp"):
        packet = one(port, shapes[name])
        verdict = classify(shapes[name], port.cfg)
        queue, flagged, mark = want.get(name, (verdict.queue, False, None))
        if name != "arp":       # its hash is that of MAC addresses, of which one is a number
            assert packet.hash == verdict.hash, show(packet.hash)
            assert packet.queue == queue
        assert (packet.flagged, packet.mark) == (flagged, mark), name


def test_the_flags_of_the_mbuf_are_those_of_the_actions(port, rules):
    rules.create("udp", "queue index 1 / mark id 7")
    rules.create("tcp", "queue index 1 / flag")
    want = {"v4 udp": {"RTE_MBUF_F_RX_FDIR", "RTE_MBUF_F_RX_FDIR_ID"},
            "v4 tcp ack": {"RTE_MBUF_F_RX_FDIR"}, "v4 icmp": set()}
    for name, flags in want.items():
        port.pmd.take_packets()
        port.send(flow_frames.corpus()[name])
        assert port.pmd.wait(lambda: port.pmd.packets)
        got = set(port.pmd.take_packets()[-1].flags.split())
        assert {flag for flag in got if "FDIR" in flag} == flags


def test_marks_end_with_their_rules(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    plain = rules.create("ipv4", "queue index 1", "ingress priority 3")
    marked = rules.create("udp", "queue index 2 / mark id 5", "ingress priority 2")
    assert (one(port, frame).queue, one(port, frame).mark) == (2, 5)
    rules.destroy(marked)
    assert (one(port, frame).queue, one(port, frame).flagged) == (1, False)
    rules.destroy(plain)
    assert not one(port, frame).flagged


def test_passthru_marks_and_counts_and_leaves_the_packet_to_the_ports_rss(port, rules):
    rule = rules.create("udp", "passthru / mark id 0x77 / count")
    udp = {name: frame for name, frame in flows(120).items() if frame[23] == 17 or frame[20] == 17}
    sent = port.exchange(list(udp.values()))
    for frame, packets in sent:
        assert compare(frame, packets, port.cfg) == ""
        assert packets[0].mark == 0x77
    assert rules.count(rule) == (len(udp), sum(len(frame) for frame, _ in sent))
    assert not one(port, flow_frames.corpus()["v4 tcp ack"]).flagged


def test_rules_with_passthru_apply_in_front_of_the_one_that_decides(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    made = rules.create_all([
        ("ipv4", "passthru / mark id 1 / count", "ingress priority 1"),
        ("udp", "passthru / mark id 2 / count", "ingress priority 2"),
        ("", "passthru / count", "ingress priority 3"),
        ("udp dst is 7002", "queue index 3 / count", "ingress priority 5"),
        ("eth", "passthru / mark id 9 / count", "ingress priority 6"),
        ("ipv6", "passthru / mark id 8 / count", "ingress priority 0"),
    ])
    packet = one(port, frame)
    assert (packet.queue, packet.mark) == (3, 2), "the last in rank of those in front marks"
    assert [rules.count(rule).hits for rule in made] == [1, 1, 1, 1, 0, 0]
    rules.destroy(made[3])
    packet = one(port, frame)
    assert (packet.queue, packet.mark) == (classify(frame, port.cfg).queue, 9)
    assert [rules.count(rule).hits for rule in made[:3] + made[4:]] == [2, 2, 2, 1, 0]


def test_the_mark_of_the_rule_that_decides_goes_before_all_others(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    rules.create("ipv4", "passthru / mark id 1", "ingress priority 1")
    rules.create("udp", "queue index 2 / flag", "ingress priority 2")
    packet = one(port, frame)
    assert (packet.queue, packet.flagged, packet.mark) == (2, True, None)


def test_of_passthru_and_queue_with_one_priority_the_older_stands_in_front(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    first = rules.create("udp", "passthru / mark id 3 / count", "ingress priority 4")
    second = rules.create("udp", "queue index 1 / count", "ingress priority 4")
    assert one(port, frame).mark == 3
    rules.destroy(first)
    third = rules.create("udp", "passthru / mark id 3 / count", "ingress priority 4")
    packet = one(port, frame)
    assert (packet.queue, packet.flagged) == (1, False)
    assert (rules.count(second).hits, rules.count(third).hits) == (2, 0)


def test_passthru_in_front_of_drop_counts(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    before = rules.create("ipv4", "passthru / mark id 1 / count", "ingress priority 1")
    drop = rules.create("udp", "drop / count", "ingress priority 2")
    behind = rules.create("udp dst is 7002", "passthru / count", "ingress priority 3")
    result = port.exchange([frame] * 20 + [flow_frames.corpus()["v6 tcp syn"]], expect=1)
    assert settled(lambda: rules.count(drop).hits == 20)
    assert [len(packets) for _, packets in result] == [0] * 20 + [1]
    assert (rules.count(before).hits, rules.count(behind).hits) == (20, 0)


# Counters

def test_count_starts_at_zero_and_counts_packets_and_bytes(port, rules):
    shapes = flow_frames.corpus()
    for _ in range(2):      # a number that was in use before starts at zero again
        rule = rules.create("udp", "queue index 1 / count")
        assert rules.count(rule) == (0, 0)
        sent = [frame for frame, _ in port.exchange([shapes["v4 udp"], shapes["vxlan v6 udp"]] * 8)]
        assert rules.count(rule) == (16, sum(map(len, sent)))
        rules.destroy(rule)


def test_a_query_with_reset_starts_again_at_zero(port, rules):
    frame = bytes(frames.ether(IP(src="192.0.2.1", dst="10.0.0.5") / UDP(sport=1, dport=2)))
    try:
        assert flow_fill(port.pmd, 5, 1, 0, QUEUES)["made"] == 1
        for count in (3, 4, 0, 2):
            port.exchange([frame] * count)
            answer = flow_reset(port.pmd)
            assert (answer["errno"], answer["hits"], answer["bytes"]) == (
                0, count, count * len(frame))
    finally:
        flow_drain(port.pmd)


def test_a_shared_counter_counts_for_all_of_its_rules(port, rules):
    shapes = flow_frames.corpus()
    counter = rules.create_counter()
    made = rules.create_all([
        ("ipv4 / udp", f"queue index 1 / indirect {counter}"),
        ("ipv6 / udp", f"drop / indirect {counter}"),
        ("ipv4 / icmp", "queue index 2 / count"),
    ])
    assert rules.dump().counters == 1
    result = port.exchange([shapes["v4 udp"]] * 5 + [shapes["v6 udp"]] * 4 + [shapes["v4 icmp"]] * 2,
                           expect=7)
    total = (9, sum(len(frame) for frame, _ in result[:9]))
    assert settled(lambda: rules.count_shared(counter) == total), rules.count_shared(counter)
    assert rules.count(made[0]) == rules.count(made[1]) == total
    assert rules.count(made[2]).hits == 2
    refused = rules.refused(port.pmd.cmd(f"flow indirect_action 0 destroy action_id {counter}"))
    assert refused.type == 2 and refused.message == "rules count in it"
    assert refused.errno == "Device or resource busy"
    rules.destroy(made[0])
    assert rules.count_shared(counter) == total
    rules.destroy(made[1])
    rules.destroy_counter(counter)
    assert rules.dump().counters == 0
    counter = rules.create_counter()
    assert rules.count_shared(counter) == (0, 0)
    rules.destroy_counter(counter)


def test_a_super_packet_counts_as_the_packets_that_it_becomes(port, rules):
    port.ns.batch([f"addr replace 10.1.0.1/24 dev {port.iface}",
                   f"neigh replace 10.1.0.2 lladdr 02:bb:00:00:00:01 nud permanent "
                   f"dev {port.iface}"])
    rule = rules.create("ipv4 / udp dst is 9", "queue index 2 / count")
    port.pmd.take_packets()
    with port.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        sock.sendto(bytes(9500), ("10.1.0.2", 9))

    def mine():
        return [p for p in port.pmd.packets if p.dst == "02:bb:00:00:00:01"]
    assert port.pmd.wait(lambda: len(mine()) >= 10)
    assert {p.queue for p in mine()} == {2}
    assert rules.count(rule) == (10, sum(p.length for p in mine()))
    port.pmd.take_packets()
    port.ns.batch([f"addr flush dev {port.iface}"])


# Rules and the filter of addresses

def test_rules_count_what_the_mac_filter_then_drops(port, rules):
    shapes = flow_frames.corpus()
    rule = rules.create("udp", "queue index 1 / count")
    port.pmd.cmd("set promisc 0 off")
    port.pmd.cmd("clear port xstats 0")
    try:
        port.exchange([shapes["v4 udp"]] * 10, expect=0)

        def filtered():
            return sum(v for k, v in port.pmd.xstats().items() if k.endswith("_filtered"))
        assert settled(lambda: filtered() == 10)
        assert rules.count(rule).hits == 10
        assert not any(p.src.startswith("02:aa") for p in port.pmd.take_packets())
    finally:
        port.pmd.cmd("set promisc 0 on")
    assert one(port, shapes["v4 udp"]).queue == 1
