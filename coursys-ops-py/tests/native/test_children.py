"""In a host that ignores SIGCHLD, as some servers do, the kernel clears children away before anybody can wait for them."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from support import Case, site

import coursys_ops

#: A run in such a host, with the helper program and with the interpreter in its place.
HOST = """
import signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
import support
from coursys_ops import _run
if sys.argv[1:]:
    _run._HELPER = sys.argv[1]
print(__import__("coursys_ops").check(support.site(), deadline=30).to_json())
"""

#: Of what other programs look at, whose exit status is all they tell.
UNTOLD = "helper_failed"


class NobodyWaits(Case):
    def in_such_a_host(self, *argv):
        ended = subprocess.run(
            [sys.executable, "-c", HOST, *argv], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return coursys_ops.Report(json.loads(ended.stdout))

    def test_what_the_helper_has_answered_counts(self):
        usual = {one.id: one for one in coursys_ops.check(site(), deadline=30)}
        for argv in ((), ("/nonexistent",)):
            for one in self.in_such_a_host(*argv):
                if one.code == UNTOLD:
                    self.assertIn(one.status, ("unknown", "skipped"))
                    # Nobody is blamed for what nobody knows.
                    self.assertIn("ignores SIGCHLD", " ".join(finding.message for finding in one.findings), one)
                elif not set(one.because):
                    self.assertEqual((one.status, one.code), (usual[one.id].status, usual[one.id].code), one)


if __name__ == "__main__":
    unittest.main()
