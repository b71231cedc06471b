# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Random frames, and random rules of which some match them.

Values come from small pools, so that frames have some in common and rules meet several.
"""
import functools
import struct

import flow_model
import rss_model
from flow_model import ITEMS, L3, L4, PatternItem, RssAction, Rule, TUNNELS

MACS = [bytes.fromhex(m) for m in ("021122334455", "02112233aa55", "0200000000ff", "ffffffffffff")]
ADDR4 = [bytes(a) for a in ((10, 0, 0, 1), (10, 0, 0, 2), (10, 0, 3, 1), (192, 168, 7, 9))]
ADDR6 = [bytes.fromhex(a) for a in (
    "20010db8001700420001000200030004", "20010db8001700420001000200030005",
    "20010db8001700439999000200030004", "fd000000000000000000000000000001")]
PORTS = [1, 2, 53, 443, 1024, 1025, 4789, 6081, 2152, 65535]
TCIS = [1, 2, 100, 101, 0x2064, 0xe001, 4095]
TYPES = [0x88b5, 0x88cc, 0x0020, 0x9000]


def w16(value):
    return struct.pack(">H", value)


def checked(rnd, percent):
    return rnd.random() * 100 < percent


# Frames.

def ether(rnd, depth):
    """An Ethernet frame with up to three tags."""
    out = rnd.choice(MACS) + rnd.choice(MACS)
    for _ in range(rnd.choice((0, 0, 0, 0, 1, 1, 2, 2, 3))):
        out += w16(rnd.choice((0x8100, 0x8100, 0x88a8))) + w16(rnd.choice(TCIS))
    kind = rnd.choice(("ipv4",) * 6 + ("ipv6",) * 6 + ("arp", "other"))
    if kind == "ipv4":
        return out + b"\x08\0" + ipv4(rnd, depth)
    if kind == "ipv6":
        return out + b"\x86\xdd" + ipv6(rnd, depth)
    if kind == "arp":
        return out + b"\x08\x06" + arp(rnd)
    return out + w16(rnd.choice(TYPES)) + rnd.randbytes(rnd.randrange(40))


def arp(rnd):
    head = rnd.choice([bytes.fromhex("000108000604")] * 5 + [bytes.fromhex("000608000604"),
                                                             bytes.fromhex("000186dd0604")])
    return (head + w16(rnd.choice((1, 2))) + rnd.choice(MACS) + rnd.choice(ADDR4)
            + rnd.choice(MACS) + rnd.choice(ADDR4) + bytes(rnd.choice((0, 18))))


def ipv4(rnd, depth):
    proto, body = upper(rnd, depth, 4)
    options = rnd.randbytes(4 * rnd.choice((0, 0, 0, 0, 1, 10)))
    length = rnd.choice([20 + len(options) + len(body)] * 8 + [0, 1500, 20 + len(options)])
    frag = rnd.choice([0, 0, 0, 0x4000, 0x4000, 0x4000, 0x8000, 0x2000, 0x00b9, 0x2001])
    return (bytes([0x45 + len(options) // 4, rnd.choice((0, 0, 0x10, 0xb8))]) + w16(length)
            + w16(rnd.randrange(65536)) + w16(frag) + bytes([rnd.choice((1, 63, 64)), proto])
            + b"\x12\x34" + rnd.choice(ADDR4) + rnd.choice(ADDR4) + options + body)


def extension(rnd, proto, following):
    if proto == 44:
        return bytes([following, 0]) + w16(rnd.choice((0, 0, 6, 1, 8, 0x59))) + rnd.randbytes(4)
    if proto == 43:
        size, kind = rnd.choice(((0, 4), (2, 2), (2, 2), (2, 0), (1, 2)))
        return bytes([following, size, kind, 1]) + rnd.randbytes(4) + b"".join(
            rnd.choice(ADDR6)[:8 * size - 8 * i] for i in range(size))[:8 * size]
    if proto == 60 and checked(rnd, 40):
        return bytes([following, 2, 1, 2, 0, 0, 0xc9, 16]) + rnd.choice(ADDR6)
    size = rnd.choice((0, 0, 1))
    return bytes([following, size, 1, 4 + 8 * size]) + bytes(4 + 8 * size)


def ipv6(rnd, depth):
    proto, body = upper(rnd, depth, 6)
    count = rnd.choice((0, 0, 0, 0, 1, 1, 2, 3, 8, 9))
    for _ in range(count):
        kind = rnd.choice((0, 43, 60, 60, 44))
        body = extension(rnd, kind, proto) + body
        proto = kind
    first = 0x60000000 | rnd.choice((0, 0x10, 0xb8)) << 20 | rnd.choice((0, 1, 0xabcde))
    length = rnd.choice([len(body)] * 8 + [0, 1400, max(0, len(body) - 3)])
    return (struct.pack(">IHBB", first, length, proto, rnd.choice((1, 63, 64)))
            + rnd.choice(ADDR6) + rnd.choice(ADDR6) + body)


def upper(rnd, depth, version):
    """Protocol and bytes of an upper layer; a tunnel as long as depth allows."""
    ports = w16(rnd.choice(PORTS)) + w16(rnd.choice(PORTS[:6]))
    kinds = ["tcp"] * 3 + ["udp"] * 3 + ["sctp", "icmp", "icmp6", "esp", "ah", "other"]
    kind = rnd.choice(kinds + (["tunnel"] * 10 if depth else []))
    if kind == "tcp":
        return 6, ports + rnd.randbytes(8) + bytes(
            [0x50, rnd.choice((0x02, 0x10, 0x11, 0x12, 0x18))]) + rnd.randbytes(6)
    if kind == "udp":
        return 17, ports + w16(20) + bytes(2) + rnd.randbytes(12)
    if kind == "sctp":
        return 132, ports + w16(rnd.choice((0, 7))) + w16(rnd.choice((7, 8))) + bytes(8)
    if kind in ("icmp", "icmp6"):
        proto = (1 if kind == "icmp" else 58) if checked(rnd, 90) else rnd.choice((1, 58))
        return proto, (bytes([rnd.choice((0, 8, 128, 135)), rnd.choice((0, 1)), 9, 9])
                       + w16(rnd.choice((1, 2))) + w16(rnd.choice((5, 6))) + bytes(4))
    if kind == "tunnel":
        return tunnel(rnd, depth - 1)
    return {"esp": 50, "ah": 51}.get(kind, rnd.choice((59, 89, 0xfd))), rnd.randbytes(16)


def payload(rnd, depth):
    """EtherType and bytes of what an EtherType can announce."""
    kind = rnd.choice((0x6558, 0x6558, 0x0800, 0x86dd, 0x880b))
    return kind, {0x6558: ether, 0x0800: ipv4, 0x86dd: ipv6}.get(
        kind, lambda r, d: r.randbytes(20))(rnd, depth)


def tunnel(rnd, depth):
    kind = rnd.choice(("ipip", "gre", "gre", "vxlan", "geneve", "gtpu"))
    if kind == "ipip":
        version = rnd.choice((4, 6))
        return (4, ipv4(rnd, depth)) if version == 4 else (41, ipv6(rnd, depth))
    if kind == "gre":
        flags = rnd.choice((0, 0x2000, 0x2000, 0x8000, 0xb000, 0x1000, 0xa000, 0x4000, 0x0001, 0x0800))
        proto, body = payload(rnd, depth)
        options = b"".join(data for bit, data in (
            (0x8000, bytes(4)), (0x2000, rnd.choice((b"\0\0\x01\x07", b"\0\0\x01\x08"))),
            (0x1000, bytes(4))) if flags & bit)
        return 47, w16(flags) + w16(proto) + options + body
    dport, head, body = {"vxlan": vxlan, "geneve": geneve, "gtpu": gtpu}[kind](rnd, depth)
    data = head + body
    return 17, w16(rnd.choice(PORTS)) + w16(dport) + w16(8 + len(data)) + bytes(2) + data


def vni(rnd):
    return rnd.choice((b"\0\0\x2a", b"\0\0\x2b", b"\0\x01\0")) + bytes([rnd.choice((0, 0, 9))])


def vxlan(rnd, depth):
    flags = bytes([rnd.choice((8, 8, 8, 0x0c, 0x88, 0)), rnd.choice((0, 0, 1)), 0, 0])
    return 4789, flags + vni(rnd), ether(rnd, depth)


def geneve(rnd, depth):
    options = rnd.choice((0, 0, 0, 1, 3, 15))
    kind, body = payload(rnd, depth)
    first = options | rnd.choice((0, 0, 0, 0, 0, 0x40))
    return (6081, bytes([first, rnd.choice((0, 0x40, 0x80))]) + w16(kind) + vni(rnd)
            + rnd.randbytes(4 * options), body)


def gtpu(rnd, depth):
    flags = rnd.choice((0x30, 0x30, 0x32, 0x34, 0x34, 0x36, 0x31, 0x38, 0x50, 0x20))
    body = rnd.choice((ipv4, ipv4, ipv6, ipv6, lambda r, d: b"\x13" + r.randbytes(30)))(rnd, depth)
    head = bytes([flags, rnd.choice((255,) * 6 + (1,))]) + w16(len(body)) + rnd.choice(
        (b"\0\0\x12\x34", b"\0\0\x12\x35"))
    if flags & 7:
        count = rnd.choice((0, 1, 1, 2, 4, 5))
        head += b"\0\x01\x02" + bytes([0x85 if count else 0])
        for i in range(count if flags & 4 else 0):
            words = rnd.choice((1, 1, 2, 0) if checked(rnd, 10) else (1, 2))
            head += (bytes([words]) + rnd.randbytes(4 * words - 2 if words else 2)
                     + bytes([0x85 if i < count - 1 else 0]))
    return 2152, head, body


def tunnelled_frame_of(rnd):
    """A frame with something inside, most of the time."""
    for _ in range(20):
        frame = frame_of(rnd)
        if flow_model.Packet(frame).levels[1]:
            break
    return frame


def mutate(rnd, frame):
    """Cut, changed in a few bytes, or longer."""
    frame = bytearray(frame)
    how = rnd.randrange(4)
    if how == 0 and frame:
        del frame[rnd.randrange(len(frame)):]
    elif how == 1 and frame:
        for _ in range(rnd.choice((1, 1, 2, 5))):
            frame[rnd.randrange(min(len(frame), rnd.choice((14, 40, 80, 2000))))] = rnd.choice(
                (0, 1, 4, 6, 8, 0xff, rnd.randrange(256)))
    elif how == 2 and len(frame) > 34:
        del frame[rnd.randrange(30, len(frame)):]
    else:
        frame += bytes(rnd.choice((1, 4, 18)))
    return bytes(frame)


@functools.lru_cache(None)
def corpus():
    """The shapes of the system tests, if there is scapy to make them."""
    try:
        import frames
    except ImportError:
        return ()
    return tuple(frames.corpus().values())


def frame_of(rnd):
    if corpus() and checked(rnd, 15):
        return rnd.choice(corpus())
    return ether(rnd, rnd.choice((0, 1, 1, 1, 2)))[:1900]


def super_packet(frame):
    """Whether it can be one of several segments."""
    packet = flow_model.Packet(frame)
    here = packet.levels[0]
    return (("tcp" in here or "udp" in here) and not packet.tunnel
            and flow_model.headers_length(frame) + 20 <= len(frame))


# Rules.

def value_range(rnd, f, bits, value):
    """First and last of a range: of one that a mask can say, or of any other."""
    n = rnd.randrange(1, f.full.bit_length() + 1)
    low = value & ~((1 << n) - 1)
    if checked(rnd, 80):
        return low, low | (1 << n) - 1, bits | (1 << n) - 1
    return rnd.choice(((value, value, bits), (value, 0, bits), (low, low | 5, f.full),
                       (value, value + 1 & f.full, f.full)))


def random_bits(rnd, f):
    """A mask for a field: all, a prefix, a few bits, one bit."""
    width = f.full.bit_length()
    how = rnd.randrange(8)
    if how < 4:
        return f.full
    if how < 6:
        return f.full & ~((1 << rnd.randrange(width)) - 1)
    if how == 6:
        return rnd.randrange(f.full + 1)
    return 1 << rnd.randrange(width)


def item_of(rnd, name, values, wild, share=None):
    """An item that asks for a share of a header's fields, in percent, mostly as they are."""
    kind = ITEMS[name]
    if not kind.fields or share is None and checked(rnd, 25):
        return PatternItem(name)
    share = 45 if share is None else share
    spec = bytearray(rnd.randbytes(kind.size) if wild else kind.size)
    last, mask = bytearray(kind.size), bytearray(kind.size)
    ranges = False
    default = checked(rnd, 10)
    for f in kind.fields:
        value = values.get(f.name, 0)
        if checked(rnd, 4):
            value ^= 1 << rnd.randrange(f.full.bit_length())
        bits = random_bits(rnd, f) if checked(rnd, share) else 0
        if f.name == "has_more_vlan" and checked(rnd, 80) or f.name == "version" and checked(rnd, 80):
            bits = 0
        first = value
        if bits and not default and f.name != "version" and checked(rnd, 8):
            first, top, bits = value_range(rnd, f, bits, value)
            f.put(last, top)
            ranges = True
        elif wild and not default:
            # What is not in the mask may be anything.
            first = value & bits | rnd.randrange(f.full + 1) & ~bits
        f.put(spec, first)
        f.put(mask, bits)
    if kind.others and checked(rnd, 1):
        rnd.choice(kind.others).put(mask, 1)
    if default:
        mask = None
    return PatternItem(name, bytes(spec), bytes(last) if ranges else None,
                       None if mask is None else bytes(mask))


