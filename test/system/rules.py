# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Flow rules of a port under test, through testpmd's console."""
import re
from typing import NamedTuple

_CREATED = re.compile(r"Flow rule #(\d+) created")
_REFUSED = re.compile(
    r"Caught PMD error type (\d+) \((.*?)\): (?:cause: 0x\w+, )?(.*): ([^:\n]*)$", re.M)
_COUNT = re.compile(r"hits_set: 1\s+bytes_set: 1\s+hits: (\d+)\s+bytes: (\d+)")
_DUMP = re.compile(
    r": flow rules are applied in (?:the )?(\w+)\s+"
    r"(\d+) of (\d+) rules \((\d+) drop, (\d+) mark\), (\d+) shared counters, (\d+) stashed"
    r"(, isolated)?\s+"
    r"(\d+) of (\d+) masks with fate, (\d+) of (\d+) without\s+"
    r"(\d+) of (\d+) RSS contexts, (\d+) of (\d+) keys")


class Refusal(NamedTuple):
    """What rte_flow_error said."""
    type: int
    kind: str       # testpmd's words for the type
    message: str
    errno: str      # its text


class Count(NamedTuple):
    hits: int
    bytes: int


class Dump(NamedTuple):
    """The head of 'flow dump': what the port holds."""
    where: str
    rules: int
    max_rules: int
    drop: int
    mark: int
    counters: int
    stashed: int
    isolated: bool
    masks: int
    max_masks: int
    pass_masks: int
    max_pass_masks: int
    contexts: int
    max_contexts: int
    keys: int
    max_keys: int

    @property
    def held(self):
        """All that can be in use, as one tuple."""
        return (self.rules, self.drop, self.mark, self.counters, self.stashed, self.isolated,
                self.masks, self.pass_masks, self.contexts, self.keys)


NOTHING = (0, 0, 0, 0, 0, False, 0, 0, 0, 0)


def create_line(pattern, actions, attr="ingress", port=0):
    """The command for a rule; pattern and actions without their 'end'."""
    return " ".join(f"flow create {port} {attr} pattern {pattern}{' /' if pattern else ''} end "
                    f"actions {actions} / end".split())


class Rules:
    """The rules of one port of a testpmd."""

    def __init__(self, pmd, port=0):
        self.pmd = pmd
        self.port = port

    def line(self, pattern, actions, attr="ingress"):
        return create_line(pattern, actions, attr, self.port)

    @staticmethod
    def created(text):
        """The number of the rule that this answer tells of; None if it does not."""
        found = _CREATED.search(text)
        return int(found[1]) if found else None

    @staticmethod
    def refused(text):
        """The refusal that this answer tells of, or None."""
        found = _REFUSED.search(text)
        return Refusal(int(found[1]), found[2], found[3], found[4]) if found else None

    def create(self, pattern, actions, attr="ingress"):
        """A rule; returns its number. Anything but success fails the test."""
        return self.create_all([(pattern, actions, attr)])[0]

    def create_all(self, rules):
        """Rules of (pattern, actions[, attributes]) in one go; their numbers."""
        text = self.pmd.cmd("\n".join(self.line(*rule) for rule in rules),
                            15 + len(rules) / 20)
        numbers = [int(number) for number in _CREATED.findall(text)]
        assert len(numbers) == len(rules), f"{rules[len(numbers)]}: {text[-2000:]}"
        return numbers

    def refusal(self, pattern, actions, attr="ingress"):
        """Why such a rule is refused; it fails the test if it is not."""
        text = self.pmd.cmd(self.line(pattern, actions, attr))
        refused = self.refused(text)
        assert refused, f"{pattern} => {actions} is not refused by the driver: {text}"
        return refused

    def destroy(self, *numbers):
        lines = [f"flow destroy {self.port} rule {number}" for number in numbers]
        text = self.pmd.cmd("\n".join(lines), 15 + len(lines) / 20)
        assert text.count("destroyed") == len(numbers), text

    def flush(self):
        text = self.pmd.cmd(f"flow flush {self.port}")
        assert not self.refused(text), text

    def count(self, number):
        text = self.pmd.cmd(f"flow query {self.port} {number} count")
        found = _COUNT.search(text)
        assert found, text
        return Count(int(found[1]), int(found[2]))

    def dump(self):
        text = self.pmd.cmd(f"flow dump {self.port} all", 60)
        untouched = re.search(r"applied in (?:the )?(\w+)\s+no rules$", text, re.M)
        if untouched:       # there has never been one
            return Dump(untouched[1], *[0] * 6, False, *[0] * 8)
        found = _DUMP.search(text)
        assert found, text[:1000]
        where, *numbers = found.groups()
        numbers[6] = numbers[6] is not None
        return Dump(where, *(n if isinstance(n, bool) else int(n) for n in numbers))

    def listed(self):
        """Numbers of 'flow list' -> (priority, what it says of the rule)."""
        rows = re.findall(r"^(\d+)\t\d+\t(\d+)\ti--\t(.*)$",
                          self.pmd.cmd(f"flow list {self.port}"), re.M)
        return {int(number): (int(priority), text.strip()) for number, priority, text in rows}

    # Counters that several rules share

    def create_counter(self):
        text = self.pmd.cmd(f"flow indirect_action {self.port} create ingress action count / end")
        found = re.search(r"Indirect action #(\d+) created", text)
        assert found, text
        return int(found[1])

    def count_shared(self, number):
        text = self.pmd.cmd(f"flow indirect_action {self.port} query {number}")
        found = _COUNT.search(text)
        assert found, text
        return Count(int(found[1]), int(found[2]))

    def destroy_counter(self, number):
        text = self.pmd.cmd(f"flow indirect_action {self.port} destroy action_id {number}")
        assert "destroyed" in text, text
