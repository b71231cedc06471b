# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""An independent model of doc/flow.md: rules + frame -> what becomes of the frame.

Written from that page and doc/rss.md alone: each rule is held against each frame, field by
field, in the order of their rank; no table of rules, no key, no shared mask. Items are what
rte_flow has: bytes of spec, last and mask.
"""
import errno
from dataclasses import dataclass, field
from typing import Optional

import rss_model
from rss_model import GRE, SCTP, TCP, UDP, be16

ICMP, ICMP6 = 1, 58
TUNNELS = ("gre", "nvgre", "vxlan", "geneve", "gtpu")
L3 = ("ipv4", "ipv6", "arp_eth_ipv4")
L4 = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "icmp": ICMP, "icmp6": ICMP6}
FATES = ("queue", "rss", "drop")


# Items: where their fields lie.

@dataclass(frozen=True)
class Field:
    """A field of an item's struct: `size` bytes at `at`, of these the bits of `bits`."""
    name: str
    at: int
    size: int
    bits: Optional[int] = None

    def of(self, data):
        value = int.from_bytes(data[self.at:self.at + self.size], "big")
        return value if self.bits is None else (value & self.bits) // (self.bits & -self.bits)

    def put(self, data, value):
        if self.bits is not None:
            old = int.from_bytes(data[self.at:self.at + self.size], "big")
            value = old & ~self.bits | value * (self.bits & -self.bits)
        data[self.at:self.at + self.size] = value.to_bytes(self.size, "big")

    @property
    def full(self):
        """All bits of the field."""
        if self.bits is None:
            return (1 << self.size * 8) - 1
        return self.bits // (self.bits & -self.bits)


@dataclass(frozen=True)
class Item:
    size: int
    fields: tuple
    others: tuple       # fields that cannot be matched
    mask: bytes         # rte_flow's default


def item(size, fields, others=(), mask=None):
    default = bytearray(size)
    for name in mask or ():
        found = next(f for f in fields if f.name == name)
        found.put(default, (mask[name] if isinstance(mask, dict) else found.full))
    return Item(size, tuple(fields), tuple(others), bytes(default))


F = Field
ITEMS = {
    # Bit fields begin with the lowest bit of a byte; eth's first fills the gap behind the type.
    "eth": item(20, [F("dst", 0, 6), F("src", 6, 6), F("type", 12, 2), F("has_vlan", 14, 1, 1)],
                [F("reserved", 16, 4, 0x7fffffff)], ["dst", "src"]),
    "vlan": item(8, [F("tci", 0, 2), F("inner_type", 2, 2), F("has_more_vlan", 4, 1, 1)],
                 [F("reserved", 5, 3)], {"tci": 0x0fff}),
    "ipv4": item(20, [F("tos", 1, 1), F("fragment_offset", 6, 2), F("ttl", 8, 1),
                      F("proto", 9, 1), F("src", 12, 4), F("dst", 16, 4)],
                 [F("version_ihl", 0, 1), F("total_length", 2, 2), F("packet_id", 4, 2),
                  F("hdr_checksum", 10, 2)], ["src", "dst"]),
    "ipv6": item(44, [F("version", 0, 4, 0xf0000000), F("traffic_class", 0, 4, 0x0ff00000),
                      F("flow_label", 0, 4, 0x000fffff), F("proto", 6, 1), F("hop_limit", 7, 1),
                      F("src", 8, 16), F("dst", 24, 16), F("has_frag_ext", 40, 1, 4)],
                 [F("payload_len", 4, 2), F("has_hop_ext", 40, 1, 1), F("has_esp_ext", 40, 1, 16),
                  F("has_shim6_ext", 41, 1, 1), F("reserved", 42, 2)], ["src", "dst"]),
    "tcp": item(20, [F("src", 0, 2), F("dst", 2, 2), F("flags", 13, 1)],
                [F("sent_seq", 4, 4), F("recv_ack", 8, 4), F("data_off", 12, 1),
                 F("rx_win", 14, 2), F("cksum", 16, 2), F("tcp_urp", 18, 2)], ["src", "dst"]),
    "udp": item(8, [F("src", 0, 2), F("dst", 2, 2)], [F("len", 4, 2), F("cksum", 6, 2)],
                ["src", "dst"]),
    "sctp": item(12, [F("src", 0, 2), F("dst", 2, 2), F("tag", 4, 4)], [F("cksum", 8, 4)],
                 ["src", "dst"]),
    "icmp": item(8, [F("type", 0, 1), F("code", 1, 1), F("ident", 4, 2), F("seq", 6, 2)],
                 [F("cksum", 2, 2)], ["type", "code"]),
    "icmp6": item(4, [F("type", 0, 1), F("code", 1, 1)], [F("checksum", 2, 2)], ["type", "code"]),
    "gre": item(4, [F("c_rsvd0_ver", 0, 2), F("protocol", 2, 2)], [], ["protocol"]),
    "gre_key": item(4, [F("key", 0, 4)], [], ["key"]),
    "nvgre": item(8, [F("c_k_s_rsvd0_ver", 0, 2), F("protocol", 2, 2), F("tni", 4, 3),
                      F("flow_id", 7, 1)], [], ["tni"]),
    "vxlan": item(8, [F("flags", 0, 1), F("rsvd0", 1, 1), F("vni", 4, 3), F("rsvd1", 7, 1)],
                  [F("rsvd0 behind", 2, 2)], ["vni"]),
    "geneve": item(8, [F("ver_opt_len_o_c_rsvd0", 0, 2), F("protocol", 2, 2), F("vni", 4, 3),
                       F("rsvd1", 7, 1)], [], ["vni"]),
    "gtpu": item(8, [F("v_pt_rsv_flags", 0, 1), F("msg_type", 1, 1), F("teid", 4, 4)],
                 [F("msg_len", 2, 2)], ["teid"]),
}


