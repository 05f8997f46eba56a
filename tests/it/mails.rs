//! The mails themselves: each family in each language, as a customer gets it.
//!
//! `tests/data/mails.txt` has the sum of every mail that somebody has looked at. After a change of words or form,
//! `MAILS=out/mails cargo test --test it mails::` lays the mails there to be looked at, and with `ACCEPT=1` takes them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use abusebox::clock::{Day, Timestamp};
use abusebox::incident::policy::Reason;
use abusebox::lang::{self, Words};
use abusebox::notify::texts::Texts;
use abusebox::notify::{
    Digest, Earlier, Figures, Mail, OperatorDigest, Problem, Sender, Spell, Week, Weekly, compose, sample,
};
use abusebox::report::Counts;
use abusebox::report::kind::{Family, Severity};
use jiff::tz::TimeZone;

use crate::rig::at;

/// What a report may say of a family beside address and port.
#[rustfmt::skip]
const FOUND: &[(Family, &[(&str, &str)])] = &[
    (Family::OpenResolver, &[("dns_version", "dnsmasq-2.80"), ("amplification", "4.2"), ("device_vendor", "MikroTik")]),
    (Family::TimeServer, &[("version", "ntpd 4.2.6p5"), ("system", "Linux/3.10"), ("processor", "armv7l")]),
    (Family::Discovery, &[("server", "Linux/2.6 UPnP/1.0 MiniUPnPd/1.4"), ("amplification", "30.8")]),
    (Family::Reflector, &[("programs", "100000 portmapper"), ("amplification", "7")]),
    (Family::Middlebox, &[("method", "GET"), ("amplification", "65.6")]),
    (Family::OpenProxy, &[("tag", "socks5")]),
    (Family::RemoteDesktop, &[("rdp_protocol", "RDP"), ("subject_common_name", "BUERO-PC"), ("issuer_common_name", "BUERO-PC")]),
    (Family::Ssh, &[("serverid_software", "dropbear_2019.78"), ("userauth_methods", "publickey, password")]),
    (Family::Telnet, &[("banner", "|MikroTik v6.45|Login:"), ("device_vendor", "MikroTik")]),
    (Family::ServerManagement, &[("ipmi_version", "2.0"), ("none_auth", "no")]),
    (Family::Database, &[("server_version", "5.7.29-log")]),
    (Family::DataStore, &[("version", "4.0.3"), ("name", "shop")]),
    (Family::Cache, &[("version", "5.0.7"), ("os", "Linux 5.4.0 x86_64")]),
    (Family::ContainerControl, &[("version", "20.10.7"), ("kernel_version", "5.4.0-42-generic")]),
    (Family::MessageBroker, &[("product", "RabbitMQ"), ("product_version", "3.8.2")]),
    (Family::FileSharing, &[("smb_version_string", "SMB 1.0"), ("machine_name", "SERVER1")]),
    (Family::Directory, &[("dns_host_name", "dc1.firma.example")]),
    (Family::FileTransfer, &[("banner", "220 Welcome to NAS FTP service."), ("device_type", "nas")]),
    (Family::Snmp, &[("sysname", "sw-keller"), ("sysdesc", "Switch 24 port, firmware 1.2")]),
    (Family::Router, &[("server", "RomPager/4.07 UPnP/1.0"), ("device_vendor", "TP-Link")]),
                (Family::Camera, &[("device_vendor", "Dahua"), ("device_model", "DH-XVR5108")]),
    (Family::Printer, &[("printer_make_and_model", "HP LaserJet M402"), ("printer_name", "Empfang")]),
    (Family::Telephony, &[("user_agent", "Asterisk PBX 13.18"), ("code", "200")]),
    (Family::IotMessaging, &[("anonymous_access", "Y"), ("code", "Connection Accepted")]),
    (Family::Industrial, &[("device_vendor", "Schneider Electric"), ("device_model", "BMX P34 2020")]),
    (Family::AndroidDebug, &[("model", "TV BOX"), ("device", "p212")]),
    (Family::MailServerFlaw, &[("tag", "exchange;cve-2024-21410"), ("version", "15.2.1118.7"), ("servername", "mail.firma.example")]),
    (Family::MailLogin, &[("banner", "+OK Dovecot ready.")]),
    (Family::MailService, &[("banner", "220 mail.firma.example ESMTP Postfix")]),
    (Family::WebFlaw, &[("tag", "cve-2024-21762;fortinet"), ("device_vendor", "Fortinet"), ("subject_common_name", "FGT60F")]),
    (Family::WebService, &[("server", "mini_httpd/1.19"), ("http_code", "401")]),
    (Family::WebSecret, &[("badsecret_type", "ASP.NET MachineKey")]),
    (Family::WeakCrypto, &[("cipher_suite", "TLS_RSA_WITH_RC4_128_SHA"), ("ssl_version", "SSLv3")]),
    (Family::Infected, &[("infection", "avalanche-andromeda"), ("dst_port", "80")]),
    (Family::InfectedDevice, &[("tag", "implant"), ("device_vendor", "Cisco")]),
    (Family::BruteForce, &[("service", "ssh"), ("dst_port", "22"), ("number_of_connections", "412")]),
    (Family::Scanning, &[("target_product", "RDP"), ("dst_port", "3389")]),
    (Family::DdosSource, &[("attack", "udp_flood"), ("duration", "60")]),
    (Family::HackedSite, &[("url", "http://shop.example/wp-content/x.php"), ("category", "phishing"), ("system", "wordpress")]),
    (Family::HarmfulContent, &[("url", "http://shop.example/invoice.exe"), ("sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]),
    (Family::ControlServer, &[("tag", "cobalt-strike"), ("beacon_type", "HTTPS")]),
    (Family::Network, &[("attack", "udp_flood")]),
    (Family::Other, &[("tag", "new-thing"), ("version", "1.0")]),
];

fn digest_of(family: Family) -> Digest {
    let sender =
        Sender { organisation: "Example Net".to_owned(), abuse_address: "abuse@example.net".to_owned() };
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let mut digest = sample::digest(family, sender, at("2026-11-21T23:14:03Z"), &zone);
    digest.customer_name = "B\u{e4}ckerei M\u{fc}ller".to_owned();
    let problem = &mut digest.problems[0];
    let cells = FOUND.iter().find(|(of, _)| *of == family).map_or(&[][..], |(_, cells)| cells);
    problem.shown.extend(cells.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if family as usize % 5 == 4 {
        problem.place = "2001:db8:77::1:7".to_owned();
    }
    digest
}

fn problem(family: Family) -> Problem {
    digest_of(family).problems.remove(0)
}

/// One with everything in it.
fn full() -> Digest {
    let mut problems: Vec<_> =
        [Family::Telnet, Family::RemoteDesktop, Family::Infected].map(problem).into_iter().collect();
    let mut second = problem(Family::RemoteDesktop);
    (second.incident, second.place) = (99, "198.51.100.8".to_owned());
    (second.reason, second.severity) = (Reason::Again, Severity::Critical);
    problems.push(second);
    (problems[0].reason, problems[2].reason) = (Reason::Repeat, Reason::Worse);
    problems[2].more_addresses = (1..8).map(|n| IpAddr::from([198, 51, 100, n])).collect();
    let earlier =
        |family, at: Timestamp| Earlier { family, place: "198.51.100.9".to_owned(), port: Some(631), at };
    Digest {
        phrase: "Blauer Reiher 7".to_owned(),
        still_open: vec![earlier(Family::Printer, at("2026-11-02T08:00:00Z"))],
        gone: vec![earlier(Family::Camera, at("2026-11-05T08:00:00Z"))],
        problems,
        ..digest_of(Family::Telnet)
    }
}

/// The operator's own mail, with everything in it.
fn line_up() -> OperatorDigest {
    let since = at("2026-11-20T22:10:00Z");
    let over = |times, seconds, text: &str| Spell {
        until: Some(at("2026-11-21T05:25:00Z")),
        times,
        seconds,
        ..Spell::new(since, text.to_owned())
    };
    let full = "the disk is nearly full (12 MiB left): make room, or give the box a larger disk";
    OperatorDigest {
        sender: digest_of(Family::Other).sender,
        notice: 1234,
        zone: TimeZone::get("Europe/Vienna").unwrap(),
        findings: ["unassigned", "ambiguous", "unattributable", "not told"]
            .into_iter()
            .zip([Family::Telnet, Family::Printer, Family::Infected, Family::Other].map(problem))
            .collect(),
        findings_more: 3,
        held: 2,
        alarms: vec![(since, full.to_owned())],
        standing: vec![(since, "the clock is unchecked".to_owned())],
        over: vec![
            over(1, 26_100, "the mail server takes no mail: connection refused"),
            over(7, 9_000, "Shadowserver does not answer"),
        ],
        week: None,
    }
}

/// The report of a week in which nothing needs anybody.
fn week() -> OperatorDigest {
    let first: Day = "2026-11-16".parse().unwrap();
    let seen = |n: i32| (!(11..13).contains(&n)).then_some([(n % 4) as u64, (700 - 12 * n) as u64]);
    let figures = Figures {
        reports: 171,
        counts: Counts {
            rows: 10_482,
            matched: 9_870,
            unassigned: 212,
            ambiguous: 3,
            unattributable: 41,
            outside: 355,
            rejected: 1,
        },
        new: 61,
        gone: 80,
        sent: 66,
        failed: 1,
        mailed: 58,
    };
    let open = |families: &[(Family, [u64; 2])]| {
        families.iter().map(|(family, open)| (family.word().to_owned(), *open)).collect()
    };
    let week = Week {
        first,
        last: first.plus(6),
        figures: [
            figures,
            Figures { counts: Counts { rows: 9_999, ..figures.counts }, new: 44, failed: 0, ..figures },
        ],
        open: [[4, 4], [17, 15], [420, 433], [198, 201], [3, 5]],
        largest: open(&[
            (Family::OpenResolver, [201, 220]),
            (Family::RemoteDesktop, [77, 70]),
            (Family::Camera, [12, 12]),
        ]),
        growing: open(&[(Family::RemoteDesktop, [77, 70]), (Family::Infected, [5, 1])]),
        customers: Vec::new(),
        days: (0..30).map(|n| (first.plus(n - 23), seen(n))).collect(),
        alarms: line_up().over,
        alarms_more: 3,
        newest: Some((first.plus(6), at("2026-11-23T01:12:00Z"))),
    };
    let customers = vec![
        ("B\u{e4}ckerei M\u{fc}ller".to_owned(), "C-77".to_owned(), 14),
        (
            "Wohnungsgenossenschaft Nordwest Hausverwaltung und Technik eG, Standort S\u{fc}d".to_owned(),
            "C-9".to_owned(),
            9,
        ),
    ];
    OperatorDigest {
        findings: Vec::new(),
        findings_more: 0,
        held: 0,
        alarms: Vec::new(),
        standing: Vec::new(),
        over: Vec::new(),
        week: Some(Weekly { week, customers, version: "1.2.3" }),
        ..line_up()
    }
}

/// Every mail with a name, by which its parts are laid down.
pub(crate) fn all() -> BTreeMap<String, Mail> {
    let texts = Texts::default();
    let mut mails = BTreeMap::new();
    for tag in lang::tags() {
        let voice = texts.voice(tag);
        assert_eq!(voice.say.tag, tag, "sentences and families come together");
        for family in Family::ALL {
            let mail = compose::customer(&digest_of(*family), &voice);
            mails.insert(format!("{tag}-{}", family.word()), mail);
        }
        mails.insert(format!("{tag}-full"), compose::customer(&full(), &voice));
        let passed_on = Digest { pass_on: true, customer_name: String::new(), ..full() };
        mails.insert(format!("{tag}-pass-on"), compose::customer(&passed_on, &voice));
        let practised = Digest { practice_for: Some(vec!["a@customer.example".to_owned()]), ..full() };
        mails.insert(format!("{tag}-practice"), compose::customer(&practised, &voice));
    }
    mails
}

/// Those to the operator.
fn operators() -> BTreeMap<String, Mail> {
    let texts = Texts::default();
    let mails = |tag| {
        let mail = |(name, digest)| (format!("{tag}-{name}"), compose::operator(digest, &texts.voice(tag)));
        [("line-up", &line_up()), ("week", &week())].map(mail)
    };
    lang::tags().flat_map(mails).collect()
}

/// One with all families at once, in each language.
pub(crate) fn large() -> BTreeMap<String, Mail> {
    let texts = Texts::default();
    let problems: Vec<_> = Family::ALL.iter().copied().map(problem).collect();
    let digest = Digest { problems, ..digest_of(Family::Other) };
    let mail = |tag| compose::customer(&digest, &texts.voice(tag));
    lang::tags().map(|tag| (format!("{tag}-all"), mail(tag))).collect()
}

/// The operator's mail has none.
fn table(mail: &Mail) -> &str {
    mail.csv.as_ref().map_or("", |(_, table)| table)
}

/// What would tell a reader that something was forgotten.
fn check(name: &str, mail: &Mail) {
    let html = mail.html.as_ref().unwrap();
    for part in [mail.subject.as_str(), &mail.text, html, table(mail)] {
        for forbidden in ["{", "}", "http:", "https:", "`", "\u{fffd}"] {
            assert!(!part.contains(forbidden), "{name}: {forbidden}\n{part}");
        }
    }
    // An operator knows his box, and reads more.
    let most = if mail.csv.is_some() { 100 } else { 150 };
    assert!(mail.subject.chars().count() <= most, "{name}: {}", mail.subject);
    for line in mail.text.lines() {
        let last = line.split_whitespace().last().map_or(0, |word| word.chars().count());
        assert!(line.chars().count() <= 78 || last > 40, "{name}: {line}");
        assert_eq!(line.trim_end(), line, "{name}");
    }
    // A label with nothing below it, or nothing behind it.
    // The greeting, before the first heading, may end with a colon.
    let mut lines = mail.text.lines().skip_while(|line| !line.starts_with("===")).peekable();
    while let Some(line) = lines.next() {
        let is_empty = line.ends_with(':')
            && !line.starts_with(' ')
            && lines.peek().is_none_or(|next| next.trim().is_empty());
        assert!(!is_empty, "{name}: nothing follows {line}");
    }
    for empty in ["p", "li", "h2", "h3", "h4", "td", "th", "code"] {
        assert!(!html.contains(&format!("\"></{empty}>")), "{name}: {empty}");
    }
    for never in ["<script", "<img", "<a ", "href", "src=", "url(", "@import", "class="] {
        assert!(!html.contains(never), "{name}: {never}");
    }
}

#[test]
fn every_family_in_every_language_was_looked_at() {
    let mails: BTreeMap<_, _> = all().into_iter().chain(operators()).collect();
    let mut sums = String::new();
    for (name, mail) in &mails {
        check(name, mail);
        let parts = [mail.subject.as_str(), &mail.text, mail.html.as_ref().unwrap(), table(mail)];
        let sums_of = parts.map(|part| format!("{:016x}", fnv(part.as_bytes())));
        writeln!(sums, "{name} {}", sums_of.join(" ")).unwrap();
    }
    if let Some(folder) = std::env::var_os("MAILS") {
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder).unwrap();
        for (name, mail) in &mails {
            let whole = format!("Subject: {}\n\n{}", mail.subject, mail.text);
            std::fs::write(folder.join(format!("{name}.txt")), whole).unwrap();
            std::fs::write(folder.join(format!("{name}.html")), mail.html.as_ref().unwrap()).unwrap();
            std::fs::write(folder.join(format!("{name}.csv")), table(mail)).unwrap();
        }
    }
    let seen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mails.txt");
    if std::env::var_os("ACCEPT").is_some() {
        std::fs::write(&seen, &sums).unwrap();
    }
    let seen = std::fs::read_to_string(&seen).unwrap_or_default();
    let changed: Vec<&str> = sums.lines().filter(|line| !seen.lines().any(|known| known == *line)).collect();
    assert!(
        changed.is_empty() && seen.lines().count() == sums.lines().count(),
        "{} mails are not as they were when somebody looked at them; the first: {:?}. How to look: the head of this file",
        changed.len(),
        changed.first()
    );
}

/// What each mail is for: the words of its family stand in it.
#[test]
fn a_mail_has_all_that_its_family_says() {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, mail) in all() {
        let Some((tag, word)) = name.split_once('-') else { panic!("{name}") };
        let Some(family) = Family::read(word) else { continue };
        let (text, html) = (flat(&mail.text), flat(mail.html.as_ref().unwrap()));
        let said = Words::of(tag).family(family);
        for sentence in [&said.title, &said.seen, &said.matters, &said.device] {
            // Without code, which each form writes in its own way.
            if !sentence.contains(['`', '&', '<', '>', '\'']) {
                assert!(
                    text.contains(&flat(sentence)) && html.contains(&flat(sentence)),
                    "{name}: {sentence}"
                );
            }
        }
        assert_eq!(html.matches("<li").count(), said.layman.len() + said.technician.len(), "{name}");
        assert!(mail.csv.unwrap().1.lines().count() == 2, "{name}");
    }
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
