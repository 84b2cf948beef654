"""`COURSYS_OPS` is checked, and makes one configuration."""

from django.core.exceptions import ImproperlyConfigured
from harness import Case, coursys_ops, fake_native, override_settings

from coursys_ops.django import conf


class Options(Case):
    def test_nothing_set_is_the_defaults(self):
        with override_settings(COURSYS_OPS=None):
            assert conf.options() == conf.Options()

    def test_an_unknown_option_is_named_with_the_nearest(self):
        with override_settings(COURSYS_OPS={"DEADLIN": 3}), self.assertRaisesMessage(ImproperlyConfigured, "DEADLINE"):
            conf.options()

    def test_wrong_types_are_refused(self):
        for wrong in (
            {"DEADLINE": "15"},
            {"DEADLINE": -1},
            {"SYSTEM_CHECK": 1},
            {"SKIP": 5},
            {"TIER": None},
            {"PERMISSION": 7},
            ["TIER"],
            {5: 1},
        ):
            with override_settings(COURSYS_OPS=wrong), self.assertRaises(ImproperlyConfigured):
                conf.options()

    def test_one_text_is_a_list_of_one(self):
        with override_settings(COURSYS_OPS={"SKIP": "moss.*"}):
            assert conf.options().skip == ("moss.*",)

    def test_other_keys_are_configuration_and_options_are_not(self):
        with override_settings(COURSYS_OPS={"TIER": "slow", "site": {"layout": "compose"}}):
            assert conf.overrides() == {"site": {"layout": "compose"}}
            conf.config()
            assert fake_native.CONFIGS[0].parts["values"] == {"site": {"layout": "compose"}}


class Configuration(Case):
    def test_it_is_made_once_so_that_outside_services_are_not_asked_by_each_visitor(self):
        assert conf.config() is conf.config()

    def test_changed_settings_make_a_new_one(self):
        before = conf.config()
        with override_settings(COURSYS_OPS={}):
            assert conf.config() is not before

    def test_the_sites_settings_go_in_as_import_django_reads_them(self):
        conf.config()
        settings = fake_native.CONFIGS[0].parts["settings"]["settings"]
        assert settings["database"]["ENGINE"].endswith("sqlite3")
        assert settings["EMAIL_HOST"] == "mail.test"

    def test_a_wrong_configuration_raises_and_is_tried_again(self):
        fake_native.RAISES = coursys_ops.ConfigError(["database.port: expected a number"])
        with self.assertRaises(coursys_ops.Error):
            conf.config()
        fake_native.RAISES = None
        assert conf.config() is not None
