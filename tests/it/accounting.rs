//! Rows, reports, days and incidents are counted once, whatever comes twice, late or corrected.

use std::collections::BTreeMap;
use std::net::IpAddr;

use abusebox::clock::{Day, Timestamp};
use abusebox::incident::Incident;
use abusebox::service::intake::{Source, Taken};
use abusebox::store::Counts;

use crate::house::{House, at, csv, stamp};
use crate::oracle::{Line, Oracle, Whose};
use crate::sim::mail::{Mail, MailCatcher};
use crate::sim::world::Rng;

/// A house with customer C1 on 198.18.1.0/24 and 2001:db8:1::/48, which mails at once to this server.
fn live(catcher: &MailCatcher, now: Timestamp) -> House {
    let settings = format!(
        "[box]\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.18.0.0/16\", \"2001:db8::/32\"]\n\
         [mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n\
         [policy]\nweekly_report = \"never\"\n",
        catcher.url()
    );
    let house = House::new(&settings, now);
    let customers = "customer_id,name,email,cidr\nC1,One,one@example.org,198.18.1.0/24\n\
                     C1,One,one@example.org,2001:db8:1::/48\n";
    house.import(customers, now);
    house
}

/// A scan_rdp report: (seconds of the day, address, port, severity).
fn rdp(day: Day, rows: &[(i64, &str, u16, &str)]) -> Vec<u8> {
    let rows = rows.iter().map(|(second, ip, port, severity)| {
        let port = port.to_string();
        vec![
            stamp(day.start().plus_seconds(*second)),
            severity.to_string(),
            ip.to_string(),
            port,
            "tcp".to_owned(),
        ]
    });
    csv(&["timestamp", "severity", "ip", "port", "protocol"], rows)
}

fn rdp_name(day: Day) -> String {
    format!("{day}-scan_rdp-example-asn.csv")
}

