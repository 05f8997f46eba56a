"""A person before the page of a box, in Chromium with scripts switched off.

Every page that is looked at has to fit two widths, in the dark and in the light; nothing may be found by axe that keeps
somebody out, nothing may be said on the browser's console, and each thing that can be pressed has to be reached by Tab,
visibly. All faults are listed; the pictures are left in a folder.
"""

import argparse
import base64
import pathlib
import re
import shutil
import sys
import time
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

PASSWORD = "some fairly good words"
WIDE, NARROW = 1280, 360
# What is looked at of each page: width and scheme. A German page has longer words, but the same colours.
ENGLISH = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
GERMAN = [(WIDE, "dark"), (NARROW, "light")]
# For a job, or for mails to go out.
PATIENCE_SECONDS = 60

# Whatever can be reached with a mouse. A radio group would be one stop; there is none.
REACHABLE = """
const seen = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, iframe')].filter(
  (one) => !one.matches(':disabled, [type=hidden]') && one.checkVisibility());
seen.forEach((one, number) => one.dataset.stop = number);
return seen.map((one) => (one.outerHTML.match(/^<[^>]*>/) || [''])[0].slice(0, 160));
"""
# Where the focus is: the number of the stop, whether it shows, and whether it is inside the window.
FOCUSED = """
const one = document.activeElement;
if (!one || one === document.body) return null;
const style = getComputedStyle(one), box = one.getBoundingClientRect();
const shows = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
return [Number(one.dataset.stop ?? -1), shows || one.tagName === 'IFRAME', inside];
"""
# Elements of one line whose text does not fit them, and those that stick out of the window.
CUT = """
// The heads of tables that are only for those who listen.
const unseen = (one) => one.closest('thead') && getComputedStyle(one.closest('thead')).clipPath !== 'none';
const cut = [...document.querySelectorAll('button, .badge, .button, .mode, nav a, th, select, dt')].filter(
  (one) => one.checkVisibility() && !unseen(one) && one.scrollWidth > one.clientWidth + 1);
const out = [...document.querySelectorAll('main *')].filter((one) => {
  const box = one.getBoundingClientRect();
  return one.checkVisibility() && box.width > 1 && (box.right > innerWidth + 1 || box.left < -1)
    && !unseen(one) && !one.closest('pre.table');
});
return [...cut, ...out].slice(0, 5).map((one) => one.outerHTML.slice(0, 160));
"""
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {iframes: false, resultTypes: ['violations']}).then(
  (found) => done(found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map(
    (one) => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)
      + ' ' + (node.any[0]?.message ?? '')).join(' | '))),
  (why) => done([String(why)]));
