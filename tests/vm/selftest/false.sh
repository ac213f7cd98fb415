#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Must fail: a command fails
# module: no

false
true