/// The only incident there is.
#[track_caller]
fn only(house: &House) -> Incident {
    let mut all = incidents(house);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn incidents(house: &House) -> Vec<Incident> {
    let mut all = Vec::new();
    let view = house.engine.store.view().unwrap();
    view.incidents_by_number(|_, incident| all.push(incident)).unwrap();
    all
}

#[test]
fn the_six_counts_always_add_up_and_are_right() {
    for seed in 0..6 {
        let mut rng = Rng::new(seed, &["accounting"]);
        let (oracle, settings) = random_networks(&mut rng);
        let house = House::new(&settings, NOW);
        for (file, (imported, _)) in oracle.files.iter().enumerate() {
            house
                .import(&oracle.export(file, |n| [format!("C{n}"), String::new(), String::new()]), *imported);
        }
        let mut total = 0;
        for kind in ["scan_rdp", "scan_newthing", "event4_sinkhole", "compromised_account"] {
            let (body, expected) = random_report(kind, &oracle, &mut rng);
            let records = csv::Reader::from_reader(&body[..]).byte_records().count() as u64;
            let counts = house.read(&format!("2026-11-20-{kind}-example-asn.csv"), &body, NOW).counts;
            assert_eq!(counts, expected, "seed {seed}, {kind}");
            let c = counts;
            let sum = c.matched + c.unassigned + c.ambiguous + c.unattributable + c.outside + c.rejected;
            assert_eq!((c.rows, sum), (records, records), "seed {seed}, {kind}");
            total += counts.rows - counts.outside - counts.rejected;
        }
        let kept: u64 = incidents(&house).iter().map(Incident::rows).sum();
        assert_eq!(kept, total, "seed {seed}: every row that is ours is counted in one incident");
    }
}

/// Networks with lines of all sorts in two files.
fn random_networks(rng: &mut Rng) -> (Oracle, String) {
    let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
    let mut files = Vec::new();
    for imported in ["2026-11-01T00:00:00Z", "2026-11-20T06:00:00Z"] {
        let mut lines = Vec::new();
        for _ in 0..40 {
            let (third, fourth, len) = (rng.below(4), rng.below(256), 22 + rng.below(11));
            let prefix: ipnet::IpNet = format!("198.18.{third}.{fourth}/{len}").parse().unwrap();
            let mut line = Line::new(rng.below(12) as usize, &prefix.trunc().to_string());
            line.cancelled = rng.below(6) == 0;
            line.until = (rng.below(6) == 0).then(|| "2026-11-19".parse().unwrap());
            line.from = (rng.below(6) == 0).then(|| "2026-11-20".parse().unwrap());
            lines.push(line);
        }
        files.push((at(imported), lines));
    }
    let oracle = Oracle { cidrs: nets(&["198.18.0.0/21"]), marked: nets(&["198.18.6.0/24"]), files };
    let settings = "[networks]\ncidrs = [\"198.18.0.0/21\"]\ndynamic = [\"198.18.6.0/24\"]\n";
    (oracle, settings.to_owned())
}

fn random_report(kind: &str, oracle: &Oracle, rng: &mut Rng) -> (Vec<u8>, Counts) {
    let column = match kind {
        "event4_sinkhole" => "src_ip",
        "compromised_account" => "email",
        _ => "ip",
    };
    let mut counts = Counts { rows: 150, ..Counts::default() };
    let rows: Vec<Vec<String>> = (0..counts.rows)
        .map(|_| {
            let time = at("2026-11-19T12:00:00Z").plus_seconds(rng.below(86_400) as i64);
            let address: IpAddr = format!("198.18.{}.{}", rng.below(10), rng.below(256)).parse().unwrap();
            let bad_time = rng.below(20) == 0;
            let bad_address = rng.below(20) == 0 && column != "email";
            let whose = match column {
                "email" => Whose::Unattributable,
                _ => oracle.whose(address, time),
            };
            let count = match whose {
                _ if bad_time || bad_address => &mut counts.rejected,
                Whose::Customer { .. } => &mut counts.matched,
                Whose::Unassigned => &mut counts.unassigned,
                Whose::Ambiguous => &mut counts.ambiguous,
                Whose::Unattributable => &mut counts.unattributable,
                Whose::Outside => &mut counts.outside,
            };
            *count += 1;
            let time = if bad_time { "soon".to_owned() } else { stamp(time) };
            let bad = *rng.pick(&["", "0.0.0.0", "host.example", "198.18.1"]).unwrap();
            vec![
                time,
                if bad_address { bad.to_owned() } else { address.to_string() },
                rng.below(99).to_string(),
            ]
        })
        .collect();
    (csv(&["timestamp", column, "port"], rows), counts)
}

#[test]
fn a_network_counts_by_all_of_it() {
    let house = live(&MailCatcher::start().unwrap(), NOW);
    let rows = [
        "198.18.1.0/25",
        "198.18.0.0/23",
        "198.18.8.0/24",
        "198.19.0.0/16",
        "198.18.0.0/15",
        "198.18.1.3/32",
    ];
    let rows = rows.map(|net| vec![stamp(DAY.start()), net.to_owned()]);
    let counts =
        house.read(&format!("{DAY}-blocklist-example-asn.csv"), &csv(&["timestamp", "ip"], rows), NOW).counts;
    let expected =
        Counts { rows: 6, matched: 2, ambiguous: 2, unassigned: 1, outside: 1, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn what_comes_twice_changes_nothing() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let body =
        rdp(DAY, &[(1, "198.18.1.7", 3389, "high"), (2, "198.18.9.9", 1, "low"), (3, "nowhere", 1, "low")]);
    let source = |id: u8| Source {
        file: rdp_name(DAY),
        kind: Some("scan_rdp".to_owned()),
        day: Some(DAY),
        id_hash: Some([id; 32]),
    };
    assert!(matches!(house.take_as(&source(1), &body, NOW), Taken::Processed(_)));
    house.mail(NOW);
    let before = house.everything(NOW);
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1], "{before:?}");
    let later = NOW.plus_seconds(60);
    let again = [
        house.take_as(&source(1), &body, later),
        // Offered again under a new id.
        house.take_as(&source(2), &body, later),
        // By hand, and packed.
        house.take(&rdp_name(DAY), &body, later),
        house.take(&format!("{}.gz", rdp_name(DAY)), &gzip(&body), later),
    ];
    assert!(again.iter().all(|taken| matches!(taken, Taken::Known)), "{again:?}");
    house.mail(later);
    for (now, before) in house.everything(NOW).iter().flatten().zip(before.iter().flatten()) {
        assert_eq!(now, before);
    }
    assert_eq!(house.everything(NOW).concat().len(), before.concat().len());
    assert_eq!(only_of(&house, "198.18.1.7").days_seen, 1);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[track_caller]
fn only_of(house: &House, address: &str) -> Incident {
    let address: IpAddr = address.parse().unwrap();
    let mut found = incidents(house);
    found.retain(|incident| incident.evidence.address == Some(address));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_same_content_under_another_name_is_a_duplicate() {
    let house = live(&MailCatcher::start().unwrap(), NOW);
    let body = rdp(DAY, &[(1, "198.18.1.7", 3389, "high")]);
    house.read(&rdp_name(DAY), &body, NOW);
    let incidents = house.show("incidents", NOW);
    let copy = format!("{DAY}-scan_rdp-example-geo.csv");
    assert!(matches!(house.take(&copy, &body, NOW), Taken::Duplicate { of } if of == rdp_name(DAY)));
    let reports = house.show("reports", NOW);
    assert_eq!(reports.len(), 2);
    let copied = reports.iter().find(|report| report["file"] == copy.as_str()).unwrap();
    assert_eq!(
        (copied["duplicate_of"].as_str(), copied["rows"].as_u64()),
        (Some(rdp_name(DAY).as_str()), Some(0))
    );
    assert_eq!(house.show("incidents", NOW), incidents);
    // A copy that gets content of its own later counts like any other.
    house.read(&copy, &rdp(DAY, &[(2, "198.18.1.8", 3389, "high")]), NOW);
    assert_eq!(house.show("incidents", NOW).len(), 2);
}

#[test]
fn a_correction_replaces_the_counts_and_no_day_counts_twice() {
    let house = live(&MailCatcher::start().unwrap(), NOW);
    let (one, two) = ((1, "198.18.1.7", 3389, "high"), (2, "198.18.1.7", 3389, "high"));
    let bad = (3, "nowhere", 3389, "high");
    house.read(&rdp_name(DAY), &rdp(DAY, &[one, bad]), NOW);
    let first = only(&house);
    assert_eq!((first.days_seen, first.rows()), (1, 1));

    let counts =
        house.read(&rdp_name(DAY), &rdp(DAY, &[one, two, one, (9, "198.19.0.1", 1, "high")]), NOW).counts;
    assert_eq!(counts, Counts { rows: 4, matched: 3, outside: 1, ..Counts::default() });
    let reports = house.show("reports", NOW);
    assert_eq!(
        (reports.len(), reports[0]["rows"].as_u64(), reports[0]["rejected"].as_u64()),
        (1, Some(4), Some(0))
    );
    let number = house.engine.store.view().unwrap().report(&rdp_name(DAY)).unwrap().unwrap().number;
    assert_eq!(
        house.engine.store.view().unwrap().rejected(number, 0, 10).unwrap(),
        [],
        "of the first version"
    );
    let corrected = only(&house);
    assert_eq!((corrected.id, corrected.days_seen, corrected.rows()), (first.id, 1, 3));

    // Back to the first version: it is a correction too.
    assert!(matches!(house.take(&rdp_name(DAY), &rdp(DAY, &[one, bad]), NOW), Taken::Processed(_)));
    assert_eq!((only(&house).days_seen, house.show("reports", NOW)[0]["rows"].as_u64()), (1, Some(2)));

    // A second list's report of the day, the next day, and a correction of the day before.
    house.read(&format!("{DAY}-scan_rdp-example-delayed.csv"), &rdp(DAY, &[two]), NOW);
    assert_eq!(only(&house).days_seen, 1);
    let next = DAY.plus(1);
    house.read(&rdp_name(next), &rdp(next, &[one]), NOW.plus_days(1));
    let rows = only(&house).rows();
    assert_eq!(only(&house).days_seen, 2);
    house.read(&rdp_name(DAY), &rdp(DAY, &[two, one]), NOW.plus_days(1));
    assert_eq!((only(&house).days_seen, only(&house).rows()), (2, rows), "the day before counted already");
    let earlier = DAY.plus(-3);
    house.read(&rdp_name(earlier), &rdp(earlier, &[one]), NOW.plus_days(1));
    let last = only(&house);
    assert_eq!((last.days_seen, last.rows()), (3, rows + 1), "a day that came late counts once");
    assert_eq!(last.last_seen.day(), next);
}

#[test]
fn a_device_that_changes_its_ipv6_address_daily_is_one_incident() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let mut told = Vec::new();
    let mut reasons = Vec::new();
    for passed in 0..60 {
        let (day, now) = (DAY.plus(passed), NOW.plus_days(passed.into()));
        let address = format!("2001:db8:1:5:{:x}::{:x}", passed * 259 % 65_000 + 1, passed + 1);
        let row = vec![stamp(day.start().plus_seconds(600)), address, "4711".to_owned(), "mirai".to_owned()];
        let body = csv(&["timestamp", "src_ip", "src_port", "infection"], [row]);
        house.read(&format!("{day}-event6_sinkhole-example-asn.csv"), &body, now);
        house.engine.keep(now).unwrap();
        let before = catcher.mails().len();
        house.mail(now);
        for mail in catcher.mails().iter().skip(before).filter(|mail| mail.to == ["one@example.org"]) {
            told.push(passed);
            reasons.push(reason(mail));
        }
    }
    let incident = only(&house);
    assert_eq!((incident.days_seen, incident.rows(), incident.again), (60, 60, false));
    assert_eq!(1 + incident.more_addresses.len(), abusebox::incident::ADDRESSES_MAX);
    assert_eq!(told, [0, 7, 14, 21, 28, 35, 42, 49, 56]);
    assert_eq!(incident.notices.len(), told.len());
    assert!(reasons[0] == "new" && reasons[1..].iter().all(|reason| *reason == "repeat"), "{reasons:?}");
}

#[test]
fn what_makes_it_another_problem() {
    let twice = |kind: &str, header: &[&str], rows: [&str; 2]| {
        let catcher = MailCatcher::start().unwrap();
        let house = live(&catcher, NOW);
        let rows = rows
            .map(|row| [stamp(DAY.start())].into_iter().chain(row.split(' ').map(str::to_owned)).collect());
        house.read(&format!("{DAY}-{kind}-example-asn.csv"), &csv(header, rows), NOW);
        let shown = house.show("incidents", NOW);
        assert!(shown.iter().all(|incident| incident["report"] == kind), "{shown:?}");
        shown.len()
    };
    let service = ["timestamp", "ip", "port", "protocol"];
    let event = ["timestamp", "src_ip", "src_port", "infection"];
    for (kind, header, rows, problems) in [
        ("scan_rdp", service, ["198.18.1.7 3389 tcp", "198.18.1.7 3389 TCP"], 1),
        ("scan_rdp", service, ["198.18.1.7 3389 tcp", "198.18.1.7 3390 tcp"], 2),
        ("scan_rdp", service, ["198.18.1.7 3389 tcp", "198.18.1.7 3389 udp"], 2),
        ("scan_rdp", service, ["198.18.1.7 3389 tcp", "198.18.1.8 3389 tcp"], 2),
        // An open port is at its address, also of IPv6; an infected device somewhere in its network.
        ("scan6_rdp", service, ["2001:db8:1:5::1 3389 tcp", "2001:db8:1:5::2 3389 tcp"], 2),
        ("event6_sinkhole", event, ["2001:db8:1:5::1 1 mirai", "2001:db8:1:5:ffff::2 2 Mirai"], 1),
        ("event6_sinkhole", event, ["2001:db8:1:5::1 1 mirai", "2001:db8:1:6::1 1 mirai"], 2),
        ("event6_sinkhole", event, ["2001:db8:1:5::1 1 mirai", "2001:db8:1:5::1 1 gamut"], 2),
        ("event4_sinkhole", event, ["198.18.1.7 1 mirai", "198.18.1.7 2 mirai"], 1),
        ("event4_sinkhole", event, ["198.18.1.7 1 mirai", "198.18.1.8 1 mirai"], 2),
    ] {
        assert_eq!(twice(kind, &header, rows), problems, "{kind} {rows:?}");
    }
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    // The type in the place of the severity: the same content would be a duplicate.
    for kind in ["scan_rdp", "scan_rdpeudp"] {
        house.read(
            &format!("{DAY}-{kind}-example-asn.csv"),
            &rdp(DAY, &[(1, "198.18.1.7", 3389, kind)]),
            NOW,
        );
    }
    assert_eq!(incidents(&house).len(), 2, "two types are two problems");
}

/// Why a mail's only finding is told.
fn reason(mail: &Mail) -> &'static str {
    let text = mail.text();
    let words = [("new", ", new)"), ("worse", "more serious than before)"), ("again", "has come back)")];
    let words = words.into_iter().chain([("repeat", "still there)")]);
    let found: Vec<_> = words.filter(|(_, words)| text.contains(words)).map(|(reason, _)| reason).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0]
}

/// Runs days of reports in which only some have the finding; what happened on each day of mail or change of state.
fn live_through(days: impl Iterator<Item = (i32, Option<bool>)>) -> BTreeMap<i32, String> {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let mut diary = BTreeMap::new();
    let mut state = String::new();
    for (passed, seen) in days {
        let (day, now) = (DAY.plus(passed), NOW.plus_days(passed.into()));
        match seen {
            Some(true) => _ = house.read(&rdp_name(day), &rdp(day, &[(1, "198.18.1.7", 3389, "high")]), now),
            // A report of another type covers the day.
            Some(false) => {
                let body = csv(&["timestamp", "ip"], [vec![stamp(day.start()), "198.19.0.1".to_owned()]]);
                house.read(&format!("{day}-scan_telnet-example-asn.csv"), &body, now);
            }
            None => {}
        }
        house.engine.keep(now).unwrap();
        let before = catcher.mails().len();
        house.mail(now);
        let shown = house.show("incidents", now);
        let next = shown[0]["state"].as_str().unwrap().to_owned();
        let mut line = if next == state { String::new() } else { next.clone() };
        for mail in catcher.mails().iter().skip(before).filter(|mail| mail.to == ["one@example.org"]) {
            line += &format!(" mail: {}", reason(mail));
        }
        state = next;
        if !line.is_empty() {
            diary.insert(passed, line.trim().to_owned());
        }
    }
    diary
}

#[test]
fn gone_after_covered_days_and_again_on_return() {
    let diary = live_through((0..20).map(|passed| (passed, Some(matches!(passed, 0 | 17)))));
    let expected = [(0, "told mail: new"), (14, "closed"), (17, "told mail: again")];
    assert_eq!(diary, expected.map(|(day, line)| (day, line.to_owned())).into());
}

#[test]
fn the_next_mail_says_once_what_is_gone() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let mut said = Vec::new();
    for passed in 0..20 {
        let (day, now) = (DAY.plus(passed), NOW.plus_days(passed.into()));
        // From the thirteenth day on there is a mail each day, about something new.
        let port = if passed == 0 { Some(3389) } else { (passed >= 13).then_some(4000 + passed as u16) };
        let mut rows = vec![(1, "198.19.0.1", 23, "low")];
        rows.extend(port.map(|port| (1, "198.18.1.7", port, "high")));
        house.read(&rdp_name(day), &rdp(day, &rows), now);
        let before = catcher.mails().len();
        house.mail(now);
        let mails = catcher.mails();
        for mail in mails.iter().skip(before) {
            let text = mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
            if text.contains("No longer seen") {
                said.push((passed, text.contains(&format!("198.18.1.7, port 3389, last seen on {DAY}"))));
            }
        }
        // After the mail of the day it closes, by the midnight before it.
        house.engine.keep(now).unwrap();
    }
    assert_eq!(said, [(15, true)]);
}

