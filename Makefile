# What a developer runs. `make test` is everything that CI runs; it needs Go and, the first time, the module proxy.

GO          ?= go
# What the program is built for: servers, and the laptop of whoever looks at a copy of the logs.
CROSS       ?= linux/amd64 linux/arm64 windows/amd64 darwin/arm64
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
# In inputs and not in seconds: a run that its deadline ends in the middle of an input is reported as a failure
# (golang.org/issue/75804). 5000 take from one to seven seconds.
FUZZTIME    ?= 5000x
# Races are looked for in all packages but one, SQLite: C that was translated to Go. It keeps its memory and its locks outside
# of Go's heap, of which the detector knows nothing, and asking it at each access all the same took most of the time of the
# tests. The driver above it is watched.
RACE        ?= -race -gcflags=modernc.org/sqlite/lib=-race=false

.PHONY: build cross test lint unit fuzz bench bench-once torture torture-short samples clean

build:
	$(GO) build -trimpath -o bin/outmode ./cmd/outmode

# One file for each system, without C. The first time it compiles SQLite for each, which takes minutes.
cross:
	@for target in $(CROSS); do \
	  os=$${target%/*}; arch=$${target#*/}; suffix=; if [ $$os = windows ]; then suffix=.exe; fi; \
	  file=bin/cross/outmode-$$os-$$arch$$suffix; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -o $$file ./cmd/outmode || exit 1; \
	  echo "$$file $$(($$(wc -c < $$file) / 1024)) KiB"; \
	done

test: lint unit fuzz bench-once torture-short cross

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	GOOS=windows GOARCH=amd64 $(GO) vet ./ingest/... ./cmd/... ./rules/... ./internal/...
	$(GO) run $(STATICCHECK) ./...

unit:
	$(GO) test $(RACE) -shuffle=on -timeout 30m ./...

# Every fuzz target, for a few seconds each: long seeds would be minimized for as long as a minute.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg || exit 1; \
	  done; \
	done

# Whether they still run, and not how fast they are: with little data where there is much.
bench-once:
	$(GO) test -short -run '^$$' -bench . -benchtime 1x ./...

# The daemon is killed at random while logs are written, and what is left is counted. Then its system calls fail one by
# one (this needs strace: apt-get install strace).
torture: build
	$(GO) build -o bin/torture ./samples/torture
	bin/torture -outmode bin/outmode -kills 200 -serve-args '--listen='
	bin/torture -outmode bin/outmode -sweep

torture-short: build
	$(GO) run ./samples/torture -outmode bin/outmode -kills 20 -serve-args '--listen='

# The goals of performance, measured; see docs/performance.md. It never fails a build.
bench: build
	$(GO) run ./samples/bench -outmode bin/outmode

samples:
	$(GO) run ./samples/gen contoso samples/contoso

clean:
	rm -rf bin bench
