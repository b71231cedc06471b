# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""remote=: a port that captures from one end of a veth pair and transmits out of it.

Frames are sent and received at the other end, wire0. Each test runs for both ways to attach.
"""
import random
import re
import socket
import struct
import subprocess
import time

import frames
import pytest
from conftest import need_bpf
from hook import hook_plugin
from netns import KERNEL, Netns
from pair import Pair, receive
from port import Port
from rss_model import RssConfig
from rules import Rules
from super_frames import VNET, packets_of, super_frame
from test_lifetime import refusal, without
from test_mtu import single
from test_rss import apply, spread
from testpmd import QUIET, Testpmd

REMOTE, WIRE = "remote0", "wire0"
REMOTE_MAC, HOST, PEER = "02:00:00:00:00:11", "10.7.0.1", "10.7.0.2"
OTHER_MAC, GROUP_MAC, GROUP6_MAC = "02:00:00:00:00:77", "01:00:5e:00:00:fb", "33:33:00:00:00:fb"
BROADCAST = "ff:ff:ff:ff:ff:ff"
PORT = 7777
WAYS = {"tcx": (), "clsact": ("env", "NET_TAP_NO_TCX=1")}
OTHER = ("tc", "filter", "add", "dev", REMOTE, "ingress", "prio", "10", "bpf", "bytecode",
         "1,6 0 0 0", "flowid", "1:1")


def veth(ns):
    ns.batch([f"link add {REMOTE} address {REMOTE_MAC} type veth peer name {WIRE}",
              f"link set {WIRE} up", f"link set {REMOTE} up", f"addr add {HOST}/24 dev {REMOTE}"])


def need_way(way):
    need_bpf()
    if way == "tcx" and KERNEL < (6, 6):
        pytest.skip("the kernel has no tcx (before 6.6)")


def sees_end(way):
    """Do packets pass when the process was killed? A filter has to see that the tap has gone."""
    return way == "tcx" or KERNEL >= (5, 12)


def check_way(pmd, way):
    need = {"tcx": "tcx link", "clsact": "clsact filter"}[way]
    found = re.search(r"remote=\S+ is captured by a (.*)", pmd.log)
    assert found, pmd.log
    assert found[1] == need


def open_remote(way, devargs="", **kw):
    need_way(way)
    args = ",".join(filter(None, (f"remote={REMOTE}", devargs)))
    opened = Port(args, prepare=veth, wire=WIRE, wrap=WAYS[way], eal=["-d", str(hook_plugin())], **kw)
    try:
        check_way(opened.pmd, way)
    except BaseException:
        opened.close()
        raise
    return opened


@pytest.fixture(params=WAYS)
def way(request):
    need_way(request.param)
    return request.param


@pytest.fixture(scope="module", params=WAYS)
def port(request):
    with open_remote(request.param) as opened:
        yield opened


def to(mac):
    """A frame to this address."""
    return bytes.fromhex(mac.replace(":", "")) + frames.flows(1)[0][6:]


def arrive(port, macs):
    """Those of the addresses to which a frame gets to the port."""
    port.exchange([to(REMOTE_MAC)])     # a burst that began before the last change is over with this
    result = port.sample([to(mac) for mac in macs])
    return [mac for mac, (_, packets) in zip(macs, result) if packets]


def datagram():
    """A frame for the host's own UDP socket behind the remote netdev."""
    udp = struct.pack(">HHHH", 1, PORT, 12, 0) + b"host"
    ip = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0))
    ip += socket.inet_aton(PEER) + socket.inet_aton(HOST)
    total = sum(struct.unpack(">10H", ip))
    ip[10:12] = struct.pack(">H", 0xffff ^ ((total & 0xffff) + (total >> 16)))
    return bytes.fromhex(REMOTE_MAC.replace(":", "") + "020000000001" + "0800") + bytes(ip) + udp


def host_receives(ns):
    """Does a datagram on the wire get to the host?"""
    with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, ns.packet_socket(WIRE) as wire:
        sock.bind((HOST, PORT))
        sock.settimeout(0.5 * QUIET)
        wire.send(datagram())
        try:
            return sock.recv(100) == b"host"
        except TimeoutError:
            return False


def filters(ns, dev=REMOTE):
    return ns.run("tc", "filter", "show", "dev", dev, "ingress", check=False)


def qdiscs(ns):
    return ns.run("tc", "qdisc", "show", "dev", REMOTE)


# What arrives

def test_every_shape_gets_the_queue_and_hash_of_the_model(port):
    """VLAN tags and all else that a frame has get through, and RSS sees them."""
    apply(port, spread())
    port.check(frames.corpus(), spread())


def test_flows_are_placed_by_key_and_table(port):
    apply(port, spread())
    port.check(dict(enumerate(frames.flows(80))), spread())
    reta = [3 - i % 4 for i in range(512)]
    port.pmd.set_reta(reta)
    port.check(dict(enumerate(frames.flows(80))), RssConfig(reta=reta))


def test_flow_rules_apply(port):
    apply(port, spread())
    rules = Rules(port.pmd)
    rules.create_all([("eth / ipv4 / udp", "queue index 3"), ("eth / ipv6 / tcp", "drop")])
    seen = {"queue": 0, "drop": 0}
    for frame, packets in port.sample(frames.flows(40), settle=1):
        if frame[12:14] == b"\x08\x00" and frame[23] == 17:
            assert [packet.queue for packet in packets] == [3]
            seen["queue"] += 1
        elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
            assert not packets
            seen["drop"] += 1
        else:
            assert len(packets) == 1
    assert min(seen.values()) > 5
    rules.flush()


@pytest.mark.parametrize("mode", ["basic", "soft"])
def test_rss_in_software_sees_the_same(mode, way):
    with open_remote(way, f"rss={mode}") as port:
        apply(port, spread())
        port.check(dict(enumerate(frames.flows(40))), spread())


# Which addresses

def promiscuity(port):
    return int(re.search(r"promiscuity (\d+)", port.ns.run("ip", "-d", "link", "show", REMOTE))[1])


def test_addresses_decide_what_is_captured(port):
    """What the port does not accept is not redirected in the first place."""
    macs = [REMOTE_MAC, OTHER_MAC, GROUP_MAC, GROUP6_MAC, BROADCAST]
    pmd = port.pmd
    pmd.cmd("set promisc 0 on")
    assert arrive(port, macs) == macs
    assert promiscuity(port) == 1
    pmd.cmd("set promisc 0 off\nset allmulti 0 off")
    assert promiscuity(port) == 0
    before = pmd.xstats()
    assert arrive(port, macs) == [REMOTE_MAC, BROADCAST]
    pmd.cmd("set allmulti 0 on")
    assert arrive(port, macs) == [REMOTE_MAC, GROUP_MAC, GROUP6_MAC, BROADCAST]
    pmd.cmd(f"set allmulti 0 off\nmac_addr add 0 {OTHER_MAC}\nmcast_addr add 0 {GROUP_MAC}")
    assert arrive(port, macs) == [REMOTE_MAC, OTHER_MAC, GROUP_MAC, BROADCAST]
    assert GROUP_MAC in port.ns.run("ip", "maddr", "show", "dev", REMOTE)
    pmd.cmd(f"mac_addr remove 0 {OTHER_MAC}\nmcast_addr remove 0 {GROUP_MAC}")
    assert arrive(port, macs) == [REMOTE_MAC, BROADCAST]
    after = pmd.xstats()
    assert [after[f"rx_q{q}_filtered"] for q in range(4)] == \
        [before[f"rx_q{q}_filtered"] for q in range(4)]
    pmd.cmd("set promisc 0 on")


def test_another_main_address_takes_the_place_of_the_first(way):
    with open_remote(way) as port:
        port.pmd.cmd("set promisc 0 off\nset allmulti 0 off")
        assert arrive(port, [REMOTE_MAC, OTHER_MAC]) == [REMOTE_MAC]
        port.pmd.cmd(f"mac_addr set 0 {OTHER_MAC}")
        result = port.sample([to(OTHER_MAC), to(REMOTE_MAC)])
        assert [len(packets) for _, packets in result] == [1, 0]
        assert REMOTE_MAC in port.ns.run("ip", "link", "show", REMOTE)


def test_mac_address_and_mtu_are_those_of_the_remote(port):
    assert port.pmd.mac() == REMOTE_MAC
    assert REMOTE_MAC in port.ns.run("ip", "link", "show", port.iface)
    port.pmd.cmd("port config mtu 0 1400")
    for dev in (REMOTE, port.iface):
        assert "mtu 1400 " in port.ns.run("ip", "link", "show", dev)
    port.pmd.cmd("port config mtu 0 1500")


# What is sent

