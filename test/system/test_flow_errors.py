# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What the port refuses, and what it says then; and the limits of what it holds."""
import flow_frames
import frames
import pytest
from hook import flow_drain, flow_fill, flow_odd, hash_update, reta_update
from rss_model import RssConfig
from rules import NOTHING, Rules
from scapy.layers.inet import IP, UDP

QUEUES = 4
DROP = "drop"
NOTSUP, INVALID, FULL = ("Operation not supported", "Invalid argument",
                         "No space left on device")
EINVAL, ENOTSUP, ENOSPC = 22, 95, 28
# Error types of rte_flow with testpmd's words.
UNSPECIFIED, HANDLE, GROUP, PRIORITY, INGRESS, EGRESS, TRANSFER, ATTR, ITEM_NUM, SPEC, RANGE, MASK, \
    ITEM, ACTION_NUM, CONF, ACTION = range(1, 17)
WORDS = {UNSPECIFIED: "cause unspecified", HANDLE: "flow rule (handle)", GROUP: "group field",
         PRIORITY: "priority field", INGRESS: "ingress field", EGRESS: "egress field",
         TRANSFER: "transfer field", ATTR: "attributes structure",
         SPEC: "item specification", RANGE: "item specification range",
         MASK: "item specification mask", ITEM: "specific pattern item",
         CONF: "action configuration", ACTION: "specific action"}


@pytest.fixture
def rules(port):
    assert hash_update(port.pmd, RssConfig().rss_hf, RssConfig().key) == 0
    assert reta_update(port.pmd, 0, 0, QUEUES) == 0
    rules = Rules(port.pmd)
    yield rules
    rules.flush()
    assert rules.dump().held == NOTHING


def check(refused, kind, message, errno):
    assert (refused.type, refused.kind) == (kind, WORDS[kind]), refused
    assert message in refused.message, refused
    assert refused.errno == errno, refused


@pytest.mark.parametrize("attr,kind,message,errno", [
    ("group 1 ingress", GROUP, "supported groups: 0", NOTSUP),
    ("priority 65536 ingress", PRIORITY, "supported priorities: 0 (highest) to 65535", NOTSUP),
    ("egress", EGRESS, "egress is not supported; supported: ingress", NOTSUP),
    ("ingress egress", EGRESS, "egress is not supported; supported: ingress", NOTSUP),
    ("ingress transfer", TRANSFER, "transfer is not supported; supported: ingress", NOTSUP),
    ("", INGRESS, "a rule needs a direction; supported: ingress", INVALID),
])
def test_attributes_that_are_refused(rules, attr, kind, message, errno):
    check(rules.refusal("eth", DROP, attr), kind, message, errno)


ORDER = "items have to stand in the order of the headers"
NO_RANGE = "ranges that a mask can say"


@pytest.mark.parametrize("pattern,kind,message,errno", [
    ("eth / mpls", ITEM, "supported items: void, eth, vlan, ipv4, ipv6", NOTSUP),
    ("ipv6 / ipv6_frag_ext", ITEM, "supported items: void", NOTSUP),
    ("eth / ipv4 / esp", ITEM, "supported items: void", NOTSUP),
    ("ipv4 / eth", ITEM, ORDER, NOTSUP),
    ("eth / eth", ITEM, ORDER, NOTSUP),
    ("udp / ipv4", ITEM, ORDER, NOTSUP),
    ("tcp / udp", ITEM, ORDER, NOTSUP),
    ("ipv4 / vlan", ITEM, ORDER, NOTSUP),
    ("ipv4 / arp_eth_ipv4", ITEM, ORDER, NOTSUP),
    ("ipv4 / ipv4 / ipv6", ITEM, ORDER, NOTSUP),
    ("vxlan / ipv4 / ipv6", ITEM, ORDER, NOTSUP),
    ("vxlan / udp / ipv4", ITEM, ORDER, NOTSUP),
    ("vlan / vlan / vlan", ITEM, "more than two vlan items; two tags are looked at", NOTSUP),
    ("vxlan / vlan / vlan / vlan", ITEM, "more than two vlan items", NOTSUP),
    ("vxlan / eth / ipv4 / udp / vxlan", ITEM, "a tunnel in a tunnel; one is looked into", NOTSUP),
    ("ipv4 / ipv4 / gre", ITEM, "a tunnel in a tunnel", NOTSUP),
    ("gre_key value is 1", ITEM, "item gre_key: stands right behind gre", NOTSUP),
    ("gre / ipv4 / gre_key value is 1", ITEM, "item gre_key: stands right behind gre", NOTSUP),
    ("vxlan / gre_key value is 1", ITEM, "item gre_key: stands right behind gre", NOTSUP),
    ("eth type mask 0xffff", SPEC, "an item with mask or last needs a spec", INVALID),
    ("ipv4 ttl last 5", SPEC, "an item with mask or last needs a spec", INVALID),
    ("vlan / vlan has_more_vlan is 1", MASK, "has_more_vlan of a second tag", NOTSUP),
    ("ipv4 version_ihl is 0x45", MASK, "item ipv4: supported: src, dst, proto, tos, ttl, "
     "fragment_offset", NOTSUP),
    ("ipv4 packet_id is 7", MASK, "item ipv4: supported", NOTSUP),
    ("sctp cksum is 7", MASK, "item sctp: supported: src, dst, tag", NOTSUP),
    ("vxlan / ipv4 packet_id is 7", MASK, "item ipv4: supported", NOTSUP),
    ("ipv4 ttl spec 64 ttl last 66 ttl mask 0xff", RANGE, "item ipv4: last", NOTSUP),
    ("ipv4 ttl spec 65 ttl last 66 ttl mask 0xff", RANGE, NO_RANGE, NOTSUP),
    ("udp dst spec 1000 dst last 2000 dst mask 0xffff", RANGE, "item udp: last", NOTSUP),
    ("udp dst spec 8 dst last 15 dst mask 0xfffe", RANGE, NO_RANGE, NOTSUP),
    ("udp dst spec 9 dst last 8 dst mask 0xffff", RANGE, NO_RANGE, NOTSUP),
    ("vxlan vni spec 1 vni last 2 vni mask 0xffffff", RANGE, "item vxlan: last", NOTSUP),
    ("gre / gre_key value spec 1 value last 2 value mask 0xffffffff", RANGE, "item gre_key: last",
     NOTSUP),
    ("ipv6 dst spec ::1 dst last ::2 dst mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", RANGE,
     "item ipv6: last", NOTSUP),
])
def test_patterns_that_are_refused(rules, pattern, kind, message, errno):
    check(rules.refusal(pattern, DROP), kind, message, errno)


NO_QUEUE = "there is no such Rx queue; allowed: 0 to the number of configured Rx queues - 1"
FATES = "one of queue, rss, drop, passthru"


@pytest.mark.parametrize("actions,kind,message,errno", [
    ("queue index 4", CONF, f"action queue: {NO_QUEUE}", INVALID),
    ("queue index 65535", CONF, NO_QUEUE, INVALID),
    ("rss queues 0 1 4 end types ip end", CONF, f"action rss: {NO_QUEUE}", INVALID),
    ("rss key 0102030405 key_len 5 types ip end", CONF, "action rss: a key has 40 bytes", INVALID),
    (f"rss key {'ab' * 40} key_len 39 types ip end", CONF, "a key has 40 bytes", INVALID),
    ("rss level 3 types ip end", CONF, "supported levels: 0 and 1 (outermost), 2 (innermost)",
     NOTSUP),
    ("rss types vxlan end", CONF, "supported types are those of "
     "rte_eth_dev_info.flow_type_rss_offloads", NOTSUP),
    ("rss types ip gtpu end", CONF, "flow_type_rss_offloads", NOTSUP),
    ("jump group 1", ACTION, "supported actions: void, queue, rss, drop, passthru, mark, flag, "
     "count, indirect (count)", NOTSUP),
    ("drop / of_pop_vlan", ACTION, "supported actions: void", NOTSUP),
    ("queue index 1 / drop", ACTION, f"{FATES} for each rule", NOTSUP),
    ("passthru / rss types ip end", ACTION, FATES, NOTSUP),
    ("drop / drop", ACTION, FATES, NOTSUP),
    ("count", ACTION, f"a rule needs {FATES}", INVALID),
    ("mark id 1", ACTION, f"a rule needs {FATES}", INVALID),
    ("void", ACTION, f"a rule needs {FATES}", INVALID),
    ("queue index 1 / count / count", ACTION, "action count: one counter for each rule", NOTSUP),
])
def test_actions_that_are_refused(rules, actions, kind, message, errno):
    check(rules.refusal("eth", actions), kind, message, errno)


def test_a_counter_of_each_kind_is_one_too_many(rules):
    counter = rules.create_counter()
    for actions in (f"drop / count / indirect {counter}", f"drop / indirect {counter} / count"):
        check(rules.refusal("eth", actions), ACTION, "one counter for each rule", NOTSUP)
    rules.destroy_counter(counter)


