# Every target is one command; what CI runs is `make test`.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,$(shell command -v $(name))))
# Where pip finds torch. Its default may be a CUDA build of several gigabytes; for a CPU build give
# the address of PyTorch's CPU index: make demo TORCH_INDEX=<address>
TORCH_INDEX ?=
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet
PROMPT ?=
FACE ?=
CONSENT ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo serve test check parity test-full-size profiles bench bench-gpu load chaos soak fuzz provenance consent cluster showcase evaluate evaluate-quick compare pocket-check clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/server-installed ## draw one picture on a server of its own: FACE=photo.png CONSENT=yes PROMPT="..."
	.venv/bin/python -m scripts.demo $(if $(FACE),--face "$(FACE)") $(if $(CONSENT),--i-have-consent) $(if $(PROMPT),--prompt "$(PROMPT)")

serve: .venv/server-installed ## serve the repository on 127.0.0.1, ports 8000 to 8003
	exec .venv/bin/instantid serve

test: .venv/dev-installed check ## run everything that needs no GPU
	.venv/bin/python -m pytest --durations=20 --durations-min=5

check: .venv/dev-installed ## lint, types, formatting, and configs that drifted from their profile
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy server client scripts tests/contract tests/fakes/triton_python_backend_utils.py
	.venv/bin/python -m scripts.render_profiles --check
	.venv/bin/hadolint docker/Dockerfile

parity: .venv/dev-installed ## compare the server's pictures with one process's, case by case
	.venv/bin/python -m scripts.parity $(ARGS)

test-full-size: .venv/dev-installed ## serve random weights of SDXL's size on the CPU: 25 GB of disk, 16 of memory
	.venv/bin/python -m scripts.full_size $(ARGS)

profiles: .venv/dev-installed ## render ensemble_configs/<profile>.toml into the configs: ARGS="--into DIR"
	.venv/bin/python -m scripts.render_profiles $(ARGS)

bench: .venv/dev-installed ## compare the server with one process: latency, throughput, batches
	GOMP_SPINCOUNT=2000 .venv/bin/python -m scripts.bench

bench-gpu: .venv/dev-installed ## climb the ladder of speed on one GPU: ARGS="--toy" does it on the CPU
	GOMP_SPINCOUNT=2000 .venv/bin/python -m scripts.bench_gpu $(ARGS) # as the server's processes wait

load: .venv/dev-installed ## load the server, and three others with the same weights: ARGS=--full takes hours
	GOMP_SPINCOUNT=2000 .venv/bin/python -m scripts.load $(ARGS) # as the server's processes wait

chaos: .venv/dev-installed ## break parts of a server under load, for ten minutes: ARGS="--minutes 30"
	.venv/bin/python -m scripts.chaos $(ARGS)

soak: .venv/dev-installed ## load a server for an hour and watch its memory: ARGS="--minutes 5"
	.venv/bin/python -m scripts.soak $(ARGS)

fuzz: .venv/dev-installed ## send 10,000 requests that no client would send: ARGS="--examples 500"
	.venv/bin/python -m scripts.fuzz $(ARGS)

provenance: .venv/dev-installed ## attack marks, credentials and noise, and measure them: ARGS=--quick
	.venv/bin/python -m scripts.provenance $(ARGS)

consent: .venv/dev-installed ## try every attack on consent, doors and audit: ARGS=--quick
	.venv/bin/python -m scripts.consent $(ARGS)

cluster: .venv/dev-installed ## simulate many servers, how many and how far apart: ARGS=--validate runs real ones
	.venv/bin/python -m scripts.cluster $(ARGS)

showcase: .venv/server-installed ## draw the contact sheet of the README
	.venv/bin/python -m scripts.showcase

evaluate: .venv/dev-installed ## measure identity, prompt and pose of drawn persons: ARGS="--url localhost:8001"
	.venv/bin/python -m scripts.evaluate $(ARGS)

evaluate-quick: .venv/dev-installed ## the same of a few persons, in under five minutes
	.venv/bin/python -m scripts.evaluate --quick $(ARGS)

compare: .venv/dev-installed ## LoRA, general encoder, public faces, another base: beside this system
	.venv/bin/python -m scripts.comparisons.lora $(ARGS)
	.venv/bin/python -m scripts.comparisons.general_encoder train-encoder $(ARGS)
	.venv/bin/python -m scripts.comparisons.general_encoder train $(ARGS)
	.venv/bin/python -m scripts.comparisons.general_encoder measure $(ARGS)
	.venv/bin/python -m scripts.comparisons.public_face $(ARGS)
	.venv/bin/python -m scripts.comparisons.plug_and_play $(ARGS)

pocket-check: .venv/dev-installed ## measure the pocket weights on persons never trained on
	.venv/bin/python -m scripts.pocket.check $(ARGS)

clean: ## remove the environment and everything built
	rm -rf .venv build

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(v not in ((3, 11), (3, 12)))' \
		|| { echo "Python 3.11 or 3.12 is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -m venv .venv \
		|| { rm -rf .venv; echo "python -m venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/server-installed: pyproject.toml docker/requirements.txt docker/requirements-embedded.txt | .venv/bin/python
	$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	$(PIP) install --no-deps -r docker/requirements.txt -r docker/requirements-embedded.txt
	$(PIP) install --no-deps --editable .
	@touch $@

.venv/dev-installed: .venv/server-installed docker/requirements-dev.txt docker/requirements-envoy.txt
	$(PIP) install --no-deps -r docker/requirements-dev.txt
	$(PIP) install --no-deps --upgrade --target build/xds-protos -r docker/requirements-envoy.txt
	@touch $@
