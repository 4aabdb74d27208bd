# make            build/kinesisfs and build/fsck.kinesisfs
# make test       unit and contract tests: no mount, no network, seconds
# make check      everything that scripts/test.sh runs, without installing what is missing
# make soak       the long tests: crashes, foreign endpoints
# make install    DESTDIR= PREFIX=/usr/local SBINDIR=$(PREFIX)/sbin
#
# Variants live side by side: make asan, tsan, clang build programs and unit
# tests in build/asan and so on; make fuzz the fuzz targets in build/fuzz.

B       ?= build
CC      ?= cc
PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
DESTDIR ?=
VERSION := 0.1.0

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes \
        -Wmissing-prototypes -Wwrite-strings -Wundef -Werror
# _FORTIFY_SOURCE=3 needs gcc 12 or clang 9 and glibc 2.35; both Debians have them.
FORTIFY ?= 3
HARDEN := -fPIE -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY))

PKGS := fuse3 libcjson libcrypto libssl libcbor libnghttp2 libcurl expat zlib libzstd
CPPFLAGS += -I. -DFUSE_USE_VERSION=312 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DKFS_VERSION='"$(VERSION)"'
CFLAGS   += -std=c11 -O2 -g $(WARN) $(HARDEN) -pthread
LDFLAGS  += -pie -Wl,-z,relro,-z,now,--as-needed -pthread
ifdef SAN
CFLAGS  += -fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif
# As system headers: those of libfuse 3.17 are not clean under -Wpedantic.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
# What everything but the FUSE shell is linked with; each program keeps what it needs.
LIBS := $(shell pkg-config --libs $(filter-out fuse3,$(PKGS)) 2>/dev/null) -lhttp_parser -lm
FUSE := $(shell pkg-config --libs fuse3 2>/dev/null)

