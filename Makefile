# SPDX-License-Identifier: BSD-2-Clause
#
# A thin front for people: it installs what is missing, calls CMake with a preset, and runs what was built.

PRESET = release
PREFIX = /usr/local
DHP_STRESS_SECONDS ?= 300
SOAK_SECONDS = 3600
STRESS_SECONDS = $(DHP_STRESS_SECONDS)
STRESS_ARGS =
DEMO_ARGS =
BENCH_ARGS =
RUNS = 1
PAUSE_ARGS =
GROWTH_ARGS =
VM_ARGS =
FUZZ_SECONDS = 600
FUZZ_TARGETS =
TAPNIC_ARGS =
MODEL_ITERATIONS = 20000
WEAKEN_ARGS =
CTEST_ARGS =

build_dir = build/$(PRESET)
group = $(if $(filter tsan,$(PRESET)),tsan,check)

# Sanitizers cannot live with the address randomisation of newer kernels. Where setarch is not allowed to switch it off
# (some containers), the program runs as it is. For the tests the options stand in CMakePresets.json.
fixed = $$(setarch "$$(uname -m)" -R true 2>/dev/null && echo setarch "$$(uname -m)" -R)
tsan_env = TSAN_OPTIONS="exitcode=66 second_deadlock_stack=1 history_size=7 suppressions=$(CURDIR)/tests/tsan.supp"
asan_env = ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
run_tests = $(if $(filter asan tsan,$(PRESET)),$(fixed))
run = $(if $(filter tsan,$(PRESET)),$(tsan_env) $(fixed))$(if $(filter asan,$(PRESET)),$(asan_env) $(fixed))

.PHONY: help demo check check-all conformance mutate stress bench install build deps deps-bench clean vm vm-quick deps-vm fuzz fuzz-afl bench-build bench-quick

help:
	@echo 'make demo              processors arrive under load; about 15 seconds   (DEMO_ARGS=...)'
	@echo 'make check             build and run the tests, two at a time  (CTEST_ARGS="-j1 -R work")'
	@echo 'make check-all         the same as release, debug, asan and tsan'
	@echo 'make conformance       run the tests, write docs/conformance.md, fail when a clause has no test; make conformance-page: as make check left it'
	@echo 'make mutate            break the engine line by line, fail when no test notices  (MUTATE_ARGS="--changed HEAD~1")'
	@echo 'make stress            torture each part for its share of STRESS_SECONDS=$(STRESS_SECONDS)     (STRESS_ARGS=--seed=1; RECORD=1)'
	@echo 'make soak              the same for SOAK_SECONDS=$(SOAK_SECONDS), half of it under ThreadSanitizer'
	@echo 'make bench             floors, ours and rivals; writes docs/performance.md  (BENCH_ARGS=--group=chain,spawn)'
	@echo 'make bench-quick       the same with few repetitions, writes nothing; below 3 minutes'
	@echo 'make pause             what an arrival does to the processors that are there  (PAUSE_ARGS="--arrivals 20")'
	@echo 'make growth            what an arrival costs as the partition grows to 4096 processors  (GROWTH_ARGS="--maximum 64")'
	@echo 'make instructions      count the instructions of the hot paths, fail beyond 3 %; UPDATE=1 records them'
	@echo 'make vm                real arrivals in an emulated machine, two kernels; 10 minutes (VM_ARGS=--list)'
	@echo 'make vm-quick          one kernel, two scenarios; half a minute'
	@echo 'make vm-kmod           the engine as a module of both kernels; 10 minutes (VM_ARGS=--list)'
	@echo 'make vm-kmod-quick     one kernel: loaded, one processor plugged, unloaded; below a minute'
	@echo 'make fuzz              any input, any sequence of calls; FUZZ_SECONDS=$(FUZZ_SECONDS) each   (FUZZ_TARGETS=cpulist)'
	@echo 'make fuzz-afl          the same by AFL++'
	@echo 'make tapnic            a network driver in user space: processors arrive, no flow is lost or reordered'
	@echo 'make worlds            small programs on the engine: every schedule, and what cannot be exhausted by chance; UPDATE=1 writes its table'
	@echo 'make lint              clang-tidy, cppcheck, gcc -fanalyzer  (LINT_ARGS="--changed HEAD~1 clang-tidy")'
	@echo 'make valgrind          tests under memcheck  (VALGRIND_ARGS=--seconds 600)'
	@echo 'make integer           numbers that wrap or lose something, by clang'
	@echo 'make tsan-clang        make check PRESET=tsan by the other compiler'
	@echo 'make i386, make arm64  cross builds, and their tests'
	@echo 'make coverage          lines and branches that the tests take: build/coverage/index.html'
	@echo 'make models            the ordering edges under a weak memory; MODEL_ITERATIONS=$(MODEL_ITERATIONS) for each world'
	@echo 'make weaken            each order one step weaker, fail when no model notices (WEAKEN_ARGS="--edge spin")'
	@echo 'make faults            every call that can fail fails, every call is stopped at every instruction; minutes'
	@echo 'make build             build only'
	@echo 'make install           PREFIX=$(PREFIX), DESTDIR=...'
	@echo 'make clean             remove build/'
	@echo
	@echo 'PRESET=release|debug|asan|tsan picks the build: make check PRESET=tsan'
	@echo 'What is missing is installed first (tools/install-deps); without root you are told what to run.'