@pytest.mark.parametrize("name,kind,message,errno", [
    ("no-attributes", ATTR, "attributes are needed", EINVAL),
    ("no-pattern", ITEM_NUM, "a pattern is needed", EINVAL),
    ("no-actions", ACTION_NUM, "actions are needed", EINVAL),
    ("queue-without-conf", CONF, "the action needs a configuration", EINVAL),
    ("rss-without-conf", CONF, "the action needs a configuration", EINVAL),
    ("mark-without-conf", CONF, "the action needs a configuration", EINVAL),
    ("indirect-foreign", CONF, "action indirect: not a handle of this port", EINVAL),
    ("too-many-queues", CONF, "at most 512 queues are supported", ENOTSUP),
    ("unknown-function", CONF, "supported functions: default, toeplitz, simple_xor", ENOTSUP),
    ("destroy-foreign", HANDLE, "not a handle of this port", EINVAL),
    ("destroy-null", HANDLE, "not a handle of this port", EINVAL),
    ("destroy-twice", HANDLE, "not a handle of this port", EINVAL),
    ("query-foreign", HANDLE, "not a handle of this port", EINVAL),
    ("destroy-foreign-counter", HANDLE, "not a handle of this port", EINVAL),
    ("query-foreign-counter", HANDLE, "not a handle of this port", EINVAL),
    ("rule-as-counter", HANDLE, "not a handle of this port", EINVAL),
])
def test_calls_that_the_console_would_not_make_are_refused(rules, name, kind, message, errno):
    answer = flow_odd(rules.pmd, name)
    assert (answer["type"], answer["errno"]) == (kind, errno), answer
    assert message in answer["message"]


def test_512_queues_of_an_rss_action_are_allowed(rules):
    assert flow_odd(rules.pmd, "as-many-queues-as-allowed")["errno"] == 0


def test_a_refused_rule_changes_nothing(port, rules):
    frame = flow_frames.corpus()["v4 udp"]
    rule = rules.create("ipv4", "queue index 2 / count", "ingress priority 5")
    for pattern, actions in (("udp", "queue index 9"), ("udp / eth", "drop"), ("udp", "jump group 1"),
                             ("udp", "rss key 00 key_len 1 types ip end")):
        rules.refusal(pattern, actions)
    rules.refusal("ipv4", "queue index 1", "ingress priority 5")
    assert rules.dump().held == (1, 0, 0, 0, 0, False, 1, 0, 0, 0)
    (_, (packet,)), = port.exchange([frame])
    assert packet.queue == 2 and rules.count(rule).hits == 1


def test_validate_says_what_create_would(rules):
    def validate(pattern, actions):
        return rules.pmd.cmd(rules.line(pattern, actions).replace("create", "validate", 1))
    assert "Flow rule validated" in validate("eth / ipv4 / udp dst is 5", "queue index 3 / count")
    check(rules.refused(validate("eth / mpls", DROP)), ITEM, "supported items", NOTSUP)
    check(rules.refused(validate("eth", "queue index 4")), CONF, NO_QUEUE, INVALID)
    assert rules.dump().rules == 0


def test_queries_that_are_refused(rules):
    plain = rules.create("eth", "queue index 1")
    counting = rules.create("ipv4", "rss types ip end / count")
    check(rules.refused(rules.pmd.cmd(f"flow query 0 {plain} count")), ACTION,
          "the rule has no action count", INVALID)
    check(rules.refused(rules.pmd.cmd(f"flow query 0 {counting} rss")), ACTION,
          "supported actions to query: count", NOTSUP)


def test_indirect_actions_that_are_refused(rules):
    check(rules.refused(rules.pmd.cmd("flow indirect_action 0 create egress action count / end")),
          ATTR, "supported: ingress", NOTSUP)
    check(rules.refused(rules.pmd.cmd(
        "flow indirect_action 0 create ingress action queue index 1 / end")),
        ACTION, "supported indirect actions: count", NOTSUP)


# Limits

def masks():
    """64 patterns with a mask each, and one more."""
    return ([f"ipv4 dst spec 255.255.255.255 dst prefix {n}" for n in range(1, 33)]
            + [f"ipv4 src spec 255.255.255.255 src prefix {n}" for n in range(1, 33)] + ["arp_eth_ipv4"])


