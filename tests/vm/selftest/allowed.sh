#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Must pass: the warning in the kernel's log is expected
# module: no
# allow: WARNING: .* at expected\.c

echo 'WARNING: CPU: 0 PID: 1 at expected.c:1' >/dev/kmsg
