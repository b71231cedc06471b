# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""An independent model of doc/rss.md: frame + configuration -> hash and queue.

Written from that page alone, for clarity and not for speed, and sharing nothing
with the driver: no table, no mask, no early exit. Names of hash types are those
of testpmd ("ipv4-tcp", "l3-src-only", "level-inner").
"""
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

RETA_SIZE = 512
KEY_LEN = 40
DEFAULT_KEY = bytes.fromhex(
    "d181c62cf7f4db5b1983a2fc943e1adbd9389e6bd1039c2ca74499ad593d56d9"
    "f3253c062adc1ffc")

# Bit of each name in rte_eth_rss_conf.rss_hf.
TYPE_BITS = {
    "ipv4": 2, "ipv4-frag": 3, "ipv4-tcp": 4, "ipv4-udp": 5, "ipv4-sctp": 6,
    "ipv4-other": 7, "ipv6": 8, "ipv6-frag": 9, "ipv6-tcp": 10, "ipv6-udp": 11,
    "ipv6-sctp": 12, "ipv6-other": 13, "l2-payload": 14, "ipv6-ex": 15,
    "ipv6-tcp-ex": 16, "ipv6-udp-ex": 17, "eth": 24, "s-vlan": 25, "c-vlan": 26,
    "esp": 27, "ah": 28,
}
MODIFIER_BITS = {
    "l3-src-only": 63, "l3-dst-only": 62, "l4-src-only": 61, "l4-dst-only": 60,
    "l2-src-only": 59, "l2-dst-only": 58, "l3-pre32": 57, "l3-pre40": 56,
    "l3-pre48": 55, "l3-pre56": 54, "l3-pre64": 53, "l3-pre96": 52,
}
LEVEL_INNER_BIT = 51
ALL_TYPES = frozenset(TYPE_BITS)
GROUPS = {
    "ip": {"ipv4", "ipv4-frag", "ipv4-other", "ipv6", "ipv6-frag", "ipv6-other",
           "ipv6-ex"},
    "tcp": {"ipv4-tcp", "ipv6-tcp", "ipv6-tcp-ex"},
    "udp": {"ipv4-udp", "ipv6-udp", "ipv6-udp-ex"},
    "sctp": {"ipv4-sctp", "ipv6-sctp"},
    "vlan": {"s-vlan", "c-vlan"},
    "all": set(TYPE_BITS),
}
ALGORITHMS = ("toeplitz", "xor", "symmetric", "symmetric-sort")

TCP, UDP, SCTP, GRE, ESP, AH = 6, 17, 132, 47, 50, 51
VLAN_TPIDS = (0x8100, 0x88a8)


@dataclass
class RssConfig:
    """RSS of a port: what rte_eth_dev_configure() and the RSS calls set."""
    types: frozenset = ALL_TYPES            # of TYPE_BITS
    modifiers: frozenset = frozenset()      # of MODIFIER_BITS
    inner: bool = False                     # level-inner
    algo: str = "toeplitz"
    key: bytes = DEFAULT_KEY
    reta: list = field(default_factory=lambda: [0] * RETA_SIZE)

    @staticmethod
    def spread(nb_queues, **kw):
        """A configuration with the table that a port starts with."""
        return RssConfig(reta=[i % nb_queues for i in range(RETA_SIZE)], **kw)

    @property
    def rss_hf(self):
        """The bit set of rte_eth_rss_conf."""
        bits = {**TYPE_BITS, **MODIFIER_BITS}
        hf = sum(1 << bits[n] for n in (*self.types, *self.modifiers))
        return hf | (1 << LEVEL_INNER_BIT if self.inner else 0)


class Verdict(NamedTuple):
    hashed: bool
    hash: int
    queue: int
    kind: str


class Vlan(NamedTuple):
    tpid: int
    vid: int


@dataclass
class Ip:
    """One IP packet: addresses, where it ends, its upper layer."""
    version: int
    src: bytes
    dst: bytes
    end: int
    fragment: bool = False
    proto: Optional[int] = None     # upper layer protocol; None: unknown, or a fragment
    l4: int = 0                     # its offset
    home: Optional[bytes] = None    # Home Address option
    route: Optional[bytes] = None   # type 2 routing header


def be16(data, off):
    return int.from_bytes(data[off:off + 2], "big")


def toeplitz(key, data):
    """Bit by bit: XOR of the 32 key bits from each set input bit on."""
    key_bits = int.from_bytes(key, "big")
    total = len(key) * 8
    result = 0
    for i in range(len(data) * 8):
        if data[i // 8] & (0x80 >> (i % 8)):
            result ^= (key_bits >> (total - 32 - i)) & 0xffffffff
    return result


def xor_words(data):
    """XOR of the input's 32-bit words."""
    data = data + bytes(-len(data) % 4)
    result = 0
    for i in range(0, len(data), 4):
        result ^= int.from_bytes(data[i:i + 4], "big")
    return result


