#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Random flow rules and frames: the driver, the BPF programs and the model of doc/flow.md agree.

flow_rules.py HARNESS

HARNESS is flow_harness of test/unit. Each set of rules is a test: rules come and go between
frames, and at the end the counters are compared. In the environment:

    TAP_FLOW_CASES   how many frames to judge (10000)
    TAP_FLOW_SEED    the seed; it is printed on a failure (random)
    TAP_FLOW_SET     only this set of that seed, with all lines that it sends
    TAP_TEST_REQUIRE_BPF  fail where the BPF programs cannot be run
"""
import errno
import os
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import flow_gen  # noqa: E402
import flow_limits  # noqa: E402
import flow_model  # noqa: E402
import rss_model  # noqa: E402
from flow_gen import checked  # noqa: E402

FRAMES_PER_SET = 40
# Failures after which to give up.
TOO_MANY = 5
# Values of devarg rss_algo, in the order of the driver's numbers.
ALGORITHMS = ("toeplitz", "xor", "symmetric", "symmetric-sort")


class Failure(Exception):
    """Somebody disagrees."""


class Harness:
    """The process that has the driver and the programs."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=-1)
        first = self.read()
        self.mode, _, self.reason = first.partition(" ")
        words = self.read().split()
        flow_model.set_arp_layout(*map(int, words[1:6]))
        self.functions = {0, 1, 2, 3} | ({4} if words[7] == "1" else set())
        self.log = []

    def read(self):
        line = self.process.stdout.readline().decode().strip()
        if not line:
            raise SystemExit(f"FAILED: {self.process.args[0]} ended, status {self.process.wait()}")
        return line

    def ask(self, line):
        self.log.append(line)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.read()
        self.log[-1] += f"   -> {answer}"
        return answer

    def want(self, line, code=0):
        """Ask for what ends with that errno."""
        answer = self.ask(line)
        got = int(answer.split()[1]) if answer.startswith("error") else 0
        if got != code:
            raise Failure(f"errno {got}, should be {code}: {answer}")
        return answer

    @staticmethod
    def expect(good, words):
        if not good:
            raise Failure(words)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def hexa(data):
    return data.hex() if data else "-"


def rule_words(rule):
    """The rule in the words of flow_text.h."""
    words = [f"prio={rule.priority}", f"group={rule.group}", f"attr={rule.attr}"]
    for it in rule.items:
        words.append(f"item={it.name}:{hexa(it.spec)}:{hexa(it.last)}:{hexa(it.mask)}")
    for name, value in rule.actions:
        if name == "shared":
            words.insert(0, f"shared={value}")
        if name == "rss":
            value = (f"{value.func}:{value.level}:{value.rss_hf:x}:{hexa(value.key)}:"
                     + ",".join(map(str, value.queues)))
        words.append(f"act={name}" if value is None or name == "shared" else f"act={name}:{value}")
    return " ".join(words)


class Counter:
    """What a rule or a shared counter should have counted."""

    def __init__(self):
        self.hits = self.bytes = 0      # by frames that the driver's classifier saw, too
        self.extra_hits = self.extra_bytes = 0      # by those that only the programs saw

    def add(self, hits, size, both):
        if both:
            self.hits += hits
            self.bytes += size
        else:
            self.extra_hits += hits
            self.extra_bytes += size


