# SPDX-License-Identifier: GPL-2.0-only
#
#   make demo          two virtual hosts, a crash, a take-over, the way back
#   make test          everything that is proven; T=name: one scenario
#   make test-debug    the scenarios on kernels that check themselves
#   make soak T=60     random scenarios, with new seeds, for so many minutes
#   make bench         compare it with others; Q=1: in five minutes; has not run
#                      to its end yet, see Documentation/performance.rst
#   make bench-cost    instructions for each mirrored write; PROFILE=1: where
#   make check         sparse, checkpatch, kernel-doc, shellcheck
#   make modules       build for the running kernel, or KDIR=<build tree>
#   make modules_install, tools, clean
#   make dkms-install  for the running kernel, or KVER=<release>; dkms-uninstall

VERSION	:= $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' $(CURDIR)/dkms.conf)
KDIR	?= /lib/modules/$(shell uname -r)/build
KVER	?= $(shell uname -r)
DKMS_SRC := $(DESTDIR)/usr/src/dm-hybridmirror-$(VERSION)

all: modules

modules modules_install clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

tools:
	$(MAKE) -C tools

demo:
	@tests/vm/deps.sh
	@python3 tests/vm/demo.py

test:
	@tests/run.sh $(T)

test-debug:
	@tests/run-debug.sh $(T)

soak:
	@test -n "$(T)" || { echo "make soak T=<minutes>"; exit 2; }
	@tests/vm/deps.sh
	@python3 tests/vm/soak.py $(T)

bench:
	@tests/vm/deps.sh bench
	@python3 tests/bench/bench.py $(if $(Q),--quick)
	@python3 tests/bench/apply.py $(if $(Q),--quick)

bench-cost:
	@tests/vm/deps.sh bench
	@python3 tests/bench/cost.py $(if $(PROFILE),--profile)

check:
	@tests/check.sh

dkms-install:
	rm -rf $(DKMS_SRC)
	mkdir -p $(DKMS_SRC)
	cp -r Makefile Kbuild dkms.conf COPYING $(DKMS_SRC)
	cp -r --parents $$(find dm-hybridmirror -name '*.[ch]' -o -name Kbuild) \
		$(DKMS_SRC)
	dkms add dm-hybridmirror/$(VERSION)
	dkms build dm-hybridmirror/$(VERSION) -k $(KVER)
	dkms install dm-hybridmirror/$(VERSION) -k $(KVER)

dkms-uninstall:
	dkms remove dm-hybridmirror/$(VERSION) --all
	rm -rf $(DKMS_SRC)

.PHONY: all modules modules_install clean tools demo test test-debug soak \
	check dkms-install dkms-uninstall
