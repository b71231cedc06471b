# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The limits of doc/flow.md: the last rule that fits, the one too many, and what they match."""
import errno
import random

import flow_model
import rss_model
from flow_model import PatternItem, RssAction, Rule

RULES = 32767
MASKS = 64
PASS_MASKS = 16
RSS_ACTIONS = 256
KEYS = 32
QUEUES = 7


def ipv4(src=0, src_bits=0, dst=0, dst_bits=0):
    """An item ipv4 with prefixes of both addresses."""
    spec, mask = bytearray(20), bytearray(20)
    for at, value, bits in ((12, src, src_bits), (16, dst, dst_bits)):
        spec[at:at + 4] = value.to_bytes(4, "big")
        mask[at:at + 4] = (0xffffffff << 32 - bits & 0xffffffff).to_bytes(4, "big")
    return PatternItem("ipv4", bytes(spec), None, bytes(mask))


def frame(src, dst):
    return (bytes(12) + b"\x08\0" + bytes.fromhex("450000140000400040fd0000")
            + src.to_bytes(4, "big") + dst.to_bytes(4, "big"))


class Limits:
    """One test for each limit; `harness` and `words` are those of flow_rules.py."""

    def __init__(self, harness, words):
        self.harness, self.words = harness, words

    def begin(self):
        self.harness.want(f"open {QUEUES} 0 rss {rss_model.RssConfig().rss_hf:x} -")
        self.port = flow_model.Port(QUEUES, rss_model.RssConfig.spread(QUEUES), "toeplitz")
        self.name = 0

    def add(self, item, action, priority=0, code=0):
        """A rule, which the model takes in if the driver should."""
        self.name += 1
        rule = Rule([item], [action], priority=priority, name=self.name, order=self.name)
        self.harness.want(f"add {rule.name} {self.words(rule)}", code)
        if code == 0:
            rule.placed = flow_model.place_items(rule.items)[0]
            self.port.rules.append(rule)
        return rule

    def remove(self, rule):
        self.harness.want(f"del {rule.name}")
        self.port.rules.remove(rule)

    def look(self, src, dst):
        """Do all agree where that frame goes?"""
        data = frame(src, dst)
        self.port.rules.sort(key=lambda r: r.rank)
        want = self.port.verdict(data)
        words = self.harness.want(f"frame {len(data)} 0 0 0 {data.hex()}").split()[1:]
        self.harness.expect(words[3] == str(want.queue), f"queue {words[3]}, should be {want}")
        if self.harness.mode == "bpf":
            self.harness.expect(words[6:] == [str(want.queue), "pass"], f"should be {want}")

    def fill_and_renew(self, make, count):
        """`count` rules, one too many, one less and another one; looks at some."""
        rnd = random.Random(count)
        self.begin()
        rules = [make(i, 0) for i in range(count)]
        make(count, errno.ENOSPC)
        for _ in range(30):
            self.look(rnd.randrange(1 << 32), rnd.randrange(1 << 32))
        for victim in (rules[0], rules[count // 2], rules[-1]):
            self.remove(victim)
            make(count, 0)
            self.remove(self.port.rules[-1])
            make(self.name + 1 + count, 0)
            self.look(rnd.randrange(1 << 32), rnd.randrange(1 << 32))
        self.harness.want("flush")

    def masks(self):
        def make(i, code):
            # From the long prefixes to the short: of 17 bits and more both, then one alone.
            n = i % 1024
            return self.add(ipv4(0x12345678 ^ i << 9, n // 32 + 1, 0x9abcdef0, n % 32 + 1),
                            ("queue", i % QUEUES), i % 3, code)
        self.fill_and_renew(make, MASKS)

    def masks_without_fate(self):
        def make(i, code):
            return self.add(ipv4(0, 1), ("passthru", None), i, code)
        self.fill_and_renew(make, PASS_MASKS)

    def masks_of_both_kinds(self):
        """Those without fate are among the 64."""
        self.begin()
        for i in range(PASS_MASKS):
            self.add(ipv4(0, 0), ("passthru", None), i)
        for i in range(MASKS - PASS_MASKS):
            self.add(ipv4(0, i // 32 + 1, 0, i % 32 + 1), ("queue", 1))
        self.add(ipv4(0, 9, 0, 9), ("queue", 1), 0, errno.ENOSPC)
        self.harness.want("flush")

    def rss_actions(self):
        def make(i, code):
            queues = (i % 7, i // 7 % 7, i // 49 % 7, i // 343 % 7)
            return self.add(ipv4(i << 24 & 0xffffffff, 32, i, 32), ("rss", RssAction(queues=queues)),
                            0, code)
        self.fill_and_renew(make, RSS_ACTIONS)

    def keys(self):
        def make(i, code):
            key = bytes((i * 7 + j * (i + 1)) & 255 for j in range(40))
            return self.add(ipv4(), ("rss", RssAction(key=key)), i, code)
        self.fill_and_renew(make, KEYS)

    def shared_parts(self):
        """What is alike is held once: many rules, few keys and RSS actions."""
        self.begin()
        for i in range(600):
            self.add(ipv4(i, 32), ("rss", RssAction(key=bytes([i % KEYS] * 40))))
        for i in range(40):
            self.look(i * 17 % 640, 1)
        self.harness.want("flush")

    def rules(self):
        """As many as there may be; the model knows where each leads."""
        self.begin()
        for i in range(RULES):
            self.add_plain(i, 0)
        self.add_plain(RULES, errno.ENOSPC)
        self.harness.want("del 5")
        self.add_plain(RULES, 0)
        for i in (*range(3, 6), *random.Random(1).sample(range(RULES), 200), RULES):
            data = frame(0, i * 77)
            words = self.harness.want(f"frame {len(data)} 0 0 0 {data.hex()}").split()[1:]
            queue = words[3] if i != 5 else None
            self.harness.expect(queue in (None, str(i % QUEUES)), f"rule {i}: queue {queue}")
        self.harness.want("flush")

    def add_plain(self, i, code):
        words = self.words(Rule([ipv4(0, 0, i * 77, 32)], [("queue", i % QUEUES)]))
        self.harness.want(f"add {i} {words}", code)

    def top_bits(self):
        """Rules whose values differ in the last bit that a multiplication can lose have room."""
        for _ in range(20):
            self.begin()
            for tci in (100, 228):
                for last in (1, 129):
                    self.name += 1
                    vlan = PatternItem("vlan", bytes((0, tci, 0, 0)) + bytes(4), None,
                                       b"\x0f\xff\0\0" + bytes(4))
                    words = self.words(Rule([vlan, ipv4(0, 0, 0x0a000000 + last, 32)],
                                            [("queue", last % QUEUES)]))
                    self.harness.want(f"add {self.name} {words}")
            self.harness.want("flush")

    def all(self):
        return (self.top_bits, self.masks, self.masks_without_fate, self.masks_of_both_kinds, self.rss_actions,
                self.keys, self.shared_parts, self.rules)
