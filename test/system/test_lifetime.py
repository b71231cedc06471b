# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""From device arguments to close and kill -9; queue counts; privileges; names in use."""
import re

import frames
import pytest
from conftest import BPF_ERROR, DEVARG, RUNG, need_bpf, open_port
from held import all_gone, programs_of, settled
from netns import Netns
from port import Port
from rss_model import RETA_SIZE, RssConfig, classify
from testpmd import Testpmd, TestpmdError


def flows(count=200):
    return {f"flow {i}": frame for i, frame in enumerate(frames.flows(count, seed=11))}


def refusal(ns, vdev, wrap=()):
    """What testpmd says about a vdev that cannot be had."""
    try:
        with Testpmd(ns, vdev, start=False, wrap=wrap) as pmd:
            pmd.wait(lambda: False, 0.05)
            assert "Port 0:" not in pmd.log, "the port came up"
            return pmd.log
    except TestpmdError as error:
        return str(error)


@pytest.fixture(scope="module")
def empty_ns():
    with Netns() as ns:
        yield ns


# Device arguments

@pytest.mark.parametrize("devarg,words", [
    ("rss=fast", ["rss", "fast", "auto", "bpf", "soft"]),
    ("rss=", ["rss", "auto", "bpf", "soft"]),
    ("rss_algo=md5", ["rss_algo", "md5", "toeplitz", "xor", "symmetric", "symmetric-sort"]),
    ("mac=random", ["mac", "random", "fixed"]),
    ("mac=01:00:5e:00:00:01", ["mac", "01:00:5e:00:00:01", "unicast"]),
    ("mac=02:00:00:00:00", ["mac", "fixed"]),
    ("persist=maybe", ["persist", "maybe"]),
    ("ifacename=x", ["ifacename", "iface", "mac", "persist", "rss"]),
    ("iface=a-name-that-is-too-long", ["iface", "a-name-that-is-too-long", "15"]),
    ("iface=a/b", ["iface", "a/b"]),
    ("iface=tap%d", ["iface", "tap%d"]),
])
def test_a_bad_device_argument_is_refused_with_its_name_and_the_allowed_values(
        empty_ns, devarg, words):
    log = refusal(empty_ns, f"net_tap0,{devarg}")
    lines = [line for line in log.splitlines() if all(word in line for word in words)]
    assert lines, log
    assert empty_ns.links() == {"lo"}


def test_fixed_mac_is_the_one_that_it_has_always_been():
    with Port("mac=fixed") as port:
        assert port.pmd.mac() == "02:64:74:61:70:30"
        assert "02:64:74:61:70:30" in port.ns.run("ip", "link", "show", port.iface)


def test_a_given_mac_is_used():
    with Port("mac=02:12:34:56:78:9a") as port:
        assert port.pmd.mac() == "02:12:34:56:78:9a"
        assert "02:12:34:56:78:9a" in port.ns.run("ip", "link", "show", port.iface)


def test_without_iface_the_tap_gets_a_name_of_its_own(empty_ns):
    with Testpmd(empty_ns, "net_tap0", "net_tap1", start=False):
        assert len(empty_ns.links() - {"lo"}) == 2
    assert empty_ns.links() == {"lo"}


def test_the_old_alias_makes_the_same_port(empty_ns):
    with Testpmd(empty_ns, "eth_tap0,iface=alias0", start=False) as pmd:
        assert pmd.rung
        assert "alias0" in empty_ns.links()


def test_device_info_is_true():
    with Port() as port:
        info = port.pmd.cmd("show port info 0")
        for words in ("Driver name: net_tap", "Hash key size in bytes: 40",
                      "Redirection table size: 512", "Max possible RX queues: 256",
                      "Max possible TX queues: 256", "Current number of RX queues: 4"):
            assert words in info, info
        types = set(re.search(r"Supported RSS offload flow types:\n((?:  .*\n)+)", info)[1].split())
        assert {"ipv4", "ipv6-tcp-ex", "esp", "ah", "eth", "l2-payload", "c-vlan", "s-vlan",
                "l3-src-only", "l3-pre96"} <= types


# Names in use

def test_a_name_of_another_kind_of_netdev_is_refused_in_words():
    with Netns() as ns:
        ns.run("ip", "link", "add", "taken0", "type", "veth", "peer", "name", "taken1")
        log = refusal(ns, "net_tap0,iface=taken0")
        assert re.search(r"taken0.*another kind", log), log
        assert "taken0" in ns.links()


def test_a_single_queue_tap_is_refused_in_words():
    with Netns() as ns:
        ns.run("ip", "tuntap", "add", "one0", "mode", "tap")
        assert re.search(r"one0.*single-queue", refusal(ns, "net_tap0,iface=one0"))