def parse_ether(frame, off, end):
    """Tags, last EtherType and the offset behind it; None if there is no header."""
    if off + 14 > end:
        return None
    tags = []
    off += 12
    ether_type = be16(frame, off)
    off += 2
    while ether_type in VLAN_TPIDS and len(tags) < 2:
        if off + 4 > end:
            break
        tags.append(Vlan(ether_type, be16(frame, off) & 0xfff))
        ether_type = be16(frame, off + 2)
        off += 4
    return tags, ether_type, off


def parse_ip(frame, off, end, ether_type):
    """The IP packet at off, or None."""
    if ether_type == 0x0800:
        return parse_ipv4(frame, off, end)
    if ether_type == 0x86dd:
        return parse_ipv6(frame, off, end)
    return None


def parse_ipv4(frame, off, end):
    if off + 20 > end or frame[off] >> 4 != 4:
        return None
    hlen = (frame[off] & 15) * 4
    total = be16(frame, off + 2)
    if hlen < 20 or off + hlen > end or 0 < total < hlen:
        return None
    if total:
        end = min(end, off + total)
    ip = Ip(4, frame[off + 12:off + 16], frame[off + 16:off + 20], end)
    frag = be16(frame, off + 6)
    ip.fragment = bool(frag & 0x3fff)
    if not ip.fragment:
        set_upper(frame, ip, frame[off + 9], off + hlen)
    return ip


def parse_ipv6(frame, off, end):
    if off + 40 > end or frame[off] >> 4 != 6:
        return None
    plen = be16(frame, off + 4)
    if plen:
        end = min(end, off + 40 + plen)
    ip = Ip(6, frame[off + 8:off + 24], frame[off + 24:off + 40], end)
    proto = frame[off + 6]
    off += 40
    walked = 0
    while proto in (0, 43, 44, 60):
        if walked == 8 or off + 8 > end:
            return ip
        size = 8 if proto == 44 else (frame[off + 1] + 1) * 8
        if off + size > end:
            return ip
        walked += 1
        if proto == 44 and be16(frame, off + 2) & 0xfff9:
            ip.fragment = True
            return ip
        if proto == 43 and frame[off + 1] == 2 and frame[off + 2] == 2:
            ip.route = ip.route or frame[off + 8:off + 24]
        if proto == 60:
            ip.home = ip.home or home_address(frame[off:off + size])
        proto = frame[off]
        off += size
    set_upper(frame, ip, proto, off)
    return ip


def home_address(header):
    """The Home Address option's address in a destination options header."""
    off = 2
    for _ in range(8):
        if off >= len(header):
            return None
        if header[off] == 0:
            off += 1
            continue
        if off + 2 > len(header) or off + 2 + header[off + 1] > len(header):
            return None
        if header[off] == 0xc9 and header[off + 1] == 16:
            return header[off + 2:off + 18]
        off += 2 + header[off + 1]
    return None


def set_upper(frame, ip, proto, off):
    need = {TCP: 4, UDP: 4, SCTP: 4, ESP: 4, AH: 8}.get(proto, 0)
    if off + need <= ip.end:
        ip.proto, ip.l4 = proto, off


def open_tunnel(frame, ip):
    """The IP packet inside of ip, or None."""
    if ip.proto is None:
        return None
    off, end = ip.l4, ip.end
    if ip.proto == 4:
        return parse_ipv4(frame, off, end)
    if ip.proto == 41:
        return parse_ipv6(frame, off, end)
    if ip.proto == GRE:
        return open_gre(frame, off, end)
    if ip.proto == UDP:
        opener = {4789: open_vxlan, 6081: open_geneve, 2152: open_gtpu}.get(
            be16(frame, off + 2))
        return opener(frame, off + 8, end) if opener else None
    return None


def open_gre(frame, off, end):
    if off + 4 > end:
        return None
    flags = be16(frame, off)
    if flags & 0x4007:
        return None
    size = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    if off + size > end:
        return None
    return open_ether_type(frame, off + size, end, be16(frame, off + 2))


def open_ether_type(frame, off, end, ether_type):
    return (open_ether(frame, off, end) if ether_type == 0x6558
            else parse_ip(frame, off, end, ether_type))


def open_ether(frame, off, end):
    ether = parse_ether(frame, off, end)
    return parse_ip(frame, ether[2], end, ether[1]) if ether else None


def open_vxlan(frame, off, end):
    if off + 8 > end or not frame[off] & 0x08:
        return None
    return open_ether(frame, off + 8, end)


def open_geneve(frame, off, end):
    if off + 8 > end or frame[off] >> 6:
        return None
    size = 8 + (frame[off] & 0x3f) * 4
    if off + size > end:
        return None
    return open_ether_type(frame, off + size, end, be16(frame, off + 2))


def open_gtpu(frame, off, end):
    if off + 8 > end or frame[off] >> 5 != 1 or not frame[off] & 0x10:
        return None
    if frame[off + 1] != 255:
        return None
    size = 12 if frame[off] & 0x07 else 8
    if off + size > end:
        return None
    follows = frame[off + 11] if frame[off] & 0x04 else 0
    off += size
    for _ in range(4):
        if not follows:
            break
        if off >= end or not frame[off] or off + frame[off] * 4 > end:
            return None
        off += frame[off] * 4
        follows = frame[off - 1]
    if follows or off >= end:
        return None
    return {4: parse_ipv4, 6: parse_ipv6}.get(frame[off] >> 4, lambda *a: None)(
        frame, off, end)


