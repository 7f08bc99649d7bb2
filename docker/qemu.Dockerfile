# Where the executor `docker` runs a bundle: Debian's static user-mode emulators and nothing else. A bundle brings its libc.
#   docker/build-image qemu
FROM debian:trixie-slim AS debian
RUN apt-get update && apt-get install --yes --no-install-recommends qemu-user

FROM scratch
COPY --from=debian /usr/bin/qemu-riscv64 /usr/bin/qemu-aarch64 /usr/bin/
