//! What the box owes to those who get its mails and carry them: RFC 3834 and 6650, signatures that hold, no bursts.

use std::time::Duration;

use abusebox::notify::outbox::State;

use crate::rig::{OPERATOR, Rig, at};
use crate::sim::mail::{Act, Mail, Stage};

const START: &str = "2027-03-08";
const RSA: &str = include_str!("../data/dkim/rsa.pem");
const ED25519: &str = include_str!("../data/dkim/ed25519.pem");

/// Names of the header fields, in their order.
fn fields(mail: &Mail) -> Vec<String> {
    let text = String::from_utf8(mail.raw.clone()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    names.map(|line| line.split_once(':').unwrap().0.to_owned()).collect()
}

fn header(mail: &Mail, name: &str) -> String {
    mail.header(name).unwrap_or_else(|| panic!("{name} is missing in {:?}", fields(mail)))
}

#[test]
fn a_mail_has_what_automatic_mail_must_have_and_nothing_else() {
    let mut rig = Rig::new(START);
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=60);
    rig.problem("scan_rdp", "198.18.200.1", "high", 0..=1);
    rig.run_for_days(40);
    let mails: Vec<_> = rig.customer(1).into_iter().chain(rig.operator()).cloned().collect();
    assert!(mails.len() >= 3, "the first, its repeat, and one for the operator");
    let (mut tokens, mut ids) = (Vec::new(), Vec::new());
    for sent in &mails {
        let mail = &sent.mail;
        // One receiver, who stands in the mail; nobody else learns of it (RFC 6650 4.1).
        assert_eq!(mail.to.len(), 1);
        assert_eq!(header(mail, "To"), mail.to[0]);
        // From somebody who reads, with answers going there, too.
        assert_eq!(header(mail, "From"), "\"Example Net\" <abuse@example.net>");
        assert_eq!(header(mail, "Reply-To"), "abuse@example.net");
        // Failures come back, to an address that nobody guesses (RFC 3834 is about answers: these have none).
        let token = mail.from.strip_prefix("abuse+").and_then(|rest| rest.strip_suffix("@example.net"));
        let token = token.unwrap_or_else(|| panic!("{}", mail.from));
        assert!(token.len() >= 20, "{token}");
        tokens.push(token.to_owned());
        // No automaton answers it (RFC 3834 5).
        assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
        assert_eq!(header(mail, "MIME-Version"), "1.0");
        assert!(header(mail, "Subject").contains("[AB-"), "{}", mail.subject());
        let id = header(mail, "Message-ID");
        assert!(id.starts_with('<') && id.ends_with("@example.net>"), "{id}");
        ids.push(id);
        let date = header(mail, "Date");
        let date = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp().as_second();
        assert_eq!(date, sent.at.unix());
        // And nothing that tells of the box or would have it taken for a mailing list.
        let mut allowed = vec!["Date", "From", "Reply-To", "To", "Subject", "Message-ID"];
        if mail.header("References").is_some() {
            allowed.extend(["In-Reply-To", "References"]);
        }
        allowed.extend(["Auto-Submitted", "MIME-Version", "Content-Type"]);
        assert_eq!(fields(mail), allowed);
    }
    for list in [&mut tokens, &mut ids] {
        list.sort();
        list.dedup();
        assert_eq!(list.len(), mails.len(), "each mail has its own");
    }
    let customer = rig.customer(1);
    let first = header(&customer[0].mail, "Message-ID");
    assert!(customer[0].mail.header("References").is_none());
    for later in &customer[1..] {
        assert_eq!(header(&later.mail, "References"), first);
        assert_eq!(header(&later.mail, "In-Reply-To"), first);
    }
    let known: Vec<_> =
        rig.notices().iter().flat_map(|n| n.deliveries.clone()).map(|d| d.message_id).collect();
    assert!(known.contains(&first), "{known:?}");
}

#[test]
fn a_signed_mail_goes_out_again_as_it_was_and_a_lost_key_stops_no_mail() {
    let mut rig = Rig::new(START);
    rig.write("dkim.pem", RSA);
    rig.set(|wishes| wishes.mailing = "dkim_key = \"dkim.pem\"\n".to_owned());
    rig.problem("scan_rdp", "198.18.1.10", "high", 0..=9);
    rig.problem("scan_rdp", "198.18.2.10", "high", 3..=9);
    rig.problem("scan_rdp", "198.18.3.10", "high", 6..=9);
    rig.mail.script(Stage::Body, "c1@", Act::KeepThenDrop, Some(1));
    rig.run_until(at("2027-03-09T07:00:00Z"));
    assert_eq!(rig.customer(1).len(), 1);
    // Another key, another name for it, and then none: what was begun stays as it was.
    rig.write("dkim.pem", ED25519);
    rig.set(|wishes| wishes.mailing += "dkim_selector = \"2027\"\n");
    rig.run_until(at("2027-03-12T12:00:00Z"));
    let tries = rig.customer(1);
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].mail.raw, tries[1].mail.raw);
    let signature = |rig: &Rig, n: i32| rig.customer(n)[0].mail.header("DKIM-Signature");
    assert!(fields(&tries[0].mail)[0] == "DKIM-Signature");
    let first = signature(&rig, 1).unwrap();
    assert!(first.contains("a=rsa-sha256;") && first.contains("d=example.net; s=abusebox;"), "{first}");
    let second = signature(&rig, 2).unwrap();
    assert!(second.contains("a=ed25519-sha256;") && second.contains("d=example.net; s=2027;"), "{second}");
    assert_eq!(rig.alarms(), [""; 0]);

    std::fs::remove_file(rig.dir.path().join("dkim.pem")).unwrap();
    rig.reload();
    rig.run_for_days(4);
    assert_eq!(signature(&rig, 3), None);
    assert_eq!(rig.alarms(), ["dkim"]);
    let told: Vec<_> =
        rig.operator().into_iter().filter(|sent| sent.mail.text().contains("unsigned")).collect();
    assert_eq!(told.len(), 1, "once");
    let text = told[0].mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("mail.dkim_key:") && text.contains("Lay the file there"), "{text}");
    rig.write("dkim.pem", RSA);
    rig.reload();
    assert_eq!(rig.alarms(), [""; 0]);
}

#[test]
fn a_domain_that_has_enough_for_a_minute_waits_and_others_do_not() {
    let mut rig = Rig::new(START);
    rig.set(|wishes| wishes.mailing = "per_domain_per_minute_max = 2\n".to_owned());
    let mail = |n| format!("c{n}@{}", if n < 5 { "Big.example" } else { "small.example" });
    let mut customers: Vec<_> = (1..=6).map(|n| (n, mail(n))).collect();
    customers[3].1 += " c4@small.example";
    rig.write_customers(&customers);
    for ip in (1..=6).map(|n| format!("198.18.{n}.10")) {
        rig.problem("scan_rdp", &ip, "high", 0..=0);
    }
    rig.run_until(at("2027-03-09T07:00:00Z"));
    let came = |rig: &Rig| rig.sent.iter().map(|sent| sent.mail.to[0].clone()).collect::<Vec<_>>();
    // The fourth customer's other address has had its own already; then that domain, too, has enough.
    let first = ["c1@Big.example", "c2@Big.example", "c4@small.example", "c5@small.example"];
    assert_eq!(came(&rig), first);
    let states = |rig: &mut Rig| {
        let mut states = Vec::new();
        for notice in rig.notices() {
            states.extend(notice.deliveries.iter().map(|to| to.done.is_some()));
        }
        states
    };
    assert_eq!(states(&mut rig), [true, true, false, true, true]);

    // A minute of the clock by which the limit counts.
    let pass = |rig: &Rig| {
        rig.runtime.block_on(async {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(61)).await;
            tokio::time::resume();
        });
    };
    pass(&rig);
    rig.run_until(at("2027-03-09T07:01:30Z"));
    assert_eq!(came(&rig)[4..], ["c3@Big.example", "c4@Big.example", "c6@small.example"]);
    let of_fourth: Vec<_> = rig.sent.iter().filter(|sent| sent.mail.to[0].starts_with("c4")).collect();
    assert_eq!(of_fourth[0].mail.text(), of_fourth[1].mail.text());
    pass(&rig);
    rig.run_for_hours(5);
    assert_eq!(came(&rig).len(), 7, "each once");
    assert!(rig.states().iter().all(|state| *state == State::Sent));
    assert!(rig.to(OPERATOR).is_empty() && rig.alarms().is_empty());
}
