"""Run every benchmark and print one line for each."""

from __future__ import annotations

from benchmarks import harness_overhead, many_boards, provisioning, ssh_upload, startup, warm_deploy

if __name__ == "__main__":
    for benchmark in (startup, harness_overhead, warm_deploy, provisioning, ssh_upload, many_boards):
        print(f"{benchmark.__name__.rpartition('.')[2]}: {benchmark.run()}", flush=True)
