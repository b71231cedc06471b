# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What doc/tutorial.rst tells the reader to type is typed, and prints what stands there."""
import re
import subprocess
import time

import pytest
from conftest import need_bpf
from testpmd import PLUGIN, ROOT

TUTORIAL = ROOT / "doc" / "tutorial.rst"
BLOCK = re.compile(r"^\.\. code-block:: console\n\n((?:   .*\n)+)", re.M)
SECONDS = 40


def steps():
    """[prompt, command, lines shown] of all console blocks after the build."""
    found = []
    for block in BLOCK.findall(TUTORIAL.read_text().split("\nA Port\n")[1]):
        for line in re.sub(r"^   ", "", block, flags=re.M).splitlines():
            typed = re.match(r"(# |testpmd> )(.*)", line)
            if typed:
                found.append([typed[1].strip(), typed[2], []])
            else:
                found[-1][2].append(line)
    return found


class Terminal:
    """The first terminal: a testpmd that reads what is typed."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "w") as out:
            self.proc = subprocess.Popen(command, shell=True, cwd=ROOT, text=True, bufsize=1,
                                         stdin=subprocess.PIPE, stdout=out, stderr=out)

    def type(self, line):
        self.proc.stdin.write(line + "\n")

    def output(self):
        return self.log.read_text()


def missing(shown, output):
    """Which lines that stand in the tutorial are not in the output."""
    return [line for line in shown if line.replace("...", "").rstrip() not in output]


def wait_for(shown, output):
    end = time.monotonic() + SECONDS
    while missing(shown, output()):
        assert time.monotonic() < end, (missing(shown, output()), output())
        time.sleep(0.05)


def run(command):
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, text=True, timeout=SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, (command, done.stdout)
    return done.stdout


def queues(output):
    """Packets of each queue in what `dpdk-tap-rss show` prints."""
    return [int(count) for count in re.findall(r"^ +\d+ +(\d+) ", output, re.M)]


@pytest.fixture
def tidy():
    """Nothing is left, whatever happens."""
    terminals = []
    assert "tutorial" not in run("ip netns list").split(), "a namespace of that name is there"
    yield terminals
    for terminal in terminals:
        terminal.proc.stdin.close()
        try:
            terminal.proc.wait(10)
        except subprocess.TimeoutExpired:
            terminal.proc.kill()
            terminal.proc.wait()
    subprocess.run(["ip", "netns", "del", "tutorial"], stderr=subprocess.DEVNULL, check=False)


def test_all_that_the_tutorial_shows_happens(tidy, tmp_path):
    need_bpf()
    shown_queues = 0
    for prompt, command, shown in steps():
        if prompt == "testpmd>":
            tidy[0].type(command)
            if command == "quit":
                assert tidy[0].proc.wait(SECONDS) == 0
            wait_for(shown, tidy[0].output)
        elif "dpdk-testpmd" in command:
            command = command.replace("$PWD/build/drivers/librte_net_tap.so", str(PLUGIN))
            tidy.append(Terminal("exec stdbuf -oL " + command, tmp_path / "terminal"))
            wait_for([*shown, "testpmd> "], tidy[0].output)
        else:
            time.sleep(0.3)     # a reader is slower: what was typed in testpmd is done
            output = run(command)
            assert not missing(shown, output), (command, missing(shown, output), output)
            if " show " in command:
                counts = queues(output)
                assert len(counts) == 4 and all(200 < count < 300 for count in counts), output
                shown_queues += 1
    assert shown_queues == 1
