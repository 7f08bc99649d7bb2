# The README's two commands. Both may be run again: what is done is skipped.
PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
MLFLOW := .venv-mlflow
EDGETOOL := $(VENV)/bin/edgetool
TARGET ?= qemu-riscv64

.PHONY: deploy test pins tools test-docker test-configure test-ort test-reproducible test-ncnn test-litert test-dist test-hostile fuzz test-lowest test-new-machine lint notebook bench bench-kernels estimates runtime docs man dist test-tutorials test-mlflow test-release clean

deploy: $(VENV)/.export
	$(EDGETOOL) doctor --install --target $(TARGET)
	$(EDGETOOL) deploy --target $(TARGET)

test: lint tools
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup --durations 25
	$(MAKE) test-hostile

# What the system's packages bring, for whatever edgetool can do.
tools: $(VENV)/.dev
	$(EDGETOOL) doctor --install --all

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

# The oldest releases that pyproject.toml admits, as uv resolves them; without PyTorch, unless EXTRAS=dev,export asks for
# its gigabytes. Models, quantization, records, reports, tables, and deployments under the emulator: ten minutes on two busy
# cores, too long for `.ci/run`. After a change of dependencies.
test-lowest: EXTRAS ?= dev
test-lowest: pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[$(EXTRAS)]'
	$(LOWEST)/bin/python -m pytest tests/models tests/records tests/reports tests/console tests/test_bundles.py \
	  tests/executors/test_sshconfig.py tests/integration/test_deploy.py --deselect tests/reports/test_page.py

# `make deploy` in a fresh clone, as an ordinary user whose home is empty, without a compiler, mmdebstrap and an index.
test-new-machine: $(VENV)/.dev
	EDGETOOL_TEST_NEW_MACHINE=1 $(VENV)/bin/python -m pytest -s tests/integration/test_new_machine.py

# Real containers, in the engine that runs or one started for the purpose.
test-docker: $(VENV)/.dev
	docker/with-engine sh -euc 'docker/build-image qemu; docker/build-image cross; \
	  EDGETOOL_TEST_DOCKER=1 $(VENV)/bin/python -m pytest tests/integration/test_docker.py'

# The configure step of a cross build: six minutes the first time.
test-configure: $(VENV)/.dev
	EDGETOOL_TEST_CONFIGURE=1 $(VENV)/bin/python -m pytest tests/integration/test_cross_configure.py tests/integration/test_cross_build.py

