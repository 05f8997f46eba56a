//! What the page shows, read from the engine. It changes nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::intake::describe;
use super::mailing::Kinds;
use super::{Engine, Error, Loaded, STORE};
use crate::clock::{Day, Timestamp};
use crate::customers::{Contact, CustomerNo, Owner, Port};
use crate::files;
use crate::incident::policy::local_day;
use crate::incident::{Incident, Key, OPERATOR, State};
use crate::lines::{Outgoing, Status};
use crate::logbook;
use crate::net::{is_host, own_networks};
use crate::notify::outbox::{self, Notice};
use crate::store::{self, Counts, Fetching};
use crate::system::disk;
use crate::web::view::{
    Candidate, Customer, CustomerFacts, Customers, Held, IncidentFacts, IncidentRow, MailFacts, MailRow,
    Overview, Part, ROWS_MAX, ReportFacts, Search, Secure, Site, System, Tally, Trouble, View, Wanted, Whois,
};

/// The engine as the page sees it.
pub struct Live {
    engine: Arc<Engine>,
    counted: Mutex<Option<Counted>>,
    /// Held by the one who counts.
    counting: Mutex<()>,
    secure: Mutex<Option<Secure>>,
}

/// A tally and what it holds for.
#[derive(Clone)]
struct Counted {
    tally: Tally,
    commits: u64,
    today: Day,
    finished: Instant,
    took: Duration,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self(describe(&error))
    }
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self(describe(&error))
    }
}

impl Live {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, counted: Mutex::default(), counting: Mutex::default(), secure: Mutex::default() }
    }

    /// How to come by HTTPS from now on.
    pub fn set_secure(&self, secure: Option<Secure>) {
        *self.secure.lock().unwrap_or_else(PoisonError::into_inner) = secure;
    }

    /// The tally, counted anew only if something was written since, and not too soon after the last count.
    fn tally(&self, loaded: &Loaded, now: Timestamp) -> Result<Tally, store::Error> {
        let today = local_day(now, &loaded.settings.boxx.timezone);
        let last = || self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = |counted: &Counted| {
            let same =
                counted.commits == self.engine.store.commits() && counted.finished.elapsed() < RECOUNT_MAX;
            let soon = counted.finished.elapsed() < RECOUNT_MIN.max(counted.took * RECOUNT_REST);
            counted.today == today && (same || soon)
        };
        if let Some(counted) = last().filter(fresh) {
            return Ok(counted.tally);
        }
        // While one counts, the others take what was counted last, if there is such; else they wait for it.
        let _counting = match (self.counting.try_lock(), last()) {
            (Ok(counting), _) => counting,
            (Err(_), Some(counted)) => return Ok(counted.tally),
            (Err(_), None) => self.counting.lock().unwrap_or_else(PoisonError::into_inner),
        };
        if let Some(counted) = last().filter(fresh) {
            return Ok(counted.tally);
        }
        let (commits, began) = (self.engine.store.commits(), Instant::now());
        let tally = count(&self.engine.store.view()?, today, now)?;
        let counted =
            Counted { tally: tally.clone(), commits, today, finished: Instant::now(), took: began.elapsed() };
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(tally)
    }
}

