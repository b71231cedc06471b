# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""A port without any capability, whose programs and maps a process with privileges gives it."""
import os
import re
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import frames
import pytest
from conftest import need_bpf
from netns import KERNEL
from port import Port
from rss_model import RssConfig
from rules import Rules
from testpmd import CLI, PATIENCE, Testpmd, TestpmdError

NOBODY = 65534
# Root by name alone: files and taps are its own, and nothing else is allowed.
NO_CAPS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.fixture(autouse=True)
def bpf():
    need_bpf()


def run(ns, *argv, status=0):
    done = subprocess.run([*ns.exec_argv, str(CLI), *map(str, argv)], text=True, timeout=60 * PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def bpffs():
    with tempfile.TemporaryDirectory(prefix="nettap-bpf-") as folder:
        subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@contextmanager
def server(ns, folder, *allow):
    """dpdk-tap-rss serve in a namespace; yields its socket and what it says."""
    path = Path(folder) / "socket"
    argv = [*ns.exec_argv, str(CLI), "serve", "--socket", str(path)]
    for user in allow:
        argv += ["--allow", str(user)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == f"serving at {path}\n"
            yield path, process.stdout
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert not path.exists()


def make_tap(ns):
    ns.run("ip", "tuntap", "add", "tap0", "mode", "tap", "multi_queue", "user", "root")
    ns.run("ip", "link", "set", "tap0", "up", "txqueuelen", 1024)


def check_port(port):
    """RSS in the kernel with objects of another process, a change of it, and a rule."""
    assert port.pmd.rung == 1
    assert "with objects that were handed over" in port.pmd.log
    port.pmd.cmd("port config all rss all")
    port.check(frames.corpus(), RssConfig.spread(4))
    xstats = port.pmd.xstats()
    assert sum(xstats[f"rx_q{q}_handed_over"] for q in range(4)) == 0
    rules = Rules(port.pmd)
    rules.create("eth / ipv4 / udp", "queue index 3 / count")
    frame = bytes(frames.ether(frames.IP(src=frames.A4, dst=frames.B4) / frames.UDP(dport=9)))
    assert [packets[0].queue for _, packets in port.exchange([frame] * 20)] == [3] * 20
    rules.flush()


pins_are_open = pytest.mark.skipif(KERNEL < (5, 19),
                                   reason="pins are for processes with CAP_BPF (before 5.19)")


@pins_are_open
def test_pins(bpffs):
    pin = bpffs / "one"

    def prepare(ns):
        said = run(ns, "load", "--pin", pin, "--user", "root", "--tap", "tap0", "--queues", 4)
        assert f"bpf_pin={pin}" in said

    with Port(f"bpf_pin={pin}", prepare=prepare, wrap=NO_CAPS) as port:
        check_port(port)
        # One folder, one port: another one goes on by itself, and says why.
        with Testpmd(port.ns, f"net_tap0,iface=tap1,bpf_pin={pin}") as other:
            assert other.rung == 1
            assert re.search("another port has these objects", other.log), other.log
        run(port.ns, "unload", "--pin", pin)
        assert not pin.exists()
        port.check(dict(list(frames.corpus().items())[:5]), RssConfig.spread(4))


def test_objects_go_into_a_new_folder_only(bpffs):
    """Somebody else's folder could lead root to any file."""
    (bpffs / "theirs").mkdir()
    with Port(prepare=make_tap) as port:
        assert "exists" in run(port.ns, "load", "--pin", bpffs / "theirs", status=2)
        run(port.ns, "load", "--pin", bpffs / "mine", "--user", "nobody", "--mode", "640")
        assert oct((bpffs / "mine").stat().st_mode) == "0o40750"
        for pin in (bpffs / "mine").iterdir():
            assert (pin.stat().st_uid, oct(pin.stat().st_mode)) == (NOBODY, "0o100640")
        assert "exists" in run(port.ns, "load", "--pin", bpffs / "mine", status=2)
        assert "tap0: File exists" in run(port.ns, "load", "--pin", bpffs / "more", "--tap", "tap0", status=2)
        assert not (bpffs / "more").exists()
        run(port.ns, "unload", "--pin", bpffs / "mine")
    (bpffs / "theirs").rmdir()


def test_a_user_who_cannot_get_there_is_told(tmp_path):
    subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", tmp_path], check=True)
    try:
        with Port(prepare=make_tap) as port:
            assert "keeps user 65534 out" in run(port.ns, "load", "--pin", tmp_path / "x", "--user", "nobody")
            run(port.ns, "unload", "--pin", tmp_path / "x")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pins_are_open
def test_a_pin_is_used_again(bpffs):
    """What an earlier port left in the maps does not matter to the next."""
    pin = bpffs / "again"
    for number in range(2):
        with Port(f"bpf_pin={pin}", wrap=NO_CAPS, prepare=lambda ns: (
                run(ns, "load", "--pin", pin) if number == 0 else None, make_tap(ns))) as port:
            check_port(port)
            if number == 1:
                run(port.ns, "unload", "--pin", pin)


def test_a_server(tmp_path):
    with Port(prepare=make_tap) as with_privileges:
        with server(with_privileges.ns, tmp_path, 0) as (path, said):
            for _ in range(2):      # each port gets objects of its own
                with Port(f"rss_fds={path}", prepare=make_tap, wrap=NO_CAPS) as port:
                    assert re.match("given: user 0, process", said.readline())
                    check_port(port)


def test_a_server_refuses_a_user_that_is_not_allowed(tmp_path):
    with Port(prepare=make_tap) as port, server(port.ns, tmp_path, 4242) as (path, said):
        with Testpmd(port.ns, f"net_tap0,iface=tap1,rss_fds={path}") as pmd:
            assert "the server refuses: user 0 is not allowed" in pmd.log
            assert pmd.rung == 1    # by itself, which it may
        assert re.match("refused: user 0, process", said.readline())


def connect_as(uid, path):
    """What the server says to a user."""
    parent, child = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgid(uid)
        os.setuid(uid)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.connect(str(path))
            data, fds, _, _ = socket.recv_fds(sock, 4096, 64)
            os.write(child, bytes([len(fds)]) + data)
        os._exit(0)
    os.close(child)
    assert os.waitpid(pid, 0)[1] == 0
    with os.fdopen(parent, "rb") as answer:
        data = answer.read()
    return data[0], data[1:]


def test_the_kernel_says_who_asks():
    with tempfile.TemporaryDirectory(prefix="nettap-") as folder:
        os.chmod(folder, 0o755)
        with Port(prepare=make_tap) as port, server(port.ns, folder, "nobody") as (path, _):
            assert connect_as(NOBODY, path)[0] == 8
            count, data = connect_as(NOBODY - 1, path)
            assert count == 0 and b"user 65533 is not allowed" in data


def test_what_is_not_there_is_said_and_software_takes_over(bpffs):
    with Port(f"bpf_pin={bpffs}/none", prepare=make_tap, wrap=NO_CAPS) as port:
        assert port.pmd.rung == 3
        assert re.search(r"rung 3 of 3.*bpf_pin=.*none: No such file", port.pmd.log), port.pmd.log


@pytest.mark.parametrize("devargs,words", [
    ("rss=bpf,bpf_pin=/nowhere", "rss=bpf was asked for.*bpf_pin=/nowhere"),
    ("bpf_pin=here", "bpf_pin.*absolute path"),
    ("rss_fds=", "rss_fds.*absolute path"),
    ("rss_fds=/" + "x" * 107, "rss_fds.*not allowed; allowed: the absolute path of a Unix socket, below 108 characters"),
    ("bpf_pin=/a,rss_fds=/b", "bpf_pin and rss_fds exclude each other"),
])
def test_bad_arguments(devargs, words):
    with pytest.raises(TestpmdError) as refused:
        with Port(devargs, prepare=make_tap, wrap=NO_CAPS):
            pass
    assert re.search(words, str(refused.value)), refused.value


@pytest.mark.parametrize("argv,words", [
    (["load"], "--pin DIR is wanted"),
    (["load", "--pin", "/nowhere/x"], "mount -t bpf"),
    (["load", "--pin", "/tmp/nettap-no-bpffs"], "not in a BPF file system"),
    (["load", "--pin", "/x", "--user", "nobody at all"], "--user"),
    (["load", "--pin", "/x", "--mode", "9"], "--mode.*octal"),
    (["load", "--pin", "/x", "--queues", "257"], "--queues.*1 to 256"),
    (["load", "--pin", "/x", "--tap", "sixteen-letters!"], "--tap.*1 to 15"),
    (["load", "--pin", "/x", "--tap", "tap%d"], "--tap.*without '%'"),
    (["serve", "--socket", "/x"], "--allow"),
    (["serve", "--allow", "root"], "--socket"),
    (["serve", "--allow", "root", "--socket", "/" + "x" * 200], "107 characters"),
    (["unload"], "--pin"),
])
def test_wrong_use_is_told(argv, words):
    done = subprocess.run([str(CLI), *argv], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60 * PATIENCE)
    assert done.returncode == 2
    assert re.search(words, done.stdout), done.stdout
    assert not Path("/tmp/nettap-no-bpffs").exists()
