# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make [V=1]         build/sluiced build/sluicectl
# make check         unit tests, no root          make fuzz [SECONDS=5]
# make check-bpf     frames through the program   make check-lab   daemon and tool (both root)
# make check-vm [KERNEL=6.1]  does the program load on another kernel (qemu)
# make demo, test    what scripts/demo and scripts/test do
# make lint, install [DESTDIR= PREFIX=/usr]

CLANG   ?= clang
BPFTOOL ?= bpftool
PREFIX  ?= /usr
B       ?= build
Q       := $(if $(V),,@)
say      = @printf '  %-5s %s\n' $(1) $(2)

PACKAGES := libbpf libxdp libelf libcjson libuv libmicrohttpd libcurl libmnl libpcap
ifeq ($(filter clean demo test lint install-deps,$(MAKECMDGOALS)),)
need := $(shell pkg-config --print-errors --exists 'libbpf >= 1.0' 'libxdp >= 1.3' libelf libcjson libuv \
	libmicrohttpd libcurl libmnl libpcap 2>&1 || echo "see scripts/install-deps")
$(if $(need),$(error $(need)))
endif

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wno-missing-field-initializers
INC     := -Iinclude -Ibpf -I$(B)
CFLAGS  ?= -O2 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE $(WARN) $(INC) $(shell pkg-config --cflags $(PACKAGES)) -MMD -MP
MULTIARCH := $(shell $(CC) -print-multiarch)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wshadow \
	      -Iinclude -Ibpf -idirafter /usr/include/$(MULTIARCH) -MMD -MP
CHECK_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all

