# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Which packets a flow rule takes: every item and field, and which of several rules applies."""
import itertools
import random

import flow_frames
import flow_table
import pytest
from hook import hash_update, reta_update
from rss_model import RssConfig
from rules import NOTHING, Rules

QUEUES = 4
REST, TAKEN = 0, 3      # queues of what no rule takes, and of what a rule takes
TAKE = f"queue index {TAKEN} / count"


@pytest.fixture
def rules(port):
    """The rules of a port whose RSS leads to queue REST alone; none are left behind."""
    assert hash_update(port.pmd, RssConfig().rss_hf, RssConfig().key) == 0
    assert reta_update(port.pmd, REST, 0, QUEUES) == 0
    rules = Rules(port.pmd)
    yield rules
    rules.flush()


def arrivals(port, shapes, expect=None):
    """Where each shape has arrived: name -> queues; and the frames as they were sent."""
    names = list(shapes)
    result = port.exchange([shapes[name] for name in names], 2, expect)
    return ({name: [p.queue for p in packets] for name, (_, packets) in zip(names, result)},
            {name: frame for name, (frame, _) in zip(names, result)})


def differences(got, want):
    """Two sets of names, in words."""
    return "; ".join(f"{text}: {sorted(names)}" for text, names in (
        ("not taken", want - got), ("wrongly taken", got - want)) if names)


@pytest.mark.parametrize("pattern,want", flow_table.PATTERNS,
                         ids=[pattern or "none" for pattern, _ in flow_table.PATTERNS])
def test_a_pattern_takes_its_packets_and_no_others(port, rules, pattern, want):
    rule = rules.create(pattern, TAKE)
    where, sent = arrivals(port, flow_frames.corpus())
    lost = {name: queues for name, queues in where.items() if len(queues) != 1}
    assert not lost
    taken = {name for name, queues in where.items() if queues == [TAKEN]}
    assert {queue for queues in where.values() for queue in queues} <= {REST, TAKEN}
    assert not differences(taken, want), differences(taken, want)
    assert rules.count(rule) == (len(want), sum(len(sent[name]) for name in want))


def test_an_exact_source_mac_takes_one_frame_of_many(port, rules):
    """Frames are numbered by their source: the third of the next ten is told beforehand."""
    number = port.number + 3
    rule = rules.create(f"eth src is 02:aa:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:"
                        f"{number >> 8 & 255:02x}:{number & 255:02x}", TAKE)
    frame = flow_frames.corpus()["v4 udp"]
    queues = [packets[0].queue for _, packets in port.exchange([frame] * 10)]
    assert queues == [TAKEN if i == 2 else REST for i in range(10)]
    assert rules.count(rule).hits == 1


@pytest.fixture
def bridge(port):
    """Frames come over a bridge, which takes the outer tag off their data."""
    own = port.sock
    with port.ns.packet_socket(port.ns.bridge(port.iface)) as port.sock:
        yield
    port.sock = own
    port.ns.batch(["link del br0", "link del in0"])


def test_a_tag_beside_the_data_is_matched_and_counted_like_one_in_the_data(port, rules, bridge):
    # The bridge itself drops headers that are cut off or not what they say.
    dropped = flow_frames.named("notag*", "badv*", "v4 noports")
    shapes = {name: frame for name, frame in flow_frames.corpus().items() if name not in dropped}
    wrong = []
    for pattern, want in flow_table.PATTERNS:
        if "vlan" not in pattern and "type" not in pattern:
            continue
        want = want - dropped
        rule = rules.create(pattern, TAKE)
        where, sent = arrivals(port, shapes)
        taken = {name for name, queues in where.items() if queues == [TAKEN]}
        if taken != want:
            wrong.append(f"{pattern}: {differences(taken, want)}")
        counted = rules.count(rule)
        if counted != (len(want), sum(len(sent[name]) for name in want)):
            wrong.append(f"{pattern}: {counted} of {len(want)} packets")
        rules.destroy(rule)
    assert not wrong, "\n".join(wrong)


# Which of several rules applies

FRAME = flow_frames.corpus()["v4 udp"]
WIDE, NARROW = "eth / ipv4 / udp", "eth / ipv4 / udp dst is 7002"


def queue_of(port, frame=FRAME):
    (_, packets), = port.exchange([frame])
    assert len(packets) == 1
    return packets[0].queue


