# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""A machine with a real systemd: namespaces, a group and a layer of the root file system of its own."""
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from testpmd import CLI, PATIENCE, PLUGIN, ROOT

SYSTEMD = Path("/lib/systemd/systemd")
PLUGIN_INSIDE = "/opt/net_tap/librte_net_tap.so"
SECONDS = 40 * PATIENCE


class Machine:
    """A context manager; the machine has no network but its own, and leaves nothing behind."""

    def __enter__(self):
        if not SYSTEMD.exists():
            pytest.skip("there is no systemd: apt-get install systemd")
        self.dir = Path(tempfile.mkdtemp(prefix="nettap-machine-"))
        self.groups = self.dir / "cgroup"
        self.groups.mkdir()
        done = subprocess.run(["mount", "-t", "cgroup2", "cgroup", self.groups],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.dir)
            pytest.skip(f"systemd needs cgroup2: {done.stderr.strip()}")
        self.group = self.groups / f"nettap-{os.getpid()}"
        self.group.mkdir()
        self.log = self.dir / "log"
        argv = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork",
                "--kill-child", ROOT / "test/system/machine.sh", self.dir, PLUGIN, CLI]
        with open(self.log, "w", encoding="utf-8") as log:
            self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         preexec_fn=self._enter_group)
        try:
            self._wait_for_systemd()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _enter_group(self):
        (self.group / "cgroup.procs").write_text(str(os.getpid()))

    def _wait_for_systemd(self):
        end = time.monotonic() + SECONDS
        while "running" not in self.run("systemctl is-system-running", check=False):
            said = self.log.read_text()
            if self.proc.poll() is not None and said.startswith("mount: "):
                pytest.skip(f"no layer over the root file system can be made here: {said}")
            assert self.proc.poll() is None and time.monotonic() < end, said
            time.sleep(0.2)

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()
        end = time.monotonic() + SECONDS
        while "populated 1" in (self.group / "cgroup.events").read_text():
            assert time.monotonic() < end, "processes of the machine are left"
            time.sleep(0.05)
        for folder, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(folder)
        subprocess.run(["umount", self.groups], check=True)
        shutil.rmtree(self.dir)

    def argv(self, command):
        """How a shell command runs inside, as root."""
        children = Path(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children").read_text()
        first = children.strip() or self.proc.pid
        return ["nsenter", "--target", str(first), "--all", "--root", "--wd", "env", "-i", "HOME=/root",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-c", command]

    def run(self, command, check=True):
        """What a shell command says that runs inside, as root."""
        done = subprocess.run(self.argv(command), text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0 or not check, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout
