# The front door. `make help` lists every word; CI, hooks and people use the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUST_SOURCES := $(shell find rust -name '*.rs' -not -path 'rust/fuzz/*') Cargo.lock Cargo.toml $(wildcard rust/*/Cargo.toml)

# What `make demo` reads: nothing for the made-up month of 2009, or a folder of real captures.
CAPTURES ?=

.PHONY: help
help: ## List every word
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(VENV)/.built ## Everything into .venv, release profile

.PHONY: demo
demo: build ## A collector, its sensors, two months of 2009, the report (CAPTURES=DIRECTORY: of real captures)
	$(BIN)/python -m tests.demo.demo $(if $(CAPTURES),--captures "$(CAPTURES)")

.PHONY: test
test: build ## Every test: Rust, then Python
	cargo test --workspace --locked --quiet
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: lint
lint: build ## rustfmt, clippy, ruff, strict typing, stub check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff format --check python tests firmware rust/fuzz
	$(BIN)/ruff check python tests firmware rust/fuzz
	$(BIN)/mypy python tests
	$(BIN)/python -m mypy.stubtest teiten_agent._core

.PHONY: format
format: build ## Let rustfmt and ruff set the code
	cargo fmt --all
	$(BIN)/ruff format python tests
	$(BIN)/ruff check --fix python tests

.PHONY: bench
bench: build ## Packets per second beside a bare walk and other programs; live loss (tests/benchmarks/README.md)
	$(BIN)/python -m tests.benchmarks.run
	$(BIN)/python -m tests.benchmarks.instructions
	cargo bench --locked --package teiten-core --bench stages
	$(BIN)/python -m tests.benchmarks.peers
	$(BIN)/python -m tests.benchmarks.signatures
	@if [ "$$(id -u)" = 0 ]; then $(BIN)/python -m tests.benchmarks.live; \
	  else echo "live capture left out: it needs root for its network namespaces" >&2; fi

.PHONY: bench-report
bench-report: build ## Seconds for a month's report over 1, 10 and 100 million stored tuples (5 GB of disk)
	$(BIN)/python -m tests.benchmarks.report

.PHONY: test-spark
test-spark: build ## The report's statements on a real Spark and on DuckDB, row by row (needs Java 17)
	@command -v java >/dev/null || { \
	  echo "Spark needs Java 17. Debian: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/spark.txt
	$(BIN)/python -m tests.spark.run

.PHONY: torture
torture: build ## 500 kills over a bad network and full disks, a million hostile requests (hours; as root)
	$(BIN)/python -m tests.torture.kills --kills 500
	$(BIN)/python -m tests.torture.hostile --requests 1000000

.PHONY: load
load: build ## 2,000 sensors for ten minutes, then the highest rate that lasts for some (3 GB of disk)
	$(BIN)/python -m tests.ingestion.fleet_load --sensors 2000 --batches 10 --pace 60
	$(BIN)/python -m tests.ingestion.fleet_load --sensors 40 --batches 100 --rows 20000 --pace 0

# How long `make fuzz` runs each target.
SECONDS_EACH ?= 20

.PHONY: fuzz
fuzz: build ## Each fuzz target for SECONDS_EACH (rust/fuzz/README.md)
	@mkdir -p target/fuzz
	@for target in frame file block batch rules events; do \
	  rust/fuzz/run.sh $$target $(SECONDS_EACH) >target/fuzz/$$target.log 2>&1 || { \
	    tail -n 40 target/fuzz/$$target.log >&2; \
	    input=$$(sed -n 's|.*Test unit written to |its input lies in rust/fuzz/|p' target/fuzz/$$target.log); \
	    echo "$$target failed: $${input:-it was not built or did not start, as target/fuzz/$$target.log says}" >&2; exit 1; }; \
	  echo "$$target: $$(tail -n 1 target/fuzz/$$target.log)"; \
	done

.PHONY: cross
cross: ## Wheels and Debian packages of the sensor for arm64 and armhf, into target/cross/dist
	firmware/cross/build.sh

.PHONY: test-emulated
test-emulated: ## The sensor's tests on the arm64 build, emulated (as root; after make cross)
	firmware/emulation/suite.sh

.PHONY: image
image: ## A card image (as root; after make cross): make image BOARD=qemu-arm64
	DRIFT="$(DRIFT)" firmware/image/build.sh "$(BOARD)"

# What `make firmware-test` tries (boot count clock fallback operator updates cuts; watchdog with BOARD=generic-efi-arm64,
# raspberry with BOARD=rpi), how often cuts cuts, what a cut leaves of what the card had not been told to flush (kept: all;
# torn: some, and one write in part), and with how much memory.
PARTS ?= count clock fallback operator updates cuts
CUTS ?= 50
CACHE ?= kept
MEMORY ?= 512

.PHONY: firmware-test
firmware-test: build ## Boot the card in QEMU and hold it to its promises (as root; after make image; hours with cuts)
	$(BIN)/python -m tests.firmware.boot --only $(PARTS) --cuts $(CUTS) --cache $(CACHE) --memory $(MEMORY) --image \
	  $(or $(CARGO_TARGET_DIR),target)/image/$(or $(BOARD),qemu-arm64)/teiten-$(or $(BOARD),qemu-arm64).img

.PHONY: units-test
units-test: build ## Start both systemd units under a real systemd, in QEMU (as root)
	$(BIN)/python -m tests.firmware.units

.PHONY: readme
readme: build ## Put what the programs print now into the README
	$(BIN)/python -m tests.demo.readme

.PHONY: report-pictures
report-pictures: build ## Draw the page that holds our report against the reference anew
	$(BIN)/python -m tests.demo.reference_page

.PHONY: lock
lock: $(VENV)/.installed ## Renew the locked Python dependencies from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	for set in "agent pyproject.toml" "collector --extra collector pyproject.toml" \
	  "develop --all-extras --group develop pyproject.toml" "spark --group spark"; do \
	  set -- $$set; name=$$1; shift; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-header "$$@" -o requirements/$$name.txt; \
	done

.PHONY: clean
clean: ## Remove what the words above have made
	rm -rf $(VENV) target demo dist

$(VENV)/.installed: requirements/develop.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "teiten needs Python 3.11 or later as '$(PYTHON)'. Debian: apt-get install python3 python3-venv;" \
	    "or name another with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "teiten needs Python's venv module. Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/develop.txt
	touch $@

$(VENV)/.built: $(VENV)/.installed $(RUST_SOURCES) pyproject.toml
	@command -v cc >/dev/null || { \
	  echo "teiten needs a C compiler to link with. Debian: apt-get install gcc libc6-dev" >&2; exit 1; }
	@cargo --version 2>/dev/null | awk '{ split($$2, v, "."); exit !(v[1] > 1 || v[2] >= 85) }' || { \
	  echo "teiten needs Rust 1.85 or later (cargo on PATH): install it with rustup, see https://rustup.rs" >&2; exit 1; }
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --locked --quiet
	touch $@
