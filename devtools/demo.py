# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The demonstration: real flows into a net_tap port, each predicted and compared.

Run by devtools/demo.sh, which builds first. Flows come from sockets of the kernel in a network
namespace; the distribution's testpmd receives them from the port and prints queue and hash of
each; test/system/rss_model.py, which shares nothing with the driver, predicts both.
"""
import argparse
import collections
import csv
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "test/system"))

from kernel_flows import KINDS, MAX_FLOWS, FlowMaker, run_flows     # noqa: E402
from netns import Netns                                             # noqa: E402
from rss_model import RssConfig, classify                           # noqa: E402
from testpmd import PLUGIN, Testpmd                                 # noqa: E402

IFACE = "tap0"
BAR = 30
SAMPLE = 12


class Style:
    """Colours, where the output is a terminal that has them."""

    def __init__(self):
        on = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.bold, self.green, self.red, self.dim, self.end = (
            ("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m") if on else [""] * 5)


STYLE = Style()


def say(text):
    print(f"==> {text}", flush=True)


def title(text):
    print(f"\n{STYLE.bold}{text}{STYLE.end}")


def progress(total):
    """Shows how many flows are through, on a terminal only."""
    def show(done):
        if sys.stdout.isatty():
            print(f"\r    {done} of {total} flows", end="\n" if done == total else "", flush=True)
    return show


class Result:
    """One run: for each flow what was predicted and what came."""

    def __init__(self, rung, queues, flows, seen):
        cfg = RssConfig.spread(queues)
        self.rung, self.queues = rung, queues
        self.rows = [(flow, classify(flow.frame, cfg), seen.get(flow.number, []))
                     for flow in flows]

    @staticmethod
    def matches(verdict, packets):
        wanted = (verdict.queue, verdict.hash if verdict.hashed else None)
        return bool(packets) and all((p.queue, p.hash) == wanted for p in packets)

    @property
    def mismatches(self):
        return sum(not self.matches(verdict, packets) for _, verdict, packets in self.rows)

    def placement(self):
        """What came, by destination and ports: the same flow has them in every run."""
        return {flow.number: sorted({p.queue for p in packets})
                for flow, _, packets in self.rows}


def receive(args, rss):
    """Start testpmd, send the flows, collect what came."""
    devargs = f",rss={rss}" if rss else ""
    with Netns("demo", ipv6=True) as ns:
        say(f"Starting {TITLE} with --vdev net_tap0,iface={IFACE}{devargs} "
            f"-- --rxq={args.queues} --txq={args.queues}")
        # Room for everything that can wait in the kernel: a demonstration may not lose packets.
        with Testpmd(ns, f"net_tap0,iface={IFACE}{devargs}", rxq=args.queues,
                     args=("--rxd=4096",), mbufs=16384) as pmd:
            print(f"    {pmd.rung_line}")
            pmd.cmd("port config all rss all")
            with FlowMaker(ns, IFACE, args.flows, args.seed) as maker:
                say(f"Addresses and neighbours for {args.flows} flows")
                maker.prepare()
                say(f"Opening {args.flows} flows with sockets of the kernel")
                begin = time.monotonic()
                flows, seen = run_flows(maker, pmd, progress(args.flows))
                say(f"{sum(map(len, seen.values()))} packets of {len(seen)} flows received in "
                    f"{time.monotonic() - begin:.1f} s")
            return Result(pmd.rung_line, args.queues, flows, seen)


TITLE = "the distribution's dpdk-testpmd"


def bar(share, biggest):
    eighths = round(share / biggest * BAR * 8) if biggest else 0
    return "█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8]


def print_queues(result):
    title("Packets per queue")
    counts = collections.Counter(p.queue for _, _, packets in result.rows for p in packets)
    total, biggest = sum(counts.values()), max(counts.values(), default=0)
    for queue in range(result.queues):
        share = counts[queue] / total if total else 0
        print(f"  queue {queue:3} {counts[queue]:7}  {share:6.1%}  {bar(counts[queue], biggest)}")
    print(f"  total     {total:7}")


def print_kinds(result):
    title("Predicted and actual, per kind of flow")
    print(f"  {'kind':16}{'flows':>7}{'packets':>9}{'matched':>9}{'mismatches':>12}")
    for kind in KINDS:
        rows = [row for row in result.rows if row[0].kind == kind]
        good = sum(Result.matches(verdict, packets) for _, verdict, packets in rows)
        packets = sum(len(packets) for _, _, packets in rows)
        print(f"  {kind.name:16}{len(rows):7}{packets:9}{good:9}{len(rows) - good:12}")
    colour = STYLE.red if result.mismatches else STYLE.green
    print(f"  {'all':16}{len(result.rows):7}"
          f"{sum(len(packets) for _, _, packets in result.rows):9}"
          f"{len(result.rows) - result.mismatches:9}"
          f"{STYLE.bold}{colour}{result.mismatches:12}{STYLE.end}")


def as_text(queue, value):
    return f"{queue} {value:#010x}" if value is not None else f"{queue} no hash"


def print_sample(result):
    title("A sample: queue and hash")
    print(f"  {'flow':72} {'predicted':14} {'actual':14}")
    wrong = [row for row in result.rows if not Result.matches(row[1], row[2])]
    step = max(1, len(result.rows) // SAMPLE)
    # An odd step: or it would meet the same kinds again and again.
    for flow, verdict, packets in (wrong or result.rows[::step | 1])[:SAMPLE]:
        want = as_text(verdict.queue, verdict.hash if verdict.hashed else None)
        got = as_text(packets[0].queue, packets[0].hash) if packets else "not received"
        good = Result.matches(verdict, packets)
        mark = f"{STYLE.green}✓" if good else f"{STYLE.red}✗"
        print(f"  {str(flow):72} {want:14} {got:14} {mark}{STYLE.end}")


def print_result(result):
    print_queues(result)
    print_kinds(result)
    print_sample(result)
    title("Summary")
    print(f"  {result.rung}")
    print(f"  {result.mismatches} mismatches in {len(result.rows)} flows")


def write_csv(path, results):
    with open(path, "w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["run", "flow", "kind", "source", "source_port", "destination",
                        "destination_port", "packets", "predicted_queue", "predicted_hash",
                        "actual_queue", "actual_hash", "match"])
        for name, result in results:
            for flow, verdict, packets in result.rows:
                queues = sorted({p.queue for p in packets})
                hashes = sorted({p.hash for p in packets if p.hash is not None})
                table.writerow([
                    name, flow.number, flow.kind.name, flow.src, flow.sport, flow.dst, flow.dport,
                    len(packets), verdict.queue, f"{verdict.hash:#010x}" if verdict.hashed else "",
                    " ".join(map(str, queues)), " ".join(f"{h:#010x}" for h in hashes),
                    "yes" if Result.matches(verdict, packets) else "no"])


def compare_runs(first, second):
    """Number of flows that the two runs did not place on the same queue."""
    one, two = first.placement(), second.placement()
    return sum(one[number] != two[number] for number in one)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--flows", type=int, default=4000, help="number of flows (4000)")
    parser.add_argument("--queues", type=int, default=4, help="receive queues (4)")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (1)")
    parser.add_argument("--csv", default=str(ROOT / "build/demo-flows.csv"),
                        help="file for all flows (build/demo-flows.csv)")
    args = parser.parse_args()
    if not 1 <= args.flows <= MAX_FLOWS:
        parser.error(f"--flows: 1 to {MAX_FLOWS}")
    if not 2 <= args.queues <= 64:
        parser.error("--queues: 2 to 64")
    return args


def main():
    args = parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: network namespaces need root")
    if not PLUGIN.exists():
        sys.exit(f"demo: {PLUGIN} is missing; run devtools/demo.sh, which builds it")
    sys.stdout.reconfigure(errors="replace")    # for terminals that have no block characters
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = []
    for name, rss in (("best rung", None), ("software", "soft")):
        title(f"── {name}: {'rss=soft, without BPF' if rss else 'what the kernel allows'} "
              .ljust(90, "─"))
        results.append((name, receive(args, rss)))
        print_result(results[-1][1])
    write_csv(args.csv, results)
    title("── Both runs ".ljust(90, "─"))
    differ = compare_runs(results[0][1], results[1][1])
    wrong = sum(result.mismatches for _, result in results)
    same = "the same queue for every flow" if not differ else f"{differ} flows on other queues"
    print(f"  placement     {same}")
    print(f"  mismatches    {wrong}")
    print(f"  all flows in  {args.csv}")
    return 1 if wrong or differ else 0


if __name__ == "__main__":
    sys.exit(main())
