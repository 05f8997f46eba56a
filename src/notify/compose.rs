//! Digests become mails. Pure: the same digest gives the same bytes.
//!
//! What happened, which device, why it matters, what to do: first for somebody who runs a shop, then for a
//! technician. All values are foreign text: each becomes one short line here, and [`layout`] escapes it.

use std::net::{IpAddr, Ipv6Addr};

use jiff::tz::TimeZone;

use super::layout::{self, Block};
use super::sentences::Sentences;
use super::texts::Voice;
use super::{Digest, Earlier, Mail, OperatorDigest, Problem, Spell, Weekly, redact, weekly};
use crate::clock::Timestamp;
use crate::incident::policy::Reason;
use crate::lang::{FamilyText, fill};

/// Most findings printed in a mail; the table has more. Nobody reads beyond this.
pub const PROBLEMS_SHOWN_MAX: usize = 30;

/// Most rows of the table: a customer with more has one cause, not two thousand.
pub const CSV_ROWS_MAX: usize = 2_000;

/// The table takes no further row beyond this. Encoded it may treble, and many servers stop at ten megabytes.
pub const CSV_BYTES_MAX: usize = 1024 * 1024;

/// Most lines about problems told earlier that are still open, and about those that are gone.
pub const EARLIER_SHOWN_MAX: usize = 30;

/// Most further addresses named for one problem.
pub const MORE_ADDRESSES_SHOWN_MAX: usize = 5;

/// Most findings printed in the operator's mail, and most alarms.
pub const OPERATOR_LINES_MAX: usize = 100;

/// Letters of an alarm in a subject: a telephone shows some sixty of all.
const SUBJECT_TEXT_MAX: usize = 60;

/// How a notice is named to people: `AB-1234`.
pub fn reference(notice: u64) -> String {
    format!("AB-{notice}")
}

/// The mail to a customer, or to the operator on the customer's behalf.
pub fn customer(digest: &Digest, voice: &Voice<'_>) -> Mail {
    let say = &voice.say;
    let problems = worst_first(digest.problems.iter().collect());
    let reference = reference(digest.notice);
    let count = problems.len().to_string();
    let name = filled_in(&digest.customer_name);
    let receivers = digest.practice_for.as_ref().map(|list| filled_in(&list.join(", ")));
    let values = [
        ("reference", reference.as_str()),
        ("count", &count),
        ("worst", problems.first().map_or("", |worst| &voice.family(worst.family).title)),
        ("organisation", &filled_in(&digest.sender.organisation)),
        ("abuse_address", &filled_in(&digest.sender.abuse_address)),
        ("customer", &filled_in(&digest.customer_id)),
        ("name", &name),
        ("receivers", receivers.as_deref().unwrap_or_default()),
        ("phrase", &filled_in(&digest.phrase)),
    ];
    let paragraph = |template: &str| Block::Paragraph(fill(template, &values));

    let mut subject = fill(one_or_many(problems.len(), say.subject_one, say.subject_many), &values);
    let mut blocks = Vec::new();
    if digest.pass_on {
        subject = fill(say.subject_pass_on, &[("subject", &subject)]);
        blocks.push(Block::Mark(fill(say.pass_on, &values)));
    }
    if receivers.is_some() {
        subject = fill(say.subject_practice, &[("subject", &subject)]);
        blocks.insert(0, Block::Mark(fill(say.practice, &values)));
    }
    blocks.push(paragraph(if name.trim().is_empty() { say.greeting_unnamed } else { say.greeting }));
    let printed = &problems[..problems.len().min(PROBLEMS_SHOWN_MAX)];
    let families = grouped(printed, |problem| problem.family);
    if !problems.is_empty() {
        blocks.push(paragraph(one_or_many(problems.len(), say.intro_one, say.intro_many)));
        blocks.push(Block::Heading(say.found_title.to_owned()));
    }
    for (family, problems) in &families {
        let text = voice.family(*family);
        blocks.extend([Block::Subheading(text.title.clone()), Block::Paragraph(text.seen.clone())]);
        blocks.extend(problems.iter().map(|problem| finding(problem, &digest.zone, voice)));
    }
    let (table, rows) = csv(&problems, &digest.zone, voice);
    if printed.len() < problems.len() {
        let [printed, table] = [printed.len(), rows].map(|n| n.to_string());
        blocks.push(Block::Paragraph(fill(
            say.not_printed,
            &[("count", &count), ("printed", &printed), ("table", &table)],
        )));
    }
    if !families.is_empty() {
        blocks.push(Block::Heading(say.do_title.to_owned()));
        blocks.push(paragraph(say.which_device));
    }
    for (family, problems) in &families {
        remedies(&mut blocks, voice.family(*family), problems, say);
    }
    blocks.extend(still_open(digest, voice));
    blocks.extend(gone(digest, voice));
    blocks.extend([Block::Heading(say.answer_title.to_owned()), paragraph(say.answer)]);
    blocks.extend([Block::Heading(say.genuine_title.to_owned()), paragraph(say.genuine)]);
    if !digest.phrase.is_empty() {
        blocks.push(paragraph(say.genuine_phrase));
    }
    blocks.extend([Block::Heading(say.sender_title.to_owned()), paragraph(say.sender)]);
    blocks.push(paragraph(say.footer));
    let table = (rows > 0).then(|| (format!("{reference}.csv"), table));
    let whole = mail(subject, &blocks, say, table);
    if digest.plain { Mail { html: None, ..whole } } else { whole }
}

/// What to do about the problems of one family.
fn remedies(blocks: &mut Vec<Block>, text: &FamilyText, problems: &[&Problem], say: &Sentences<'_>) {
    // A command is for one address; where there are several, the reader puts in each.
    let only = |value: fn(&Problem) -> String, word: &str| {
        let first = value(problems[0]);
        let all_same = problems.iter().all(|problem| value(problem) == first);
        if all_same && !first.is_empty() { first } else { word.to_owned() }
    };
    let address = only(|problem| problem.place.clone(), "ADDRESS");
    let port = only(|problem| problem.port.map(|port| port.to_string()).unwrap_or_default(), "PORT");
    let is_v6 = address.parse::<Ipv6Addr>().is_ok();
    let filled = |text: &String| {
        // Before a port, an IPv6 address stands in brackets.
        let text = if is_v6 { text.replace("{address}:", "[{address}]:") } else { text.clone() };
        fill(&text, &[("address", &address), ("port", &port)])
    };
    blocks.push(Block::Subheading(text.title.clone()));
    let paragraph = |text| Block::Paragraph(filled(text));
    let steps = |steps: &[String]| Block::Steps(steps.iter().map(filled).collect());
    for (label, block) in [
        (say.why, paragraph(&text.matters)),
        (say.device, paragraph(&text.device)),
        (say.layman, steps(&text.layman)),
        (say.technician, steps(&text.technician)),
        (say.check, paragraph(&text.check)),
        (say.intended, paragraph(&text.intended)),
    ] {
        blocks.extend([Block::Label(label.to_owned()), block]);
    }
}

/// The operator's own mail.
pub fn operator(digest: &OperatorDigest, voice: &Voice<'_>) -> Mail {
    let say = &voice.say;
    let all = u64::try_from(digest.findings.len()).unwrap_or(u64::MAX).saturating_add(digest.findings_more);
    let parts: Vec<String> = [
        (say.part_alarms, digest.alarms.len() as u64),
        (say.part_over, digest.over.len() as u64),
        (say.part_findings, all),
        (say.part_held, digest.held),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(part, count)| fill(part, &[("count", &count.to_string())]))
    .collect();
    let what = if parts.is_empty() { say.part_nothing.to_owned() } else { parts.join(", ") };
    let [first, last] = match &digest.week {
        Some(Weekly { week, .. }) => [week.first, week.last].map(|day| day.to_string()),
        None => Default::default(),
    };
    let is_about_alarms = all == 0 && digest.held == 0;
    let (subject, text) = match (&digest.week, digest.alarms.first(), digest.over.first()) {
        (Some(_), ..) => (say.week_subject, ""),
        (None, Some((_, text)), _) if is_about_alarms => (say.alarm_subject, text.as_str()),
        (None, None, Some(spell)) if is_about_alarms => (say.over_subject, spell.text.as_str()),
        _ => (say.operator_subject, ""),
    };
    let reference = reference(digest.notice);
    let values = [
        ("reference", reference.as_str()),
        ("organisation", &filled_in(&digest.sender.organisation)),
        ("what", &what),
        ("text", &in_short(text)),
        ("first", &first),
        ("last", &last),
    ];
    let subject = fill(subject, &values);
    let intro = if digest.week.is_some() { say.week_intro } else { say.operator_intro };
    let mut blocks = vec![Block::Paragraph(fill(intro, &values))];
    if let Some(weekly) = &digest.week {
        blocks.push(Block::Heading(say.needs_title.to_owned()));
        blocks.push(match parts.is_empty() {
            true => Block::Paragraph(say.operator_nothing.to_owned()),
            false => Block::Lines(parts),
        });
        blocks.extend(weekly::blocks(weekly, &digest.zone, voice));
    }
    let alarm = |(since, text): &(Timestamp, String)| {
        weekly::spell_line(&Spell::new(*since, text.clone()), &digest.zone, say)
    };
    let over = digest.over.iter().map(|spell| weekly::spell_line(spell, &digest.zone, say));
    for (title, lines) in [
        (say.alarms_title, digest.alarms.iter().map(alarm).collect()),
        (say.over_title, over.collect()),
        (say.standing_title, digest.standing.iter().map(alarm).collect::<Vec<_>>()),
    ] {
        if !lines.is_empty() {
            blocks.push(Block::Heading(title.to_owned()));
            blocks.push(Block::Lines(at_most(OPERATOR_LINES_MAX, lines.into_iter(), say)));
        }
    }
    if digest.held > 0 {
        blocks.push(Block::Heading(say.held_title.to_owned()));
        blocks.push(Block::Paragraph(fill(say.held, &[("count", &digest.held.to_string())])));
    }
    let mut printed = 0;
    for (why, title, text) in [
        ("unassigned", say.why_unassigned_title, say.why_unassigned),
        ("ambiguous", say.why_ambiguous_title, say.why_ambiguous),
        ("unattributable", say.why_unattributable_title, say.why_unattributable),
        ("not told", say.why_not_told_title, say.why_not_told),
    ] {
        let problems: Vec<&Problem> = digest.findings.iter().filter(|f| f.0 == why).map(|f| &f.1).collect();
        let problems = worst_first(problems);
        let shown = problems.len().min(OPERATOR_LINES_MAX - printed);
        if !problems.is_empty() {
            blocks.push(Block::Heading(title.to_owned()));
            blocks.push(Block::Paragraph(text.to_owned()));
        }
        blocks.extend(problems[..shown].iter().map(|problem| finding(problem, &digest.zone, voice)));
        printed += shown;
    }
    let more = all.saturating_sub(u64::try_from(printed).unwrap_or(u64::MAX));
    if more > 0 {
        blocks.push(Block::Paragraph(fill(say.operator_more, &[("count", &more.to_string())])));
    }
    if blocks.len() == 1 {
        blocks.push(Block::Paragraph(say.operator_nothing.to_owned()));
    }
    mail(subject, &blocks, say, None)
}