def test_what_the_port_transmits_leaves_the_remote(way):
    """Byte for byte, super-frames and VLAN tags included; nothing comes twice."""
    rng = random.Random(5)
    with open_remote(way, "gro=0", forward="io", rxq=1, burst=64) as port:
        port.pmd.cmd("set verbose 0")
        wire = Pair.packet_socket(port.ns, WIRE)
        for _ in range(4):
            want = []
            for _ in range(12):
                data = b"".join(single(rng, rng.randrange(60, 1500)))
                if rng.random() < 0.5:
                    data = super_frame(rng, rng.randrange(2, 20))
                wire.send(data)
                want += packets_of(data)
            got = [frame for _, frame in receive(wire, 0.5)]
            assert len(got) == len(want)
            for number, (a, b) in enumerate(zip(want, got)):
                assert a == b, f"packet {number} of {len(want)}"
        assert port.pmd.xstats()["rx_q0_super_frames"] > 0
        wire.close()


def test_super_frames_leave_as_such(way):
    """With gro a super-frame that came in is cut, joined and sent as one again."""
    rng = random.Random(6)
    with open_remote(way, forward="io", rxq=1, burst=64) as port:
        wire = Pair.packet_socket(port.ns, WIRE)
        data = super_frame(rng, 10, mss=1000, tcp=True, version=4, tags=0, odd=False)
        wire.send(data)
        got = receive(wire, 0.5)
        assert len(got) == 1 and got[0][0][1] == 1
        assert len(got[0][1]) == len(data) - VNET.size
        wire.close()


# Life time

def test_a_stopped_port_leaves_traffic_to_the_host(way):
    with open_remote(way) as port:
        assert not host_receives(port.ns)
        port.pmd.cmd("stop\nport stop 0")
        assert host_receives(port.ns)
        port.pmd.cmd("port start 0\nstart")
        port.ns.run("ip", "link", "set", port.iface, "up")
        assert not host_receives(port.ns)
        assert arrive(port, [REMOTE_MAC]) == [REMOTE_MAC]


def test_close_leaves_nothing(way):
    with open_remote(way) as port:
        port.pmd.close()
        assert filters(port.ns) == "" and "clsact" not in qdiscs(port.ns)
        assert promiscuity(port) == 0
        assert host_receives(port.ns)


def test_a_netdev_that_was_down_is_down_again(way):
    with Netns() as ns:
        veth(ns)
        ns.run("ip", "link", "set", REMOTE, "down")
        with Testpmd(ns, f"net_tap0,iface=tap0,remote={REMOTE}", wrap=WAYS[way]) as pmd:
            check_way(pmd, way)
            assert "UP" in ns.run("ip", "link", "show", REMOTE)
        assert ",UP" not in ns.run("ip", "link", "show", REMOTE)


def test_after_kill_9_nothing_redirects_and_the_next_start_captures(way):
    with open_remote(way) as port:
        assert not host_receives(port.ns)
        port.pmd.kill()
        assert host_receives(port.ns) == sees_end(way)
        assert promiscuity(port) == 0
        assert ("tap_remote_in" in filters(port.ns)) == (way == "clsact")
        port.pmd = Testpmd(port.ns, f"net_tap0,iface={port.iface},remote={REMOTE}", wrap=WAYS[way])
        port.ns.run("ip", "link", "set", port.iface, "up")
        assert filters(port.ns).count("handle 0x") == (way == "clsact")
        assert arrive(port, [REMOTE_MAC]) == [REMOTE_MAC]
        assert not host_receives(port.ns)


def test_a_persistent_tap_of_a_killed_process_is_cleaned():
    """Also for a port without remote; else what it transmits would go astray."""
    need_bpf()
    with open_remote("clsact", "persist=1") as port:
        port.pmd.kill()
        assert "tap_remote_out" in filters(port.ns, port.iface)
        port.pmd = Testpmd(port.ns, f"net_tap0,iface={port.iface}")
        assert filters(port.ns, port.iface) == ""


def test_programs_of_others_stay(way):
    """Before ours or after, on a qdisc of theirs or on ours."""
    def prepare(ns):
        veth(ns)
        ns.run("tc", "qdisc", "add", "dev", REMOTE, "clsact")
        ns.run(*OTHER)
    with Port(f"remote={REMOTE}", prepare=prepare, wire=WIRE, wrap=WAYS[way]) as port:
        check_way(port.pmd, way)
        assert arrive(port, [REMOTE_MAC]) == [REMOTE_MAC]
        port.pmd.close()
        assert filters(port.ns).count("handle 0x") == 1 and "bytecode" in filters(port.ns)