def set_arp_layout(sha, spa, tha, tpa, size):
    """The one struct of rte_flow that depends on the release, and has holes."""
    ITEMS["arp_eth_ipv4"] = item(
        size, [F("op", 6, 2), F("sha", sha, 6), F("spa", spa, 4), F("tha", tha, 6),
               F("tpa", tpa, 4)],
        [F("hrd", 0, 2), F("pro", 2, 2), F("hln", 4, 1), F("pln", 5, 1)],
        ["sha", "spa", "tha", "tpa"])


set_arp_layout(8, 16, 20, 28, 32)


# Packets: which headers there are, and the values of their fields.

class Packet:
    """levels[0] is outside, levels[1] inside a tunnel; each maps an item to its fields."""

    def __init__(self, frame):
        self.frame = bytes(frame)
        self.levels = ({}, {})
        self.tunnel = {}    # the same of the tunnel's item(s); "ip" for IP in IP
        ip = self.read_ether(0, 0, len(frame))
        if ip is not None and ip.proto is not None:
            self.read_tunnel(ip)

    def number(self, off, size, end):
        """A field; what lies behind the end counts as zero."""
        data = self.frame[off:max(off, min(off + size, end))]
        return int.from_bytes(data.ljust(size, b"\0"), "big")

    def read_ether(self, level, off, end):
        """Ethernet, its tags, and what follows."""
        if off + 14 > end:
            return None
        here, num = self.levels[level], self.number
        ether = rss_model.parse_ether(self.frame, off, end)
        tags = len(ether[0])
        here["eth"] = {"dst": num(off, 6, end), "src": num(off + 6, 6, end),
                       "type": num(off + 12, 2, end), "has_vlan": int(tags > 0)}
        for n in range(tags):
            tag = {"tci": num(off + 14 + 4 * n, 2, end), "inner_type": num(off + 16 + 4 * n, 2, end)}
            if n == 0:
                tag["has_more_vlan"] = int(tags > 1)
            here[("vlan", "vlan2")[n]] = tag
        if ether[1] == 0x0806:
            self.read_arp(here, ether[2], end)
        return self.read_ip(level, ether[2], end, ether[1])

    def read_arp(self, here, off, end):
        num = self.number
        if off + 28 <= end and self.frame[off:off + 6] == bytes.fromhex("000108000604"):
            here["arp_eth_ipv4"] = {
                "op": num(off + 6, 2, end), "sha": num(off + 8, 6, end),
                "spa": num(off + 14, 4, end), "tha": num(off + 18, 6, end),
                "tpa": num(off + 24, 4, end)}

    def read_ip(self, level, off, end, ether_type):
        ip = rss_model.parse_ip(self.frame, off, end, ether_type)
        if ip is None:
            return None
        here, num = self.levels[level], self.number
        if ip.version == 4:
            here["ipv4"] = {"tos": num(off + 1, 1, end), "fragment_offset": num(off + 6, 2, end),
                            "ttl": num(off + 8, 1, end), "proto": num(off + 9, 1, end),
                            "src": num(off + 12, 4, end), "dst": num(off + 16, 4, end)}
        else:
            first = num(off, 4, end)
            here["ipv6"] = {"version": 6, "traffic_class": first >> 20 & 0xff,
                            "flow_label": first & 0xfffff, "proto": num(off + 6, 1, end),
                            "hop_limit": num(off + 7, 1, end), "src": num(off + 8, 16, end),
                            "dst": num(off + 24, 16, end),
                            "has_frag_ext": int(self.has_fragment_header(off, ip.end))}
        if ip.proto is not None:
            self.read_upper(here, ip.proto, ip.l4, ip.end)
        return ip

    def has_fragment_header(self, off, end):
        """One that was looked through, or that ended the walk."""
        proto, off = self.frame[off + 6], off + 40
        for _ in range(8):
            if proto not in (0, 43, 44, 60) or off + 8 > end:
                return False
            size = 8 if proto == 44 else (self.frame[off + 1] + 1) * 8
            if off + size > end:
                return False
            if proto == 44:
                return True
            proto = self.frame[off]
            off += size
        return False

    def read_upper(self, here, proto, off, end):
        num = self.number
        ports = {"src": num(off, 2, end), "dst": num(off + 2, 2, end)}
        kind = {"type": num(off, 1, end), "code": num(off + 1, 1, end)}
        if proto == TCP:
            here["tcp"] = {**ports, "flags": num(off + 13, 1, end)}
        elif proto == UDP:
            here["udp"] = ports
        elif proto == SCTP:
            here["sctp"] = {**ports, "tag": num(off + 4, 4, end)}
        elif proto == ICMP:
            here["icmp"] = {**kind, "ident": num(off + 4, 2, end), "seq": num(off + 6, 2, end)}
        elif proto == ICMP6:
            here["icmp6"] = kind

    def read_tunnel(self, ip):
        """What *Level* opens behind the outermost IP header, and what is inside."""
        off, end = ip.l4, ip.end
        if ip.proto == 4 or ip.proto == 41:
            self.tunnel["ip"] = {}
            self.read_ip(1, off, end, 0x0800 if ip.proto == 4 else 0x86dd)
        elif ip.proto == GRE:
            self.read_gre(off, end)
        elif ip.proto == UDP:
            reader = {4789: self.read_vxlan, 6081: self.read_geneve,
                      2152: self.read_gtpu}.get(be16(self.frame, off + 2))
            if reader and off + 16 <= end:
                reader(off + 8, end)

    def read_payload(self, off, end, ether_type):
        if ether_type == 0x6558:
            self.read_ether(1, off, end)
        else:
            self.read_ip(1, off, end, ether_type)

    def read_gre(self, off, end):
        flags, num = be16(self.frame, off), self.number
        # Opened by its first four bytes, for the page speaks of a key that is not there.
        if off + 4 > end or flags & 0x4007:
            return
        proto = num(off + 2, 2, end)
        self.tunnel["gre"] = {"c_rsvd0_ver": flags, "protocol": proto}
        at = off + (8 if flags & 0x8000 else 4)
        if flags & 0x2000:
            self.tunnel["gre_key"] = {"key": num(at, 4, end)}
            if proto == 0x6558:
                self.tunnel["nvgre"] = {"c_k_s_rsvd0_ver": flags, "protocol": proto,
                                        "tni": num(at, 3, end), "flow_id": num(at + 3, 1, end)}
        size = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
        self.read_payload(off + size, end, proto)

    def read_vxlan(self, off, end):
        if not self.frame[off] & 0x08:
            return
        num = self.number
        self.tunnel["vxlan"] = {"flags": num(off, 1, end), "rsvd0": num(off + 1, 1, end),
                                "vni": num(off + 4, 3, end), "rsvd1": num(off + 7, 1, end)}
        self.read_ether(1, off + 8, end)

    def read_geneve(self, off, end):
        size = 8 + (self.frame[off] & 0x3f) * 4
        if self.frame[off] >> 6 or off + size > end:
            return
        num = self.number
        proto = num(off + 2, 2, end)
        self.tunnel["geneve"] = {"ver_opt_len_o_c_rsvd0": num(off, 2, end), "protocol": proto,
                                 "vni": num(off + 4, 3, end), "rsvd1": num(off + 7, 1, end)}
        self.read_payload(off + size, end, proto)

    def read_gtpu(self, off, end):
        first, num = self.frame[off], self.number
        if first >> 4 != 3 or self.frame[off + 1] != 255:
            return
        at = off + (12 if first & 7 else 8)
        if at > end:
            return
        follows = self.frame[at - 1] if first & 4 else 0
        for _ in range(4):
            if not follows:
                break
            if at >= end or not self.frame[at] or at + self.frame[at] * 4 > end:
                return
            at += self.frame[at] * 4
            follows = self.frame[at - 1]
        if follows:
            return
        self.tunnel["gtpu"] = {"v_pt_rsv_flags": first, "msg_type": 255,
                               "teid": num(off + 4, 4, end)}
        version = num(at, 1, end) >> 4
        if version in (4, 6):
            self.read_ip(1, at, end, 0x0800 if version == 4 else 0x86dd)

    def header(self, place, name):
        """The fields of an item at its place in a pattern; None if it is not there."""
        if place == "tunnel":
            return self.tunnel.get(name)
        level, slot = place
        return self.levels[level].get(slot)