fn mail(subject: String, blocks: &[Block], say: &Sentences<'_>, csv: Option<(String, String)>) -> Mail {
    let subject = redact::plain(&subject);
    let html = layout::html(blocks, &subject, say.tag);
    Mail { text: layout::text(blocks, say.colon), html: Some(html), subject, csv }
}

fn worst_first(mut problems: Vec<&Problem>) -> Vec<&Problem> {
    problems.sort_by_key(|problem| {
        let Problem { severity, place, port, incident, .. } = problem;
        (std::cmp::Reverse(*severity), place.parse::<IpAddr>().ok(), *port, *incident)
    });
    problems
}

/// Items of the same key together, in the order in which the first of each stands.
fn grouped<T: Copy, K: PartialEq>(items: &[T], key: impl Fn(T) -> K) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let key = key(*item);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, same)) => same.push(*item),
            None => groups.push((key, vec![*item])),
        }
    }
    groups
}

fn finding(problem: &Problem, zone: &TimeZone, voice: &Voice<'_>) -> Block {
    let Voice { say, words, .. } = voice;
    let reason = match problem.reason {
        Reason::New => say.reason_new,
        Reason::Worse => say.reason_worse,
        Reason::Again => say.reason_again,
        Reason::Repeat => say.reason_repeat,
    };
    let mut facts = Vec::new();
    let mut fact = |label: &str, value: String| {
        if !value.trim().is_empty() {
            facts.push((label.to_owned(), value));
        }
    };
    fact(say.more_addresses, addresses(&problem.more_addresses, say));
    fact(say.last_seen, moment(problem.seen, zone));
    let since = moment(problem.first_seen, zone);
    fact(
        say.first_seen,
        match problem.days_seen {
            0 | 1 => since,
            days => fill(say.seen_days, &[("time", &since), ("days", &days.to_string())]),
        },
    );
    for (column, value) in &problem.shown {
        fact(&redact::plain(words.column(column)), shown(value));
    }
    let report = redact::plain(&problem.report);
    let title = redact::plain(words.report_named(&report));
    fact(say.report, if title == report { report } else { format!("{title} ({report})") });
    Block::Finding {
        title: place(&problem.place, &port(problem.port, &problem.protocol), say),
        badge: format!("{}, {reason}", words.severity(problem.severity)),
        facts,
    }
}

fn still_open(digest: &Digest, voice: &Voice<'_>) -> Vec<Block> {
    let say = &voice.say;
    let line = |one: &Earlier| earlier(one, say.still_open_line, &digest.zone, voice);
    match digest.still_open.is_empty() {
        true => Vec::new(),
        false => vec![Block::Heading(say.still_open.to_owned()), lines(&digest.still_open, line, say)],
    }
}

