# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""A machine with a real systemd: namespaces, a group and a layer of the root file system of its own."""
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from testpmd import CLI, PATIENCE, PLUGIN, ROOT

SYSTEMD = Path("/lib/systemd/systemd")
PLUGIN_INSIDE = "/opt/net_tap/librte_net_tap.so"
SECONDS = 40 * PATIENCE
PR_SET_PDEATHSIG = 1


class Machine:
    """A context manager; the machine has no network but its own, and leaves nothing behind."""

    def __enter__(self):
        if not SYSTEMD.exists():
            pytest.skip("there is no systemd: apt-get install systemd")
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._wait_for_systemd()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start(self, stack):
        """The stack gets what undoes each step."""
        self.first = None
        self.dir = Path(tempfile.mkdtemp(prefix="nettap-machine-"))
        stack.callback(shutil.rmtree, self.dir)
        groups = self.dir / "cgroup"
        groups.mkdir()
        done = subprocess.run(["mount", "-t", "cgroup2", "cgroup", groups],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"systemd needs cgroup2: {done.stderr.strip()}")
        stack.callback(subprocess.run, ["umount", "--lazy", groups], check=True)
        self.group = groups / f"nettap-{os.getpid()}"
        self.group.mkdir()
        stack.callback(self._remove_group)
        self.log = self.dir / "log"
        argv = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork",
                "--kill-child", ROOT / "test/system/machine.sh", self.dir, PLUGIN, CLI]
        with open(self.log, "w", encoding="utf-8") as log:
            self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         preexec_fn=self._enter_group)
        stack.callback(self._kill)

    def _enter_group(self):
        # A machine does not outlive a pytest that is killed.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        (self.group / "cgroup.procs").write_text(str(os.getpid()))

    def _kill(self):
        self.proc.kill()
        self.proc.wait()

    def _remove_group(self):
        end = time.monotonic() + SECONDS
        while "populated 1" in (self.group / "cgroup.events").read_text():
            assert time.monotonic() < end, "processes of the machine are left"
            time.sleep(0.05)
        for folder, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(folder)

    def _is_systemd(self):
        """Has the machine's first process come so far? What runs before that would run on the host."""
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    self.first = child
        return self.first is not None

    def _wait_for_systemd(self):
        end = time.monotonic() + SECONDS
        while not self._is_systemd() or "running" not in self.run("systemctl is-system-running", check=False):
            said = self.log.read_text()
            if self.proc.poll() is not None and said.startswith("mount: "):
                pytest.skip(f"no layer over the root file system can be made here: {said}")
            assert self.proc.poll() is None and time.monotonic() < end, said
            time.sleep(0.2)

    def argv(self, command):
        """How a shell command runs inside, as root."""
        return ["nsenter", "--target", self.first, "--all", "--root", "--wd", "env", "-i", "HOME=/root",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-c", command]

    def run(self, command, check=True):
        """What a shell command says that runs inside, as root."""
        done = subprocess.run(self.argv(command), text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0 or not check, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout
