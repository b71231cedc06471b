# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""vmlinux.py BZIMAGE VMLINUX

Takes the kernel proper out of a bzImage: qemu starts it as it is (PVH), and an emulated processor
is spared the unpacking.
"""
import struct
import subprocess
import sys

UNPACK = {b"\x1f\x8b": "gzip", b"\xfd7": "xz", b"\x28\xb5": "zstd", b"\x02\x21": "lz4"}
# Where the boot protocol of x86 has them.
SETUP_SECTORS, MAGIC, PAYLOAD = 0x1f1, 0x202, 0x248


def main(source, target):
    with open(source, "rb") as file:
        image = file.read()
    if image[MAGIC:MAGIC + 4] != b"HdrS":
        sys.exit(f"{source}: not a bzImage")
    begin, length = struct.unpack_from("<II", image, PAYLOAD)
    begin += (image[SETUP_SECTORS] + 1) * 512
    tool = UNPACK.get(image[begin:begin + 2])
    if not tool:
        sys.exit(f"{source}: packed in an unknown way: {image[begin:begin + 4].hex()}")
    # The length of the whole follows what is packed, which all of them complain of.
    kernel = subprocess.run([tool, "-dc"], input=image[begin:begin + length], check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    if kernel[:4] != b"\x7fELF":
        sys.exit(f"{source}: {tool} did not find a kernel in it")
    with open(target, "wb") as file:
        file.write(kernel)


main(*sys.argv[1:])
