# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Secondary processes that receive and send on the primary's port."""
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import frames
import pytest
from conftest import DEVARG, RUNG, need_bpf
from pair import ETH_P_ALL, PACKET_IGNORE_OUTGOING, SOL_PACKET
from port import Port, compare
from rss_model import GROUPS, RssConfig, classify
from test_tun import TunPort, ether
from test_tun import flows as tun_flows
from testpmd import PATIENCE, Testpmd

HUGE = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
TYPES = GROUPS["ip"]    # what testpmd starts with
EAL = []                # the fixture's
NEED = 160      # pages of 2 MB: what the primary has by -m 256, and some


@pytest.fixture(scope="module", autouse=True)
def hugepages():
    """Memory that processes can share."""
    before = int((HUGE / "nr_hugepages").read_text())
    free = int((HUGE / "free_hugepages").read_text())
    if free < NEED:
        (HUGE / "nr_hugepages").write_text(str(before + NEED - free))
    if int((HUGE / "free_hugepages").read_text()) < NEED:
        (HUGE / "nr_hugepages").write_text(str(before))
        pytest.skip(f"no {NEED} free hugepages of 2 MB, and the kernel has not so many to give")
    mount = tempfile.mkdtemp(prefix="nettap-huge-", dir="/run")
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", mount], check=True)
    EAL[:] = ["--huge-dir", mount]
    yield
    subprocess.run(["umount", mount], check=True)
    os.rmdir(mount)
    (HUGE / "nr_hugepages").write_text(str(before))


def share(queues):
    """testpmd's word for how many processes share the queues: one queue is one process's."""
    return 2 if queues > 1 else 1


@contextmanager
def primary(mode, queues, eal=(), kind=Port):
    """A port whose primary polls the first half of the queues, or none if there is one."""
    if mode != "soft":
        need_bpf()
    with kind(DEVARG[mode], rxq=queues, huge=True, eal=(*EAL, *eal), start=queues > 1,
              args=(f"--num-procs={share(queues)}", "--proc-id=0")) as port:
        assert queues == 1 or port.pmd.rung == RUNG[mode], port.pmd.log
        port.queues = queues
        yield port


def secondary(port, **kw):
    """A process that polls the other half."""
    procs = share(port.queues)
    return Testpmd(port.ns, rxq=port.queues, huge=True, prefix=port.pmd.prefix,
                   eal=("--proc-type=secondary", *EAL),
                   args=(f"--num-procs={procs}", f"--proc-id={procs - 1}"), **kw)


def exchange(port, pmds, shapes):
    """Send frames; (frame, packets) of each, with the packets of all processes."""
    for pmd in pmds:
        pmd.take_packets()
    sent = [port.send(frame) for frame in shapes]
    seen = {number: [] for number, _ in sent}

    def arrived():
        for i, pmd in enumerate(pmds):
            if i:
                pmd.pump(0.05)
            for packet in pmd.take_packets():
                number = port.number_of(packet)
                if number in seen:
                    seen[number].append((i, packet))
        return sum(map(len, seen.values())) >= len(sent)
    pmds[0].wait(arrived, 5)
    return [(frame, seen[number]) for number, frame in sent]