# Pure code (common, config, plan) also builds under sanitizers, for the unit tests.
PURE_SRC  := $(wildcard userspace/common/*.c userspace/config/*.c userspace/plan/*.c)
DP_SRC    := $(wildcard userspace/dataplane/*.c)
DAEMON_SRC := $(wildcard userspace/sluiced/*.c)
CTL_SRC   := $(wildcard userspace/sluicectl/*.c userspace/explain/*.c)
UNIT      := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
PROG      := $(patsubst tests/bpf/%.c,$(B)/bpf/%,$(wildcard tests/bpf/test_*.c))
FUZZ      := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
PERF_SRC  := $(filter-out %.bpf.c,$(wildcard tests/perf/*.c))
PERF      := $(B)/perf/bench
TOOLS     := $(patsubst tests/lib/%.c,$(B)/tools/%,$(filter-out %.bpf.c,$(wildcard tests/lib/*.c))) \
	     $(patsubst tests/lib/preload/%.c,$(B)/tools/%.so,$(wildcard tests/lib/preload/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo test check check-bpf check-lab check-vm fuzz tests tools lint install clean
all: $(B)/sluiced $(B)/sluicectl

$(B)/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
$(B)/tests/%.bpf.o: tests/%.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@

$(B)/obj/%.o: %.c | $(B)/sluice.skel.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -DSL_VERSION='"$(VERSION)"' -c $< -o $@
$(B)/san/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CHECK_SAN) -c $< -o $@
$(B)/libdp.a: $(PURE_SRC:%.c=$(B)/obj/%.o) $(DP_SRC:%.c=$(B)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/libpure-san.a: $(PURE_SRC:%.c=$(B)/san/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/sluiced: $(DAEMON_SRC:%.c=$(B)/obj/%.o) $(B)/libdp.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(shell pkg-config --libs libbpf libxdp libelf libcjson libuv libmicrohttpd libmnl) -lm
$(B)/sluicectl: $(CTL_SRC:%.c=$(B)/obj/%.o) $(B)/libdp.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(shell pkg-config --libs libbpf libxdp libelf libcjson libcurl libmnl libpcap) -lm

$(B)/unit/%: tests/unit/%.c $(B)/libpure-san.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CHECK_SAN) -Itests/lib -Iuserspace $< -o $@ $(B)/libpure-san.a -lcmocka -lcjson -lm
$(B)/bpf/%: tests/bpf/%.c $(B)/sluice.skel.h $(B)/libdp.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Itests/lib -Iuserspace $< -o $@ $(B)/libdp.a -lcmocka -lxdp -lbpf -lcjson -lmnl -lm
CONFIG_SRC := $(wildcard userspace/config/*.c) $(wildcard userspace/common/*.c)
EXTRA_fuzz_config := $(CONFIG_SRC) -lcjson
$(B)/fuzz/fuzz_config: $(CONFIG_SRC)
$(B)/fuzz/%: tests/fuzz/%.c
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu11 -D_GNU_SOURCE -g -O1 $(INC) -Iuserspace -MMD -MP -fsanitize=fuzzer,address,undefined $< \
		-o $@ $(EXTRA_$(notdir $@))
PERF_OBJ := $(PERF_SRC:%.c=$(B)/obj/%.o)
$(PERF_OBJ): override CFLAGS += -Itests/lib -Iuserspace
$(PERF_OBJ): | $(B)/tests/perf/harness.skel.h
$(B)/perf/bench: $(PERF_OBJ) $(B)/libdp.a
	$(call say,PERF,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lxdp -lbpf -lcjson -lmnl -lm
LIBS_mqttload := -lmosquitto
LIBS_coapserver := -lcoap-3-notls
LIBS_coapdevices := -lcoap-3-notls
LIBS_capmake := -lpcap
LIBS_capmutate := -lpcap
LIBS_capleaves := -lpcap -lcjson

# Debian's mbedtls has no connection ids: its source is fetched and built with them, once.
MBEDTLS := $(B)/mbedtls/lib/libmbedtls.a
DTLS_TOOLS := $(B)/tools/dtlsserver $(B)/tools/dtlsclient $(B)/tools/tlsclient
LIBS_dtlsserver := -L$(B)/mbedtls/lib -lmbedtls -lmbedx509 -lmbedcrypto
LIBS_dtlsclient := $(LIBS_dtlsserver)
LIBS_tlsclient := $(LIBS_dtlsserver)
$(DTLS_TOOLS): override CFLAGS += -isystem $(B)/mbedtls/include
$(DTLS_TOOLS): | $(MBEDTLS)
$(MBEDTLS):
	$(call say,STACK,$@)
	$(Q)scripts/mbedtls $(B)/mbedtls

# Programs that lab tests run: traffic, servers and clients with what they must count.
# Those with a BPF program of their own want its skeleton first.
$(patsubst tests/lib/%.bpf.c,$(B)/tools/%,$(wildcard tests/lib/*.bpf.c)): $(B)/tools/%: | $(B)/tests/lib/%.skel.h
$(B)/tools/%: tests/lib/%.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Itests/lib $< -o $@ -lbpf -lpthread $(LIBS_$(notdir $@))
$(B)/tools/%.so: tests/lib/preload/%.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -shared -fPIC $< -o $@ -ldl

demo:
	scripts/demo
test:
	scripts/test
tests: $(UNIT) $(PROG) $(FUZZ) $(TOOLS)
tools: $(TOOLS)
check: $(UNIT)
	@set -e; for t in $^; do ./$$t; done
check-bpf: $(PROG)
	@set -e; for t in $^; do ./$$t; done
check-lab: all tools
	@set -e; for t in tests/netns/test_*.sh; do B=$(B) ./$$t; done
check-vm: $(B)/sluice.bpf.o
	scripts/run-in-vm $(or $(KERNEL),6.1) $<
fuzz: $(FUZZ)
	@set -e; for t in $^; do n=$$(basename $$t); n=$${n#fuzz_}; mkdir -p $(B)/corpus/$$n; \
		$$t -max_total_time=$(or $(SECONDS),5) -max_len=1500 $(B)/corpus/$$n tests/fuzz/corpus/$$n; done
lint:
	scripts/lint
install: all
	install -D -m 755 $(B)/sluiced $(DESTDIR)$(PREFIX)/sbin/sluiced
	install -D -m 755 $(B)/sluicectl $(DESTDIR)$(PREFIX)/sbin/sluicectl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 userspace/man/sluiced.8 userspace/man/sluicectl.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 userspace/man/sluice.json.5
	install -D -m 644 deploy/sluicectl.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sluicectl
	install -D -m 644 deploy/sluiced.service $(DESTDIR)/usr/lib/systemd/system/sluiced.service
clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
