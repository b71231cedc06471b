# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Builds rss_hook.c and flow_hook.c and talks to them through testpmd's telemetry socket."""
import functools
import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import atexit
from pathlib import Path

from testpmd import PATIENCE

_HERE = Path(__file__).resolve().parent


@functools.lru_cache(None)
def hook_plugin():
    """Path of the built hook, or of one that has been built. In /run: EAL takes plugins only
    from folders that only root may write, up to the root directory."""
    if "TAP_TEST_HOOK" in os.environ:
        return Path(os.environ["TAP_TEST_HOOK"])
    out = Path(tempfile.mkdtemp(prefix="nettap-hook-", dir="/run"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    flags = subprocess.run(["pkg-config", "--cflags", "libdpdk"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    target = out / "hook.so"
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-DALLOW_EXPERIMENTAL_API", "-shared",
                    "-fPIC", *shlex.split(flags), "-o", str(target),
                    str(_HERE / "rss_hook.c"), str(_HERE / "flow_hook.c")], check=True)
    return target


def telemetry_socket(testpmd):
    """A connection that was greeted: DPDK takes ten, and counts those just closed for a while."""
    path = f"/var/run/dpdk/{testpmd.prefix}/dpdk_telemetry.v2"
    deadline = time.monotonic() + 20 * PATIENCE
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.settimeout(20 * PATIENCE)
            sock.connect(path)
            if sock.recv(1 << 16):
                return sock
        except BaseException:
            sock.close()
            raise
        sock.close()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path}: closes every connection")
        time.sleep(0.01)


def telemetry(testpmd, command, *params):
    """One telemetry command; returns its JSON answer."""
    with telemetry_socket(testpmd) as sock:
        sock.send(",".join([command, *map(str, params)]).encode())
        answer = json.loads(sock.recv(1 << 20))
    return answer[command]


def hash_update(testpmd, rss_hf, key=None, port=0):
    """rte_eth_dev_rss_hash_update(): its return value."""
    params = [port, f"{rss_hf:x}"] + ([key.hex()] if key is not None else [])
    return telemetry(testpmd, "/hook/hash", *params)["ret"]


def reta_update(testpmd, first, step, queues, size=512, port=0):
    """rte_eth_dev_rss_reta_update() of a whole table: its return value."""
    return telemetry(testpmd, "/hook/reta", port, size, first, step, queues)["ret"]


def rss_info(testpmd, port=0):
    return telemetry(testpmd, "/hook/info", port)


# Flow rules in numbers, and what the console cannot say; flow_hook.c has its own rules.

def flow_fill(testpmd, first, count, queue, queues, port=0):
    """Rules number first to first + count - 1, rule i to queue (queue + i) % queues: a dict of
    how many were made and what the last call said."""
    return telemetry(testpmd, "/hook/flow_fill", port, first, count, queue, queues)


def flow_drain(testpmd, port=0):
    """Destroy all rules of flow_fill(), those in the middle at last."""
    return telemetry(testpmd, "/hook/flow_drain", port)


def flow_forget(testpmd):
    """After a port with rules of flow_fill() was closed: there are none to drain."""
    return telemetry(testpmd, "/hook/flow_forget")


def flow_churn(testpmd, count, port=0):
    """Create and destroy so many rules as fast as it goes; dict as flow_fill()."""
    return telemetry(testpmd, "/hook/flow_churn", port, count)


def flow_reset(testpmd, port=0):
    """Query with reset of the first rule of flow_fill()."""
    return telemetry(testpmd, "/hook/flow_reset", port)


def flow_odd(testpmd, name, port=0):
    """A call that is wrong in a way that the console does not let through."""
    return telemetry(testpmd, "/hook/flow_odd", port, name)