def pattern_of(rnd, packet, wild):
    """Items for some of a packet's headers."""
    items = []
    deep = packet.tunnel and checked(rnd, 60)
    density = rnd.choice((25, 50, 80))
    for level in (0, 1)[:1 + bool(deep)]:
        if level == 1 and "ip" not in packet.tunnel:
            add_tunnel(rnd, packet, items, wild)
        elif level == 1 and (not items or items[-1].name not in ("ipv4", "ipv6")):
            return items
        for slot, values in packet.levels[level].items():
            must = level == 1 and "ip" in packet.tunnel and slot in L3
            if must or checked(rnd, density):
                items.append(item_of(rnd, slot.rstrip("2"), values, wild))
        if level == 0 and deep and "ip" in packet.tunnel:
            while items and items[-1].name not in ("ipv4", "ipv6"):
                items.pop()
    return items


def narrow_pattern(rnd, packet, wild):
    """One item that asks for much of any one header, and only what has to stand around it."""
    places = [(level, slot) for level in (0, 1, 1, 1) for slot in packet.levels[level]]
    places += [("tunnel", name) for name in packet.tunnel if name != "ip"] * 4
    if not places:
        return []
    place, slot = rnd.choice(places)
    share = rnd.choice((20, 50, 90))
    if place == "tunnel":
        values = packet.tunnel[slot]
        items = [PatternItem("gre")] if slot == "gre_key" else []
        return [*items, item_of(rnd, slot, values, wild, share)]
    items = []
    if place == 1 and "ip" in packet.tunnel:
        outer, inner = (next(n for n in packet.levels[i] if n in L3) for i in (0, 1))
        items = [PatternItem(outer)] + [PatternItem(inner)] * (slot not in L3)
    elif place == 1:
        items = [PatternItem(next(n for n in TUNNELS if n in packet.tunnel))]
    if slot == "vlan2":
        items.append(PatternItem("vlan"))
    return [*items, item_of(rnd, slot.rstrip("2"), packet.levels[place][slot], wild, share)]


