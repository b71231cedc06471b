# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Queue and hash of every packet, for everything that the RSS of rte_eth can be told."""
import random
import re

import frames
import pytest
from conftest import open_port
from hook import hash_update, hook_plugin, reta_update, rss_info
from rss_model import (
    ALL_TYPES, DEFAULT_KEY, GROUPS, MODIFIER_BITS, RETA_SIZE, TYPE_BITS, RssConfig)
from testpmd import Testpmd

QUEUES = 4
KEY2 = bytes((i * 37 + 11) & 255 for i in range(40))


def apply(port, cfg):
    """Give the port all of a configuration; its table as far as it starts 0 1 2 3 ..."""
    assert hash_update(port.pmd, cfg.rss_hf, cfg.key) == 0
    assert reta_update(port.pmd, 0, 1, QUEUES) == 0


def spread(**kw):
    return RssConfig.spread(QUEUES, **kw)


def subset(count, seed=3):
    """Some of the shapes, for tests that repeat often."""
    shapes = frames.corpus()
    names = sorted(random.Random(seed).sample(sorted(shapes), count))
    return {name: shapes[name] for name in names}


def test_port_starts_with_the_default_key_and_an_even_table(port):
    assert port.pmd.get_key() == DEFAULT_KEY
    assert port.pmd.get_reta() == [i % QUEUES for i in range(RETA_SIZE)]


def test_rung_is_logged_once(port):
    assert len(re.findall("RSS runs", port.pmd.log)) == 1


def test_every_shape_with_all_types_goes_where_the_model_says(port):
    apply(port, spread())
    port.check(frames.corpus(), spread())


@pytest.mark.parametrize("name", TYPE_BITS)
def test_a_single_type_hashes_its_packets_and_no_others(port, name):
    apply(port, spread())
    assert "rss_hf" in port.pmd.cmd(f"port config all rss {name}")
    port.check(frames.corpus(), spread(types=frozenset({name})))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_of_types_as_the_console_names_it(port, name):
    apply(port, spread())
    port.pmd.cmd(f"port config all rss {name}")
    port.check(subset(60), spread(types=frozenset(GROUPS[name])))


def test_random_sets_of_types(port):
    rnd = random.Random(5)
    for _ in range(6):
        types = frozenset(rnd.sample(sorted(ALL_TYPES), rnd.randrange(2, 12)))
        cfg = spread(types=types)
        apply(port, cfg)
        port.check(subset(60, rnd.random()), cfg)


def test_no_type_means_no_hash_and_the_queue_of_entry_0(port):
    apply(port, spread())
    port.pmd.cmd("port config all rss none")
    reta = [3] + [1] * (RETA_SIZE - 1)
    port.pmd.set_reta(reta)
    port.check(frames.corpus(), RssConfig(types=frozenset(), reta=reta))


@pytest.mark.parametrize("name", MODIFIER_BITS)
def test_a_modifier_leaves_out_what_it_says(port, name):
    cfg = spread(modifiers=frozenset({name}))
    apply(port, cfg)
    port.check(subset(70), cfg)


@pytest.mark.parametrize("names", [
    ("l3-src-only", "l4-src-only"), ("l3-dst-only", "l4-src-only"), ("l3-pre32", "l3-dst-only"),
    ("l3-pre48", "l3-pre96"), ("l3-src-only", "l3-dst-only"), ("l2-src-only", "l2-dst-only"),
    ("l4-src-only", "l4-dst-only")], ids="+".join)
def test_modifiers_combine(port, names):
    cfg = spread(modifiers=frozenset(names))
    apply(port, cfg)
    port.check(subset(70), cfg)


def test_level_inner_and_outer_choose_the_headers_of_tunnels(port):
    apply(port, spread())
    port.pmd.cmd("port config all rss all")
    port.pmd.cmd("port config all rss level-inner")
    port.check(frames.corpus(), spread(inner=True))
    port.pmd.cmd("port config all rss level-outer")
    port.check(frames.corpus(), spread())
    port.pmd.cmd("port config all rss level-inner")
    port.pmd.cmd("port config all rss level-default")
    port.check(subset(40), spread())