"""


class Person:
    def __init__(self, folder: pathlib.Path, axe: str, shots: pathlib.Path):
        self.folder, self.axe, self.shots = folder, axe, shots
        self.faults: list[str] = []
        self.looked_at: set[str] = set()
        self.pictures = self.stops = self.audits = 0
        log = (folder / "abusebox.log").read_text()
        self.http, self.https = (re.search(rf"page at ({scheme}://\S+)", log)[1] for scheme in ("http", "https"))
        place = re.search(r'"mails_page":"([^"]*)"', (folder / "simulator.log").read_text())
        self.catcher = place[1]
        options = webdriver.ChromeOptions()
        # The box makes its own certificate. What is tested is not the sandbox, which root has none of.
        for argument in ("--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--hide-scrollbars",
                         "--lang=en-US", "--disable-gpu", "--disable-dev-shm-usage",
                         # Else what the mail is shown in is a window of its own for the driver's keys.
                         "--disable-features=IsolateSandboxedIframes"):
            options.add_argument(argument)
        options.add_argument(f"--user-data-dir={folder / 'browser'}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Else selenium would look for one on the network.
        options.binary_location = shutil.which("chromium")
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(60)
        self.tell("Emulation.setScriptExecutionDisabled", value=True)
        self.tell("Emulation.setFocusEmulationEnabled", enabled=True)
        # What the driver itself runs is no script of a page.
        self.driver.get("data:text/html,<title>off</title><script>document.title = 'on'</script>")
        self.expect(self.driver.title == "off", "scripts of pages are switched off")
        self.dress(*ENGLISH[0])

    # What a person does.

    def tell(self, command: str, **what):
        return self.driver.execute_cdp_cmd(command, what)

    def dress(self, width: int, scheme: str):
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, path: str):
        self.driver.get(urllib.parse.urljoin(self.https, path))

    def all(self, css: str):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str):
        try:
            return self.driver.find_element(By.CSS_SELECTOR, css)
        except NoSuchElementException:
            sys.exit(f"{self.path()} has no {css}; it says: {self.text()}")

    def text(self, css: str = "body") -> str:
        return " ".join(self.driver.find_element(By.CSS_SELECTOR, css).text.split())

    def path(self) -> str:
        return self.driver.current_url.split("/", 3)[3]

    def fill(self, css: str, text: str):
        field = self.one(css)
        field.clear()
        field.send_keys(text)

    def press(self, css: str):
        """Presses what leads to another page."""
        before = self.one("html")
        self.one(css).click()
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                if self.driver.find_element(By.CSS_SELECTOR, "html") != before and self.all("main"):
                    return
            except Exception:  # The page is just being changed.
                pass
            time.sleep(0.02)
        sys.exit(f"{css} leads nowhere from {self.path()}")

    def log_in(self, name: str, password: str):
        self.fill("main [name=name]", name)
        self.fill("main [name=password]", password)
        self.press("main button")

    def log_out(self):
        self.press("form.out button")

    def code(self) -> str:
        return (self.folder / "data/setup-code").read_text().strip()

    def claim_with(self, code: str):
        self.fill("main [name=code]", code)
        self.fill("main [name=name]", "ann")
        self.fill("main [name=password]", PASSWORD)
        self.fill("main [name=again]", PASSWORD)
        self.press("main button")

    def send_file(self, page: str, form: str, file: pathlib.Path):
        """Chooses a file and sends it."""
        self.go(page)
        self.one(f"form[action='{form}'] [type=file]").send_keys(str(file))
        self.press(f"form[action='{form}'] button")

    def wait_for_job(self, what: str, is_so):
        """Looks at the page of a job until it is so."""
        job = self.driver.current_url
        self.until(what, lambda: self.driver.get(job) or is_so())

    def caught(self) -> int:
        """Mails that the simulator's server has taken."""
        page = urllib.request.urlopen(self.catcher).read().decode()
        return int(re.search(r"<p>(\d+) mails", page)[1])

    def until(self, what: str, is_so):
        until = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > until:
                sys.exit(f"still not so after {PATIENCE_SECONDS} s: {what}; {self.path()} says: {self.text()}")
            time.sleep(0.3)

    # What is held against the pages.

    def expect(self, is_so, what: str):
        if not is_so:
            self.faults.append(f"not so: {what}")
            print(f"  not so: {what} ({self.path() if '/' in self.driver.current_url else ''})", flush=True)

    def said(self, part: str, css: str = ".said:not(.bad)"):
        found = self.all(css)
        self.expect(found and part in found[0].text, f"{css} with {part!r}; there is: {self.text()[:300]}")

    def look(self, name: str, dresses=ENGLISH, keys=True, may_refuse=False, audit=True):
        """Everything that is the same for every page."""
        self.looked_at.add(name)
        where = self.path()
        self.console(name, may_refuse)
        for width, scheme in dresses:
            self.dress(width, scheme)
            dressed = f"{name}-{width}-{scheme}"
            wide = self.run("return [document.scrollingElement.scrollWidth, innerWidth]")
            self.note(wide[0] <= wide[1], f"{dressed} ({where}) is {wide[0]} px wide")
            for cut in self.run(CUT):
                self.note(False, f"{dressed} ({where}) is cut: {cut}")
            picture = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            (self.shots / f"{dressed}.png").write_bytes(base64.b64decode(picture["data"]))
            self.pictures += 1
            # By the narrow one in the dark nothing is new to it, nor by another language.
            if not audit or (width, scheme) == (NARROW, "dark") or name.startswith("de-"):
                continue
            if not self.run("return typeof axe === 'object'"):
                self.run(self.axe)
            # It waits for itself by timers, which are off, too. The page is long there.
            self.tell("Emulation.setScriptExecutionDisabled", value=False)
            found = self.driver.execute_async_script(AXE)
            self.tell("Emulation.setScriptExecutionDisabled", value=True)
            for found in found:
                self.note(False, f"{dressed} ({where}) fails {found}")
            self.audits += 1
        self.dress(*ENGLISH[0])
        if keys:
            self.walk(name)

    def walk(self, name: str):
        """By Tab through the whole page and out of it again."""
        stops = self.run(REACHABLE)
        self.run("document.activeElement.blur(); scrollTo(0, 0)")
        reached, shown, last = set(), set(), None
        # A field for a day is several stops.
        for _ in range(8 * len(stops) + 8):
            self.tell("Input.dispatchKeyEvent", type="rawKeyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
            now = self.run(FOCUSED)
            if now is None or (now[0] == 0 and last not in (None, 0)):
                break
            last, shows, inside = now
            reached.add(last)
            if shows and inside:
                shown.add(last)
        self.stops += len(reached)
        for number, stop in enumerate(stops):
            self.note(number in reached, f"{name}: Tab does not reach {stop}")
            self.note(number not in reached or number in shown, f"{name}: the focus does not show at {stop}")

    def is_in_sight(self, css: str) -> bool:
        box = self.run(f"return document.querySelector({css!r})?.getBoundingClientRect().toJSON()")
        return box is not None and 0 <= box["top"] and box["bottom"] <= 900

    def console(self, name: str, may_refuse=False):
        for line in self.driver.get_log("browser"):
            refused = may_refuse and "Failed to load resource" in line["message"]
            # The browser's own first page may say something late.
            is_its_own = line["message"].startswith("chrome://")
            self.note(refused or is_its_own or line["level"] not in ("WARNING", "SEVERE"), f"{name}: the console says {line['message']}")

    def run(self, script: str):
        return self.driver.execute_script(script)

    def note(self, is_so, fault: str):
        if not is_so:
            self.faults.append(fault)
            print(f"  {fault}", flush=True)


def spend(kind: type, story) -> int:
    """Tells a story of such a person, and says what came of it. The story returns how many mails were caught."""
    asked = argparse.ArgumentParser()
    for name in ("folder", "axe", "shots"):
        asked.add_argument(f"--{name}", type=pathlib.Path, required=True)
    given = asked.parse_args()
    begun = time.monotonic()
    person = kind(given.folder, given.axe.read_text(), given.shots)
    try:
        mails = story(person)
        person.console("the end", may_refuse=True)
    finally:
        person.driver.quit()
    print(f"{pathlib.Path(sys.argv[0]).stem}: {len(person.looked_at)} pages, {person.pictures} pictures in {given.shots}, "
          f"{person.audits} audits by axe, {person.stops} stops of the Tab key, {mails} mails released and caught, "
          f"{len(person.faults)} faults, {time.monotonic() - begun:.0f} s")
    return 1 if person.faults else 0