# Rules.

@dataclass
class PatternItem:
    name: str
    spec: Optional[bytes] = None
    last: Optional[bytes] = None
    mask: Optional[bytes] = None

    def terms(self):
        """(field, mask, low, high) for each field whose mask has bits."""
        kind = ITEMS[self.name]
        if self.spec is None:
            return
        mask = self.mask if self.mask is not None else kind.mask
        for f in kind.fields:
            bits = f.of(mask)
            if not bits:
                continue
            low = high = f.of(self.spec) & bits
            # rte_flow: a field of last that is 0, or that of spec, makes no range.
            if self.last is not None and f.of(self.last) not in (0, f.of(self.spec)):
                high = f.of(self.last) & bits
            yield f, bits, low, high

    def asks_for_others(self):
        mask = self.mask if self.mask is not None else ITEMS[self.name].mask
        return self.spec is not None and any(f.of(mask) for f in ITEMS[self.name].others)


def range_bits(bits, low, high):
    """The bits that a range leaves open; None if no mask can say it."""
    differ = low ^ high
    ok = not differ & (differ + 1) and not low & differ and bits & differ == differ
    return differ if ok else None


def place_items(items):
    """([(place, item)], True); up to an item that stands where it cannot, and False."""
    placed, level, rank, before = [], 0, -1, None
    order = {"eth": 0, "vlan": 1, **dict.fromkeys(L3, 3), **dict.fromkeys(L4, 4),
             **dict.fromkeys(TUNNELS, 5)}
    for it in items:
        if it.name == "void":
            continue
        if it.name not in ITEMS:
            return placed, False
        if it.name == "gre_key":
            if before != "gre":
                return placed, False
            placed.append(("tunnel", it))
            before = it.name
            continue
        here = order[it.name]
        if it.name in ("ipv4", "ipv6") and before in ("ipv4", "ipv6") and level == 0:
            placed.append(("tunnel", PatternItem("ip")))
            level, rank = 1, -1
        if it.name in TUNNELS:
            if level == 1 or here <= rank:
                return placed, False
            placed.append(("tunnel", it))
            level, rank, before = 1, -1, it.name
            continue
        if it.name == "vlan" and rank == 1:
            here = 2
        if here <= rank:
            return placed, False
        slot = "vlan2" if here == 2 else it.name
        placed.append(((level, slot), it))
        rank, before = here, it.name
    return placed, True