impl View for Live {
    fn site(&self) -> Site {
        let loaded = self.engine.loaded();
        let settings = &loaded.settings;
        Site {
            organisation: settings.organisation.name.clone(),
            box_name: settings.boxx.name.clone(),
            names: settings.page.names.clone(),
            zone: settings.boxx.timezone.clone(),
            language: settings.boxx.language.clone(),
            mode: settings.boxx.mode,
            secure: self.secure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn overview(&self, now: Timestamp) -> Result<Overview, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let schedule = view.meta::<Fetching>()?.unwrap_or_default().schedule;
        let mut alarms: Vec<_> = self.engine.alarms(&view)?.into_iter().collect();
        alarms.sort_by_key(|(_, alarm)| alarm.since);
        Ok(Overview {
            clock_doubt: self.engine.clock.doubt(),
            alarms,
            missing: loaded.settings.missing(),
            is_fetching: self.engine.is_fetching(now),
            last_fetch: schedule.last_success,
            next_fetch: schedule.next_at(),
            customers: loaded.table.customers_len() as u64,
            tally: self.tally(&loaded, now)?,
        })
    }

    fn incidents(&self, wanted: &Wanted, before: Option<u64>) -> Result<Part<IncidentRow, u64>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let (mut customer, mut address) = (None, None);
        match &wanted.search {
            None => {}
            Some(Search::Address(searched)) => address = Some(searched.to_canonical()),
            Some(Search::Customer(id)) => match view.customer_number(id)? {
                Some(number) => customer = Some(number),
                None => return Ok(Part { rows: Vec::new(), next: None }),
            },
        }
        let kinds = Kinds::load(&view)?;
        let mut found: Vec<(Key, Incident)> = Vec::new();
        let (mut next, mut read) = (None, 0);
        view.incident_keys_back(before, |number, key| {
            // The key alone rules out most of what a search does not want.
            if customer.is_some_and(|customer| key.customer() != customer)
                || address.is_some_and(|address| !key.may_be_at(address))
            {
                return Ok(ControlFlow::Continue(()));
            }
            if found.len() >= ROWS_MAX || read >= READ_MAX {
                next = Some(number + 1);
                return Ok(ControlFlow::Break(()));
            }
            read += 1;
            if let Some(incident) = view.incident(&key)?
                && wanted.severity.is_none_or(|severity| incident.severity == severity)
                && (wanted.states.is_empty() || wanted.states.contains(&incident.state(wanted.today)))
                && address.is_none_or(|address| is_at(&key, &incident, address))
            {
                found.push((key, incident));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let names = Names::of(&view, &loaded, found.iter().map(|(key, _)| key.customer()))?;
        let row = |(key, incident): (Key, Incident)| IncidentRow {
            kind: kinds.of(&key).0.to_owned(),
            customer: names.get(key.customer()),
            key,
            incident,
        };
        Ok(Part { rows: found.into_iter().map(row).collect(), next })
    }

    fn incident(&self, id: u64) -> Result<Option<IncidentFacts>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let Some(key) = view.incident_key(id)? else { return Ok(None) };
        let Some(incident) = view.incident(&key)? else { return Ok(None) };
        let mut file = None;
        view.reports_back(None, |name, report| {
            if report.number == incident.evidence.report {
                file = Some(name.to_owned());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let notices = incident.notices.iter().map(|&number| Ok((number, view.notice(number)?)));
        let notices = notices.collect::<Result<_, store::Error>>()?;
        let names = Names::of(&view, &loaded, [key.customer()])?;
        let kind = Kinds::load(&view)?.of(&key).0.to_owned();
        let row = IncidentRow { kind, customer: names.get(key.customer()), key, incident };
        Ok(Some(IncidentFacts { row, file, notices, notes: view.notes(id)? }))
    }

    fn mails(
        &self,
        state: Option<outbox::State>,
        before: Option<u64>,
    ) -> Result<Part<MailRow, u64>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let mut found: Vec<Notice> = Vec::new();
        let (mut next, mut read) = (None, 0);
        view.notices_back(before, |notice| {
            if found.len() >= ROWS_MAX || read >= READ_MAX {
                next = Some(notice.number + 1);
                return ControlFlow::Break(());
            }
            read += 1;
            if state.is_none_or(|state| outbox::state(&notice, None) == state) {
                found.push(notice);
            }
            ControlFlow::Continue(())
        })?;
        let names = Names::of(&view, &loaded, found.iter().map(|notice| notice.customer))?;
        let rows = found.into_iter().map(|notice| self.mail_row(&loaded, &names, notice)).collect();
        Ok(Part { rows, next })
    }

    fn mail(&self, number: u64, now: Timestamp) -> Result<Option<MailFacts>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let Some(notice) = view.notice(number)? else { return Ok(None) };
        let mail = self.engine.preview(&view, &loaded, &notice, now)?.map(|(mail, _)| mail);
        let names = Names::of(&view, &loaded, [notice.customer])?;
        let row = self.mail_row(&loaded, &names, notice);
        let ids = (0..row.to.len()).map(|index| self.engine.message_id(&loaded, number, index));
        let message_ids = ids.collect::<Result<_, _>>()?;
        Ok(Some(MailFacts { row, message_ids, mail }))
    }

    fn held(&self) -> Result<(u64, u64), Trouble> {
        let held = self.engine.held(u64::MAX)?;
        Ok((held.len() as u64, held.last().copied().unwrap_or_default()))
    }

    fn reports(&self, before: Option<&str>) -> Result<Part<(String, store::Report), String>, Trouble> {
        let (mut rows, mut next) = (Vec::new(), None);
        self.engine.store.view()?.reports_back(before, |file, report| {
            if rows.len() >= ROWS_MAX {
                next = rows.last().map(|(file, _): &(String, _)| file.clone());
                return ControlFlow::Break(());
            }
            rows.push((file.to_owned(), report));
            ControlFlow::Continue(())
        })?;
        Ok(Part { rows, next })
    }

    fn report(&self, file: &str, from_line: u64) -> Result<Option<ReportFacts>, Trouble> {
        let view = self.engine.store.view()?;
        let Some(report) = view.report(file)? else { return Ok(None) };
        let mut rows = view.rejected(report.number, from_line, ROWS_MAX + 1)?;
        let next = rows.get(ROWS_MAX).map(|(line, _)| *line);
        rows.truncate(ROWS_MAX);
        Ok(Some(ReportFacts { report, rejected: Part { rows, next } }))
    }

    fn customers(&self) -> Result<Customers, Trouble> {
        let loaded = self.engine.loaded();
        let imports = self.engine.store.view()?.imports()?;
        Ok(Customers {
            customers: loaded.table.customers_len() as u64,
            prefixes: loaded.table.prefixes_len() as u64,
            imports: imports.into_iter().rev().take(ROWS_MAX).map(|(_, import)| import).collect(),
            file: loaded.settings.customers.file.as_ref().map(|file| file.display().to_string()),
        })
    }

    fn customer_list(&self, after: CustomerNo) -> Result<Part<CustomerFacts, CustomerNo>, Trouble> {
        let loaded = self.engine.loaded();
        let customers = loaded.table.customers(after).take(ROWS_MAX + 1);
        let mut rows: Vec<_> = customers.map(|(number, contact)| facts(number, &contact)).collect();
        let is_all = rows.len() <= ROWS_MAX;
        rows.truncate(ROWS_MAX);
        Ok(Part { next: rows.last().filter(|_| !is_all).map(|last| last.number), rows })
    }

    fn customer(&self, id: &str, from: usize) -> Result<Option<Held>, Trouble> {
        let loaded = self.engine.loaded();
        let number = self.engine.store.view()?.customer_number(id)?;
        let found = number.and_then(|number| Some((number, loaded.table.contact(number)?)));
        // The lines without an id have the empty one, and are nobody's.
        let Some((number, contact)) = found.filter(|(_, found)| found.in_newest && !found.id.is_empty())
        else {
            return Ok(None);
        };
        let mut rows: Vec<_> = loaded.table.holdings(number).skip(from).take(ROWS_MAX + 1).collect();
        let next = (rows.len() > ROWS_MAX).then_some(from + ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Ok(Some((facts(number, &contact), Part { rows, next })))
    }

    fn outgoing(&self, notice: &Notice, now: Timestamp) -> Result<Outgoing, Trouble> {
        let loaded = self.engine.loaded();
        Ok(self.engine.outgoing(&self.engine.store.view()?, &loaded, notice, now)?)
    }

    fn status(&self, now: Timestamp) -> Result<Status, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let tally = self.tally(&loaded, now)?;
        Ok(Status {
            mode: loaded.settings.boxx.mode,
            clock_trusted: self.engine.clock.now().is_some(),
            last_fetch: view.meta::<Fetching>()?.unwrap_or_default().schedule.last_success,
            last_report_day: tally.day.map(|(day, ..)| day),
            incidents_open: tally.open.iter().sum(),
            outbox_held: tally.held,
            outbox_queued: tally.queued,
            alarms: self.engine.alarms(&view)?,
        })
    }

    fn resident_bytes(&self) -> Option<u64> {
        resident_bytes()
    }

    fn system(&self) -> Result<System, Trouble> {
        let engine = &self.engine;
        Ok(System {
            slot: disk::booted().ok().map(|boot| boot.running.to_string()),
            networks: own_networks().into_iter().filter(is_of_others).collect(),
            disk: files::room(&engine.data).ok(),
            store: std::fs::metadata(engine.data.join(STORE)).ok().map(|file| file.len()),
            memory: resident_bytes(),
            doubt: engine.clock.doubt(),
        })
    }

    fn support(&self, now: Timestamp) -> Result<String, Trouble> {
        Ok(self.engine.support(now)?)
    }

    fn log(&self, words: &str) -> Vec<String> {
        logbook::lines(words, ROWS_MAX)
    }

    fn whois(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Whois {
        let loaded = self.engine.loaded();
        let answer = loaded.table.explain(address, port.map(Port::Source), at);
        let customer = match answer.owner {
            Owner::Customer { customer, .. } => contact(&loaded, customer),
            _ => None,
        };
        let candidate = |line: &crate::customers::table::Candidate<'_>| Candidate {
            customer_id: line.customer_id.to_owned(),
            prefix: line.prefix.to_string(),
            line: line.line,
            imported: line.imported,
            won: line.won,
            why: line.why,
        };
        Whois {
            owner: answer.owner,
            customer,
            prefix: answer.prefix.map(|prefix| prefix.to_string()),
            why: answer.why,
            candidates: answer.candidates.iter().take(ROWS_MAX).map(candidate).collect(),
        }
    }
}

impl Live {
    fn mail_row(&self, loaded: &Loaded, names: &Names, notice: Notice) -> MailRow {
        let to = match notice.deliveries.as_slice() {
            [] if notice.done.is_none() => self.engine.addresses(loaded, &notice),
            deliveries => deliveries.iter().map(|delivery| delivery.to.clone()).collect(),
        };
        MailRow { customer: names.get(notice.customer), to, notice }
    }
}

/// The customers of one page.
struct Names(HashMap<u32, Customer>);

impl Names {
    fn of(
        view: &store::View,
        loaded: &Loaded,
        numbers: impl IntoIterator<Item = CustomerNo>,
    ) -> Result<Self, store::Error> {
        let mut names = HashMap::new();
        let mut gone = Vec::new();
        for number in numbers {
            if number == OPERATOR || names.contains_key(&number.0) {
                continue;
            }
            match contact(loaded, number) {
                Some(customer) => drop(names.insert(number.0, customer)),
                None => gone.push(number),
            }
        }
        // Of a customer in no file any more only the id is left, and that has to be looked for.
        if !gone.is_empty() {
            view.customer_numbers(|id, number| {
                if gone.contains(&number) {
                    names.insert(number.0, Customer { id: id.to_owned(), name: String::new() });
                }
            })?;
        }
        Ok(Self(names))
    }

    fn get(&self, customer: CustomerNo) -> Option<Customer> {
        self.0.get(&customer.0).cloned()
    }
}

fn contact(loaded: &Loaded, customer: CustomerNo) -> Option<Customer> {
    let contact = loaded.table.contact(customer)?;
    Some(Customer { id: contact.id.to_owned(), name: contact.name.to_owned() })
}

/// Bytes of memory that this process holds.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = files::read_max(Path::new("/proc/self/status"), PROC_BYTES_MAX).ok()?;
    let status = String::from_utf8(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// Whether other machines could be in it: each one has the others.
pub(super) fn is_of_others(network: &IpNet) -> bool {
    let is_link_local = matches!(network.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local());
    is_host(network.addr()) && !is_link_local && network.prefix_len() < network.max_prefix_len()
}

fn facts(number: CustomerNo, contact: &Contact<'_>) -> CustomerFacts {
    CustomerFacts {
        number,
        customer: Customer { id: contact.id.to_owned(), name: contact.name.to_owned() },
        language: contact.language.map(str::to_owned),
        mails: contact.mails.iter().map(|mail| (*mail).to_owned()).collect(),
    }
}

/// Whether the incident was seen at that address, as far as it is kept.
fn is_at(key: &Key, incident: &Incident, address: IpAddr) -> bool {
    incident.evidence.address == Some(address)
        || incident.more_addresses.contains(&address)
        || key.network().is_some_and(|network| network.contains(&address))
}

/// Looks at everything once, one thing at a time.
fn count(view: &store::View, today: Day, now: Timestamp) -> Result<Tally, store::Error> {
    let mut tally = Tally::default();
    view.incidents(|_, incident| {
        tally.open[incident.severity as usize] += u64::from(incident.state(today) != State::Closed);
        Ok(())
    })?;
    view.notices(|notice| {
        let lately = notice.done.as_ref().is_some_and(|(at, _)| now.since(*at) < 86_400);
        match outbox::state(&notice, None) {
            outbox::State::Held => tally.held += 1,
            outbox::State::Queued => tally.queued += 1,
            outbox::State::Sent => tally.sent += u64::from(lately),
            outbox::State::Failed => tally.failed += u64::from(lately),
            outbox::State::Dropped => {}
        }
        Ok(())
    })?;
    view.reports(|_, report| {
        if report.duplicate_of.is_some() || report.unreadable.is_some() {
            return;
        }
        match &mut tally.day {
            Some((day, ..)) if *day > report.day => {}
            Some((day, reports, counts)) if *day == report.day => {
                *reports += 1;
                add(counts, &report.counts);
            }
            newest => *newest = Some((report.day, 1, report.counts)),
        }
    })?;
    Ok(tally)
}

pub(super) fn add(sum: &mut Counts, counts: &Counts) {
    let Counts { rows, matched, unassigned, ambiguous, unattributable, outside, rejected } = counts;
    sum.rows += rows;
    sum.matched += matched;
    sum.unassigned += unassigned;
    sum.ambiguous += ambiguous;
    sum.unattributable += unattributable;
    sum.outside += outside;
    sum.rejected += rejected;
}

/// Incidents or mails read for one page. A filter that finds less among so many shows what it has and the way on.
const READ_MAX: usize = 20_000;
/// Some two kilobytes.
pub(super) const PROC_BYTES_MAX: u64 = 64 * 1024;
/// The overview is at most so old while things change.
const RECOUNT_MIN: Duration = Duration::from_secs(3);
/// Counting takes at most a twentieth of the time, however long one count takes.
const RECOUNT_REST: u32 = 20;
/// Even if nothing is written: mails leave the last 24 hours.
const RECOUNT_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::report::kind::Severity;
    use crate::service::acting::Acting;
    use crate::service::admitting::Admission;
    use crate::service::intake::Source;
    use crate::store::Role;
    use crate::web::gate::{Gate, NewPerson, Visitor};
    use crate::web::router::{Request, handle};

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);

    const VISITOR: Visitor = Visitor { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), is_secure: false };

    struct House {
        engine: Arc<Engine>,
        live: Live,
        hand: Acting,
        gate: Admission,
        /// Of the operator, who has claimed it.
        cookie: String,
        folder: tempfile::TempDir,
    }

    /// A box with two customers, which holds its mails.
    fn house() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[organisation]\nabuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n[policy]\ndigest_hour = 0\n";
        let customers = "customer_id,name,email,cidr\nC1,First,one@example.com,192.0.2.0/25\n\
             C2,Second,two@example.com,2001:db8:2::/48\n";
        save_atomic(&folder.path().join("settings.toml"), settings.as_bytes(), 0o600).unwrap();
        save_atomic(&folder.path().join("customers.csv"), customers.as_bytes(), 0o600).unwrap();
        let path = folder.path().join("settings.toml");
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let gate = Admission::new(engine.clone());
        let code = std::fs::read_to_string(engine.data.join("setup-code")).unwrap();
        let new = NewPerson {
            name: "ann".to_owned(),
            role: Role::Operator,
            password: "several good words".to_owned(),
        };
        let id = gate.claim(&VISITOR, &code, &new, NOW).unwrap();
        House {
            live: Live::new(engine.clone()),
            hand: Acting::new(engine.clone(), None, || {}),
            gate,
            cookie: format!("sid={}", id.0),
            engine,
            folder,
        }
    }