def check(port, pmds, cfg, count=60):
    """Queue and hash as the model says, each queue's packets in the process that polls it."""
    wrong = []
    in_secondary = 0
    for frame, got in exchange(port, pmds, frames.flows(count, seed=3)):
        problem = compare(frame, [packet for _, packet in got], cfg)
        for process, packet in got:
            in_secondary += process
            if port.queues > 1 and process != packet.queue // (port.queues // 2):
                problem = f"queue {packet.queue} polled by process {process}"
        if problem:
            wrong.append(problem)
    assert not wrong, f"{len(wrong)} of {count} differ:\n" + "\n".join(wrong[:10])
    assert in_secondary > (0 if port.queues == 1 else count // 5)
    return in_secondary


@pytest.mark.parametrize("mode, queues", [("bpf", 4), ("bpf", 20), ("soft", 4)])
def test_queues_are_shared(mode, queues):
    """Queue, hash and counters in the secondary, after kill -9, and after a change by the primary."""
    cfg = RssConfig.spread(queues, types=TYPES)
    with primary(mode, queues) as port:
        killed = secondary(port)
        check(port, (port.pmd, killed), cfg)
        killed.kill()
        with secondary(port) as pmd:
            count = check(port, (port.pmd, pmd), cfg)
            names = [f"rx_q{i}_hashed" for i in range(queues)]
            assert [pmd.xstats()[n] for n in names] == [port.pmd.xstats()[n] for n in names]
            assert sum(pmd.xstats()[n] for n in names[queues // 2:]) >= count
            reta = [random.Random(5).randrange(queues) for _ in range(512)]
            port.pmd.set_reta(reta)
            cfg = RssConfig(types=TYPES, reta=reta)
            check(port, (port.pmd, pmd), cfg)
            for _ in range(2):
                port.pmd.cmd("stop")
                port.pmd.cmd("port stop 0")
                check_silence(port, pmd)
                port.pmd.cmd("port start 0")
                port.ns.run("ip", "link", "set", port.iface, "up")
                port.pmd.cmd("start")
                port.pmd.set_reta(reta)
            check(port, (port.pmd, pmd), cfg)


def check_silence(port, pmd):
    """A stopped port: nothing arrives, and the secondary may not change that."""
    pmd.take_packets()
    assert "MAC address" in pmd.cmd("show port info 0")
    pmd.cmd("port stop 0")
    assert port.pmd.proc.poll() is None and not pmd.take_packets()


def test_number_of_queues_changes():
    """The primary adds queues and takes them away while a secondary is attached."""
    with primary("bpf", 4) as port, secondary(port) as pmd:
        for queues in (20, 4):
            port.pmd.cmd("stop")
            port.pmd.cmd("port stop 0")
            port.pmd.cmd(f"port config all rxq {queues}")
            port.pmd.cmd(f"port config all txq {queues}")
            port.pmd.cmd("port start 0")
            port.ns.run("ip", "link", "set", port.iface, "up")
            details = port.ns.run("ip", "-d", "link", "show", port.iface)
            assert f"numqueues {queues} " in details    # of those that are attached, by any process
            # All packets to the secondary's queues, whose places have new files.
            port.pmd.set_reta([2 + i % 2 for i in range(512)])
            got = exchange(port, (port.pmd, pmd), frames.flows(40, seed=7))
            wrong = [packets for _, packets in got if [i for i, _ in packets] != [1]]
            assert not wrong, wrong[:5]


def test_one_queue():
    """The secondary has the only queue."""
    with primary("bpf", 1) as port, secondary(port) as pmd:
        got = exchange(port, (port.pmd, pmd), frames.flows(20, seed=1))
        assert all([process for process, _ in packets] == [1] for _, packets in got)


def test_transmit():
    """What the secondary sends leaves by the tap."""
    with primary("bpf", 4) as port, secondary(port, forward="txonly", start=False) as pmd:
        with port.ns.entered():
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            sniffer.bind((port.iface, 0x0800))
        with sniffer:
            sniffer.settimeout(5 * PATIENCE)
            pmd.cmd("start")
            assert len(sniffer.recv(2048)) == 64
            pmd.cmd("stop")
            assert pmd.stats()["TX-packets"] > 0


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_net_tun(mode):
    """Without Ethernet headers: queue, hash and counters in the secondary, which sends back what it gets."""
    cfg = RssConfig.spread(4, types=TYPES)
    with primary(mode, 4, kind=TunPort) as port, secondary(port, forward="io") as pmd, \
            port.ns.packet_socket(port.iface) as sniffer:
        sniffer.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sniffer.bind((port.iface, ETH_P_ALL))
        returned = []
        for packet, got in exchange(port, (port.pmd, pmd), tun_flows(60)):
            want = classify(ether(packet), cfg)
            assert [(process, p.queue, p.hash, p.length) for process, p in got] == [
                (want.queue // 2, want.queue, want.hash, len(packet))], want
            returned += [packet] * got[0][0]
        assert len(returned) > 12
        sniffer.settimeout(5 * PATIENCE)
        assert sorted(sniffer.recv(2048) for _ in returned) == sorted(returned)
        hashed = [sum(p.xstats()[f"rx_q{i}_hashed"] for i in (2, 3)) for p in (port.pmd, pmd)]
        assert hashed == [len(returned)] * 2
        assert pmd.stats()["TX-packets"] == len(returned) == port.pmd.stats()["TX-packets"]


def test_primary_closes_the_port():
    """The netdev goes although a secondary has its queues; the secondary goes on without."""
    with primary("bpf", 4) as port, secondary(port) as pmd:
        port.pmd.cmd("stop")
        port.pmd.cmd("port stop 0")
        port.pmd.cmd("port close 0")
        assert port.iface not in port.ns.links()
        pmd.cmd("show port stats 0")
        assert pmd.proc.poll() is None


def queues_of(pmd):
    """How many files of netdevs the process has."""
    count = 0
    for fd in Path(f"/proc/{pmd.proc.pid}/fd").iterdir():
        try:
            count += os.readlink(fd) == "/dev/net/tun"
        except FileNotFoundError:   # closed meanwhile
            pass
    return count


def wait_queues(pmd, count):
    end = time.monotonic() + 5 * PATIENCE
    while queues_of(pmd) != count and time.monotonic() < end:
        time.sleep(0.05)
    assert queues_of(pmd) == count


def test_secondary_that_hangs():
    """One that is stopped neither keeps the primary nor the others from going on."""
    with primary("bpf", 4) as port, secondary(port, start=False) as first, \
            secondary(port) as pmd, secondary(port, start=False) as last:
        # EAL tells them in one or the other order; who comes behind a silent one must hear as well.
        for silent in (first, last):
            silent.proc.send_signal(signal.SIGSTOP)
        try:
            wait_queues(pmd, 4)
            port.pmd.cmd("stop")
            port.pmd.cmd("port stop 0", 30)
            assert "a secondary process does not answer" in port.pmd.log
            wait_queues(pmd, 0)
            port.pmd.cmd("port start 0", 30)
            wait_queues(pmd, 4)
        finally:
            for silent in (first, last):
                silent.proc.send_signal(signal.SIGCONT)
        port.ns.run("ip", "link", "set", port.iface, "up")
        port.pmd.cmd("start")
        check(port, (port.pmd, pmd), RssConfig.spread(4, types=TYPES))
        for awake in (first, last):
            wait_queues(awake, 4)


def test_one_of_two_ports_goes():
    """The secondary lets go of that one only."""
    with primary("bpf", 4, ("--vdev", "net_tap1,iface=tap1")) as port, secondary(port) as pmd:
        wait_queues(pmd, 8)
        port.pmd.cmd("stop")
        port.pmd.cmd("port stop 1")
        port.pmd.cmd("port close 1")
        wait_queues(pmd, 4)
        port.pmd.cmd("start")
        check(port, (port.pmd, pmd), RssConfig.spread(4, types=TYPES))
