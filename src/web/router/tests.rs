//! The pages without a box: made-up data in, HTML out.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::*;
use crate::clock::{Day, Doubt};
use crate::config::edit::{self, Change, Written};
use crate::config::{Complaint, FamilyPolicy, Missing, Mode, Nat, raw};
use crate::customers::difference::{self, Difference, Named, Sample};
use crate::customers::import::Unreadable;
use crate::customers::table::Why;
use crate::customers::{Column, CustomerNo, Owner};
use crate::incident::hours::Shut;
use crate::incident::policy::{self, Moment};
use crate::incident::{Audience, Evidence, Incident, Key, OPERATOR, Ownership, Place, Sighting, State};
use crate::lang::sentences::{Piece, pieces, texts};
use crate::lang::{FamilyText, Words};
use crate::lines::{Outbound, Outgoing, Status};
use crate::notify::authentic::{Dkim, Dmarc, Found, Policy, Spf, Verdict};
use crate::notify::digest::Bar;
use crate::notify::outbox::{self, Delivery, End, Notice, Scope};
use crate::notify::texts::{Edit, Texts};
use crate::notify::{Mail, Sender};
use crate::report::kind::{Family, Nature, Severity};
use crate::sessions::Until;
use crate::sessions::owner::By as SaidBy;
use crate::store::{
    Alarm, AuditEntry, Counts, Deed as Done, Import, Note, Person, Problems, RejectedRow, Report, What,
};
use crate::store::{Came, Poll, Role};
use crate::web::certificate::Unfit;
use crate::web::entry::{Act, FORMS, Form, file_bytes_max};
use crate::web::gate::{Denied, NewPerson, SessionId};
use crate::web::hand::{
    self, Asked, By, Changed, Check, Checked, Deed, Fate, FirstLine, Job, Landing, Mails, Outcome, Own,
    Placed, Power, Proof, Received, Seen, Step, Taken, Upload,
};
use crate::web::view::*;
use crate::web::words::FILES;
use crate::web::x509::About;

pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// Foreign text at its worst; it stands in every text that a page shows.
pub(crate) const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=y>&\u{202e}\u{0}";

/// A box with one of everything, in which every text is hostile.
#[derive(Clone, Copy)]
pub(crate) struct Fake {
    mode: Mode,
    quiet: bool,
    doubt: Option<Doubt>,
    language: &'static str,
}

pub(crate) const FAKE: Fake = Fake { mode: Mode::Hold, quiet: false, doubt: None, language: "en" };

fn evil() -> String {
    EVIL.to_owned()
}

fn incident() -> IncidentRow {
    let mut shown = Vec::new();
    // Column 1 is the host name, written as a batch writes it.
    shown.push(1);
    shown.extend_from_slice(&(EVIL.len() as u16).to_le_bytes());
    shown.extend_from_slice(EVIL.as_bytes());
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    let seen = Sighting {
        ownership: Ownership::Customer,
        audience: Audience::Customer,
        nature: Nature::Exposed,
        severity: Severity::High,
        first: NOW.plus_days(-3),
        last: NOW.plus_days(-1),
        rows: 1_234,
        more_addresses: vec!["2001:db8::7".parse().unwrap()],
        evidence: Evidence {
            report: 1,
            line: 17,
            address: Some(address),
            port: Some(3389),
            protocol: crate::incident::Protocol::new(evil().as_bytes()),
            shown,
        },
    };
    let mut incident = Incident::open(42, seen, NOW.plus_days(-1).day(), 1);
    incident.mark_told(7, Severity::High, NOW);
    IncidentRow {
        key: Key::new(1, CustomerNo(5), Place::Address(address), 0),
        incident,
        kind: evil(),
        customer: Some(Customer { id: evil(), name: evil() }),
    }
}

/// A state of things for each number.
fn telling(id: u64) -> Telling {
    let IncidentRow { mut incident, .. } = incident();
    match id {
        // Everything stands against it.
        43 => {
            incident.told = Some((NOW.plus_days(-3), Severity::High));
            incident.last_seen = NOW.plus_days(-9);
            (incident.closed, incident.quiet_until) = (Some(NOW), Some(NOW.day()));
        }
        44 => incident.again = true,
        _ => {}
    }
    if id >= 44 {
        incident.told = None;
        incident.evidence.shown = vec![crate::report::column::number("amplification").unwrap(), 1, 0, b'7'];
    }
    let own = FamilyPolicy {
        seen_days_min: Some(1),
        amplification_min: Some(5.0),
        repeat_days: Some(1),
        ..FamilyPolicy::default()
    };
    let policy = raw::parse("", Path::new("")).unwrap().policy;
    let at = Moment::new(NOW, &TimeZone::UTC);
    let rules =
        policy::rules(&incident, &policy::Asked { policy: &policy, own, at, zone: &TimeZone::UTC }).to_vec();
    let shut = [Shut::QuietHours, Shut::Weekend, Shut::DayOff].get(id as usize - 42).copied();
    let customer = Receiving {
        sent: 2,
        sent_max: 2,
        free: Some(NOW.plus_days(1)).filter(|_| id < 47),
        shut: shut.map(|why| (why, NOW.plus_seconds(600))),
        is_held: true,
        waits_first: true,
        waiting: Some(Notice { held: id == 42, ..notice(8) }).filter(|_| id < 46),
        has_address: id > 42,
        is_marked: id != 46,
        is_at_once: id == 47,
    };
    let bar = match id {
        43 => Some(Bar::Stranger),
        45 => Some(Bar::Silenced),
        _ => None,
    };
    Telling { rules, bar, next: NOW.plus_days(1), customer: Some(customer).filter(|_| id != 44) }
}

fn notice(number: u64) -> Notice {
    Notice {
        number,
        customer: CustomerNo(5),
        scope: Scope::Digest,
        created: NOW,
        held: true,
        released: false,
        practice: true,
        deliveries: vec![Delivery {
            to: evil(),
            token: "secret-token".to_owned(),
            message_id: "<7.0.x@example.net>".to_owned(),
            attempts: 1,
            next: NOW,
            done: None,
            reply: evil(),
        }],
        frozen: false,
        first_attempt: None,
        incidents: vec![(42, Severity::High)],
        done: None,
    }
}

fn mail_row(number: u64) -> MailRow {
    let mut notice = notice(number);
    if number == 8 {
        notice.done = Some((NOW, End::Dropped(evil())));
    }
    MailRow { notice, customer: Some(Customer { id: evil(), name: evil() }), to: vec![evil()] }
}

fn report() -> Report {
    let counts = Counts {
        rows: 1_000,
        matched: 900,
        unassigned: 50,
        ambiguous: 20,
        unattributable: 10,
        outside: 5,
        rejected: 15,
    };
    Report {
        number: 1,
        kind: evil(),
        day: NOW.day(),
        sha256: [0; 32],
        id_hash: None,
        counts,
        rejected_by: [3; 5],
        surplus_cells: 2,
        duplicate_of: None,
        unreadable: Some(evil()),
        finished: NOW,
    }
}

fn customer_facts(number: u32) -> CustomerFacts {
    let customer = Customer { id: evil(), name: evil() };
    CustomerFacts { number: CustomerNo(number), customer, language: None, mails: vec![evil()] }
}

fn customer_row() -> CustomerRow {
    let open = Few { count: 100, is_more: true };
    let facts = CustomerFacts { mails: vec![evil(); 3], ..customer_facts(5) };
    CustomerRow { facts, in_newest: true, open, last_mail: Some(NOW) }
}

impl View for Fake {
    fn site(&self) -> Site {
        Site {
            organisation: evil(),
            box_name: "Rack-3".to_owned(),
            names: vec!["abuse.example.net".to_owned()],
            zone: TimeZone::UTC,
            language: self.language.to_owned(),
            mode: self.mode,
            secure: Some(Secure { port: 8443, is_local: false, fingerprint: "AB:CD".to_owned() }),
        }
    }

    fn overview(&self, _now: Timestamp) -> Result<Overview, Trouble> {
        let loud = !self.quiet;
        let alarm = Alarm::new(NOW.plus_days(-2), &evil());
        Ok(Overview {
            clock_doubt: self.doubt,
            alarms: if loud { vec![("mail_server".to_owned(), alarm)] } else { vec![] },
            missing: if loud { vec![Missing::Key, Missing::Networks] } else { vec![] },
            is_fetching: false,
            last_fetch: Some(NOW.plus_seconds(-600)),
            next_fetch: Some(NOW.plus_seconds(600)),
            customers: 40,
            tally: Tally {
                open: [1, 0, 3, 1_000, 2],
                held: if loud { 12 } else { 0 },
                queued: 1,
                sent: 2,
                failed: 0,
                day: Some((NOW.day(), 3, report().counts)),
            },
            trend: (0..TREND_DAYS)
                .map(|day| {
                    let problems = Problems { compromised: 5, exposed: u64::from(day.unsigned_abs()) * 100 };
                    (NOW.day().plus(day - TREND_DAYS), (day % 10 > 0).then_some(problems))
                })
                .collect(),
        })
    }

    fn incidents(
        &self,
        wanted: &Wanted,
        after: Option<Cursor>,
    ) -> Result<Part<IncidentRow, Cursor>, Trouble> {
        // What the page asked for stands in what it shows.
        let mut row = incident();
        row.kind = format!("{wanted:?} {after:?} {EVIL}");
        let next = match wanted.order.by {
            SortBy::Number => Cursor::at(41),
            _ => Cursor { value: 7, number: 41 },
        };
        Ok(Part { rows: vec![row], next: Some(next) })
    }

    fn incident(&self, id: u64) -> Result<Option<IncidentFacts>, Trouble> {
        let facts = IncidentFacts {
            row: incident(),
            file: Some(evil()),
            notices: vec![(3, None), (7, Some(notice(7)))],
            notes: vec![Note { at: NOW, who: evil(), text: evil() }],
        };
        Ok((42..48).contains(&id).then_some(facts))
    }

    fn telling(&self, id: u64, _: Timestamp) -> Result<Option<Telling>, Trouble> {
        Ok(Some(telling(id)))
    }

    fn open_by_family(&self, _: Timestamp) -> Result<Vec<u64>, Trouble> {
        Ok((0..Family::ALL.len() as u64).map(|index| index * 1_000).collect())
    }

    fn mails(
        &self,
        state: Option<outbox::State>,
        before: Option<u64>,
    ) -> Result<Part<MailRow, u64>, Trouble> {
        if state == Some(outbox::State::Sent) {
            return Ok(Part { rows: vec![], next: None });
        }
        Ok(Part { rows: vec![mail_row(7), mail_row(8)], next: before.map(|before| before - 1) })
    }

    fn mail(&self, number: u64, _now: Timestamp) -> Result<Option<MailFacts>, Trouble> {
        let mail = Mail {
            subject: evil(),
            text: evil(),
            html: Some("<p style=\"color:red\">the mail itself</p>".to_owned()),
            csv: Some((evil(), evil())),
        };
        let facts = MailFacts { row: mail_row(number), message_ids: vec![evil()], mail: Some(mail) };
        Ok((number == 7 || number == 8).then_some(facts))
    }

    fn held(&self) -> Result<(u64, u64), Trouble> {
        Ok(if self.quiet { (0, 0) } else { (12, 34) })
    }

    fn reports(
        &self,
        wanted: &ReportsWanted,
        before: Option<&str>,
    ) -> Result<Part<(String, Report), String>, Trouble> {
        if wanted.kind == "none" {
            return Ok(Part { rows: vec![], next: None });
        }
        Ok(Part { rows: vec![(evil(), report())], next: before.is_none().then(|| "a b&c".to_owned()) })
    }

    fn report_days(&self, before: Option<Day>) -> Result<Part<ReportDay, Day>, Trouble> {
        let sum = ReportDay { day: NOW.day(), reports: 3, counts: report().counts };
        Ok(Part { rows: vec![sum], next: before.is_none().then(|| NOW.day()) })
    }

    fn report_types(&self) -> Result<Vec<String>, Trouble> {
        Ok(vec![evil(), "scan_rdp".to_owned()])
    }

    fn report(&self, file: &str, from_line: u64) -> Result<Option<ReportFacts>, Trouble> {
        let row = |line, reason: &str| (line, RejectedRow { reason: reason.to_owned(), detail: evil() });
        let rows = vec![row(from_line + 2, "time"), row(from_line + 3, EVIL)];
        let facts = ReportFacts { report: report(), rejected: Part { rows, next: Some(99) } };
        Ok((file == "a b&c.csv").then_some(facts))
    }

    fn customers(&self) -> Result<Customers, Trouble> {
        let import = Import { imported: NOW, sha256: [0; 32], file: evil(), customers: 40, prefixes: 61 };
        Ok(Customers {
            customers: 40,
            prefixes: 61,
            imports: vec![import],
            file: Some(evil()),
            is_held: true,
        })
    }

    fn fetched(&self) -> Result<Vec<(String, Option<Poll>)>, Trouble> {
        let poll = |fault: Option<String>, came| Poll {
            asked: Some(NOW),
            fetched: Some(NOW),
            fault,
            came: Some((NOW, came)),
            ..Poll::new([0; 32])
        };
        Ok(vec![
            ("customers".to_owned(), Some(poll(Some(evil()), Came::Taken { count: 40, complaints: 2 }))),
            (format!("sessions.{}", evil()), Some(poll(None, Came::Refused(evil())))),
            ("sessions.new".to_owned(), None),
        ])
    }

    fn customer_list(&self, after: CustomerNo) -> Result<Part<CustomerFacts, CustomerNo>, Trouble> {
        let rows = (after.0..after.0.saturating_add(3)).map(|number| customer_facts(number + 1)).collect();
        Ok(Part { rows, next: (after == OPERATOR).then_some(CustomerNo(3)) })
    }

    fn customer(&self, id: &str, from: usize) -> Result<Option<Held>, Trouble> {
        let line = |until| Holding {
            prefix: "192.0.2.0/24".parse().unwrap(),
            line: 2,
            from: None,
            until,
            mailed: true,
        };
        let rows = vec![line(None), line(Some(NOW))];
        Ok((id == "C/1+ 2").then(|| (customer_facts(1), Part { rows, next: Some(from + 2) })))
    }

    fn customers_found(
        &self,
        wanted: &CustomersWanted,
        after: &str,
        _now: Timestamp,
    ) -> Result<Part<CustomerRow, String>, Trouble> {
        if wanted.search == "nothing" {
            return Ok(Part { rows: vec![], next: None });
        }
        let mut row = customer_row();
        // What the page asked for stands in what it shows.
        row.facts.customer.name = format!("{wanted:?} {after:?} {EVIL}");
        Ok(Part { rows: vec![row, customer_row()], next: after.is_empty().then(|| "C 9&".to_owned()) })
    }

    fn customer_page(&self, id: &str, from: usize, _now: Timestamp) -> Result<Option<CustomerPage>, Trouble> {
        let mut row = customer_row();
        if id == "bare" {
            row.in_newest = false;
            row.facts = CustomerFacts { mails: vec![], language: Some(evil()), ..row.facts };
            (row.open, row.last_mail) = (Few::default(), None);
            let prefixes = Part { rows: vec![], next: None };
            let (logins, forwards) = (vec![], vec![]);
            let (closed, worst) = (Few::default(), vec![]);
            let page = CustomerPage { row, closed, worst, mailed: 0, prefixes, logins, forwards };
            return Ok(Some(page));
        }
        let closed = Few { count: 5, is_more: false };
        let held = self.customer("C/1+ 2", from)?;
        let page = |(_, prefixes)| {
            let (logins, forwards) = (vec![evil(), evil()], vec![evil()]);
            CustomerPage { row, closed, worst: vec![incident()], mailed: 1_234, prefixes, logins, forwards }
        };
        Ok(held.filter(|_| id == EVIL || id == "C/1+ 2").map(page))
    }

    fn customer_mails(&self, id: &str, before: Option<u64>) -> Result<Part<MailRow, u64>, Trouble> {
        let rows = if id == "bare" { vec![] } else { vec![mail_row(7); 21] };
        Ok(Part { rows, next: before.is_none().then_some(7).filter(|_| id != "bare") })
    }

    fn customer_history(&self, id: &str, from: usize) -> Result<History, Trouble> {
        let turns = [
            Turn::Opened,
            Turn::OpenedAndAgain,
            Turn::Muted,
            Turn::Closed,
            Turn::Noted(Note { at: NOW, who: evil(), text: evil() }),
        ];
        let event = |turn| Event::Incident { id: 42, kind: evil(), severity: Severity::High, turn };
        let mut rows: Vec<_> = turns.into_iter().map(|turn| (NOW, event(turn))).collect();
        rows.push((NOW, Event::Mail(notice(7))));
        if id == "bare" {
            rows.clear();
        }
        let is_whole = rows.is_empty();
        Ok(History { part: Part { rows, next: (from == 0).then_some(100) }, is_whole })
    }

    fn ownerless(
        &self,
        wanted: &OwnerlessWanted,
        after: Option<IpNet>,
        _now: Timestamp,
    ) -> Result<Part<Ownerless, IpNet>, Trouble> {
        let row = |place: &str, owner| Ownerless {
            place: place.parse().ok(),
            addresses: if wanted.by_network { 200 } else { 1 },
            incidents: Few { count: 300, is_more: after.is_some() },
            rows: 1_234,
            first_seen: NOW.plus_days(-9),
            last_seen: NOW,
            severity: Severity::High,
            kinds: vec![format!("{wanted:?} {after:?}"), evil(), "c".to_owned(), "d".to_owned()],
            ownership: vec![Ownership::Unassigned, Ownership::Ambiguous, Ownership::Unattributable],
            owner,
            customer: Some(Customer { id: evil(), name: evil() }),
        };
        let rows = vec![
            row("192.0.2.0/24", Some(Owner::Unassigned)),
            row("192.0.2.7/32", Some(Owner::Customer { customer: CustomerNo(5), mailed: true })),
            row("192.0.2.8/32", Some(Owner::Outside)),
            row("192.0.2.9/32", None),
            row("", None),
        ];
        let next = after.is_none().then(|| "192.0.2.9/32".parse().unwrap());
        Ok(if wanted.within == "203.0.113.0/24".parse().ok() {
            Part { rows: vec![], next }
        } else {
            Part { rows, next }
        })
    }

    fn outgoing(&self, notice: &Notice, _now: Timestamp) -> Result<Outgoing, Trouble> {
        let mail = |to: &str, reply: &str| Outbound {
            to: to.to_owned(),
            state: outbox::state(notice, None),
            message_id: "<7.0.x@example.net>".to_owned(),
            reply: reply.to_owned(),
        };
        Ok(Outgoing { incidents: vec![42], mails: vec![mail(EVIL, EVIL), mail("", "")] })
    }

    fn status(&self, _now: Timestamp) -> Result<Status, Trouble> {
        let alarm = Alarm::new(NOW, &evil());
        Ok(Status {
            mode: self.mode,
            clock_trusted: self.doubt.is_none(),
            last_fetch: None,
            last_report_day: Some(NOW.day()),
            incidents_open: 1_006,
            outbox_held: 12,
            outbox_queued: 1,
            alarms: [(format!("a\"b\\c\nd{EVIL}"), alarm)].into(),
        })
    }

    fn resident_bytes(&self) -> Option<u64> {
        Some(12 << 20)
    }

    fn system(&self) -> Result<System, Trouble> {
        Ok(System {
            slot: Some(evil()),
            networks: vec!["192.0.2.0/24".parse().unwrap()],
            disk: Some((1 << 30, 2 << 30)),
            store: Some(5),
            memory: None,
            doubt: self.doubt,
        })
    }
    fn support(&self, _: Timestamp) -> Result<String, Trouble> {
        Ok(evil())
    }
    fn log(&self, words: &str) -> Vec<String> {
        if words.is_empty() { vec![evil()] } else { Vec::new() }
    }
    fn nats(&self) -> Vec<Nat> {
        vec![Nat {
            inside: "100.64.0.0/24".parse().unwrap(),
            outside: vec!["192.0.2.0/30".parse().unwrap()],
            ports_first: 1024,
            ports_last: 65_535,
            ports_per_user: None,
            skip: 0,
        }]
    }
    fn whois(&self, _address: IpAddr, port: Option<u16>, at: Timestamp) -> Result<Whois, Trouble> {
        Ok(Whois {
            owner: Owner::Customer { customer: CustomerNo(5), mailed: true },
            customer: Some(Customer { id: evil(), name: evil() }),
            prefix: Some(format!("{port:?} {at}")),
            why: Why::Longest,
            candidates: vec![Candidate {
                customer_id: evil(),
                prefix: evil(),
                line: 3,
                imported: NOW,
                won: true,
                why: Why::Longest,
            }],
            words: vec![SourceRow {
                by: SaidBy::Session,
                what: evil(),
                customer: Some(Customer { id: evil(), name: evil() }),
                place: evil(),
                time: Some((NOW, Until::Open)),
                uncertainty: 5,
                known_until: None,
                holds: true,
            }],
        })
    }
}

/// A box whose store is broken.
pub(crate) struct Broken;

impl View for Broken {
    fn site(&self) -> Site {
        FAKE.site()
    }
    fn overview(&self, _: Timestamp) -> Result<Overview, Trouble> {
        Err(Trouble(evil()))
    }
    fn incidents(&self, _: &Wanted, _: Option<Cursor>) -> Result<Part<IncidentRow, Cursor>, Trouble> {
        Err(Trouble(evil()))
    }
    fn incident(&self, _: u64) -> Result<Option<IncidentFacts>, Trouble> {
        Err(Trouble(evil()))
    }
    fn telling(&self, _: u64, _: Timestamp) -> Result<Option<Telling>, Trouble> {
        Err(Trouble(evil()))
    }
    fn open_by_family(&self, _: Timestamp) -> Result<Vec<u64>, Trouble> {
        Err(Trouble(evil()))
    }
    fn mails(&self, _: Option<outbox::State>, _: Option<u64>) -> Result<Part<MailRow, u64>, Trouble> {
        Err(Trouble(evil()))
    }
    fn mail(&self, _: u64, _: Timestamp) -> Result<Option<MailFacts>, Trouble> {
        Err(Trouble(evil()))
    }
    fn held(&self) -> Result<(u64, u64), Trouble> {
        Err(Trouble(evil()))
    }
    fn reports(&self, _: &ReportsWanted, _: Option<&str>) -> Result<Part<(String, Report), String>, Trouble> {
        Err(Trouble(evil()))
    }
    fn report_days(&self, _: Option<Day>) -> Result<Part<ReportDay, Day>, Trouble> {
        Err(Trouble(evil()))
    }
    fn report_types(&self) -> Result<Vec<String>, Trouble> {
        Err(Trouble(evil()))
    }
    fn report(&self, _: &str, _: u64) -> Result<Option<ReportFacts>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customers(&self) -> Result<Customers, Trouble> {
        Err(Trouble(evil()))
    }
    fn fetched(&self) -> Result<Vec<(String, Option<Poll>)>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customer_list(&self, _: CustomerNo) -> Result<Part<CustomerFacts, CustomerNo>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customer(&self, _: &str, _: usize) -> Result<Option<Held>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customers_found(
        &self,
        _: &CustomersWanted,
        _: &str,
        _: Timestamp,
    ) -> Result<Part<CustomerRow, String>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customer_page(&self, _: &str, _: usize, _: Timestamp) -> Result<Option<CustomerPage>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customer_mails(&self, _: &str, _: Option<u64>) -> Result<Part<MailRow, u64>, Trouble> {
        Err(Trouble(evil()))
    }
    fn customer_history(&self, _: &str, _: usize) -> Result<History, Trouble> {
        Err(Trouble(evil()))
    }
    fn ownerless(
        &self,
        _: &OwnerlessWanted,
        _: Option<IpNet>,
        _: Timestamp,
    ) -> Result<Part<Ownerless, IpNet>, Trouble> {
        Err(Trouble(evil()))
    }
    fn outgoing(&self, _: &Notice, _: Timestamp) -> Result<Outgoing, Trouble> {
        Err(Trouble(evil()))
    }
    fn status(&self, _: Timestamp) -> Result<Status, Trouble> {
        Err(Trouble(evil()))
    }
    fn resident_bytes(&self) -> Option<u64> {
        None
    }
    fn system(&self) -> Result<System, Trouble> {
        Err(Trouble(evil()))
    }
    fn support(&self, _: Timestamp) -> Result<String, Trouble> {
        Err(Trouble(evil()))
    }
    fn log(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn nats(&self) -> Vec<Nat> {
        FAKE.nats()
    }
    fn whois(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Result<Whois, Trouble> {
        FAKE.whois(address, port, at)
    }
}

/// One operator, one viewer, and what they had done.
#[derive(Default)]
pub(crate) struct Keeper {
    unclaimed: bool,
    broken: bool,
    wait: bool,
    pub(crate) done: RefCell<Vec<String>>,
    told: RefCell<Vec<(String, Outcome)>>,
    pub(crate) no_token: bool,
}

/// What opens the API.
pub(crate) const TOKEN: &str = "t0ken-of-the-monitor-and-crm";
pub(crate) const INTAKE_TOKEN: &str = "intake-t0ken-of-the-monitor-and-crm";

impl Keeper {
    fn note(&self, what: String) -> Result<(), Denied> {
        if self.wait {
            return Err(Denied::Wait(Duration::from_millis(3_200)));
        }
        self.done.borrow_mut().push(what);
        Ok(())
    }
}

impl Gate for Keeper {
    fn is_claimed(&self) -> Result<bool, Trouble> {
        if self.broken { Err(Trouble(evil())) } else { Ok(!self.unclaimed) }
    }
    fn session(&self, id: &str, is_secure: bool) -> Option<Who> {
        let (name, role) = match id {
            "of-ann" => ("ann", Role::Operator),
            "of-vic" => ("vic", Role::Viewer),
            "of-tls" if is_secure => ("tls", Role::Operator),
            _ => return None,
        };
        Some(Who { name: name.to_owned(), role, csrf: "t0ken".to_owned() })
    }
    fn opens_api(&self, token: &str) -> Option<bool> {
        (!self.no_token).then_some(token == TOKEN)
    }
    fn opens_intake(&self, token: &str) -> Option<bool> {
        (!self.no_token).then_some(token == INTAKE_TOKEN)
    }
    fn claim(&self, _: &Visitor, code: &str, new: &NewPerson, _: Timestamp) -> Result<SessionId, Denied> {
        self.note(format!("claim {code} {new:?}"))?;
        Ok(SessionId("new-id".to_owned()))
    }
    fn log_in(&self, _: &Visitor, name: &str, password: &str, _: Timestamp) -> Result<SessionId, Denied> {
        self.note(format!("log in {name} {password}"))?;
        if password == "right" { Ok(SessionId("new-id".to_owned())) } else { Err(Denied::Wrong) }
    }
    fn log_out(&self, id: &str) {
        self.done.borrow_mut().push(format!("log out {id}"));
    }
    fn change_password(
        &self,
        _: &Visitor,
        who: &Who,
        old: &str,
        new: &str,
        _: Timestamp,
    ) -> Result<SessionId, Denied> {
        self.note(format!("password {} {old} {new}", who.name))?;
        Err(Denied::because(|t| t.denied.not_the_same))
    }
    fn add_person(&self, _: &Visitor, _: &Who, new: &NewPerson, _: Timestamp) -> Result<(), Denied> {
        self.note(format!("add {new:?}"))
    }
    fn remove_person(&self, _: &Visitor, _: &Who, name: &str, _: Timestamp) -> Result<(), Denied> {
        self.note(format!("remove {name}"))
    }
    fn people(&self) -> Result<Vec<(String, Person)>, Trouble> {
        if self.broken {
            return Err(Trouble(evil()));
        }
        let person = |role| Person {
            role,
            password_hash: "secret-token".to_owned(),
            added: NOW,
            last_login: Some((NOW, "192.0.2.1".parse().unwrap())),
        };
        Ok(vec![("ann".to_owned(), person(Role::Operator)), (evil(), person(Role::Viewer))])
    }
    fn audit(&self, _: Option<u64>) -> Result<Part<(u64, AuditEntry), u64>, Trouble> {
        let from = Some("192.0.2.1".parse().unwrap());
        let entry = AuditEntry { at: NOW, who: evil(), from, what: Done::to(What::Said, &[evil()]) };
        if self.broken { Err(Trouble(evil())) } else { Ok(Part { rows: vec![(7, entry)], next: Some(7) }) }
    }
}

/// It takes everything, and keeps what is to be told.
impl Hand for Keeper {
    fn change_mails(&self, by: &By<'_>, which: &Mails, change: outbox::Change) -> Result<Outcome, Denied> {
        self.note(format!("{change:?} {which:?} by {}", by.who.name))?;
        Ok(Outcome::Done { deed: Deed::Released, count: 2, missed: 1 })
    }
    fn change_incidents(
        &self,
        by: &By<'_>,
        ids: &[u64],
        change: crate::incident::Change,
    ) -> Result<Outcome, Denied> {
        self.note(format!("{change:?} {ids:?} by {}", by.who.name))?;
        Ok(Outcome::Done { deed: Deed::Closed, count: ids.len() as u64, missed: 0 })
    }
    fn note(&self, by: &By<'_>, ids: &[u64], text: &str) -> Result<Outcome, Denied> {
        Keeper::note(self, format!("note {text} {ids:?} by {}", by.who.name))?;
        Ok(Outcome::Done { deed: Deed::Noted, count: ids.len() as u64, missed: 0 })
    }
    fn settings(&self) -> Result<(Written, String), Trouble> {
        if self.broken {
            return Err(Trouble(evil()));
        }
        let text = format!(
            "[organisation]\nname = {:?}\n[mail]\nurl = \"smtps://u:secret-token@m.example\"\n\
             [[family]]\nname = \"open_resolver\"\ntell = \"operator\"\nseen_days_min = 2\n\
             amplification_min = 5\nseverity_min = \"low\"\nrepeat_days = 14\n\
             [[family]]\nname = \"ssh\"\ntell = \"nobody\"\n[[family]]\nname = \"telnet\"\ntell = \"customer\"\n",
            "<b>"
        );
        Ok((edit::written(&text, Path::new("")), evil()))
    }
    fn change_settings(&self, by: &By<'_>, _: &str, changes: &[Change]) -> Result<Changed, Denied> {
        self.note(format!("{changes:?} by {}", by.who.name))?;
        let complaint = Complaint { line: None, field: "box.name".to_owned(), complaint: evil() };
        Ok(match changes.len() {
            2 => Changed::Meanwhile,
            3 => Changed::Complaints(vec![complaint]),
            _ => Changed::Done(vec!["box.name".to_owned()]),
        })
    }
    fn upload(&self, by: &By<'_>, what: Upload, upload: &str, name: &str) -> Result<Outcome, Denied> {
        self.note(format!("{what:?} {upload} {name} by {}", by.who.name))?;
        Ok(Outcome::Started(3))
    }
    fn take_customers(&self, by: &By<'_>, job: u64, left_out: &[u64]) -> Result<Outcome, Denied> {
        self.note(format!("take {job} without {left_out:?} by {}", by.who.name))?;
        Ok(if left_out == [9] { Outcome::Started(4) } else { Outcome::Unconfirmed })
    }
    fn receive(
        &self,
        peer: IpAddr,
        what: Upload,
        upload: &str,
        source: Option<&str>,
    ) -> Result<Received, Trouble> {
        self.done.borrow_mut().push(format!("{what:?} {upload} of {source:?} from {peer}"));
        let landing = match source {
            None => Landing::Taken,
            Some("held") => Landing::Held(evil()),
            Some("trouble") => return Err(Trouble(evil())),
            Some(_) => Landing::Refused(evil()),
        };
        let complaint = Complaint { line: Some(3), field: "cidr".to_owned(), complaint: evil() };
        Ok(Received { landing, count: 40, complaints: vec![complaint], complaints_more: 2 })
    }
    fn fetch(&self, by: &By<'_>, name: &str) -> Result<Outcome, Denied> {
        self.note(format!("fetch {name} by {}", by.who.name))?;
        Ok(Outcome::Fetching)
    }
    fn check_held_customers(&self, by: &By<'_>) -> Result<Outcome, Denied> {
        self.note(format!("check what is held by {}", by.who.name))?;
        Ok(Outcome::Started(4))
    }
    fn discard_customers(&self, by: &By<'_>, job: u64) -> Result<Outcome, Denied> {
        self.note(format!("discard {job} by {}", by.who.name))?;
        Ok(Outcome::Discarded)
    }
    fn check(&self, by: &By<'_>, what: Check) -> Result<Outcome, Denied> {
        self.note(format!("check {what:?} by {}", by.who.name))?;
        Ok(Outcome::Started(11))
    }
    fn job(&self, number: u64) -> Option<Job> {
        self.jobs().into_iter().find(|job| job.number == number)
    }
    fn jobs(&self) -> Vec<Job> {
        let read = Taken::Read { file: evil(), report: Box::new(report()), planned: 5, held: 4 };
        let seen = Seen {
            lists: vec![evil()],
            day: NOW.day(),
            types: vec![evil(); 201],
            reports: 1_007,
            unusable: 3,
            networks: vec![("192.0.2.0/25".parse().unwrap(), 1_234), ("192.0.2.128/25".parse().unwrap(), 5)],
        };
        let stages = [
            Stage::Waiting,
            Stage::Working(Step::ReadingReport),
            Stage::Ended(hand::End::Failed(evil())),
            Stage::Ended(hand::End::Report(read)),
            Stage::Ended(hand::End::Report(Taken::Known)),
            Stage::Ended(hand::End::Report(Taken::Duplicate { of: evil() })),
            Stage::Ended(hand::End::Report(Taken::Unreadable { why: evil() })),
            Stage::Ended(hand::End::Checked(Box::new(checked()))),
            Stage::Ended(hand::End::Imported { customers: 3, prefixes: 4 }),
            Stage::Ended(hand::End::Asked(Asked::NoReports { networks: vec![evil()] })),
            Stage::Ended(hand::End::Asked(Asked::Sees(seen))),
            Stage::Ended(hand::End::Mailed { from: evil(), to: evil(), reply: evil(), proof: proof() }),
            Stage::Working(Step::AskingShadowserver),
            Stage::Working(Step::SendingMail),
        ];
        let check = |stage: &Stage| match stage {
            Stage::Ended(hand::End::Asked(_)) | Stage::Working(Step::AskingShadowserver) => {
                Some(Check::Shadowserver)
            }
            Stage::Ended(hand::End::Mailed { .. }) | Stage::Working(Step::SendingMail) => Some(Check::Mail),
            _ => None,
        };
        let job = |(number, stage)| Job {
            number,
            check: check(&stage),
            file: evil(),
            who: evil(),
            asked: NOW,
            stage,
        };
        (1..).zip(stages).map(job).collect()
    }
    fn can_restart(&self) -> bool {
        true
    }
    fn texts(&self) -> (Arc<Texts>, Sender) {
        let mut texts = Texts::default();
        let evil_family = FamilyText {
            title: evil(),
            seen: evil(),
            layman: vec![evil()],
            ..Words::of("en").family(Family::Ssh).clone()
        };
        texts.edit("en", Edit::Sentences(vec![("greeting", evil()), ("footer", evil())]));
        texts.edit("en", Edit::Family(Family::Ssh, Box::new(evil_family)));
        (Arc::new(texts), Sender { organisation: evil(), abuse_address: evil() })
    }
    fn change_texts(&self, by: &By<'_>, tag: &str, edit: Edit) -> Result<Outcome, Denied> {
        self.note(format!("texts {tag} {edit:?} by {}", by.who.name))?;
        Ok(Outcome::Texts)
    }
    fn own_certificate(&self) -> Option<Own> {
        let about = About { names: vec![evil()], from: NOW, until: NOW.plus_days(-1) };
        Some(Own { file: evil(), about: Some(about) })
    }
    fn put_certificate(&self, by: &By<'_>, chain: &str, key: &str) -> Result<Placed, Denied> {
        self.note(format!("certificate by {}", by.who.name))?;
        Ok(match key {
            "wrong" => Placed::Unfit(Unfit::Unusable(format!("{chain} {}", evil()))),
            name => Placed::Done(About { names: vec![name.to_owned()], from: NOW, until: NOW }),
        })
    }
    fn remove_certificate(&self, by: &By<'_>) -> Result<Placed, Denied> {
        self.note(format!("certificate given up by {}", by.who.name))?;
        Ok(Placed::Removed)
    }
    fn support(&self, by: &By<'_>) -> Result<String, Denied> {
        self.note(format!("support for {}", by.who.name))?;
        Ok(evil())
    }
    fn power(&self, by: &By<'_>, power: Power) -> Result<(), Denied> {
        self.note(format!("{power:?} by {}", by.who.name))
    }
    fn tell(&self, who: &Who, outcome: Outcome) {
        self.told.borrow_mut().push((who.name.clone(), outcome));
    }
    fn told(&self, who: &Who) -> Option<Outcome> {
        let mut told = self.told.borrow_mut();
        let index = told.iter().position(|(name, _)| *name == who.name)?;
        Some(told.remove(index).1)
    }
}

fn proof() -> Box<Proof> {
    let policy =
        Policy { record: evil(), verdict: Some(Verdict::Fail), rest: Some(Verdict::Pass), lookups: 3 };
    Box::new(Proof {
        domain: evil(),
        address: Some("203.0.113.25".parse().unwrap()),
        spf: Spf::One(policy),
        dmarc: Dmarc::Says { domain: evil(), policy: evil() },
        dkim: Some(Dkim { name: evil(), record: evil(), found: Found::Other }),
    })
}

/// A customer file with one of everything.
fn checked() -> Checked {
    let named = || Named { id: evil(), name: evil() };
    let complaint = || Complaint { line: Some(9), field: evil(), complaint: evil() };
    let changed = difference::Changed {
        customer: named(),
        name: true,
        mails: true,
        language: true,
        logins: true,
        forwards: false,
        prefixes_new: 1,
        prefixes_gone: 2,
        validity: true,
    };
    Checked {
        customers: 41,
        prefixes: 62,
        is_refused: false,
        is_known: false,
        complaints: vec![complaint()],
        complaints_more: 7,
        notes: vec![complaint()],
        unreadable: vec![Unreadable { line: 9, customer_id: evil(), text: evil() }],
        columns: vec![Column { header: evil(), role: Some("cidr"), why: evil() }],
        doubts: vec![evil()],
        difference: Difference {
            new: Sample { count: 60, first: vec![named()] },
            gone: Sample { count: 1, first: vec![named()] },
            changed: Sample { count: 1, first: vec![changed] },
            prefixes_new: 3,
            prefixes_gone: 4,
        },
        rows: Some((NOW.day(), report().counts)),
        first: vec![FirstLine {
            line: 2,
            prefix: evil(),
            customer: Customer { id: evil(), name: evil() },
            mails: vec![evil()],
        }],
        fate: Fate::Open,
    }
}

pub(crate) const NEAR: Visitor =
    Visitor { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), is_secure: false };

/// What a browser of nobody asks for.
pub(crate) const PLAIN: Request<'static> = Request {
    method: "GET",
    target: "/",
    host: "localhost",
    visitor: Some(NEAR),
    authorization: "",
    cookie: "",
    content_type: "",
    origin: "",
    fetch_site: "",
    upload: "",
    body: b"",
};

/// A form as a browser of the operator sends it from a page of ours.
const FORM: Request<'static> = Request {
    method: "POST",
    target: "/people/remove",
    cookie: "sid=of-ann",
    content_type: "application/x-www-form-urlencoded",
    origin: "http://localhost",
    fetch_site: "same-origin",
    body: FIELDS,
    ..PLAIN
};

/// What some form or other wants to know.
const FIELDS: &[u8] =
    b"csrf=t0ken&name=bob&old=a&password=abc&again=abc&role=viewer&do=drop&id-7=on&job=8&file=a.csv";

/// The content type of a form with a file.
const PARTS: &str = "multipart/form-data; boundary=x";

fn ask(view: &dyn View, method: &str, target: &str, host: &str) -> Reply {
    let keeper = Keeper::default();
    handle(&Request { method, target, host, cookie: "sid=of-ann", ..PLAIN }, view, &keeper, &keeper, NOW)
}

/// The reply to somebody, and what was done.
fn send(keeper: &Keeper, request: &Request<'_>) -> (Reply, Vec<String>) {
    let reply = handle(request, &FAKE, keeper, keeper, NOW);
    (reply, keeper.done.take())
}

pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn get(target: &str) -> Reply {
    ask(&FAKE, "GET", target, "localhost:8080")
}

#[track_caller]
fn check_status(target: &str, status: u16) {
    let reply = get(target);
    assert_eq!(reply.status, status, "{target}: {}", reply.body);
}

const PAGES: &[&str] = &[
    "/",
    "/incidents",
    "/incidents?q=192.0.2.7&report=scan_rdp&state=current&severity=high&sort=rows&before=7-42",
    "/incidents/42",
    "/incidents/43",
    "/incidents/44",
    "/incidents/45",
    "/incidents/46",
    "/incidents/47",
    "/mail",
    "/mail?state=held&before=9",
    "/mail/7",
    "/mail/8",
    "/mail/held",
    "/reports",
    "/reports?before=x",
    "/reports?kind=scan_rdp&day=2026-11-20&which=troubled",
    "/reports/days",
    "/reports/days?before=2026-11-20",
    "/report?file=a+b%26c.csv",
    "/report?file=a%20b%26c.csv&line=5",
    "/customers",
    "/customers?address=192.0.2.7&port=80&time=2026-11-20T13%3A45",
    "/customers?q=x&which=gone&after=C+9",
    "/customers?q=nothing",
    "/customer?id=C/1%2B+2",
    "/customer?id=C/1%2B+2&part=prefixes&from=100",
    "/customer?id=C/1%2B+2&part=mails&before=9",
    "/customer?id=C/1%2B+2&part=history",
    "/customer?id=bare",
    "/unassigned",
    "/unassigned?within=192.0.2.9/24&why=ambiguous&together=address&after=192.0.2.3/32",
    "/settings",
    "/families",
    "/families/open_resolver",
    "/jobs",
    "/jobs/1",
    "/jobs/2",
    "/jobs/3",
    "/jobs/4",
    "/jobs/5",
    "/jobs/6",
    "/jobs/7",
    "/jobs/8",
    "/jobs/9",
    "/jobs/10",
    "/jobs/11",
    "/jobs/12",
    "/jobs/13",
    "/jobs/14",
    "/setup",
    "/setup/1",
    "/setup/2",
    "/setup/3",
    "/setup/4",
    "/setup/5",
    "/setup/6",
    "/setup/6?before=9",
    "/system/support",
    "/system/certificate",
    "/people",
    "/audit",
    "/texts",
    "/texts/en/sentences",
    "/texts/en/ssh",
    "/nat",
    "/nat?inside=100.64.0.0/29&outside=192.0.2.1+192.0.2.8/31&first=1024&last=4095&per_user=&skip=1&address=192.0.2.1&port=1500",
];

#[test]
fn every_page_escapes_every_text() {
    // What the forms repeat is as foreign as the rest.
    let evil_query = super::super::html::link("/incidents", &[("q", "<script>\"'><img src=x>")]);
    let evil_address = super::super::html::link("/customers", &[("address", "<script>\"'><img src=x>")]);
    for target in PAGES.iter().copied().chain([evil_query.as_str(), evil_address.as_str()]) {
        let reply = get(target);
        assert_eq!((reply.status, reply.content_type), (200, HTML), "{target}: {}", reply.body);
        let body = &reply.body;
        for bad in ["<script", "<img src=x", "\u{202e}", "\u{0}", " style=", "javascript:", "secret-token"] {
            assert!(!body.contains(bad), "{target} has {bad}: {body}");
        }
        assert!(body.contains("&lt;script&gt;"), "{target} shows the text itself");
        check_nested(target, body);
    }
}

/// Every element that is opened is closed, in its order: nothing foreign has opened or closed one.
#[track_caller]
fn check_nested(target: &str, body: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        assert_eq!(tag.matches('"').count() % 2, 0, "{target}: <{tag}>");
        if tag.starts_with('!')
            || tag.ends_with('/')
            || ["meta", "link", "img", "input", "br"].contains(&name)
        {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{target}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{target}: {open:?}");
}

/// Everything that somebody may get to read in a language, with what was asked for.
fn all_in(language: &'static str) -> Vec<(String, Reply)> {
    let far = Some(Visitor { peer: "192.0.2.1".parse().unwrap(), is_secure: false });
    let keeper = |unclaimed, wait| Keeper { unclaimed, wait, ..Keeper::default() };
    let nobody = Request { cookie: "", ..PLAIN };
    let mut asked: Vec<(Keeper, Request<'_>)> = PAGES
        .iter()
        .copied()
        .chain([
            "/mail?state=sent",
            "/mail?state=sent&before=9",
            "/customers?address=nowhere",
            "/customers?port=x",
            "/customers?address=192.0.2.1&time=yesterday",
            "/incidents?state=all",
            "/incidents?severity=x",
            "/incidents?before=x",
            "/incidents?sort=x",
            "/report?file=a+b%26c.csv&line=x",
            "/mail?state=open",
            "/customers?q=nothing&after=C",
            "/customers?which=x",
            "/reports?kind=none",
            "/reports?day=x",
            "/reports?which=x",
            "/customer?id=bare&part=mails",
            "/customer?id=bare&part=prefixes",
            "/customer?id=bare&part=history",
            "/customer?id=bare&part=x",
            "/unassigned?within=203.0.113.0/24",
            "/unassigned?within=203.0.113.0/24&after=192.0.2.9/32",
            "/unassigned?within=x",
            "/nat?inside=x",
            "/nat?inside=100.64.0.0/29&outside=192.0.2.1&skip=x",
            "/unassigned?why=x",
            "/unassigned?together=x",
            "/?x=%",
            "/?x=1",
            "/?x=1&x=1",
            "/none",
        ])
        .map(|target| (keeper(false, false), Request { target, cookie: "sid=of-ann", ..PLAIN }))
        .collect();
    asked.extend([
        (keeper(true, false), nobody),
        (keeper(false, false), Request { target: "/login", ..nobody }),
        (keeper(false, false), Request { target: "/login", visitor: far, ..nobody }),
        (keeper(false, false), Request { method: "PUT", ..nobody }),
        (keeper(false, false), Request { host: "evil.example", ..nobody }),
        (keeper(false, false), Request { target: "/people", cookie: "sid=of-vic", ..PLAIN }),
    ]);
    for (target, body) in [
        ("/password", &b"csrf=t0ken&old=a&password=b&again=c"[..]),
        ("/password", b"csrf=t0ken&old=a&password=b&again=b"),
        ("/people/add", b"csrf=t0ken&name=new&password=abc&again=abc"),
        ("/people/add", b"csrf=old"),
        ("/people/add", b"%"),
        ("/login", b"name=ann&password=wrong"),
        ("/claim", b"code=x&password=a&again=b"),
        ("/settings/change", b"csrf=t0ken&table=box&version=1&box.name=x&box.mode=hold"),
        ("/settings/change", b"csrf=t0ken&table=box&version=1&box.name=x&box.mode=hold&box.language=%3Ci%3E"),
        ("/system/power", b"csrf=t0ken&do=off&sure=on"),
        ("/system/power", b"csrf=t0ken&do=restart&sure=on"),
        ("/setup/change", b"csrf=t0ken&step=1&version=1&organisation.name=a&box.timezone=x"),
        (
            "/setup/change",
            b"csrf=t0ken&step=1&version=1&organisation.name=a&box.timezone=x&box.language=%3Ci%3E",
        ),
        ("/setup/live", b"csrf=t0ken&do=later"),
        ("/families/change", b"csrf=t0ken&which=none&family.tell=nobody"),
        ("/none", b"csrf=t0ken"),
    ] {
        asked.push((keeper(false, false), Request { target, body, ..FORM }));
    }
    asked.extend([
        (keeper(false, true), Request { target: "/login", body: b"name=ann&password=x", ..FORM }),
        (keeper(false, false), Request { content_type: "text/plain", ..FORM }),
        (keeper(false, false), Request { origin: "http://evil.example", ..FORM }),
        (keeper(false, false), Request { visitor: far, ..FORM }),
        (keeper(false, false), Request { cookie: "sid=of-vic", ..FORM }),
    ]);
    let boxes = [
        FAKE,
        Fake { mode: Mode::Practice, quiet: true, ..FAKE },
        Fake { mode: Mode::Live, doubt: Some(Doubt::Behind), ..FAKE },
        Fake { doubt: Some(Doubt::Unconfirmed), ..FAKE },
    ];
    let replies = asked.iter().flat_map(|(keeper, request)| {
        let reply = |house: Fake| handle(request, &Fake { language, ..house }, keeper, keeper, NOW);
        // The state of the box changes the overview alone.
        let count = if request.target == "/" { boxes.len() } else { 1 };
        boxes
            .into_iter()
            .take(count)
            .map(move |house| (format!("{} {}", request.method, request.target), reply(house)))
    });
    replies.collect()
}

/// What a person reads of a document: its text but for code, and the attributes that are shown.
fn read_aloud(body: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for part in body.split('<') {
        let (tag, after) = part.split_once('>').unwrap_or(("", part));
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
        if ["pre", "code"].contains(&name) {
            is_code = !tag.starts_with('/');
        }
        for attribute in ["title=\"", "aria-label=\"", "data-head=\"", "placeholder=\""] {
            if let Some((_, value)) = tag.split_once(attribute) {
                text += value.split('"').next().unwrap_or_default();
                text.push('\n');
            }
        }
        if !is_code {
            text += after;
            text.push('\n');
        }
    }
    text
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 1 && word.chars().all(char::is_alphabetic))
        .map(str::to_lowercase)
}

#[test]
fn no_english_sentence_stands_on_a_german_page() {
    let [english, german] = [0, 1].map(|index| texts(FILES[index].1));
    let escaped = |text: &str| super::super::html::html!(text.to_owned()).into_string();
    let mut telling = Vec::new();
    for (key, english) in &english {
        let (_, german) = german.iter().find(|(known, _)| known == key).unwrap();
        let own: Vec<_> = pieces(english)
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.split('`').step_by(2)),
                Piece::Name(_) => None,
            })
            .flatten()
            .map(str::trim)
            .filter(|text| text.len() > 12 && !german.contains(text))
            .collect();
        telling.extend(own.into_iter().map(|text| (key.as_str(), escaped(text))));
    }
    assert!(telling.len() > 100, "{telling:?}");
    let (mut seen, mut pages) = (std::collections::BTreeSet::new(), 0);
    for ((asked, own), (_, other)) in all_in("de-AT").iter().zip(all_in("en")) {
        assert_eq!(own.status, other.status, "{asked}");
        assert!(own.content_type != HTML || own.body.contains("<html lang=\"de\">"), "{asked}");
        pages += usize::from(own.content_type == HTML);
        let [said, other] = [&own.body, &other.body].map(|body| read_aloud(body));
        for (key, text) in &telling {
            assert!(!said.contains(text), "{asked} says {key} in English: {text}\n{said}");
            if other.contains(text) {
                seen.insert(*key);
            }
        }
    }
    // Otherwise the search proves nothing.
    assert!(
        pages > 30 && seen.len() * 2 > telling.len(),
        "{pages} pages, {} of {}",
        seen.len(),
        telling.len()
    );
}

#[test]
fn every_word_of_a_german_page_is_of_the_language_files() {
    let (columns, settings) =
        (include_str!("../../lang/de.toml"), include_str!("../../lang/de-settings.toml"));
    let families = include_str!("../../lang/de-families.toml");
    let names = crate::lang::NAMES.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ");
    let known: std::collections::HashSet<String> = texts(FILES[1].1)
        .iter()
        .chain(&texts(columns))
        .flat_map(|(_, text)| words_of(text))
        .chain([settings, families, &names].into_iter().flat_map(words_of))
        .collect();
    // What the made-up box holds, and what is a name in every language.
    let data: Vec<String> = words_of(&format!(
        "{EVIL} lt gt quot amp abusebox Rack localhost ann tls vic customer AB CD UTC some none wanted search address kind \
         customer states open told quiet state severity high today day order by is rising false true cursor value https \
         message id sha time csv English example bare Accessible RDP Resolvers scan CustomersWanted OwnerlessWanted \
         within network ambiguous nobody"
    ))
    .collect();
    let unknown: std::collections::BTreeSet<_> = all_in("de")
        .iter()
        // Words of English mails, which somebody has asked for.
        .filter(|(asked, _)| !asked.contains("/texts/en/"))
        .flat_map(|(asked, reply)| {
            words_of(&read_aloud(&reply.body)).map(move |word| (word, asked.clone())).collect::<Vec<_>>()
        })
        .filter(|(word, _)| !known.contains(word) && !data.contains(word))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn no_page_leaves_a_placeholder_open() {
    for language in ["en", "de"] {
        let keys = || texts(FILES[0].1).into_iter().map(|(_, text)| text);
        let names: std::collections::BTreeSet<String> = keys()
            .flat_map(|text| {
                pieces(&text)
                    .filter_map(|piece| match piece {
                        Piece::Name(name) => Some(format!("{{{name}}}")),
                        Piece::Text(_) => None,
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(names.len() > 10);
        // Where mails are written, they are to be seen.
        for (asked, reply) in all_in(language).into_iter().filter(|(asked, _)| !asked.contains("/texts")) {
            assert!(!names.iter().any(|name| reply.body.contains(name)), "{asked}: {}", reply.body);
        }
    }
}

#[test]
fn a_broken_store_is_said_and_escaped() {
    let keeper = Keeper { broken: true, ..Keeper::default() };
    // Jobs, certificates, NATs and words are in no store.
    let elsewhere = ["/jobs", "/system/certificate", "/nat", "/texts"];
    let is_stored = |target: &str| !elsewhere.iter().any(|path| target.starts_with(path));
    for target in PAGES.iter().filter(|target| is_stored(target)) {
        let reply =
            handle(&Request { target, cookie: "sid=of-ann", ..PLAIN }, &Broken, &keeper, &keeper, NOW);
        assert_eq!(reply.status, 500, "{target}");
        assert!(!reply.body.contains("<script") && reply.body.contains("&lt;script&gt;"), "{target}");
    }
    assert_eq!(ask(&Broken, "GET", "/style.css", "localhost").status, 200);
}

#[test]
fn every_reply_forbids_what_it_does_not_need() {
    for (target, status) in
        [("/", 200), ("/none", 404), ("/?x=1", 400), ("/style.css", 200), ("/mail/7/html", 200)]
    {
        let reply = get(target);
        assert_eq!(reply.status, status, "{target}");
        let header = |name| header(&reply, name);
        let policy = header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(!policy.contains("script") && !policy.contains("http"), "{policy}");
        assert_eq!(header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(header("Referrer-Policy"), Some("same-origin"));
        assert_eq!(header("Cache-Control"), Some("no-store"));
        let is_mail = target == "/mail/7/html";
        assert_eq!(policy.contains("'unsafe-inline'"), is_mail, "only a mail styles itself");
        assert_eq!(policy.ends_with("; sandbox"), is_mail, "and it may do nothing");
        assert_eq!(policy.contains("frame-ancestors 'none'"), !is_mail);
    }
}

#[test]
fn only_the_names_of_this_machine_are_answered() {
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.8.9.1:1",
        "[::1]",
        "[::1]:8080",
        "rack-3",
        "Rack-3.local:8080",
        "rack-3.local.",
        "rack-3-2.local",
        "abuse.example.net",
        "ABUSE.example.net:443",
    ] {
        assert_eq!(ask(&FAKE, "GET", "/", host).status, 200, "{host}");
    }
    for host in [
        "",
        ".",
        "evil.example",
        "localhost.evil.example",
        "rack-3.evil.example",
        "xrack-3.local",
        "rack-3-02.local",
        "rack-3-x.local",
        "rack-3-.local",
        "rack-3-2",
        "[::1",
        "[::1]x",
        "[::1]:x",
        "::1",
        "localhost:x",
        "localhost:99999",
        "localhost:80:80",
        "localhost:+80",
        "127.0.0.1.evil.example",
        "local",
        ".local",
        "0.0.0.0",
        "[::]",
        "a.abuse.example.net",
    ] {
        let reply = ask(&FAKE, "GET", "/", host);
        assert_eq!(reply.status, 421, "{host}");
        assert!(!reply.body.contains("example"), "nothing of the box is told");
    }
}

#[test]
fn any_address_may_be_asked_for() {
    for host in ["192.0.2.1", "10.0.0.1:8080", "[2001:db8::1]", "[fe80::1]:80"] {
        assert_eq!(ask(&FAKE, "GET", "/", host).status, 200, "{host}");
    }
}

#[test]
fn nobody_sees_anything_without_a_session() {
    for (peer, is_secure) in
        [("127.0.0.1", false), ("10.0.0.1", false), ("192.0.2.1", true), ("fe80::1", true)]
    {
        let visitor = Some(Visitor { peer: peer.parse().unwrap(), is_secure });
        for cookie in
            ["", "sid=", "sid=other", "__Host-sid=other", "sid=of-tls", "x=of-ann", "sid=of-ann; sid=of-ann"]
        {
            for target in PAGES.iter().copied().chain(["/mail/7/html", "/none", "/?a=b", "/login"]) {
                let (reply, _) = send(&Keeper::default(), &Request { target, visitor, cookie, ..PLAIN });
                if target == "/login" {
                    assert!(
                        reply.status == 200 && reply.body.contains("action=\"/login\""),
                        "{}",
                        reply.body
                    );
                } else {
                    let login = super::super::html::link("/login", &[("to", target)]);
                    assert_eq!((reply.status, header(&reply, "Location")), (303, Some(&*login)));
                }
                for word in ["192.0.2.7", "1,006", "3389", "onerror=y&gt;</td>", ">Incidents<", ">ann"] {
                    assert!(!reply.body.contains(word), "{peer} {target} tells {word}: {}", reply.body);
                }
                check_nested(target, &reply.body);
                let (reply, _) = send(
                    &Keeper { unclaimed: true, ..Keeper::default() },
                    &Request { target, visitor, cookie, ..PLAIN },
                );
                assert_eq!(
                    reply.status,
                    if target.starts_with("/?") || target == "/" { 200 } else { 303 },
                    "{peer} {target}"
                );
            }
        }
    }
    assert_eq!(
        send(&Keeper::default(), &Request { visitor: None, cookie: "sid=of-ann", ..PLAIN }).0.status,
        403
    );
    let broken = Keeper { broken: true, ..Keeper::default() };
    assert_eq!(send(&broken, &PLAIN).0.status, 500);
    let asked = Request { target: "/login?to=%2Fmail%3Fstate%3Dheld", ..PLAIN };
    let (reply, _) = send(&Keeper::default(), &asked);
    assert!(reply.body.contains("name=\"to\" value=\"/mail?state=held\""), "{}", reply.body);
}

#[test]
fn a_session_holds_for_its_cookie_on_its_scheme() {
    let secure = Some(Visitor { is_secure: true, ..NEAR });
    for (visitor, cookie, sees) in [
        (Some(NEAR), "sid=of-ann", true),
        (Some(NEAR), "a=b; sid=of-ann; c", true),
        (Some(NEAR), "__Host-sid=of-ann", false),
        (secure, "sid=of-ann", false),
        (secure, "sid=x; __Host-sid=of-ann", true),
        (secure, "__Host-sid=of-tls", true),
        (Some(Visitor { peer: "192.0.2.1".parse().unwrap(), is_secure: false }), "sid=of-ann", false),
    ] {
        let (reply, _) = send(&Keeper::default(), &Request { visitor, cookie, ..PLAIN });
        assert_eq!(reply.status == 200 && reply.body.contains("1,006"), sees, "{visitor:?} {cookie}");
    }
}

#[test]
fn the_unclaimed_box_shows_one_page_and_the_first_person_is_an_operator() {
    let keeper = Keeper { unclaimed: true, ..Keeper::default() };
    let (reply, _) = send(&keeper, &PLAIN);
    assert!(
        reply.body.contains("action=\"/claim\"") && reply.body.contains("not encrypted"),
        "{}",
        reply.body
    );
    assert!(reply.body.contains("https://localhost:8443/") && reply.body.contains("AB:CD"), "{}", reply.body);
    check_nested("/claim", &reply.body);
    let body = b"code=C0DE&name=ann&password=secret%20words&again=secret+words&role=viewer";
    let claim = Request { target: "/claim", cookie: "", body, ..FORM };
    let (reply, done) = send(&keeper, &claim);
    assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/")));
    assert_eq!(
        header(&reply, "Set-Cookie"),
        Some("sid=new-id; Path=/; HttpOnly; SameSite=Strict"),
        "for this connection only"
    );
    assert_eq!(done, ["claim C0DE NewPerson { name: \"ann\", role: Operator, password: \"secret words\" }"]);
    let differ = Request { body: b"code=C0DE&name=ann&password=secret&again=other", ..claim };
    let (reply, done) = send(&keeper, &differ);
    assert!(reply.status == 400 && done.is_empty() && reply.body.contains("not the same"), "{}", reply.body);
}

#[test]
fn a_log_in_leads_to_the_page_that_was_wanted_and_nowhere_else() {
    for (to, location) in [
        ("/incidents/42?a=b", "/incidents/42?a=b"),
        ("/", "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("http://evil.example", "/"),
        ("%2F%2Fevil.example", "/"),
    ] {
        let to = to.replace('&', "%26").replace('=', "%3D");
        let body = format!("name=ann&password=right&to={to}");
        let log_in = Request { target: "/login", cookie: "", body: body.as_bytes(), ..FORM };
        let (reply, _) = send(&Keeper::default(), &log_in);
        assert_eq!((reply.status, header(&reply, "Location")), (303, Some(location)), "{to}");
        let visitor = Some(Visitor { is_secure: true, ..NEAR });
        let (reply, _) =
            send(&Keeper::default(), &Request { visitor, origin: "https://localhost", ..log_in });
        let cookie = "__Host-sid=new-id; Path=/; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(header(&reply, "Set-Cookie"), Some(cookie));
    }
    let wrong = Request { target: "/login", cookie: "", body: b"name=ann&password=x&to=%2Fmail", ..FORM };
    let (reply, _) = send(&Keeper::default(), &wrong);
    assert!(reply.status == 403 && header(&reply, "Set-Cookie").is_none());
    assert!(reply.body.contains("value=\"/mail\"") && reply.body.contains("not right"), "{}", reply.body);
    let (reply, _) = send(&Keeper { wait: true, ..Keeper::default() }, &wrong);
    assert_eq!((reply.status, header(&reply, "Retry-After")), (429, Some("4")));
}

#[test]
fn passwords_come_from_afar_by_https_only() {
    let far = Visitor { peer: "192.0.2.1".parse().unwrap(), is_secure: false };
    let log_in = Request { target: "/login", cookie: "", body: b"name=ann&password=right", ..FORM };
    let (reply, _) = send(&Keeper::default(), &Request { target: "/login", visitor: Some(far), ..PLAIN });
    assert!(
        !reply.body.contains("<form") && reply.body.contains("https://localhost:8443/"),
        "{}",
        reply.body
    );
    let (reply, done) = send(&Keeper::default(), &Request { visitor: Some(far), ..log_in });
    assert!(reply.status == 403 && done.is_empty());
    let far = Visitor { is_secure: true, ..far };
    let (reply, _) = send(&Keeper::default(), &Request { target: "/login", visitor: Some(far), ..PLAIN });
    assert!(reply.body.contains("<form") && !reply.body.contains("not encrypted"), "{}", reply.body);
    let (reply, done) =
        send(&Keeper::default(), &Request { visitor: Some(far), origin: "https://localhost", ..log_in });
    assert_eq!((reply.status, done.len()), (303, 1));
}

#[test]
fn no_form_does_anything_without_session_token_and_origin() {
    let (reply, done) = send(&Keeper::default(), &FORM);
    assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/people")));
    assert_eq!(done, ["remove bob"]);
    for form in FORMS {
        let (_, done) = send(&Keeper::default(), &form_to(form));
        assert_eq!(done.len(), 1, "{} is a form that does something", form.path);
    }
    let vary = |change: fn(&mut Request<'static>)| {
        let mut request = FORM;
        change(&mut request);
        request
    };
    let bad = [
        ("no session", vary(|r| r.cookie = "")),
        ("another's session", vary(|r| r.cookie = "sid=stolen")),
        ("the session of the other scheme", vary(|r| r.cookie = "__Host-sid=of-ann")),
        ("a viewer", vary(|r| r.cookie = "sid=of-vic")),
        ("no token", vary(|r| r.body = &FIELDS["csrf=t0ken&".len()..])),
        (
            "an empty token",
            vary(|r| {
                r.body = b"csrf=&name=bob&old=a&password=abc&again=abc&role=viewer&do=drop&id-7=&job=8&file=a"
            }),
        ),
        (
            "a wrong token",
            vary(|r| {
                r.body =
                    b"csrf=t0kem&name=bob&old=a&password=abc&again=abc&role=viewer&do=drop&id-7=&job=8&file=a"
            }),
        ),
        (
            "two tokens",
            vary(|r| {
                r.body =
                    b"csrf=t0ken&csrf=t0ken&name=bob&old=a&password=abc&again=abc&role=viewer&do=drop&id-7=&job=8&file=a"
            }),
        ),
        ("no origin", vary(|r| r.origin = "")),
        ("the origin of nowhere", vary(|r| r.origin = "null")),
        ("another origin", vary(|r| r.origin = "http://evil.example")),
        ("the origin of another port", vary(|r| r.origin = "http://localhost:81")),
        ("the origin of the other scheme", vary(|r| r.origin = "https://localhost")),
        ("another site", vary(|r| r.fetch_site = "cross-site")),
        ("a neighbour", vary(|r| r.fetch_site = "same-site")),
        ("typed by hand", vary(|r| r.fetch_site = "none")),
        ("another host", vary(|r| r.host = "evil.example")),
        ("no form", vary(|r| r.content_type = "text/plain")),
        ("another form", vary(|r| r.content_type = PARTS)),
        ("no bytes of a text", vary(|r| r.body = b"csrf=t0ken&name=\xff")),
        ("not through the door", vary(|r| r.visitor = None)),
        ("read only", vary(|r| r.method = "GET")),
        ("another method", vary(|r| r.method = "PUT")),
    ];
    for (what, request) in &bad {
        for Form { path: target, act } in FORMS {
            let may = |what: &str| match act {
                // For those who have no session yet.
                Act::Outside(_) => {
                    ![
                        "origin",
                        "site",
                        "neighbour",
                        "hand",
                        "host",
                        "form",
                        "bytes",
                        "door",
                        "only",
                        "method",
                    ]
                    .iter()
                    .any(|bad| what.contains(bad))
                        && what != "two tokens"
                }
                Act::Inside(Role::Viewer, _) => what == "a viewer",
                Act::Inside(Role::Operator, _) | Act::Upload(..) => false,
            };
            let mut sent = Request { target, ..*request };
            if let Act::Upload(..) = act {
                sent.upload = "upload-1";
                // What is no form with a file is none here, either.
                sent.content_type = match sent.content_type {
                    PARTS => "application/x-www-form-urlencoded",
                    "text/plain" => "text/plain",
                    _ => PARTS,
                };
            }
            let (reply, done) = send(&Keeper::default(), &sent);
            assert!(done.is_empty() || may(what), "{what} {target}: {done:?}");
            assert!(reply.status >= 300, "{what} {target}");
        }
    }
}

/// A form with which something is done.
fn form_to(form: &Form) -> Request<'static> {
    let sent = Request { target: form.path, ..FORM };
    match form.act {
        Act::Upload(..) => Request { content_type: PARTS, upload: "upload-1", ..sent },
        _ if form.path == "/incidents/change" => Request { body: b"csrf=t0ken&do=close&id-7=on", ..sent },
        _ if form.path == "/system/certificate/change" => Request { body: b"csrf=t0ken&do=remove", ..sent },
        _ if form.path == "/texts/change" => {
            Request { body: b"csrf=t0ken&language=de&part=ssh&do=reset", ..sent }
        }
        _ if form.path == "/families/change" => {
            Request { body: b"csrf=t0ken&which=ssh&version=1&family.tell=nobody", ..sent }
        }
        _ if form.path == "/texts/reviewed" => Request { body: b"csrf=t0ken&language=pl", ..sent },
        _ if form.path == "/system/power" => Request { body: b"csrf=t0ken&do=off&sure=on", ..sent },
        _ if form.path == "/setup/change" => {
            Request { body: b"csrf=t0ken&step=3&version=1&networks.cidrs=192.0.2.0/24", ..sent }
        }
        _ if form.path == "/setup/check" => Request { body: b"csrf=t0ken&step=5", ..sent },
        _ if form.path == "/setup/live" => Request { body: b"csrf=t0ken&do=practice", ..sent },
        _ if form.path == "/settings/change" => {
            Request { body: b"csrf=t0ken&table=box&version=1&box.name=x", ..sent }
        }
        _ => sent,
    }
}

#[test]
fn settings_are_changed_by_table_and_what_was_wrong_stands_beside_what_was_typed() {
    let keeper = Keeper::default();
    let send = |body: &'static [u8]| send(&keeper, &Request { target: "/settings/change", body, ..FORM });
    let (reply, done) = send(b"csrf=t0ken&table=box&version=v&box.name=x&policy.digest_hour=9");
    assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/settings#box")));
    assert!(done[0].contains("\"name\"") && !done[0].contains("digest_hour"), "of its table alone: {done:?}");
    assert!(ask_as(&keeper, "/settings").contains("1 setting was changed"));

    let (reply, _) =
        send(b"csrf=t0ken&table=box&version=v&box.name=%22%3E%3Ci%3E&box.mode=live&box.language=de");
    assert_eq!(reply.status, 400);
    assert!(
        reply.body.contains("value=\"&quot;&gt;&lt;i&gt;\"") && !reply.body.contains("<i>"),
        "{}",
        reply.body
    );
    assert!(reply.body.contains("aria-invalid") && reply.body.contains("<option value=\"live\" selected>"));
    let first = reply.body.find("aria-invalid").expect("a field is marked");
    assert!(
        reply.body[first..].starts_with("aria-invalid=\"true\" autofocus"),
        "the browser goes to the first"
    );
    assert_eq!(reply.body.matches(" autofocus").count(), 1);
    assert!(reply.body.contains("Nothing was saved: "));
    let (reply, _) = send(b"csrf=t0ken&table=box&version=old&box.name=x&box.mode=live");
    assert!(reply.status == 400 && reply.body.contains("were changed meanwhile"));

    let (_, done) = send(
        b"csrf=t0ken&table=mail&version=v&mail.server=m.example&mail.security=tls&mail.port=&mail.user=u\
          &mail.password=p&mail.per_minute_max=5",
    );
    let all = "NewServer { security: Tls, host: \"m.example\", port: None, user: \"u\", password: *** }";
    assert!(done[0].contains(all), "{done:?}");
    let (_, done) =
        send(b"csrf=t0ken&table=shadowserver&version=v&shadowserver.key=&clear:shadowserver.key=on");
    assert!(done[0].starts_with("[Clear(Field { table: \"shadowserver\", key: \"key\""), "{done:?}");

    let page = ask_as(&keeper, "/settings");
    assert!(!page.contains("secret-token") && page.contains("value=\"m.example\""), "{page}");
    assert!(page.contains("<button>Save</button>") && !page.contains("fieldset disabled"));
    let viewer =
        handle(&Request { target: "/settings", cookie: "sid=of-vic", ..PLAIN }, &FAKE, &keeper, &keeper, NOW);
    assert!(viewer.body.contains("fieldset disabled") && !viewer.body.contains("<button>Save</button>"));
}

#[test]
fn a_certificate_is_taken_or_the_form_comes_back_without_the_key() {
    let keeper = Keeper::default();
    let send =
        |body: &'static [u8]| send(&keeper, &Request { target: "/system/certificate/change", body, ..FORM });
    let (reply, done) = send(b"csrf=t0ken&do=put&chain=my+chain&key=wrong");
    assert_eq!((reply.status, done), (400, vec!["certificate by ann".to_owned()]));
    assert!(reply.body.contains("my chain</textarea>") && reply.body.contains("cannot be used"));
    assert!(!reply.body.contains("wrong</textarea>"), "the key is not shown again");
    for (body, part) in [
        (&b"csrf=t0ken&do=put&chain=c&key=localhost"[..], "valid until"),
        (b"csrf=t0ken&do=put&chain=c&key=other", "None of its names is"),
        (b"csrf=t0ken&do=remove", "of its own making again"),
    ] {
        assert_eq!(header(&send(body).0, "Location"), Some("/system/certificate"));
        let (reply, _) =
            self::send(&keeper, &Request { target: "/system/certificate", cookie: "sid=of-ann", ..PLAIN });
        assert!(reply.body.contains(part), "{part}: {}", reply.body);
    }
    assert_eq!(send(b"csrf=t0ken&do=look").0.status, 400);
}

#[test]
fn a_support_bundle_is_a_file_for_operators() {
    let (reply, done) = send(&Keeper::default(), &Request { target: "/system/support/download", ..FORM });
    assert_eq!((reply.status, done), (200, vec!["support for ann".to_owned()]));
    assert!(header(&reply, "Content-Disposition").is_some_and(|header| header.starts_with("attachment;")));
    for target in ["/system/support", "/system/certificate"] {
        let viewer = Request { target, cookie: "sid=of-vic", ..PLAIN };
        assert_eq!(send(&Keeper::default(), &viewer).0.status, 404, "{target}");
    }
}

#[test]
fn the_box_is_restarted_only_if_it_is_meant() {
    let keeper = Keeper::default();
    let send = |body: &'static [u8]| send(&keeper, &Request { target: "/system/power", body, ..FORM });
    let (reply, done) = send(b"csrf=t0ken&do=restart");
    assert_eq!((header(&reply, "Location"), done.len()), (Some("/system"), 0));
    let (reply, done) = send(b"csrf=t0ken&do=restart&sure=on");
    assert_eq!(
        (reply.status, header(&reply, "Refresh"), done),
        (200, Some("45; url=/"), vec!["Restart by ann".to_owned()])
    );
    let (reply, done) = send(b"csrf=t0ken&do=off&sure=on");
    assert_eq!((header(&reply, "Refresh"), done), (None, vec!["Off by ann".to_owned()]));
    assert_eq!(send(b"csrf=t0ken&do=explode&sure=on").0.status, 400);
}

#[test]
fn what_holds_for_a_family_is_changed_by_a_form_of_its_own_or_with_all_others() {
    let list = get("/families").body;
    let rules = "only you are told; from severity low on; from report day 2 on; from amplification 5 on; again after 14 days";
    assert!(list.contains(rules) && list.contains("nobody is told") && list.contains("as for all"), "{list}");
    let one = get("/families/open_resolver").body;
    assert!(one.contains("value=\"operator\" selected") && one.contains("value=\"5\""), "{one}");
    assert!(one.contains("<code>scan_dns</code>"), "{one}");
    let keeper = Keeper::default();
    let post = |target: &'static str, body: &'static [u8]| send(&keeper, &Request { target, body, ..FORM });
    let body = b"csrf=t0ken&which=ssh&version=v&family.tell=nobody&family.repeat_days=";
    let (reply, done) = post("/families/change", body);
    assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/families#ssh")));
    let wanted = "Family(Ssh, [(\"tell\", \"nobody\"), (\"repeat_days\", \"\")])";
    assert!(done.len() == 1 && done[0].contains(wanted), "{done:?}");
    let (reply, done) = post("/families/change", b"csrf=t0ken&which=none&family.tell=nobody");
    assert_eq!((reply.status, done.len()), (400, 0));
    for table in ["family", "nat"] {
        let body = format!("csrf=t0ken&table={table}&version=v&{table}=x");
        let request = Request { target: "/settings/change", body: body.as_bytes(), ..FORM };
        let (_, done) = send(&keeper, &request);
        assert!(done.len() == 1 && done[0].contains(&format!("table: \"{table}\"")), "{done:?}");
    }
    assert_eq!(get("/families/none").status, 404);
}

#[test]
fn the_first_run_leads_from_step_to_step() {
    let overview = get("/").body;
    assert!(overview.contains("href=\"/setup\"") && overview.contains("href=\"/setup/2\""), "{overview}");
    let list = get("/setup").body;
    for step in 1..=6 {
        assert!(list.contains(&format!("href=\"/setup/{step}\">Step {step} of 6: ")), "{list}");
    }
    // Key and networks are missing; the test mail came through; nothing is live.
    let badges: Vec<_> =
        list.split("class=\"badge").skip(1).map(|rest| &rest[..rest.find("</").unwrap()]).collect();
    let [done, to_do] = [" good\">done", "\">to do"];
    assert_eq!(badges, [done, to_do, to_do, done, done, to_do]);
    let offer = get("/setup/3").body;
    assert!(offer.contains(">\n192.0.2.0/24</textarea>") && offer.contains("1,234"), "{offer}");

    let keeper = Keeper::default();
    let post = |target: &'static str, body: &'static [u8]| {
        let (reply, done) = send(&keeper, &Request { target, body, ..FORM });
        (reply.status, header(&reply, "Location").unwrap_or_default().to_owned(), done, reply.body)
    };
    let (status, to, done, _) =
        post("/setup/change", b"csrf=t0ken&step=2&version=v&shadowserver.key=k&box.name=other");
    assert_eq!((status, to.as_str(), done.len()), (303, "/jobs/11", 2), "it is tried at once");
    assert!(
        done[0].contains("\"key\"") && !done[0].contains("\"name\""),
        "of its own settings alone: {done:?}"
    );
    assert_eq!(done[1], "check Shadowserver by ann");
    let (_, to, done, _) = post("/setup/change", b"csrf=t0ken&step=3&version=v&networks.cidrs=192.0.2.0/24");
    assert_eq!((to.as_str(), done.len()), ("/setup/4", 1));
    let (status, _, _, body) = post(
        "/setup/change",
        b"csrf=t0ken&step=1&version=v&organisation.name=%22%3E%3Ci%3E&box.timezone=x&box.language=de",
    );
    assert!(
        status == 400 && body.contains("value=\"&quot;&gt;&lt;i&gt;\"") && body.contains("/setup/change")
    );
    assert!(body.contains("box.name: "), "what is wrong elsewhere is said with its name: {body}");
    let (status, _, _, body) =
        post("/setup/change", b"csrf=t0ken&step=1&version=v&organisation.name=a&box.timezone=x");
    assert!(status == 400 && body.contains("were changed meanwhile"), "{body}");
    let (_, to, done, _) = post("/setup/check", b"csrf=t0ken&step=5");
    assert_eq!((to.as_str(), done), ("/jobs/11", vec!["check Mail by ann".to_owned()]));
    for body in [&b"csrf=t0ken&step=3"[..], b"csrf=t0ken&step=9", b"csrf=t0ken"] {
        let (reply, done) = send(&keeper, &Request { target: "/setup/check", body, ..FORM });
        assert!(reply.status == 400 && done.is_empty());
    }
    let asked = get("/jobs/11").body;
    assert!(
        asked.contains("href=\"/setup/3\"") && asked.contains("1,007") && asked.contains("+ 1"),
        "{asked}"
    );
    let none = get("/jobs/10").body;
    assert!(none.contains("<pre>Dear Shadowserver") && !none.contains("href=\"/setup/3\""), "{none}");
    let mailed = get("/jobs/12").body;
    assert!(mailed.contains("does not name 203.0.113.25") && mailed.contains("everybody"), "{mailed}");
    assert!(mailed.contains("<dt>DKIM</dt>") && mailed.contains("href=\"/setup/6\""), "{mailed}");
    assert!(get("/jobs/8").body.contains("with this list 900 of 1,000 rows"));
}

#[test]
fn the_last_step_shows_the_mails_and_asks_what_to_do() {
    let page = get("/setup/6").body;
    for part in [
        "<details><summary>",
        "name=\"through\" value=\"34\"",
        "Release 12 mails and go live",
        "value=\"practice\"",
        "href=\"/mail/7\"",
        "Not done yet: <a href=\"/setup/2\">",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let viewer = send(&Keeper::default(), &Request { target: "/setup/6", cookie: "sid=of-vic", ..PLAIN }).0;
    assert!(viewer.body.contains("<details>") && !viewer.body.contains("/setup/live"), "{}", viewer.body);
    for step in ["/setup/1", "/setup/2", "/setup/4", "/setup/5"] {
        let viewer = send(&Keeper::default(), &Request { target: step, cookie: "sid=of-vic", ..PLAIN }).0;
        assert!(!viewer.body.contains("action=\"/setup") && !viewer.body.contains("/upload"), "{step}");
    }
    let keeper = Keeper::default();
    let live = |body| send(&keeper, &Request { target: "/setup/live", body, ..FORM });
    let (reply, done) = live(b"csrf=t0ken&do=release&through=34");
    assert_eq!(header(&reply, "Location"), Some("/"));
    assert_eq!(done[0], "Release Held { through: 34 } by ann");
    assert!(done[1].contains("key: \"mode\"") && done[1].contains("\"live\""), "{done:?}");
    assert!(ask_as(&keeper, "/").contains("2 mails were released and go out now"));
    let (_, done) = live(b"csrf=t0ken&do=practice&through=34");
    assert!(done.len() == 1 && done[0].contains("\"practice\""), "nothing is released: {done:?}");
    for body in [&b"csrf=t0ken&do=drop&through=34"[..], b"csrf=t0ken&do=release&through=x", b"csrf=t0ken"] {
        let (reply, done) = live(body);
        assert!(reply.status == 400 && done.is_empty());
    }
}

/// A page as the operator sees it.
fn ask_as(keeper: &Keeper, target: &str) -> String {
    handle(&Request { target, cookie: "sid=of-ann", ..PLAIN }, &FAKE, keeper, keeper, NOW).body
}

#[test]
fn what_was_chosen_is_changed_and_the_next_page_says_it_once() {
    let keeper = Keeper::default();
    for (target, body, wanted, said) in [
        ("/mail/change", "do=release&id-9=on&id-8=on&id-9=x&to=%2Fmail%3Fstate%3Dheld", "", ""),
        (
            "/mail/change",
            "do=release&id-9=on&id-8=on&to=%2Fmail%3Fstate%3Dheld",
            "Release These([8, 9]) by ann",
            "2 mails were released",
        ),
        ("/mail/change", "do=drop&through=34", "Drop Held { through: 34 } by ann", "stays as it is"),
        ("/mail/change", "do=drop", "", "Nothing was chosen"),
        ("/mail/change", "do=all&id-9=on", "", ""),
        ("/mail/change", "do=drop&through=x", "", ""),
        ("/incidents/change", "do=close&id-3=on&until=&note=", "Close [3] by ann", "1 incident was closed"),
        ("/incidents/change", "do=reopen&id-3=on", "Reopen [3] by ann", ""),
        (
            "/incidents/change",
            "do=mute&id-3=on&until=2027-01-15",
            "Mute { until: 2027-01-15 } [3] by ann",
            "",
        ),
        ("/incidents/change", "do=mute&id-3=on&until=2027-01-14", "", "choose a day"),
        ("/incidents/change", "do=mute&id-3=on", "", "choose a day"),
        (
            "/incidents/change",
            "do=note&id-3=on&id-4=&note=two%0D%0Alines",
            "note two\nlines [3, 4] by ann",
            "2 incidents have the note now",
        ),
        ("/incidents/change", "do=note&id-3=on&note=+", "", "write a text"),
        ("/incidents/change", "do=note&note=x", "", "Nothing was chosen"),
        ("/incidents/change", "id-3=on", "", ""),
    ] {
        let body = format!("csrf=t0ken&{body}");
        let (reply, done) = send(&keeper, &Request { target, body: body.as_bytes(), ..FORM });
        let done = done.join(", ").replace("Day(20833)", "2027-01-15");
        assert_eq!(done, wanted, "{body}");
        let page = |target| send(&keeper, &Request { target, cookie: "sid=of-ann", ..PLAIN }).0.body;
        if reply.status == 303 {
            let to =
                if body.contains("to=") { "/mail?state=held" } else { target.trim_end_matches("/change") };
            assert_eq!(header(&reply, "Location"), Some(to), "{body}");
            let other = send(&keeper, &Request { target: "/mail", cookie: "sid=of-vic", ..PLAIN }).0;
            let head = Request { method: "HEAD", target: "/mail", cookie: "sid=of-ann", ..PLAIN };
            send(&keeper, &head);
            assert!(!other.body.contains("role=\"status\""), "nobody else is told");
            let first = page(to);
            assert!(first.contains("role=\"status\"") && first.contains(said), "{body}: {first}");
            check_nested(to, &first);
        } else {
            assert_eq!(reply.status, 400, "{body}");
        }
        assert!(!page("/mail").contains("role=\"status\""), "once only");
    }
    let long = format!("csrf=t0ken&do=note&id-3=on&note={}", "x".repeat(crate::store::NOTE_BYTES_MAX + 1));
    let (_, done) = send(&keeper, &Request { target: "/incidents/change", body: long.as_bytes(), ..FORM });
    assert!(done.is_empty() && keeper.told.borrow()[0].1 == Outcome::TooLong);
    let every: String = (0..ROWS_MAX).map(|id| format!("&id-{id}=on")).collect();
    let every = format!("csrf=t0ken&do=close{every}");
    let (_, done) = send(&keeper, &Request { target: "/incidents/change", body: every.as_bytes(), ..FORM });
    assert!(done[0].contains("[0, 1, ") && done[0].contains(", 99]"), "a whole page can be chosen: {done:?}");
    let (reply, done) =
        send(&Keeper { wait: true, ..Keeper::default() }, &Request { target: "/mail/change", ..FORM });
    assert!(reply.status == 403 && done.is_empty() && reply.body.contains("Nothing was changed"));
}

#[test]
fn a_file_that_came_with_a_form_becomes_a_job() {
    let keeper = Keeper::default();
    let sent = |target, upload, body| Request { target, upload, body, content_type: PARTS, ..FORM };
    for (target, what) in
        [("/reports/upload", "Report"), ("/customers/upload", "Customers"), ("/sessions/upload", "Sessions")]
    {
        let (reply, done) = send(&keeper, &sent(target, "upload-7", b"csrf=t0ken&file=a%20b.csv"));
        assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/jobs/3")));
        assert_eq!(done, [format!("{what} upload-7 a b.csv by ann")]);
        let nothing = [sent(target, "", b"csrf=t0ken&file=a.csv"), sent(target, "upload-7", b"csrf=t0ken")];
        for request in nothing {
            let (reply, done) = send(&keeper, &request);
            assert!(reply.status == 303 && done.is_empty(), "{target}");
            assert_eq!(keeper.told.take(), [("ann".to_owned(), Outcome::NoFile)]);
        }
        assert!(file_bytes_max(target).is_some());
    }
    assert_eq!((file_bytes_max("/people/add"), file_bytes_max("/none")), (None, None));
}

#[test]
fn the_door_is_told_who_may_send_a_file() {
    for path in ["/reports/upload", "/customers/upload", "/sessions/upload"] {
        for (cookie, status) in [("sid=of-ann", 200), ("sid=of-vic", 403), ("sid=stolen", 303), ("", 303)] {
            let request = Request { method: "HEAD", target: path, cookie, ..PLAIN };
            assert_eq!(send(&Keeper::default(), &request).0.status, status, "{path} {cookie}");
        }
    }
}

#[test]
fn a_job_is_looked_at_again_until_it_is_done() {
    for number in 1..=14 {
        let reply = get(&format!("/jobs/{number}"));
        let is_moving = number <= 2 || number >= 13;
        assert_eq!(header(&reply, "Refresh"), is_moving.then_some("2"), "{number}");
        check_nested("/jobs", &reply.body);
    }
    assert_eq!(get("/jobs/15").status, 404);
    let body = get("/jobs/4").body;
    assert!(body.contains("matched <b>900</b>") && body.contains("planned: 5, held of them: 4"), "{body}");
}

#[test]
fn a_customer_file_shows_what_it_changes_before_it_is_taken() {
    let body = get("/jobs/8").body;
    for part in [
        "action=\"/customers/take\"",
        "action=\"/customers/discard\"",
        "required name=\"id-9\">Leave out line 9",
        "New customers: 60",
        "and 59 more",
        "<dd>8</dd>",
        "and 7 more",
        "prefixes gone: 2",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let viewer = send(&Keeper::default(), &Request { target: "/jobs/8", cookie: "sid=of-vic", ..PLAIN }).0;
    assert!(!viewer.body.contains("/customers/take") && viewer.body.contains("waits for an operator"));
    let keeper = Keeper::default();
    for (body, location, wanted) in [
        ("job=8&id-9=on", "/jobs/4", "take 8 without [9] by ann"),
        ("job=8", "/jobs/8", "take 8 without [] by ann"),
    ] {
        let body = format!("csrf=t0ken&{body}");
        let request = Request { target: "/customers/take", body: body.as_bytes(), ..FORM };
        let (reply, done) = send(&keeper, &request);
        assert_eq!((header(&reply, "Location"), done), (Some(location), vec![wanted.to_owned()]));
    }
    assert_eq!(keeper.told.take()[0].1, Outcome::Unconfirmed);
    for target in ["/customers/take", "/customers/discard"] {
        let (reply, done) = send(&keeper, &Request { target, body: b"csrf=t0ken&job=x", ..FORM });
        assert!(reply.status == 400 && done.is_empty());
    }
}

#[test]
fn only_operators_see_what_they_can_do() {
    for target in ["/mail", "/mail/7", "/mail/held", "/incidents", "/incidents/42"] {
        let asked = |cookie| send(&Keeper::default(), &Request { target, cookie, ..PLAIN }).0.body;
        let (operator, viewer) = (asked("sid=of-ann"), asked("sid=of-vic"));
        assert!(operator.contains("/change\"") && operator.contains("name=\"do\""), "{target}: {operator}");
        assert!(!viewer.contains("/change\"") && !viewer.contains("name=\"id-"), "{target}: {viewer}");
        assert!(!operator.contains("command line") && !viewer.contains("command line"), "{target}");
    }
    let held = get("/mail/held").body;
    assert!(held.contains("Release 12 mails") && held.contains("name=\"through\" value=\"34\""), "{held}");
    assert!(get("/mail").body.contains("Release all 12 held mails"));
    let quiet = ask(&Fake { quiet: true, ..FAKE }, "GET", "/mail/held", "localhost").body;
    assert!(quiet.contains("No mail waits") && !quiet.contains("value=\"release\""), "{quiet}");
}

#[test]
fn what_a_form_did_wrong_is_said_on_its_page() {
    let short = Request { target: "/password", body: b"csrf=t0ken&old=a&password=b&again=b", ..FORM };
    let (reply, done) = send(&Keeper::default(), &short);
    assert_eq!((reply.status, done), (400, vec!["password ann a b".to_owned()]));
    assert!(
        reply.body.contains("role=\"alert\">The two passwords") && reply.body.contains("Your password"),
        "{}",
        reply.body
    );
    let body = b"csrf=t0ken&name=new&password=abc&again=abc&role=viewer";
    let (_, done) = send(&Keeper::default(), &Request { target: "/people/add", body, ..FORM });
    assert_eq!(done, ["add NewPerson { name: \"new\", role: Viewer, password: \"abc\" }"]);
    for body in [&b"csrf=t0ken&name=new&password=abc&again=abc&role=god"[..], b"csrf=t0ken&name=new"] {
        let (reply, done) = send(&Keeper::default(), &Request { target: "/people/add", body, ..FORM });
        assert!(reply.status == 400 && done.is_empty(), "{}", reply.body);
    }
    let (reply, done) = send(&Keeper::default(), &Request { target: "/logout", ..FORM });
    assert_eq!(done, ["log out of-ann"]);
    assert_eq!(header(&reply, "Set-Cookie"), Some("sid=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    assert_eq!(send(&Keeper::default(), &Request { target: "/none", ..FORM }).0.status, 404);
    let view = ask(&FAKE, "GET", "/people", "localhost");
    let (other, _) = send(&Keeper::default(), &Request { target: "/people", cookie: "sid=of-vic", ..PLAIN });
    assert!(view.body.contains("/people/add") && !other.body.contains("/people/add"), "a viewer only looks");
    assert!(other.body.contains("action=\"/password\""));
}

#[test]
fn health_is_that_the_store_can_be_read() {
    for peer in ["127.0.0.1", "10.0.0.1"] {
        let visitor = Some(Visitor { peer: peer.parse().unwrap(), is_secure: false });
        let request = Request { target: "/healthz", visitor, ..PLAIN };
        let reply = handle(&request, &FAKE, &Keeper::default(), &Keeper::default(), NOW);
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok\n"));
        assert_eq!(handle(&request, &Broken, &Keeper::default(), &Keeper::default(), NOW).status, 503);
    }
}

#[test]
fn other_methods_are_refused() {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "post", ""] {
        for target in ["/", "/none", "/style.css", "/login"] {
            let reply = ask(&FAKE, method, target, "localhost");
            assert_eq!(reply.status, 405, "{method} {target}");
            assert_eq!(header(&reply, "Allow"), Some("GET, HEAD, POST"));
        }
    }
    assert_eq!(ask(&FAKE, "HEAD", "/", "localhost"), get("/"));
}

#[test]
fn what_is_not_there_is_not_found() {
    for target in [
        "/none",
        "//",
        "/incidents/",
        "/incidents/41",
        "/incidents/x",
        "/incidents/-1",
        "/incidents/42/",
        "/mail/1",
        "/mail/7/text",
        "/mail/7/html/x",
        "/mail/1/html",
        "/incidents/99999999999999999999",
        "/report",
        "/report?file=other",
        "/style.css/",
        "/../etc/passwd",
        "/%69ncidents",
        "",
        "x",
        "*",
    ] {
        check_status(target, 404);
    }
}

#[test]
fn hostile_queries_are_refused() {
    for target in [
        "/?x=1",
        "/incidents?x=1",
        "/incidents?q=a&q=b",
        "/incidents?q=%",
        "/incidents?q=%4",
        "/incidents?q=%zz",
        "/incidents?q=%+1",
        "/incidents?q=%ff",
        "/incidents?q=%00",
        "/incidents?q=%0d%0aX",
        "/incidents?state=all",
        "/incidents?severity=HIGH",
        "/incidents?before=-1",
        "/incidents?before=x",
        "/incidents?before=1-",
        "/incidents?sort=place",
        "/incidents?sort=rows-falling",
        "/mail?state=open",
        "/mail?before=1e3",
        "/reports?after=1",
        "/customers?address=192.0.2.1&port=70000",
        "/customers?address=192.0.2.1&time=yesterday",
        "/incidents/42?x=1",
        "/report?file=a+b%26c.csv&line=x",
    ] {
        check_status(target, 400);
    }
    check_status(&format!("/incidents?q={}", "x".repeat(VALUE_BYTES_MAX)), 200);
    check_status(&format!("/incidents?q={}", "x".repeat(VALUE_BYTES_MAX + 1)), 400);
    check_status(&format!("/{}", "x".repeat(TARGET_BYTES_MAX)), 400);
    let many: Vec<String> = (0..=PAIRS_MAX).map(|n| format!("k{n}=")).collect();
    check_status(&format!("/incidents?{}", many.join("&")), 400);
}

#[test]
fn filters_reach_the_view_and_stay_in_the_links() {
    let body = get("/incidents?q=+192.0.2.7+&report=scan_rdp&state=current&severity=high&before=42").body;
    let today = NOW.day();
    let wanted = Wanted {
        address: Some("192.0.2.7".parse().unwrap()),
        customer: None,
        kind: Some("scan_rdp".to_owned()),
        states: &[State::Open, State::Told, State::Quiet],
        severity: Some(Severity::High),
        today,
        order: Order::default(),
    };
    let shown = |text: &str| super::super::html::html!(text).into_string();
    assert!(body.contains(&shown(&format!("{wanted:?} {:?}", Some(Cursor::at(42))))), "{body}");
    let filter = "/incidents?q=192.0.2.7&amp;report=scan_rdp&amp;state=current&amp;severity=high";
    assert!(body.contains(&format!("href=\"{filter}&amp;before=41\"")), "{body}");
    for part in
        ["<option value=\"high\" selected>", "value=\"192.0.2.7\"", "<option value=\"scan_rdp\" selected>"]
    {
        assert!(body.contains(part), "{part}: {body}");
    }
    // The head of the column by which they are sorted turns the order round, each other leads to its own.
    for (sort, by, is_rising, own, other) in [
        ("", SortBy::Number, false, "&amp;sort=number-rising\">No.", "&amp;sort=rows\">Rows"),
        ("number-rising", SortBy::Number, true, "\">No.", "&amp;sort=customer-rising\">Customer"),
        ("customer-rising", SortBy::Customer, true, "&amp;sort=customer\">Customer", "\">No."),
        ("last-seen", SortBy::LastSeen, false, "&amp;sort=last-seen-rising\">Last seen", "\">No."),
        ("severity", SortBy::Severity, false, "&amp;sort=severity-rising\">Severity", "\">No."),
        ("rows-rising", SortBy::Rows, true, "&amp;sort=rows\">Rows", "&amp;sort=severity\">Severity"),
    ] {
        let body = get(&format!("{}&sort={sort}", filter.replace("&amp;", "&"))).body;
        let wanted = Wanted { order: Order { by, is_rising }, ..wanted.clone() };
        assert!(body.contains(&shown(&format!("{wanted:?} None"))), "{sort}: {body}");
        let order = if is_rising { "ascending" } else { "descending" };
        let own = format!(" aria-sort=\"{order}\"><a href=\"{filter}{own}</a>");
        let other = format!("><a href=\"{filter}{other}</a>");
        assert!(body.contains(&own) && body.contains(&other), "{sort}: {own} {other} {body}");
        assert_eq!(body.matches("aria-sort").count(), 1, "{sort}");
        let kept = if sort.is_empty() { String::new() } else { format!("&amp;sort={sort}") };
        let next = if by == SortBy::Number { "41" } else { "7-41" };
        assert!(body.contains(&format!("href=\"{filter}{kept}&amp;before={next}\"")), "{sort}: {body}");
        let field = format!("<input type=\"hidden\" name=\"sort\" value=\"{sort}\">");
        assert_eq!(body.contains(&field), !sort.is_empty(), "{sort}: {body}");
    }
    let body = get("/incidents?sort=rows&before=7-41").body;
    let after = Some(Cursor { value: 7, number: 41 });
    let order = Order { by: SortBy::Rows, is_rising: false };
    assert!(body.contains(&shown(&format!("{:?} {after:?}", Wanted { today, order, ..Wanted::default() }))));
    let body = get("/incidents?q=C%2D17&state=&severity=").body;
    let wanted = Wanted { customer: Some("C-17".to_owned()), today, ..Wanted::default() };
    assert!(body.contains(&shown(&format!("{wanted:?} None"))), "{body}");
    let body = get("/reports").body;
    assert!(body.contains("href=\"/reports?before=a%20b%26c\""), "{body}");
    assert!(get("/mail?state=sent").body.contains("No such mails."));
}

#[test]
fn the_overview_says_what_needs_a_person() {
    let body = get("/").body;
    for part in [
        "Not set up yet",
        "<a href=\"/setup/2\">Set <code>shadowserver.key</code>",
        "<a href=\"/setup/3\">Set <code>networks.cidrs</code>",
        "2 days ago",
        "href=\"/mail/held\"",
        ">1,006</a>",
        "matched <b>900</b>",
        "class=\"mode m-hold\"",
        "10 minutes ago",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    for (doubt, part, done) in [
        (None, "All is well", ""),
        (Some(Doubt::Behind), "The clock is wrong", "Set the clock of this machine"),
        (Some(Doubt::Unconfirmed), "Waiting for the time", "The box asks time servers"),
    ] {
        let body = ask(&Fake { mode: Mode::Live, quiet: true, doubt, ..FAKE }, "GET", "/", "localhost").body;
        assert!(body.contains(part) && body.contains(done) && !body.contains("/mail/held"), "{body}");
    }
}

#[test]
fn an_incident_shows_its_facts_evidence_and_mails() {
    let body = get("/incidents/42").body;
    for part in [
        "192.0.2.7",
        "2001:db8::7",
        "rows: 1,234",
        "port 3389",
        "line 17 of ",
        "Host name",
        "AB-7",
        "AB-3",
        "forgotten",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[test]
fn a_mail_is_shown_in_a_sandboxed_frame_of_its_own() {
    let body = get("/mail/7").body;
    assert!(
        body.contains("<iframe class=\"mail\" tabindex=\"0\" sandbox title=\"The mail as HTML\"")
            && body.contains(" src=\"/mail/7/html\">"),
        "{body}"
    );
    assert!(!body.contains("the mail itself") && body.contains("As it would go out now"), "{body}");
    assert!(body.contains("value=\"release\"") && body.contains("name=\"id-7\""), "{body}");
    assert!(!get("/mail/8").body.contains("value=\"release\""), "a dropped mail is not released");
    assert_eq!(get("/mail/7/html").body, "<p style=\"color:red\">the mail itself</p>");
}

#[test]
fn whois_asks_at_the_moment_of_the_form() {
    for (time, at) in [
        ("2026-11-20T13%3A45", "2026-11-20T13:45:00Z"),
        ("2026-11-20T13:45:00%2B01:00", "2026-11-20T12:45:00Z"),
        ("", &NOW.to_string()),
    ] {
        let body = get(&format!("/customers?address=192.0.2.7&port=80&time={time}")).body;
        assert!(body.contains(&format!("Some(80) {at}")), "{time}: {body}");
    }
    let body = get("/customers?address=nowhere").body;
    assert!(body.contains("Write an address like"), "{body}");
}

#[test]
fn a_nat_is_tried_before_it_is_set() {
    let has = |query: &str, parts: &[&str]| {
        let body = get(&format!("/nat{query}")).body;
        for part in parts {
            assert!(body.contains(part), "{query}: {part}: {body}");
        }
        body
    };
    // That of the settings, as it is.
    let body = has("", &["100.64.0.0/24", "64 share an outside address, and each of them has 1,008 ports."]);
    assert!(!body.contains("[[nat]]"));
    let tried =
        "?inside=100.64.0.0/29&outside=192.0.2.1+192.0.2.8/31&first=1024&last=4095&skip=1&address=192.0.2.1";
    has(&format!("{tried}&port=2500"), &["<code>100.64.0.2</code>", "[[nat]]\ninside", "skip = 1"]);
    has(&format!("{tried}&port=80"), &["The formula gives this to nobody."]);
    let inside = tried.replace("address=192.0.2.1", "address=100.64.0.4");
    has(&inside, &["<code>192.0.2.8 1024-2047</code>"]);
    let crowded = "?inside=100.64.0.0/24&outside=192.0.2.1&per_user=1000";
    let body = has(crowded, &["each outside address has room for 64, and 256 would share it"]);
    assert!(!body.contains("[[nat]]"));
}

#[test]
fn words_are_shown_before_they_are_saved_and_saved_only_where_they_are_right() {
    let keeper = Keeper::default();
    let send = |body: String| {
        send(&keeper, &Request { target: "/texts/change", body: body.leak().as_bytes(), ..FORM })
    };
    let family = |title: &str, what: &str| {
        let texts = ["seen", "matters", "device", "technician", "check", "intended"];
        let texts: String = texts.iter().map(|key| format!("&text.{key}=Read+this.")).collect();
        format!(
            "csrf=t0ken&language=de&part=ssh&do={what}&text.title={title}&text.layman=One.%0D%0A%0D%0ATwo.{texts}"
        )
    };
    let (reply, done) = send(family("Neu%3Cb%3E", "preview"));
    assert_eq!((reply.status, done.len()), (200, 0));
    for part in ["Neu&lt;b&gt;", "1. One.", "2. Two.", "\nOne.\nTwo.</textarea>"] {
        assert!(reply.body.contains(part), "{part}: {}", reply.body);
    }
    for (title, why) in
        [("", "a text is needed here"), ("%7Bx%7D", "{x} is not known"), ("%60a", "a backtick")]
    {
        for what in ["preview", "save"] {
            let (reply, done) = send(family(title, what));
            assert_eq!((reply.status, done.len()), (400, 0), "{title} {what}");
            assert!(reply.body.contains(why) && reply.body.contains("Read this."), "{}", reply.body);
        }
    }
    let (reply, done) = send(family("Neu", "save"));
    assert_eq!((reply.status, header(&reply, "Location")), (303, Some("/texts/de/ssh")));
    assert!(
        done[0].starts_with("texts de Family(Ssh") && done[0].contains("layman: [\"One.\", \"Two.\"]"),
        "{done:?}"
    );
    // What was left out is empty, and a mail without greeting is none.
    let sentences = "csrf=t0ken&language=de&part=sentences&do=save&text.greeting=Hallo,".to_owned();
    assert_eq!(send(sentences).0.status, 400);
    for bad in ["language=xx&part=ssh&do=save", "language=de&part=x&do=save", "language=de&part=ssh&do=x"] {
        let (reply, done) = send(format!("csrf=t0ken&{bad}"));
        assert_eq!((reply.status, done.len()), (400, 0), "{bad}");
    }
    let status = |target: &str| {
        handle(&Request { target, cookie: "sid=of-ann", ..PLAIN }, &FAKE, &keeper, &keeper, NOW).status
    };
    assert_eq!(
        [status("/texts/pl"), status("/texts/xx"), status("/texts/en/none"), status("/texts/xx/ssh")],
        [200, 404, 404, 404]
    );
    let mail = handle(
        &Request { target: "/texts/pl/ssh/html", cookie: "sid=of-ann", ..PLAIN },
        &FAKE,
        &keeper,
        &keeper,
        NOW,
    );
    assert!(mail.body.contains("lang=\"pl\"") && mail.policy.contains("sandbox"));
    let unreviewed = |target: &str, name: &str| {
        let cookie: String = format!("sid=of-{name}");
        handle(&Request { target, cookie: cookie.leak(), ..PLAIN }, &FAKE, &keeper, &keeper, NOW).body
    };
    assert!(unreviewed("/texts/pl", "ann").contains("/texts/reviewed"));
    assert!(!unreviewed("/texts/pl", "vic").contains("/texts/reviewed"), "a viewer confirms nothing");
    assert!(!unreviewed("/texts/de", "ann").contains("/texts/reviewed"));
}

#[test]
fn a_report_shows_its_rejected_rows_and_the_way_to_more() {
    let body = get("/report?file=a+b%26c.csv").body;
    for part in
        ["the time cannot be read", "href=\"/report?file=a%20b%26c.csv&amp;line=99\"", "matched <b>900</b>"]
    {
        assert!(body.contains(part), "{part}: {body}");
    }
}
