# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
import ctypes
import os
import signal
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hook import hook_plugin    # noqa: E402
from port import Port           # noqa: E402
from testpmd import PLUGIN      # noqa: E402

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, SOCKET_FILTER = 5, 1


def bpf_error():
    """Why the kernel would not load the smallest BPF program; empty if it does."""
    number = SYS_BPF.get(os.uname().machine)
    if number is None:
        return "unknown system call number of bpf()"
    code = ctypes.create_string_buffer(struct.pack("<QQ", 0xb7, 0x95))   # r0 = 0; exit
    licence = ctypes.create_string_buffer(b"GPL")
    attr = ctypes.create_string_buffer(struct.pack(
        "<IIQQIIQI", SOCKET_FILTER, 2, ctypes.addressof(code), ctypes.addressof(licence),
        0, 0, 0, 0), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(number, BPF_PROG_LOAD, attr, 128)
    if fd < 0:
        return os.strerror(ctypes.get_errno())
    os.close(fd)
    return ""


BPF_ERROR = bpf_error()
RUNG = {"bpf": 1, "basic": 2, "soft": 3}
DEVARG = {"bpf": "", "basic": "rss=basic", "soft": "rss=soft"}


def need_bpf():
    """End the test here where BPF cannot be had."""
    if not BPF_ERROR:
        return
    if os.environ.get("TAP_TEST_REQUIRE_BPF") == "1":
        pytest.fail(f"BPF is required and cannot be had: {BPF_ERROR}")
    pytest.skip(f"BPF cannot be had: {BPF_ERROR}")


def pytest_configure():
    if os.geteuid() != 0:
        pytest.exit("the system tests make network namespaces: run them as root", 2)
    # So that namespaces and processes go away with us.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


@pytest.fixture(scope="session", autouse=True)
def plugin():
    if not PLUGIN.exists():
        pytest.exit(f"{PLUGIN} is missing: build first, or set TAP_PLUGIN", 2)
    return PLUGIN


def open_port(mode, devargs="", kind=Port, **kw):
    """A port in one of the modes of RUNG, which it must reach."""
    if mode != "soft":
        need_bpf()
    args = ",".join(filter(None, (DEVARG[mode], devargs)))
    port = kind(args, eal=["-d", str(hook_plugin())], **kw)
    if port.pmd.rung != RUNG[mode]:
        log = port.pmd.log
        port.close()
        pytest.fail(f"wanted rung {RUNG[mode]}:\n{log}")
    return port


@pytest.fixture(scope="module", params=["bpf", "basic", "soft"])
def port(request):
    """A running port with 4 queues, once per mode and file."""
    with open_port(request.param) as opened:
        opened.mode = request.param
        yield opened