#[test]
fn days_that_nothing_covers_close_nothing() {
    // Twenty days off, then thirteen that bring other reports; the fourteenth closes.
    let diary =
        live_through((0..40).map(|passed| (passed, (!(1..21).contains(&passed)).then_some(passed == 0))));
    let expected = [(0, "told mail: new"), (34, "closed")];
    assert_eq!(diary, expected.map(|(day, line)| (day, line.to_owned())).into());
}

#[test]
fn a_finding_missed_for_a_while_is_not_again() {
    let diary = live_through((0..16).map(|passed| (passed, Some(matches!(passed, 0 | 14)))));
    assert_eq!(diary, [(0, "told mail: new".to_owned())].into());
}

#[test]
fn the_worst_of_a_day_counts_and_worse_is_worse_than_told() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let mut diary = Vec::new();
    for (passed, severities) in [
        // The worst of a day, in whatever order.
        (0, &["medium", "high", "medium"][..]),
        (1, &["high"]),
        (2, &["low", "medium"]),
        (3, &["high"]),
        (4, &["critical", "info"]),
        (5, &["high"]),
        (6, &["critical"]),
    ] {
        let (day, now) = (DAY.plus(passed), NOW.plus_days(passed.into()));
        let rows: Vec<_> =
            severities.iter().zip(0..).map(|(word, second)| (second, "198.18.1.7", 3389, *word)).collect();
        house.read(&rdp_name(day), &rdp(day, &rows), now);
        let before = catcher.mails().len();
        house.mail(now);
        let incident = only(&house);
        let reasons: Vec<_> = catcher.mails().iter().skip(before).map(|mail| reason(mail)).collect();
        diary.push((incident.severity.word(), reasons.concat()));
    }
    let expected = [
        ("high", "new"),
        ("high", ""),
        ("medium", ""),
        ("high", ""),
        ("critical", "worse"),
        ("high", ""),
        ("critical", ""),
    ]
    .map(|(severity, reason)| (severity, reason.to_owned()));
    assert_eq!(diary, expected);
}