    impl House {
        /// Takes in a report of one day with these rows: address, port, severity.
        fn ingest(&self, rows: &[(&str, u32, &str)]) {
            let day = NOW.day().plus(-1);
            let mut csv = "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\",\"hostname\"\n".to_owned();
            for (ip, port, severity) in rows {
                csv += &format!(
                    "\"{day} 03:00:00\",\"{severity}\",\"{ip}\",\"tcp\",\"{port}\",\"host<{port}>\"\n"
                );
            }
            let file = format!("{day}-scan_rdp-example-asn.csv");
            let path = self.folder.path().join(&file);
            save_atomic(&path, csv.as_bytes(), 0o600).unwrap();
            let spooled = self.engine.spool.ingest(&path, NOW).unwrap();
            self.engine.take(&Source { file, kind: None, day: None, id_hash: None }, &spooled, NOW).unwrap();
        }

        fn get(&self, target: &str) -> String {
            let reply = handle(&self.asked(target), &self.live, &self.gate, &self.hand, NOW);
            assert_eq!(reply.status, 200, "{target}: {}", reply.body);
            reply.body
        }

        fn asked<'a>(&'a self, target: &'a str) -> Request<'a> {
            Request {
                method: "GET",
                target,
                host: "localhost",
                visitor: Some(VISITOR),
                authorization: "",
                cookie: &self.cookie,
                content_type: "",
                origin: "",
                fetch_site: "",
                upload: "",
                body: b"",
            }
        }

