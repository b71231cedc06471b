# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Link events, removal, and moves of the netdev to other network namespaces while a port runs."""
import re
from pathlib import Path

import frames
import pytest
from held import settled
from netns import Netns
from port import Port
from testpmd import Testpmd

LSC, RMV = "link state change event", "device removal event"


def events(pmd, kind=LSC):
    pmd.pump(0)
    return sum(line == f"Port 0: {kind}" for line in pmd.lines)


def link(pmd):
    return re.search(r"Link status: (\w+)", pmd.cmd("show port info 0"))[1]


def told(pmd, change, kind=LSC):
    """Does a change give exactly one event, soon?"""
    before = events(pmd, kind)
    change()
    pmd.wait(lambda: events(pmd, kind) > before, 5)
    pmd.wait(lambda: False, 0.2)
    return events(pmd, kind) == before + 1


def arrives(port, ns):
    """Do all frames arrive that a socket sends into the netdev where it is now?"""
    port.sock.close()
    port.sock = ns.packet_socket(port.iface)
    return all(len(packets) == 1 for _, packets in port.exchange(frames.flows(40)))


@pytest.fixture(scope="module")
def shared():
    with Port() as port:
        yield port


@pytest.fixture
def moved():
    """A port whose netdev is in another namespace, up and at an index that was taken at home."""
    with Port() as port, Netns() as there:
        there.run("ip", "link", "add", "other0", "index", index_of(port.ns), "type", "bridge")
        move(port.ns, there)
        yield port, there


def index_of(ns, iface="tap0"):
    return int(ns.run("cat", f"/sys/class/net/{iface}/ifindex"))


def move(here, there, iface="tap0"):
    here.run("ip", "link", "set", iface, "netns", there.name)
    there.run("ip", "link", "set", iface, "up")


def attributes(ns, iface="tap0"):
    return ns.run("ip", "link", "show", iface)


# Events

@pytest.mark.parametrize("off,on", [("down", "up"), ("carrier off", "carrier on")])
def test_each_change_of_the_kernel_gives_one_event_and_the_state_is_right(shared, off, on):
    pmd, ns = shared.pmd, shared.ns
    for words, state in ((off, "down"), (on, "up"), (off, "down"), (on, "up")):
        assert told(pmd, lambda w=words: ns.run("ip", "link", "set", "tap0", *w.split()))
        assert link(pmd) == state


def test_link_down_and_up_by_the_application_give_events_as_well(shared):
    for state in ("down", "up"):
        assert told(shared.pmd, lambda s=state: shared.pmd.cmd(f"set link-{s} port 0"))
        assert link(shared.pmd) == state


def test_what_is_no_change_of_the_link_gives_no_event(shared):
    before = events(shared.pmd)
    shared.ns.run("ip", "link", "set", "tap0", "mtu", 1400)
    shared.ns.run("ip", "link", "add", "noise0", "type", "bridge")
    shared.ns.run("ip", "link", "del", "noise0")
    shared.pmd.wait(lambda: False, 0.3)
    assert events(shared.pmd) == before


def test_a_port_that_was_stopped_and_started_tells_again(shared):
    for command in ("stop", "port stop 0", "port start 0", "start"):
        shared.pmd.cmd(command)
    assert link(shared.pmd) == "up"
    for state in ("down", "up"):
        assert told(shared.pmd, lambda s=state: shared.ns.run("ip", "link", "set", "tap0", s))


def test_without_events_the_state_is_asked_for():
    with Port(args=("--no-lsc-interrupt", "--no-rmv-interrupt")) as port:
        for state in ("down", "up"):
            port.ns.run("ip", "link", "set", "tap0", state)
            assert link(port.pmd) == state
        assert not events(port.pmd)


def test_a_port_that_is_stopped_and_started_leaves_no_descriptors():
    with Netns() as ns, Testpmd(ns, "net_tap0,iface=tap0") as pmd:
        folder = Path(f"/proc/{pmd.proc.pid}/fd")
        before = len(list(folder.iterdir()))
        for command in ("stop", "port stop 0", "port start 0", "start"):
            pmd.cmd(command)
        assert len(list(folder.iterdir())) == before


def test_removal_of_the_netdev_is_told_once_and_the_port_can_be_closed():
    with Port() as port:
        pmd = port.pmd
        # testpmd closes and detaches the port by itself then.
        assert told(pmd, lambda: port.ns.run("ip", "link", "del", "tap0"), RMV)
        assert settled(lambda: "Invalid port 0" in pmd.cmd("show port info 0"))
        assert pmd.log.count("the netdev was removed") == 1
        assert "Port 0 is attached" in pmd.cmd("port attach net_tap1,iface=tap0")


# Moves

def test_the_data_path_does_not_notice_a_move(moved):
    port, there = moved
    assert arrives(port, there)


def test_after_a_move_the_port_is_configured_as_before_it(moved):
    port, there = moved
    pmd = port.pmd
    pmd.cmd("port config mtu 0 1400")
    assert "mtu 1400" in attributes(there)
    pmd.cmd("mac_addr set 0 02:00:00:00:00:77")
    assert "02:00:00:00:00:77" in attributes(there)
    for state, shown in (("down", "MULTICAST>"), ("up", "MULTICAST,UP,LOWER_UP>")):
        pmd.cmd(f"set link-{state} port 0")
        assert shown in attributes(there)
        assert link(pmd) == state
    assert pmd.log.count("has moved to another network namespace") == 1
    assert str(index_of(there)) != there.run("cat", "/sys/class/net/other0/ifindex").strip()
    assert "mtu 1500" in attributes(there, "other0")


def test_after_a_move_link_events_come_from_there(moved):
    port, there = moved
    assert settled(lambda: link(port.pmd) == "up")
    for state in ("down", "up"):
        assert told(port.pmd, lambda s=state: there.run("ip", "link", "set", "tap0", s))
        assert link(port.pmd) == state


def test_after_a_move_drops_are_counted(moved):
    port, there = moved
    port.pmd.cmd("stop")
    sock = there.packet_socket("tap0")
    frame = frames.flows(1)[0]
    for _ in range(3000):   # of one flow: one queue, of 1024 packets
        sock.send(frame)
    sock.close()
    assert port.pmd.stats()["RX-missed"] > 0


def test_after_a_move_queues_are_added_there(moved):
    port, there = moved
    for command in ("stop", "port stop 0", "port config all rxq 6", "port config all txq 6",
                    "port start 0", "start"):
        port.pmd.cmd(command)
    assert "tap0" not in port.ns.links()
    assert "numqueues 6" in there.run("ip", "-d", "link", "show", "tap0")
    assert arrives(port, there)


def test_there_and_back_again(moved):
    port, there = moved
    port.pmd.cmd("port config mtu 0 1400")
    move(there, port.ns)
    port.pmd.cmd("port config mtu 0 1300")
    assert "mtu 1300" in attributes(port.ns)
    assert arrives(port, port.ns)


def test_a_renamed_netdev_gets_more_queues_under_its_new_name(shared):
    shared.ns.run("ip", "link", "set", "tap0", "down")
    shared.ns.run("ip", "link", "set", "tap0", "name", "new0")
    for command in ("stop", "port stop 0", "port config all rxq 5", "port config all txq 5",
                    "port start 0", "start"):
        shared.pmd.cmd(command)
    assert shared.ns.links() == {"lo", "new0"}


def test_a_move_that_may_not_be_followed_is_explained_once():
    wrap = ("setpriv", "--bounding-set", "-sys_admin")
    with Port(wrap=wrap) as port, Netns() as there:
        move(port.ns, there)
        for mtu in (1400, 1300):
            port.pmd.cmd(f"port config mtu 0 {mtu}")
            port.pmd.stats()
        assert len(re.findall(r"another network namespace.*CAP_SYS_ADMIN", port.pmd.log)) == 1
        assert link(port.pmd) == "down"
        assert arrives(port, there)
