"""A person's first evening with the page, in Chromium with scripts switched off.

Claims a box that is nobody's, looks at every page, changes settings, sends files, releases mail, keeps incidents, adds a
viewer, and looks at every page again in German. Every page has to fit two widths, in the dark and in the light; nothing
may be found by axe that keeps somebody out, nothing may be said on the browser's console, and each thing that can be
pressed has to be reached by Tab, visibly. All faults are listed; the pictures are left in a folder.
"""

import argparse
import base64
import datetime
import pathlib
import re
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

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


class Evening:
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
            self.note(refused or line["level"] not in ("WARNING", "SEVERE"), f"{name}: the console says {line['message']}")

    def run(self, script: str):
        return self.driver.execute_script(script)

    def note(self, is_so, fault: str):
        if not is_so:
            self.faults.append(fault)
            print(f"  {fault}", flush=True)

    # The evening.

    def claim(self):
        self.driver.get(self.http)
        self.look("claim-http")
        self.go("/")
        self.look("claim", keys=False)
        code = (self.folder / "data/setup-code").read_text().strip()

        def send(code: str):
            self.fill("main [name=code]", code)
            self.fill("main [name=name]", "ann")
            self.fill("main [name=password]", PASSWORD)
            self.fill("main [name=again]", PASSWORD)
            self.press("main button")

        send("WRONG-CODE1")
        self.expect(self.all(".alarm[role=alert]"), "a wrong setup code is refused")
        self.look("claim-wrong", keys=False, may_refuse=True)
        # Each wrong one makes the next try wait.
        time.sleep(1.2)
        send(code.lower())
        self.expect(self.path() == "", "the setup code makes the box mine, and leads to the overview")

    def everything(self, tongue: str, **how):
        """Every page as it is now."""
        def look(path: str, name: str, **more):
            self.go(path)
            self.expect(self.one("html").get_attribute("lang") == tongue, f"{path} is in {tongue}")
            self.look(f"{tongue}-{name}", **(how | more))

        look("/", "overview")
        look("/setup", "setup")
        for number in range(1, 7):
            look(f"/setup/{number}", f"setup-{number}")
        look("/incidents", "incidents")
        incident = self.one("td a[href^='/incidents/']").get_attribute("href")
        look("/incidents?state=closed&severity=critical&q=198.18.255.255", "incidents-none")
        look(incident, "incident")
        look("/mail", "mails")
        mail = self.one("td a[href^='/mail/']").get_attribute("href")
        look(mail, "mail")
        self.press_open()
        self.look(f"{tongue}-mail-open", **(how | {"keys": False}))
        look("/mail/held", "held")
        look("/reports", "reports")
        report = self.one("td a[href^='/report?']").get_attribute("href")
        look(report, "report")
        look("/customers", "customers")
        look("/customers?address=198.18.0.9&time=2026-11-20T13:45", "whose")
        customer = self.go("/customers") or self.one("td a[href^='/customer?']").get_attribute("href")
        look(customer, "customer")
        for part in ("prefixes", "mails", "history"):
            look(f"{customer}&part={part}", f"customer-{part}", keys=False)
        look("/unassigned", "unassigned")
        look("/unassigned?together=address&why=unassigned", "unassigned-each", keys=False)
        look("/settings", "settings")
        look("/system", "system")
        look("/people", "people")
        look("/audit", "audit")
        look("/jobs", "jobs")
        look("/nothing/here", "not-found", keys=False, may_refuse=True)
        look("/customers?address=198.18.0.9&port=x", "not-asked", keys=False, may_refuse=True)

    def press_open(self):
        for summary in self.all("summary"):
            summary.click()

    def settings(self):
        written = lambda: (self.folder / "settings.toml").read_text()
        self.go("/settings")
        before = written()
        self.fill("[name='policy.digest_hour']", "25")
        self.fill("[name='policy.close_after_days']", "nine")
        self.press("#policy button")
        wrong = self.all("[aria-invalid=true]")
        self.expect(len(wrong) == 2, f"both wrong settings are marked, not {len(wrong)}")
        self.expect(self.one("[name='policy.digest_hour']").get_attribute("value") == "25", "what was typed stays")
        focused = self.run("return document.activeElement.name")
        self.expect(focused == "policy.close_after_days" and self.is_in_sight("input:focus"), "the first is in sight")
        self.expect(written() == before, "a wrong setting is not written")
        self.look("en-settings-wrong", keys=False, may_refuse=True)
        self.fill("[name='policy.digest_hour']", "9")
        self.fill("[name='policy.close_after_days']", "9")
        self.press("#policy button")
        self.said("2 settings were changed")
        self.expect(self.is_in_sight(".said"), "what came of it is in sight, though the page is long")
        self.look("en-settings-saved", [(WIDE, "light")], keys=False)
        self.expect("digest_hour = 9\n" in written() and "close_after_days = 9\n" in written(), "both are written")
        self.fill("[name='organisation.name']", "Example Net & Sons")
        self.press("#organisation button")
        self.expect("Example Net & Sons" in self.text("header"), "the new name of the organisation is above the page")

    def customers(self):
        lines = (self.folder / "customers.csv").read_text().splitlines()
        number = next(number for number, line in enumerate(lines) if ",office@baker.example," in line)
        lines[number] = lines[number].replace("office@", "abuse@")
        lines.append("C9001,Newcomer GmbH,noc@newcomer.example,198.18.255.0/30,de,active")
        file = self.folder / "customers of today.csv"
        file.write_text("\n".join(lines) + "\n")
        self.go("/customers")
        self.one("form[action='/customers/upload'] [type=file]").send_keys(str(file))
        self.press("form[action='/customers/upload'] button")
        job = self.driver.current_url
        take = "form[action='/customers/take'] button"
        self.until("the customer file is checked", lambda: self.driver.get(job) or self.all(take))
        self.expect("C9001" in self.text() and "Newcomer GmbH" in self.text(), "the new customer is shown")
        self.expect("New customers: 1" in self.text(), "one customer is new")
        self.expect("Changed customers: 1" in self.text(), "one customer has changed")
        self.look("en-job-customers")
        self.press(take)
        job = self.driver.current_url
        self.until("the customer file is taken",
                   lambda: self.driver.get(job) or "The customer list now has" in self.text())
        self.look("en-job-taken", keys=False)
        self.go("/customers?address=198.18.255.1")
        self.expect("C9001" in self.text(".answer"), "an address of the new customer is the new customer's")
        # What an operator would not want: a line without an address.
        lines[number] = lines[number].replace("198.18.0.8/29", "198.18.0.8/299")
        file.write_text("\n".join(lines) + "\n")
        self.go("/customers")
        self.one("form[action='/customers/upload'] [type=file]").send_keys(str(file))
        self.press("form[action='/customers/upload'] button")
        job = self.driver.current_url
        self.until("the wrong customer file is checked", lambda: self.driver.get(job) or self.all(take))
        self.look("en-job-unreadable", keys=False)
        self.press("button[form=discard]")
        self.said("was discarded")

    def report(self):
        day = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        file = self.folder / f"{day:%Y-%m-%d}-scan_vnc-by-hand.csv"
        file.write_text(
            '"timestamp","severity","ip","protocol","port"\n'
            f'"{day:%Y-%m-%d} 01:02:03","medium","198.18.0.9","tcp","5900"\n'
            f'"{day:%Y-%m-%d} 01:02:04","medium","198.18.255.2","tcp","5900"\n'
            '"yesterday","medium","198.18.0.9","tcp","5901"\n')
        self.go("/reports")
        self.one("form[action='/reports/upload'] [type=file]").send_keys(str(file))
        self.press("form[action='/reports/upload'] button")
        job = self.driver.current_url
        self.until("the report is read", lambda: self.driver.get(job) or "Mails planned" in self.text())
        self.look("en-job-report")
        self.go("/reports")
        self.expect(file.name in self.text(), "the report is in the list")
        self.press(f"td a[href*='{file.stem}']")
        self.expect("yesterday" in self.text("main table"), "the rejected row is shown")
        self.look("en-report-rejected", keys=False)

    def mails(self):
        caught = lambda: int(re.search(r"<p>(\d+) mails", urllib.request.urlopen(self.catcher).read().decode())[1])
        before = caught()
        # One alone first, and one given up.
        self.go("/mail?state=held")
        boxes = self.all("td input[type=checkbox]")
        held = len(boxes)
        self.expect(held > 3, "several mails are held")
        boxes[0].click()
        self.press("button[value=drop]")
        self.said("1 mail was dropped")
        self.go(self.one("td a[href^='/mail/']").get_attribute("href"))
        self.press("button[value=release]")
        self.said("1 mail was released")
        self.go("/mail")
        self.press("button[value=release]")
        self.said("Nothing was chosen", ".said.bad")
        self.look("en-mails-nothing-chosen", [(WIDE, "light"), (NARROW, "dark")], keys=False)
        self.press("a[href='/mail/held']")
        count = int(re.search(r"\d+", self.text("h1"))[0])
        self.press("button[value=release]")
        self.said(f"{count} mails were released")
        self.look("en-mails-released", [(WIDE, "light")], keys=False)
        self.until("no mail is on its way", lambda: self.go("/mail?state=queued") or not self.all("td"))
        # Each address gets one of its own, the operator one before.
        self.go("/mail?state=sent")
        sent = sum(len(cell.find_elements(By.CSS_SELECTOR, ".line")) for cell in self.all("td:nth-child(3)"))
        self.expect(len(self.all("tbody tr")) >= count + 2, f"{count} mails and two more were sent")
        self.expect(caught() == sent, f"each mail sent is caught: {sent}, not {caught()}")
        self.expect(caught() > before + count, f"more than {count} mails are caught")
        self.go(self.one_sent())
        self.look("en-mail-sent")
        self.go(self.driver.current_url + "/html")
        # What may run nothing at all lets axe run neither.
        self.look("en-mail-html", keys=False, audit=False)
        return count + 1

    def one_sent(self) -> str:
        self.go("/mail?state=sent")
        return self.one("td a[href^='/mail/']").get_attribute("href")

    def incidents(self):
        def choose(count: int):
            self.go("/incidents?state=current")
            rows = self.all("td input[type=checkbox]")[:count]
            for row in rows:
                row.click()
            return [row.get_attribute("name") for row in rows]

        choose(2)
        self.press("button[value=close]")
        self.said("2 incidents were closed")
        choose(1)
        day = datetime.date.today() + datetime.timedelta(days=30)
        self.one("[name=until]").send_keys(f"{day:%m%d%Y}")
        self.press("button[value=mute]")
        self.said(f"1 incident was muted through {day}")
        chosen = choose(3)
        self.one("[name=note]").send_keys("Called them.\nThey <b>mend</b> it on Monday.")
        self.press("button[value=note]")
        self.said("3 incidents have the note now")
        self.go(f"/incidents/{re.search(r'[0-9]+', chosen[1])[0]}")
        self.expect("Called them. They <b>mend</b> it on Monday." in self.text(), "the note is shown as written")
        self.press("button[value=mute]")
        self.said("choose a day", ".said.bad")
        self.look("en-incident-noted")
        self.go("/incidents?state=closed")
        self.expect(len(self.all("td input[type=checkbox]")) >= 2, "the closed ones are found as such")

    def viewer(self):
        self.go("/people")
        form = "form[action='/people/add'] "
        for name, text in (("name", "vic"), ("password", "words for somebody"), ("again", "words for somebody")):
            self.fill(f"{form}[name={name}]", text)
        Select(self.one(f"{form}[name=role]")).select_by_value("viewer")
        self.press(f"{form}button")
        self.look("en-people-two")
        self.log_out()
        self.look("login")
        self.driver.get(self.http)
        self.look("login-http", keys=False)
        self.go("/incidents?severity=high")
        self.log_in("vic", "wrong words for somebody")
        self.expect(self.all(".alarm[role=alert]"), "a wrong password is refused")
        self.look("login-wrong", keys=False, may_refuse=True)
        time.sleep(1.2)
        self.log_in("vic", "words for somebody")
        self.expect(self.path() == "incidents?severity=high", "the log-in leads to where the way went")
        for path in ("/", "/setup", "/setup/6", "/incidents", "/mail", "/mail/held",
                     "/reports", "/customers", "/settings", "/system", "/people",
                     "/audit", "/jobs", self.all("td a[href^='/incidents/']") and
                     self.one("td a[href^='/incidents/']").get_attribute("href")):
            self.go(path)
            forms = {form.get_attribute("action").split("/", 3)[3] for form in self.all("main form[method=post]")
                     if [one for one in form.find_elements(By.CSS_SELECTOR, "button") if one.is_enabled()]}
            self.expect(forms <= {"password"}, f"a viewer is offered only the own password at {path}, not {forms}")
        self.go("/settings")
        self.look("en-settings-viewer", keys=False)
        csrf = self.one("form.out [name=csrf]").get_attribute("value")
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in self.driver.get_cookies())
        before = (self.folder / "settings.toml").read_bytes()
        for path, pairs in (("mail/change", {"do": "drop", "to": "/mail"}), ("people/remove", {"name": "ann"}),
                            ("settings/change", {"table": "box", "box.mode": "live"})):
            body = urllib.parse.urlencode(pairs | {"csrf": csrf}).encode()
            asked = urllib.request.Request(self.https + path, body, {
                "Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded",
                "Origin": self.https.rstrip("/"), "Sec-Fetch-Site": "same-origin"})
            try:
                with urllib.request.urlopen(asked, context=ssl._create_unverified_context()) as reply:
                    status = reply.status
            except urllib.error.HTTPError as refused:
                status = refused.code
            self.expect(status == 403, f"a viewer's {path} is refused with 403, not {status}")
        self.expect((self.folder / "settings.toml").read_bytes() == before, "a viewer has changed no setting")
        self.log_out()
        self.go("/incidents")
        self.expect(self.all("main [name=password]"), "after the log-out nothing is shown")

    def german(self):
        self.go("/settings")
        self.log_in("ann", PASSWORD)
        self.go("/settings")
        Select(self.one("[name='box.language']")).select_by_value("de")
        self.press("#box button")
        self.expect(self.one("html").get_attribute("lang") == "de", "the page speaks German now")
        self.everything("de", dresses=GERMAN, keys=False)
        self.go("/people")
        self.press("form:has([value=vic]) button")
        self.expect("vic" not in self.text("main table"), "the viewer is removed")
        self.log_out()
        self.look("de-login", GERMAN, keys=False)


def main() -> int:
    asked = argparse.ArgumentParser()
    for name in ("folder", "axe", "shots"):
        asked.add_argument(f"--{name}", type=pathlib.Path, required=True)
    given = asked.parse_args()
    begun = time.monotonic()
    evening = Evening(given.folder, given.axe.read_text(), given.shots)
    try:
        evening.claim()
        evening.everything("en")
        evening.settings()
        evening.customers()
        evening.report()
        mails = evening.mails()
        evening.incidents()
        evening.viewer()
        evening.german()
        evening.console("the end", may_refuse=True)
    finally:
        evening.driver.quit()
    print(f"page: {len(evening.looked_at)} pages, {evening.pictures} pictures in {given.shots}, {evening.audits} audits "
          f"by axe, {evening.stops} stops of the Tab key, {mails} mails released and caught, "
          f"{len(evening.faults)} faults, {time.monotonic() - begun:.0f} s")
    return 1 if evening.faults else 0


if __name__ == "__main__":
    sys.exit(main())