def ip_kind(ip, types):
    """'2-tuple', '4-tuple', 'spi' or None: first row of the table that applies."""
    v = f"ipv{ip.version}"
    plain = {v, "ipv6-ex"} if ip.version == 6 else {v}
    if ip.fragment:
        return "2-tuple" if types & (plain | {v + "-frag"}) else None
    if ip.proto in (TCP, UDP, SCTP):
        name = v + {TCP: "-tcp", UDP: "-udp", SCTP: "-sctp"}[ip.proto]
        if types & {name, name + "-ex"}:
            return "4-tuple"
    elif ip.proto is not None:
        if (ip.proto == ESP and "esp" in types) or (ip.proto == AH and "ah" in types):
            return "spi"
        if v + "-other" in types:
            return "2-tuple"
    return "2-tuple" if types & plain else None


def address_input(ip, kind, cfg):
    """Source and destination address after _EX and modifiers."""
    src, dst = ip.src, ip.dst
    if ip.version == 6:
        ex = {"2-tuple": "ipv6-ex", "4-tuple": {
            TCP: "ipv6-tcp-ex", UDP: "ipv6-udp-ex"}.get(ip.proto)}.get(kind)
        if ex in cfg.types:
            src, dst = ip.home or src, ip.route or dst
        bits = [int(m[6:]) for m in cfg.modifiers if m.startswith("l3-pre")]
        if bits:
            keep = min(bits) // 8
            src, dst = (a[:keep] + bytes(16 - keep) for a in (src, dst))
    return one_only(src, dst, "l3", cfg)


def one_only(src, dst, level, cfg):
    """Apply the SRC_ONLY and DST_ONLY modifiers of a level."""
    src_only = f"{level}-src-only" in cfg.modifiers
    dst_only = f"{level}-dst-only" in cfg.modifiers
    if src_only and not dst_only:
        dst = bytes(len(dst))
    if dst_only and not src_only:
        src = bytes(len(src))
    return src, dst


def symmetric(pair, algo):
    """A pair of fields as the algorithm sees it."""
    src, dst = pair
    if algo == "symmetric":
        both = bytes(a ^ b for a, b in zip(src, dst))
        return both, both
    if algo == "symmetric-sort" and src > dst:
        return dst, src
    return src, dst


def hash_input(frame, tags, ether_type, ip, kind, cfg):
    """The bytes that are hashed, as the algorithm sees them."""
    if kind == "vlan":
        s, c = svlan_cvlan(tags)
        s = s.vid if s and "s-vlan" in cfg.types else 0
        c = c.vid if c and "c-vlan" in cfg.types else 0
        return s.to_bytes(2, "big") + c.to_bytes(2, "big")
    if kind == "mac":
        pair = one_only(frame[6:12], frame[0:6], "l2", cfg)
        return b"".join(symmetric(pair, cfg.algo))
    if kind == "ethertype":
        return ether_type.to_bytes(2, "big")
    data = b"".join(symmetric(address_input(ip, kind, cfg), cfg.algo))
    if kind == "4-tuple":
        ports = one_only(frame[ip.l4:ip.l4 + 2], frame[ip.l4 + 2:ip.l4 + 4], "l4", cfg)
        data += b"".join(symmetric(ports, cfg.algo))
    elif kind == "spi":
        at = ip.l4 + (4 if ip.proto == AH else 0)
        data += frame[at:at + 4]
    return data


def svlan_cvlan(tags):
    if len(tags) == 2:
        return tags[0], tags[1]
    if tags and tags[0].tpid == 0x88a8:
        return tags[0], None
    return None, tags[0] if tags else None


def choose_kind(frame, tags, ip, types):
    kind = ip_kind(ip, types) if ip else None
    if kind:
        return kind
    s, c = svlan_cvlan(tags)
    if (s and "s-vlan" in types) or (c and "c-vlan" in types):
        return "vlan"
    if "eth" in types:
        return "mac"
    return "ethertype" if not ip and "l2-payload" in types else None


def classify(frame, cfg):
    """What a port configured as cfg must do with the frame (all its tags in the data)."""
    frame = bytes(frame)
    none = Verdict(False, 0, cfg.reta[0], "none")
    ether = parse_ether(frame, 0, len(frame))
    if ether is None:
        return none
    tags, ether_type, off = ether
    ip = parse_ip(frame, off, len(frame), ether_type)
    if cfg.inner:
        for _ in range(2):
            inside = open_tunnel(frame, ip) if ip and not ip.fragment else None
            if inside is None:
                break
            ip = inside
    kind = choose_kind(frame, tags, ip, cfg.types)
    if kind is None:
        return none
    data = hash_input(frame, tags, ether_type, ip, kind, cfg)
    value = xor_words(data) if cfg.algo == "xor" else toeplitz(cfg.key, data)
    return Verdict(True, value, cfg.reta[value & (RETA_SIZE - 1)], kind)
