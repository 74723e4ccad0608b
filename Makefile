# The front door. Each command installs what is missing, builds, and does its work:
#   make run      train the tutorial's network on MNIST         make install   PREFIX=/usr/local
#   make test     all tests                                     make deps      only install
#   make bench    speed of this machine (JSON=1: as JSON)       make clean
#   make format   lays out the sources with clang-format 14
# Another compiler: make test CC=clang
MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
# MNIST comes as .gz, so here zlib is a must.
CONFIGURE = cmake -S . -B $(BUILD) -DFOVEA_ZLIB=ON -DFOVEA_WERROR=OFF $(FLAGS)
ifeq ($(origin CC),default)
BUILD ?= build
else
BUILD ?= build/$(notdir $(CC))
CONFIGURE += -DCMAKE_C_COMPILER=$(CC)
endif
JOBS := $(shell nproc 2>/dev/null || echo 2)

.PHONY: run test bench install format deps deps-run configure build clean help

run: deps-run
	@echo "building the fovea command in $(BUILD); the log is $(BUILD)/build.log"
	@$(MAKE) configure FLAGS="-DFOVEA_TESTS=OFF $(FLAGS)"
	@cmake --build $(BUILD) -j $(JOBS) --target fovea >$(BUILD)/build.log 2>&1 || \
		{ cat $(BUILD)/build.log; exit 1; }
	$(BUILD)/fovea train mnist

test: deps
	@$(MAKE) build FLAGS="-DFOVEA_TESTS=ON $(FLAGS)"
	@sh scripts/test.sh $(BUILD) $(JOBS)

bench:
	@sh scripts/deps.sh run >&2
	@$(MAKE) build FLAGS="-DFOVEA_TESTS=OFF $(FLAGS)" >&2
	@sh bench/run.sh $(BUILD) $(if $(JSON),--json)

install: deps-run
	@$(MAKE) build FLAGS="-DFOVEA_TESTS=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(FLAGS)"
	cmake --install $(BUILD)
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true

deps-run:
	@sh scripts/deps.sh run
deps:
	@sh scripts/deps.sh test

configure:
	@mkdir -p $(BUILD)
	@$(CONFIGURE) >$(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
build: configure
	@cmake --build $(BUILD) -j $(JOBS)

format:
	@sh tests/check_format.sh . apply

clean:
	rm -rf build

help:
	@sed -n '2,6s/^# *//p' Makefile
