#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Must be skipped
# module: no

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

skip "because"