def test_64_masks_are_the_limit(port, rules):
    *some, over = masks()
    made = rules.create_all([(pattern, "queue index 1") for pattern in some])
    assert rules.dump().masks == 64
    check(rules.refusal(over, "queue index 2"), UNSPECIFIED, "64 different masks", FULL)
    check(rules.refusal(over, "passthru / count"), UNSPECIFIED, "different masks", FULL)
    # What has one of the masks is welcome, and what is there still works.
    rules.create("ipv4 dst spec 198.51.100.201 dst prefix 32", "queue index 3")
    (_, (packet,)), = port.exchange([flow_frames.corpus()["v4 udp"]])
    assert packet.queue == 1    # by the first bit, which was there before
    rules.destroy(made[0], made[32])
    (_, (packet,)), = port.exchange([flow_frames.corpus()["v4 udp"]])
    assert packet.queue == 1    # by the second
    rules.create(over, "queue index 2")
    assert rules.dump().masks == 63
    (_, (packet,)), = port.exchange([flow_frames.corpus()["arp"]])
    assert packet.queue == 2


def test_16_masks_and_priorities_of_passthru_are_the_limit(port, rules):
    made = rules.create_all([("udp", "passthru / mark id 5 / count", f"ingress priority {n}")
                             for n in range(16)])
    assert rules.dump()[-8:-4] == (0, 64, 16, 16)
    limit = "16 different masks and priorities of rules with action passthru"
    check(rules.refusal("udp", "passthru", "ingress priority 16"), UNSPECIFIED, limit, FULL)
    check(rules.refusal("ipv6", "passthru", "ingress priority 0"), UNSPECIFIED, limit, FULL)
    port.exchange([flow_frames.corpus()["v4 udp"]])
    assert [rules.count(rule).hits for rule in made] == [1] * 16
    rules.create("udp", "queue index 1", "ingress priority 16")
    rules.destroy(made[3])
    rules.create("ipv6", "passthru", "ingress priority 0")


def test_256_rss_actions_are_the_limit(rules):
    lists = [[n >> shift & 3 for shift in (0, 2, 4, 6)] for n in range(256)]
    rules.create_all([(f"udp dst is {i}", f"rss queues {' '.join(map(str, queues))} end types ip end")
                      for i, queues in enumerate(lists)])
    assert rules.dump().contexts == 256
    check(rules.refusal("tcp", "rss queues 0 0 0 0 1 end types ip end"), UNSPECIFIED,
          "256 different RSS actions", FULL)
    rules.create("tcp", "rss queues 0 0 0 0 end types ip end")
    assert rules.dump().contexts == 256


def test_32_keys_are_the_limit(rules):
    def action(i):
        return f"rss key {bytes([i + 1] * 40).hex()} key_len 40 types ip end queues 1 end"
    made = rules.create_all([(f"udp dst is {i}", action(i)) for i in range(32)])
    assert rules.dump().keys == 32
    check(rules.refusal("tcp", action(32)), UNSPECIFIED, "32 different RSS keys", FULL)
    rules.create("tcp", action(7))
    rules.destroy(made[3])
    rules.create("tcp dst is 3", action(32))
    assert rules.dump().keys == 32


def numbered(number):
    """A packet of rule number so and so of flow_fill()."""
    return bytes(frames.ether(IP(src=frames.A4, dst=f"10.0.{number >> 8}.{number & 255}")
                              / UDP(sport=1, dport=2) / bytes(18)))


def test_32767_rules_are_the_limit_and_each_of_them_works(port, rules):
    limit = "32767 rules and shared counters"
    try:
        answer = flow_fill(port.pmd, 0, 40000, 1, QUEUES)
        assert answer["made"] == 32767, answer
        assert (answer["type"], answer["errno"]) == (UNSPECIFIED, ENOSPC), answer
        assert answer["message"] == limit
        check(rules.refusal("tcp", DROP), UNSPECIFIED, limit, FULL)
        check(rules.refused(rules.pmd.cmd("flow indirect_action 0 create ingress action count / end")),
              UNSPECIFIED, limit, FULL)
        numbers = [*range(0, 32767, 61), 32766]
        result = port.exchange([numbered(n) for n in numbers] + [numbered(32767)])
        wrong = [(n, packets) for n, (_, packets) in zip(numbers, result)
                 if [p.queue for p in packets] != [(1 + n) % QUEUES]]
        assert not wrong, wrong[:5]
        assert [p.queue for p in result[-1][1]] == [0]
    finally:
        drained = flow_drain(port.pmd)
    assert (drained["made"], drained["errno"]) == (32767, 0)
    assert rules.dump().held == NOTHING
    result = port.exchange([numbered(n) for n in numbers])
    assert all([p.queue for p in packets] == [0] for _, packets in result)
