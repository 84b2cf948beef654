"""Runs the tests of these directories; one that cannot run is a failure: `python run.py native servers`."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Result(unittest.TextTestResult):
    """What says why a test was left out, too."""

    def addSkip(self, test, reason):
        """Nobody runs a directory without what its tests need."""
        self.addFailure(test, (AssertionError, AssertionError(f"it was not run: {reason}"), None))


def main(directories):
    """Runs them one after the other and returns the exit code."""
    for directory in directories:
        place = str(HERE / directory)
        tests = unittest.TestLoader().discover(place, top_level_dir=place)
        if not unittest.TextTestRunner(resultclass=Result).run(tests).wasSuccessful() or not tests.countTestCases():
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
