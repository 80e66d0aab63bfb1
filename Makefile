# Every target sets up what it needs and may be run again at once.
.PHONY: demo test soak kills bench lint audit kernels terraform dist packages clean

demo: ## a scan, a notice, an answer: the main job on this machine
	@tests/demo.sh

test: ## every test
	@tests/test.sh

soak: ## hard days: deeds, notices and faults mixed, every answer checked; SOAK_SEED=n again, SOAK_MINUTES=n longer
	@tests/soak.sh

kills: ## the ring killed a thousand times, and its power cut two thousand, against a ledger of what was committed
	RING_KILL_ROUNDS=1000 RING_POWER_CUTS=2000 cargo test --package tests --test all -- --nocapture ring::killed power_may_go

lint: ## formatting and clippy
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings

audit: ## licences, bans and sources of dependencies
	cargo deny check licenses bans sources

bench: ## what the recorder costs and loses; ONLY=name for one (tests/bench.sh --help for more)
	@tests/bench.sh $(if $(ONLY),--only $(ONLY))

terraform: ## the modules and examples, planned and applied without AWS
	@tests/terraform.sh

dist: ## packages, checksums and an SBOM, in target/dist; BOT=1 for the bot's image, too
	@host-recorder/packaging/dist.sh $(if $(BOT),bot)

packages: ## what `make dist` packed, tried in old and empty root file systems, as root
	@tests/setup.sh packages
	@tests/packages.sh

kernels: ## the recorder on Debian's 5.10, 6.1 and 6.12 kernels, under emulation
	cargo build --package host-recorder
	@tests/kernels/run.sh

clean: ## what was built
	cargo clean
