#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Lists the calls in test_fault that can be made to fail, from its machine code.

A line for each: return address, "driver" or "libbpf", the function called, where it is called.
Of libbpf, which is there as a whole, only functions that calls from the driver lead to. Calls
that the driver makes of functions outside that neither have a wrapper nor stand below have
address 0 and "unwrapped".
"""
import re
import subprocess
import sys

# These have wrappers, to see what they free or make, and do not fail.
WATCHED = {"free", "munmap", "rte_tel_data_free", "rte_telemetry_register_cmd", "rte_eth_dev_allocated",
           "rte_intr_callback_unregister_sync"}
# Not wrapped: what cannot fail, or whose failure is an answer like another one.
CANNOT_FAIL = re.compile(r"""
    str(n?len|n?(case)?cmp|r?chr|c?spn|str|pbrk|sep|tok_r|error|tou?ll?) | mem(r?chr|cmp|cpy|move|set) | bcmp
    | __errno_location | __ctype_b_loc | __isoc\d+_(sscanf|strtou?ll?) | v?f?printf | v?snprintf | fputc | fwrite
    | qsort | getenv | getpagesize | geteuid | getpid | gettid | time | clock_gettime | usleep | __cmsg_nxthdr
    | pthread_mutex_(init|destroy|lock|trylock|unlock) | pthread_mutexattr_(init|destroy|settype) | pthread_join
    | __stack_chk_fail | __assert_fail | __tls_get_addr | __([alt]|ub)san_\w+
    | mnl_nlmsg_(put_(extra_)?header|get_payload(_len)?)
    | mnl_attr_(get_(type|len|payload(_len)?|u(8|16|32|64)|str)|put(_u(8|16|32|64)|_strz?)?|nest_(start|end|cancel))
    | mnl_socket_get_(fd|portid)
    | rte_(v?log|log_register_type_and_pick_level|strscpy|strerror|free|rand|get_tsc_hz|delay_us_sleep)
    | rte_(cpu_get_flag_enabled|ether_unformat_addr|flow_error_set|kvargs_free|ring_free|vdev_register)
    | __rte_panic | __rte_pktmbuf_read | rte_pktmbuf_free_bulk | __rte_trace_mem_per_thread_alloc
    | rte_eth_dev_(release_port|probing_finish|callback_process) | rte_eth_find_next(_owned_by)?
    | rte_eth_pkt_burst_dummy | rte_eal_(alarm_cancel|process_type)
    | rte_intr_(instance_free|free_epoll_fd|vec_list_free|fd_get|callback_unregister_pending)
    | rte_tel_data_start_(array|dict|string|u64)
    | rte_eth_dev_attach_secondary                # fails before there is anything
    """, re.X)
INSTRUCTION = re.compile(r"\s+([0-9a-f]+):\s+(\w+)")
TARGET = re.compile(r"([0-9a-f]+) <([\w.]+)(@plt)?[^>]*>")


def output(*argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, **kw).stdout.splitlines()


class Function:
    def __init__(self, address, name):
        self.address, self.name = address, name
        self.calls = []     # (return address, name of the function outside or wrapped)
        self.leads_to = set()
        self.owner = None


def disassemble(program):
    """All functions by address."""
    functions, function, call = {}, None, None
    for line in output("objdump", "-d", "--no-show-raw-insn", program):
        start = re.match(r"([0-9a-f]+) <(.+)>:$", line)
        if start:
            function = functions[int(start[1], 16)] = Function(int(start[1], 16), start[2])
            call = None
            continue
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        if call:    # returns to this one
            function.calls.append((int(instruction[1], 16), call))
        call = None
        target = TARGET.search(line)
        if not target:
            continue
        outside = target[3] or target[2].startswith("__wrap_")
        if outside and instruction[2].startswith(("call", "bl")):
            call = target[2].replace("__wrap_", "") if target[2].startswith("__wrap_") else target[2] + "@"
        elif not outside:
            function.leads_to.add(target[2])
    return functions


def places(program, addresses):
    """Function and line of each address."""
    lines = output("addr2line", "-f", "-e", program, input="\n".join(map(hex, addresses)))
    return list(zip(lines[::2], lines[1::2]))


def main(program):
    functions = disassemble(program)
    for function, (_, where) in zip(functions.values(), places(program, functions)):
        if "/drivers/net/tap/" in where:
            function.owner = "driver"
        elif "/test/" not in where and not where.startswith("/"):
            function.owner = "libbpf"
    by_name = {}
    for function in functions.values():
        by_name.setdefault(function.name, []).append(function)
    todo = [function for function in functions.values() if function.owner == "driver"]
    if not todo:
        sys.exit(f"{program}: no function is known to be the driver's; is there no debug information?")
    reached = set(todo)
    while todo:
        for name in todo.pop().leads_to:
            new = [f for f in by_name.get(name, ()) if f.owner and f not in reached]
            reached.update(new)
            todo += new
    calls = [(address, function.owner, name) for function in functions.values()
             if function in reached for address, name in function.calls]
    wrapped = [call for call in calls if not call[2].endswith("@") and call[2] not in WATCHED]
    # The call is before the address that it returns to.
    for (address, owner, name), (function, where) in zip(
            wrapped, places(program, [call[0] - 1 for call in wrapped])):
        print(f"{address:x} {owner} {name} {function}:{where.rsplit('/', 1)[-1]}".split(" (disc")[0])
    for name in sorted({call[2][:-1] for call in calls if call[1] == "driver" and call[2].endswith("@")}):
        if not CANNOT_FAIL.fullmatch(name):
            print(f"0 unwrapped {name} -")


main(sys.argv[1])
