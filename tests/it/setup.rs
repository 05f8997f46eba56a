//! The whole first run over HTTP, against a simulated Shadowserver and mail server: from a folder with nothing in it but
//! where those two are, to mails that were released and caught.

use std::time::{Duration, Instant};

use abusebox::clock::Day;

use crate::acts::Place;
use crate::sim::mail::{Act, MailCatcher, Stage};
use crate::sim::reports::Report;
use crate::sim::shadowserver::{At, Fault, Shadowserver};
use crate::sim::world::World;

/// Of the moment at which the program starts.
const TODAY: &str = "2026-11-21";
const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.18.1.0/24\n\
    B,Beta,b@beta.example,198.18.2.0/24\n";

struct Run {
    place: Place,
    shadow: Shadowserver,
    mail: MailCatcher,
    key: String,
    secret: String,
}

impl Run {
    /// Two customers have something wrong, and so has somebody whom nobody knows.
    fn new() -> Self {
        let today: Day = TODAY.parse().unwrap();
        let (world, day) = (World::empty(today), today.plus(-1));
        let shadow = Shadowserver::start(&world).unwrap();
        let mut csv = "timestamp,severity,ip,port,protocol\n".to_owned();
        for address in ["198.18.1.7", "198.18.2.7", "198.18.3.7"] {
            csv += &format!("{day} 03:00:00,high,{address},23,tcp\n");
        }
        shadow.add(Report::new(&world.list, "scan_telnet", day, csv));
        let settings = format!(
            "[shadowserver]\napi_url = \"{}\"\ndownload_url = \"{}\"\n[page]\nlisten = \"127.0.0.1:0\"\nlisten_https = \"\"\n",
            shadow.api_url(),
            shadow.download_url()
        );
        let mut place = Place::with(&settings);
        place.claim();
        let mail = MailCatcher::start().unwrap();
        Self { place, shadow, mail, key: world.key, secret: world.secret }
    }

    fn shadowserver(&self, key: &str, secret: &str) -> String {
        let fields = format!("shadowserver.key={key}&shadowserver.secret={secret}");
        self.place.job(&self.place.save(2, &fields)).1
    }

    fn mail_fields(&self) -> String {
        format!(
            "organisation.abuse_address=abuse%40isp.test&organisation.operator_address=noc%40example.net\
             &mail.server=127.0.0.1&mail.security=plain&mail.port={}&mail.user=&mail.password=",
            self.mail.port()
        )
    }
}

