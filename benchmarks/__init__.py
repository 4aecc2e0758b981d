"""Benchmarks of sk-mixup: every claim about speed and quality, measured again.

``python -m benchmarks SUITE`` runs one suite and writes its tables. Nothing in the
library imports this package.
"""
