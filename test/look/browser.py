#!/usr/bin/env python3
"""browser.py FILE DIRECTORY

Opens the page of report() in headless Chromium, in several widths, light and dark.  Checks what a reader would stumble over: text that runs out of the
window, text that is hard to read, and names that became a part of the page.  Leaves
screenshots in DIRECTORY.  Talks to chromedriver as WebDriver does.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
           "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WIDTHS = (320, 390, 768, 1024, 1280)

# The least contrast of any text with what is behind it, as WCAG 2 computes it.
CONTRAST = """
const number = c => c.match(/[\\d.]+/g).map(Number);
const light = c => { const [r, g, b] = number(c).map(v => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (number(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
let least = 99;
for (const e of document.body.querySelectorAll('*')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
  const a = light(getComputedStyle(e).color), b = light(behind(e));
  least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
}
return least;
"""

# Elements with text that reach beyond the window, but not those that are hidden from sight.
OVERFLOW = """
const width = document.documentElement.clientWidth;
return [...document.body.querySelectorAll('*')].filter(e => !e.closest('thead') || getComputedStyle(e.closest('thead')).position !== 'absolute')
  .filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.tagName + ' ' + e.textContent.slice(0, 40))
  .concat(document.documentElement.scrollWidth > width ? ['the page is ' + document.documentElement.scrollWidth + ' wide'] : []);
"""
number = 0
failed = 0


def tell(good, what, why=""):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {what}" + (f"\n# {why}" if why and not good else ""))


class Browser:
    def __init__(self, profile):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.DEVNULL)
        for line in self.driver.stdout:
            port = re.search(r"successfully on port (\d+)", line)
            if port:
                break
        self.base = f"http://127.0.0.1:{port[1]}/session"
        chrome = {"args": OPTIONS + ["--user-data-dir=" + profile], "binary": "/usr/bin/chromium"}
        self.base += "/" + self.call("", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": chrome}}})["sessionId"]

    def call(self, path, data=None):
        request = urllib.request.Request(self.base + path, None if data is None else json.dumps(data).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def devtools(self, command, **parameters):
        return self.call("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script):
        return self.call("/execute/sync", {"script": script, "args": []})

    def view(self, width, scheme):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                      mobile=width < 700)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, file):
        picture = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(picture))

    def close(self):
        request = urllib.request.Request(self.base, method="DELETE")
        urllib.request.urlopen(request, timeout=60)
        self.driver.terminate()
        self.driver.wait()


def look(browser, page, directory):
    browser.call("/url", {"url": "file://" + page})
    tell(browser.call("/title") == "postgres: compat_guard", "the title is the page's own")
    tell(browser.run("return document.scripts.length + document.images.length") == 0, "no name became a script or an image")
    backs = set()
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            browser.view(width, scheme)
            over = browser.run(OVERFLOW)
            tell(not over, f"{width} pixels, {scheme}: nothing runs out of the window", "; ".join(over[:5]))
            browser.screenshot(f"{directory}/{scheme}-{width}.png")
        least = browser.run(CONTRAST)
        tell(least >= 4.5, f"{scheme}: all text has a contrast of 4.5 at least", f"{least:.2f}")
        backs.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
    tell(len(backs) == 2, "dark is another page than light")
    for width in (320, 1280):
        browser.view(width, "light")
        tree = browser.devtools("Accessibility.getFullAXTree")["nodes"]
        roles = [node["role"]["value"] for node in tree if not node["ignored"]]
        tables = browser.run("return document.querySelectorAll('table').length")
        tell(tables > 3 and roles.count("table") == tables and roles.count("columnheader") > tables,
             f"{width} pixels: a screen reader has the tables with their headers", str(sorted(set(roles))))
    browser.run("document.querySelector('summary').click()")
    tell(browser.run("return document.querySelector('details ul').getBoundingClientRect().height") > 0, "findings unfold")


def main():
    page, directory = map(os.path.abspath, sys.argv[1:])
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        try:
            look(browser, page, directory)
        finally:
            browser.close()
    sys.exit(1 if failed else 0)


main()
