#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Must fail: the kernel crashes
# module: no

echo c >/proc/sysrq-trigger