        fn found(&self, search: &str) -> Vec<u64> {
            let search = search.parse().map_or_else(|_| Search::Customer(search.to_owned()), Search::Address);
            let wanted = Wanted { search: Some(search), today: NOW.day(), ..Wanted::default() };
            ids(&self.live.incidents(&wanted, None).unwrap())
        }
    }

    fn ids(part: &Part<IncidentRow, u64>) -> Vec<u64> {
        part.rows.iter().map(|row| row.incident.id).collect()
    }

    #[test]
    fn what_was_taken_in_stands_on_every_page() {
        let house = house();
        house.ingest(&[
            ("192.0.2.1", 3389, "high"),
            ("192.0.2.200", 3389, "high"),
            ("2001:db8:2::5", 3389, "critical"),
            ("198.51.100.1", 3389, "high"),
            ("nowhere", 3389, "high"),
        ]);
        house.engine.plan(NOW).unwrap();
        let tally = house.live.overview(NOW).unwrap().tally;
        let counts =
            Counts { rows: 5, matched: 2, unassigned: 1, outside: 1, rejected: 1, ..Counts::default() };
        assert_eq!(tally.open, [0, 0, 0, 2, 1]);
        assert_eq!((tally.held, tally.sent), (2, 0));
        assert_eq!(tally.day, Some((NOW.day().plus(-1), 1, counts)));

        let own = house.found("192.0.2.1")[0];
        assert_eq!(house.found("C1"), [own]);
        assert_eq!((house.found("c9"), house.found("192.0.2.2")), (vec![], vec![]));
        assert_eq!(house.found("2001:db8:2::5").len(), 1);
        let facts = house.get(&format!("/incidents/{own}"));
        assert!(facts.contains("host&lt;3389&gt;") && facts.contains("line 2 of "), "{facts}");

        let held = house.live.mails(Some(outbox::State::Held), None).unwrap();
        let to: Vec<_> = held.rows.iter().flat_map(|row| row.to.clone()).collect();
        assert!(to.len() == 2 && to.contains(&"one@example.com".to_owned()), "{to:?}");
        let first = held.rows.iter().find(|row| row.to == ["one@example.com"]).unwrap().notice.number;
        let mail = house.get(&format!("/mail/{first}"));
        assert!(mail.contains("As it would go out now") && mail.contains("192.0.2.1"), "{mail}");
        assert!(!mail.contains("2001:db8:2"), "another customer's address: {mail}");
        assert!(house.get(&format!("/mail/{first}/html")).starts_with("<!DOCTYPE html>"));

        let (file, _) = house.live.reports(None).unwrap().rows[0].clone();
        let report = house.get(&format!("/report?file={file}"));
        assert!(report.contains("nowhere") && report.contains("the address cannot be read"), "{report}");
        assert!(house.get("/customers?address=192.0.2.9").contains("C1"));
        assert!(house.get("/customers?address=192.0.2.200").contains("unassigned"));
    }

