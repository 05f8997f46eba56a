"""The first evening of an operator whose box is set up already.

Claims a box that is nobody's, looks at every page, changes settings, sends files, releases mail, keeps incidents, adds a
viewer, looks at every page again in German, and practises.
"""

import base64
import datetime
import pathlib
import re
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from person import ENGLISH, GERMAN, NARROW, PASSWORD, WIDE, Person, spend


# Of a telephone, and of a window beside others.
MAIL_WIDTHS = (360, 800)


class Evening(Person):
    def claim(self):
        self.driver.get(self.http)
        self.look("claim-http")
        self.go("/")
        self.look("claim", keys=False)
        self.claim_with("WRONG-CODE1")
        self.expect(self.all(".alarm[role=alert]"), "a wrong setup code is refused")
        self.look("claim-wrong", keys=False, may_refuse=True)
        # Each wrong one makes the next try wait.
        time.sleep(1.2)
        self.claim_with(self.code().lower())
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
        look("/reports/days", "reports-days", keys=False)
        look("/customers", "customers")
        look("/customers?address=198.18.0.9&time=2026-11-20T13:45", "whose")
        customer = self.go("/customers") or self.one("td a[href^='/customer?']").get_attribute("href")
        look(customer, "customer")
        for part in ("prefixes", "mails", "history"):
            look(f"{customer}&part={part}", f"customer-{part}", keys=False)
        look("/unassigned", "unassigned")
        look("/nat?inside=100.64.0.0/24&outside=198.18.0.0/30&address=198.18.0.1&port=5000", "nat")
        look("/texts", "texts")
        look("/texts/pl", "texts-unreviewed", keys=False)
        look(f"/texts/{tongue}/sentences", "texts-sentences")
        look(f"/texts/{tongue}/ssh", "texts-family")
        look("/unassigned?together=address&why=unassigned", "unassigned-each", keys=False)
        look("/settings", "settings")
        look("/families", "families")
        look("/families/open_resolver", "family")
        look("/system", "system")
        look("/system/support", "support")
        look("/system/certificate", "certificate")
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
        self.go("/families/open_resolver")
        self.fill("[name='family.amplification_min']", "strong")
        self.press("form.settings button")
        self.expect(self.one("[aria-invalid=true]").get_attribute("value") == "strong", "what was typed stays")
        self.look("en-family-wrong", keys=False, may_refuse=True)
        self.fill("[name='family.amplification_min']", "5.0")
        self.press("form.settings button")
        self.said("1 setting was changed")
        self.expect("amplification_min = 5.0\n" in written(), "it is written")
        self.expect("from amplification 5 on" in self.text("main"), "the list says so")
        self.go("/settings")
        self.fill("[name='organisation.name']", "Example Net & Sons")
        self.press("#organisation button")
        self.expect("Example Net & Sons" in self.text("header"), "the new name of the organisation is above the page")

    def every_mail(self):
        """A mail about each family in each language, as narrow and as wide as people read mails."""
        self.go("/texts")
        tongues = [link.get_attribute("href").rsplit("/", 1)[1] for link in self.all(".places a")]
        words = [link.get_attribute("href").rsplit("/", 1)[1] for link in self.all("td a")]
        self.expect(len(tongues) == 6 and len(words) > 40, f"{len(words)} families in {len(tongues)} languages")
        for name in (f"/texts/{tongue}/{word}/html" for tongue in tongues for word in words):
            self.go(name)
            for width in MAIL_WIDTHS:
                self.dress(width, "light")
                wide, cut = self.run("return [document.scrollingElement.scrollWidth, [...document.querySelectorAll('td, th, li, p')]"
                                     ".filter((one) => one.scrollWidth > one.clientWidth + 1).length]")
                self.note(wide <= width and not cut, f"{name} is {wide} px wide at {width}, {cut} parts are cut")
                if name.endswith(("/ssh/html", "/hacked_site/html")):
                    picture = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True)
                    file = name.strip("/").replace("/", "-").removesuffix("-html")
                    (self.shots / f"{file}-{width}.png").write_bytes(base64.b64decode(picture["data"]))
                    self.pictures += 1
        self.dress(*ENGLISH[0])

    def words(self):
        own = self.folder / "data" / "texts" / "fr.toml"
        self.go("/texts/fr")
        self.expect(self.all(".alarm"), "a translation that nobody has confirmed is marked")
        self.press("form[action='/texts/reviewed'] button")
        self.expect(not self.all(".alarm") and "reviewed = true" in own.read_text(), "it is confirmed")
        self.go("/texts/fr/ssh")
        self.fill("[name='text.title']", "Un accès {x}")
        self.press("button[value=save]")
        self.expect(self.all(".alarm[role=alert]") and "title" not in own.read_text(), "a wrong text is not saved")
        self.look("en-texts-wrong", keys=False, may_refuse=True)
        self.fill("[name='text.title']", "Un accès SSH & <rien>")
        self.press("button[value=preview]")
        self.expect("Un accès SSH & <rien>" in self.text("pre"), "the mail is shown before it is saved")
        self.look("en-texts-preview", keys=False)
        self.press("button[value=save]")
        self.said("The words are changed")
        self.expect("title" in own.read_text(), "it is saved")
        self.press("button[value=reset]")
        self.expect("title" not in own.read_text(), "the original is back")

    def certificate(self):
        given = pathlib.Path(__file__).resolve().parent.parent / "data/certificates"
        chain, key = (given / "sec1.pem").read_text().split("-----BEGIN EC PARAMETERS", 1)
        shown = lambda: ssl.get_server_certificate(("127.0.0.1", urllib.parse.urlsplit(self.https).port)).strip()
        own = shown()

        def put(key: str):
            self.go("/system/certificate")
            self.fill("[name=chain]", chain)
            self.fill("[name=key]", key)
            self.press("form:has([name=chain]) button")

        put((given / "locked.pem").read_text())
        self.expect("encrypted with a password" in self.text("main"), "it says that the key is locked")
        self.expect("BEGIN CERT" in self.one("[name=chain]").get_attribute("value"), "the chain stays")
        self.expect(self.one("[name=key]").get_attribute("value") == "", "the key is not shown again")
        self.look("en-certificate-locked", keys=False, may_refuse=True)
        put("-----BEGIN EC PARAMETERS" + key)
        self.said("None of its names is", ".said.bad")
        self.expect("sec1.example" in self.text("dl"), "its name is shown")
        self.look("en-certificate-own")
        self.until("the page shows it", lambda: shown() == chain.strip())
        self.press("form:has([value=remove]) button")
        self.said("of its own making again")
        self.until("the page shows its own again", lambda: shown() == own)

    def customers(self):
        lines = (self.folder / "customers.csv").read_text().splitlines()
        number = next(number for number, line in enumerate(lines) if ",office@baker.example," in line)
        lines[number] = lines[number].replace("office@", "abuse@")
        lines.append("C9001,Newcomer GmbH,noc@newcomer.example,198.18.255.0/30,de,active")
        file = self.folder / "customers of today.csv"
        file.write_text("\n".join(lines) + "\n")
        take = "form[action='/customers/take'] button"
        self.send_file("/customers", "/customers/upload", file)
        self.wait_for_job("the customer file is checked", lambda: self.all(take))
        self.expect("C9001" in self.text() and "Newcomer GmbH" in self.text(), "the new customer is shown")
        self.expect("New customers: 1" in self.text(), "one customer is new")
        self.expect("Changed customers: 1" in self.text(), "one customer has changed")
        self.look("en-job-customers")
        self.press(take)
        self.wait_for_job("the customer file is taken", lambda: "The customer list now has" in self.text())
        self.look("en-job-taken", keys=False)
        self.go("/customers?address=198.18.255.1")
        self.expect("C9001" in self.text(".answer"), "an address of the new customer is the new customer's")
        # What an operator would not want: a line without an address.
        lines[number] = lines[number].replace("198.18.0.8/29", "198.18.0.8/299")
        file.write_text("\n".join(lines) + "\n")
        self.send_file("/customers", "/customers/upload", file)
        self.wait_for_job("the wrong customer file is checked", lambda: self.all(take))
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
        self.send_file("/reports", "/reports/upload", file)
        self.wait_for_job("the report is read", lambda: "Mails planned" in self.text())
        self.look("en-job-report")
        self.go("/reports")
        self.expect(file.name in self.text(), "the report is in the list")
        self.press(f"td a[href*='{file.stem}']")
        self.expect("yesterday" in self.text("main table"), "the rejected row is shown")
        self.look("en-report-rejected", keys=False)

    def mails(self):
        before = self.caught()
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
        self.expect(self.caught() == sent, f"each mail sent is caught: {sent}, not {self.caught()}")
        self.expect(self.caught() > before + count, f"more than {count} mails are caught")
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
                     "/reports", "/customers", "/unassigned", "/settings", "/system", "/people",
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
        self.practice()
        self.log_out()
        self.look("de-login", GERMAN, keys=False)

    def practice(self):
        """What the operator might have chosen at the end of the first run."""
        day = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        file = self.folder / f"{day:%Y-%m-%d}-scan_vnc-critical.csv"
        file.write_text('"timestamp","severity","ip","protocol","port"\n'
                        f'"{day:%Y-%m-%d} 02:02:03","critical","198.18.4.5","tcp","5900"\n')
        self.send_file("/reports", "/reports/upload", file)
        self.wait_for_job("the report is read", lambda: self.all("main .accounting") or "Mails" in self.text("main"))
        self.until("a mail is held", lambda: self.go("/setup/6") or self.all("main details"))
        before = self.caught()
        self.press("button[value=practice]")
        self.expect(self.path() == "" and self.all(".m-practice"), "the box practises")
        self.said("Alle E-Mails gehen an Sie")
        self.look("de-practice", GERMAN, keys=False)
        self.until("the practice mail is caught", lambda: self.caught() > before)
        page = urllib.request.urlopen(self.catcher).read().decode()
        newest = re.search(r"<td>([^<]*@[^<]*)<td>", page)[1]
        self.expect(newest == "noc@example.net", f"the practice mail goes to the operator, not to {newest}")

    def story(self) -> int:
        self.claim()
        self.everything("en")
        self.settings()
        self.words()
        self.every_mail()
        self.certificate()
        self.customers()
        self.report()
        mails = self.mails()
        self.incidents()
        self.viewer()
        self.german()
        return mails


if __name__ == "__main__":
    sys.exit(spend(Evening, Evening.story))
