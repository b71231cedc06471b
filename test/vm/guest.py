# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""guest.py [--quick] [--tests EXPRESSION] KERNEL VERSION

Runs the tests in the virtual machine. Each result is a line of JSON in /run/results/results.jsonl:
{"name": "system: test_rss.py::...", "result": "passed", "detail": "", "seconds": 1.5}.
The first line tells of the kernel, the last one that all has been run.
"""
import argparse
import json
import os
import re
import subprocess
import time

import pytest

# What emulation makes slow takes so many times as long.
PATIENCE = 20
SYSTEM = "test/system/"
DOCTOR = {"ok": "passed", "info": "skipped", "bad": "failed"}
# What is not run, and why: files, and single tests.
FILES_LEFT_OUT = {
    "test_bench.py": "measures times",
    "test_bench_page.py": "measures times",
    "test_rss_model.py": "tests the model alone",
    "test_service.py": "boots a machine within",
    "test_tutorial.py": "knows no patience",
}
LEFT_OUT = {
    r"test_live\.py": "sends at a rate that emulation does not reach",
    r"test_streams": "sends at a rate that emulation does not reach",
    r"under_traffic": "sends at a rate that emulation does not reach",
    r"test_flow_perf": "measures times",
    r"test_32767_rules": "takes too long",
}
QUICK_PROGRAMS = ["programs", "objects"]
QUICK = [
    r"test_caps\.py::test_these.*B-P-F-`-`-n-e-w-3",
    r"test_data\.py::test_a_lone_packet",
    r"test_flow_life\.py::test_a_port_with_one_queue\[bpf",
    r"test_kernel\.py::test_flows_of.*bpf",
    r"test_lifetime\.py::test_kill_9.*bpf",
    r"test_remote\.py::test_every_shape",
    r"test_rss\.py::test_(every_shape|a_table_set).*bpf",
    r"test_super\.py::test_tso",
]


class Report:
    """Results, line by line; and the plugin by which pytest gives its own."""

    def __init__(self, path, quick):
        self.file = open(path, "w", encoding="utf-8")
        self.quick = quick

    def write(self, **record):
        print(json.dumps(record), file=self.file, flush=True)

    def result(self, name, result, detail="", seconds=0):
        print(f"{result:7} {seconds:6.1f} s  {name}  {detail}", flush=True)
        self.write(name=name, result=result, detail=detail, seconds=round(seconds, 1))

    # pytest's hooks

    def pytest_collection_modifyitems(self, items):
        for item in list(items):
            if self.quick and not any(re.search(what, item.nodeid) for what in QUICK):
                items.remove(item)
                continue
            reasons = [why for what, why in LEFT_OUT.items() if re.search(what, item.nodeid)]
            if reasons:
                items.remove(item)
                self.result(name_of(item.nodeid), "left out", reasons[0])

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            detail = ""
            if report.skipped:
                detail = report.longrepr[2].replace("Skipped: ", "", 1)
            elif report.failed:
                detail = str(report.longrepr)[-2000:]
            self.result(name_of(report.nodeid), report.outcome, detail, report.duration)


def name_of(nodeid):
    return "system: " + nodeid.replace(SYSTEM, "")


def doctor(report):
    done = subprocess.run(["build/app/dpdk-tap-rss", "doctor", "--json"], stdout=subprocess.PIPE,
                          text=True, check=False)
    for finding in json.loads(done.stdout)["findings"]:
        report.result("doctor: " + finding["what"], DOCTOR[finding["status"]],
                      finding.get("advice", finding["found"]))


def programs(report):
    """The tests of the BPF programs, as meson knows them."""
    with open("build/meson-info/intro-tests.json", encoding="utf-8") as file:
        tests = [test for test in json.load(file) if test["suite"][0].endswith(":program")]
    for test in tests:
        name = "program: " + test["name"]
        if report.quick and test["name"] not in QUICK_PROGRAMS:
            continue
        start = time.monotonic()
        try:
            done = subprocess.run(test["cmd"], cwd="build", text=True, env={**os.environ, **test["env"]},
                                  timeout=test["timeout"] * PATIENCE, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired as error:
            report.result(name, "failed", str(error))
            continue
        counts = re.findall(r"^(\d+) passed, \d+ failed$", done.stdout, re.M)
        good = f"{counts[-1]} cases" if counts else ""
        report.result(name, "failed" if done.returncode else "passed",
                      done.stdout[-2000:] if done.returncode else good, time.monotonic() - start)


def system(report, expression):
    """The system tests, by pytest."""
    os.environ["TAP_TEST_PATIENCE"] = str(PATIENCE)
    options = ["-q", "-p", "no:cacheprovider", "-k", expression]
    for file, why in FILES_LEFT_OUT.items():
        options += ["--ignore", SYSTEM + file]
        report.result("system: " + file, "left out", why)
    code = pytest.main([*options, SYSTEM], plugins=[report])
    # 1: tests failed, which they have reported themselves.
    if code not in (0, 1):
        report.result("system: pytest", "failed", f"ended with {code!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tests", default="")
    parser.add_argument("kernel")
    parser.add_argument("version")
    args = parser.parse_args()
    report = Report("/run/results/results.jsonl", args.quick)
    start = time.monotonic()
    report.write(kernel=args.kernel, version=args.version, release=os.uname().release,
                 quick=args.quick or bool(args.tests))
    doctor(report)
    if not args.tests:
        programs(report)
    system(report, args.tests)
    report.write(done=True, seconds=round(time.monotonic() - start))


main()
