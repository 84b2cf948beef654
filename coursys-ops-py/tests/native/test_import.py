"""What importing the package does: nothing."""

import os
import subprocess
import sys
import unittest

import coursys_ops

#: What a process has before and after the import.
LOOK = """
import os, sys
def look():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), len(sys.modules)
before = look()
import coursys_ops
after = look()
print(before[:2] == after[:2], after[2] - before[2])
"""


class Import(unittest.TestCase):
    def test_importing_opens_nothing_and_starts_nothing_and_needs_few_modules(self):
        told = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(told[0], "True")
        self.assertLess(int(told[1]), 12, "modules of the standard library cost milliseconds")

    def test_the_package_says_what_it_exports(self):
        for name in coursys_ops.__all__:
            self.assertTrue(hasattr(coursys_ops, name), name)

    def test_the_helper_comes_with_the_package(self):
        from coursys_ops import _run

        self.assertEqual(_run.helper(), [os.path.join(os.path.dirname(coursys_ops.__file__), "_helper")])


if __name__ == "__main__":
    unittest.main()