class RuleSet:
    """A port, its rules, and frames through them."""

    def __init__(self, harness, seed):
        self.harness = harness
        self.rnd = random.Random(seed)
        self.bases = [make(self.rnd) for make in (
            (flow_gen.frame_of,) * 3 + (flow_gen.tunnelled_frame_of,) * 4)]
        self.counters = {}
        self.names = 0
        self.shared = []
        self.alone = False
        self.refused = 0
        self.matched = 0
        self.dropped = 0

    def new_name(self):
        self.names += 1
        self.counters[self.names] = Counter()
        return self.names

    def filter_drops(self):
        return int(self.harness.want("dropped").split()[1])

    def run(self):
        self.open_port()
        self.dropped_before = self.filter_drops()
        for _ in range(self.rnd.choice((0, 1, 2))):
            self.shared.append(self.new_name())
            self.harness.want(f"counter {self.shared[-1]}")
        for _ in range(self.rnd.choice((1, 4, 8, 12))):
            self.add_rule()
        for _ in range(FRAMES_PER_SET):
            if checked(self.rnd, 25):
                self.change()
            self.send_frame()
        for name in self.counted():
            self.check_counter(name, False)
        drops = self.filter_drops() - self.dropped_before
        if self.harness.mode == "bpf" and drops != self.dropped:
            raise Failure(f"the filter has dropped {drops}, should be {self.dropped}")
        self.finish()

    # The port.

    def open_port(self):
        rnd = self.rnd
        nb_queues = rnd.choice((1, 2, 3, 4, 7, 16, 255, 256))
        algo = rnd.randrange(len(ALGORITHMS))
        with_rss = checked(rnd, 85)
        types, modifiers = flow_gen.rss_types(rnd)
        cfg = rss_model.RssConfig.spread(nb_queues, types=types, modifiers=modifiers,
                                         inner=checked(rnd, 25), algo=ALGORITHMS[algo])
        key = flow_gen.key_of(rnd) if checked(rnd, 50) else b""
        if key and with_rss:
            cfg.key = key
        self.harness.want(f"open {nb_queues} {algo} {'rss' if with_rss else 'none'} "
                          f"{cfg.rss_hf:x} {hexa(key)}")
        if not with_rss:
            cfg.types, cfg.modifiers, cfg.inner = flow_model.DEFAULT_TYPES, frozenset(), False
        self.with_rss = with_rss
        self.port = flow_model.Port(nb_queues, cfg, ALGORITHMS[algo])
        if checked(rnd, 50):
            self.change_reta()

    def change_reta(self):
        reta = [self.rnd.randrange(self.port.nb_queues) for _ in range(rss_model.RETA_SIZE)]
        code = 0 if self.with_rss else errno.ENOTSUP
        self.harness.want("reta " + ",".join(map(str, reta)), code)
        if not code:
            self.port.rss.reta = reta

    def change_hash(self):
        cfg = self.port.rss
        types, modifiers = flow_gen.rss_types(self.rnd)
        key = flow_gen.key_of(self.rnd) if checked(self.rnd, 50) else b""
        inner = checked(self.rnd, 25)
        new = rss_model.RssConfig(types=types, modifiers=modifiers, inner=inner, algo=cfg.algo,
                                  key=key or cfg.key, reta=cfg.reta)
        code = 0 if self.with_rss else errno.ENOTSUP
        self.harness.want(f"hash {new.rss_hf:x} {hexa(key)}", code)
        if not code:
            self.port.rss = new

    def change(self):
        what = self.rnd.choice(("add",) * 5 + ("del",) * 4 + (
            "isolate", "isolate", "hash", "reta", "query", "query", "alone"))
        if what == "add":
            self.add_rule()
        elif what == "del" and self.port.rules:
            self.del_rule(self.rnd.choice(self.port.rules))
        elif what == "isolate":
            self.port.isolated = checked(self.rnd, 40)
            self.harness.want(f"isolate {int(self.port.isolated)}")
        elif what == "alone":
            self.alone = checked(self.rnd, 50)
            self.harness.want(f"alone {int(self.alone)}")
        elif what == "hash":
            self.change_hash()
        elif what == "reta":
            self.change_reta()
        elif what == "query" and self.counted():
            self.check_counter(self.rnd.choice(self.counted()), checked(self.rnd, 50))

    # Rules.

    def add_rule(self):
        port = self.port
        packets = [flow_model.Packet(f) for f in self.bases]
        rule = flow_gen.rule_of(self.rnd, packets, port.nb_queues, self.shared, port.rules)
        errors = (flow_model.attribute_errors(rule) | flow_model.pattern_errors(rule)
                  | flow_model.action_errors(rule, port.nb_queues, self.harness.functions))
        rule.placed = flow_model.place_items(rule.items)[0]
        # One that contradicts itself may be refused for it, or match nothing.
        never = rule.atoms() is None
        rule.name = self.new_name()
        line = f"add {rule.name} {rule_words(rule)}"
        if errors:
            answer = self.harness.ask(line)
            errors |= {errno.EINVAL} if never else set()
            if not answer.startswith("error") or int(answer.split()[1]) not in errors:
                raise Failure(f"{answer}, should be errno {sorted(errors)}")
            self.refused += 1
            return
        if never:
            answer = self.harness.ask(line)
            if answer.startswith("ok"):
                port.add(rule)
            return
        self.harness.want(line, port.add(rule))

    def del_rule(self, rule):
        self.harness.want(f"del {rule.name}")
        self.port.rules.remove(rule)

    def counted(self):
        return self.shared + [r.name for r in self.port.rules if r.has("count")]

    def check_counter(self, name, reset):
        counter = self.counters[name]
        answer = self.harness.want(f"query {name} {int(reset)}")
        got = tuple(map(int, answer.split()[1:]))
        if self.harness.mode == "bpf":
            want = (counter.hits + counter.extra_hits, counter.bytes + counter.extra_bytes)
            if got[:2] != want:
                raise Failure(f"BPF has counted {got[:2]} for {name}, should be {want}")
        if got[2:] != (counter.hits, counter.bytes):
            raise Failure(f"the driver has counted {got[2:]} for {name}, "
                          f"should be {(counter.hits, counter.bytes)}")
        if reset:
            self.counters[name] = Counter()

    def finish(self):
        """Take all away; a counter that a rule counts in stays."""
        if self.port.isolated:
            self.harness.want("isolate 0")
        if self.alone:
            self.harness.want("alone 0")
        used = {r.action("shared") for r in self.port.rules}
        for name in self.shared:
            if name in used:
                self.harness.want(f"del {name}", errno.EBUSY)
        if checked(self.rnd, 50):
            for rule in self.rnd.sample(self.port.rules, len(self.port.rules)):
                self.del_rule(rule)
        self.harness.want("flush")
        for name in self.shared:
            self.harness.want(f"del {name}")

    # Frames.

    def send_frame(self):
        rnd = self.rnd
        frame = rnd.choice(self.bases) if checked(rnd, 75) else flow_gen.frame_of(rnd)
        if checked(rnd, 40):
            frame = flow_gen.mutate(rnd, frame)
        contig = len(frame) if checked(rnd, 70) else rnd.randrange(len(frame) + 1)
        tpid = tci = gso = 0
        if self.harness.mode == "bpf" and len(frame) >= 54 and checked(rnd, 10):
            tpid, tci = rnd.choice((0x8100, 0x88a8)), rnd.choice(flow_gen.TCIS)
        whole = frame
        if tpid:
            whole = frame[:12] + tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") + frame[12:]
        if self.harness.mode == "bpf" and checked(rnd, 15) and flow_gen.super_packet(whole):
            gso = rnd.choice((1, 2, 3, 45))
        verdict = self.port.verdict(whole)
        answer = self.harness.want(f"frame {contig} {tpid} {tci} {gso} {frame.hex()}")
        self.count(verdict, whole, gso, not tpid and not gso)
        self.judge(verdict, answer.split()[1:])

    def count(self, verdict, frame, gso, both):
        for rule in verdict.counted:
            name = rule.name if rule.has("count") else rule.action("shared")
            if name is None:
                continue
            size = len(frame)
            if gso > 1:
                size += (gso - 1) * flow_model.headers_length(frame)
            self.counters[name].add(max(gso, 1), size, both)
        self.dropped += verdict.drop
        self.matched += bool(verdict.counted)

    def judge(self, want, words):
        driver, (queue, passes) = words[:6], words[6:]
        if driver[0] != "-":
            self.judge_driver(want, driver)
        if self.harness.mode != "bpf":
            return
        if passes != ("drop" if want.drop else "pass"):
            raise Failure(f"the filter says {passes}, should be {want}")
        if not self.alone and not want.drop and queue != str(want.queue):
            raise Failure(f"steered to {queue}, should be {want}")

    @staticmethod
    def judge_driver(want, words):
        drop, hashed, value, queue, flags, mark = map(int, words)
        if bool(drop) != want.drop:
            raise Failure(f"the driver {'drops' if drop else 'keeps'} it, should be {want}")
        if want.drop:
            return
        got = (bool(hashed), value if hashed else 0, queue)
        if got != (want.hashed, want.hash, want.queue):
            raise Failure(f"the driver: hash and queue {got}, should be {want}")
        got = (mark if flags & 1 else None, flags == 2)
        if got != (want.mark, want.flag):
            raise Failure(f"the driver: mark and flag {got}, should be {want}")