#[test]
fn the_first_run_leads_from_an_empty_folder_to_mails_that_were_released() {
    let run = Run::new();
    let place = &run.place;
    assert_eq!(place.states(), "tttttt");
    let overview = place.get("/");
    assert!(overview.contains("href=\"/setup/1\"") && overview.contains("Not set up yet"), "{overview}");

    let saved = place.save(1, "organisation.name=Example+Net&box.timezone=Mars/Base&box.language=en");
    assert!(saved.starts_with("HTTP/1.1 400 ") && saved.contains("aria-invalid"), "{saved}");
    let saved = place.save(1, "organisation.name=Example+Net&box.timezone=Europe/Vienna&box.language=en");
    assert!(saved.contains("Location: /setup/2\r\n"), "{saved}");
    assert!(place.get("/setup/1").contains("it is now 2026-11-21 13:"));
    assert!(place.get("/").contains("href=\"/setup/2\""), "it goes on where it was left");

    let refused = run.shadowserver(&run.key, "not-it");
    assert!(refused.contains("refuses the key") && refused.contains("shadowserver.secret"), "{refused}");
    assert_eq!(place.states(), "dwtttt");
    run.shadow.fail(At::Method("reports/subscribed"), Fault::NoGroup, None);
    let none = run.shadowserver(&run.key, &run.secret);
    assert!(none.contains("put the key into the reports group") && none.contains("Example Net"), "{none}");
    assert_eq!(place.states(), "dwtttt");
    run.shadow.heal();
    let sees = place.check(2);
    for part in ["example-net", "2026-11-20: 1", "scan_telnet", "href=\"/setup/3\""] {
        assert!(sees.contains(part), "{part}: {sees}");
    }
    assert!(!sees.contains(&run.secret) && !sees.contains(&run.key));
    assert_eq!(place.states(), "ddtttt");
    let offer = place.get("/setup/3");
    assert!(offer.contains(">\n198.18.1.0/24\n198.18.2.0/23</textarea>"), "{offer}");
    let reports = place.get("/reports");
    assert!(run.shadow.downloads() > 0 && !reports.contains("scan_telnet"), "only looked at: {reports}");
    assert_eq!(place.uploads(), 0);

    let saved = place.save(3, "networks.cidrs=198.18.0.1/15");
    assert!(saved.starts_with("HTTP/1.1 400 ") && saved.contains("198.18.0.0/15"), "{saved}");
    let saved = place.save(3, "networks.cidrs=198.18.0.0/15");
    assert!(saved.contains("Location: /setup/4\r\n"), "{saved}");
    // Nobody has to wait an hour for it.
    place.says("/reports", "scan_telnet");

    let [shown, taken] = place.take_customers(CUSTOMERS);
    assert!(shown.contains("with this list 2 of 3 rows") && shown.contains("unassigned <b>1</b>"), "{shown}");
    assert!(taken.contains("2 customers") && taken.contains("href=\"/setup/5\""), "{taken}");
    assert_eq!(place.states(), "ddddtt");

    run.mail.script(Stage::Rcpt, "noc@", Act::Reply("550 5.1.1 Nobody of that name"), None);
    let (_, refused) = place.job(&place.save(5, &run.mail_fields()));
    assert!(refused.contains("the recipient: 550 5.1.1 Nobody of that name"), "{refused}");
    assert_eq!(place.states(), "ddddwt");
    run.mail.heal();
    let taken = place.check(5);
    assert!(taken.contains("from abuse@isp.test to noc@example.net"), "{taken}");
    // No name server is ever asked for such a name.
    assert!(taken.contains("isp.test has no SPF record") && taken.contains("no DMARC record"), "{taken}");
    assert_eq!(place.states(), "dddddt");
    let tests = || run.mail.mails().iter().filter(|mail| mail.subject() == "Test mail of abusebox").count();
    assert_eq!(tests(), 1);

    // What was nobody's when it came in has its owners now, and is told on the same day.
    let page = place.says("/setup/6", "Release 2 mails and go live");
    for part in ["a@alpha.example: ", "b@beta.example: ", "198.18.1.7", "198.18.2.7"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Not done yet"), "{page}");
    let to_customers =
        || run.mail.mails().iter().filter(|mail| mail.header("To").unwrap() != "noc@example.net").count();
    assert_eq!(to_customers(), 0);
    let live = place.go_live(&page);
    assert!(live.contains("Location: /\r\n"), "{live}");
    let overview = place.get("/");
    assert!(overview.contains("2 mails were released") && overview.contains("m-live"), "{overview}");
    assert!(!overview.contains("href=\"/setup/"), "{overview}");
    let began = Instant::now();
    while to_customers() < 2 {
        assert!(began.elapsed().as_secs() < 60, "{:?}", run.mail.mails());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(place.states(), "dddddd");
    let audit = place.get("/audit");
    for done in [
        "asked Shadowserver what the key can see",
        "sent a test mail",
        "changed networks.cidrs",
        "took the customer file c.csv",
        "released mail ",
        "changed box.mode",
    ] {
        assert!(audit.contains(done), "{done}: {audit}");
    }
}

#[test]
fn what_is_wrong_with_the_way_to_the_outside_is_said() {
    let run = Run::new();
    let place = &run.place;
    run.shadow.fail(At::Method("test/ping"), Fault::Html, Some(1));
    let page = run.shadowserver(&run.key, &run.secret);
    assert!(page.contains("a web page instead of JSON"), "{page}");
    run.mail.set_up(false);
    let (_, page) = place.job(&place.save(5, &run.mail_fields()));
    assert!(page.contains("cannot reach the mail server 127.0.0.1"), "{page}");
    run.mail.set_up(true);
    run.mail.script(Stage::Mail, "", Act::Reply("553 5.7.1 Not yours"), Some(1));
    let page = place.check(5);
    assert!(page.contains("553 5.7.1 Not yours") && page.contains("organisation.abuse_address"), "{page}");
    run.mail.script(Stage::Body, "", Act::Drop, Some(1));
    let page = place.check(5);
    assert!(page.contains("broke off"), "{page}");
    assert!(place.check(5).contains("has taken a mail"));
    // Practice: what is held becomes a mail to the operator.
    let live = place.post("/setup/live", &format!("csrf={}&do=practice", place.csrf()));
    assert!(live.contains("Location: /\r\n"), "{live}");
    assert!(place.get("/setup/6").contains("m-practice"));
}
