# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The benchmark: dpdk-tap-bench and forwarding, one JSON, the page. See devtools/bench.sh."""
import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

from forward import BENCH, CONTESTANTS, PLUGIN, ROOT, TESTS, run     # noqa: E402
from report import write_page                                       # noqa: E402

FORWARD = "forward"
FULL_ROUNDS, FULL_SECONDS = 5, 3
QUICK_ROUNDS, QUICK_SECONDS = 2, 1
QUICK_BENCH = ["--rounds", "3", "--lone-packets", "2000", "--lone-reference", "2000"]


def say(text):
    print(f"==> {text}", flush=True)


def output(*argv):
    """First line of what a command says; empty if it fails."""
    done = subprocess.run(argv, cwd=ROOT, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.split("\n")[0].strip() if done.returncode == 0 else ""


def package(name):
    return output("dpkg-query", "-W", "-f", "${Version}\n", name)


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    """What the figures depend on."""
    return {"kernel": platform.release(), "architecture": platform.machine(),
            "cpu": cpu_model(), "cores": os.cpu_count(),
            "virtual_machine": output("systemd-detect-virt", "--vm") or "unknown",
            "load_before": os.getloadavg()[0],
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "plugin": output("git", "describe", "--always", "--dirty") or "unknown",
            "dpdk": output("pkg-config", "--modversion", "libdpdk"),
            "stock_driver": "net_tap of Debian's dpdk " + package("dpdk-dev"),
            "iperf3": package("iperf3")}


def run_bench(sections, quick):
    """dpdk-tap-bench; its JSON as a dict."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.json")
        argv = [str(BENCH), "--driver", str(PLUGIN), "--json", str(path)]
        argv += QUICK_BENCH if quick else []
        argv += ["--only", ",".join(sections)] if sections else []
        say(" ".join(argv))
        done = subprocess.run(argv, check=False)
        if done.returncode != 0 or not path.exists():
            sys.exit(f"bench: dpdk-tap-bench ended with status {done.returncode}")
        return json.loads(path.read_text(encoding="utf-8"))


def parse_args():
    parser = argparse.ArgumentParser(prog="bench.sh", add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--tests", default="")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--json", type=Path, default=ROOT / "build/benchmarks.json")
    parser.add_argument("--page", type=Path)
    args = parser.parse_args()
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else FULL_ROUNDS)
    args.seconds = args.seconds or (QUICK_SECONDS if args.quick else FULL_SECONDS)
    for name in ("rounds", "seconds"):
        if not 1 <= getattr(args, name) <= 1000:
            parser.error(f"--{name}: 1 to 1000")
    args.only, args.tests = ([word for word in text.split(",") if word]
                             for text in (args.only, args.tests))
    known = [test.name for test in TESTS]
    if set(args.tests) - set(known):
        parser.error(f"--tests: there are {', '.join(known)}")
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("two cores are needed")
    if not args.page:
        whole = not (args.quick or args.only or args.tests)
        args.page = ROOT / ("doc" if whole else "build")
    return args


def main():
    args = parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: network namespaces need root")
    for path in (PLUGIN, BENCH):
        if not path.exists():
            sys.exit(f"bench: {path} is missing; run devtools/bench.sh, which builds it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    here = machine()
    figures = {}
    sections = [name for name in args.only if name not in (FORWARD, "all")]
    everything = not args.only or "all" in args.only
    if everything or sections:
        figures = run_bench([] if everything else sections, args.quick)
    if everything or FORWARD in args.only:
        say(f"Forwarding: {args.rounds} rounds of {', '.join(CONTESTANTS)}, {args.seconds} s each")
        figures["forwarding"] = run(args.rounds, args.seconds, args.tests,
                                    lambda text: print(f"    {text}", flush=True))
        figures["limits"] = figures["forwarding"].pop("limits") + figures.get("limits", [])
    figures["quick"] = args.quick
    figures["machine"] = {**figures.get("machine", {}), **here}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    say(f"Figures: {args.json}")
    say(f"Page: {write_page(figures, args.page)}")


if __name__ == "__main__":
    main()
