# Every target is a line of `make help`. Tools are pinned here, and built into
# .tmp/bin, which git ignores: in go.mod they would be everybody's dependencies.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BUF_VERSION := v1.75.0
GOLANGCI_LINT_VERSION := v2.15.0

BIN := $(CURDIR)/.tmp/bin
BUF := $(BIN)/buf-$(BUF_VERSION)
GOLANGCI_LINT := $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)

FUZZTIME ?= 10s

.PHONY: help
help: ## Show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Compile every package
	go build ./...

.PHONY: test
test: ## Run all tests
	go test ./...

.PHONY: race
race: ## Run all tests with the race detector
	go test -race ./...

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: fmt
fmt: $(BUF) $(GOLANGCI_LINT) ## Format Go and protobuf sources
	$(GOLANGCI_LINT) fmt
	$(BUF) format --config .buf.yaml -w

.PHONY: lint
lint: $(BUF) $(GOLANGCI_LINT) ## Run the linters
	$(BUF) lint --config .buf.yaml
	$(BUF) format --config .buf.yaml -d --exit-code
	$(GOLANGCI_LINT) run

.PHONY: generate
generate: $(BUF) ## Generate Go from the .proto files
	$(BUF) generate --config .buf.yaml --template .buf.gen.yaml

.PHONY: checkgenerate
checkgenerate: $(BUF) ## Fail if the generated code is not that of the .proto files
	BUF=$(BUF) bash .ci/checkgenerate

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (10s)
	bash .ci/fuzz $(FUZZTIME)

.PHONY: examples
examples: ## Run each example that runs alone, build the others
	bash .ci/examples

.PHONY: ci
ci: ## Run everything that a change must pass
	bash .ci/run

.PHONY: clean
clean: ## Remove tools and other output
	rm -rf .tmp

$(BUF): ; $(call install,github.com/bufbuild/buf/cmd/buf,$(BUF_VERSION))
$(GOLANGCI_LINT): ; $(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

# install builds a tool and names it by its version, so that a new version here
# is a new file.
install = GOBIN=$(BIN) go install $(1)@$(2) && mv $(BIN)/$(notdir $(1)) $@
