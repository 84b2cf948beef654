"""No secret is shown, whatever it is in."""

from harness import SimpleTestCase, assert_no_secret

from coursys_ops.django.mask import HIDDEN, Mask, is_secret_name


class Repr:
    def __repr__(self):
        return "<Connection amqp://me:hunter22@host// password='hunter22'>"


class Broken:
    def __repr__(self):
        raise RuntimeError("no text")


class Names(SimpleTestCase):
    def test_what_is_called_a_secret_is_one(self):
        for name in (
            "PASSWORD",
            "EMAIL_HOST_PASSWORD",
            "SECRET_KEY",
            "http_auth",
            "apiKey",
            "AWS_ACCESS_KEY",
            "PHOTO_PASS",
            "sessionToken",
            "DB_PWD",
            b"password",
            "PGPASSFILE_passphrase",
            "x-api-key",
            "SENTRY_DSN",
        ):
            assert is_secret_name(name), name

    def test_what_only_sounds_like_one_is_none(self):
        for name in (
            "KEY_PREFIX",
            "AUTHENTICATION_BACKENDS",
            "PWD",
            "COMPASS",
            "bypass_list",
            "HOST",
            "keyboard",
            7,
            "",
        ):
            assert not is_secret_name(name), name


class Texts(SimpleTestCase):
    def test_passwords_of_urls_are_hidden_whatever_they_hold(self):
        mask = Mask()
        for url in (
            "amqp://coursys:s3cr/et@host:5672/myvhost",
            "amqp://coursys:s3cr@et@host:5672//",
            "https://elastic:s3cr:et@[::1]:9200/",
            "redis://:s3cret@cache/0",
            "https://s3cret@sentry.test/1",
            "https://api.test/emplid?secret=s3cret&user=x",
            "see 'mysql://u:s3cret@h/db', or not",
        ):
            shown = mask.text(url)
            assert "s3cr" not in shown and HIDDEN in shown, shown

    def test_urls_without_secrets_stay_as_they_are(self):
        for url in ("https://cas.test/cas/login", "amqp://coursys@host:5672/vhost", "http://[::1]:9200/haystack"):
            assert Mask().text(url) == url

    def test_what_follows_a_secrets_name_is_hidden(self):
        mask = Mask()
        for text in (
            "password=s3cret;host=db",
            "PASSWORD: s3cret",
            "{'password': 's3c\\'ret', 'host': 'db'}",
            '{"api_key": "s3cret"}',
            "DRIVER=FreeTDS;PWD=s3cret;UID=me",
        ):
            assert "s3c" not in mask.text(text), mask.text(text)
        assert "host=db" in mask.text("password=s3cret;host=db")
        assert mask.text("broker.password_file: there is no such file") == "broker.password_file: there is no such file"

    def test_a_known_secret_is_hidden_in_every_encoding(self):
        mask = Mask(["pä'ss<w>ör d"])
        for text in (
            "pä'ss<w>ör d",
            "p%C3%A4%27ss%3Cw%3E%C3%B6r%20d",
            "p%c3%a4%27ss%3cw%3e%c3%b6r%20d",
            "p%C3%A4%27ss%3Cw%3E%C3%B6r+d",
            "p\\u00e4'ss<w>\\u00f6r d",
            "pä&#x27;ss&lt;w&gt;ör d",
            "cMOkJ3NzPHc+w7ZyIGQ=",
        ):
            assert mask.text(f"({text})").strip("()=") == HIDDEN, mask.text(text)

    def test_a_short_secret_does_not_garble_everything(self):
        assert Mask(["a"]).text("a database") == "a database"


class Values(SimpleTestCase):
    def test_nested_values_keep_their_shape(self):
        shown = Mask().value(
            {"default": {"HOST": "db", "PORT": 3306, "PASSWORD": "x", "OPTIONS": ({"passwd": 1}, None)}}
        )
        expected = {"HOST": "db", "PORT": 3306, "PASSWORD": HIDDEN, "OPTIONS": ({"passwd": HIDDEN}, None)}
        assert shown == {"default": expected}

    def test_an_empty_password_says_that_there_is_none(self):
        assert Mask().value({"PASSWORD": "", "TOKEN": None}) == {"PASSWORD": "", "TOKEN": None}

    def test_objects_are_shown_without_what_their_repr_tells(self):
        assert "hunter22" not in Mask().value([Repr()])[0]
        assert Mask().value(Broken()) == "<Broken>"

    def test_a_circle_ends(self):
        circle = {}
        circle["self"] = circle
        assert "…" in str(Mask().value(circle))

    def test_secrets_as_keys_are_hidden_too(self):
        assert_no_secret(Mask.of_settings().value({"django-secret-key-5": 1}))


class CommandLines(SimpleTestCase):
    def test_options_with_a_secrets_name_are_hidden_either_way(self):
        shown = Mask().arguments(["run", "--password", "s3cret", "--token=s3cret", "-v", "amqp://u:s3cret@h//"])
        assert shown == f"run --password {HIDDEN} --token={HIDDEN} -v amqp://u:{HIDDEN}@h//"

    def test_an_option_after_one_without_value_is_shown(self):
        assert Mask().arguments(["x", "--ask-pass", "--verbose"]) == "x --ask-pass --verbose"
