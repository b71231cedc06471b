# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Changes of key, table, types and queues while packets come in."""
import threading
import time

import frames
import pytest
from conftest import open_port
from hook import hash_update, reta_update
from port import compare
from rss_model import GROUPS, RETA_SIZE, RssConfig, classify

QUEUES = 4
RATE = 4000             # packets per second: testpmd prints each
WINDOW = 4000           # that may be under way: less than a queue holds
SECONDS = 2.0
KEYS = (RssConfig().key, bytes((i * 91 + 7) & 255 for i in range(40)))


@pytest.fixture(scope="module", params=["bpf", "basic", "soft"])
def port(request):
    """As everywhere, with long queues: no packet may be lost for want of CPU time."""
    with open_port(request.param, args=("--rxd=8192",), mbufs=16384) as opened:
        yield opened


class Sender(threading.Thread):
    """Sends random flows at a steady rate, or as fast as they arrive, until told to stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.flows = frames.flows(512, seed=9)
        self.sent = {}
        self.over = threading.Event()

    def run(self):
        begin = time.monotonic()
        while not self.over.is_set():
            due = min(int((time.monotonic() - begin) * RATE), len(self.port.pmd.packets) + WINDOW)
            while len(self.sent) < due:
                number, frame = self.port.send(self.flows[len(self.sent) % len(self.flows)])
                self.sent[number] = frame
            time.sleep(0.002)


def under_traffic(port, change, seconds=SECONDS):
    """Repeat change(i) while packets come in; (frame, packets) of all that were sent."""
    pmd = port.pmd
    port.exchange(frames.flows(1))      # bursts that began before the set-up are over with this
    pmd.take_packets()
    sender = Sender(port)
    sender.start()
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        change(rounds)
        rounds += 1
        pmd.pump(0.001)
    sender.over.set()
    sender.join()
    pmd.wait(lambda: sum(p.src.startswith("02:aa:") for p in pmd.packets) >= len(sender.sent), 10)
    seen = {number: [] for number in sender.sent}
    for packet in pmd.take_packets():
        number = frames.number_of(packet.src)
        if number in seen:
            seen[number].append(packet)
    assert rounds >= 4 and len(seen) > seconds * RATE / 4
    return [(sender.sent[number], packets) for number, packets in seen.items()]


def assert_within(result, configs):
    """Each packet arrived once, where one of the configurations places it, with the hash
    of one of them."""
    lost = sum(len(packets) != 1 for _, packets in result)
    assert not lost, f"{lost} of {len(result)} lost or doubled"
    strays = []
    used = set()
    for frame, (got,) in result:
        wanted = [classify(frame, cfg) for cfg in configs]
        hashes = [w.hash if w.hashed else None for w in wanted]
        used.update(i for i, w in enumerate(wanted)
                    if w.queue == got.queue and wanted[1 - i].queue != got.queue)
        if got.queue not in {w.queue for w in wanted} or got.hash not in hashes:
            strays.append(f"queue {got.queue} hash {got.hash}: allowed {wanted}")
    assert not strays, f"{len(strays)} of {len(result)} outside:\n" + "\n".join(strays[:10])
    assert used == {0, 1}, "traffic has met only one of the two configurations"


def settled(port, cfg):
    """After the last change: nothing but the new configuration."""
    wrong = [problem for frame, packets in port.exchange(frames.flows(200, seed=2))
             if (problem := compare(frame, packets, cfg))]
    assert not wrong, wrong[:10]


def reset(port):
    assert hash_update(port.pmd, RssConfig().rss_hf, KEYS[0]) == 0
    assert reta_update(port.pmd, 0, 1, QUEUES) == 0
    port.pmd.cmd("port config all rss all")


def test_table_rewritten_on_the_console_loses_and_misplaces_nothing(port):
    reset(port)
    tables = [[(i + k) % QUEUES for i in range(RETA_SIZE)] for k in (0, 1)]
    chunks = [range(i, i + 64) for i in range(0, RETA_SIZE, 64)]

    def change(i):
        table = tables[1 - i // len(chunks) % 2]
        port.pmd.set_reta(table, only=chunks[i % len(chunks)])
    result = under_traffic(port, change)
    assert_within(result, [RssConfig(reta=table) for table in tables])
    port.pmd.set_reta(tables[1])
    settled(port, RssConfig(reta=tables[1]))


def test_table_replaced_in_one_call_loses_and_misplaces_nothing(port):
    reset(port)
    result = under_traffic(port, lambda i: reta_update(port.pmd, i % 2, 1, QUEUES))
    tables = [[(i + k) % QUEUES for i in range(RETA_SIZE)] for k in (0, 1)]
    assert_within(result, [RssConfig(reta=table) for table in tables])
    assert reta_update(port.pmd, 1, 1, QUEUES) == 0
    settled(port, RssConfig(reta=tables[1]))


def test_key_changed_on_the_console_loses_and_misplaces_nothing(port):
    reset(port)
    types = frozenset({"ipv4"})     # the console sets a type along with the key
    port.pmd.cmd("port config all rss ipv4")

    def change(i):
        port.pmd.cmd(f"port config 0 rss-hash-key ipv4 {KEYS[1 - i % 2].hex()}")
        time.sleep(0.02)
    result = under_traffic(port, change)
    assert_within(result, [RssConfig.spread(QUEUES, key=key, types=types) for key in KEYS])
    port.pmd.cmd(f"port config 0 rss-hash-key ipv4 {KEYS[1].hex()}")
    settled(port, RssConfig.spread(QUEUES, key=KEYS[1], types=types))


def test_types_changed_on_the_console_lose_and_misplace_nothing(port):
    reset(port)

    def change(i):
        port.pmd.cmd(f"port config all rss {('ip', 'all')[i % 2]}")
        time.sleep(0.02)
    result = under_traffic(port, change)
    assert_within(result, [RssConfig.spread(QUEUES, types=frozenset(GROUPS[name]))
                           for name in ("all", "ip")])
    port.pmd.cmd("port config all rss ip")
    settled(port, RssConfig.spread(QUEUES, types=frozenset(GROUPS["ip"])))


def test_key_and_types_change_in_one_switch(port):
    """The second key never meets the first types: hashes of that mixture do not occur."""
    reset(port)
    pair = [RssConfig.spread(QUEUES, key=KEYS[0]),
            RssConfig.spread(QUEUES, key=KEYS[1], types=frozenset({"ipv4", "ipv6"}))]

    def change(i):
        cfg = pair[1 - i % 2]
        assert hash_update(port.pmd, cfg.rss_hf, cfg.key) == 0
    assert_within(under_traffic(port, change), pair)


def queue_of(frame):
    return classify(frame, RssConfig.spread(QUEUES)).queue


def test_a_stopped_queue_gives_nothing_and_the_others_all(port):
    reset(port)
    pmd = port.pmd
    flows = frames.flows(120, seed=6)
    pmd.cmd("stop")
    assert "not supported" not in pmd.cmd("port 0 rxq 1 stop")
    pmd.cmd("start")
    for frame, packets in port.sample(flows):
        if queue_of(frame) == 1:
            assert not packets
        else:
            assert compare(frame, packets, RssConfig.spread(QUEUES)) == ""
    pmd.cmd("stop")
    pmd.cmd("port 0 rxq 1 start")
    pmd.cmd("start")
    settled(port, RssConfig.spread(QUEUES))


def test_a_queue_that_is_started_again_has_no_old_packets(port):
    reset(port)
    pmd = port.pmd
    mine = [frame for frame in frames.flows(120, seed=6) if queue_of(frame) == 1]
    pmd.cmd("stop")
    pmd.cmd("port 0 rxq 1 stop")
    pmd.cmd("start")
    assert not any(packets for _, packets in port.sample(mine))
    pmd.cmd("stop")
    pmd.cmd("port 0 rxq 1 start")
    pmd.take_packets()
    pmd.cmd("start")
    pmd.wait(lambda: False, 0.3)
    assert not pmd.take_packets()
    assert all(len(packets) == 1 for _, packets in port.exchange(mine))