def test_level_inner_with_types_and_modifiers(port):
    cfg = spread(inner=True, types=frozenset({"ipv4-udp", "ipv6", "s-vlan"}),
                 modifiers=frozenset({"l3-pre40", "l4-dst-only"}))
    apply(port, cfg)
    port.check(frames.corpus(), cfg)


def test_all_that_the_port_advertises_can_be_asked_for_at_once(port):
    apply(port, spread())
    assert "fail" not in port.pmd.cmd("port config all rss default")
    assert hash_update(port.pmd, rss_info(port.pmd)["offloads"]) == 0
    # Both of SRC_ONLY and DST_ONLY are as none, the shortest prefix holds, innermost wins.
    port.check(frames.corpus(), spread(inner=True, modifiers=frozenset(MODIFIER_BITS)))


def test_a_key_set_on_the_console_is_read_back_and_used(port):
    apply(port, spread())
    port.pmd.cmd(f"port config 0 rss-hash-key ipv4 {KEY2.hex()}")
    assert port.pmd.get_key() == KEY2
    port.check(subset(40), spread(key=KEY2, types=frozenset({"ipv4"})))
    port.pmd.cmd("port config all rss all")
    port.check(frames.corpus(), spread(key=KEY2))


def test_types_are_read_back(port):
    cfg = spread(types=frozenset({"ipv4-tcp", "ipv6-sctp", "esp"}))
    apply(port, cfg)
    assert rss_info(port.pmd)["rss_hf"] == cfg.rss_hf
    shown = port.pmd.cmd("show port 0 rss-hash").split()
    assert {"ipv4-tcp", "ipv6-sctp", "esp"} <= set(shown)
    assert "ipv4-udp" not in shown


def test_a_table_set_on_the_console_is_read_back_and_used(port):
    apply(port, spread())
    rnd = random.Random(8)
    reta = [rnd.randrange(QUEUES) for _ in range(RETA_SIZE)]
    port.pmd.set_reta(reta)
    assert port.pmd.get_reta() == reta
    port.check(frames.corpus(), RssConfig(reta=reta))


def test_single_entries_of_the_table_change_alone(port):
    apply(port, spread())
    reta = spread().reta
    for entry, queue in ((0, 2), (63, 1), (64, 3), (511, 0)):
        reta[entry] = queue
    port.pmd.set_reta(reta, only=(0, 63, 64, 511))
    assert port.pmd.get_reta() == reta
    port.check(subset(60), RssConfig(reta=reta))


@pytest.mark.parametrize("length", [1, 39, 41, 52, 64])
def test_a_key_of_wrong_length_is_refused_and_changes_nothing(port, length):
    apply(port, spread(key=KEY2))
    assert hash_update(port.pmd, spread().rss_hf, bytes(length)) < 0
    assert port.pmd.get_key() == KEY2
    port.check(subset(30), spread(key=KEY2))


def test_a_short_key_on_the_console_is_refused(port):
    apply(port, spread(key=KEY2))
    assert "invalid" in port.pmd.cmd(f"port config 0 rss-hash-key ipv4 {'ab' * 39}")
    assert port.pmd.get_key() == KEY2


@pytest.mark.parametrize("queue", [4, 255, 65535])
def test_a_table_with_a_queue_that_is_not_there_is_refused_and_changes_nothing(port, queue):
    apply(port, spread())
    answer = port.pmd.cmd(f"port config 0 rss reta (3,1),(5,{queue})")
    assert "Bad redirection table parameter" in answer
    assert port.pmd.get_reta() == spread().reta
    port.check(subset(30), spread())


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_table_of_another_size_is_refused(port, size):
    apply(port, spread())
    assert reta_update(port.pmd, 1, 0, QUEUES, size=size) < 0
    assert port.pmd.get_reta() == spread().reta


def test_a_type_that_is_not_advertised_is_refused(port):
    apply(port, spread())
    offloads = rss_info(port.pmd)["offloads"]
    for bit in (29, 30, 31, 32, 33, 34, 35, 36, 49):
        assert not offloads & (1 << bit)
        assert hash_update(port.pmd, spread().rss_hf | 1 << bit) < 0
    assert rss_info(port.pmd)["rss_hf"] == spread().rss_hf


