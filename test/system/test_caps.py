# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Which capabilities lead to which rung: the table of doc/deployment.rst, row by row."""
import re
import subprocess

import pytest
from conftest import need_bpf
from netns import Netns
from testpmd import CLI, PATIENCE, ROOT, Testpmd, TestpmdError

TABLE = ROOT / "doc" / "deployment.rst"


def rows():
    """(capabilities, TAP, rung) of each row; every cell has one line."""
    table = TABLE.read_text().split(".. list-table:: Capabilities and rungs\n")[1]
    found = re.findall(r"^   \* - (.+)\n     - (.+)\n     - (.+)\n", table, re.M)
    assert found[0] == ("Capabilities", "TAP", "Rung")
    return found[1:]


def only(words):
    """setpriv with the capabilities that a cell names, and no others."""
    if words == "all":
        return ()
    names = [name.lower() for name in re.findall(r"CAP_(\w+)", words)]
    assert names or words == "none"
    return ("setpriv", "--bounding-set", ",".join(["-all", *("+" + name for name in names)]))


@pytest.mark.parametrize("caps,tap,rung", rows(), ids="-".join)
def test_these_capabilities_lead_to_the_rung_that_the_table_names(caps, tap, rung):
    if rung == "1":
        need_bpf()
    with Netns() as ns:
        if tap == "prepared":
            ns.run("ip", "tuntap", "add", "tap0", "mode", "tap", "multi_queue", "user", "root")
            ns.run("ip", "link", "set", "tap0", "txqueuelen", 1024, "up")
        if rung == "refused":
            with pytest.raises(TestpmdError, match="CAP_NET_ADMIN"):
                with Testpmd(ns, "net_tap0,iface=tap0", wrap=only(caps)):
                    pass
            return
        with Testpmd(ns, "net_tap0,iface=tap0", wrap=only(caps)) as pmd:
            assert pmd.rung == int(rung), pmd.log


def test_the_table_has_rows_of_all_kinds():
    assert {rung for _, _, rung in rows()} == {"refused", "1", "3"}
    assert {tap for _, tap, _ in rows()} == {"new", "prepared"}


def serve(tmp_path, caps):
    """dpdk-tap-rss serve with these capabilities and no others."""
    wrap = ("setpriv", "--bounding-set", ",".join(["-all", *("+" + cap for cap in caps)]))
    return subprocess.Popen([*wrap, str(CLI), "serve", "--socket", str(tmp_path / "socket"),
                             "--allow", "root"], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def rung_by(server, tmp_path):
    """The rung of a port without capabilities that asks this server."""
    try:
        assert server.stdout.readline().startswith("serving at ")
        with Netns() as ns:
            ns.run("ip", "tuntap", "add", "tap0", "mode", "tap", "multi_queue", "user", "root")
            ns.run("ip", "link", "set", "tap0", "txqueuelen", 1024, "up")
            with Testpmd(ns, f"net_tap0,iface=tap0,rss_fds={tmp_path}/socket",
                         wrap=only("none")) as pmd:
                return pmd.rung
    finally:
        server.terminate()
        server.communicate(timeout=20 * PATIENCE)


def test_the_service_has_the_capabilities_that_it_needs_and_no_others(tmp_path):
    need_bpf()
    unit = (ROOT / "app" / "tap-rss" / "dpdk-tap-rss.service").read_text()
    given = {kind: re.findall(r"CAP_(\w+)", line.lower().replace("cap_", "CAP_"))
             for kind, line in re.findall(r"^(\w*Capabilit\w+)=(.*)", unit, re.M)}
    caps = given["CapabilityBoundingSet"]
    assert caps and given["AmbientCapabilities"] == caps
    assert rung_by(serve(tmp_path, caps), tmp_path) == 1
    for cap in caps:
        said, _ = serve(tmp_path, set(caps) - {cap}).communicate(timeout=20 * PATIENCE)
        assert "give the process CAP_" in said, f"{cap} is not needed: {said}"
