# carrel: everything a developer runs. CI calls check and test and nothing else.

GO ?= go
# The race detector needs a C compiler; where there is none, tests run without it and say so.
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
# Pages are tested in a real browser. Where there is none, tests run without it and say so; with CI=true they fail.
CHROMIUM := $(shell for b in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$b && break; done)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GUESTS := guests/go examples/counter examples/greeter internal/clients/agent
MODULES := $(GUESTS) internal/bench/guests/json internal/bench/peers/a2ago internal/bench/peers/engines

.PHONY: help build check test test-root test-guests clients vet-guests vet-systems lint vuln tidy generate generated bench crash hostile soak fuzz clean

help: ## lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## builds bin/carrel, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/carrel ./cmd/carrel

check: lint tidy generated vet-guests vet-systems vuln ## formatting, vet, staticcheck, govulncheck; tidy and generate leave no diff

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

tidy:
	$(GO) mod tidy -diff
	@for m in $(MODULES); do echo "$(GO) mod tidy -diff ($$m)"; (cd $$m && $(GO) mod tidy -diff) || exit 1; done

generate: ## writes what is generated: abi/ABI.md and the tables of the SDKs
	$(GO) generate ./...

# Compares before with after instead of with HEAD, so that work in progress can be checked too.
generated:
	@state() { git status --porcelain; git diff; git ls-files -o --exclude-standard | xargs -r cksum; }; \
	before=$$(state | cksum); $(GO) generate ./... || exit 1; \
	if [ "$$before" != "$$(state | cksum)" ]; then git status --short; echo "generated files were not up to date; they are now: look at them and commit them"; exit 1; fi

vuln:
	@if out=$$($(GO) tool govulncheck ./... 2>&1); then echo "$$out" | tail -1; \
	elif echo "$$out" | grep -q 'fetching vulnerabilities'; then echo "NOT RUN: govulncheck (its data at vuln.go.dev cannot be reached)"; \
	else echo "$$out"; exit 1; fi

# For systems that CI does not have: what is built there compiles, and its files are looked at.
vet-systems:
	@for s in linux/arm64 darwin/arm64; do echo "vet for $$s"; GOOS=$${s%/*} GOARCH=$${s#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; done

vet-guests:
	@for m in $(GUESTS); do echo "vet and build $$m for wasip1"; (cd $$m && export GOOS=wasip1 GOARCH=wasm && $(GO) vet ./... && $(GO) build -o /dev/null ./...) || exit 1; done
	@for m in a2ago engines; do echo "vet internal/bench/peers/$$m"; (cd internal/bench/peers/$$m && $(GO) vet ./...) || exit 1; done
	cd internal/bench/guests/json && GOOS=wasip1 GOARCH=wasm $(GO) vet ./...

test: test-guests test-root clients ## runs all tests, under the race detector
ifeq ($(RACE),)
	@echo "NOT RUN: the race detector (no C compiler found; install one, for example gcc)"
endif
ifeq ($(CHROMIUM),)
	@echo "NOT RUN: the pages in a browser (no Chromium found; install one, for example with apt-get install chromium)"
endif

test-guests:
	@for m in $(GUESTS); do echo "test $$m"; (cd $$m && $(GO) test $(RACE) -shuffle=on ./...) || exit 1; done

# Those that take longest come first, so that none of them is alone at the end.
LONGEST = ./task ./runtime ./server ./cmd/carrel

test-root:
	$(GO) test $(RACE) -shuffle=on -timeout 15m $$($(GO) list $(LONGEST); $(GO) list ./... | grep -v /internal/clients$$)
	$(GO) test -run '^TestTheSpecificationsTestsComeOutTheSame$$' ./runtime/rewrite # the race detector runs a part of these only
	$(GO) test -run '^TestPluginsAnswerAsInExtism$$' ./runtime

# Verbose, so that what is not run is seen.
clients: ## lets clients and tools of others drive a server: a2a-sdk, @a2a-js/sdk, fasta2a, schemathesis
	@out=$$($(GO) test ./internal/clients -count=1 -v); status=$$?; echo "$$out" | grep -v '^ *==='; exit $$status

bench: ## measures against the references and prints one table
	$(GO) run ./internal/bench

crash: ## kills a server 50 times while 32 clients send
	$(GO) test ./cmd/carrel -run '^TestCrash$$' -count=1 -v -timeout 30m -args -crash.kills=50 -crash.clients=32

hostile: ## tries every hostile module in a process of its own and prints what came of it
	@out=$$($(GO) test ./runtime -run '^TestHostile$$' -count=1 -v); status=$$?; echo "$$out" | grep -v '^ *\(===\|--- PASS\)'; exit $$status

SOAK_TASKS ?= 1000000
soak: ## sends 1,000,000 tasks to one server and fails when it grows meanwhile
	$(GO) run ./internal/bench soak -tasks $(SOAK_TASKS)

FUZZTIME ?= 10m
FUZZ ?= .
fuzz: ## runs each fuzz target for FUZZTIME (10m), of those that match FUZZ (all), and prints a table
	@$(GO) run ./internal/fuzz -time $(FUZZTIME) -match '$(FUZZ)' . $(GUESTS)

clean: ## removes what was built
	rm -rf bin