@pytest.mark.parametrize("first,second", [(WIDE, NARROW), (NARROW, WIDE)], ids=["wide", "narrow"])
def test_of_two_rules_the_one_of_better_priority_wins_whichever_came_first(
        port, rules, first, second):
    worse = rules.create(first, "queue index 1 / count", "ingress priority 7")
    better = rules.create(second, "queue index 2 / count", "ingress priority 3")
    assert queue_of(port) == 2
    rules.destroy(better)
    assert queue_of(port) == 1
    rules.create(second, "queue index 2 / count", "ingress priority 8")
    assert queue_of(port) == 1
    rules.destroy(worse)
    assert queue_of(port) == 2


@pytest.mark.parametrize("first,second", [(WIDE, NARROW), (NARROW, WIDE)], ids=["wide", "narrow"])
def test_of_two_rules_of_one_priority_the_older_wins(port, rules, first, second):
    older = rules.create(first, "queue index 1 / count", "ingress priority 5")
    younger = rules.create(second, "queue index 2 / count", "ingress priority 5")
    assert queue_of(port) == 1
    rules.destroy(older)
    assert queue_of(port) == 2
    again = rules.create(first, "queue index 1 / count", "ingress priority 5")
    assert queue_of(port) == 2, "made again, a rule is the younger one"
    assert rules.count(younger).hits == 2
    assert rules.count(again).hits == 0


def test_priorities_reach_from_0_to_65535(port, rules):
    last = rules.create(WIDE, "queue index 1", "ingress priority 65535")
    assert queue_of(port) == 1
    rules.create(NARROW, "queue index 2", "ingress priority 65534")
    assert queue_of(port) == 2
    rules.create("", "queue index 3", "ingress priority 0")
    assert queue_of(port) == 3
    rules.destroy(last)
    assert queue_of(port) == 3


@pytest.mark.parametrize("order", itertools.permutations((1, 2, 3)), ids=lambda o: "%d%d%d" % o)
def test_rules_with_one_pattern_and_different_priorities_stand_behind_each_other(
        port, rules, order):
    made = {priority: rules.create(NARROW, f"queue index {priority} / count",
                                   f"ingress priority {priority}") for priority in order}
    for gone in order[1:] + order[:1]:
        assert queue_of(port) == min(made)
        rules.destroy(made.pop(gone))
    assert queue_of(port) == REST


@pytest.mark.parametrize("pattern,same", [
    (NARROW, NARROW),
    ("ipv4 dst spec 198.51.100.201 dst prefix 24", "ipv4 dst spec 198.51.100.7 dst prefix 24"),
    ("udp dst spec 8 dst last 15 dst mask 0xffff", "udp dst spec 9 dst mask 0xfff8"),
    ("eth / void / ipv4", "eth / ipv4"),
    ("nvgre", "nvgre tni spec 5 tni mask 0"),
    ("", "void"),
])
def test_a_second_rule_of_same_pattern_priority_and_kind_is_refused(rules, pattern, same):
    for actions, others in (("queue index 1", "drop"), ("passthru / count", "passthru / mark id 3")):
        first = rules.create(pattern, actions, "ingress priority 4")
        refused = rules.refusal(same, others, "ingress priority 4")
        assert refused.errno == "File exists"
        assert (refused.type, refused.kind) == (2, "flow rule (handle)")
        assert "same pattern and priority" in refused.message
        rules.create(same, others, "ingress priority 5")
        rules.destroy(first)
        rules.create(same, actions, "ingress priority 4")
    assert rules.dump().rules == 4


def test_destroying_one_rule_leaves_the_others(port, rules):
    kinds = ("v4 udp", "v4 tcp ack", "v4 icmp", "v6 udp", "arp")
    patterns = ("ipv4 / udp", "ipv4 / tcp", "icmp", "ipv6", "arp_eth_ipv4")
    made = rules.create_all([(pattern, TAKE) for pattern in patterns])
    shapes = {kind: flow_frames.corpus()[kind] for kind in kinds}
    left = dict(zip(kinds, made))
    for gone in ("v4 icmp", "arp", "v4 udp"):
        rules.destroy(left.pop(gone))
        where, _ = arrivals(port, shapes)
        assert where == {kind: [TAKEN if kind in left else REST] for kind in kinds}
        assert set(rules.listed()) == set(left.values())
        assert rules.dump().rules == len(left)
    rules.flush()
    where, _ = arrivals(port, shapes)
    assert all(queues == [REST] for queues in where.values())
    assert rules.listed() == {} and rules.dump().held == NOTHING


def test_list_and_dump_tell_what_there_is(rules):
    made = rules.create_all([
        ("eth / ipv4 / udp dst is 53", "queue index 3 / count / mark id 0x1234"),
        ("eth / ipv4 / udp dst is 54", "queue index 2 / flag"),
        ("eth / ipv4 / tcp", "rss queues 1 2 end types ipv4-tcp end / count", "ingress priority 9"),
        ("vxlan / ipv6", "drop"),
        ("ipv6", "passthru / mark id 7"),
    ])
    listed = rules.listed()
    assert set(listed) == set(made)
    assert listed[made[2]] == (9, "ETH IPV4 TCP => RSS COUNT")
    held = rules.dump()
    assert held.held == (5, 1, 3, 0, 0, False, 3, 1, 1, 0)
    assert (held.max_rules, held.max_masks, held.max_pass_masks, held.max_contexts,
            held.max_keys) == (32767, 64, 16, 256, 32)
    text = rules.pmd.cmd(f"flow dump 0 rule {made[0]}")
    assert "priority 0" in text and "queue 3, mark 0x1234, counter" in text
    assert "priority 9" in rules.pmd.cmd(f"flow dump 0 rule {made[2]}")
    assert ", drop" in rules.pmd.cmd(f"flow dump 0 rule {made[3]}")


def test_where_rules_are_applied_is_what_the_mode_says(port, rules):
    rules.create("ipv4", TAKE)
    assert rules.dump().where == ("kernel" if port.mode == "bpf" else "software")


# Many rules at once, against the sets of flow_table

def chosen(seed, count):
    """Random rules: (pattern, packets, priority, fate); fate is a queue, 'drop' or 'passthru'."""
    rnd = random.Random(seed)
    table = [row for row in flow_table.PATTERNS if row[1]]
    fates = (0, 1, 2, 3, 1, 2, "drop", "passthru")
    return [(pattern, names, rnd.choice((0, 1, 2, 5)), rnd.choice(fates))
            for pattern, names in rnd.sample(table, count)]


def predict(name, made):
    """What becomes of a frame: its queue or None, and the rules that count it, by place."""
    ranked = sorted((rule[2], i) for i, rule in enumerate(made) if name in rule[1])
    applied = []
    for _, i in ranked:
        applied.append(i)
        if made[i][3] != "passthru":
            return (None if made[i][3] == "drop" else made[i][3]), applied
    return REST, applied


def admitted(rules, plan):
    """Make the rules; those that are there already in other words, or beyond the limit of
    masks of passthru, are left out: what was made, and the numbers."""
    made, numbers = [], []
    for pattern, names, priority, fate in plan:
        actions = {"drop": "drop", "passthru": "passthru"}.get(fate, f"queue index {fate}")
        text = rules.pmd.cmd(rules.line(pattern, f"{actions} / count",
                                        f"ingress priority {priority}"))
        refused = rules.refused(text)
        if refused:
            assert refused.errno in ("File exists", "No space left on device"), refused
            continue
        made.append((pattern, names, priority, fate))
        numbers.append(rules.created(text))
    return made, numbers


@pytest.mark.parametrize("seed", range(2))
def test_many_rules_of_all_kinds_apply_in_order_of_rank(port, rules, seed):
    made, numbers = admitted(rules, chosen(seed, 48))
    assert len(made) > 35
    shapes = flow_frames.corpus()
    for turn in range(2):
        want = {name: predict(name, made) for name in shapes}
        passing = sum(queue is not None for queue, _ in want.values())
        before = {number: rules.count(number).hits for number in numbers}
        where, _ = arrivals(port, shapes, passing)
        wrong = [f"{name}: at {where[name]}, not {queue}" for name, (queue, _) in want.items()
                 if where[name] != ([] if queue is None else [queue])]
        assert not wrong
        hits = {number: rules.count(number).hits - before[number] for number in numbers}
        counted = [i for _, applied in want.values() for i in applied]
        assert hits == {number: counted.count(i) for i, number in enumerate(numbers)}
        # Half of them go: what they took goes to the others.
        rules.destroy(*numbers[::2])
        made, numbers = made[1::2], numbers[1::2]
