# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The distribution's dpdk-testpmd with the plugin, driven from a test.

Commands go in through a FIFO that testpmd reads as its --cmdline-file: no echo and no
prompt then stands in its output, so packet lines stay whole while commands run. The
output is a terminal, so that it comes line by line. When the test process dies, the
FIFO closes and testpmd ends by itself.
"""
import itertools
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = Path(os.environ.get("TAP_PLUGIN", ROOT / "build/drivers/librte_net_tap.so"))
CLI = Path(os.environ.get("TAP_CLI", ROOT / "build/app/dpdk-tap-rss"))
TESTPMD = "dpdk-testpmd"
START_TIMEOUT = 40
# On a slow (emulated) machine what is waited for takes so many times as long.
PATIENCE = float(os.environ.get("TAP_TEST_PATIENCE", "1"))
QUIET = min(PATIENCE, 4)    # the same where nothing may come, and all of the time passes
CPUS = "0-1" if os.cpu_count() > 1 else "0"
# Of a single one all else comes first: testpmd polls without end.
POLITELY = () if os.cpu_count() > 1 else ("nice", "-n", "19")
RX_OFFLOAD_RSS_HASH = 1 << 19

_serial = itertools.count(1)
_BURST = re.compile(r"^port (\d+)/queue (\d+): received (\d+) packets$")
_PACKET = re.compile(
    r"^  src=(\S+) - dst=(\S+) - pool=\S+ - type=0x(\w+) - length=(\d+) - nb_segs=(\d+)")
_HASH = re.compile(r" - RSS hash=0x(\w+) - RSS queue=0x(\w+)")
_FDIR = re.compile(r" - FDIR matched (?:ID=0x(\w+))?")
_PTYPE = re.compile(r" - hw ptype: (.*?) - sw ptype: (.*?) - (?:l2_len|\w+=)")
_RUNG = re.compile(r"RSS runs .*\(rung (\d) of 3[^)]*\).*")


class TestpmdError(Exception):
    """testpmd ended, hung or did not come up; the message has its output."""

    __test__ = False    # whatever its name says


class Packet(NamedTuple):
    port: int
    queue: int
    src: str
    dst: str
    length: int
    segments: int
    hash: Optional[int]     # None: not flagged as hashed
    hw_ptype: str
    sw_ptype: str
    flags: str
    flagged: bool           # a flow rule has marked or flagged it
    mark: Optional[int]     # None: without a mark


class _Lines:
    """Splits what comes from a descriptor into lines."""

    def __init__(self, fd):
        self.fd = fd
        self.rest = b""
        os.set_blocking(fd, False)

    def read(self):
        """Complete lines; None at end of file."""
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return []
        except OSError:     # a terminal whose other end is closed
            data = b""
        if not data:
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.rstrip(b"\r").decode(errors="replace") for line in lines]


class Testpmd:
    """One testpmd process; a context manager."""

    __test__ = False    # not a test class

    def __init__(self, ns, *vdevs, args=(), eal=(), wrap=(), plugin=PLUGIN, rxq=4, txq=None,
                 mbufs=8192, burst=8, start=True, forward="rxonly",
                 lcores=f"0@({CPUS}),1@({CPUS})", prefix=None, huge=False):
        self.packets = []
        self.lines = []         # everything else that it printed
        self.verbose = 1
        self.dir = tempfile.mkdtemp(prefix="nettap-")
        self.prefix = prefix or f"nettap-{os.getpid()}-{next(_serial)}"
        self.owner = not prefix     # else it is a secondary process
        self._burst = self._packet = None
        self._open = {}
        fifo = os.path.join(self.dir, "commands")
        os.mkfifo(fifo)
        self._commands = os.open(fifo, os.O_RDWR)
        argv = [*ns.exec_argv, *POLITELY, *wrap, TESTPMD, "--lcores", lcores,
                *(() if huge else ("--no-huge",)), "-m", "256", "--no-pci", "--file-prefix", self.prefix]
        if plugin:
            argv += ["-d", str(plugin)]
        for vdev in vdevs:
            argv += ["--vdev", vdev]
        argv += [*eal, "--", "-i", f"--cmdline-file={fifo}", "--no-mlockall", f"--rxq={rxq}",
                 f"--txq={txq or rxq}", f"--total-num-mbufs={mbufs}", f"--burst={burst}",
                 f"--forward-mode={forward}", *args]
        if plugin and rxq > 1 and "--disable-rss" not in args:
            argv.insert(argv.index("-i") + 1, f"--rx-offloads={RX_OFFLOAD_RSS_HASH:#x}")
        self.argv = argv
        self._spawn()
        try:
            self.cmd("set verbose 1", START_TIMEOUT)
            if start:
                self.cmd("start")
        except BaseException:
            self.kill()
            raise

    def _spawn(self):
        master, slave = os.openpty()
        err_read, err_write = os.pipe()
        self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=slave,
                                     stderr=err_write, start_new_session=True,
                                     env={**os.environ, "LC_ALL": "C"})
        os.close(slave)
        os.close(err_write)
        self._out, self._err = _Lines(master), _Lines(err_read)
        self._open = {master: self._out, err_read: self._err}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Output

    def pump(self, timeout=0.0):
        """Take in what was printed; false when nothing came within timeout."""
        ready = select.select(list(self._open), [], [], timeout)[0]
        for fd in ready:
            lines = self._open[fd].read()
            if lines is None:
                del self._open[fd]
                continue
            for line in lines:
                self._take(line)
        if not self._open:
            raise TestpmdError("testpmd has ended:\n" + self.tail())
        return bool(ready)

    def _take(self, line):
        burst = _BURST.match(line)
        if burst:
            self._burst = int(burst[1]), int(burst[2])
            return
        packet = _PACKET.match(line)
        if packet and self._burst:
            hashed, ptype, fdir = (exp.search(line) for exp in (_HASH, _PTYPE, _FDIR))
            self._packet = Packet(
                *self._burst, packet[1].lower(), packet[2].lower(), int(packet[4]),
                int(packet[5]), int(hashed[1], 16) if hashed else None,
                ptype[1] if ptype else "", ptype[2] if ptype else "", "", fdir is not None,
                int(fdir[1], 16) if fdir and fdir[1] else None)
            return
        if line.startswith("  ol_flags: "):
            # The last that is printed of a packet.
            if self._packet:
                self.packets.append(self._packet._replace(flags=line[12:].strip() or "none"))
            self._packet = None
            return
        self.lines.append(line)

    def tail(self, count=40):
        return " ".join(self.argv) + "\n" + "\n".join(self.lines[-count:])

    @property
    def log(self):
        return "\n".join(self.lines)

    @property
    def rung(self):
        """The rung of the BPF ladder that the port stands on, from the log; None without RSS."""
        rungs = _RUNG.findall(self.log)
        return int(rungs[-1]) if rungs else None

    @property
    def rung_line(self):
        found = _RUNG.search(self.log)
        return found[0] if found else "no RSS"

    def wait(self, condition, timeout=10.0, what="a condition"):
        """Take in output until condition() holds; false when the time is over."""
        end = time.monotonic() + timeout * PATIENCE
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.pump(min(left, 0.2))
        return True

    def take_packets(self):
        """The packets seen since the last call."""
        packets, self.packets = self.packets, []
        return packets

    # Commands

    def send(self, command):
        os.write(self._commands, command.encode() + b"\n")

    def cmd(self, command, timeout=15.0):
        """Run a console command; returns what was printed meanwhile, packets aside."""
        verbose = re.fullmatch(r"set verbose (\d+)", command)
        begin = len(self.lines)
        if verbose:
            self.verbose = int(verbose[1])
        # testpmd says this before it does it, so the same level once more: what came before is done.
        mark = re.compile(rf"Change verbose level from {self.verbose} to {self.verbose}$")
        self.send(command)
        self.send(f"set verbose {self.verbose}")
        seen = begin

        def done():
            nonlocal seen
            while seen < len(self.lines):
                seen += 1
                if mark.search(self.lines[seen - 1]):
                    return True
            return False
        if not self.wait(done, timeout):
            raise TestpmdError(f"no answer to '{command}':\n" + self.tail())
        while self._err.fd in self._open and select.select([self._err.fd], [], [], 0)[0]:
            self.pump(0)
        return "\n".join(line for line in self.lines[begin:] if not mark.search(line))

    def stats(self, port=0):
        """Counters of 'show port stats'."""
        text = self.cmd(f"show port stats {port}")
        found = re.findall(r"([RT]X-[\w-]+): *(\d+)", text)
        return {name: int(value) for name, value in found}

    def fwd_drops(self):
        """Packets that testpmd received and could not send, since it began to forward."""
        text = self.cmd("show fwd stats all")
        return sum(map(int, re.findall(r"TX-dropped: *(\d+)", text.split("Accumulated")[-1])))

    def xstats(self, port=0):
        text = self.cmd(f"show port xstats {port}")
        return {k: int(v) for k, v in re.findall(r"^(\w+): (\d+)$", text, re.M)}

    def mac(self, port=0):
        return re.search(r"MAC address: (\S+)", self.cmd(f"show port info {port}"))[1].lower()

    # RSS through the console

    def set_reta(self, reta, port=0, only=None):
        """Write redirection table entries (those in only, or all), as few as the console needs
        per command; returns what was printed."""
        entries = [f"({i},{reta[i]})" for i in (range(len(reta)) if only is None else only)]
        printed = []
        while entries:
            take = 1
            while take < len(entries) and len(",".join(entries[:take + 1])) < 120:
                take += 1
            printed.append(self.cmd(f"port config {port} rss reta {','.join(entries[:take])}"))
            entries = entries[take:]
        return "\n".join(printed)

    def get_reta(self, port=0, size=512):
        groups = size // 64
        found = {}
        for first in range(0, groups, 4):   # a word of the console has at most 127 characters
            masks = ",".join("0xffffffffffffffff" if first <= i < first + 4 else "0"
                             for i in range(groups))
            text = self.cmd(f"show port {port} rss reta {size} ({masks})")
            found.update((int(entry), int(queue)) for entry, queue in re.findall(
                r"hash index=(\d+), queue=(\d+)", text))
        return [found[entry] for entry in sorted(found)]

    def get_key(self, port=0):
        for _ in range(3):  # a packet that is shown meanwhile breaks the line
            text = self.cmd(f"show port {port} rss-hash key")
            found = re.search(r"RSS key:\s*((?:[0-9A-Fa-f]{2})+)$", text, re.M)
            if found:
                return bytes.fromhex(found[1])
        return None

    # The end

    def close(self):
        """Quit properly, or by force when that takes too long."""
        if self.proc.poll() is None:
            self.send("quit")
            try:
                while self.pump(10 * PATIENCE):
                    pass
            except TestpmdError:
                pass
            try:
                self.proc.wait(5 * PATIENCE)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """kill -9, and forget."""
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        try:
            while self._open and self.pump(0.2):
                pass
        except TestpmdError:
            pass
        for fd in (self._out.fd, self._err.fd, self._commands):
            try:
                os.close(fd)
            except OSError:
                pass
        self._open = {}
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.owner:
            shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)