def test_a_tun_netdev_is_refused_in_words():
    with Netns() as ns:
        ns.run("ip", "tuntap", "add", "layer3", "mode", "tun", "multi_queue")
        assert re.search(r"layer3.*not a tap", refusal(ns, "net_tap0,iface=layer3"))


# Privileges

def without(*caps):
    return ("setpriv", "--bounding-set", ",".join("-" + cap for cap in caps))


def test_without_net_admin_the_refusal_names_the_capability(empty_ns):
    log = refusal(empty_ns, "net_tap0,iface=tap0", without("net_admin"))
    assert re.search(r"tap0.*CAP_NET_ADMIN", log), log


def test_without_bpf_capabilities_software_takes_over_with_one_line_that_says_why():
    with Port(wrap=without("bpf", "perfmon", "sys_admin")) as port:
        assert port.pmd.rung == 3
        assert port.pmd.log.count("RSS runs") == 1
        assert re.search(r"rung 3 of 3.*CAP_BPF", port.pmd.log), port.pmd.log
        port.pmd.cmd("port config all rss all")
        port.check(frames.corpus(), RssConfig.spread(4))


@pytest.mark.parametrize("caps", [("perfmon", "sys_admin"), ("sys_admin",), ("bpf", "sys_admin")],
                         ids="+".join)
def test_with_some_capabilities_the_placement_is_the_same(caps):
    with Port(wrap=without(*caps)) as port:
        assert port.pmd.log.count("RSS runs") == 1
        port.pmd.cmd("port config all rss all")
        port.check(frames.corpus(), RssConfig.spread(4))


def test_bpf_that_was_insisted_on_and_cannot_be_had_is_refused_in_words(empty_ns):
    log = refusal(empty_ns, "net_tap0,iface=tap0,rss=bpf", without("bpf", "perfmon", "sys_admin"))
    assert re.search(r"rss=bpf.*CAP_BPF", log), log
    assert empty_ns.links() == {"lo"}


def test_a_missing_tun_device_is_named_with_what_helps(empty_ns):
    hide = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    log = refusal(empty_ns, "net_tap0,iface=tap0", hide)
    assert re.search(r"/dev/net/tun is missing.*modprobe tun", log), log


# The end

@pytest.mark.parametrize("mode", RUNG)
def test_close_leaves_nothing(mode):
    with Netns() as ns:
        if mode != "soft":
            need_bpf()
        with Testpmd(ns, f"net_tap0,iface=tap0,{DEVARG[mode] or 'rss=auto'}") as pmd:
            programs = programs_of(pmd.proc.pid)
            assert bool(programs) == (mode != "soft")
            assert "tap0" in ns.links()
        assert ns.links() == {"lo"}
        assert all_gone(programs)


@pytest.mark.parametrize("mode", RUNG)
def test_kill_9_leaves_nothing(mode):
    with Netns() as ns:
        if mode != "soft":
            need_bpf()
        qdiscs = ns.run("tc", "qdisc")
        with Testpmd(ns, f"net_tap0,iface=tap0,{DEVARG[mode] or 'rss=auto'}") as pmd:
            programs = programs_of(pmd.proc.pid)
            pmd.kill()
        assert ns.links() == {"lo"}
        assert ns.run("tc", "qdisc") == qdiscs
        assert all_gone(programs)


def test_no_qdisc_and_no_filter_are_added():
    with Port() as port:
        kinds = set(re.findall(r"qdisc (\S+)", port.ns.run("tc", "qdisc", "show", "dev", "tap0")))
        assert not kinds & {"multiq", "ingress", "clsact"}
        assert port.ns.run("tc", "filter", "show", "dev", "tap0").strip() == ""


@pytest.mark.parametrize("end", ["close", "kill"])
def test_persist_keeps_the_netdev_and_the_next_open_replaces_the_program(end):
    need_bpf()
    with Netns() as ns:
        with Testpmd(ns, "net_tap0,iface=tap0,persist") as pmd:
            first = programs_of(pmd.proc.pid)
            getattr(pmd, end)()
        assert "tap0" in ns.links()
        if end == "close":
            assert all_gone(first), "the program is still attached after close"
        with Testpmd(ns, "net_tap0,iface=tap0,persist") as pmd:
            assert pmd.rung == 1
            assert all_gone(first), "the old program is still attached"
            second = programs_of(pmd.proc.pid)
            assert second
        assert all_gone(second)
        assert "tap0" in ns.links()


@pytest.mark.parametrize("args", [("--disable-rss",), ()], ids=["no RSS", "software"])
def test_a_program_left_by_kill_9_does_not_steer_the_next_process(args):
    need_bpf()
    with Netns() as ns:
        with Testpmd(ns, "net_tap0,iface=tap0,persist") as pmd:
            first = programs_of(pmd.proc.pid)
            pmd.kill()
        with Testpmd(ns, "net_tap0,iface=tap0,persist,rss=soft", args=args):
            assert all_gone(first)


def test_a_persistent_port_places_as_before_when_opened_again():
    with open_port("soft", "persist") as port:
        port.pmd.close()
        port.pmd = Testpmd(port.ns, "net_tap0,iface=tap0,persist")
        port.pmd.cmd("port config all rss all")
        port.check(flows(), RssConfig.spread(4))


def test_ports_come_and_go_while_the_application_runs():
    with Port() as port:
        for _ in range(3):
            answer = port.pmd.cmd("port attach net_tap7,iface=later0")
            assert "Port 1 is attached" in answer and "later0" in port.ns.links()
            for command in ("port close 1", "port detach 1"):
                port.pmd.cmd(command)
            assert "later0" not in port.ns.links()
        assert all(len(packets) == 1 for _, packets in port.exchange(frames.flows(50)))


# Queue counts

@pytest.mark.parametrize("mode", RUNG)
@pytest.mark.parametrize("queues", [1, 2, 3, 16, 64])
def test_so_many_queues(mode, queues):
    with open_port(mode, rxq=queues, mbufs=queues * 256 + 8192) if queues > 1 else Port(
            DEVARG[mode], rxq=1) as port:
        cfg = RssConfig.spread(queues)
        if queues > 1:
            port.pmd.cmd("port config all rss all")
            assert port.pmd.get_reta() == cfg.reta
            port.check(flows(600), cfg)
        else:
            assert all(len(packets) == 1 and packets[0].queue == 0
                       for _, packets in port.exchange(frames.flows(100)))


def test_256_queues():
    with Port(rxq=256, mbufs=60000, eal=("-m", "512")) as port:
        port.pmd.cmd("port config all rss all")
        port.check(flows(600), RssConfig.spread(256))


def test_257_queues_are_refused():
    with Netns() as ns:
        with pytest.raises(TestpmdError, match=r"rxq 257 invalid.*<= 256"):
            with Testpmd(ns, "net_tap0,iface=tap0", rxq=257, start=False, mbufs=60000,
                         eal=("-m", "512")):
                pass


@pytest.mark.parametrize("rxq,txq", [(4, 2), (2, 4), (1, 3), (3, 1)])
def test_rx_and_tx_queue_counts_may_differ(rxq, txq):
    polled = min(rxq, txq)      # testpmd polls no more
    with Port(rxq=rxq, txq=txq) as port:
        info = port.pmd.cmd("show port info 0")
        assert f"Current number of RX queues: {rxq}" in info
        assert f"Current number of TX queues: {txq}" in info
        if rxq == 1:
            assert all(len(packets) == 1 for _, packets in port.exchange(frames.flows(50)))
            return
        port.pmd.cmd("port config all rss all")
        reta = [i % polled for i in range(RETA_SIZE)]
        port.pmd.set_reta(reta)
        if port.pmd.rung == 1:
            port.check(flows(), RssConfig(reta=reta))


# Without RSS

def test_without_rss_the_kernel_distributes_flows():
    with Port(args=("--disable-rss",)) as port:
        programs = programs_of(port.pmd.proc.pid)
        by_flow = {}
        kinds = [frame for frame in frames.flows(64, seed=5) for _ in range(4)]
        for frame, packets in port.exchange(kinds):
            assert len(packets) == 1
            assert packets[0].hash is None
            by_flow.setdefault(frame[12:], set()).add(packets[0].queue)
        assert all(len(queues) == 1 for queues in by_flow.values())
        used = set().union(*by_flow.values())
        assert len(used) == 4
        predicted = [classify(frame, RssConfig.spread(4)).queue for frame in kinds]
        actual = [next(iter(by_flow[frame[12:]])) for frame in kinds]
        assert predicted != actual
        assert not programs or not BPF_ERROR


def test_without_rss_the_rss_calls_do_not_break_the_port():
    with Port(args=("--disable-rss",)) as port:
        port.pmd.cmd("show port 0 rss-hash key")
        port.pmd.cmd("port config all rss all")
        port.pmd.set_reta([0] * RETA_SIZE, only=range(8))
        assert all(len(packets) == 1 for _, packets in port.exchange(frames.flows(50)))


# Link

def test_link_down_and_up_from_the_port_and_from_the_kernel():
    with Port() as port:
        port.pmd.cmd("set link-down port 0")
        assert "state DOWN" in port.ns.run("ip", "link", "show", "tap0")
        assert "Link status: down" in port.pmd.cmd("show port info 0")
        port.pmd.cmd("set link-up port 0")
        assert "UP" in port.ns.run("ip", "-br", "link", "show", "tap0")
        assert "Link status: up" in port.pmd.cmd("show port info 0")
        for state in ("down", "up"):
            port.ns.run("ip", "link", "set", "tap0", state)
            assert settled(lambda s=state: f"Link status: {s}" in port.pmd.cmd("show port info 0"))