# ONNX Runtime's own unit tests under the emulator: `make test-ort VLEN=128`, 0 for a processor without vectors. They are
# linked with the objects that `make runtime` left, so that these tests alone work in the cache of deployments.
test-ort: export VLEN ?= 256
test-ort: export EDGETOOL_TEST_CACHE ?= $(or $(EDGETOOL_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgetool)
test-ort: $(VENV)/.dev
	EDGETOOL_TEST_ORT=1 $(VENV)/bin/python -m pytest -s tests/integration/test_ort_unittests.py

# A dozen objects of the runtime compiled again in another folder; `make test-reproducible OBJECTS=library` builds it all.
test-reproducible: export EDGETOOL_TEST_CACHE ?= $(or $(EDGETOOL_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgetool)
test-reproducible: $(VENV)/.dev
	EDGETOOL_TEST_REPRODUCIBLE=$(or $(OBJECTS),12) $(VENV)/bin/python -m pytest tests/integration/test_reproducible.py

# Half an hour on two cores the first time; what deploy packages from then on: `make runtime TRIPLE=aarch64-linux-gnu`.
runtime: TRIPLE ?= riscv64-linux-gnu
runtime: $(VENV)/.dev
	$(EDGETOOL) runtime build --triple $(TRIPLE)

# ncnn, which deployments and the benchmark of kernels are compared with: its build takes four minutes the first time.
test-ncnn: $(VENV)/.dev
	$(VENV)/bin/python -m pip install --quiet --editable '.[ncnn]'
	EDGETOOL_TEST_NCNN=1 $(VENV)/bin/python -m pytest tests/integration/test_ncnn.py tests/runtimes/test_ncnn_models.py tests/benchmarks

# What LiteRT's converter and quantizer make, beside PyTorch, and TensorFlow Lite cross-built: a gigabyte of tools and a
# gigabyte of sources the first time, a quarter of an hour on two idle cores.
test-litert: $(VENV)/.dev
	EDGETOOL_TEST_LITERT=1 $(VENV)/bin/python -m pytest tests/runtimes/test_litert.py tests/runtimes/test_tflite_build.py

# Wheel, tarball and Debian package of the cross-built runtime, tried in Debian's Python and in a C++ program under the
# emulator. Builds Python's extension of the objects that `make runtime` left, so in the cache of deployments.
# `make test-dist TRIPLE=aarch64-linux-gnu` tries those for 64-bit Arm.
test-dist: export EDGETOOL_TEST_TRIPLE ?= $(TRIPLE)
test-dist: export EDGETOOL_TEST_CACHE ?= $(or $(EDGETOOL_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgetool)
test-dist: $(VENV)/.dev
	EDGETOOL_TEST_DIST=1 $(VENV)/bin/python -m pytest -s tests/integration/test_dist.py tests/integration/test_dist_board.py tests/integration/test_dist_suites.py

# The lists of what is taken of Debian, from its signed index: after a point release.
pins: $(VENV)/.dev
	$(VENV)/bin/python -P -m edgetool.platform.debian.refresh

# A board that lies, behind OpenSSH and dropbear: four hundred rows in under two minutes, most of it waiting.
test-hostile: $(VENV)/.dev
	EDGETOOL_TEST_HOSTILE=1 $(VENV)/bin/python -m pytest -n 8 tests/hostile/test_board.py

# Every reader of foreign bytes for its share of ten minutes; what reaches something new is added to tests/fuzz/corpus.
fuzz: $(VENV)/.dev
	$(VENV)/bin/python -m pip install --quiet --editable '.[fuzz]'
	$(VENV)/bin/python -m tests.fuzz --seconds 600

# The notebook from its first cell to its last, its outputs kept in it: minutes of emulation. COUNT=1 counts, too.
notebook: $(VENV)/.dev
	IMAGES=20 EDGETOOL_TEST_NOTEBOOK=keep $(VENV)/bin/python -m pytest tests/integration/test_notebook.py

# The site in build/site: strict, links checked, nothing fetched while it is built or read.
docs: $(VENV)/.dev
	$(VENV)/bin/python -m mkdocs build --strict

# Every tutorial as it is written: emulation and a build of the runtime, an hour on two cores.
test-tutorials: $(VENV)/.dev
	EDGETOOL_TEST_TUTORIALS=1 $(VENV)/bin/python -m pytest tests/test_docs.py

# The manual page and the completions, as a wheel brings them: `man build/share/man/man1/edgetool.1`.
man: $(VENV)/.dev
	$(VENV)/bin/python -P -m edgetool.manual build/share

# sdist, wheel, and the bill of materials of what the wheel installs, in an environment where its command has run.
dist: $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[release]'
	rm -rf dist $(VENV)-dist
	$(VENV)/bin/python -m build --outdir dist
	$(PYTHON) -m venv $(VENV)-dist
	$(VENV)-dist/bin/python -m pip install --quiet dist/*.whl
	$(VENV)-dist/bin/edgetool --version
	$(VENV)/bin/python -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file dist/edgetool.cdx.json $(VENV)-dist/bin/python

test-release: $(VENV)/.dev
	EDGETOOL_TEST_RELEASE=1 $(VENV)/bin/python -m pytest tests/test_release.py

# Runs in MLflow's database and on its server, in an environment of its own: MLflow wants other releases of what is shared.
test-mlflow: pyproject.toml
	$(PYTHON) -m venv $(MLFLOW)
	$(MLFLOW)/bin/python -m pip install --quiet --editable '.[mlflow]' 'mlflow>=3.5' pytest hypothesis
	EDGETOOL_TEST_MLFLOW=1 $(MLFLOW)/bin/python -m pytest tests/reports/test_tracking.py

bench: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks

# Instructions of our kernels, without them, of Debian's runtime and of ncnn: writes docs/performance.md.
bench-kernels: runtime
	$(VENV)/bin/python -m pip install --quiet --editable '.[ncnn]'
	$(VENV)/bin/python -m benchmarks.kernels

# MobileNetV2, ResNet-18 and a small ViT in ONNX Runtime, TensorFlow Lite and ncnn, by instructions at VLEN 256: writes
# docs/runtimes-counted.md. The first time half an hour on two cores; what was counted is kept. MODELS="small_vit" counts
# one, RUNTIME=onnxruntime the rows of one runtime.
.PHONY: bench-runtimes
bench-runtimes: $(VENV)/.dev
	$(VENV)/bin/python -m pip install --quiet --editable '.[ncnn]'
	$(VENV)/bin/python -m benchmarks.runtimes $(if $(RUNTIME),--runtime $(RUNTIME)) $(MODELS)

# Our kernels on 1, 2, 4 and 8 threads in step, by instructions: writes docs/threads.md.
.PHONY: bench-threads
bench-threads: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks.threads $(MODELS)

# Estimates beside published measurements, from the counts of RUNS and those that are kept: writes docs/estimates.md.
estimates: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks.estimates $(RUNS)

# Two dozen models from PyTorch to the emulated board: writes docs/zoo.md. An hour the first time; what ran is kept.
# MODELS="lstm gru" runs those, COUNT=1 counts instructions, too.
.PHONY: zoo
zoo: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks.zoo $(if $(COUNT),--count) $(MODELS)

clean:
	rm -rf $(VENV) $(LOWEST) $(MLFLOW) $(VENV)-dist build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: edgetool needs Python 3.11 or newer; hint: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "error: cannot make a virtual environment; hint: sudo apt-get install python3-venv" >&2; exit 2; }

# A stamp is touched only after pip has succeeded, so an interrupted installation is taken up again.
$(VENV)/.export: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[export]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[export,timm,dev]'
	@touch $@ $(VENV)/.export
