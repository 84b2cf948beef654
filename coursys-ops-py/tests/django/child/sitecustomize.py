"""What other processes of the tests' site start with: the fake native half, as `harness.py` has it."""

import fake_native

fake_native.install()
