//! What those make of our mails who get them: a spam filter, a checker of signatures, a parser of mail and a mail reader,
//! as Debian packages them.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abusebox::clock::Timestamp;
use abusebox::config::named::signing_key;
use abusebox::notify::mime::{self, Envelope};
use abusebox::notify::{Mail, dkim};
use rustls::sign::SigningKey;
use serde_json::json;

use crate::house::{is_soak, skip};
use crate::mails;
use crate::rig::Rig;

const RSA: &[u8] = include_bytes!("../data/dkim/rsa.pem");
const ED25519: &[u8] = include_bytes!("../data/dkim/ed25519.pem");
const SELECTOR: &str = "abusebox";
/// As long as names are, and beyond ASCII.
const ORGANISATION: &str =
    "\u{d6}sterreichische Netz- und Kabelgesellschaft B\u{fc}rs-N\u{fc}ziders \u{2013} Stadtwerke";

fn key(pem: &[u8]) -> Arc<dyn SigningKey> {
    signing_key(pem).unwrap()
}

/// Now: a filter minds mails of other years.
fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix(passed.as_secs().cast_signed())
}

/// The mail as the box hands it over.
fn sent(mail: &Mail, number: u64, from_name: &str, pem: &[u8]) -> String {
    let at = now();
    let envelope = Envelope {
        from_name: from_name.to_owned(),
        from: "abuse@example.net".to_owned(),
        to: "c1@cust.example".to_owned(),
        reply_to: Some("abuse@example.net".to_owned()),
        message_id: mime::message_id("4fd20a91c7e85b36", number, 0, "example.net"),
        references: vec![mime::message_id("4fd20a91c7e85b36", 7, 0, "example.net")],
        date: at,
    };
    let message = mime::message(mail, &envelope);
    dkim::signature(&*key(pem), SELECTOR, "example.net", at, &message).unwrap() + &message
}

