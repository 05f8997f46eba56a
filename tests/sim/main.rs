//! The simulator as a program: something to try abusebox against, without a key and without sending mail.

#[path = "mod.rs"]
mod sim;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use abusebox::clock::{Clock, Day};
use anyhow::{Context, anyhow, bail};
use lexopt::prelude::*;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use sim::mail::{self, MailCatcher, MailSecurity};
use sim::net::Authority;
use sim::reports::Report;
use sim::shadowserver::{self, At, Fault, NAMED, Shadowserver};
use sim::world::World;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)) {
        Ok(None) => say(&help()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Ok(Some(options)) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
        Err(error) => complain(&error, 2),
    }
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    // If even the complaint cannot be written, the exit code has to do.
    let _ = writeln!(io::stderr(), "simulator: {error:#}");
    ExitCode::from(code)
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[derive(Debug)]
struct Options {
    listen: IpAddr,
    host: String,
    ports: [u16; 4],
    tls: bool,
    dir: Option<PathBuf>,
    reports: Option<PathBuf>,
    days: i32,
    /// Reports of a day; `None`: all.
    per_day: Option<usize>,
    today: Option<Day>,
    digest_hour: u8,
    faults: Vec<(At, Fault)>,
}

impl Options {
    /// `None` when help was asked for.
    fn parse(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: "127.0.0.1".to_owned(),
            ports: [8081, 8082, 2525, 8025],
            tls: false,
            dir: None,
            reports: None,
            days: 3,
            per_day: None,
            today: None,
            digest_hour: 0,
            faults: Vec::new(),
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("api-port") => options.ports[0] = parser.value()?.parse()?,
                Long("download-port") => options.ports[1] = parser.value()?.parse()?,
                Long("smtp-port") => options.ports[2] = parser.value()?.parse()?,
                Long("web-port") => options.ports[3] = parser.value()?.parse()?,
                Long("listen") => options.listen = parser.value()?.parse()?,
                Long("host") => options.host = parser.value()?.string()?,
                Long("tls") => options.tls = true,
                Long("dir") => options.dir = Some(parser.value()?.into()),
                Long("reports") => options.reports = Some(parser.value()?.into()),
                Long("per-day") => {
                    options.per_day = Some(number(&parser.value()?.string()?, 1, 1000usize)?);
                }
                Long("days") => options.days = number(&parser.value()?.string()?, 1, DAYS_MAX)?,
                Long("today") => options.today = Some(parser.value()?.parse()?),
                Long("digest-hour") => options.digest_hour = number(&parser.value()?.string()?, 0, 23)?,
                Long("fault") => options.faults.push(fault(&parser.value()?.string()?)?),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(anyhow!(other.unexpected()).context("see --help")),
            }
        }
        Ok(Some(options))
    }

    fn address(&self, which: usize) -> SocketAddr {
        SocketAddr::new(self.listen, self.ports[which])
    }
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> anyhow::Result<T> {
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| anyhow!("{text:?} is no number from {least} to {most}: see --help"))
}

/// `name` or `name@where`.
fn fault(text: &str) -> anyhow::Result<(At, Fault)> {
    let (name, place) = text.split_once('@').unwrap_or((text, ""));
    let fault = Fault::named(name).ok_or_else(|| anyhow!("unknown fault {name:?}: see --help"))?;
    let at = match place {
        "" => At::Everything,
        "api" => At::Api,
        "downloads" => At::Downloads,
        _ => match METHODS.iter().find(|method| **method == place) {
            Some(method) => At::Method(method),
            None if place.ends_with(".csv") => At::File(place.to_owned()),
            None => bail!("{place:?} is no place for a fault: api, downloads, a method or a file name"),
        },
    };
    Ok((at, fault))
}

fn run(options: &Options) -> anyhow::Result<()> {
    let clock = Clock::system();
    let day_now = || options.today.unwrap_or_else(|| clock.untrusted_now().day());
    let mut world = World::practice_days(day_now(), options.days);
    let authority = options.tls.then(Authority::new).transpose()?;
    let shadowserver = Shadowserver::start_with(
        &world,
        &shadowserver::Options {
            api: options.address(0),
            download: options.address(1),
            tls: authority.as_ref(),
            host: &options.host,
        },
    )?;
    if let Some(dir) = &options.reports {
        shadowserver.remove(|_| true);
        read_reports(dir, &world.list)?.into_iter().for_each(|report| shadowserver.add(report));
    }
    if let Some(per_day) = options.per_day {
        let kept: HashSet<String> = some_of_each_day(shadowserver.reports(), per_day);
        shadowserver.remove(|report| !kept.contains(&report.file));
    }
    for (at, fault) in &options.faults {
        shadowserver.fail(at.clone(), fault.clone(), None);
    }
    let mails = MailCatcher::start_with(&mail::Options {
        smtp: options.address(2),
        web: Some(options.address(3)),
        security: if options.tls { MailSecurity::StartTls } else { MailSecurity::Plain },
        tls: authority.as_ref(),
        login: options.tls.then_some(("practice", "practice")),
        host: &options.host,
    })?;
    if let Some(dir) = &options.dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        save(dir, "customers.csv", &world.customers_csv())?;
        save(dir, "settings.toml", &settings(options, &world, &shadowserver, &mails))?;
        if let Some(authority) = &authority {
            save(dir, "ca.pem", authority.pem())?;
        }
    }
    let place = json!({
        "api_url": shadowserver.api_url(),
        "download_url": shadowserver.download_url(),
        "key": world.key,
        "secret": world.secret,
        "mail_url": mails.url(),
        "mails_page": mails.web_url(),
        "today": world.today.to_string(),
        "reports": shadowserver.reports().len(),
        "settings": options.dir.as_ref().map(|dir| dir.join("settings.toml")),
    });
    say(&format!("{place}\n"))?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut minute = tokio::time::interval(Duration::from_secs(60));
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
                // A new day brings the reports about the one that ended.
                _ = minute.tick() => {
                    while world.today < day_now() {
                        if options.reports.is_none() {
                            world.reports_on(world.today).into_iter().for_each(|report| shadowserver.add(report));
                        }
                        world.today = world.today.plus(1);
                        shadowserver.set_today(world.today);
                    }
                }
            }
        }
    })
}

/// File names of `per_day` reports of each day, spread over the types, and of other types on other days.
fn some_of_each_day(reports: Vec<Report>, per_day: usize) -> HashSet<String> {
    let mut days: BTreeMap<Day, Vec<String>> = BTreeMap::new();
    for report in reports {
        days.entry(report.day).or_default().push(report.file);
    }
    let spread = |(turn, files): (usize, Vec<String>)| {
        let step = files.len().div_ceil(per_day).max(1);
        files.into_iter().skip(turn % step).step_by(step)
    };
    days.into_values().enumerate().flat_map(spread).collect()
}

/// The CSV files of a folder whose names say a day.
fn read_reports(dir: &Path, list: &str) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".csv") {
            let body = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            match Report::from_file(name, list, body) {
                Some(report) => reports.push(report),
                None => {
                    writeln!(io::stderr(), "simulator: {name} left out: no YYYY-MM-DD-<type>-<list>.csv")?
                }
            }
        }
    }
    if reports.is_empty() {
        bail!("{} holds no report files named YYYY-MM-DD-<type>-<list>.csv", dir.display());
    }
    Ok(reports)
}

/// Settings with which abusebox talks to this simulator.
fn settings(options: &Options, world: &World, shadowserver: &Shadowserver, mails: &MailCatcher) -> String {
    let text = |text: &str| json!(text).to_string();
    let (api, download) = (text(&shadowserver.api_url()), text(&shadowserver.download_url()));
    let schema = text(&shadowserver.api_url().replace("/api2/", "/schema"));
    let (key, secret, mail) = (text(&world.key), text(&world.secret), text(&mails.url()));
    let (cidrs, hour) = (json!(world.cidrs()), options.digest_hour);
    let trust = if options.tls { "[trust]\nextra_ca = [\"ca.pem\"]\n" } else { "" };
    format!(
        "# Made by the simulator, for practice: nothing in it is secret.\n\
         [box]\nname = \"abusebox\"\ntimezone = \"Europe/Vienna\"\nlanguage = \"en\"\nmode = \"practice\"\n\
         [organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n\
         [shadowserver]\nkey = {key}\nsecret = {secret}\napi_url = {api}\ndownload_url = {download}\n\
         schema_url = {schema}\npoll_minutes = 60\n\
         [networks]\ncidrs = {cidrs}\n[customers]\nfile = \"customers.csv\"\n[mail]\nurl = {mail}\nper_minute_max = 600\nper_domain_per_minute_max = 600\n\
         [policy]\ndigest_hour = {hour}\n{trust}"
    )
}

/// Whole or not at all: something may be waiting for the file.
fn save(dir: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let (part, whole) = (dir.join(format!(".{name}.part")), dir.join(name));
    let written = fs::File::create(&part).and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .and_then(|()| fs::rename(&part, &whole))
        .with_context(|| format!("cannot write {}", whole.display()))
}

fn help() -> String {
    let faults: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    format!(
        "{HELP}{}\n",
        faults.chunks(8).map(|line| format!("    {}", line.join(" "))).collect::<Vec<_>>().join("\n")
    )
}

/// Half a year of practice reports takes some tens of megabytes.
const DAYS_MAX: i32 = 180;

/// Methods a fault can be put on.
const METHODS: &[&str] = &[
    "test/ping",
    "key/info",
    "reports/subscribed",
    "reports/types",
    "reports/list",
    "reports/stats",
    "reports/schema",
];

const HELP: &str = "\
simulator: a practice world for abusebox, on this machine only

It plays Shadowserver (API and downloads) for a small made-up ISP with 40 customers, and a mail server that
sends nothing on but shows every mail on a page. What is wrong in the network goes on from day to day: problems
stay, new ones come, some are gone. At midnight UTC the next day's reports appear.

    cargo run --example simulator -- --dir /tmp/practice
    abusebox run --settings /tmp/practice/settings.toml --data /tmp/practice/data

It prints one line of JSON that says where everything is, and runs until Ctrl-C.

    --dir DIR            write settings.toml, customers.csv and, with --tls, ca.pem there
    --tls                HTTPS, and mail with STARTTLS and login, by an authority made at start
    --per-day N          only so many reports a day, of changing types: quicker to fetch
    --days N             reports of the N days before today (default 3, at most 180)
    --today YYYY-MM-DD   it is and stays this day (default: the real one, going on)
    --reports DIR        serve these files, named YYYY-MM-DD-<type>-<list>.csv, instead of made ones
    --digest-hour N      in settings.toml (default 0: mails go out soon after the start)
    --api-port N         default 8081; 0 takes any free port, here and below
    --download-port N    default 8082
    --smtp-port N        default 2525
    --web-port N         the page with the mails; default 8025
    --listen ADDRESS     default 127.0.0.1
    --host NAME          how clients reach this machine: for the URLs and the certificate (default 127.0.0.1)
    --fault NAME[@WHERE] something goes wrong, always; may be given several times. WHERE is api, downloads, a
                         method such as reports/list, or a report's file name; without it, everywhere

Faults:
";