def run_set(harness, seed, number):
    rules = RuleSet(harness, seed * 1000003 + number)
    harness.log = []
    try:
        rules.run()
        return rules, None
    except Failure as failure:
        return rules, failure


def run_limits(harness):
    """Each limit is a test; how many passed, and failed."""
    results = []
    for test in flow_limits.Limits(harness, rule_words).all():
        harness.log = []
        try:
            test()
            results.append(True)
        except Failure as failure:
            print(f"FAILED: limit: {test.__name__}: {failure}\n    {harness.log[-1][:400]}")
            harness.ask("flush")
            results.append(False)
    return results.count(True), results.count(False)


def report(harness, rules, failure, seed, number):
    print(f"FAILED: set {number} of seed {seed}: {failure}")
    for line in harness.log[-1:]:
        print(f"    {line}")
    if harness.log[-1].startswith("frame"):
        words = harness.log[-1].split()
        frame = bytes.fromhex(words[5])
        packet = flow_model.Packet(frame)
        print(f"    outside {packet.levels[0]}\n    tunnel {packet.tunnel}\n"
              f"    inside {packet.levels[1]}")
        for rule in rules.port.rules:
            print(f"    {'matches' if rule.matches(packet) else '-      '} {rule.name}: "
                  f"{rule_words(rule)[:900]}")
    for line in ("isolate 0", "alone 0", "flush"):
        harness.ask(line)
    print(f"    again: TAP_FLOW_SEED={seed} TAP_FLOW_SET={number}", flush=True)