#[test]
fn a_row_without_a_severity_of_its_own_has_the_types() {
    let house = live(&MailCatcher::start().unwrap(), NOW);
    house.read(&rdp_name(DAY), &rdp(DAY, &[(1, "198.18.1.7", 1, ""), (2, "198.18.1.7", 1, "urgent")]), NOW);
    assert_eq!(only(&house).severity.word(), "high");
}

#[test]
fn below_the_least_severity_nobody_is_told() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    house.read(&rdp_name(DAY), &rdp(DAY, &[(1, "198.18.1.7", 1, "low"), (2, "198.18.1.8", 1, "info")]), NOW);
    house.mail(NOW);
    assert_eq!((house.show("incidents", NOW).len(), catcher.mails().len()), (2, 0));
}

/// The only incident, told on the first morning; then `change`d, seen again each day or not, and how many mails the
/// customer got on each of the next mornings.
fn mails_after(words: &str, seen: impl Fn(i32) -> bool, days: i32) -> Vec<usize> {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let mut mails = Vec::new();
    for passed in 0..=days {
        let (day, now) = (DAY.plus(passed), NOW.plus_days(passed.into()));
        if passed == 0 || seen(passed) {
            house.read(&rdp_name(day), &rdp(day, &[(1, "198.18.1.7", 3389, "high")]), now);
        }
        let before = catcher.mails().len();
        house.mail(now);
        mails.push(catcher.mails().len() - before);
        if passed == 0 && !words.is_empty() {
            house.show(words, now);
        }
    }
    assert_eq!(mails.remove(0), 1);
    mails
}

#[test]
fn an_exposed_service_is_told_again_after_thirty_days_while_seen() {
    let mails = mails_after("", |_| true, 61);
    let told: Vec<usize> = (1..).zip(&mails).filter(|(_, count)| **count > 0).map(|(day, _)| day).collect();
    assert_eq!(told, [30, 60]);
    assert_eq!(
        mails_after("", |day| day < 20, 40).iter().sum::<usize>(),
        0,
        "gone before its interval was over"
    );
}

#[test]
fn what_is_muted_is_quiet_through_its_day() {
    // Muted through the local day 2026-12-25, which is 34 mornings on.
    let mails = mails_after("incidents mute 1 --until 2026-12-25", |_| true, 40);
    let told: Vec<usize> = (1..).zip(&mails).filter(|(_, count)| **count > 0).map(|(day, _)| day).collect();
    assert_eq!(told, [35]);
}

#[test]
fn what_is_closed_by_hand_comes_back_with_newer_rows_only() {
    // The row of the next day was seen before it was closed at nine; that of the day after is newer.
    assert_eq!(mails_after("incidents close 1", |day| day < 3, 3), [0, 1, 0]);
    assert_eq!(mails_after("incidents close 1", |_| false, 3), [0, 0, 0]);
}

#[test]
fn a_correction_with_the_rows_known_when_it_was_closed_opens_nothing() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    let second = NOW.since(DAY.start());
    let row = (second, "198.18.1.7", 3389, "high");
    house.read(&rdp_name(DAY), &rdp(DAY, &[row]), NOW);
    house.show("incidents close 1", NOW);
    house.read(&rdp_name(DAY), &rdp(DAY, &[row, row]), NOW.plus_seconds(60));
    assert_eq!(house.show("incidents", NOW)[0]["state"], "closed");
    let later = (second + 1, "198.18.1.7", 3389, "high");
    house.read(&rdp_name(DAY), &rdp(DAY, &[row, later]), NOW.plus_seconds(60));
    assert_eq!(house.show("incidents", NOW)[0]["state"], "open");
}