deps:
	@tools/install-deps --for $(group)

build: deps
	@test -f $(build_dir)/build.ninja || cmake --preset $(PRESET)
	@cmake --build --preset $(PRESET)

demo: build
	$(run) $(build_dir)/tools/dhp demo $(DEMO_ARGS)

results = $(CURDIR)/$(build_dir)/conformance.xml
with_results = --output-junit $(results) --test-output-size-passed 10000000 --test-output-size-failed 10000000
check: build
	$(run_tests) ctest --preset $(PRESET) $(with_results) $(CTEST_ARGS)

check-all:
	@for preset in release debug asan tsan; do $(MAKE) check PRESET=$$preset || exit 1; done

# Which test asserts which clause, and how it ended; fails when a clause of docs/semantics.md has neither a test nor a reason.
# The page is that of the release build; other builds write theirs beside their objects.
record = $(if $(filter release,$(PRESET)),docs,$(build_dir))/conformance.md
conformance: build
	-$(run_tests) ctest --preset $(PRESET) --exclude-regex '^stress[.]' $(with_results) --quiet
	@$(MAKE) --no-print-directory conformance-page PRESET=$(PRESET)

# The same from what the last `make check` left, without running the tests once more.
.PHONY: conformance-page
conformance-page:
	@test -f $(results) || { echo 'make: no results of `make check PRESET=$(PRESET)` in $(build_dir)' >&2; exit 1; }
	tools/conformance --build $(CURDIR)/$(build_dir) --junit $(results) --page $(record)

# Always the release build, in a copy under build/mutate.
mutate: deps
	tools/mutate $(MUTATE_ARGS)

# RECORD=1 adds what was run to stress/record.txt, from which tools/verification has its hours.
stress: build
	$(run) stress/run.py --build $(build_dir) --seconds $(STRESS_SECONDS) $(if $(RECORD),--record) $(STRESS_ARGS)

.PHONY: soak
soak:
	@for preset in release tsan; do \
		$(MAKE) stress PRESET=$$preset STRESS_SECONDS=$$(($(SOAK_SECONDS) / 2)) || exit 1; \
	done

deps-bench: deps
	@tools/install-deps --for bench

# Runs in full end in build/bench/full, from which docs/performance.md is made; with arguments in build/bench/short.
bench_report = PYTHONDONTWRITEBYTECODE=1 python3 bench/report
bench_full = build/bench/full

# Configured anew, since Google Benchmark may have been missing when the build directory was made.
bench-build: deps-bench
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target dhp_bench dhp_pause dhp_growth