@dataclass
class Rule:
    """A rule of the application. `actions` are (name, value) in their order."""
    items: list
    actions: list
    priority: int = 0
    group: int = 0
    attr: str = "i"
    name: int = 0
    order: int = 0
    placed: list = field(default_factory=list)

    def action(self, name):
        found = [value for action, value in self.actions if action == name]
        return found[-1] if found else None

    def has(self, name):
        return any(action == name for action, _ in self.actions)

    @property
    def fate(self):
        return next((a for a, _ in self.actions if a in FATES), None)

    @property
    def rank(self):
        return self.priority, self.order

    def matches(self, packet):
        for place, it in self.placed:
            values = packet.header(place, it.name)
            if values is None:
                return False
            if it.name == "ip":
                continue
            for f, bits, low, high in it.terms():
                # A field that this header does not have: has_more_vlan of a second tag.
                if not low <= values[f.name] & bits <= high:
                    return False
        return True

    def atoms(self):
        """What is asked for, bit by bit: {what: (mask, value)}; None if it contradicts itself."""
        atoms = {}

        def ask(what, mask, value):
            old_mask, old_value = atoms.get(what, (0, 0))
            both = mask & old_mask
            atoms[what] = (mask | old_mask, value | old_value)
            return (value ^ old_value) & both == 0
        good = True
        for place, it in self.placed:
            if place == "tunnel":
                kind = {"gre_key": "gre", "nvgre": "gre"}.get(it.name, it.name)
                good &= ask("tunnel", ~0, hash(kind))
                if it.name in ("gre_key", "nvgre"):
                    good &= ask(("gre", "flags"), 0x2000, 0x2000)
                if it.name == "nvgre":
                    good &= ask(("gre", "protocol"), 0xffff, 0x6558)
            elif place[1] in L4:
                good &= ask((place[0], "l4"), 0xff, L4[place[1]])
            else:
                good &= ask(place, 1, 1)
            if it.name == "ip":
                continue
            for f, bits, low, high in it.terms():
                bits &= ~(range_bits(bits, low, high) or 0)
                good &= ask(*self.atom(place, it, f, bits, low & bits))
        return {what: atom for what, atom in atoms.items() if atom[0]} if good else None

    @staticmethod
    def atom(place, it, f, bits, value):
        if f.name == "version":
            return (), 0, 0
        if f.name == "has_vlan":
            return (place[0], "vlan"), bits, value
        if f.name == "has_more_vlan":
            return (place[0], "vlan2"), bits, value
        if it.name == "nvgre" and f.name in ("tni", "flow_id"):
            return ("gre", "key"), bits << (8 if f.name == "tni" else 0), \
                value << (8 if f.name == "tni" else 0)
        if it.name in ("gre", "nvgre", "gre_key"):
            name = "flags" if f.name.startswith("c_") else f.name
            return ("gre", name), bits, value
        return (place, f.name), bits, value