def add_tunnel(rnd, packet, items, wild):
    names = [n for n in TUNNELS if n in packet.tunnel]
    name = rnd.choice(names)
    items.append(item_of(rnd, name, packet.tunnel[name], wild))
    if name == "gre" and checked(rnd, 50):
        items.append(item_of(rnd, "gre_key", packet.tunnel.get("gre_key", {}), wild))


def spoil(rnd, items):
    """Make a pattern that is hardly one: another order, one item more, or one that cannot match."""
    items = list(items)
    how = rnd.randrange(5)
    if how == 0:
        rnd.shuffle(items)
    elif how == 1:
        items.insert(rnd.randrange(len(items) + 1),
                     PatternItem(rnd.choice([*ITEMS, "void", "void", "any"])))
    elif how == 2 and items:
        items.insert(rnd.randrange(len(items)), rnd.choice(items))
    elif how == 3 and items:
        it = rnd.choice(items)
        items[items.index(it)] = PatternItem(it.name, None, it.last, it.mask)
    else:
        items.append(PatternItem(rnd.choice((*L3, *L4, *TUNNELS))))
    return items


def rss_types(rnd):
    if checked(rnd, 30):
        return frozenset(rss_model.ALL_TYPES), frozenset()
    types = frozenset(t for t in rss_model.TYPE_BITS if checked(rnd, 50))
    modifiers = frozenset(m for m in rss_model.MODIFIER_BITS if checked(rnd, 10))
    return types, modifiers if checked(rnd, 40) else frozenset()


