# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Builds rss_hook.c and talks to it through testpmd's telemetry socket."""
import functools
import json
import shlex
import shutil
import socket
import subprocess
import tempfile
import atexit
from pathlib import Path

_HERE = Path(__file__).resolve().parent


@functools.lru_cache(None)
def hook_plugin():
    """Path of the built hook. In /run: EAL takes plugins only from folders that only root
    may write, up to the root directory."""
    out = Path(tempfile.mkdtemp(prefix="nettap-hook-", dir="/run"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    flags = subprocess.run(["pkg-config", "--cflags", "libdpdk"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    target = out / "rss_hook.so"
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-DALLOW_EXPERIMENTAL_API", "-shared",
                    "-fPIC", *shlex.split(flags), "-o", str(target),
                    str(_HERE / "rss_hook.c")], check=True)
    return target


def telemetry(testpmd, command, *params):
    """One telemetry command; returns its JSON answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(20)
        sock.connect(f"/var/run/dpdk/{testpmd.prefix}/dpdk_telemetry.v2")
        sock.recv(1 << 16)      # the greeting
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
