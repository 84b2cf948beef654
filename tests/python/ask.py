"""Runs checks by the Python package, with the arguments of `coursys-ops check --format json`, and prints the report."""

import argparse
import sys

import coursys_ops

parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--layout")
parser.add_argument("--set", action="append", default=[])
parser.add_argument("--tier", default="deploy")
parser.add_argument("--skip", action="append", default=[])
parser.add_argument("--deadline", type=float, default=15.0)
parser.add_argument("--read-only", action="store_true")
parser.add_argument("--strict", action="store_true")
parser.add_argument("--email")
parser.add_argument("--format")
parser.add_argument("words", nargs="*")
asked = parser.parse_intermixed_args()

config = coursys_ops.Config.from_path(
    asked.config, layout=asked.layout, overrides=dict(one.split("=", 1) for one in asked.set)
)
report = coursys_ops.check(
    config,
    asked.tier,
    only=asked.words[1:],
    skip=asked.skip,
    deadline=asked.deadline,
    read_only=asked.read_only,
    strict=asked.strict,
    email=asked.email,
)
sys.stdout.write(report.to_json())
sys.exit(report.run.exit_code)