def test_a_qdisc_that_others_use_by_now_stays():
    with open_remote("clsact") as port:
        port.ns.run(*OTHER)
        port.pmd.close()
        assert filters(port.ns).count("handle 0x") == 1 and "bytecode" in filters(port.ns)


def test_the_remote_may_go_before_the_port(way):
    with open_remote(way) as port:
        port.ns.run("ip", "link", "del", REMOTE)
        time.sleep(0.1)
        port.pmd.cmd("stop\nport stop 0")
        port.pmd.close()
        assert port.pmd.proc.returncode == 0
        assert port.ns.links() == {"lo"}


# Errors

@pytest.mark.parametrize("args,words", [
    ("remote=nosuch0", r"remote=nosuch0: there is no such netdev"),
    ("remote=tap0", r"remote=tap0 is the port's own tap"),
    ("remote=lo", r"remote=lo has no MAC address"),
    (f"remote={REMOTE},mac=fixed", r"mac and remote exclude each other"),
    ("remote=a/b", r'argument remote: "a/b" is not allowed'),
])
def test_a_wrong_remote_is_refused_in_words(args, words):
    with Netns() as ns:
        veth(ns)
        log = refusal(ns, f"net_tap0,iface=tap0,{args}")
        assert re.search(words, log), log
        assert "tap0" not in ns.links()


def test_a_second_port_with_the_same_remote_is_refused(way):
    """In the process of the first one and in others, until that one is closed."""
    second = f"net_tap1,iface=tap1,remote={REMOTE}"
    with open_remote(way) as port:
        said = port.pmd.cmd(f"port attach {second}")
        assert "captured by port net_tap0 already" in "\n".join(said) + port.pmd.log
        # Of testpmd itself: what runs it has become it.
        assert f"captured by a port of process {port.pmd.proc.pid} already" in refusal(port.ns, second)
        assert arrive(port, [REMOTE_MAC]) == [REMOTE_MAC]
        port.pmd.close()
        with Testpmd(port.ns, second, wrap=WAYS[way]) as pmd:
            check_way(pmd, way)


CLAIM = r"""
import socket, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.bind("\0net_tap.remote." + sys.argv[1])
sock.listen()
print("listens", flush=True)
time.sleep(600)
"""


def test_a_claim_of_a_stranger_is_not_heeded():
    need_bpf()
    with Netns() as ns:
        veth(ns)
        index = ns.run("ip", "-o", "link", "show", REMOTE).split(":")[0]
        claim = subprocess.Popen([*ns.exec_argv, "setpriv", "--reuid=nobody", "--clear-groups",
                                  "/usr/bin/python3", "-c", CLAIM, index], stdout=subprocess.PIPE, text=True)
        try:
            assert claim.stdout.readline() == "listens\n"
            with Testpmd(ns, f"net_tap0,iface=tap0,remote={REMOTE}") as pmd:
                assert re.search(rf"remote={REMOTE} is claimed by process {claim.pid} of user \d+, which is not "
                                 "heeded", pmd.log), pmd.log
        finally:
            claim.kill()
            claim.wait()


def test_a_remote_with_a_longer_mtu_than_the_application_wants_is_warned_of():
    need_bpf()

    def prepare(ns):
        veth(ns)
        ns.batch([f"link set {dev} mtu 9000" for dev in (REMOTE, WIRE)])
    with Port(f"remote={REMOTE}", prepare=prepare, wire=WIRE, args=["--max-pkt-len=1522"]) as port:
        assert f"remote={REMOTE} has MTU 9000, the port 1500: longer frames may be lost" in port.pmd.log
        assert arrive(port, [REMOTE_MAC]) == [REMOTE_MAC]


def test_without_bpf_capabilities_the_refusal_names_them():
    with Netns() as ns:
        veth(ns)
        log = refusal(ns, f"net_tap0,iface=tap0,remote={REMOTE}", without("bpf", "perfmon", "sys_admin"))
        assert re.search(rf"remote={REMOTE} cannot be had: .*CAP_BPF", log), log


def test_without_net_raw_it_captures_and_warns():
    need_bpf()
    with Port(f"remote={REMOTE}", prepare=veth, wire=WIRE, wrap=without("net_raw")) as port:
        assert "CAP_NET_RAW" in port.pmd.log
        assert arrive(port, [REMOTE_MAC, OTHER_MAC]) == [REMOTE_MAC, OTHER_MAC]
