# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""dpdk-tap-rss asks an application that means ill: whatever it answers, the program ends in order."""
import contextlib
import json
import os
import random
import socket
import subprocess
import threading

import pytest
from conftest import open_port
from hook import telemetry
from testpmd import CLI, PATIENCE

PREFIX = "hostile"
SEEDS = 60
FLOW = ["--src", "10.0.0.1", "--dst", "10.0.0.2", "--sport", "1", "--dport", "2"]
COMMANDS = {
    "show": [["show"], ["show", "--json"]],
    "verify": [["verify", *FLOW], ["verify", "--json", *FLOW, "--expect-queue", "1"]],
    "watch": [["watch", "--json", "--interval", "100", "--count", "2"]],
    "export": [["export"], ["export", "--json"]],
    "suggest": [["suggest", "--seconds", "1", "--apply"]],
}
JUNK = [None, True, -1, 1 << 62, -(1 << 62), 65536, 1.5, "", "x" * 5000, "\u0001\u00e9\x1b[2J", "00" * 40, [], {},
        [[[]]] * 50, [-1] * 600, ["a"] * 9, {"a": {"b": []}}, list(range(2000))]


def spoil(rng, value):
    """A value with a few parts replaced, taken away or repeated."""
    if rng.random() < 0.06:
        return rng.choice(JUNK)
    if isinstance(value, dict):
        return {key: spoil(rng, part) for key, part in value.items() if rng.random() > 0.03}
    if isinstance(value, list):
        # Of a table's 512 entries not 30 each time.
        few = rng.random() < 0.5 or len(value) < 20
        parts = [spoil(rng, part) if few else part for part in value]
        return parts * 3 if rng.random() < 0.05 else parts[:rng.randrange(len(parts) + 1)] if rng.random() < 0.1 else parts
    return value


class Application(threading.Thread):
    """Answers as a real port has, spoiled by a number."""

    def __init__(self, folder, answers, seed):
        super().__init__(daemon=True)
        self.answers, self.rng, self.asked = answers, random.Random(seed), 0
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "dpdk_telemetry.v2"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, contextlib.suppress(OSError):
                    self.serve(client)

    def serve(self, client):
        client.send(json.dumps({"version": "DPDK", "pid": 1, "max_output_len": 16384}).encode())
        while True:
            command = client.recv(1024).decode().split(",")[0]
            if not command:
                return
            self.asked += 1
            answer = {command: spoil(self.rng, self.answers.get(command))}
            text = json.dumps(answer).encode()
            if self.rng.random() < 0.03:
                text = text[:self.rng.randrange(len(text))] + self.rng.randbytes(20)
            client.send(text)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(10)


@pytest.fixture(scope="module")
def answers():
    """What a port with rules says."""
    with open_port("soft") as port:
        for actions in ("queue index 1", "rss queues 0 2 end types udp end", "drop / count"):
            port.pmd.cmd(f"flow create 0 ingress pattern eth / ipv4 / udp / end actions {actions} / end")
        frame = "020000000001020000000002080045000028000000004006" + "00" * 40
        asked = {"list": (), "info": (0,), "queues": (0,), "rules": (0,), "classify": (0, frame),
                 "reta": (0, "0=1")}
        return {f"/net_tap/{name}": telemetry(port.pmd, f"/net_tap/{name}", *args)
                for name, args in asked.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_an_application_answers_soft(command, answers, tmp_path):
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    asked = {0: 0, 1: 0, 2: 0}
    for seed in range(SEEDS if command in ("show", "verify", "export") else SEEDS // 6):
        for args in COMMANDS[command]:
            app = Application(tmp_path / "dpdk" / PREFIX, answers, seed)
            app.start()
            done = subprocess.run([CLI, *args, "--file-prefix", PREFIX], stdin=subprocess.DEVNULL, text=True,
                                  errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                                  timeout=30 * PATIENCE, check=False)
            app.close()
            assert done.returncode in asked, f"seed {seed}, {args}: {done.returncode}\n{done.stdout}{done.stderr}"
            assert "runtime error" not in done.stderr and "AddressSanitizer" not in done.stderr, done.stderr
            assert len(done.stdout) < 1 << 20
            assert done.returncode == 0 or done.stderr or done.stdout, f"seed {seed}, {args}: no word"
            asked[done.returncode] += app.asked
    # Some are so little spoiled that the program gets to its end; suggest's netdev is not there.
    assert asked[2] > 0 and (asked[0] + asked[1] > 0 or command == "suggest"), asked