#[test]
fn what_is_reopened_is_told_at_the_next_digest() {
    assert_eq!(mails_after("incidents reopen 1", |_| false, 3), [1, 0, 0]);
}

#[test]
fn rows_older_than_five_days_keep_incidents_and_make_no_mail() {
    for (age, mails) in [(5 * 86_400 - 1, 1), (5 * 86_400, 1), (5 * 86_400 + 1, 0), (40 * 86_400, 0)] {
        let catcher = MailCatcher::start().unwrap();
        let house = live(&catcher, NOW);
        let seen = NOW.plus_seconds(-age);
        let row = vec![stamp(seen), "198.18.1.7".to_owned(), "3389".to_owned()];
        house.read(&rdp_name(seen.day()), &csv(&["timestamp", "ip", "port"], [row]), NOW);
        house.mail(NOW);
        assert_eq!((incidents(&house).len(), catcher.mails().len()), (1, mails), "{age} seconds");
    }
}

#[test]
fn a_critical_finding_does_not_wait_for_the_digest() {
    for (severity, night, morning) in [("critical", 1, 0), ("high", 0, 1)] {
        let catcher = MailCatcher::start().unwrap();
        let house = live(&catcher, NOW);
        // The digest of the day before is over, that of today comes at eight.
        house.mail(NOW);
        let before_eight = NOW.plus_days(1).plus_seconds(-2 * 3600);
        house.read(&rdp_name(DAY), &rdp(DAY, &[(1, "198.18.1.7", 3389, severity)]), before_eight);
        house.mail(before_eight);
        assert_eq!(catcher.mails().len(), night, "{severity}");
        house.mail(NOW.plus_days(1).plus_seconds(-3600));
        assert_eq!(catcher.mails().len(), night + morning, "{severity}");
    }
}

#[test]
fn missed_digest_hours_are_made_up_once() {
    let catcher = MailCatcher::start().unwrap();
    let house = live(&catcher, NOW);
    house.mail(NOW);
    // Off from then on until early on the fourth day: the digest of the third is made up before eight.
    let back = NOW.plus_days(3).plus_seconds(-8 * 3600);
    house.read(&rdp_name(DAY.plus(2)), &rdp(DAY.plus(2), &[(1, "198.18.1.7", 3389, "high")]), back);
    house.mail(back);
    assert_eq!(catcher.mails().len(), 1);
    house.read(&rdp_name(DAY.plus(1)), &rdp(DAY.plus(1), &[(1, "198.18.1.8", 3389, "high")]), back);
    house.mail(back.plus_seconds(60));
    assert_eq!(catcher.mails().len(), 1, "once");
    house.mail(NOW.plus_days(3));
    assert_eq!(catcher.mails().len(), 2);
}

/// 2026-11-20
const DAY: Day = Day::from_number(20_777);
/// The morning after, past the digest hour.
const NOW: Timestamp = DAY.plus(1).start().plus_seconds(9 * 3600);

#[test]
fn reports_that_came_before_the_customers_are_read_again() {
    let now = at("2026-11-21T12:00:00Z");
    let house = House::new(
        "[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.51.100.0/24\"]\n",
        now,
    );
    let row =
        |ip: &str| [stamp(now.plus_days(-1)).as_str(), "high", ip, "21", "tcp"].map(str::to_owned).to_vec();
    let body = csv(
        &["timestamp", "severity", "ip", "port", "protocol"],
        [row("198.51.100.1"), row("198.51.100.99"), row("0.0.0.0")],
    );
    let file = "2026-11-20-scan_ftp-example-asn.csv";
    assert_eq!(house.read(file, &body, now).counts.unassigned, 2);
    house.import("customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n", now);
    for _ in 0..2 {
        house.show("ingest --again", now);
        let reports = house.show("reports", now);
        assert_eq!(reports.len(), 1);
        let counts =
            ["rows", "matched", "unassigned", "rejected"].map(|name| reports[0][name].as_u64().unwrap());
        assert_eq!(counts, [3, 1, 1, 1]);
        let incidents = house.show("incidents", now);
        let owned: Vec<_> = incidents.iter().filter(|incident| incident["customer"] == "A").collect();
        assert_eq!(owned.len(), 1);
        assert!(
            incidents.iter().all(|incident| incident["days_seen"] == 1 && incident["rows"] == 1),
            "{incidents:?}"
        );
    }
}
