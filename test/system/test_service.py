# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What doc/deployment.rst says of services and containers, done; services by a real systemd."""
import re
import time

import pytest
from conftest import need_bpf
from machine import PLUGIN_INSIDE, SECONDS, Machine
from testpmd import ROOT

PAGE = (ROOT / "doc" / "deployment.rst").read_text()
HANDED_OVER = "rung 1 of 3: full BPF program), with objects that were handed over"
# The page's alice, by a name that no machine's own user has.
USER = "nettap-alice"
BPF_AND_PERFMON = 1 << 39 | 1 << 38


def blocks(heading, language):
    """The code blocks of a section."""
    section = PAGE.split(f"\n{heading}\n---")[1].split("\n\n\n")[0]
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", section, re.M)
    return [re.sub(r"^   ", "", block, flags=re.M) for block in found]


@pytest.fixture(scope="module")
def machine():
    need_bpf()
    with Machine() as running:
        running.run(f"useradd {USER}")
        yield running


def with_plugin(command):
    assert "dpdk-testpmd " in command
    return command.replace("dpdk-testpmd ", f"dpdk-testpmd -d {PLUGIN_INSIDE} ")


def alice(machine):
    """The log of a port of alice, who has no capabilities."""
    vdev = re.search(r"``--vdev (\S+rss_fds=\S+)``", PAGE)[1]
    return machine.run(f"setpriv --reuid {USER} --regid {USER} --clear-groups --bounding-set=-all "
                       f"dpdk-testpmd --no-huge -m 128 --no-pci -d {PLUGIN_INSIDE} --vdev {vdev} -- "
                       "--rxq=4 --txq=4 --total-num-mbufs=4096 --no-mlockall")


def unit(machine, name):
    """Properties of a unit, as systemd has them."""
    return dict(line.split("=", 1) for line in machine.run(f"systemctl show {name}").splitlines())


def test_nobody_is_served_before_somebody_is_named(machine):
    machine.run(": > /etc/default/dpdk-tap-rss; systemctl start dpdk-tap-rss")
    assert unit(machine, "dpdk-tap-rss")["ConditionResult"] == "no"
    assert unit(machine, "dpdk-tap-rss")["ActiveState"] == "inactive"


def test_a_wrong_option_is_told_at_start(machine):
    said = machine.run("echo DPDK_TAP_RSS_OPTIONS=--bogus > /etc/default/dpdk-tap-rss; "
                       "systemctl start dpdk-tap-rss || journalctl -u dpdk-tap-rss")
    assert "unrecognized option '--bogus'" in said, said
    machine.run("systemctl stop dpdk-tap-rss; systemctl reset-failed")


def test_the_service_gives_alice_rss_in_the_kernel(machine):
    commands = blocks("The Service", "console")[0]
    machine.run(commands.replace("sudo ", "").replace("alice", USER))
    state = unit(machine, "dpdk-tap-rss")
    assert state["ActiveState"] == "active" and state["UnitFileState"] == "enabled", state
    status = machine.run(f"cat /proc/{state['MainPID']}/status")
    for kind in ("Prm", "Eff", "Bnd", "Amb"):
        assert int(re.search(rf"^Cap{kind}:\s+(\w+)", status, re.M)[1], 16) == BPF_AND_PERFMON
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert re.search(r"^Uid:\s+[1-9]\d+\s", status, re.M)
    assert HANDED_OVER in alice(machine)
    # It comes back by itself, at the same place.
    machine.run(f"kill -9 {state['MainPID']}")
    end = time.monotonic() + SECONDS
    while machine.run("journalctl -u dpdk-tap-rss").count("serving at") < 2:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert HANDED_OVER in alice(machine)


def test_a_unit_of_your_own(machine):
    text = with_plugin(blocks("The Service", "ini")[0])
    machine.run(f"cat > /etc/systemd/system/own.service << 'END'\n{text}END\nsystemctl start own")
    end = time.monotonic() + SECONDS
    while "RSS runs" not in machine.run("journalctl -u own"):
        assert unit(machine, "own")["ActiveState"] == "active", machine.run("journalctl -u own")
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "(rung 1 of 3: full BPF program)" in machine.run("journalctl -u own")
    assert unit(machine, "own")["ActiveState"] == "active"
    machine.run("systemctl stop own")
    assert unit(machine, "own")["Result"] == "success"


def test_a_container(machine):
    """The capabilities and the devices of the container line, and no others."""
    line = blocks("Containers", "console")[0].replace("\\\n", " ")
    caps = [cap.lower() for cap in re.findall(r"--cap-add (\w+)", line)]
    devices = re.findall(r"--device (\S+)", line)
    assert caps and devices and "--cap-drop ALL" in line
    command = with_plugin(re.search(r"IMAGE (.*)", line)[1]).replace(" -i ", " ")
    binds = " ".join(f"/dev/{name}" for name in ("null", "zero", "random", "urandom"))
    said = machine.run(
        "unshare --mount --net bash -ec 'mkdir /tmp/dev; mount -t tmpfs dev /tmp/dev; "
        f"cd /tmp; for file in {binds} {' '.join(devices)}; do mkdir -p $(dirname .$file); touch .$file; "
        "mount --bind $file .$file; done; mount --rbind /tmp/dev /dev; "
        f"exec setpriv --bounding-set={','.join(['-all', *('+' + cap for cap in caps)])} {command}'")
    assert "(rung 1 of 3: full BPF program)" in said, said
