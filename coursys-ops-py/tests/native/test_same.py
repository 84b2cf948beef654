"""The package says what the program says: same status and code for every check."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

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

    def maintenance(self, config, *options):
        """What both say, once they say the same: workers come and go, and evidence has no order."""
        for _ in range(ATTEMPTS):
            theirs = self.program(*options, "maintenance", "status", "--format", "json")
            ours = coursys_ops.maintenance(config)
            for document in (theirs, ours):
                document["evidence"].sort(key=json.dumps)
            if ours == theirs:
                break
        self.assertEqual(ours, theirs)
        return ours

    def test_maintenance_is_what_the_program_says_up_and_with_the_flag(self):
        with tempfile.TemporaryDirectory() as directory:
            # Nothing of this is the set's own: others use it at the same time.
            places = {"maintenance.flag": f"{directory}/503", "plans.state_dir": f"{directory}/state"}
            config = coursys_ops.Config.from_path(SERVERS, overrides=places)
            options = [word for key, value in places.items() for word in ("--set", f"{key}={value}")]
            self.assertEqual(self.maintenance(config, *options)["state"], "up")
            Path(directory, "503").touch()
            found = self.maintenance(config, *options)
            self.assertEqual((found["state"], found["lease"]), ("inconsistent", None), found)

    def test_a_mail_is_sent(self):
        report = coursys_ops.email_check(site(), "somebody@example.ca")
        self.assertEqual(report["email.smtp"].status, "passed", report)


if __name__ == "__main__":
    unittest.main()
