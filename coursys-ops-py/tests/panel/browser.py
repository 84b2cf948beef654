"""A browser, and the panel's site on a loopback port for it to look at."""

import threading

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"

#: Relative luminance from sRGB, WCAG 2.1.
CONTRAST = """
const luminance = (text) => {
  const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll("h1, h2, h3, p, a, button, label, summary *, .co-finding *, dt, dd, code")]
  .filter((element) => element.checkVisibility() && element.textContent.trim())
  .map((element) => {
    const both = [getComputedStyle(element).color, behind(element)].map(luminance);
    const [light, dark] = both.sort((a, b) => b - a);
    return [(light + 0.05) / (dark + 0.05), element.className || element.tagName, element.textContent.slice(0, 40)];
  })
  .filter(([ratio]) => ratio < 4.5);
"""


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format, *args):
        """Nothing."""


class Site:
    """The site, served until `close`."""

    def __init__(self):
        self.server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
        self.server.daemon_threads = True
        self.server.set_app(StaticFilesHandler(get_wsgi_application()))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        """Stops it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class Browser:
    """Chromium without a window."""

    def __init__(self, width=1100, height=900, hosts=""):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.add_argument(f"--window-size={width},{height}")
        if hosts:
            options.add_argument(f"--host-resolver-rules={hosts}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.size(width, height)

    def size(self, width, height, phone=False):
        """The size of the page in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def colours(self, scheme):
        """`light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def scripts(self, on):
        """Whether scripts run."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})

    def complaints(self):
        """What the console says: violations of the policy, errors of scripts."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def too_pale(self):
        """Texts whose contrast with what is behind them is below 4.5, as WCAG AA demands."""
        return self.driver.execute_script(CONTRAST)
