//! What a supporter gets to see of a box: one text without secrets and without anything of persons or customers.
//!
//! What may stand in it is listed, and nothing else does: numbers, times, words of closed lists, and of the log those
//! words that the program's own English sentences have. So a name, an address or a secret cannot come in by a way that
//! nobody has thought of.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{Display, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

use super::viewing::{PROC_BYTES_MAX, is_of_others, resident_bytes};
use super::{Engine, Error, STORE};
use crate::clock::{Day, Timestamp};
use crate::config::edit::{Field, Kind, Shown, Written};
use crate::files;
use crate::lang::Words;
use crate::logbook::{self, Line};
use crate::net::{is_near, own_networks};
use crate::notify::outbox::{self, Delivery, State};
use crate::report::kind;
use crate::store::{Counts, Fetching, View};
use crate::system::disk;
use crate::web::words::FILES;

impl Engine {
    /// The text, as of `now`. It grows with no number of incidents, customers or mails.
    pub fn support(&self, now: Timestamp) -> Result<String, Error> {
        let view = self.store.view()?;
        let mut text = Text::default();
        text.title("abusebox support bundle");
        text.fact("made", now);
        text.fact("version", env!("CARGO_PKG_VERSION"));
        text.fact("board", std::env::consts::ARCH);
        text.fact("slot", disk::booted().map_or("no box".to_owned(), |boot| boot.running.to_string()));
        text.fact("clock", self.clock.doubt().map_or("trusted".to_owned(), |doubt| format!("{doubt:?}")));
        text.fact("machine up for seconds", read_number("/proc/uptime", |text| text.split('.').next()));
        text.fact("processors", std::thread::available_parallelism().map_or(0, usize::from));
        text.fact("load", read_number("/proc/loadavg", |text| text.split(' ').next()));
        text.fact("memory of the program", known(resident_bytes()));
        text.fact(
            "KiB of memory available",
            read_number("/proc/meminfo", |text| {
                text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next())
            }),
        );
        let room = files::room(&self.data).ok();
        text.fact("bytes of the disk", known(room.map(|(_, all)| all)));
        text.fact("bytes free", known(room.map(|(free, _)| free)));
        let store = std::fs::metadata(self.data.join(STORE)).ok().map(|file| file.len());
        text.fact("bytes of the store", known(store));
        text.title("networks of the box, without their addresses");
        for network in own_networks().into_iter().filter(is_of_others) {
            let family = if network.addr().is_ipv4() { "IPv4" } else { "IPv6" };
            let place = if is_near(network.addr()) { "private" } else { "public" };
            text.fact(family, format!("{place} /{}", network.prefix_len()));
        }
        text.title("settings");
        match self.written_settings() {
            Ok((written, _)) => settings(&mut text, &written),
            Err(_) => text.fact("settings.toml", "cannot be read"),
        }
        let loaded = self.loaded();
        text.fact("waits for mended settings", loaded.is_mending);
        text.title("customers");
        text.fact("customers", loaded.table.customers_len());
        text.fact("prefixes", loaded.table.prefixes_len());
        text.title("entries of the store");
        for (name, count) in view.sizes()? {
            text.fact(&name, count);
        }
        text.title("alarms");
        for (code, alarm) in self.alarms(&view)? {
            text.fact(&code, format!("since {}, told: {}", alarm.since, alarm.told));
        }
        let schedule = view.meta::<Fetching>()?.unwrap_or_default().schedule;
        text.title("fetching");
        let time = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| at.to_string());
        text.fact("last success", time(schedule.last_success));
        text.fact("next", time(schedule.next_at()));
        reports(&mut text, &view, now.day())?;
        mails(&mut text, &view, now)?;
        text.title("log, the newest first, without the words that are not the program's own");
        for line in logbook::kept(LOG_LINES_MAX) {
            text.line(&logged(&line));
        }
        Ok(text.0)
    }
}

/// What grows line by line.
#[derive(Default)]
struct Text(String);

impl Text {
    fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(&format!("# {title}"));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn fact(&mut self, name: &str, value: impl Display) {
        // A string takes all that it is given.
        let _ = writeln!(self.0, "{name}: {value}");
    }
}

fn known(number: Option<u64>) -> String {
    number.map_or("unknown".to_owned(), |number| number.to_string())
}

/// A number out of one of the system's own files.
fn read_number(path: &str, find: impl Fn(&str) -> Option<&str>) -> String {
    let text =
        files::read_max(Path::new(path), PROC_BYTES_MAX).ok().and_then(|text| String::from_utf8(text).ok());
    let number = text.as_deref().and_then(find).filter(|number| number.parse::<f64>().is_ok());
    number.map_or("unknown".to_owned(), str::to_owned)
}

/// Numbers, choices and switches as they are; of all else only whether it is set, and how long a list is.
fn settings(text: &mut Text, written: &Written) {
    for (field, shown) in &written.fields {
        text.fact(&field.name(), told(field, shown));
    }
    if let Some(server) = &written.mail_server {
        text.fact("mail server", format!("{:?}, login: {}", server.security, server.login.is_some()));
    }
    let fields = written.complaints.iter().filter_map(|complaint| Field::named(&complaint.field));
    for field in fields {
        text.fact("complained of", field.name());
    }
    text.fact("complaints", written.complaints.len());
}

fn told(field: &Field, Shown { text, is_set }: &Shown) -> String {
    let is_closed = match field.kind {
        Kind::Number => text.parse::<f64>().is_ok(),
        Kind::Flag => text.parse::<bool>().is_ok(),
        Kind::Choice(words) => words.contains(&text.as_str()),
        Kind::Text | Kind::Secret | Kind::List | Kind::Records(_) => false,
    };
    match (is_set, field.kind) {
        _ if is_closed => text.clone(),
        (true, Kind::List | Kind::Records(_)) => format!("{} entries", text.lines().count()),
        (true, _) => "set".to_owned(),
        (false, _) => "not set".to_owned(),
    }
}

/// For each day and type of the last days how many there are and what became of their rows.
fn reports(text: &mut Text, view: &View, today: Day) -> Result<(), Error> {
    let mut found: BTreeMap<(Day, &'static str), (u64, u64, Counts)> = BTreeMap::new();
    let (since, mut seen) = (today.plus(-REPORT_DAYS), 0);
    view.reports_back(None, |_, report| {
        seen += 1;
        if seen > REPORTS_MAX {
            return ControlFlow::Break(());
        }
        // Files sent by hand may have any name, and so stand anywhere.
        if report.day < since {
            return ControlFlow::Continue(());
        }
        // A type that nobody knows was named by somebody else.
        let kind = kind::find(&report.kind).map_or("a type that is not known", |kind| kind.name);
        let (files, unreadable, counts) = found.entry((report.day, kind)).or_default();
        *files += 1;
        *unreadable += u64::from(report.unreadable.is_some());
        *counts += report.counts;
        ControlFlow::Continue(())
    })?;
    text.title(&format!("reports of the last {REPORT_DAYS} days"));
    for ((day, kind), (files, unreadable, counts)) in found.iter().rev().take(REPORT_LINES_MAX) {
        let Counts { rows, matched, unassigned, ambiguous, unattributable, outside, rejected } = counts;
        text.line(&format!(
            "{day} {kind}: files {files}, unreadable {unreadable}, rows {rows}, matched {matched}, unassigned \
             {unassigned}, ambiguous {ambiguous}, unattributable {unattributable}, outside {outside}, rejected {rejected}"
        ));
    }
    Ok(())
}

/// How many of the newest mails are in which state, and what servers said, by its class.
fn mails(text: &mut Text, view: &View, now: Timestamp) -> Result<(), Error> {
    let (mut states, mut classes) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let (mut seen, mut attempts, mut oldest) = (0, 0, None);
    view.notices_back(None, |notice| {
        seen += 1;
        let state = outbox::state(&notice, None);
        let practice = if notice.practice { ", practice" } else { "" };
        *states.entry(format!("{state:?}{practice}")).or_default() += 1;
        if matches!(state, State::Held | State::Queued) {
            oldest = Some(notice.created);
        }
        for delivery in &notice.deliveries {
            attempts += u64::from(delivery.attempts);
            *classes.entry(class(delivery)).or_default() += 1;
        }
        if seen < NOTICES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    text.title(&format!("the newest mails, {NOTICES_MAX} at most"));
    for (state, count) in states {
        text.fact(&state, count);
    }
    text.fact("oldest that waits, hours", known(oldest.map(|at| now.since(at).max(0) as u64 / 3_600)));
    text.fact("attempts", attempts);
    for (class, count) in classes {
        text.fact(&class, count);
    }
    Ok(())
}

/// What came of a mail to one address: done or not, and the codes of the server's reply (RFC 5321, RFC 3463).
fn class(delivery: &Delivery) -> String {
    let state = match delivery.done {
        Some((_, true)) => "taken",
        Some((_, false)) => "given up",
        None if delivery.attempts == 0 => "not tried yet",
        None => "is tried again",
    };
    let words: Vec<_> = delivery.reply.split([' ', '-', '\n']).collect();
    let code = words.iter().position(|word| is_reply_code(word));
    let further = code.and_then(|at| words.get(at + 1)).filter(|word| is_enhanced_code(word));
    let codes = [code.map(|at| words[at]), further.copied()].into_iter().flatten();
    codes.fold(state.to_owned(), |class, code| format!("{class} {code}"))
}

fn is_reply_code(word: &str) -> bool {
    word.len() == 3
        && word.bytes().all(|byte| byte.is_ascii_digit())
        && word.starts_with(['2', '3', '4', '5'])
}

fn is_enhanced_code(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    parts.len() == 3
        && ["2", "4", "5"].contains(&parts[0])
        && parts.iter().all(|part| part.len() <= 3 && part.parse::<u16>().is_ok())
}

/// A line of the log: when, how bad, where in the program, and those words of it that stand in our own sentences.
fn logged(line: &Line) -> String {
    let mut words = line.text.split_whitespace();
    // As `tracing` writes them.
    let [time, level] = [words.next(), words.next()].map(Option::unwrap_or_default);
    let time = time.parse::<Timestamp>().map_or(HIDDEN.to_owned(), |time| time.to_string());
    let level = LEVELS.iter().find(|known| **known == level).unwrap_or(&HIDDEN);
    let mut text = format!("{time} {level} {}", line.place);
    let mut is_hidden = false;
    for word in words {
        let shown = is_own(word);
        if shown || !is_hidden {
            text.push(' ');
            text.push_str(if shown { word } else { HIDDEN });
        }
        is_hidden = !shown;
    }
    text
}

/// Whether a word says nothing of anybody: a small word of our sentences, or one of our fields with a count, the code of
/// an alarm, or a report type that we know.
fn is_own(word: &str) -> bool {
    if let Some((name, value)) = word.split_once('=') {
        let named = value.trim_matches('"');
        return match name {
            "code" => Words::of("en").alarm(named).is_some(),
            "kind" => kind::find(named).is_some(),
            _ => COUNTS.contains(&name) && value.bytes().all(|byte| byte.is_ascii_digit()),
        };
    }
    OWN.contains(word.trim_end_matches([',', ';', ':', '.']))
}

/// The lower-case words of what the pages say in English.
static OWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let words = FILES[0].1.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_@-".contains(letter));
    words.filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())).collect()
});