# Rivals that are loaded (mallocs) want room for their thread-local data.
bench: bench_folder = build/bench/$(if $(BENCH_ARGS),short,full)
# Between two runs the machine's load sinks again: a run that begins under load says so.
bench: bench-build
	@mkdir -p $(bench_folder) && rm -f $(bench_folder)/run-*.json
	for number in $$(seq $(RUNS)); do test $$number = 1 || sleep 120; $(run) env GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384 $(build_dir)/bench/dhp_bench \
		--benchmark_out=$(bench_folder)/run-$$number.json --benchmark_out_format=json $(BENCH_ARGS) >$(bench_folder)/run-$$number.txt || exit 1; done
	@$(if $(BENCH_ARGS),$(bench_report) $(bench_folder)/run-*.json,$(MAKE) --no-print-directory bench-page)

bench-quick: override BENCH_ARGS += --quick
bench-quick: bench

# Of what was measured in full so far.
.PHONY: bench-page
bench-page: runs = $(sort $(wildcard $(bench_full)/run-*.json))
bench-page: pauses = $(sort $(wildcard $(bench_full)/pause-*.json))
bench-page: grown = $(wildcard $(bench_full)/growth.json)
bench-page:
	@$(if $(runs),$(bench_report) $(runs) $(if $(pauses),--pause $(pauses)) $(if $(grown),--growth $(grown)) --pictures docs/performance \
		--page docs/performance.md --command 'make bench$(if $(word 2,$(runs)), RUNS=$(words $(runs)))',echo 'docs/performance.md is written when `make bench` has run in full')

# Always the release build. A processor that others take away makes windows that say nothing: better on a machine at rest.
.PHONY: pause growth instructions deps-instructions
pause: pause_folder = build/bench/$(if $(PAUSE_ARGS),short,full)
pause:
	@$(MAKE) --no-print-directory bench-build PRESET=release
	@mkdir -p $(pause_folder)
	build/release/bench/dhp_pause $(PAUSE_ARGS) --backend sim $(pause_folder)/pause-sim.json
	build/release/bench/dhp_pause $(PAUSE_ARGS) --backend linux $(pause_folder)/pause-linux.json
	@$(bench_report) --pause $(pause_folder)/pause-sim.json $(pause_folder)/pause-linux.json --pictures $(if $(PAUSE_ARGS),$(pause_folder),docs/performance)
	@$(if $(PAUSE_ARGS),,$(MAKE) --no-print-directory bench-page >/dev/null)

growth: growth_folder = build/bench/$(if $(GROWTH_ARGS),short,full)
growth:
	@$(MAKE) --no-print-directory bench-build PRESET=release
	@mkdir -p $(growth_folder)
	build/release/bench/dhp_growth $(GROWTH_ARGS) $(growth_folder)/growth.json >/dev/null
	@$(bench_report) --growth $(growth_folder)/growth.json --pictures $(if $(GROWTH_ARGS),$(growth_folder),docs/performance)
	@$(if $(GROWTH_ARGS),,$(MAKE) --no-print-directory bench-page >/dev/null)

deps-instructions: deps
	@tools/install-deps --for instructions

# Configured anew, since valgrind may have been missing when the build directory was made.
instructions: deps-instructions
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target count_paths
	PYTHONDONTWRITEBYTECODE=1 tests/instructions/compare.py --build build/release $(if $(UPDATE),--update)

deps-vm: deps
	@tools/install-deps --for vm

# Always the release build: the emulation is slow enough. The report and the logs stay in build/vm.
vm: deps-vm
	@$(MAKE) --no-print-directory build PRESET=release
	PYTHONDONTWRITEBYTECODE=1 tests/vm/run.py $(VM_ARGS)

vm-quick: VM_ARGS += --quick
vm-quick: vm

# The module is built for each kernel against headers that are unpacked in build/vm. Nothing of the library's build is needed.
.PHONY: vm-kmod vm-kmod-quick
vm-kmod: deps-vm
	PYTHONDONTWRITEBYTECODE=1 tests/vm/run.py --module $(VM_ARGS)

vm-kmod-quick: VM_ARGS += --quick
vm-kmod-quick: vm-kmod