def test_thousands_of_random_flows_are_placed_as_predicted(port):
    apply(port, spread())
    flows = frames.flows(2000)
    port.check({f"flow {i}": frame for i, frame in enumerate(flows)}, spread())


def mutated(count, seed=13):
    """Shapes with some bytes changed and some cut off."""
    rnd = random.Random(seed)
    shapes = list(frames.corpus().values())
    out = {}
    for i in range(count):
        frame = bytearray(rnd.choice(shapes))
        for _ in range(rnd.randrange(1, 4)):
            frame[rnd.randrange(12, len(frame))] = rnd.choice((0, 1, 4, 6, 17, 44, 60, 0x45, 255,
                                                               rnd.randrange(256)))
        if rnd.randrange(3) == 0:
            frame = frame[:rnd.randrange(14, len(frame) + 1)]
        out[f"mutant {i} {bytes(frame).hex()}"] = bytes(frame)
    return out


@pytest.mark.parametrize("inner", [False, True], ids=["outer", "inner"])
def test_mutated_frames_are_placed_as_the_model_says(port, inner):
    cfg = spread(inner=inner)
    apply(port, cfg)
    port.check(mutated(800), cfg)


def test_packets_of_a_flow_stay_in_order(port):
    apply(port, spread())
    flows = frames.flows(8, seed=4)
    port.pmd.take_packets()
    order = {}
    for i in range(150):
        for flow, frame in enumerate(flows):
            order[port.send(frame)[0]] = flow
        port.pmd.pump(0)
    assert port.pmd.wait(lambda: len(port.pmd.packets) >= len(order))
    last = [0] * len(flows)
    for packet in port.pmd.take_packets():
        number = frames.number_of(packet.src)
        assert number > last[order[number]], f"flow {order[number]} is out of order"
        last[order[number]] = number


def test_rss_survives_a_restart_of_the_port(port):
    apply(port, spread(key=KEY2))
    for command in ("stop", "port stop 0", "port start 0", "start"):
        port.pmd.cmd(command)
    port.ns.run("ip", "link", "set", port.iface, "up")
    info = rss_info(port.pmd)
    assert info["ret"] == 0 and len(port.pmd.get_reta()) == RETA_SIZE
    apply(port, spread())
    port.check(frames.corpus(), spread())


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_two_ports_of_a_process_have_a_key_a_table_and_types_each(mode):
    with open_port(mode) as port:
        devarg = ",rss=soft" if mode == "soft" else ""
        port.pmd.close()
        with Testpmd(port.ns, *(f"net_tap{i},iface=two{i}{devarg}" for i in range(2)),
                     eal=["-d", str(hook_plugin())]) as port.pmd:
            configs = [spread(), RssConfig(key=KEY2, types=frozenset({"ipv4", "ipv6"}), reta=[
                (i + 1) % QUEUES for i in range(RETA_SIZE)])]
            for i, cfg in enumerate(configs):
                assert hash_update(port.pmd, cfg.rss_hf, cfg.key, port=i) == 0
                assert reta_update(port.pmd, i, 1, QUEUES, port=i) == 0
            for i, cfg in enumerate(configs):
                port.ns.run("ip", "link", "set", f"two{i}", "up")
                with port.ns.packet_socket(f"two{i}") as port.sock:
                    port.check(frames.corpus(), cfg)


@pytest.mark.parametrize("algo", ["xor", "symmetric", "symmetric-sort"])
@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
def test_an_algorithm_of_the_devarg_is_used(mode, algo):
    with open_port(mode, f"rss_algo={algo}") as port:
        for inner in (False, True):
            cfg = spread(algo=algo, inner=inner)
            apply(port, cfg)
            port.check(frames.corpus(), cfg)
        for names in (("l3-src-only",), ("l4-dst-only", "l3-pre64"), ("l2-src-only",)):
            cfg = spread(algo=algo, modifiers=frozenset(names))
            apply(port, cfg)
            port.check(subset(60), cfg)
