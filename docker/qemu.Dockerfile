# The image in which the executor `docker` runs bundles: only the pinned static user-mode emulators, whose folder is the
# build context. Bundles bring their own libc.
#   docker/build-image qemu
FROM scratch
COPY qemu-riscv64 qemu-aarch64 /usr/bin/
