# Where the executor `docker` runs a bundle: the pinned static user-mode emulators and nothing else, of whose folder it is
# built. A bundle brings its libc.
#   docker/build-image qemu
FROM scratch
COPY qemu-riscv64 qemu-aarch64 /usr/bin/