fn gone(digest: &Digest, voice: &Voice<'_>) -> Vec<Block> {
    let say = &voice.say;
    let line = |one: &Earlier| earlier(one, say.gone_line, &digest.zone, voice);
    match digest.gone.is_empty() {
        true => Vec::new(),
        false => vec![
            Block::Heading(say.gone_title.to_owned()),
            Block::Paragraph(say.gone.to_owned()),
            lines(&digest.gone, line, say),
        ],
    }
}

fn lines(all: &[Earlier], line: impl Fn(&Earlier) -> String, say: &Sentences<'_>) -> Block {
    Block::Lines(at_most(EARLIER_SHOWN_MAX, all.iter().map(line), say))
}

/// The first of them, and how many more there are.
fn at_most(most: usize, lines: impl ExactSizeIterator<Item = String>, say: &Sentences<'_>) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    lines.take(most).chain(and_more(more as u64, say)).collect()
}

/// The line that says how many more there are, if there are.
pub(super) fn and_more(more: u64, say: &Sentences<'_>) -> Option<String> {
    (more > 0).then(|| fill(say.and_more, &[("count", &more.to_string())]))
}

/// What an alarm says first, short enough for a subject.
fn in_short(text: &str) -> String {
    let text = redact::plain(text);
    let first = text.split([':', ';', '(']).next().unwrap_or_default().trim_end();
    match first.char_indices().nth(SUBJECT_TEXT_MAX) {
        None => first.to_owned(),
        Some((end, _)) => format!("{}...", first[..end].trim_end()),
    }
}

fn earlier(one: &Earlier, template: &str, zone: &TimeZone, voice: &Voice<'_>) -> String {
    let day = one.at.in_zone(zone).strftime("%Y-%m-%d").to_string();
    let port = one.port.map(|port| port.to_string()).unwrap_or_default();
    let place = place(&one.place, &port, &voice.say);
    fill(template, &[("title", &voice.family(one.family).title), ("place", &place), ("day", &day)])
}

/// Address and port, as far as they are known.
fn place(address: &str, port: &str, say: &Sentences<'_>) -> String {
    match (address.is_empty(), port.is_empty()) {
        (true, _) => say.no_place.to_owned(),
        (false, true) => address.to_owned(),
        (false, false) => fill(say.place, &[("address", address), ("port", port)]),
    }
}

/// The table and how many problems are in it: RFC 4180, one line each. The header is for programs and the same
/// in every language.
fn csv(problems: &[&Problem], zone: &TimeZone, voice: &Voice<'_>) -> (String, usize) {
    let Voice { say, words, .. } = voice;
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut write = |cells: &[String]| {
        table
            .write_record(cells)
            .and_then(|()| Ok(table.flush()?))
            .expect("a Vec takes all, each row is as long");
        table.get_ref().len()
    };
    let mut bytes = write(&CSV_COLUMNS.map(str::to_owned));
    let mut rows = 0;
    for problem in problems.iter().take(CSV_ROWS_MAX) {
        if bytes > CSV_BYTES_MAX {
            break;
        }
        let mut details: Vec<String> = problem
            .shown
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(column, value)| format!("{}: {}", redact::plain(words.column(column)), shown(value)))
            .collect();
        if !problem.more_addresses.is_empty() {
            details.push(format!("{}: {}", say.more_addresses, addresses(&problem.more_addresses, say)));
        }
        let cells = [
            problem.seen.to_string(),
            problem.seen.in_zone(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            problem.place.clone(),
            problem.port.map(|port| port.to_string()).unwrap_or_default(),
            redact::plain(&problem.protocol),
            redact::plain(&problem.report),
            problem.severity.word().to_owned(),
            problem.first_seen.to_string(),
            details.join(" | "),
        ];
        bytes = write(&cells.map(no_formula));
        rows += 1;
    }
    let table = String::from_utf8_lossy(table.get_ref()).into_owned();
    // Without this mark Excel takes the letters for those of an old code page.
    let table = if table.is_ascii() { table } else { format!("\u{feff}{table}") };
    (table, rows)
}

/// A cell that no spreadsheet takes for a formula.
fn no_formula(cell: String) -> String {
    let starts = cell.trim_start().starts_with(FORMULA_STARTS) || cell.starts_with(['\t', '\r']);
    if starts { format!("'{cell}") } else { cell }
}

/// `443/tcp`, or what of it is known.
fn port(port: Option<u16>, protocol: &str) -> String {
    let protocol = redact::plain(protocol);
    match port {
        Some(port) if protocol.is_empty() => port.to_string(),
        Some(port) => format!("{port}/{protocol}"),
        None => protocol,
    }
}