/// Fields of log lines whose values are counts.
const COUNTS: &[&str] =
    &["rows", "matched", "rejected", "mails", "held", "customers", "prefixes", "incidents"];
const LEVELS: &[&str] = &["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
/// In the place of what is not ours.
const HIDDEN: &str = "***";
/// Days of reports that are counted.
const REPORT_DAYS: i32 = 14;
/// The newest that are looked at.
const REPORTS_MAX: usize = 10_000;
/// Shadowserver has some hundred types, so these are more days than a supporter needs.
const REPORT_LINES_MAX: usize = 1_000;
/// Two months of a provider that mails to many.
const NOTICES_MAX: u64 = 10_000;
/// All that are kept.
const LOG_LINES_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::notify::outbox::Scope;
    use crate::service::intake::Source;
    use crate::store::{AuditEntry, Deed, Note, Person, Role, What};

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const SETTINGS: &str = "\
[box]\nname = \"box-secretname\"\ntimezone = \"Pacific/Chatham\"\nmode = \"hold\"\n\
[organisation]\nname = \"Geheimnetz\"\nabuse_address = \"abuse@geheimnetz.example\"\n\
operator_address = \"noc@geheimnetz.example\"\n\
[shadowserver]\nkey = \"Key-Of-Geheim\"\nsecret = \"Secret-Of-Geheim\"\nreports = [\"geheim-list\"]\n\
[networks]\ncidrs = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n\
[mail]\nurl = \"smtp+starttls://user4711:Passwort99@mail.geheimnetz.example:2587\"\nper_minute_max = 77\n\
[policy]\ndigest_hour = 0\n\
[page]\nnames = [\"www.geheimnetz.example\"]\nallow = [\"198.51.100.0/24\"]\nsetup_code = \"GEHEIMCODE9\"\n\
api_token = \"Token-0123456789-0123456789\"\n\
[interface]\nproxy = \"http://proxyuser:proxypass@10.9.8.7:3128\"\n";

    #[test]
    fn nothing_secret_and_nobody_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        save_atomic(&path, SETTINGS.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let customers =
            "customer_id,name,email,cidr\nKUNDE17,Feinkost Huber,franz@huber.example,192.0.2.7/32\n";
        engine.import_customers(customers.as_bytes(), false, NOW).unwrap();
        let day = NOW.day().plus(-1);
        for (kind, row) in [("scan_rdp", 3), ("huber_private", 4)] {
            let file = format!("{day}-{kind}-geheim-list.csv");
            let csv = format!(
                "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\",\"banner\"\n\
                 \"{day} 03:00:0{row}\",\"high\",\"192.0.2.7\",\"tcp\",\"3389\",\"Welcome to Huber\"\n\
                 \"Huber\",\"high\",\"192.0.2.7\",\"tcp\",\"3389\",\"x\"\n"
            );
            let report = folder.path().join(&file);
            save_atomic(&report, csv.as_bytes(), 0o600).unwrap();
            let spooled = engine.spool.ingest(&report, NOW).unwrap();
            engine.take(&Source { file, kind: None, day: None, id_hash: None }, &spooled, NOW).unwrap();
        }
        engine.plan(NOW).unwrap();
        engine.alarm("mail_failed", Some("franz@huber.example refused Huber"), NOW).unwrap();
        let delivery = Delivery {
            to: "franz@huber.example".to_owned(),
            token: "t0ken-of-delivery".to_owned(),
            message_id: "<1@geheimnetz.example>".to_owned(),
            attempts: 2,
            next: NOW,
            done: Some((NOW, false)),
            reply: "the recipient: 550 5.1.1 <franz@huber.example>: Huber is unknown here".to_owned(),
        };
        engine
            .store
            .write(|txn| {
                let number = engine.store.view()?.unsent_of(txn.customer_number("KUNDE17")?)?.unwrap();
                let mut notice = txn.notice(number)?.unwrap();
                (notice.deliveries, notice.scope) = (vec![delivery.clone()], Scope::Digest);
                txn.put_notice(&notice)?;
                let hash = "$argon2id$Hash".to_owned();
                let last_login = Some((NOW, "192.0.2.99".parse().unwrap()));
                let ann = Person { role: Role::Operator, password_hash: hash, added: NOW, last_login };
                txn.put_person("ann-katrin", Some(&ann))?;
                txn.add_note(
                    1,
                    &Note { at: NOW, who: "ann-katrin".to_owned(), text: "Herr Huber".to_owned() },
                )?;
                let what = Deed::to(What::TookCustomers, &["huber.csv"]);
                txn.add_audit(&AuditEntry { at: NOW, who: "ann-katrin".to_owned(), from: None, what })
            })
            .unwrap();

        let text = engine.support(NOW).unwrap();
        let lower = text.to_lowercase();
        for secret in [
            "secretname",
            "chatham",
            "geheim",
            "user4711",
            "passwort",
            "2587",
            "token",
            "proxy:",
            "proxyuser",
            "proxypass",
            "10.9.8.7",
            "192.0.2.",
            "198.51.100.",
            "2001:db8",
            "kunde17",
            "huber",
            "feinkost",
            "franz",
            "@",
            "argon2",
            "katrin",
            "welcome",
            ".example",
            ".csv",
            "3128",
        ] {
            // The names of settings are no secrets.
            let lines =
                || lower.lines().filter(|line| !line.ends_with(": set") && !line.ends_with(": not set"));
            assert!(!lines().any(|line| line.contains(secret)), "{secret} is in it:\n{text}");
        }
        for part in [
            "version: ",
            "mail.per_minute_max: 77\n",
            "networks.cidrs: 2 entries\n",
            "shadowserver.key: set\n",
            "box.mode: hold\n",
            "interface.gateway: not set\n",
            "mail_failed: since ",
            "customers: 1\n",
            "mail server: StartTls, login: true\n",
            "a type that is not known: files 1, unreadable 0, rows 2, matched 1",
            "Held: 1\n",
            "given up 550 5.1.1: 1\n",
            "incidents: 2\n",
            "scan_rdp: files 1, unreadable 0, rows 2, matched 1,",
            "notes: 1\n",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
    }

    #[test]
    fn of_a_log_line_our_own_words_are_left() {
        let line = |text: &str| {
            logged(&Line { place: "abusebox::service::mailing:7".to_owned(), text: text.to_owned() })
        };
        assert_eq!(
            line(
                "2026-11-28T22:34:40.448535Z  WARN no mail server takes mails for Feinkost Huber, huber@x.example: \
                 they wait code=\"mail_server\" rows=31 who=\"ann\""
            ),
            "2026-11-28T22:34:40Z WARN abusebox::service::mailing:7 no mail server takes mails for *** they wait code=\"mail_server\" \
             rows=31 ***"
        );
        assert_eq!(line("who knows"), "*** *** abusebox::service::mailing:7");
    }

    proptest! {
        /// Whatever a server or a file says: what names somebody has a sign that our own words never have.
        #[test]
        fn no_name_comes_through(
            before in "[a-z ]{0,20}",
            name in "[a-z]{0,8}[A-Z0-9@./:_$-][A-Za-z0-9@./:_-]{2,20}",
            after in "[ ,:.\"]{0,3}[a-z ]{0,20}",
        ) {
            let text = format!("2026-11-28T22:34:40Z WARN {before}{name}{after}");
            let told = logged(&Line { place: String::new(), text });
            let told = &told["2026-11-28T22:34:40Z".len()..];
            let is_plain = name.trim_end_matches(['.', ':']).bytes().all(|byte| byte.is_ascii_lowercase());
            prop_assert!(is_plain || !told.contains(&name), "{name} in {told}");
        }
    }
}
