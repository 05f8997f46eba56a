# The only entrance. `make help` lists what there is.

# Debian packages that the build needs: a linker and C for ring and zstd, C++ for the fuzzer, git for what the build
# says of itself.
PACKAGES := gcc g++ libc6-dev git
# And what the development image is made of and with, and booted by. The kernel's series is the one that was tried.
IMAGE_PACKAGES := linux-source-6.12 make bc bison flex cpio xz-utils zstd libelf-dev busybox-static cryptsetup-bin \
  dnsmasq-base dosfstools e2fsprogs fdisk grub-common grub-efi-amd64-bin grub-pc-bin iproute2 mtools ovmf \
  qemu-system-x86 squashfs-tools util-linux
rpi_IMAGE_PACKAGES := qemu-system-arm
# And what the release image is made with: what Buildroot wants of a machine, and a compiler for the board.
BOARD ?= x86_64
RELEASE_PACKAGES := bc binutils bzip2 cpio curl diffutils file findutils gzip make patch perl python3 rsync sed tar unzip \
  wget xz-utils
x86_64_TARGET := x86_64-unknown-linux-gnu
rpi_TARGET := aarch64-unknown-linux-gnu
rpi_FLAGS = -C relocation-model=pic -C linker=$(CURDIR)/board/rpi/link-gcc.sh
rpi_PACKAGES := gcc-aarch64-linux-gnu libc6-dev-arm64-cross
# A real mail server to test against. Without the files of its service nothing starts it: the test does, for itself.
MTA := postfix
# And servers whose logs are read, with their clients.
SERVERS := freeradius freeradius-utils isc-dhcp-client isc-dhcp-server kea-dhcp4-server kea-dhcp6-server
# And what those have who get the mails: a spam filter with a name server for it, a checker of signatures, mail readers.
RECEIVERS := dnsmasq-base libmail-dkim-perl libmail-dmarc-perl libmail-spf-perl mutt python3-dkim spamassassin tmux
service = /etc/init.d/$(1) /lib/systemd/*/$(1)* /usr/lib/systemd/*/$(1)*
without_services = $(patsubst %,-o 'DPkg::Options::=--path-exclude=%',$(foreach name,$(1),$(call service,$(name))))

# How those for a box are linked.
STATIC := -C target-feature=+crt-static
# Where those for a box are built.
PROGRAMS = $${CARGO_TARGET_DIR:-target}/$($(BOARD)_TARGET)/release

# How long `make fuzz` tries each target.
SECONDS := 3600

# FreeRADIUS is set up only where it has a script that starts it: this one starts nothing.
script = /etc/init.d/freeradius
with_script = [ -e $(script) ] || { printf '\043!/bin/sh\n' | $$root tee $(script) && $$root chmod +x $(script); } >/dev/null;

# Nothing that is there goes, and nothing is started.
install = root='sudo -n'; [ "$$(id -u)" != 0 ] || root=; \
	$(if $(filter freeradius,$(1)),$(with_script)) \
	$$root apt-get update && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	  --no-remove $(call without_services,$(1)) $(1)

export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run test test-api test-browser fuzz bench soak image dev-image run-image test-image test-tree check fmt needs \
  image-needs release-needs mta servers receivers programs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Built quickly, not well: who has just come waits for it.
run: needs ## build it and let it run against a simulated Shadowserver and mail server
	cargo build --locked --bins --examples
	tests/run.sh

# The summary of the tests comes last, and all of them run whatever failed before. Without what an image is made with
# those of the image count as ignored, but in CI; without schemathesis it is said that its test was left out, and so it is
# without Chromium, selenium or axe. By the name of MAKE, `make -n` would run all of the line.
AGAIN = $(MAKE)
test: needs mta servers receivers ## install what is missing, then run all tests, and the core of those in QEMU
	@failed=; tests/fuzz/run.sh 10 || failed=1; \
	EXAMPLES=10 $(AGAIN) test-api || [ -z "$$(ls out/api/bin/schemathesis 2>/dev/null)" ] || failed=1; \
	$(AGAIN) test-browser || [ ! -e out/browser/shots ] || failed=1; \
	if ! $(AGAIN) image-needs; then image=; echo 'no image: the tests that boot it will count as ignored' >&2; \
	elif $(AGAIN) dev-image; then image=core; else image=; failed=1; fi; \
	IMAGE_TESTS=$$image cargo test --locked --no-fail-fast && [ -z "$$failed" ]

# Takes schemathesis from PyPI into out/api. EXAMPLES=1000 tries longer.
test-api: needs ## hold the API of a running abusebox against its description, with schemathesis
	cargo build --locked --bin abusebox --example simulator
	tests/api.sh

# Takes selenium from PyPI and axe-core from npm into out/browser, and leaves its pictures there. As root it installs
# Chromium.
test-browser: needs ## go through all of the page in a browser, in both languages, wide and narrow, dark and light
	cargo build --locked --bin abusebox --example simulator
	tests/browser.sh

fuzz: needs ## try foreign input that nobody thought of, an hour for each target (or SECONDS=60)
	tests/fuzz/run.sh $(SECONDS)

# REPORTS=DIR: reports of 2026-11-20 and customers.csv in a folder. LARGE=1: also two million rows.
# The program is linked as a box has it: with all its libraries in it, which also counts as its memory.
bench: export RUSTFLAGS = $(STATIC)
bench: needs ## print the figures that have a budget, and those of the inner loops
	cargo bench --locked --target $$(rustc --print host-tuple) --bench inner
	cargo bench --locked --target $$(rustc --print host-tuple) --bench budgets -- $(if $(LARGE),--large) $(REPORTS)

