"""The panel in a real Chromium: live, with the keyboard, in the dark, at phone width, and without scripts."""

import threading

from browser import Browser, Site
from tables import Case, fake_native, override_settings

found = fake_native.found


def broken_site():
    """RabbitMQ is down."""
    fake_native.put(
        found(
            "broker.connection",
            "Broker connection",
            "failed",
            "nothing listens on 127.0.0.1:5672",
            tier="sanity",
            hint="start RabbitMQ: `docker compose up -d rabbitmq`, then read `docker compose logs rabbitmq`",
        ),
        found(
            "celery.queue.fast",
            "Celery fast queue",
            "skipped",
            "not looked at, because of broker.connection",
            code="need_failed",
            because=["broker.connection"],
        ),
        found(
            "disk.space.dumps",
            "Disk space for database dumps",
            "warning",
            "61 GiB free",
            code="low_space",
            subject="/filestore/prod/db_backup/a-directory-with-quite-a-long-name-that-does-not-break",
            hint="delete old dumps, or ask for more room",
        ),
        found("database.unicode", "Database Unicode", message="a non-BMP character came back <b>as it was</b>"),
        found("django.bitfield", "Bit-field queries", message="the bit-fields are asked for as they should be"),
    )


@override_settings(COURSYS_OPS={"PERMISSION": "panel_site.hooks.everybody"})
class Panel(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.driver.quit)

    def setUp(self):
        super().setUp()
        broken_site()
        self.driver = self.browser.driver
        self.browser.scripts(on=True)
        self.browser.size(1100, 900)
        self.browser.colours("light")
        self.browser.complaints()
        self.open()

    def open(self, section="checks"):
        self.driver.get(f"{self.site.url}/checks/?section={section}")

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def wait(self, condition, what):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, 10, 0.05).until(lambda _: condition(), what)

    def ended(self):
        self.wait(lambda: " in " in self.one("#co-status").text, "the run does not end")

    def press(self, *keys):
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def run_checks(self):
        self.one("#co-start").click()
        self.ended()

    def texts(self, selector):
        return [element.text for element in self.driver.find_elements("css selector", selector) if element.text]

    def test_progress_is_shown_while_the_checks_run(self):
        go_on, reached = threading.Event(), threading.Event()

        def before(ident):
            if ident == "celery.queue.fast":
                reached.set()
                go_on.wait(10)

        fake_native.BEFORE = before
        self.one("#co-start").click()
        assert reached.wait(10)
        self.wait(
            lambda: "2 of 9 checks done: 1 failed, 1 passed" in self.one("#co-status").text, "no progress is told"
        )
        assert self.one("#co-progress").is_displayed() and self.one("#co-progress").get_attribute("value") == "2"
        assert self.texts('.co-check[data-status="running"] .co-name') == ["Celery fast queue"]
        assert not self.one("#co-start").is_enabled()
        go_on.set()
        self.ended()
        assert not self.one("#co-progress").is_displayed() and self.one("#co-start").is_enabled()
        assert self.one("#co-status").text == "1 failed, 1 warning, 1 skipped, 6 passed in 0.0 s"

    def test_failures_are_first_and_open_with_what_to_do(self):
        self.run_checks()
        headings = [text.split()[0] for text in self.texts(".co-group h3")]
        assert headings == ["Failed", "Warnings", "Not", "Passed"], headings
        failed = self.one('.co-check[data-status="failed"]')
        assert "nothing listens on 127.0.0.1:5672" in failed.text
        assert "What to do: start RabbitMQ" in failed.text
        codes = [code.text for code in failed.find_elements("css selector", ".co-hint code")]
        assert codes == ["docker compose up -d rabbitmq", "docker compose logs rabbitmq"]
        assert not self.one('.co-check[data-status="passed"]').get_attribute("open")

    def test_what_servers_say_is_text_and_never_markup(self):
        self.run_checks()
        details = self.driver.find_elements("css selector", '.co-check[data-status="passed"]')
        (check,) = [each for each in details if "database.unicode" in each.text]
        check.find_element("css selector", "summary").click()
        assert "<b>as it was</b>" in check.text

    def test_nothing_breaks_the_policy(self):
        self.run_checks()
        for section in ("email", "settings", "environment", "packages"):
            self.open(section)
        assert [text for text in self.browser.complaints() if "favicon" not in text] == []

    def test_everything_is_done_with_the_keyboard(self):
        from selenium.webdriver.common.keys import Keys

        self.press(Keys.TAB)
        assert self.focused().text == "Skip to the content"
        for _ in range(20):
            self.press(Keys.TAB)
            if self.focused().get_attribute("id") == "co-start":
                break
        outline = self.focused().value_of_css_property("outline-style")
        assert outline == "solid", "the focus is not seen"
        self.press(Keys.ENTER)
        self.ended()
        assert self.focused().get_attribute("id") == "co-start"
        self.press(Keys.TAB, Keys.SPACE)
        assert self.one("#co-only-bad").is_selected()
        assert not self.texts('.co-check[data-status="passed"]')
        self.press(Keys.TAB)
        summary = self.focused()
        assert summary.tag_name == "summary" and "Broker connection" in summary.text
        assert self.one('.co-check[data-status="failed"] .co-hint').is_displayed()
        self.press(Keys.ENTER)
        assert not self.one('.co-check[data-status="failed"] .co-hint').is_displayed()

    def begin_and_hold(self):
        """Starts a run that stands still before its first check; what is returned lets it go on."""
        go_on, reached = threading.Event(), threading.Event()

        def before(ident):
            reached.set()
            go_on.wait(10)

        fake_native.BEFORE = before
        self.one("#co-start").click()
        assert reached.wait(10)
        self.wait(lambda: self.focused().get_attribute("id") == "co-stop", "the button Stop has no focus")
        return go_on

    def test_the_end_of_a_run_leaves_the_focus_with_who_has_moved_it(self):
        go_on = self.begin_and_hold()
        self.one("#co-only-bad").click()
        go_on.set()
        self.ended()
        self.wait(lambda: self.one("#co-start").is_enabled(), "the run does not end")
        assert self.focused().get_attribute("id") == "co-only-bad"

    def test_stop_ends_the_run_and_says_so(self):
        from selenium.webdriver.common.keys import Keys

        go_on = self.begin_and_hold()
        self.press(Keys.ENTER)
        self.wait(lambda: self.one("#co-status").text.startswith("Stopped after 0 checks"), "it did not stop")
        go_on.set()

    def test_in_the_dark_everything_can_be_read(self):
        for scheme in ("light", "dark"):
            self.browser.colours(scheme)
            self.run_checks()
            assert self.browser.too_pale() == [], scheme
            self.open("settings")
            assert self.browser.too_pale() == [], scheme
            self.open()
        self.run_checks()
        red, green, blue = (
            int(part) for part in self.one("body").value_of_css_property("background-color")[5:-1].split(",")[:3]
        )
        assert max(red, green, blue) < 60

    def test_at_phone_width_nothing_is_cut_off(self):
        self.browser.size(360, 740, phone=True)
        for section in ("settings", "environment", "packages", "email", "checks"):
            self.open(section)
            if section == "checks":
                self.run_checks()
            wide = self.driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= 360, f"{section} is {wide} wide"
        assert self.one("#co-start").size["height"] >= 44, "too small for a thumb"

    def test_without_scripts_the_form_gives_the_whole_page(self):
        self.browser.scripts(on=False)
        self.open()
        self.one("#co-start").click()
        # Without scripts the driver does not know that another page comes.
        failed = '.co-check[data-status="failed"]'
        self.wait(lambda: self.driver.find_elements("css selector", failed), "the page does not come")
        assert "start RabbitMQ" in self.one(failed).text
        assert self.one("#co-status").text == "1 failed, 1 warning, 1 skipped, 6 passed in 0.0 s"
        self.browser.scripts(on=True)

    def test_a_run_that_breaks_is_told(self):
        def before(ident):
            raise RuntimeError("the server went away")

        fake_native.BEFORE = before
        self.one("#co-start").click()
        self.wait(lambda: "went away" in self.one("#co-error").text, "nothing is told")
        assert self.one("#co-start").is_enabled()

    def test_the_mail_says_what_became_of_it(self):
        self.open("email")
        self.one("#co-email").send_keys("me@example.ca\n")
        self.wait(lambda: "Message sent to me@example.ca." in self.one("main").text, "nothing is told")