    #[test]
    fn a_change_of_the_language_shows_on_the_next_page() {
        let house = house();
        let path = house.folder.path().join("settings.toml");
        let settings = std::fs::read_to_string(&path).unwrap();
        assert!(house.get("/").contains("<html lang=\"en\">"));
        for (language, tag, title) in [("de", "de", "Vorf\u{e4}lle"), ("xx", "en", "Incidents")] {
            let text = format!("{settings}[box]\nlanguage = \"{language}\"\n");
            save_atomic(&path, text.as_bytes(), 0o600).unwrap();
            assert!(house.engine.reload(NOW).unwrap());
            let body = house.get("/incidents");
            assert!(body.contains(&format!("<html lang=\"{tag}\">")) && body.contains(title), "{body}");
        }
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repeat() {
        let house = house();
        let rows: Vec<_> =
            (1..=250).map(|port| ("192.0.2.1", port, if port % 2 == 0 { "high" } else { "low" })).collect();
        house.ingest(&rows);
        let wanted = Wanted { today: NOW.day(), ..Wanted::default() };
        let (mut seen, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let part = house.live.incidents(&wanted, before).unwrap();
            assert!(part.rows.len() <= ROWS_MAX);
            seen.extend(ids(&part));
            pages += 1;
            before = part.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(pages, 3);
        assert_eq!(seen, (1..=250).rev().collect::<Vec<u64>>());
        let high = Wanted { severity: Some(Severity::High), ..wanted };
        let part = house.live.incidents(&high, None).unwrap();
        assert!(part.rows.len() == ROWS_MAX && part.next.is_some());
        assert!(part.rows.iter().all(|row| row.incident.severity == Severity::High));
        let rest = house.live.incidents(&high, part.next).unwrap();
        assert_eq!((rest.rows.len(), rest.next), (25, None));
        let closed = Wanted { states: &[State::Closed], ..high };
        assert!(house.live.incidents(&closed, None).unwrap().rows.is_empty());
    }

    #[test]
    fn a_tally_is_kept_while_nothing_is_written() {
        let house = house();
        house.ingest(&[("192.0.2.1", 3389, "high")]);
        let loaded = house.engine.loaded();
        assert_eq!(house.live.tally(&loaded, NOW).unwrap().open, [0, 0, 0, 1, 0]);
        // A count that is marked stays as long as it is fresh.
        house.live.counted.lock().unwrap().as_mut().unwrap().tally.open[0] = 99;
        assert_eq!(house.live.tally(&loaded, NOW).unwrap().open[0], 99);
        let old = |seconds| {
            let mut counted = house.live.counted.lock().unwrap();
            let counted = counted.as_mut().unwrap();
            counted.finished = counted.finished.checked_sub(Duration::from_secs(seconds)).unwrap();
        };
        old(60);
        assert_eq!(house.live.tally(&loaded, NOW).unwrap().open[0], 99, "nothing was written");
        house.engine.store.write(|txn| txn.apply(std::iter::empty(), NOW.day(), 1, |_, _| {})).unwrap();
        old(60);
        assert_eq!(house.live.tally(&loaded, NOW).unwrap().open, [0, 0, 0, 1, 0], "something was");
    }
}
