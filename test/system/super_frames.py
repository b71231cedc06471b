# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Super-frames and the packets that they stand for, made and taken apart without the driver."""
import struct

from netns import KERNEL

NEEDS_CSUM = 1
GSO = {(True, 4): 1, (True, 6): 4, (False, 4): 5, (False, 6): 5}
VNET = struct.Struct("=BBHHHH")
# The kernel takes super-frames of UDP.
USO = KERNEL >= (6, 2)


def checksum(data, start=0):
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def super_frame(rng, segments, mss=None, tcp=None, version=None, tags=None, odd=True):
    """A random super-frame and its vnet header; if not odd, without anything that keeps the
    driver from joining its packets again."""
    tcp = (rng.random() < 0.7 or not USO) if tcp is None else tcp
    version = rng.choice((4, 6)) if version is None else version
    mss = rng.randrange(100, 1400) if mss is None else mss
    tags = rng.choice((0, 0, 0, 1, 2, 3)) if tags is None else tags
    payload = rng.randbytes((segments - 1) * mss + rng.randrange(1, mss + 1))
    if tcp:
        options = b"\1\1\x08\x0a" + rng.randbytes(8) if rng.random() < 0.7 else b""
        flags = 0x10 | (rng.choice((0, 8, 1, 9, 0x80, 0x40, 0x20)) if odd else 0)
        reserved = rng.choice((0, 0, 0, 1, 8, 14))
        l4 = bytearray(struct.pack(">HHIIBBHHH", 1000 + rng.randrange(50), 2000, rng.getrandbits(32),
                                   rng.getrandbits(32), (5 + len(options) // 4) << 4 | reserved, flags,
                                   rng.getrandbits(16), 0, 7 if flags & 0x20 else 0)) + options
    else:
        l4 = bytearray(struct.pack(">HHHH", 1000, 2000, 8 + len(payload), 0))
    length = len(l4) + len(payload)
    if version == 4:
        addresses = bytes((10, 0, 0, 1, 10, 0, 0, rng.randrange(2, 9)))
        extra = b"\x94\4\0\0" if odd and rng.random() < 0.2 else b""
        ip = bytearray(struct.pack(">BBHHHBBH", 0x45 + len(extra) // 4, rng.randrange(256),
                                   20 + len(extra) + length, rng.getrandbits(16), 0x4000, 64,
                                   6 if tcp else 17, 0)) + addresses + extra
        ip[10:12] = struct.pack(">H", 0xffff ^ checksum(bytes(ip)))
    else:
        addresses = bytes.fromhex("fd00") + bytes(13) + b"\1" + bytes.fromhex("fd00") + bytes(13) + b"\2"
        upper = 6 if tcp else 17
        extra = bytes((upper, 0, 1, 4, 0, 0, 0, 0)) if odd and rng.random() < 0.2 else b""   # destination options
        ip = struct.pack(">IHBB", 0x60000000 | rng.getrandbits(28), length + len(extra),
                         60 if extra else upper, 64) + addresses + extra
    field = 16 if tcp else 6
    l4[field:field + 2] = struct.pack(">H", checksum(addresses, length + (6 if tcp else 17)))
    l2 = bytes.fromhex("020000000002020000000001")
    l2 += b"".join(struct.pack(">HH", 0x8100, rng.getrandbits(12)) for _ in range(tags))
    l2 += struct.pack(">H", 0x0800 if version == 4 else 0x86dd)
    start = len(l2) + len(ip)
    gso = GSO[tcp, version]
    if tcp and l4[13] & 0x80:
        gso |= 0x80     # ECN: CWR in the first segment alone
    vnet = VNET.pack(NEEDS_CSUM, gso, start + len(l4), mss, start, field)
    return vnet + l2 + bytes(ip) + bytes(l4) + payload


def split(vnet, frame):
    """The packets that a frame of the kernel stands for, with all checksums in them."""
    flags, gso, _, mss, start, field = vnet
    if not flags & NEEDS_CSUM:
        assert gso == 0
        return [frame]
    if gso == 0:
        total = checksum(frame[start:]) ^ 0xffff
        at = start + field
        return [frame[:at] + struct.pack(">H", total or 0xffff) + frame[at + 2:]]
    tcp = gso & 0x7f != 5
    first = start + ((frame[start + 12] >> 4) * 4 if tcp else 8)
    payload = frame[first:]
    count = -(-len(payload) // mss)
    return [_segment(bytearray(frame[:first]), payload[i * mss:(i + 1) * mss], i, i * mss, i == count - 1,
                     start, field, tcp) for i in range(count)]


def _segment(head, part, number, offset, last, start, field, tcp):
    """A packet of a super-frame: its headers, changed as its place asks for, and its payload."""
    l3 = 14
    while head[l3 - 2:l3] in (b"\x81\0", b"\x88\xa8"):
        l3 += 4
    length = len(head) + len(part)
    if head[l3] >> 4 == 4:
        ident = struct.unpack_from(">H", head, l3 + 4)[0] + number
        struct.pack_into(">HH", head, l3 + 2, length - l3, ident & 0xffff)
        struct.pack_into(">H", head, l3 + 10, 0)
        struct.pack_into(">H", head, l3 + 10, 0xffff ^ checksum(bytes(head[l3:l3 + (head[l3] & 15) * 4])))
        addresses = bytes(head[l3 + 12:l3 + 20])
    else:
        struct.pack_into(">H", head, l3 + 4, length - l3 - 40)
        addresses = bytes(head[l3 + 8:l3 + 40])
    if tcp:
        seq = struct.unpack_from(">I", head, start + 4)[0] + offset
        struct.pack_into(">I", head, start + 4, seq & 0xffffffff)
        if not last:
            head[start + 13] &= ~9      # FIN, PSH
        if number:
            head[start + 13] &= ~0x80   # CWR
    else:
        struct.pack_into(">H", head, start + 4, length - start)
    struct.pack_into(">H", head, start + field, 0)
    total = checksum(bytes(head[start:]) + part, checksum(addresses, length - start + (6 if tcp else 17)))
    struct.pack_into(">H", head, start + field, (total ^ 0xffff) or (0 if tcp else 0xffff))
    return bytes(head) + part


def packets_of(data):
    """The same of a frame behind its vnet header."""
    return split(VNET.unpack_from(data), data[VNET.size:])


def segments(rng, count, mss, corrupt=(), **kw):
    """Single packets of a TCP flow with all checksums in them, those in corrupt wrong."""
    data = super_frame(rng, count, mss, tcp=True, tags=0, odd=False, **kw)
    packets = packets_of(data)
    start = VNET.unpack_from(data)[4]
    for i in corrupt:
        packets[i] = damaged(packets[i], start + 16)
    return packets


def damaged(packet, at):
    """With another byte at a place."""
    return packet[:at] + bytes((packet[at] ^ 1,)) + packet[at + 1:]


def plain(packets):
    return [bytes(VNET.size) + packet for packet in packets]
