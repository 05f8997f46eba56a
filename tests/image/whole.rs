//! The whole loop in the box, against Shadowserver and a mail server played on this machine, with TLS by an authority of
//! their own. The box loses its power in the middle. Every finding reaches its customer, once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use abusebox::clock::Clock;
use serde_json::json;

use crate::Tried;
use crate::disk::Disk;
use crate::guest::{Around, BIOS, Guest, HOST};
use crate::sim::mail::{self, Mail, MailCatcher, MailSecurity};
use crate::sim::net::Authority;
use crate::sim::shadowserver::{self, Shadowserver};
use crate::sim::world::World;

/// Shadowserver wishes one request a second, so not too many.
const REPORTS: usize = 12;

/// An outside world, and a folder with what a box has of it.
pub(crate) struct Outside {
    pub(crate) shadowserver: Shadowserver,
    pub(crate) mails: MailCatcher,
    pub(crate) data: tempfile::TempDir,
}

impl Outside {
    /// Its servers have certificates of one authority, which lies in the folder.
    pub(crate) fn play(world: &World, host: &str) -> Self {
        let authority = Authority::new().unwrap();
        let options = shadowserver::Options { tls: Some(&authority), host, ..Default::default() };
        let shadowserver = Shadowserver::start_with(world, &options).unwrap();
        let mails = MailCatcher::start_with(&mail::Options {
            security: MailSecurity::StartTls,
            tls: Some(&authority),
            login: Some(("box", "secret")),
            host,
            ..Default::default()
        });
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("ca.pem"), authority.pem()).unwrap();
        Self { shadowserver, mails: mails.unwrap(), data }
    }

    /// With about so many of the world's reports, and settings and customers in the folder.
    pub(crate) fn new(world: &World, host: &str, reports: usize) -> Self {
        let outside = Self::play(world, host);
        let all = outside.shadowserver.reports();
        let kept: Vec<_> =
            all.iter().step_by(all.len().div_ceil(reports)).map(|report| report.file.clone()).collect();
        outside.shadowserver.remove(|report| !kept.contains(&report.file));
        let text = |text: &str| json!(text).to_string();
        let settings = format!(
            "[box]\nmode = \"live\"\nown_clock = true\n[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
             operator_address = \"{OPERATOR}\"\n[shadowserver]\nkey = {}\nsecret = {}\napi_url = {}\n\
             download_url = {}\nschema_url = {}\n[networks]\ncidrs = {}\n[customers]\nfile = \"customers.csv\"\n\
             [mail]\nurl = {}\nper_minute_max = 600\nper_domain_per_minute_max = 600\n[policy]\ndigest_hour = 0\nhold_count_min = 1000\n\
             [trust]\nextra_ca = [\"ca.pem\"]\n",
            text(&world.key),
            text(&world.secret),
            text(&outside.shadowserver.api_url()),
            text(&outside.shadowserver.download_url()),
            text(&outside.schema_url()),
            json!(world.cidrs()),
            text(&outside.mails.url()),
        );
        for (name, text) in [("settings.toml", &*settings), ("customers.csv", &world.customers_csv())] {
            fs::write(outside.data.path().join(name), text).unwrap();
        }
        outside
    }

    pub(crate) fn schema_url(&self) -> String {
        self.shadowserver.api_url().replace("/api2/", "/schema")
    }

    /// The ports that the box must reach.
    pub(crate) fn ports(&self) -> [u16; 3] {
        let port = |url: String| url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
        [port(self.shadowserver.api_url()), port(self.shadowserver.download_url()), self.mails.port()]
    }

    /// What each customer was told.
    pub(crate) fn told(&self) -> BTreeMap<String, Vec<String>> {
        told(&self.mails.mails())
    }
}

/// What each customer was told in these mails: lines of their tables, in order.
pub(crate) fn told<'a>(mails: impl IntoIterator<Item = &'a Arc<Mail>>) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in mails.into_iter().filter(|mail| mail.to != [OPERATOR]) {
        let lines = told.entry(mail.to.join(" ")).or_default();
        for (_, table) in mail.attachments() {
            let table = String::from_utf8(table).unwrap();
            lines.extend(table.lines().skip(1).map(str::to_owned));
        }
        lines.sort();
    }
    told
}

const OPERATOR: &str = "noc@example.net";

pub(crate) fn every_finding_reaches_its_customer_once_although_the_power_fails() -> Tried {
    let world = World::practice_days(Clock::system().untrusted_now().day(), 2);
    let outside = Outside::new(&world, HOST, REPORTS);
    let disk = Disk::with_data(Some(outside.data.path()))?;

    // What the program does where nothing goes wrong.
    let well = Outside::new(&world, "127.0.0.1", REPORTS);
    once(well.data.path());
    let expected = well.told();
    assert!(expected.len() > 5, "{expected:#?}");

    let ports = outside.ports();
    let guest = Guest::boot_among(Around { ports: &ports, ..Around::default() }, &disk, BIOS);
    guest.wait_for_page();
    let began = Instant::now();
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        while !done() {
            assert!(began.elapsed() < LOOP_TIME_MAX, "no {what}: {:#?}", outside.told());
            sleep(Duration::from_millis(100));
        }
    };
    let reports = outside.shadowserver.reports().len();
    wait("half of the reports", &|| outside.shadowserver.downloads() >= reports / 2);
    guest.reset();
    wait("all reports", &|| outside.shadowserver.downloads() >= reports);
    wait("all mails", &|| outside.told().len() >= expected.len());
    // Whoever is told twice is so before long.
    sleep(Duration::from_secs(5));
    let serial = guest.power_off();
    assert!(serial.matches("vmlinuz: OK").count() >= 2, "{serial}");
    assert_eq!(outside.told(), expected);
    disk.check_data();
    Ok(())
}

/// One pass of the program on this machine, until all its mails are out.
pub(crate) fn once(data: &Path) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_abusebox")).arg("--data").arg(data).arg("once").output().unwrap();
    assert!(
        [Some(0), Some(3)].contains(&output.status.code()),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Twice the start, the reports one a second, and the mails.
const LOOP_TIME_MAX: Duration = Duration::from_secs(240);