def main():
    harness = Harness(*sys.argv[1:])
    if harness.mode == "refused":
        print(f"FAILED: the kernel refuses the programs: {harness.reason}")
        return 1
    if harness.mode == "soft":
        print(f"The BPF programs are left out: {harness.reason}")
        if os.environ.get("TAP_TEST_REQUIRE_BPF"):
            print("FAILED: may not be left out here")
            return 1
    seed = int(os.environ.get("TAP_FLOW_SEED") or random.SystemRandom().randrange(1 << 32))
    only = os.environ.get("TAP_FLOW_SET")
    sets = -(-int(os.environ.get("TAP_FLOW_CASES") or 10000) // FRAMES_PER_SET)
    passed = failed = refused = matched = 0
    print(f"seed {seed}", flush=True)
    for number in [int(only)] if only else range(sets):
        rules, failure = run_set(harness, seed, number)
        if only:
            print("\n".join(harness.log))
        refused += rules.refused
        matched += rules.matched
        if failure is None:
            passed += 1
            continue
        failed += 1
        report(harness, rules, failure, seed, number)
        if failed == TOO_MANY:
            break
    at_limits = run_limits(harness) if not only else (0, 0)
    if harness.close() != 0:
        print("FAILED: the harness ended with an error")
        failed += 1
    print(f"{passed * FRAMES_PER_SET} frames, {matched} of them met a rule, "
          f"{refused} rules were refused as they should be")
    passed += at_limits[0]
    failed += at_limits[1]
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