NOTSUP, INVAL = errno.ENOTSUP, errno.EINVAL


def pattern_errors(rule):
    errors = set()
    if not place_items(rule.items)[1]:
        errors.add(NOTSUP)
    vlans = 0
    for it in rule.items:
        if it.name not in ITEMS:
            continue
        if it.name in TUNNELS:
            vlans = 0
        vlans += it.name == "vlan"
        if it.spec is None and (it.mask is not None or it.last is not None):
            errors.add(INVAL)
            continue
        if it.asks_for_others():
            errors.add(NOTSUP)
        for f, bits, low, high in it.terms():
            if range_bits(bits, low, high) is None:
                errors.add(NOTSUP)
            if f.name == "has_more_vlan" and vlans > 1:
                errors.add(NOTSUP)
            if f.name == "version" and (low ^ 6) & bits:
                errors.add(NOTSUP)
    return errors


def action_errors(rule, nb_queues, functions):
    errors = set()
    fates = [a for a, _ in rule.actions if a in (*FATES, "passthru")]
    if not fates:
        errors.add(INVAL)
    if len(fates) > 1:
        errors.add(NOTSUP)
    if sum(a in ("count", "shared") for a, _ in rule.actions) > 1:
        errors.add(NOTSUP)
    for name, value in rule.actions:
        if name == "queue" and value >= nb_queues:
            errors.add(INVAL)
        if name == "jump":
            errors.add(NOTSUP)
        if name == "rss":
            if len(value.queues) > 512:
                errors.add(NOTSUP)
            if any(q >= nb_queues for q in value.queues):
                errors.add(INVAL)
            if value.key and len(value.key) != 40:
                errors.add(INVAL)
            if value.level > 2 or value.func not in functions:
                errors.add(NOTSUP)
    return errors


