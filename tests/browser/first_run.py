"""The first run: a box of which nobody has set anything is led through all six steps, to the first mails.

In each step something goes wrong first, and is said. Each page on the way is looked at like all others.
"""

import re
import sys
import time
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from person import GERMAN, Person, spend

# Of the simulator.
KEY, SECRET = "practice-key", "practice-secret"


class FirstRun(Person):
    def claim(self):
        self.go("/")
        self.claim_with(self.code())
        self.expect("Not set up yet" in self.text(), "the overview says that nothing is set up")
        self.look("first-overview", keys=False)
        self.press("main a[href='/setup/1']")
        self.go("/setup")
        self.expect(self.states() == "tttttt", f"nothing is done yet, not {self.states()}")
        self.look("first-steps")

    def states(self) -> str:
        """Of the six steps: `d`one, `t`o do, something is `w`rong."""
        here = self.path()
        self.go("/setup")
        badges = "".join(badge.text[0] for badge in self.all("td .badge")).replace("s", "w")
        self.go(here)
        return badges

    def save(self, step: int):
        self.expect(self.path().startswith("setup/"), f"the form of step {step} is here")
        self.press("form[action='/setup/change'] button:not([disabled])")

    def checked(self, name: str, part: str, states: str):
        """Waits for the check that a step has begun."""
        self.wait_for_job(f"the check says {part!r}", lambda: part in self.text() or not self.is_moving())
        self.expect(part in self.text("main"), f"the check says {part!r}; there is {self.text('main')}")
        self.look(name)
        self.expect(self.states() == states, f"the steps are {states}, not {self.states()}")

    def is_moving(self) -> bool:
        return "looks again by itself" in self.text("main")

    def place(self):
        self.go("/setup/1")
        self.fill("[name='organisation.name']", "Example Net")
        self.fill("[name='box.timezone']", "Vienna")
        self.save(1)
        wrong = self.all("[aria-invalid=true]")
        self.expect([one.get_attribute("name") for one in wrong] == ["box.timezone"], "the time zone is marked as wrong")
        self.expect(self.one("[name='organisation.name']").get_attribute("value") == "Example Net", "the name stays")
        self.look("first-1-wrong", keys=False, may_refuse=True)
        self.fill("[name='box.timezone']", "Europe/Vienna")
        self.save(1)
        self.expect(self.path() == "setup/2", "step 1 leads to step 2")
        self.said("2 settings were changed")
        self.look("first-2")

    def shadowserver(self):
        self.fill("[name='shadowserver.key']", KEY)
        self.fill("[name='shadowserver.secret']", "not-the-secret")
        self.save(2)
        self.checked("first-2-refused", "refuses the key", "dwtttt")
        self.press("main a[href='/setup/2']")
        self.look("first-2-again", keys=False)
        self.fill("[name='shadowserver.key']", KEY)
        self.fill("[name='shadowserver.secret']", SECRET)
        self.save(2)
        self.checked("first-2-sees", "Key and secret are right.", "ddtttt")
        self.expect(SECRET not in self.driver.page_source, "the secret is not shown")

    def networks(self):
        self.press("main a[href='/setup/3']")
        offered = self.one("[name='networks.cidrs']").get_attribute("value").split()
        self.expect(any(one.startswith("198.18.") for one in offered), f"networks are offered, not {offered}")
        self.look("first-3-offer")
        field = self.one("[name='networks.cidrs']")
        field.send_keys("\n198.18.0.1/16")
        self.save(3)
        self.expect("198.18.0.0/16" in self.text("main"), "it says what the network is that was meant")
        self.look("first-3-wrong", keys=False, may_refuse=True)
        self.fill("[name='networks.cidrs']", "\n".join(offered + ["198.18.0.0/16"]))
        self.save(3)
        self.expect(self.path() == "setup/4", f"step 3 leads to step 4: {self.text('main')}")
        self.look("first-4")

    def customers(self):
        lines = (self.folder / "crm.csv").read_text().splitlines()
        lines.append("C9001,Newcomer GmbH,noc at newcomer.example,198.18.255.0/30,de,active")
        lines.append("C9002,Hasty GmbH,noc@hasty.example,198.18.0.8/299,de,active")
        file = self.folder / "customers.csv"
        file.write_text("\n".join(lines) + "\n")
        take = "form[action='/customers/take'] button:not([form])"
        self.send_file("/setup/4", "/customers/upload", file)
        self.wait_for_job("the customer file is checked", lambda: self.all(take))
        said = self.text("main")
        for part in (f"{len(lines)}", "198.18.0.8/299", '"newcomer.example" is no mail address', "New customers: "):
            self.expect(part in said, f"the checked file says {part}")
        self.look("first-4-checked")
        job = self.path()
        self.one(take).click()
        self.expect(self.path() == job, "without a word on the line without an address nothing is sent")
        boxes = self.all("form[action='/customers/take'] [type=checkbox]:invalid")
        self.expect(len(boxes) == 1, f"one line is to be confirmed, not {len(boxes)}")
        for box in boxes:
            box.click()
        self.press(take)
        self.wait_for_job("the customer file is taken", lambda: "The customer list now has" in self.text())
        self.look("first-4-taken")
        self.expect(self.states() == "ddddtt", f"four steps are done, not {self.states()}")

    def mail(self):
        self.press("main a[href='/setup/5']")
        self.look("first-5")
        self.fill("[name='organisation.abuse_address']", "abuse@example.net")
        self.fill("[name='organisation.operator_address']", "noc@example.net")
        self.fill("[name='mail.server']", "127.0.0.1")
        Select(self.one("[name='mail.security']")).select_by_value("plain")
        # Nobody answers there.
        self.fill("[name='mail.port']", "9")
        self.save(5)
        self.checked("first-5-refused", "cannot reach the mail server", "ddddwt")
        self.press("main a[href='/setup/5']")
        server = re.search(r'url = "smtp://127.0.0.1:(\d+)', (self.folder / "simulator.toml").read_text())
        self.fill("[name='mail.port']", server[1])
        self.save(5)
        self.checked("first-5-taken", "has taken a mail from abuse@example.net", "dddddt")
        caught = urllib.request.urlopen(self.catcher).read().decode()
        self.expect(caught.count(">Test mail of abusebox<") == 1, "the test mail is caught, once")

    def live(self) -> int:
        self.press("main a[href='/setup/6']")
        release = "button[value=release]"
        # The reports are fetched from the moment on at which there are networks.
        self.until("mails are held", lambda: self.go("/setup/6") or "Release" in self.one(release).text)
        count = self.settled(lambda: int(re.search(r"\d+", self.one(release).text)[0]))
        self.expect(count > 2, f"several mails are held, not {count}")
        self.expect(not self.all("main .alarm"), "nothing is left to do")
        self.look("first-6")
        read = 0
        while True:
            for mail in self.all("main details"):
                mail.find_element(By.CSS_SELECTOR, "summary").click()
                text = mail.find_element(By.CSS_SELECTOR, "pre").text
                to = mail.find_element(By.CSS_SELECTOR, "summary").text
                self.expect("198.18." in text or "2001:db8:" in text, f"the mail to {to} says where")
                self.expect("@" in to and "Example Net" in to + text, f"the mail to {to} can be read: {text[:200]}")
                read += 1
            if read <= 10:
                self.look("first-6-read", keys=False)
            older = self.all(".pager a[href*=before]")
            if not older:
                break
            self.go(older[0].get_attribute("href"))
        self.expect(read == count, f"all {count} mails can be read, not {read}")
        # What may wait is not changed by it.
        self.go("/setup/6")
        self.press("main form a.button[href='/']")
        self.expect(self.path() == "" and self.all(".m-hold"), "later leads to the overview, and nothing has changed")
        self.look("first-later", keys=False)
        self.go("/setup/6")
        # A report that came late may have brought more.
        count = int(re.search(r"\d+", self.one(release).text)[0])
        self.press(release)
        self.expect(self.path() == "" and self.all(".m-live"), "the box is live")
        self.said(f"{count} mails were released")
        self.look("first-live")
        self.until("no mail is on its way", lambda: self.go("/mail?state=queued") or not self.all("td"))
        self.go("/mail?state=sent")
        sent = sum(len(cell.find_elements(By.CSS_SELECTOR, ".line")) for cell in self.all("td:nth-child(3)"))
        self.expect(sent >= count, f"{count} mails are sent, not {sent}")
        self.expect(self.caught() == sent + 1, f"each is caught, and the test mail: {sent + 1}, not {self.caught()}")
        self.expect(self.states() == "dddddd", f"all six steps are done, not {self.states()}")
        return count

    def settled(self, count) -> int:
        """Once it does not grow any more: reports come in one after the other."""
        last, same = count(), 0
        while same < 5:
            self.driver.refresh()
            now = count()
            same = same + 1 if now == last else 0
            last = now
            time.sleep(0.5)
        return last

    def read_caught(self):
        """One of them as the customer has it."""
        page = urllib.request.urlopen(self.catcher).read().decode()
        rows = re.findall(r"<td>([^<]*@[^<]*)<td><a href=\"(/mail/\d+)\">([^<]*)</a>", page)
        to, path, subject = next(row for row in rows if row[0] != "noc@example.net")
        self.driver.get(self.catcher.rstrip("/") + path)
        self.expect(to in self.text() and subject.split("]")[0] in self.text(), "the mail to a customer is caught")
        text = self.text("pre")
        self.expect("Example Net" in text and "198.18." in text, f"it says what was found where: {text[:300]}")
        picture = self.shots / "first-caught.png"
        self.driver.save_screenshot(str(picture))

    def german(self):
        """What is left to see of the steps, in German."""
        self.go("/settings")
        Select(self.one("[name='box.language']")).select_by_value("de")
        self.press("#box button")
        for number in range(1, 7):
            self.go(f"/setup/{number}")
            self.look(f"de-first-{number}", GERMAN, keys=False)
        self.go("/jobs")
        for href in [link.get_attribute("href") for link in self.all("td a[href^='/jobs/']")]:
            self.go(href)
            self.look(f"de-first-job-{href.rsplit('/', 1)[1]}", GERMAN, keys=False)

    def story(self) -> int:
        self.claim()
        self.place()
        self.shadowserver()
        self.networks()
        self.customers()
        self.mail()
        mails = self.live()
        self.german()
        self.read_caught()
        return mails


if __name__ == "__main__":
    sys.exit(spend(FirstRun, FirstRun.story))
