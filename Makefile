# compat_guard: the schema as a checked interface between application versions.
#
# make, make install, make installcheck	for the server of PG_CONFIG, as any extension
# make test				everything needed, from a bare Debian 12
# CONTRIBUTING.md has the rest.

# pg_regress, in this order: one file of sql/ each.
REGRESS = \
	contract \
	names \
	verifier \
	paths \
	modes \
	roles \
	references \
	dependencies \
	relation_kinds \
	liveness \
	rollback \
	journal \
	removal \
	dismantled \
	midst \
	logins \
	secrets \
	hostile \
	damage \
	registry \
	baselines \
	readiness \
	properties \
	properties_judged \
	domains \
	key_owners \
	planned \
	stored_once \
	definitions \
	routines \
	types \
	type_identity \
	bodies \
	partitions \
	bounds \
	plpgsql \
	messages \
	refused \
	declared_insert \
	expressions \
	written \
	entrust \
	preview \
	preview_effects \
	checklist \
	run \
	replaces \
	expand \
	no_user_code \
	settings \
	hazards \
	safe_ways \
	report

SRC := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))

EXTENSION = compat_guard
DATA = compat_guard--1.0.sql
MODULE_big = compat_guard
OBJS = $(patsubst $(SRC)/%.c,%.o,$(sort $(wildcard $(SRC)/src/*.c $(SRC)/src/*/*.c $(SRC)/src/*/*/*.c)))

# Of the SQL objects that the library goes with, in single quotes in the file.
GUARD_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\"\1\"/p" $(SRC)/compat_guard.control)
PG_CPPFLAGS = -I$(SRC)/src -DGUARD_VERSION='$(GUARD_VERSION)'
# PostgreSQL's own headers are not clean under the two warnings taken back here.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -fvisibility=hidden
ifneq ($(filter-out 0 false,$(CI) $(WERROR)),)
PG_CFLAGS += -Werror
endif
# Bitcode would only serve inlining into JIT-compiled queries.
override with_llvm = no

ISOLATION := $(sort $(basename $(notdir $(wildcard $(SRC)/test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=$(SRC)/test/isolation --load-extension=compat_guard

# Both empty as long as there is no such test: prove fails on an empty list.
PROVE_TESTS := $(patsubst $(SRC)/%,%,$(sort $(wildcard $(SRC)/test/t/*.pl)))
TAP_TESTS := $(if $(PROVE_TESTS),1)

# A bare machine has no PGXS yet; `make test` brings it.
PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)

# Every object on every header: a full build takes seconds, a stale object hours.
$(OBJS): $(wildcard $(SRC)/src/*.h $(SRC)/src/*/*.h $(SRC)/src/*/*/*.h)

# In a VPATH build; by absolute name, which VPATH does not find elsewhere.
OBJ_DIRS = $(addprefix $(CURDIR)/,$(sort $(dir $(OBJS))))
$(OBJS): | $(OBJ_DIRS)
$(OBJ_DIRS):
	mkdir -p $@
else
all install installcheck clean:
	@echo "no PGXS found by $(PG_CONFIG): set PG_CONFIG, or install postgresql-server-dev-15" >&2
	@exit 1
endif

# The targets below install what they need (Debian 12, as root or with sudo) and work
# on private copies of this tree and of a server: neither is touched.

SETUP = $(SRC)/test/setup
MATRIX = $(SRC)/test/matrix

# Format src/, in place; test/setup/run-suite fails where that changes anything.
indent:
	$(SETUP)/install-packages
	$(SETUP)/indent

.PHONY: indent test demo bench test-matrix test-assert test-core test-valgrind test-clients test-look deb dist fuzz fuzz-json list-tests

# A skipped test looks as if it had passed.  Everything is there after install-packages;
# without the network, REQUIRE_ALL=0 skips what has to be fetched.
test test-matrix test-assert: export REQUIRE_ALL ?= 1

# The suite on PostgreSQL 15, the reference.
test:
	$(SETUP)/install-packages
	$(SETUP)/summary $(SETUP)/sandbox 15 test/setup/run-suite

demo:
	$(SETUP)/install-packages
	$(SETUP)/sandbox 15 test/setup/with-server demo/run

# The page of report() in Chromium, and monitoring/ with Debian's exporter and promtool.
test-look:
	$(SETUP)/install-packages $(SRC)/test/look/packages.txt
	mkdir -p -m 1777 look-out
	$(SETUP)/summary env LOOK_OUT=$(CURDIR)/look-out $(SETUP)/sandbox 15 test/setup/with-server test/look/run

# The Debian package, tried, in deb-out/; the archive for PGXN, in dist-out/.
deb:
	$(SETUP)/install-packages $(SRC)/test/packaging/packages.txt
	mkdir -p -m 1777 deb-out
	$(SETUP)/summary $(SETUP)/sandbox 15 test/packaging/deb $(CURDIR)/deb-out

dist:
	$(SETUP)/install-packages $(SRC)/test/packaging/packages.txt
	mkdir -p dist-out
	$(SETUP)/summary $(SRC)/test/packaging/dist $(CURDIR)/dist-out

bench:
	$(SETUP)/install-packages
	$(SETUP)/sandbox 15 test/setup/with-server test/bench/run

# No warning on any version, the suite on the oldest and the newest.
SERVERS = 15 17 18
test-matrix:
	$(SETUP)/install-packages $(MATRIX)/packages.txt
	$(SETUP)/summary $(MATRIX)/run test/setup/run-suite $(SERVERS)

# The suite on servers with assertions, built from source.
test-assert:
	$(SETUP)/install-packages $(MATRIX)/packages.txt
	$(SETUP)/summary sh -c '$(MATRIX)/run test/setup/run-suite 15-assert 18-assert; s=$$?; \
		$(MATRIX)/run test/matrix/discard-caches 15-assert 18-assert && exit $$s'

# PostgreSQL's own suite with the library preloaded.
test-core:
	$(SETUP)/install-packages $(MATRIX)/packages.txt
	$(SETUP)/summary $(MATRIX)/run test/matrix/core-suite 15-assert 18-assert

# The regression tests under valgrind.
test-valgrind:
	$(SETUP)/install-packages $(MATRIX)/packages.txt
	$(SETUP)/summary $(MATRIX)/run test/matrix/valgrind 15-valgrind 18-valgrind

# The contract generators of clients/, with what their lock files name.  Needs npm and Go.
test-clients:
	$(SETUP)/install-packages $(SRC)/test/clients/packages.txt
	$(SETUP)/summary $(SETUP)/sandbox 15 test/clients/run

# Random changes under random contracts, and contract documents that nobody would write.
SEED = 1
N = 1000
SERVER = 15
fuzz fuzz-json:
	$(SETUP)/install-packages $(if $(filter 15,$(SERVER)),,$(MATRIX)/packages.txt)
	mkdir -p -m 1777 fuzz-out
	$(SETUP)/sandbox $(SERVER) test/fuzz/run $(if $(filter fuzz,$@),fuzz.py --out $(CURDIR)/fuzz-out,json_fuzz.py) \
		--seed $(SEED) --n $(N) $(FUZZ)

# For test/setup/run-suite, which refuses a file of sql/ that never runs.
list-tests:
	@echo $(REGRESS)
