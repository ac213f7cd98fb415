#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Must fail: the kernel's log has a warning
# module: no

echo 'WARNING: CPU: 0 PID: 1 at nowhere.c:1' >/dev/kmsg