fn addresses(list: &[IpAddr], say: &Sentences<'_>) -> String {
    let shown: Vec<String> = list.iter().take(MORE_ADDRESSES_SHOWN_MAX).map(IpAddr::to_string).collect();
    let shown = shown.join(", ");
    match list.len().saturating_sub(MORE_ADDRESSES_SHOWN_MAX) {
        0 => shown,
        more => fill(say.more_count, &[("list", &shown), ("count", &more.to_string())]),
    }
}

/// A foreign value within a sentence of ours: one line, in which nothing is code.
pub(super) fn filled_in(value: &str) -> String {
    redact::plain(value).replace('`', "'")
}

/// A foreign value: one line, and no link that opens.
fn shown(value: &str) -> String {
    redact::plain(&redact::defang(&redact::plain(value)))
}

/// A moment on the customer's clock and in UTC.
pub(super) fn moment(time: Timestamp, zone: &TimeZone) -> String {
    let utc = time.in_zone(&TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let local = time.in_zone(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    if local == utc { utc } else { format!("{local} ({utc})") }
}

fn one_or_many<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

const CSV_COLUMNS: [&str; 9] = [
    "time_utc",
    "time_local",
    "address",
    "port",
    "protocol",
    "report",
    "severity",
    "first_seen_utc",
    "details",
];

/// With these a spreadsheet begins a formula, also in their full-width forms.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Sender;
    use super::super::texts::Texts;
    use super::*;
    use crate::lang::Words;
    use crate::report::kind::{Family, Nature, Severity};

    fn customer(digest: &Digest) -> Mail {
        super::customer(digest, &Texts::default().voice("en"))
    }

    fn operator(digest: &OperatorDigest) -> Mail {
        super::operator(digest, &Texts::default().voice("en"))
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn problem(incident: u64, severity: Severity) -> Problem {
        Problem {
            incident,
            report: "scan_rdp".to_owned(),
            family: Family::RemoteDesktop,
            severity,
            nature: Nature::Exposed,
            reason: Reason::New,
            place: "198.51.100.7".to_owned(),
            more_addresses: vec![],
            port: Some(3389),
            protocol: "tcp".to_owned(),
            seen: time("2026-11-20T23:14:03Z"),
            first_seen: time("2026-11-18T07:00:00Z"),
            days_seen: 3,
            shown: vec![
                ("hostname".to_owned(), "pc.example.net".to_owned()),
                ("url".to_owned(), "http://bad.example/x".to_owned()),
            ],
        }
    }

    fn sender() -> Sender {
        Sender { organisation: "Example Net".to_owned(), abuse_address: "abuse@example.net".to_owned() }
    }

    fn digest(problems: Vec<Problem>) -> Digest {
        Digest {
            sender: sender(),
            phrase: String::new(),
            notice: 1234,
            customer_id: "C-77".to_owned(),
            customer_name: "Muster Shop".to_owned(),
            zone: TimeZone::get("Europe/Vienna").unwrap(),
            pass_on: false,
            practice_for: None,
            plain: false,
            problems,
            still_open: vec![],
            gone: vec![],
        }
    }

    #[test]
    fn who_wants_plain_text_gets_the_same_without_html() {
        let digest = digest(vec![problem(1, Severity::High)]);
        let both = customer(&digest);
        assert!(both.html.is_some());
        assert_eq!(customer(&Digest { plain: true, ..digest }), Mail { html: None, ..both });
    }

    #[test]
    fn a_customers_mail_says_all_that_is_needed() {
        let mut worse = problem(2, Severity::Critical);
        worse.reason = Reason::Worse;
        worse.more_addresses = (1..8).map(|n| IpAddr::from([198, 51, 100, 100 + n])).collect();
        let mut digest = digest(vec![problem(1, Severity::High), worse]);
        digest.still_open.push(Earlier {
            family: Family::FileTransfer,
            place: "198.51.100.9".to_owned(),
            port: Some(21),
            at: time("2026-11-01T23:30:00Z"),
        });
        digest.gone = digest.still_open.clone();
        digest.phrase = "blue heron".to_owned();
        let mail = customer(&digest);
        assert_eq!(mail.subject, "[AB-1234] 2 security findings on your connection (Example Net)");
        let flat = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Dear Muster Shop,",
            "not an accusation",
            "most serious one, in short: A remote desktop that anybody on the internet can reach.",
            "What was found ============== A remote desktop",
            "names your address and not the device",
            "* 198.51.100.7, port 3389/tcp (critical, more serious than before)",
            "* 198.51.100.7, port 3389/tcp (high, new)",
            "Also seen at: 198.51.100.101, 198.51.100.102, 198.51.100.103, 198.51.100.104, 198.51.100.105 and 2 more",
            "Last seen: 2026-11-21 00:14:03 CET (2026-11-20 23:14:03 UTC)",
            "Since: 2026-11-18 08:00:00 CET (2026-11-18 07:00:00 UTC), seen on 3 days",
            "Host name: pc.example.net",
            "Web address: hxxp://bad[.]example/x",
            "Report: Accessible RDP Report (scan_rdp)",
            "Why it matters: ",
            "What you can do yourself: 1. ",
            "For a technician: 1. ",
            "\"nmap -Pn -p 3389 198.51.100.7\"",
            "How to see that it is fixed: From",
            "A file transfer service open to the internet: 198.51.100.9, port 21, told on 2026-11-02",
            "A file transfer service open to the internet: 198.51.100.9, port 21, last seen on 2026-11-02",
            "we use this phrase with our customers: blue heron",
            "leave the reference AB-1234 in the subject",
            "Your customer number with us is C-77.",
            "Example Net, abuse@example.net.",
            "Shadowserver Foundation",
        ] {
            assert!(flat.contains(part), "{part}\n{}", mail.text);
        }
        assert!(flat.find("(critical").unwrap() < flat.find("(high").unwrap(), "worst first");
        assert_eq!(flat.matches("Why it matters").count(), 1, "once per family");
        assert!(mail.text.lines().all(|line| line.chars().count() <= layout::TEXT_COLUMNS), "{}", mail.text);
        let html = mail.html.as_ref().unwrap();
        for part in ["Dear Muster Shop,", "198.51.100.7", "<ol", "CET (", "hxxp://bad[.]example/x"] {
            assert!(html.contains(part), "{part}");
        }
        for never in ["<script", "<img", "<a ", "href", "src=", "http:", "https:", "url(", "@import"] {
            assert!(!html.contains(never), "{never}");
        }
        for never in ["{", "}", "http:"] {
            assert!(!mail.text.contains(never), "{never}: {}", mail.text);
        }
        assert_eq!(customer(&digest), mail, "the same digest gives the same mail");
    }

    #[test]
    fn the_table_has_a_line_for_each_problem() {
        let mut evil = problem(2, Severity::High);
        evil.protocol = "=1+1".to_owned();
        evil.shown = vec![("banner".to_owned(), "@x \"quoted\", y\r\nz".to_owned())];
        evil.port = None;
        let mail = customer(&digest(vec![problem(1, Severity::Critical), evil]));
        let (name, table) = mail.csv.unwrap();
        assert_eq!(name, "AB-1234.csv");
        assert_eq!(
            table,
            "time_utc,time_local,address,port,protocol,report,severity,first_seen_utc,details\r\n\
             2026-11-20T23:14:03Z,2026-11-21T00:14:03+01:00,198.51.100.7,3389,tcp,scan_rdp,critical,\
             2026-11-18T07:00:00Z,Host name: pc.example.net | Web address: hxxp://bad[.]example/x\r\n\
             2026-11-20T23:14:03Z,2026-11-21T00:14:03+01:00,198.51.100.7,,'=1+1,scan_rdp,high,\
             2026-11-18T07:00:00Z,\"Greeting: @x \"\"quoted\"\", y  z\"\r\n"
        );
        for formula in ["=1", "+1", "-1", "@a", "\t=1", "\r1", " =1", "\u{ff1d}1"] {
            assert!(no_formula(formula.to_owned()).starts_with('\''), "{formula:?}");
        }
        assert_eq!(no_formula("2001:db8::1".to_owned()), "2001:db8::1");
    }

    #[test]
    fn nothing_is_said_of_what_is_not_there() {
        let mut digest = digest(vec![problem(1, Severity::High)]);
        let open = Earlier {
            family: Family::FileTransfer,
            place: String::new(),
            port: None,
            at: time("2026-11-01T23:30:00Z"),
        };
        digest.still_open = vec![open; EARLIER_SHOWN_MAX];
        let text = customer(&digest).text;
        assert!(!text.contains("Findings in all") && !text.contains("more"), "{text}");
        digest.problems.clear();
        assert_eq!(customer(&digest).csv, None);
        assert_eq!(
            [port(Some(443), "tcp"), port(Some(443), ""), port(None, "tcp")],
            ["443/tcp", "443", "tcp"]
        );
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let mut digest = digest((0..2_500).map(|n| problem(n, Severity::Low)).collect());
        let open = Earlier {
            family: Family::FileTransfer,
            place: String::new(),
            port: None,
            at: time("2026-11-01T23:30:00Z"),
        };
        digest.still_open = vec![open; 40];
        let mail = customer(&digest);
        assert_eq!(mail.text.matches("Report: ").count(), PROBLEMS_SHOWN_MAX);
        assert!(
            mail.text.contains("Findings in all: 2500. The 30 most serious are printed"),
            "{}",
            mail.text
        );
        assert!(mail.text.contains("- and 10 more"));
        let flat = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("the attached table has 2000."), "{}", mail.text);
        assert_eq!(mail.csv.unwrap().1.lines().count(), 1 + CSV_ROWS_MAX);
        for problem in &mut digest.problems {
            problem.shown = vec![("banner".to_owned(), "x".repeat(300)); 10];
        }
        let mail = customer(&digest);
        let (_, table) = mail.csv.unwrap();
        assert!(table.len() < CSV_BYTES_MAX + 4_000);
        let rows = table.lines().count() - 1;
        assert!(mail.text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("has {rows}.")));
    }

    #[test]
    fn practice_and_pass_on_are_marked() {
        let mut digest = digest(vec![problem(1, Severity::High)]);
        digest.pass_on = true;
        let mail = customer(&digest);
        assert!(mail.subject.starts_with("[TO PASS ON] [AB-1234] 1 security finding on"), "{}", mail.subject);
        assert!(mail.text.starts_with("! TO PASS ON: customer C-77 (Muster Shop)"), "{}", mail.text);
        digest.pass_on = false;
        digest.practice_for = Some(vec!["a@example.org".to_owned(), "b@example.org".to_owned()]);
        let mail = customer(&digest);
        assert!(mail.subject.starts_with("[PRACTICE] [AB-1234]"), "{}", mail.subject);
        assert!(mail.text.starts_with("! PRACTICE: this mail went to nobody but you."), "{}", mail.text);
        assert!(mail.text.contains("a@example.org, b@example.org"), "{}", mail.text);
    }

    #[test]
    fn a_mail_is_in_one_language_throughout() {
        for language in ["de-AT", "pl", "xx"] {
            let (texts, digest) = (Texts::default(), digest(vec![problem(1, Severity::High)]));
            let (voice, mail) = (texts.voice(language), super::customer(&digest, &texts.voice(language)));
            assert_eq!(mail, super::customer(&digest, &texts.voice(voice.say.tag)));
            let html = mail.html.unwrap();
            assert!(html.contains(&format!("lang=\"{}\"", voice.say.tag)), "{language}: {html}");
            let words = Words::of(voice.say.tag);
            assert!(html.contains(words.severity(Severity::High)), "{language}");
            assert!(html.contains(&words.family(Family::RemoteDesktop).title), "{language}");
        }
    }

    /// What a command is for: the address where there is one, a word in its place where there are several.
    #[test]
    fn commands_hold_the_customers_address() {
        let mut other = problem(2, Severity::High);
        let text =
            |problems| customer(&digest(problems)).text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text(vec![problem(1, Severity::High), other.clone()]).contains("-p 3389 198.51.100.7"));
        other.place = "198.51.100.8".to_owned();
        assert!(text(vec![problem(1, Severity::High), other.clone()]).contains("-p 3389 ADDRESS"));
        other.port = None;
        assert!(text(vec![problem(1, Severity::High), other.clone()]).contains("-p PORT ADDRESS"));
        assert!(text(vec![other.clone()]).contains("-p PORT 198.51.100.8"));
        (other.place, other.port, other.family) = ("2001:db8::7".to_owned(), Some(80), Family::OpenProxy);
        assert!(text(vec![other]).contains("-x [2001:db8::7]:80 example.com"));
    }

    #[test]
    fn the_operator_learns_what_waits() {
        let mut digest = OperatorDigest {
            sender: sender(),
            notice: 9,
            zone: TimeZone::UTC,
            findings: vec![
                ("unassigned", problem(1, Severity::High)),
                ("ambiguous", problem(2, Severity::Low)),
                ("not told", problem(3, Severity::Low)),
            ],
            findings_more: 5,
            held: 3,
            alarms: vec![(
                time("2026-11-20T01:00:00Z"),
                "the disk is nearly full (3 MiB left): make room".to_owned(),
            )],
            standing: vec![(time("2026-11-19T01:00:00Z"), "no report".to_owned())],
            over: vec![],
            week: None,
        };
        let mail = operator(&digest);
        assert_eq!(
            mail.subject,
            "[AB-9] Summary: new alarms 1, findings without customer 8, mails waiting 3 (Example Net)"
        );
        let flat = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Alarms ====== - since 2026-11-20 01:00:00 UTC: the disk is nearly full (3 MiB left): make room",
            "============================ - since 2026-11-19 01:00:00 UTC: no report",
            "release: 3. Look",
            "abusebox outbox release --all",
            "Addresses without a customer",
            "Addresses of more than one customer",
            "Findings that customers are not told",
            "Findings not printed here: 5.",
        ] {
            assert!(flat.contains(part), "{part}\n{}", mail.text);
        }
        assert!(!flat.contains("need a log"));
        assert!(mail.html.unwrap().contains("abusebox outbox release --all"));
        digest.findings = (0..150).map(|n| ("unassigned", problem(n, Severity::Low))).collect();
        let mail = operator(&digest);
        assert_eq!(mail.text.matches("Report: ").count(), OPERATOR_LINES_MAX);
        assert!(mail.text.contains("Findings not printed here: 55."));
        digest.findings.extend((0..10).map(|n| ("ambiguous", problem(n, Severity::Low))));
        assert_eq!(operator(&digest).text.matches("Report: ").count(), OPERATOR_LINES_MAX);
        digest = OperatorDigest { findings: vec![], findings_more: 0, held: 0, ..digest };
        assert_eq!(operator(&digest).subject, "[AB-9] Alarm: the disk is nearly full (Example Net)");
        digest.held = 1;
        assert!(operator(&digest).subject.starts_with("[AB-9] Summary: "), "not of alarms alone");
        digest.held = 0;
        digest.alarms = vec![(time("2026-11-20T01:00:00Z"), "word ".repeat(50))];
        assert_eq!(operator(&digest).subject.len(), "[AB-9] Alarm: ... (Example Net)".len() + 59);
        let since = time("2026-11-18T22:30:00Z");
        let until = Some(time("2026-11-20T01:00:00Z"));
        let spell =
            |times, seconds| Spell { until, times, seconds, ..Spell::new(since, "it is down: x".to_owned()) };
        digest = OperatorDigest { alarms: vec![], over: vec![spell(1, 95_400), spell(7, 3_720)], ..digest };
        let mail = operator(&digest);
        assert_eq!(mail.subject, "[AB-9] Over: it is down (Example Net)");
        digest.held = 1;
        assert!(operator(&digest).subject.starts_with("[AB-9] Summary: "), "not of that alone");
        digest.held = 0;
        let flat = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in [
            "- from 2026-11-18 22:30 UTC to 2026-11-20 01:00 UTC (1 d 2 h): it is down: x",
            "- 7 times between 2026-11-18 22:30 UTC and 2026-11-20 01:00 UTC (1 h 2 min in all): it is down: x",
        ] {
            assert!(flat.contains(line), "{}", mail.text);
        }
        digest = OperatorDigest { over: vec![], standing: vec![], ..digest };
        assert!(operator(&digest).text.contains("There is nothing to do."));
    }

    #[test]
    fn groups_stand_in_the_order_of_their_first() {
        let groups = grouped(&["b1", "a1", "b2", "c1", "a2"], |item| item.as_bytes()[0]);
        assert_eq!(groups, [(b'b', vec!["b1", "b2"]), (b'a', vec!["a1", "a2"]), (b'c', vec!["c1"])]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_html_or_the_table(
            evil in prop::collection::vec("(\\PC|<|>|\"|'|`|&|\r\n|,|=|\\{name\\}|<script>|</td>){0,40}", 8),
        ) {
            let [name, id, organisation, report, column, value, protocol, receiver] = &evil[..] else {
                panic!("eight texts")
            };
            let mut digest = digest(vec![problem(1, Severity::High)]);
            digest.customer_name.clone_from(name);
            digest.customer_id.clone_from(id);
            digest.sender.organisation.clone_from(organisation);
            digest.practice_for = Some(vec![receiver.clone()]);
            let one = &mut digest.problems[0];
            one.report = format!("r{report}");
            one.protocol.clone_from(protocol);
            one.shown = vec![(column.clone(), format!("x{value}"))];
            let mail = customer(&digest);
            prop_assert!(!mail.subject.contains(char::is_control));

            digest = self::digest(vec![problem(1, Severity::High)]);
            digest.practice_for = Some(vec![]);
            digest.problems[0].shown = vec![("a".to_owned(), "b".to_owned())];
            let calm = customer(&digest);
            let tags = |mail: &Mail| {
                let html = mail.html.clone().unwrap();
                html.split('<').skip(1).map(|part| part.split('>').next().unwrap_or("").to_owned()).collect::<Vec<_>>()
            };
            prop_assert_eq!(tags(&mail), tags(&calm));

            let table = mail.csv.unwrap().1;
            let table = table.trim_start_matches('\u{feff}');
            let rows: Vec<_> = csv::Reader::from_reader(table.as_bytes()).into_records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), 1);
            for cell in rows.iter().flatten() {
                prop_assert!(!cell.trim_start().starts_with(FORMULA_STARTS), "{}", cell);
            }
        }
    }
}
