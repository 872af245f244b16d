"""The figures of docs/performance.md, measured on this machine: `python -m benchmarks`, or `make bench`."""
