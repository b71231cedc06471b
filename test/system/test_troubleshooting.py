# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The messages that doc/troubleshooting.rst explains are messages of the driver."""
import re

from testpmd import ROOT

PAGE = ROOT / "doc" / "troubleshooting.rst"
# Said by ethdev.
OTHERS = {"Multi-queue RSS mode isn't enabled", "Operation not permitted", "Permission denied"}


def literals():
    """All that the driver may say, literals that stand side by side joined, numbers and names as %."""
    text = "\n".join(file.read_text() for file in (ROOT / "drivers/net/tap").glob("*.c"))
    text = re.sub(r'"\s*\n\s*"', "", text)
    return re.sub(r"%\w+", "%", " ".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)))


def test_what_the_page_explains_is_said():
    said = literals().replace("the %", "the tap").replace("RSS runs %", "RSS runs in software")
    symptoms = re.findall(r"^(\S.*``.*)\n   \S", PAGE.read_text(), re.M)
    quoted = {words for line in symptoms for words in re.findall(r"``([^`]+)``", line) if " " in words}
    assert len(quoted) > 6
    assert not {words for words in quoted - OTHERS if words not in said}