/// The same as it lies in the mailbox of its receiver.
fn received(sent: &str, from: &str) -> String {
    let date =
        now().in_zone(&jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000 (UTC)").to_string();
    format!(
        "Return-Path: <abuse+5b1c7a02e94f4d31a6b8c0d2e4f60718@example.net>\r\n\
         Received: from mail.example.net (mail.example.net [{from}])\r\n\tby mx.cust.example (Postfix) with ESMTPS \
         id 4XyZ12abcd\r\n\tfor <c1@cust.example>; {date}\r\n{sent}"
    )
}

/// A part of all mails, since there are hundreds; of the largest, too.
fn some() -> BTreeMap<String, Mail> {
    const FAMILIES: [&str; 4] = ["full", "open_resolver", "infected", "hacked_site"];
    let mut mails = mails::all();
    if !is_soak() {
        mails.retain(|name, _| name.split_once('-').is_some_and(|(_, family)| FAMILIES.contains(&family)));
    }
    mails.extend(
        mails::large().into_iter().filter(|(name, _)| is_soak() || name == "en-all" || name == "pl-all"),
    );
    assert!(mails.len() >= 26, "{:?}", mails.keys());
    mails
}

fn write(folder: &Path, name: &str, ending: &str, text: &str) -> PathBuf {
    let path = folder.join(format!("{name}.{ending}"));
    std::fs::write(&path, text).unwrap();
    path
}

/// Whether the command works, which tells whether a test can be run.
fn works(program: &str, words: &[&str]) -> bool {
    let tried = Command::new(program).args(words).stdin(Stdio::null()).output();
    tried.is_ok_and(|output| output.status.success())
}

fn has(program: &str, words: &[&str]) -> Option<()> {
    let lacks = || {
        skip(&format!(
            "{program} {} does not work; `make receivers` installs what is needed",
            words.join(" ")
        ))
    };
    if works(program, words) { Some(()) } else { lacks() }
}

#[test]
fn a_spam_filter_takes_every_mail_for_what_it_is() {
    let modules =
        ["-MMail::SpamAssassin", "-MMail::SPF", "-MMail::DKIM", "-MMail::DMARC::PurePerl", "-e", "1"];
    if has("perl", &modules).is_none() || has(DNSMASQ, &["--version"]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dns = Dns::start();
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    // Debian's choice of plugins, with settings of its own.
    for entry in std::fs::read_dir("/etc/spamassassin").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pre") {
            std::fs::copy(&path, site.join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::write(site.join("local.cf"), FILTER.replace("PORT", &dns.port.to_string())).unwrap();

    let mut files = Vec::new();
    let mut put = |name: &str, mail: &str| files.push(write(folder.path(), name, "eml", mail));
    for (number, (name, mail)) in some().into_iter().enumerate() {
        put(&name, &received(&sent(&mail, 100 + number as u64, "Example Net", RSA), SENDER));
    }
    // And one that somebody else has written.
    let (_, mail) = some().pop_first().unwrap();
    let forged = sent(&mail, 99, "Example Net", RSA).replace("Example Net", "Example Nett");
    put("forged", &received(&forged, "198.18.0.66"));
    let output = Command::new("perl")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers.pl"))
        .args([site.as_path(), folder.path()])
        .arg(dns.port.to_string())
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), files.len(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.replace(&format!("{}/", folder.path().display()), ""));
    for line in said.lines() {
        let words: Vec<_> = line.split('\t').collect();
        let [file, score, met] = words[..] else { panic!("{line}") };
        let meets = |rule: &str| met.split(' ').any(|met| met.split('=').next() == Some(rule));
        if file.ends_with("forged.eml") {
            assert!(meets("SPF_FAIL") && meets("DKIM_INVALID") && meets("DMARC_REJECT"), "{line}");
            assert!(!meets("DKIM_VALID"), "{line}");
            continue;
        }
        assert!(score.parse::<f64>().unwrap() < 1.0, "{line}");
        for rule in ["SPF_PASS", "DKIM_VALID", "DKIM_VALID_AU", "DMARC_PASS"] {
            assert!(meets(rule), "{rule}: {line}");
        }
    }
}

#[test]
fn a_signature_holds_until_something_is_changed() {
    if has(PYTHON, &["-c", "import dkim, nacl"]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, (name, mail)) in some().into_iter().enumerate() {
        for (kind, pem) in [("rsa", RSA), ("ed25519", ED25519)] {
            let name = format!("{name}-{kind}");
            write(folder.path(), &name, "eml", &sent(&mail, number as u64, ORGANISATION, pem));
            write(folder.path(), &name, "txt", &dkim::record(&*key(pem)));
        }
    }
    let plain = Mail { subject: "s".to_owned(), text: ".\nt ".to_owned(), html: None, csv: None };
    write(folder.path(), "plain", "eml", &sent(&plain, 1, "A", RSA));
    write(folder.path(), "plain", "txt", &dkim::record(&*key(RSA)));
    python("verify", folder.path());
}

#[test]
fn mails_are_read_as_they_were_written() {
    if has(PYTHON, &["-c", "import email.policy"]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut mails = mails::all();
    mails.extend(mails::large());
    mails.insert("hard".to_owned(), hard());
    for (number, (name, mail)) in mails.iter().enumerate() {
        let from_name = if number % 2 == 0 { ORGANISATION } else { "A \"quoted\" \\ name, with <signs>" };
        let message = sent(mail, number as u64, from_name, ED25519);
        write(folder.path(), name, "eml", &message);
        let (table, csv) = mail.csv.as_ref().unwrap();
        let wanted = json!({
            "subject": mail.subject, "from": [from_name, "abuse@example.net"], "to": ["", "c1@cust.example"],
            "reply-to": ["", "abuse@example.net"], "references": ["<7.0.4fd20a91c7e85b36@example.net>"],
            "plain": mail.text, "html": mail.html, "table": table, "csv": csv,
        });
        write(folder.path(), name, "json", &wanted.to_string());
    }
    python("parse", folder.path());
}

/// What a mail may hold at worst.
fn hard() -> Mail {
    let long = format!("{} {}", "\u{17c}".repeat(700), "x".repeat(3000));
    let text = format!(
        ".\n..\n.begins with a dot\nFrom here on\n=20 =\nblanks at the end  \n\ttab\t\n{long}\n\u{1f980} \u{5d0}\u{5d1} -- \n\n\n.\nend\n"
    );
    let subject =
        "[AB-1] Za\u{17c}\u{f3}\u{142}\u{107} g\u{119}\u{15b}l\u{105} ja\u{17a}\u{144} \u{2013} \u{1f980} "
            .repeat(4);
    Mail {
        subject: subject.trim_end().to_owned(),
        html: Some(format!("<p>{}</p>\n", text.replace('\n', "<br>\n"))),
        text,
        csv: Some(("AB-1.csv".to_owned(), "a,b\r\n\u{e4},\"x, \"\"y\"\"\"\r\n.,=20\r\n".to_owned())),
    }
}

#[test]
fn a_mail_reader_shows_what_belongs_together() {
    if has("mutt", &["-v"]).is_none() || has("tmux", &["-V"]).is_none() {
        return;
    }
    // Told, told again after 30 days, gone, and back.
    let mut rig = Rig::new("2027-03-08");
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=35);
    rig.problem("scan_rdp", "198.18.1.10", "high", 60..=61);
    rig.problem("scan_rdp", "198.18.2.10", "high", 10..=10);
    rig.run_for_days(64);
    let mut mails = rig.customer(1);
    assert_eq!(mails.len(), 3, "{:?}", rig.customer_times(1));
    mails.insert(1, rig.customer(2)[0]);

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    for part in ["box/cur", "box/new", "box/tmp"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    for (number, sent) in mails.iter().enumerate() {
        std::fs::write(folder.path().join(format!("box/cur/{number}.host:2,S")), &sent.mail.raw).unwrap();
    }
    // Not by the subjects, and with a tree of letters that every terminal has.
    let settings = format!(
        "set folder={place}/box\nset sort=threads\nset strict_threads\nset ascii_chars\nset hide_thread_subject=no\n\
                    set index_format=\"%C|%[%Y-%m-%d]|%t|%s\"\nset date_format=\"%Y\"\nset mail_check=600\n"
    );
    std::fs::write(folder.path().join("muttrc"), settings).unwrap();
    let socket = folder.path().join("tmux");
    let tmux = |words: &[&str]| {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&socket)
            .args(["-f", "/dev/null"])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let reader = format!("TERM=screen HOME={place} mutt -n -R -F {place}/muttrc -f {place}/box");
    tmux(&["new-session", "-d", "-x", "160", "-y", "30", &reader]);
    let began = Instant::now();
    let screen = loop {
        let screen = tmux(&["capture-pane", "-p"]);
        if screen.contains("4|") || began.elapsed() > PATIENCE {
            break screen;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    tmux(&["kill-server"]);
    println!("{screen}");
    let lines: Vec<_> = screen.lines().filter(|line| line.contains("[AB-")).collect();
    assert_eq!(lines.len(), 4, "{screen}");
    let dates = ["2027-03-09", "2027-04-08", "2027-05-08", "2027-03-19"];
    let tree = ["|->", "`->"];
    for (line, date) in lines.iter().zip(dates) {
        assert!(line.contains(date), "{line}: {screen}");
    }
    let is_child = |line: &str| tree.iter().any(|sign| line.contains(sign));
    let children: Vec<_> = lines.iter().map(|line| is_child(line)).collect();
    assert_eq!(children, [false, true, true, false], "the other customer's mail stands alone: {screen}");
}

fn python(task: &str, folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers.py");
    let output = Command::new(PYTHON).arg("-B").arg(script).arg(task).arg(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// A name server for two domains and nothing else; it ends with this.
struct Dns {
    process: Child,
    port: u16,
}

impl Dns {
    fn start() -> Self {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let record = dkim::record(&*key(RSA));
        // A record is made of pieces of at most 255 bytes.
        let (one, two) = record.split_at(200);
        let process = Command::new(DNSMASQ)
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
                "--user=",
                "--bind-interfaces",
            ])
            .args(["--listen-address=127.0.0.1", "--no-resolv", "--no-hosts", "--local=/#/"])
            .arg(format!("--port={port}"))
            .arg(format!("--host-record=example.net,mail.example.net,{SENDER}"))
            .arg("--ptr-record=25.0.18.198.in-addr.arpa,mail.example.net")
            .args(["--mx-host=example.net,mail.example.net,10", "--mx-host=cust.example,mx.cust.example,10"])
            .args([
                "--txt-record=example.net,v=spf1 mx -all",
                "--txt-record=_dmarc.example.net,v=DMARC1; p=reject",
            ])
            .arg(format!("--txt-record={SELECTOR}._domainkey.example.net,{one},{two}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let dns = Self { process, port };
        let began = Instant::now();
        // It takes TCP, too.
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "{DNSMASQ} does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        dns
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const DNSMASQ: &str = "/usr/sbin/dnsmasq";
/// Debian's own, since its packages are what is tested with.
const PYTHON: &str = "/usr/bin/python3";
/// Of networks that are nobody's and, other than those of documentation, not known to every filter as such.
const SENDER: &str = "198.18.0.25";
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody but our name server is asked, and it is waited for on a slow machine, too.
const FILTER: &str = "\
clear_dns_servers
dns_server 127.0.0.1:PORT
dns_available yes
skip_rbl_checks 1
skip_uribl_checks 1
use_bayes 0
clear_trusted_networks
trusted_networks 10.255.255.1
time_limit 0
rbl_timeout 120
spf_timeout 120
dkim_timeout 120
";
