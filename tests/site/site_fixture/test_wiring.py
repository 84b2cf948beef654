"""Rules of `wiring`: `python -m unittest site_fixture.test_wiring`, without any server."""

import json
import ssl
import tempfile
import unittest
from pathlib import Path

from kombu.utils.url import parse_url

from . import wiring

AWKWARD = "p@ss/w%rd ü'"
BROKER = {"host": "127.0.0.1", "port": 5672, "vhost": "my/vhost", "user": "a:b", "password": AWKWARD, "ca_file": None}
DATABASE = {"host": "127.0.0.1", "port": 3306, "socket": None, "name": "n", "user": "u", "password": AWKWARD}
CACHE = {"host": "::1", "port": 11211, "socket": None, "key_prefix": "p"}
SEARCH = {"url": "http://[::1]:9200/", "version": "5.6.16", "index": "haystack", "user": None, "password": None}


class WiringTest(unittest.TestCase):
    def test_user_password_and_vhost_of_any_characters_survive_the_brokers_url(self):
        for vhost in ("my/vhost", "/", "plain", "100%"):
            parts = parse_url(wiring.broker_url(BROKER | {"vhost": vhost}))
            self.assertEqual((parts["userid"], parts["password"]), ("a:b", AWKWARD))
            self.assertEqual(parts["virtual_host"], vhost)

    def test_an_ipv6_host_survives_the_brokers_url(self):
        parts = parse_url(wiring.broker_url(BROKER | {"host": "::1"}))
        self.assertEqual((parts["hostname"], parts["port"]), ("::1", 5672))

    def test_without_a_ca_file_nothing_asks_for_tls(self):
        self.assertNotIn("ssl_mode", wiring.database(DATABASE)["OPTIONS"])
        self.assertTrue(wiring.broker_url(BROKER).startswith("amqp://"))
        self.assertIsNone(wiring.broker_ssl(BROKER))
        self.assertEqual(wiring.search(SEARCH)["KWARGS"], {})

    def test_a_ca_file_makes_verified_tls_compulsory(self):
        ca = {"ca_file": "/ca.pem"}
        self.assertEqual(wiring.database(DATABASE | ca)["OPTIONS"]["ssl_mode"], "VERIFY_IDENTITY")
        self.assertTrue(wiring.broker_url(BROKER | ca).startswith("amqps://"))
        options = wiring.broker_ssl(BROKER | ca)
        self.assertEqual((options["cert_reqs"], options["ca_certs"]), (ssl.CERT_REQUIRED, "/ca.pem"))
        self.assertEqual(wiring.search(SEARCH | ca)["KWARGS"], {"ca_certs": "/ca.pem"})

    def test_a_socket_wins_over_host_and_port(self):
        self.assertEqual(wiring.database(DATABASE | {"socket": "/run/db.sock"})["HOST"], "/run/db.sock")
        self.assertEqual(wiring.cache(CACHE | {"socket": "/run/mc.sock"})["LOCATION"], "unix:/run/mc.sock")
        self.assertEqual(wiring.cache(CACHE)["LOCATION"], "[::1]:11211")

    def test_only_version_5_goes_through_haystacks_own_engine(self):
        self.assertIn("elasticsearch5", wiring.search(SEARCH)["ENGINE"])
        self.assertIn("plain_search", wiring.search(SEARCH | {"version": "7.17.28"})["ENGINE"])

    def test_every_missing_section_is_named(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "fixture.json"
            with self.assertRaisesRegex(wiring.FixtureError, "No such file"):
                wiring.load(path)
            path.write_text("{")
            with self.assertRaisesRegex(wiring.FixtureError, "not JSON"):
                wiring.load(path)
            path.write_text(json.dumps(dict.fromkeys(wiring.SECTIONS[2:])))
            with self.assertRaisesRegex(wiring.FixtureError, "missing database, broker$"):
                wiring.load(path)


if __name__ == "__main__":
    unittest.main()
