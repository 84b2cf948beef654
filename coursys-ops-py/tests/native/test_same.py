"""The package says what the program says: same status and code for every check."""

import json
import subprocess
import unittest

from support import PROGRAM, SERVERS, Case, needs_servers, site

import coursys_ops

#: A machine that is busy with something else makes one of the two wait for its helper, and not the other.
ATTEMPTS = 3


def said(report):
    """Status and code of each check."""
    return {one.id: (one.status, one.code) for one in report}


@needs_servers
class Same(Case):
    def program(self, *argv):
        for _ in range(ATTEMPTS):
            ended = subprocess.run([PROGRAM, "--config", SERVERS, *argv], capture_output=True, text=True)
            if ended.stdout:
                return json.loads(ended.stdout)
        self.fail(ended.stderr)

    def test_every_check_has_the_status_and_code_that_the_program_finds(self):
        for _ in range(ATTEMPTS):
            theirs = coursys_ops.Report(self.program("check", "--format", "json"))
            ours = coursys_ops.check(site())
            if said(ours) == said(theirs) and ours.ok:
                return
        self.maxDiff = None
        self.assertEqual(said(ours), said(theirs))
        self.assertTrue(ours.ok, ours)

    def test_the_list_of_checks_is_that_of_the_program(self):
        listed = self.program("check", "--list", "--format", "json")["checks"]
        self.assertEqual([one["id"] for one in coursys_ops.list_checks(site())], [one["id"] for one in listed])

    def queues(self):
        """The broker's own tool takes seconds, and more on a busy machine."""
        for _ in range(ATTEMPTS):
            try:
                return coursys_ops.queues(site())
            except coursys_ops.Error as error:
                told = str(error)
        self.fail(told)

    def test_queues_and_status_are_the_documents_of_the_program(self):
        theirs, ours = self.program("queues", "--format", "json"), self.queues()
        self.assertEqual([one["name"] for one in ours["queues"]], [one["name"] for one in theirs["queues"]])
        self.assertEqual(set(ours), set(theirs))
        theirs, ours = self.program("status", "--format", "json"), coursys_ops.status(site())
        self.assertEqual(set(ours), set(theirs))
        names = [one["component"] for one in theirs["components"]]
        self.assertEqual([one["component"] for one in ours["components"]], names)

    def test_a_mail_is_sent(self):
        report = coursys_ops.email_check(site(), "somebody@example.ca")
        self.assertEqual(report["email.smtp"].status, "passed", report)


if __name__ == "__main__":
    unittest.main()
