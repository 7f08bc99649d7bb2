# `edgetool runtime build` with Debian's GCC 14 instead of zig, entirely from Debian's archive.
#   docker/build-image cross
#   docker run --rm --volume edgetool-cache:/cache edgetool-cross
# The package lists are kept: edgetool finds the mirror of its sources through them.
FROM debian:trixie-slim
RUN apt-get update && apt-get install --yes --no-install-recommends \
    cmake g++ g++-riscv64-linux-gnu g++-aarch64-linux-gnu ninja-build patch \
    python3 python3-annotated-types python3-filelock python3-flatbuffers python3-numpy python3-onnx \
    python3-platformdirs python3-pydantic python3-pyelftools python3-rich python3-typer
COPY edgetool /opt/edgetool/edgetool
COPY toolchain /opt/edgetool/toolchain
COPY targets /opt/edgetool/targets
ENV PYTHONPATH=/opt/edgetool EDGETOOL_CACHE=/cache
VOLUME /cache
ENTRYPOINT ["python3", "-m", "edgetool.cli", "runtime", "build", "--compiler", "gcc"]