def attribute_errors(rule):
    errors = set()
    if rule.group or rule.priority > 65535 or "e" in rule.attr or "t" in rule.attr:
        errors.add(NOTSUP)
    if "i" not in rule.attr:
        errors.add(INVAL)
    return errors


@dataclass
class RssAction:
    func: int = 0
    level: int = 0
    types: frozenset = frozenset()
    modifiers: frozenset = frozenset()
    key: bytes = b""
    queues: tuple = ()

    @property
    def rss_hf(self):
        return rss_model.RssConfig(types=self.types, modifiers=self.modifiers).rss_hf


DEFAULT_TYPES = frozenset().union(*(rss_model.GROUPS[g] for g in ("ip", "tcp", "udp", "sctp")))
# enum rte_eth_hash_function
FUNCTIONS = {1: "toeplitz", 2: "xor", 3: "symmetric", 4: "symmetric-sort"}


@dataclass
class Verdict:
    drop: bool
    queue: int
    hashed: bool
    hash: int
    mark: Optional[int]
    flag: bool
    counted: list = field(repr=False)   # the rules that apply


@dataclass
class Port:
    """A port with rules."""
    nb_queues: int
    rss: rss_model.RssConfig    # its algo is that of devarg rss_algo
    devarg_algo: str
    isolated: bool = False
    rules: list = field(default_factory=list)
    created: int = 0

    def add(self, rule):
        """Take a rule in; EEXIST or 0. Its items have to be well placed."""
        atoms = rule.atoms()
        for other in self.rules:
            if other.priority == rule.priority and (other.fate is None) == (rule.fate is None) \
                    and other.atoms() == atoms and atoms is not None:
                return errno.EEXIST
        self.created += 1
        rule.order = self.created
        self.rules.append(rule)
        self.rules.sort(key=lambda r: r.rank)
        return 0

    def config_of(self, rule):
        """The RSS that hashes a packet of this rule."""
        if rule is None or rule.fate != "rss":
            return self.rss
        act, port = rule.action("rss"), self.rss
        cfg = rss_model.RssConfig(
            types=port.types, modifiers=port.modifiers, inner=port.inner, algo=port.algo,
            key=act.key or port.key, reta=port.reta)
        if act.queues:
            cfg.reta = [act.queues[i % len(act.queues)] for i in range(rss_model.RETA_SIZE)]
        if act.rss_hf or act.func or act.level:
            cfg.types = act.types if act.rss_hf else DEFAULT_TYPES
            cfg.modifiers = act.modifiers
            cfg.inner = act.level == 2
            cfg.algo = FUNCTIONS.get(act.func, self.devarg_algo)
        return cfg

    def verdict(self, frame):
        packet = Packet(frame)
        fate, passed = None, []
        for rule in self.rules:
            if not rule.matches(packet):
                continue
            if rule.fate is not None:
                fate = rule
                break
            passed.append(rule)
        marking = [r for r in passed if r.has("mark") or r.has("flag")]
        marks = marking[-1] if marking else None
        if fate is not None and (fate.has("mark") or fate.has("flag")):
            marks = fate
        hashed = rss_model.classify(frame, self.config_of(fate))
        queue = fate.action("queue") if fate and fate.fate == "queue" else hashed.queue
        drop = fate.fate == "drop" if fate else self.isolated
        return Verdict(drop, queue, hashed.hashed, hashed.hash,
                       marks.action("mark") if marks else None,
                       bool(marks and not marks.has("mark")),
                       passed + ([fate] if fate else []))


def headers_length(frame):
    """Bytes that each packet of a TCP or UDP super-packet begins with."""
    ether = rss_model.parse_ether(frame, 0, len(frame))
    ip = rss_model.parse_ip(frame, ether[2], len(frame), ether[1])
    return ip.l4 + (8 if ip.proto == UDP else (be16(frame, ip.l4 + 12) >> 12) * 4)