# Builds of their own, by clang; with all checks, and for AFL++ with few, where misuse gets a status. What was found, and what
# reaches new code, stays in build/fuzz or build/afl.
fuzz:
	@tools/install-deps --for fuzz
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz
	$(asan_env) $(fixed) tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-afl:
	@tools/install-deps --for afl
	@AFL_QUIET=1 cmake --preset release -B build/afl -DCMAKE_C_COMPILER=afl-clang-fast -DDHP_BUILD_BENCH=OFF >/dev/null
	@AFL_QUIET=1 cmake --build build/afl --target fuzz
	tests/fuzz/run.py --afl --build build/afl --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: tapnic deps-tapnic
deps-tapnic: deps
	@tools/install-deps --for tapnic

# Status 77 of the script: not allowed here, which it says; no failure.
tapnic: deps-tapnic build
	$(run) examples/tapnic/run.sh --folder $(build_dir)/examples $(TAPNIC_ARGS) || [ $$? -eq 77 ]

# ---- what reads or runs the code in other ways: docs/static-and-dynamic.md ----

.PHONY: lint valgrind integer tsan-clang i386 arm64 coverage
lint:
	@tools/install-deps --for lint
	@cmake --preset lint >/dev/null
	tools/lint $(LINT_ARGS)

valgrind:
	@tools/install-deps --for valgrind
	@$(MAKE) --no-print-directory build PRESET=release
	tools/memcheck --build build/release $(VALGRIND_ARGS)

# Another build, and its tests that are told by name. The sanitizers of clang are in a package of their own: set fuzz.
programs = ^(unit|sim|fault|port|wdk|linux|fuzz|example|enumerate|liveness|worlds)\.
other = cmake --preset $@ >/dev/null && cmake --build --preset $@
integer:
	@tools/install-deps --for fuzz
	@$(other)
	$(fixed) ctest --preset $@ -R '$(programs)' $(CTEST_ARGS)

tsan-clang:
	@tools/install-deps --for fuzz
	@tools/install-deps --for tsan
	@$(other)
	$(fixed) ctest --preset $@ -R '$(programs)' $(CTEST_ARGS)

i386:
	@tools/install-deps --for i386
	@$(other)
	ctest --preset $@ -R '$(programs)' $(CTEST_ARGS)

# Left out: qemu-user does not give the robust mutexes of a thread back when the thread ends, which these wait for.
arm64_left_out = ^(unit.pin_keep|unit.port_posix|linux.pins_restored|port.keeps_its_contract)$$
arm64:
	@tools/install-deps --for arm64
	@$(other)
	ctest --preset $@ -R '$(programs)' -E '$(arm64_left_out)' $(CTEST_ARGS)

coverage:
	@tools/install-deps --for coverage
	@$(other)
	tools/coverage $(COVERAGE_ARGS)

# Always the release build: the models are the same in each. Configured anew, since Relacy may have been missing before.
.PHONY: models weaken deps-model
deps-model: deps
	@tools/install-deps --for model

models: deps-model
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target models
	@for source in $$(grep -l '^const struct model_world ' tests/model/*.c); do model=$$(basename $$source .c); \
		echo "$$model:"; build/release/tests/model/$$model --iterations $(MODEL_ITERATIONS) || exit 1; done

# All of it writes docs/models.md and where each was noticed; with WEAKEN_ARGS a part is tried.
weaken: deps-model
	PYTHONDONTWRITEBYTECODE=1 tests/model/weaken.py $(WEAKEN_ARGS)
	@$(if $(WEAKEN_ARGS),,tests/model/weaken.py --keep && tests/model/weaken.py --page docs/models.md)
# Every fault and every stop, of which `make check` takes a sample: minutes.
.PHONY: faults
faults: build
	$(run_tests) ctest --test-dir $(build_dir) -C Whole -R '_whole$$' --no-tests=error --output-on-failure

install: build
	cmake --install $(build_dir) --prefix $(PREFIX)

clean:
	rm -rf build

# Every schedule of small programs, always the release build. See tests/worlds/README.md, whose table UPDATE=1 writes.
.PHONY: worlds
worlds: deps
	@test -f build/release/build.ninja || cmake --preset release
	@cmake --build --preset release --target worlds
	tests/worlds/table.py $(if $(UPDATE),--write,--long) build/release/tests/worlds $(WORLDS_ARGS)
