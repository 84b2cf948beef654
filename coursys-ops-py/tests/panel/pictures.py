"""Takes the pictures of `docs/panel`: the fixture site on real servers, one of which should be broken before.

    COURSYS_TEST_SERVERS=…/coursys-ops.toml PYTHONPATH=where/the/wheel/is python pictures.py

This interpreter needs selenium, and Django for its server's sake; the site runs on its own.
"""

import os
import pwd
import socket
import subprocess
import time
import tomllib
from pathlib import Path

from browser import Browser
from selenium.webdriver.support.ui import WebDriverWait

CONFIG = os.environ["COURSYS_TEST_SERVERS"]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "panel"

#: One that the site answers to; it leads here.
HOST = "coursys.test"

#: Seconds.
PATIENCE = 60

#: Width and height in CSS pixels, and whether it is a phone.
DESKTOP, PHONE = (1100, 900, False), (360, 740, True)


def serve(port):
    """The site, with its static files, as its user."""
    with open(CONFIG, "rb") as file:
        site = tomllib.load(file)["site"]
    user = pwd.getpwnam(site["user"])
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": site["user_home"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [site["python"], "manage.py", "runserver", "--insecure", "--noreload", f"127.0.0.1:{port}"]
    account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(argv, cwd=site["dir"], env=environment, **quiet, **account)


def wait_for(port):
    """Until it listens."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def take(browser, port):
    """All of them."""
    driver = browser.driver
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"X-Userid": "sysadmin"}})

    def save(name):
        driver.save_screenshot(str(DOCS / f"{name}.png"))

    def status():
        return driver.find_element("css selector", "#co-status").text

    def start(size, colours="light"):
        browser.size(*size)
        browser.colours(colours)
        driver.get(f"http://{HOST}:{port}/sysadmin/checks/")
        driver.find_element("css selector", "#co-start").click()

    def end():
        WebDriverWait(driver, PATIENCE, 0.05).until(lambda _: " in " in status())

    start(DESKTOP)
    WebDriverWait(driver, PATIENCE, 0.05).until(lambda _: " failed" in status())
    save("running")
    end()
    save("failed")
    start(DESKTOP, "dark")
    end()
    save("dark")
    start(PHONE)
    end()
    save("phone")


def main():
    """Serves the site, looks, and stops it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve(port)
    try:
        wait_for(port)
        browser = Browser(hosts=f"MAP {HOST} 127.0.0.1")
        try:
            take(browser, port)
        finally:
            browser.driver.quit()
    finally:
        server.terminate()
        server.wait(PATIENCE)


if __name__ == "__main__":
    main()