def key_of(rnd):
    """One of a few keys, for rules share them, or of many, so that their places are used again."""
    number = rnd.randrange(rnd.choice((3, 3, 400)))
    return bytes((number * (37 + i) + number // 7 * i * i + 13 * i) & 255 for i in range(40))


def rss_action(rnd, nb_queues):
    act = RssAction()
    if checked(rnd, 50):
        act.queues = tuple(rnd.randrange(nb_queues) for _ in range(rnd.choice((1, 2, 3, 7, 64, 512))))
    if checked(rnd, 50):
        act.key = key_of(rnd)
    if checked(rnd, 70):
        act.func = rnd.choice((0, 0, 1, 2, 3, 4))
        act.level = rnd.choice((0, 0, 1, 2))
    if checked(rnd, 50):
        act.types, act.modifiers = rss_types(rnd)
    if checked(rnd, 3):
        act.level, act.key, act.queues = rnd.choice((
            (3, b"", ()), (0, bytes(16), ()), (0, b"", (nb_queues,)), (0, b"", (0,) * 513)))
    return act


def actions_of(rnd, nb_queues, counters):
    fate = rnd.choice(("queue",) * 3 + ("rss",) * 4 + ("drop", "passthru", "passthru", "passthru"))
    value = {"queue": rnd.randrange(nb_queues) if checked(rnd, 98) else nb_queues,
             "rss": rss_action(rnd, nb_queues) if fate == "rss" else None}.get(fate)
    actions = [(fate, value)]
    if checked(rnd, 75):
        actions.append(("count", None))
    elif counters and checked(rnd, 80):
        actions.append(("shared", rnd.choice(counters)))
    if checked(rnd, 40):
        actions.append(("mark", rnd.choice((0, 1, 0xfffffffe, rnd.randrange(1 << 32)))))
    if checked(rnd, 20):
        actions.append(("flag", None))
    if checked(rnd, 2):
        actions.append(rnd.choice((("queue", 0), ("drop", None), ("count", None), ("jump", None),
                                   ("void", None), ("void", None))))
    if checked(rnd, 1):
        actions = actions[1:]
    rnd.shuffle(actions)
    return actions


def rule_of(rnd, packets, nb_queues, counters, before):
    """A rule, most of them with something to match; `before` are rules that there are."""
    kind = narrow_pattern if checked(rnd, 45) else pattern_of
    items = kind(rnd, rnd.choice(packets), checked(rnd, 50))
    if before and checked(rnd, 15):
        items = rnd.choice(before).items
    if checked(rnd, 4):
        items = spoil(rnd, items)
    if checked(rnd, 5):
        items = [*items[:1], PatternItem("void"), *items[1:]]
    rule = Rule(items, actions_of(rnd, nb_queues, counters),
                priority=rnd.choice((0, 0, 1, 1, 2, 3, 65535)))
    if checked(rnd, 2):
        rule.group, rule.priority, rule.attr = rnd.choice((
            (1, 0, "i"), (0, 65536, "i"), (0, 0, "e"), (0, 0, ""), (0, 0, "it"), (0, 0, "ie")))
    return rule