soak: needs ## what takes hours: kills, gigabytes, a week, fuzzing; PARTS="kill week" runs these only
	tests/soak.sh $(PARTS)

# BOARD=rpi: for Raspberry Pi 3, 4 and 5. BUILDROOT=DIR: a Buildroot that is there. DEBUG=1: with a shell, for the bench.
image: release-needs programs ## make the release image with Buildroot, out/abusebox-VERSION-BOARD.img.xz (hours)
	buildroot/build.sh $(BOARD) $(PROGRAMS)

dev-image: image-needs programs ## make a box for QEMU: out/dev/abusebox-BOARD.img (the first time compiles a kernel)
	board/common/dev-image.sh $(BOARD) $(PROGRAMS)

# Where the library for the board's machine cannot be had, it is compiled too, from the sources of the same Rust
# (`rustup component add rust-src`).
programs:
	@[ -n "$($(BOARD)_TARGET)" ] || { echo 'no such board; there are BOARD=x86_64 and BOARD=rpi' >&2; exit 1; }
	@std=; if ! { [ -e "$$(rustc --print target-libdir --target $($(BOARD)_TARGET))" ] || rustup target add $($(BOARD)_TARGET); }; then \
	[ -e "$$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] || rustup component add rust-src || \
	{ echo 'The Rust library for $($(BOARD)_TARGET) cannot be had here, nor its sources, so there is no image for $(BOARD).' >&2; \
	exit 1; }; export RUSTC_BOOTSTRAP=1; std=-Zbuild-std=std,panic_abort; fi; \
	RUSTFLAGS='$(STATIC) $($(BOARD)_FLAGS)' \
	  cargo build --locked --release --bins --target $($(BOARD)_TARGET) $$std

run-image: dev-image ## boot it in QEMU, with the simulated Shadowserver and mail server beside it
	cargo build --locked --examples
	tests/image/run.sh

# That of a Raspberry Pi needs more than every machine can have.
test-image: dev-image test-tree ## boot it in QEMU, also damaged, and that of a Raspberry Pi
	DEBUG=1 board/common/dev-image.sh x86_64 $(PROGRAMS)
	@rm -f out/dev/abusebox-rpi.img
	if $(AGAIN) BOARD=rpi image-needs programs && board/common/dev-system.sh arm64; then $(AGAIN) BOARD=rpi dev-image; \
	else echo 'no image of a Raspberry Pi: the tests that boot it count as ignored' >&2; fi
	IMAGE_TESTS=all cargo test --locked --test image

# BUILDROOT=DIR: an unpacked Buildroot; without it nothing is checked, and that is said.
test-tree: ## check the settings of the release image against a Buildroot
	tests/image/tree.sh

check: needs ## format, lints, and what may come in as a dependency
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; \
	else echo 'not checked: licences and sources. To check them: cargo install --locked cargo-deny'; fi

fmt: ## format the sources
	cargo fmt

# Without dpkg the linker is the user's business, and there is nothing to make a development image of. Where a package's
# version is gone, which only fresh lists of apt tell, it is the newest.
image-needs: PACKAGES += $(IMAGE_PACKAGES) $($(BOARD)_PACKAGES) $($(BOARD)_IMAGE_PACKAGES)
release-needs: PACKAGES += $(RELEASE_PACKAGES) $($(BOARD)_PACKAGES)
needs image-needs release-needs:
	@command -v cargo >/dev/null || { echo 'cargo is missing. Install it with' >&2; \
	echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2; exit 1; }
	@command -v dpkg-query >/dev/null || [ $@ != image-needs ] || \
	{ echo 'The development image is made of packages of Debian or Ubuntu.' >&2; exit 1; }
	@command -v dpkg-query >/dev/null || exit 0; missing=; \
	has() { dpkg-query -W -f '$${Status}' $$1 2>/dev/null | grep -q ' installed$$'; }; \
	newest() { if apt-cache show $$1 >/dev/null 2>&1; then echo $$1; else echo $${1%-[0-9]*}; fi; }; \
	for package in $(PACKAGES); do has $$package || has $$(newest $$package) || missing="$$missing $$package"; done; \
	install() { echo apt-get install -y --no-install-recommends $$(for package in $$missing; do newest $$package; done); }; \
	if [ -z "$$missing" ]; then exit 0; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update && $$(install); \
	elif sudo -n true 2>/dev/null; then sudo apt-get update && sudo $$(install); \
	else echo 'Packages are missing. Run this, then again what you ran:' >&2; \
	  echo "  sudo $$(install)" >&2; exit 1; fi

# A machine holds one package of the kind; one that is there stays, and so does one that cannot be had.
mta:
	@command -v dpkg-query >/dev/null || exit 0; \
	dpkg-query -W -f '$${Status} $${Provides}\n' | grep -q ' installed .*mail-transport-agent' && exit 0; \
	$(call install,$(MTA)) || \
	echo 'no $(MTA): the tests that need a real mail server will say that they are skipped' >&2

all_of = @command -v dpkg-query >/dev/null || exit 0; \
	dpkg-query -W -f '$${Status}\n' $(1) 2>/dev/null | grep -c ' installed$$' | grep -qx $(words $(1)) && exit 0; \
	$(call install,$(1)) || \
	echo 'not all of $(1): the tests that need them will say that they are skipped' >&2

servers:
	$(call all_of,$(SERVERS))

receivers:
	$(call all_of,$(RECEIVERS))
