"""Package cross-built runtimes as wheels, tarballs and Debian packages."""
