"""Configurations: where they come from, and what is said when they are wrong."""

import os
import sys
import tempfile
import types
import unittest
from pathlib import Path

from support import SMALL

from coursys_ops import Config, ConfigError, check


class Configurations(unittest.TestCase):
    def test_a_wrong_key_is_told_with_the_nearest_name_and_no_made_up_place(self):
        with self.assertRaises(ConfigError) as raised:
            Config.from_dict({"databse": {"host": "db"}, "broker": {"port": "many"}})
        problems = raised.exception.problems
        self.assertEqual(len(problems), 2, problems)
        self.assertIn("COURSYS_OPS: databse: no such section; did you mean `database`?", problems)
        self.assertFalse(raised.exception.refused)

    def test_a_secret_is_in_no_text_about_the_configuration(self):
        values = {**SMALL, "broker": {"host": "mq", "user": "u", "password": "s3cret!"}}
        config = Config.from_dict(values)
        for text in (repr(config), str(config.to_dict()), str(config.warnings)):
            self.assertNotIn("s3cret", text)

    def test_the_environment_counts_more_than_the_values_and_only_what_is_given_does(self):
        environ = {"COURSYS_OPS_SITE__LAYOUT": "vm"}
        self.assertEqual(Config.from_dict(SMALL, environ=environ).layout, "vm")
        self.assertEqual(Config.from_dict(SMALL, environ={}).layout, "devel")

    def test_paths_and_missing_values_are_understood(self):
        config = Config.from_dict({**SMALL, "files": {"dumps": Path("/dumps"), "submitted": None}}, environ={})
        shown = {one["key"]: one["value"] for one in config.to_dict()["settings"]}
        self.assertEqual(shown["files.dumps"], "/dumps")

    def test_a_file_is_read_with_overrides_and_a_missing_one_is_told(self):
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "site.toml")
            with open(file, "w") as out:
                out.write('[site]\nlayout = "devel"\n')
            os.chmod(file, 0o600)
            config = Config.from_path(file, overrides={"checks.off": ["a", "b"], "broker.port": 5673}, environ={})
            shown = {one["key"]: one["value"] for one in config.to_dict()["settings"]}
            self.assertEqual((shown["checks.off"], shown["broker.port"]), (["a", "b"], 5673))
            with self.assertRaises(ConfigError):
                Config.from_path(os.path.join(directory, "none.toml"))
            with self.assertRaises(ConfigError):
                check(os.path.join(directory, "none.toml"))

    def test_django_settings_say_where_the_servers_are_and_overrides_count_more(self):
        settings = types.SimpleNamespace(
            BASE_DIR=Path("/srv/site"),
            DEPLOY_MODE="devel",
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.mysql",
                    "HOST": "db.example.ca",
                    "NAME": "coursys",
                    "USER": "coursys",
                    "PASSWORD": "pässword\n\"'",
                }
            },
            CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
            USE_CELERY=False,
            COURSYS_OPS={"DEADLINE": 5, "database": {"port": 3307}},
        )
        config = Config.from_django(settings, environ={})
        shown = {one["key"]: one["value"] for one in config.to_dict()["settings"]}
        self.assertEqual(config.layout, "devel")
        self.assertEqual((shown["database.host"], shown["database.port"]), ("db.example.ca", 3307))
        self.assertEqual((shown["site.dir"], shown["site.python"]), ("/srv/site", sys.executable))
        self.assertEqual(shown["database.password"], "[redacted]")
        self.assertTrue(any("no memcached" in note for note in config.notes), config.notes)

    def test_an_override_pushes_out_what_it_stands_in_the_place_of(self):
        database = {"ENGINE": "django.db.backends.mysql", "HOST": "db", "NAME": "c", "USER": "c", "PASSWORD": "p"}
        overrides = {"database": {"socket": "/run/db.sock", "password_env": "DB_PASSWORD"}}
        settings = types.SimpleNamespace(BASE_DIR="/srv/site", DATABASES={"default": database})
        config = Config.from_django(settings, overrides=overrides, environ={"DB_PASSWORD": "q"})
        shown = {one["key"]: one["value"] for one in config.to_dict()["settings"]}
        self.assertEqual(shown["database.socket"], "/run/db.sock")
        self.assertNotIn("database.host", shown)

    def test_nothing_of_it_can_be_changed(self):
        config = Config.from_dict(SMALL)
        with self.assertRaises(AttributeError):
            config.layout = "vm"
        with self.assertRaises(TypeError):
            Config()


if __name__ == "__main__":
    unittest.main()
