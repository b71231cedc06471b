# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""dpdk-tap-rss on a running port, and what it works by: telemetry and the private dump."""
import contextlib
import errno
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import termios
import threading
import time

import frames
import pytest
from conftest import RUNG, need_bpf, open_port
from hook import telemetry, telemetry_socket
from rss_model import DEFAULT_KEY, RssConfig, classify
from rules import Rules
from test_rss_model import MS_KEY, MS_VECTORS
from testpmd import CLI, PATIENCE

QUEUES = 4
COMMANDS = ("show", "watch", "verify", "suggest", "doctor", "export", "load", "unload", "serve")


@pytest.fixture(scope="module", params=["bpf", "soft"])
def port(request):
    with open_port(request.param) as opened:
        opened.mode = request.param
        opened.pmd.cmd("port config all rss all")
        yield opened


def run(*args, status=0, wrap=()):
    done = subprocess.run([*wrap, str(CLI), *map(str, args)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, timeout=30 * PATIENCE, stdin=subprocess.DEVNULL)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def ask(port, command, *args, status=0):
    """A command about the port, in JSON."""
    done = run(command, "--json", "--file-prefix", port.pmd.prefix, *args, status=status)
    return json.loads(done.stdout)


def text(port, command, *args, status=0):
    return run(command, "--file-prefix", port.pmd.prefix, *args, status=status).stdout


def flow_args(src, sport, dst, dport, proto="tcp"):
    return ["--src", src, "--dst", dst, "--sport", sport, "--dport", dport, "--proto", proto]


def test_show_tells_what_the_port_is(port):
    (shown,) = ask(port, "show", "tap0")["ports"]
    assert (shown["rung"], shown["iface"], shown["rx_queues"]) == (RUNG[port.mode], "tap0", QUEUES)
    assert bytes.fromhex(shown["key"]) == port.pmd.get_key()
    assert shown["reta"] == port.pmd.get_reta()
    assert shown["algorithm"] == "toeplitz" and "ipv4-udp" in shown["types"]
    assert shown["pid"] and shown["file_prefix"] == port.pmd.prefix
    assert len(shown["queues"]["rx_packets"]) == QUEUES
    assert ("rss=soft" in "".join(shown["reason"])) == (port.mode == "soft")
    words = text(port, "show", "--table")
    assert f"rung {RUNG[port.mode]} of 3" in words and shown["key"] in words
    assert "128 to queue 3" in words


def test_show_follows_a_change_of_the_application(port):
    before = port.pmd.get_reta()
    port.pmd.set_reta([3] * 512, only=[0, 17])
    (shown,) = ask(port, "show", 0)["ports"]
    assert shown["reta"] == [3 if i in (0, 17) else q for i, q in enumerate(before)]
    port.pmd.set_reta(before, only=[0, 17])


def test_show_has_rules_with_their_hits_by_pages(port):
    pmd = port.pmd
    for i in range(70):
        pmd.cmd(f"flow create 0 ingress priority 1 pattern eth / ipv4 src is 10.99.0.{i + 1} / end "
                f"actions queue index {i % QUEUES} / mark id {i} / count / end")
    frame = bytes(frames.ether(frames.IP(src="10.99.0.70", dst="10.0.0.2") / frames.UDP()))
    port.exchange([frame] * 5)
    rules = ask(port, "show")["ports"][0]["flow_rules"]
    assert len(rules) == 70
    (rule,) = [r for r in rules.values() if r["mark"] == 69]
    assert (rule["fate"], rule["queue"], rule["hits"], rule["priority"]) == ("queue", 1, 5, 1)
    assert "addr=0a630046/ffffffff" in rule["match"]
    assert "mark 69, 5 hits" in text(port, "show")
    answer = ask(port, "verify", "--src", "10.99.0.70", "--dst", "10.0.0.2", "--proto", 17,
                 "--sport", 1, "--dport", 2)
    assert (answer["queue"], answer["mark"]) == (1, 69)
    pmd.cmd("flow flush 0")
    assert not ask(port, "show")["ports"][0]["flow_rules"]


def test_show_has_rss_rules_with_what_is_their_own(port):
    """An RSS action with types and function of its own, one with the port's, a flag, a long pattern."""
    rules = Rules(port.pmd)
    try:
        rules.create("ipv6", "rss func symmetric_toeplitz types ipv6-tcp end queues 1 2 end")
        rules.create("ipv4 src is 10.99.0.1", "rss types end queues 0 1 2 3 end / flag")
        rules.create("eth src is 02:00:00:00:00:01 dst is 02:00:00:00:00:02 / vlan vid is 5 pcp is 1 / "
                     "ipv6 src is fd00::1 dst is fd00::2 hop is 3 / tcp src is 1 dst is 2 flags is 2", "drop")
        shown = ask(port, "show")["ports"][0]["flow_rules"].values()
        own, ports, dropped = sorted(shown, key=lambda rule: (rule["fate"] == "drop", rule.get("flag", 0)))
        assert (own["fate"], own["algorithm"], own["types"]) == ("rss", "symmetric", ["ipv6-tcp"]), own
        assert (own["port_hash"], own["port_reta"]) == (0, 0), own
        assert (ports["fate"], ports["flag"], ports["port_hash"]) == ("rss", 1, 1) and "types" not in ports, ports
        assert dropped["match"].endswith("...") and len(dropped["match"]) > 100, dropped
    finally:
        rules.flush()


def test_verify_tells_of_a_rule_that_drops(port):
    port.pmd.cmd("flow create 0 ingress pattern eth / ipv4 src is 10.99.0.1 / end actions drop / "
                 "end")
    args = flow_args("10.99.0.1", 1, "10.0.0.2", 2)
    assert ask(port, "verify", *args)["drop"] is True
    assert "dropped by a flow rule" in text(port, "verify", *args)
    run("verify", "--file-prefix", port.pmd.prefix, *args, "--expect", 0, status=1)
    port.pmd.cmd("flow flush 0")


def random_flow(rnd):
    proto = rnd.choice(["tcp", "udp", "sctp"])
    if rnd.random() < 0.5:
        src, dst = (f"10.{rnd.randrange(256)}.{rnd.randrange(256)}.{i}" for i in (1, 2))
    else:
        src, dst = (f"2001:db8:{rnd.randrange(65536):x}::{i}" for i in (1, 2))
    return src, rnd.randrange(65536), dst, rnd.randrange(65536), proto


def frame_of(src, sport, dst, dport, proto):
    ip = (frames.IPv6 if ":" in src else frames.IP)(src=src, dst=dst)
    if proto == "sctp":
        body = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + bytes(20)
        setattr(ip, "nh" if ":" in src else "proto", 132)
        return bytes(frames.ether(ip / frames.Raw(body)))
    l4 = (frames.TCP if proto == "tcp" else frames.UDP)(sport=sport, dport=dport)
    return bytes(frames.ether(ip / l4 / frames.Raw(frames.PAYLOAD)))


def test_verify_agrees_with_real_packets(port):
    rnd = random.Random(5)
    flows = [random_flow(rnd) for _ in range(60)]
    wrong = []
    for flow, (_, packets) in zip(flows, port.exchange([frame_of(*f) for f in flows])):
        said = ask(port, "verify", *flow_args(*flow))
        got = [(p.queue, p.hash) for p in packets]
        if got != [(said["queue"], said["hash"])] or not said["agrees"]:
            wrong.append((flow, got, said))
    assert not wrong, wrong[:5]


def test_verify_expects_a_queue(port):
    args = flow_args("10.0.0.1", 1, "10.0.0.2", 2)
    queue = ask(port, "verify", *args)["queue"]
    assert f"queue  {queue}" in text(port, "verify", *args, "--expect", queue)
    assert f"Expected was queue {queue ^ 1}" in text(port, "verify", *args, "--expect", queue ^ 1,
                                                     status=1)


@pytest.mark.parametrize("src,sport,dst,dport,two,four", MS_VECTORS)
def test_verify_offline_gives_the_published_hashes_soft(src, sport, dst, dport, two, four):
    args = ["--json", *flow_args(src, sport, dst, dport), "--key", MS_KEY.hex(), "--queues", 7]
    assert json.loads(run("verify", *args).stdout) == {
        "steered": True, "hashed": True, "hash": four, "entry": four & 511,
        "queue": (four & 511) % 7, "drop": False, "agrees": True}
    said = json.loads(run("verify", *args, "--types", "ipv4,ipv6").stdout)
    assert (said["hash"], said["queue"]) == (two, (two & 511) % 7)


@pytest.mark.parametrize("algo", ["toeplitz", "xor", "symmetric", "symmetric-sort"])
def test_verify_offline_is_as_the_model_soft(algo):
    rnd = random.Random(9)
    cfg = RssConfig(algo=algo, reta=[(0, 5, 2)[i % 3] for i in range(512)], key=DEFAULT_KEY)
    for flow in [random_flow(rnd) for _ in range(10)]:
        said = json.loads(run("verify", "--json", *flow_args(*flow), "--algorithm", algo, "--types",
                              "all", "--reta", "0,5,2").stdout)
        want = classify(frame_of(*flow), cfg)
        assert (said["hash"], said["queue"]) == (want.hash, want.queue), flow


# Wrong use: the message names the argument and what is allowed.

@pytest.mark.parametrize("args,words", [
    ((), "Usage:"),
    (("frobnicate",), "there are show, watch, verify, suggest, doctor, export"),
    (("show", "--frobnicate"), "frobnicate"),
    (("show", "a", "b"), "one PORT"),
    (("show", "--file-prefix", "nettap-nobody"), "--file-prefix nettap-nobody"),
    (("verify", "--file-prefix", "nettap-nobody", "--src", "1.2.3.4", "--dst", "1.2.3.4"),
     "no net_tap port"),
    (("verify", "--src", "1.2.3.4"), "--src and --dst"),
    (("verify", "--src", "1.2.3", "--dst", "1.2.3.4"), "--src \"1.2.3\""),
    (("verify", "--src", "::1", "--dst", "1.2.3.4"), "IPv6 address"),
    (("verify", "--src", "1.1.1.1", "--dst", "1.1.1.1", "--sport", "1"), "--sport and --dport"),
    (("verify", "--sport", "65536"), "from 0 to 65535"),
    (("verify", "--proto", "tcpp"), "tcp, udp, sctp or a number from 0 to 255"),
    (("verify", "--proto", "256"), "0 to 255"),
    (("verify", "--queues", "257"), "from 1 to 256"),
    (("verify", "--key", "00"), "80 hex digits"),
    (("verify", "--types", "ipv5"), "ip, tcp, udp, sctp, all"),
    (("verify", "--algorithm", "md5"), "toeplitz, xor, symmetric, symmetric-sort"),
    (("verify", "--reta", ","), "queues are wanted"),
    (("verify", "--reta", "256"), "from 0 to 255"),
    (("verify", "--src", "1.1.1.1", "--dst", "1.1.1.1", "--queues", "2", "--reta", "2"),
     "allowed: 0 to 1"),
    (("verify", "--src", "1.1.1.1", "--dst", "1.1.1.1", "--queues", "2", "tap0"), "either a PORT"),
    (("watch", "--interval", "49"), "from 50 to 60000"),
    (("watch", "--count", "0"), "from 1 to"),
    (("suggest", "--seconds", "0"), "from 1 to 3600"),
    (("doctor", "tap0"), "no PORT"),
])
def test_wrong_use_is_named_soft(args, words):
    assert words in run(*args, status=2).stderr


def test_help_names_all_commands_soft():
    shown = run("--help").stdout
    assert all(f"  {name}" in shown for name in COMMANDS)
    assert run("verify", "--help").stdout == shown


def test_a_port_that_is_not_there_is_named(port):
    done = run("show", "--file-prefix", port.pmd.prefix, "tap7", status=2)
    assert 'no net_tap port "tap7"' in done.stderr


def test_an_application_that_takes_no_more_clients_is_named(port):
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(telemetry_socket(port.pmd))
        done = run("show", "--file-prefix", port.pmd.prefix, status=2)
        assert "no net_tap port" in done.stderr and "do not answer" in done.stderr
    assert port.pmd.wait(lambda: telemetry(port.pmd, "/net_tap/info", 0), 10)


def test_watch_in_json_counts_packets(port):
    flows = [frame_of(*random_flow(random.Random(i))) for i in range(40)]
    argv = [str(CLI), "watch", "--json", "--interval", "300", "--count", "3", "--file-prefix",
            port.pmd.prefix]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as proc:
        while proc.poll() is None:
            port.exchange(flows)
            time.sleep(0.15)
        lines = [json.loads(line) for line in proc.stdout]
    assert proc.returncode == 0 and len(lines) == 3
    assert max(sum(line["rx_packets_per_second"]) for line in lines) > 40
    assert all(len(line["rx_drops_per_second"]) == QUEUES for line in lines)


def read_for(fd, seconds, until=None):
    """What comes from a terminal."""
    data = b""
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end and not (until and until in data):
        if select.select([fd], [], [], 0.05)[0]:
            try:
                data += os.read(fd, 1 << 16)
            except OSError:
                break
    return data


@pytest.mark.parametrize("leave", ["q", "SIGINT", "SIGTERM"])
def test_watch_leaves_the_terminal_as_it_was(port, leave):
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    proc = subprocess.Popen([str(CLI), "watch", "--interval", "100", "--file-prefix",
                             port.pmd.prefix], stdin=slave, stdout=slave, stderr=slave,
                            env={**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "100"},
                            start_new_session=True)
    try:
        shown = read_for(master, 5, until=b"q leaves")
        assert b"\x1b[?1049h" in shown and b"packets/s" in shown, shown
        port.exchange([frame_of(*random_flow(random.Random(i))) for i in range(40)])
        assert b"7m " in read_for(master, 3, until=b"7m "), "no bar (reverse video) was drawn"
        if leave == "q":
            os.write(master, b"q")
        else:
            proc.send_signal(getattr(signal, leave))
        end = read_for(master, 1, until=b"\x1b[?1049l")
        assert proc.wait(5) == 0
        assert b"\x1b[?1049l" in end, end
        assert termios.tcgetattr(slave) == before
    finally:
        proc.kill()
        proc.wait()
        os.close(master)
        os.close(slave)


def test_watch_without_a_terminal_says_so(port):
    done = run("watch", "--file-prefix", port.pmd.prefix, status=2)
    assert "--json" in done.stderr


class Load(threading.Thread):
    """Sends the same frames over and over; the port's output is taken in meanwhile."""

    def __init__(self, port, load):
        super().__init__(daemon=True)
        self.port, self.load, self.over = port, load, threading.Event()

    def __enter__(self):
        self.port.pmd.cmd("set verbose 0")
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.port.pmd.cmd("set verbose 1")

    def run(self):
        while not self.over.is_set():
            for frame in self.load:
                self.port.send(frame)
            time.sleep(0.01)


def test_suggest_evens_out_a_skewed_load(port):
    rnd = random.Random(3)
    cfg = RssConfig.spread(QUEUES)
    flows = [f for f in (frame_of(*random_flow(rnd)) for _ in range(400))
             if classify(f, cfg).queue == 0]
    before = port.pmd.get_reta()
    with Load(port, flows[:60]):
        shown = ask(port, "suggest", "--seconds", 1)
        assert max(shown["before_percent"]) > 99 and max(shown["after_percent"]) < 35, shown
        assert not shown["applied"] and shown["packets"] > 500
        words = text(port, "suggest", "--seconds", 1, "--apply")
        assert "entries moved" in words
        again = ask(port, "suggest", "--seconds", 1)
    after = port.pmd.get_reta()
    assert max(again["before_percent"]) < 35 and after != before
    assert set(after) == set(range(QUEUES))
    moved = [i for i in range(512) if before[i] != after[i]]
    assert all(before[i] == 0 for i in moved) and len(moved) < 60
    # What the port does now is what the table says.
    port.check(dict(enumerate(flows[:40])), RssConfig(reta=after))
    port.pmd.set_reta(before, only=moved)


def test_suggest_has_nothing_to_go_by_without_load(port):
    done = run("suggest", "--file-prefix", port.pmd.prefix, "--seconds", 1, status=1)
    assert "no packet" in done.stderr


# Prometheus

LABELS = r'\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,(?!\})|(?=\})))*\}'


def parse_metrics(exposition):
    """Each line by the format's rules: name and labels -> value."""
    typed, values = {}, {}
    for line in exposition.splitlines():
        kind = re.fullmatch(r"# TYPE (net_tap_[a-z_]+) (counter|gauge)", line)
        if kind:
            assert kind[1] not in typed, line
            typed[kind[1]] = kind[2]
            assert (kind[2] == "counter") == kind[1].endswith("_total"), line
        elif not re.fullmatch(r"# HELP net_tap_[a-z_]+ \S.*", line):
            sample = re.fullmatch(rf"(net_tap_[a-z_]+)({LABELS}) (\d+)", line)
            assert sample and sample[1] in typed, line
            assert (sample[1], sample[2]) not in values, line
            values[sample[1], sample[2]] = int(sample[3])
    return values


def test_export_is_what_prometheus_reads(port):
    port.exchange([frame_of(*random_flow(random.Random(i))) for i in range(40)])
    exposition = text(port, "export")
    values = parse_metrics(exposition)
    got = sum(v for (name, _), v in values.items() if name == "net_tap_rx_packets_total")
    assert got == port.pmd.stats()["RX-packets"] >= 40
    assert {v for (name, _), v in values.items() if name == "net_tap_rung"} == {RUNG[port.mode]}
    (shown,) = ask(port, "export")["ports"]
    assert sum(shown["rx_packets_total"]) == got
    promtool = shutil.which(os.environ.get("PROMTOOL", "promtool"))
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=exposition, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout
    else:
        print("promtool (Debian package prometheus) is missing: parsed by the test alone")


# The doctor

def test_doctor_tries_what_the_driver_needs():
    done = subprocess.run([str(CLI), "doctor", "--json"], stdout=subprocess.PIPE, text=True,
                          check=False)
    said = json.loads(done.stdout)
    assert done.returncode == (0 if said["healthy"] else 1)
    found = {f["what"]: f for f in said["findings"]}
    assert {"kernel", "kernel BTF", "BPF JIT", "CAP_BPF", "/dev/net/tun", "multi-queue",
            "libbpf", "full program"} <= set(found)
    assert found["tap"]["status"] == "ok"
    assert os.uname().release in found["kernel"]["found"]
    assert not any(name.startswith("dtapdoc") for name in os.listdir("/sys/class/net"))


def test_doctor_tries_the_programs_of_all_kinds_of_port():
    need_bpf()
    said = json.loads(run("doctor", "--json").stdout)
    assert said["healthy"], said
    loaded = [f["what"] for f in said["findings"] if re.search(r"\bloads?\b", f["found"])]
    assert loaded == ["full program", "flow rules", "net_tun program", "net_tun flow rules"]


def test_doctor_says_what_to_do_without_capabilities():
    done = run("doctor", wrap=["setpriv", "--bounding-set=-all", "--inh-caps=-all"], status=1)
    assert re.search(r"bad +CAP_BPF", done.stdout) and "give the process CAP_BPF" in done.stdout
    assert re.search(r"bad +tap +cannot be created: Operation not permitted", done.stdout)
    assert re.search(r"bad +full program +Operation not permitted\n +-> give the process CAP_BPF and "
                     r"CAP_PERFMON\n", done.stdout)
    assert "net_tun" not in done.stdout     # for the same reason, once is enough


# The driver's side

def test_private_dump_has_the_same_facts(port):
    dump = telemetry(port.pmd, "/hook/dump", 0)
    assert f"rung: {RUNG[port.mode]} of 3" in dump
    assert port.pmd.get_key().hex() in dump and "types: ipv4 ipv4-frag" in dump
    assert "Rx queue 3: packets" in dump and "Tx queue 0: packets" in dump


@pytest.mark.parametrize("command,params", [
    ("info", ()), ("info", (1,)), ("info", (99999999999,)), ("info", ("0x",)), ("info", (0, 0)),
    ("queues", (0, "x")), ("queues", (0, 257)), ("rules", (0, 32768)), ("rules", ("-1",)),
    ("classify", (0,)), ("classify", (0, "123")), ("classify", (0, "zz")),
    ("classify", (0, "00" * 257)), ("reta", (0,)), ("reta", (0, 0)), ("reta", (0, 512, "00")),
    ("reta", (0, 511, "0000")), ("reta", (0, 0, "04")), ("reta", (0, 0, "0g")),
])
def test_telemetry_refuses_what_makes_no_sense(port, command, params):
    before = port.pmd.get_reta()
    assert telemetry(port.pmd, f"/net_tap/{command}", *params) is None
    assert port.pmd.get_reta() == before


@pytest.mark.parametrize("frame", [b"\0", bytes(13), bytes(14), b"\xff" * 256,
                                   bytes(12) + b"\x08\x00\x4f" + bytes(20)])
def test_telemetry_classifies_frames_of_any_kind(port, frame):
    assert telemetry(port.pmd, "/net_tap/classify", 0, frame.hex())["queue"] in range(QUEUES)


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_a_port_comes_and_goes_while_it_is_asked(mode):
    over = threading.Event()
    answers = {"info": 0, "queues": 0, "rules": 0, "none": 0}

    def ask_on(pmd):
        while not over.is_set():
            for command in ("info", "queues", "rules"):
                said = telemetry(pmd, f"/net_tap/{command}", 0)
                answers[command if said else "none"] += 1

    with open_port(mode) as port:
        pmd = port.pmd
        askers = [threading.Thread(target=ask_on, args=(pmd,), daemon=True) for _ in range(2)]
        for thread in askers:
            thread.start()
        pmd.cmd("stop")
        for i in range(4):
            pmd.cmd("port stop 0")
            pmd.cmd(f"port config all rxq {i % 2 * 3 + 1}")
            pmd.cmd("port start 0")
            pmd.cmd("flow create 0 ingress pattern eth / ipv4 / end actions queue index 0 / end")
            pmd.cmd("flow flush 0")
        pmd.cmd("port stop 0")
        pmd.cmd("port close 0")
        assert pmd.wait(lambda: answers["none"] > 3, 10), answers
        over.set()
        for thread in askers:
            thread.join(30)
        assert telemetry(pmd, "/net_tap/list") == []
        assert pmd.proc.poll() is None
        assert all(answers[c] > 3 for c in ("info", "queues", "rules")), answers


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_a_port_is_asked_that_could_not_be_configured(mode):
    """A configure that fails leaves it without queues; whatever is asked then has an answer."""
    with open_port(mode) as port:
        pmd = port.pmd
        pmd.cmd("stop\nport stop 0")
        assert telemetry(pmd, "/hook/configure", 0, QUEUES, 39)["ret"] == -errno.EINVAL
        assert telemetry(pmd, "/net_tap/queues", 0)["rx_packets"] == []
        assert telemetry(pmd, "/net_tap/info", 0)["rx_queues"] == 0
        assert telemetry(pmd, "/net_tap/rules", 0)["total"] == 0
        assert "Rx queue" not in telemetry(pmd, "/hook/dump", 0)
        assert telemetry(pmd, "/net_tap/classify", 0, "00" * 60)["queue"] in range(QUEUES)
        assert telemetry(pmd, "/net_tap/reta", 0, 0, "ff") is None
        assert telemetry(pmd, "/hook/configure", 0, QUEUES, 40)["ret"] == 0
        assert telemetry(pmd, "/net_tap/queues", 0)["rx_packets"] == [0] * QUEUES
