# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What comes and goes a moment after it was asked for: counts, and BPF objects."""
import re
import subprocess
import time
from pathlib import Path

from testpmd import PATIENCE


def settled(condition, timeout=5.0):
    """Is it true within some time?"""
    end = time.monotonic() + timeout * PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def held_by(pid):
    """The BPF programs and maps that a process holds, as (kind, id)."""
    ids = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            ids.update(re.findall(r"^(prog|map)_id:\t(\d+)", info.read_text(), re.M))
        except OSError:
            pass
    return ids


def programs_of(pid):
    """The programs among them."""
    return {(kind, number) for kind, number in held_by(pid) if kind == "prog"}


def loaded():
    """The BPF programs and maps that the kernel has."""
    ids = set()
    for kind in ("prog", "map"):
        out = subprocess.run(["bpftool", kind, "list"], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        ids.update((kind, number) for number in re.findall(r"^(\d+):", out, re.M))
    return ids


def all_gone(ids):
    """Are they unloaded? The kernel does it some moments after the last reference."""
    return settled(lambda: not ids & loaded())
