"""Benchmarks: `python -m tests.benchmarks [NAME...] [--json] [--full] [--smoke]`. One file a subject."""