# Layers: the core of the file system knows nothing of libfuse, the backends nothing of either.
BACKEND_SRC := $(wildcard backend/*.c $(addsuffix /*.c,$(addprefix backend/,base codec log local kinesis endpoint)))
SHELL_SRC   := fs/main.c $(wildcard fs/fuse_*.c)
CORE_SRC    := $(filter-out $(SHELL_SRC),$(wildcard fs/*.c))
FSCK_SRC    := backend/local/fsck_main.c
LIB_SRC     := $(filter-out $(FSCK_SRC),$(BACKEND_SRC))
ALL_SRC     := $(wildcard fs/*.c) $(BACKEND_SRC) $(wildcard tests/*/*.c)
ALL_HDR     := $(wildcard fs/*.h backend/*.h backend/*/*.h tests/*/*.h)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB_OBJ   := $(call obj,$(LIB_SRC))
CORE_OBJ  := $(call obj,$(CORE_SRC))
SHELL_OBJ := $(call obj,$(SHELL_SRC))

all: $(B)/kinesisfs $(B)/fsck.kinesisfs

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/kinesisfs: $(SHELL_OBJ) $(CORE_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) $^ $(FUSE) $(LIBS) -o $@

$(B)/fsck.kinesisfs: $(call obj,$(FSCK_SRC)) $(LIB_OBJ)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# Unit tests: one program per tests/unit/test_*.c, found by name.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
HELP_OBJ := $(call obj,$(wildcard tests/support/*.c))

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(HELP_OBJ) $(CORE_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lcmocka $(LIBS) -o $@

unit: $(UNIT_BIN)
test: $(UNIT_BIN) replays
	scripts/unit.sh $(UNIT_BIN)
	scripts/fuzz.sh replay $(B)

check:
	scripts/test.sh --no-setup
soak:
	KFS_SOAK=200 KFS_SLOWER=20 UNIT_TIMEOUT=7200 scripts/test.sh --no-setup unit compat crash

# Each of these is a whole build of its own.
asan: SUB = SAN=address,undefined CC=clang all unit
tsan: SUB = SAN=thread CC=clang all unit
clang: SUB = CC=clang all unit
fuzz: SUB = SAN=fuzzer-no-link,address,undefined CC=clang fuzzers
asan tsan clang fuzz:
	$(MAKE) B=build/$@ $(SUB)

# Fuzz targets: one per tests/fuzz/fuzz_*.c. Programs replay_* run one over given files, with any compiler.
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN   := $(patsubst tests/fuzz/%.c,$(B)/%,$(FUZZ_SRC))
REPLAY_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(B)/replay_%,$(FUZZ_SRC))

$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(HELP_OBJ) $(CORE_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ -lcmocka $(LIBS) -o $@

$(B)/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay_main.o $(HELP_OBJ) $(CORE_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lcmocka $(LIBS) -o $@

fuzzers: $(FUZZ_BIN)
replays: $(REPLAY_BIN)

# What scripts/gates.sh asks for.
$(B)/layers/core: $(CORE_OBJ) $(LIB_OBJ)
$(B)/layers/backend: $(LIB_OBJ)
$(B)/layers/log: $(filter $(B)/obj/backend/log/% $(B)/obj/backend/base/%,$(LIB_OBJ))
$(B)/layers/codec: $(filter $(B)/obj/backend/codec/% $(B)/obj/backend/base/%,$(LIB_OBJ))
$(B)/layers/%:
	@mkdir -p $(@D)
	echo 'int main(void) { return 0; }' | $(CC) $(CFLAGS) $(LDFLAGS) -x c - -x none $^ $(LIBS) -o $@
layers: $(addprefix $(B)/layers/,core backend log codec)

options_md: $(B)/options_md
$(B)/options_md: $(B)/obj/tests/tools/options_md.o $(CORE_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
$(B)/model_dump: $(B)/obj/tests/tools/model_dump.o $(LIB_OBJ)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
$(B)/codec: $(B)/obj/tests/tools/codec.o $(B)/obj/tests/support/hex.o $(LIB_OBJ)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
# What cases of tests/compat run besides programs: made before them, as they run side by side.
tools: $(B)/codec $(B)/model_dump $(B)/unit/test_contract_kinesis
docs/OPTIONS.md: $(B)/options_md
	$< >$@

$(B)/alone/%: %
	@mkdir -p $(@D)
	echo '#include "$<"' | $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -x c -c - -o $@
headers: $(addprefix $(B)/alone/,$(ALL_HDR))

# Again when the object is newer, and so when a header has changed.
$(B)/tidy/%: $(B)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $(basename $*).c -- $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) >$@.out 2>/dev/null || { cat $@.out; exit 1; }
	@touch $@
tidy: $(patsubst %.c,$(B)/tidy/%,$(ALL_SRC))

install: all
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(SBINDIR) $(PREFIX)/share/man/man1 $(PREFIX)/share/man/man8 \
	    $(PREFIX)/share/doc/kinesisfs $(PREFIX)/lib/systemd/system $(PREFIX)/share/bash-completion/completions \
	    $(PREFIX)/share/zsh/vendor-completions $(PREFIX)/share/fish/vendor_conf.d)
	install -m 755 $(B)/kinesisfs $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(B)/fsck.kinesisfs $(DESTDIR)$(SBINDIR)/
	ln -sf $(PREFIX)/bin/kinesisfs $(DESTDIR)$(SBINDIR)/mount.kinesisfs
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 docs/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 644 docs/completions/kinesisfs.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/kinesisfs
	install -m 644 docs/completions/_kinesisfs $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/
	install -m 644 docs/completions/kinesisfs.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_conf.d/
	install -m 644 LICENSE README.md CHANGELOG.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/kinesisfs/
	sed 's|@BINDIR@|$(PREFIX)/bin|' docs/kinesisfs@.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/kinesisfs@.service

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
.PHONY: all unit test check soak asan tsan clang fuzz fuzzers replays layers options_md tools headers tidy install clean
.SECONDARY:
