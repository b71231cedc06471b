# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Patterns of rules, as testpmd's console takes them, and which of flow_frames they match.

The sets are written by hand from doc/flow.md, not computed: what is not in a pattern's set
must not match it.
"""
from flow_frames import (
    A4, A6, B4, B6, C4, D4, IN_A4, IN_B4, IN_B6, IN_DST, IN_SRC, OTHER_MAC, corpus, named)
from frames import DST_MAC

ALL = set(corpus())

# Outermost headers.
V4_TUNNEL = named("ip4 *", "gre *", "!gre over6 *", "badgre*", "nvgre*", "vxlan *", "!vxlan over6 *",
                  "novxlan*", "geneve*", "nogeneve*", "gtpu*", "nogtpu*")
V4_TAGGED = named("vlan 10* v4 *", "svlan*", "qinq*", "vlanvlan*")
V4 = named("v4 *") | V4_TUNNEL | V4_TAGGED
V6_PLAIN = named("v6 *", "vlan 100 v6 udp")
V6 = V6_PLAIN | named("ip6 *", "gre over6 *", "vxlan over6 *")
ARP = named("arp*", "vlan 100 arp")
TWO_TAGS = named("qinq*", "vlanvlan*", "threetags*", "vxlan in qinq*")
TAGGED = TWO_TAGS | named("vlan 10*", "svlan*")
IN_UDP = named("vxlan *", "novxlan*", "!novxlan fragment", "geneve*", "nogeneve*", "gtpu*",
               "nogtpu*")
UDP4 = named("v4 udp*") | V4_TAGGED | (IN_UDP & V4)
UDP6 = named("v6 udp*", "vlan 100 v6 udp", "v6 hop udp", "v6 * udp", "!v6 pad mf") | (IN_UDP & V6)
TCP4, TCP6 = named("v4 tcp*"), named("v6 tcp*")
SCTP = named("v? sctp*")
ICMP, ICMP6 = named("v4 icmp*"), named("v6 icmp6*")
FRAGMENT6 = named("v6 mf", "v6 fragment", "v6 pad mf", "v6 atomic udp", "v6 hop atomic udp")
FRAGMENT4 = named("v4 mf", "v4 fragment", "novxlan fragment")

# Tunnels.
IPIP = named("ip4 *", "ip6 *")
NVGRE = named("nvgre*")
GRE = named("gre *") | NVGRE
GRE_KEY = named("gre *+key*") | NVGRE
GRE_ETHER = named("gre teb*") | NVGRE
VXLAN = named("vxlan *")
GENEVE, GENEVE_L3 = named("geneve*"), named("geneve l3*")
GTPU = named("gtpu*")


def but(names, *globs):
    """Names without those that fit a glob."""
    return names - named(*globs)


def fit(names, *globs):
    """Those of the names that fit a glob."""
    found = names & named(*globs)
    assert found
    return found


L2 = [
    ("", ALL),
    ("eth", ALL),
    ("void / eth / void", ALL),
    (f"eth dst is {OTHER_MAC}", {"v4 udp +mac"}),
    (f"eth dst is {DST_MAC}", but(ALL, "v4 udp +mac")),
    (f"eth dst spec {DST_MAC} dst mask ff:ff:ff:00:00:00", ALL),
    (f"eth dst spec {DST_MAC} dst prefix 46", ALL),
    (f"eth dst spec {DST_MAC} dst prefix 47", but(ALL, "v4 udp +mac")),
    ("eth src spec 02:aa:00:00:00:00 src mask ff:ff:00:00:00:00", ALL),
    ("eth src spec 02:ab:00:00:00:00 src mask ff:ff:00:00:00:00", set()),
    ("eth type is 0x88b5", named("ether 88b5", "ether header only")),
    ("eth type spec 0x88b4 type last 0x88b7 type mask 0xffff", named("ether*")),
    ("eth type is 0x0800", (V4 | named("badv4*")) - TAGGED),
    ("eth type is 0x86dd", (V6 | named("badv6*")) - TAGGED),
    ("eth type is 0x0806", named("arp*", "badarp*")),
    ("eth type is 0x8100", named("vlan *", "vlanvlan*", "notag cut")),
    ("eth type is 0x88a8", named("svlan*", "qinq*", "threetags*", "vxlan in qinq*")),
    ("eth has_vlan is 1", TAGGED),
    ("eth has_vlan spec 0 has_vlan mask 1", ALL - TAGGED),
    ("vlan", TAGGED),
    ("eth / vlan", TAGGED),
    ("vlan vid is 100", TAGGED - named("vlan 101*", "qinq 101*", "qinq 200*")),
    ("vlan vid spec 100 vid last 103 vid mask 0xfff", TAGGED - named("qinq 200*")),
    ("vlan pcp is 5", {"vlan 100 +prio v4 udp"}),
    ("vlan pcp is 0", TAGGED - {"vlan 100 +prio v4 udp"}),
    ("vlan dei is 1", {"vlan 100 +dei v4 udp"}),
    ("vlan tci is 0x0064", TAGGED - named("vlan 101*", "qinq 101*", "qinq 200*", "vlan*+*")),
    ("vlan inner_type is 0x0800", V4_TAGGED - TWO_TAGS),
    ("vlan inner_type is 0x0806", {"vlan 100 arp"}),
    ("vlan inner_type is 0x8100", TWO_TAGS),
    ("vlan has_more_vlan is 1", TWO_TAGS),
    ("vlan has_more_vlan spec 0 has_more_vlan mask 1", TAGGED - TWO_TAGS),
    ("vlan / vlan", TWO_TAGS),
    ("vlan / vlan vid is 200", TWO_TAGS - named("qinq 100 201*", "qinq 200 100*")),
    ("vlan vid is 200 / vlan vid is 100", named("qinq 200 100*")),
    ("vlan / vlan inner_type is 0x0800", TWO_TAGS - named("threetags*")),
    ("vlan / vlan inner_type is 0x8100", named("threetags*")),
    ("vlan vid is 100 / ipv4", V4 & (TAGGED - named("vlan 101*", "qinq 101*", "qinq 200*"))),
    ("eth / vlan / ipv6 / udp", {"vlan 100 v6 udp"}),
    ("eth type is 0x88a8 / vlan / ipv4 / udp dst is 7002",
     named("svlan*", "qinq*")),
    ("arp_eth_ipv4", ARP),
    ("eth type is 0x0806 / arp_eth_ipv4", named("arp*")),
    ("arp_eth_ipv4 sha is 02:cc:00:00:00:01", but(ARP, "arp +sha")),
    (f"arp_eth_ipv4 spa is {C4}", {"arp +spa"}),
    ("arp_eth_ipv4 tha is 02:cc:00:00:00:02", but(ARP, "arp +tha")),
    (f"arp_eth_ipv4 tpa is {B4}", but(ARP, "arp +tpa")),
    (f"arp_eth_ipv4 spa spec 192.0.2.16 spa last 192.0.2.17 spa mask 255.255.255.255 tpa is {B4}",
     but(ARP, "arp +spa", "arp +tpa")),
]

L3 = [
    ("ipv4", V4),
    ("eth / ipv4", V4),
    (f"ipv4 src is {A4}", but(V4, "v4 udp +src")),
    (f"ipv4 src spec {A4} src prefix 31", but(V4, "v4 udp +src")),
    (f"ipv4 src spec {A4} src prefix 30", V4),
    (f"ipv4 src spec {A4} src mask 0.0.0.255", but(V4, "v4 udp +src")),
    (f"ipv4 dst is {D4}", {"v4 udp +dst"}),
    ("ipv4 dst spec 198.51.100.200 dst last 198.51.100.201 dst mask 255.255.255.255",
     but(V4, "v4 udp +dst")),
    ("ipv4 dst spec 198.51.100.200 dst last 198.51.100.203 dst mask 255.255.255.255", V4),
    ("ipv4 proto is 17", UDP4 | FRAGMENT4 | {"v4 noports"}),
    ("ipv4 proto spec 16 proto last 17 proto mask 0xff", UDP4 | FRAGMENT4 | {"v4 noports"}),
    ("ipv4 tos is 0xb8", {"v4 udp +tos"}),
    ("ipv4 tos spec 0 tos mask 0xfc", but(V4, "v4 udp +tos")),
    ("ipv4 ttl is 64", but(V4, "v4 udp +ttl*")),
    ("ipv4 ttl spec 64 ttl last 67 ttl mask 0xff", but(V4, "v4 udp +ttl 68")),
    ("ipv4 fragment_offset is 0x4000", {"v4 udp +df"}),
    ("ipv4 fragment_offset spec 0 fragment_offset mask 0x3fff", V4 - FRAGMENT4),
    ("ipv4 fragment_offset spec 0x2000 fragment_offset mask 0x2000",
     named("v4 mf", "novxlan fragment")),
    ("ipv4 fragment_offset spec 100 fragment_offset mask 0x1fff", {"v4 fragment"}),
    ("ipv6", V6),
    (f"ipv6 src is {A6}", but(V6, "v6 udp +src")),
    (f"ipv6 src spec {A6} src prefix 127", V6),
    (f"ipv6 dst is {B6}", but(V6, "v6 udp +dst")),
    (f"ipv6 dst spec {B6} dst mask ::ffff", but(V6, "v6 udp +dst")),
    ("ipv6 dst spec 2001:db8:ffee:7:1234:5678:9abc:def0 dst last 2001:db8:ffee:7:1234:5678:"
     "9abc:def1 dst mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", V6),
    ("ipv6 proto is 17", UDP6 - named("v6 hop*", "v6 atomic*", "v6 pad*")),
    ("ipv6 proto is 0", named("v6 hop*")),
    ("ipv6 proto is 44", named("v6 atomic*", "v6 mf", "v6 fragment")),
    ("ipv6 proto is 60", named("v6 pad*")),
    ("ipv6 tc is 0x5a", {"v6 udp +tc"}),
    ("ipv6 tc is 0", but(V6, "v6 udp +tc")),
    ("ipv6 flow is 0x54321", {"v6 udp +label"}),
    ("ipv6 hop is 64", but(V6, "v6 udp +hlim", "v6 icmp6 +type")),
    ("ipv6 hop spec 64 hop last 65 hop mask 0xff", but(V6, "v6 icmp6 +type")),
    ("ipv6 has_frag_ext is 1", FRAGMENT6),
    ("ipv6 has_frag_ext spec 0 has_frag_ext mask 1", V6 - FRAGMENT6),
]

L4 = [
    ("udp", UDP4 | UDP6),
    ("ipv4 / udp", UDP4),
    ("eth / ipv6 / udp", UDP6),
    ("ipv4 / udp src is 7003", {"v4 udp +sport"}),
    ("udp dst is 7004", named("v? udp +dport")),
    ("ipv6 / udp src is 7001 dst is 7002",
     but(UDP6 - IN_UDP, "v6 udp +sport", "v6 udp +dport")),
    ("udp src spec 7000 src last 7001 src mask 0xffff",
     but((UDP4 | UDP6) - IN_UDP, "v? udp +sport")),
    ("udp dst spec 0x12b4 dst mask 0xfffc", fit(UDP4 | UDP6, "vxlan *", "novxlan*")),
    (f"ipv4 src is {A4} dst is {B4} / udp src is 7001 dst is 7002",
     but(UDP4 - IN_UDP, "v4 udp +src", "v4 udp +dst", "v4 udp +?port")),
    ("tcp", TCP4 | TCP6),
    ("ipv4 / tcp", TCP4),
    ("ipv6 / tcp dst is 7004", named("v6 tcp ack +dport")),
    ("tcp src is 7003", named("v? tcp ack +sport")),
    ("tcp flags is 0x02", named("v? tcp syn")),
    ("tcp flags spec 0x02 flags mask 0x02", named("v? tcp syn*")),
    ("ipv4 / tcp flags spec 0x02 flags mask 0x12", {"v4 tcp syn"}),
    ("tcp flags is 0", {"v4 tcp cut"}),
    ("sctp", SCTP),
    ("sctp tag is 0x11223344", but(SCTP, "v? sctp +tag")),
    ("ipv6 / sctp src is 7003", {"v6 sctp +sport"}),
    ("ipv4 / sctp dst is 7004", {"v4 sctp +dport"}),
    ("icmp", ICMP),
    ("icmp type is 8", but(ICMP, "v4 icmp +type")),
    ("icmp code is 1", {"v4 icmp +code"}),
    ("icmp ident is 0x1234", but(ICMP, "v4 icmp +ident")),
    ("icmp seq is 8", {"v4 icmp +seq"}),
    ("ipv4 / icmp type is 8 code is 0 ident is 0x1234 seq is 7", {"v4 icmp"}),
    ("icmp6", ICMP6),
    ("icmp6 type is 128", but(ICMP6, "v6 icmp6 +type")),
    ("ipv6 / icmp6 code is 1", {"v6 icmp6 +code"}),
    ("ipv6 / tcp flags spec 0x10 flags mask 0x10", named("v6 tcp ack*", "v6 tcp synack")),
    ("ipv4 / icmp6", set()),
]

IN_V4_UDP = named("* v4 udp", "!vlan* v4 udp", "!svlan*", "!qinq*", "!novxlan*", "!bad*", "!no*",
                  "!ip4 ip4*", "!gre ip4*")
TUNNELS = [
    ("gre", GRE),
    ("ipv4 / gre", but(GRE, "gre over6*")),
    ("ipv6 / gre", named("gre over6*")),
    ("gre protocol is 0x6558", GRE_ETHER),
    ("gre protocol is 0x880b", {"gre other"}),
    ("gre k_bit is 1", GRE_KEY),
    ("gre c_bit is 1", named("gre +csum*")),
    ("gre c_rsvd0_ver is 0x1000", named("gre +seq*")),
    ("gre / gre_key", GRE_KEY),
    ("gre / gre_key value is 7", named("gre *+key 7*")),
    ("gre c_rsvd0_ver is 0x2000 / gre_key value is 7", named("gre +key 7*")),
    ("nvgre", NVGRE),
    ("nvgre tni is 0x123456", but(NVGRE, "nvgre +tni*")),
    ("nvgre tni is 0x123457", named("nvgre +tni*")),
    ("vxlan", VXLAN),
    ("udp / vxlan", VXLAN),
    ("ipv6 / udp / vxlan", named("vxlan over6*")),
    ("vlan / vlan / ipv4 / udp / vxlan", named("vxlan in qinq*")),
    ("vxlan vni is 42", but(VXLAN, "vxlan +vni*")),
    ("vxlan vni spec 42 vni last 43 vni mask 0xffffff", VXLAN),
    ("geneve", GENEVE),
    ("geneve vni is 0x45", GENEVE),
    ("geneve vni is 0x46", set()),
    ("geneve protocol is 0x6558", GENEVE - GENEVE_L3),
    ("geneve optlen is 2", named("geneve +options*")),
    ("gtpu", GTPU),
    ("gtpu teid is 0x1234", GTPU),
    ("gtpu teid is 0x1235", set()),
    ("gtpu v_pt_rsv_flags is 0x32", named("gtpu +seq*")),
    ("gtpu msg_type is 255", GTPU),
]
INNER = [
    ("vxlan / eth", VXLAN),
    (f"vxlan / eth dst is {IN_DST}", but(VXLAN, "vxlan +mac*")),
    (f"vxlan / eth src is {IN_SRC}", VXLAN),
    ("vxlan / eth type is 0x0806", {"vxlan arp"}),
    ("vxlan / eth has_vlan is 1", named("vxlan vlan*", "vxlan qinq*")),
    ("vxlan / eth / vlan", named("vxlan vlan*", "vxlan qinq*")),
    ("vxlan / vlan vid is 9 / ipv4", named("vxlan vlan*", "vxlan qinq*")),
    ("vxlan / vlan / vlan vid is 10", named("vxlan qinq*")),
    ("vxlan / ipv4", fit(VXLAN, "* v4 *")),
    (f"vxlan / ipv4 dst is {IN_B4}", but(fit(VXLAN, "* v4 *"), "vxlan v4 +dst*")),
    (f"vxlan vni is 42 / eth / ipv4 src is {IN_A4} / udp src is 1001 dst is 1002",
     but(fit(VXLAN, "* v4 *udp"), "vxlan +vni*")),
    ("vxlan / ipv6", fit(VXLAN, "* v6 *")),
    (f"vxlan / ipv6 dst is {IN_B6} / udp", {"vxlan v6 udp"}),
    ("vxlan / ipv6 has_frag_ext is 1", {"vxlan v6 atomic tcp"}),
    ("vxlan / arp_eth_ipv4", {"vxlan arp"}),
    (f"vxlan / arp_eth_ipv4 spa is {IN_A4}", {"vxlan arp"}),
    ("vxlan / tcp flags is 0x02", named("vxlan v4 tcp*", "vxlan v6 atomic tcp")),
    ("vxlan / ipv4 fragment_offset spec 0x2000 fragment_offset mask 0x2000", {"vxlan v4 mf"}),
    (f"eth / ipv4 dst is {B4} / udp dst is 4789 / vxlan vni is 42 / eth / ipv4 dst is {IN_B4} / "
     "tcp dst is 1002", {"vxlan v4 tcp syn"}),
    ("geneve / eth", GENEVE - GENEVE_L3),
    ("geneve / ipv4", fit(GENEVE, "* v4 *")),
    ("geneve / ipv6 / tcp", named("geneve *tcp*") & named("geneve*v6*")),
    ("geneve / eth / ipv4 / udp", fit(GENEVE - GENEVE_L3, "* v4 *udp")),
    ("gtpu / ipv4", fit(GTPU, "* v4 *")),
    ("gtpu teid is 0x1234 / ipv6 / udp dst is 1002", {"gtpu v6 udp"}),
    ("gtpu / eth", set()),
    ("gre / eth", GRE_ETHER),
    (f"gre / eth src is {IN_SRC} / ipv4 / udp", named("gre teb*", "nvgre v4*", "nvgre +tni*")),
    ("gre / ipv4", fit(GRE, "* v4 *") | {"gre ip4 v4 udp"}),
    ("gre / ipv6", fit(GRE, "* v6 *")),
    ("gre / tcp", named("gre v4 tcp*", "gre v6 *tcp")),
    ("gre / gre_key value is 7 / ipv4 / udp src is 1001", named("gre *+key 7*")),
    ("gre / ipv4 src is 10.5.0.1", {"gre ip4 v4 udp"}),
    ("nvgre tni is 0x123456 / eth / ipv6", {"nvgre +flow v6 udp"}),
    ("nvgre / ipv4 / udp", named("nvgre v4*", "nvgre +tni*")),
    ("ipv4 / ipv4", named("ip4 v4*", "ip4 ip4*")),
    ("ipv4 / ipv6", named("ip4 v6*")),
    ("ipv6 / ipv4", named("ip6 v4*")),
    ("ipv6 / ipv6", named("ip6 v6*")),
    (f"eth / ipv4 src is {A4} / ipv4 dst is {IN_B4} / udp", {"ip4 v4 udp"}),
    ("ipv4 / ipv4 / tcp flags spec 2 flags mask 2", {"ip4 v4 tcp syn"}),
    ("ipv4 / ipv6 / tcp", {"ip4 v6 atomic tcp"}),
    ("ipv6 / ipv6 / udp src is 1001", {"ip6 v6 udp"}),
]
PATTERNS = L2 + L3 + L4 + TUNNELS + INNER
