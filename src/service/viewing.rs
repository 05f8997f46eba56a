//! What the page shows, read from the engine. It changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::catalogue::{Shelf, Sought};
use super::intake::describe;
use super::mailing::Kinds;
use super::whose::{HEADS_MAX, Whose};
use super::{Engine, Error, Loaded, STORE};
use crate::clock::{Day, Timestamp};
use crate::config::Nat;
use crate::customers::{Contact, CustomerNo, Owner, Port};
use crate::files;
use crate::incident::{Incident, Key, OPERATOR};
use crate::lines::{Outgoing, Status};
use crate::logbook;
use crate::net::{is_host, own_networks};
use crate::notify::outbox::{self, Notice};
use crate::report::kind::Family;
use crate::sessions::owner as session;
use crate::store::{self, Counts, Fetching, Poll, Problems};
use crate::system::disk;
use crate::web::view::{
    Candidate, Cursor, Customer, CustomerFacts, CustomerPage, CustomerRow, Customers, CustomersWanted, Held,
    History, IncidentFacts, IncidentRow, MailFacts, MailRow, Overview, Ownerless, OwnerlessWanted, Part,
    ROWS_MAX, ReportDay, ReportFacts, ReportsWanted, Secure, Site, SourceRow, System, TREND_DAYS, Telling,
    Trouble, View, Wanted, Whois,
};

/// The engine as the page sees it.
pub struct Live {
    engine: Arc<Engine>,
    shelf: Arc<Shelf>,
    /// The held mails, after so many commits.
    held: Mutex<Option<(u64, (u64, u64))>>,
    secure: Mutex<Option<Secure>>,
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
        let shelf = Shelf::new(engine.clone());
        Self { engine, shelf, held: Mutex::default(), secure: Mutex::default() }
    }

    /// How to come by HTTPS from now on.
    pub fn set_secure(&self, secure: Option<Secure>) {
        *self.secure.lock().unwrap_or_else(PoisonError::into_inner) = secure;
    }

    /// To be called now and then: what is kept for those who look is given back when nobody does any more.
    pub fn give_back(&self) {
        self.shelf.give_back();
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
        // The day is counted in UTC, as reports do; the present one comes tomorrow, unless it was sent by hand.
        let today = now.day();
        let newest = if view.problems(today)?.is_empty() { today.plus(-1) } else { today };
        Ok(Overview {
            clock_doubt: self.engine.clock.doubt(),
            alarms,
            missing: loaded.settings.missing(),
            is_fetching: self.engine.is_fetching(now),
            last_fetch: schedule.last_success,
            next_fetch: schedule.next_at(),
            customers: loaded.table.customers_len() as u64,
            tally: self.shelf.look(now)?.tally.clone(),
            trend: trend(&view, TREND_DAYS, newest)?,
        })
    }

    fn incidents(
        &self,
        wanted: &Wanted,
        after: Option<Cursor>,
    ) -> Result<Part<IncidentRow, Cursor>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let Some(sought) = Sought::of(&view, wanted)? else {
            return Ok(Part { rows: Vec::new(), next: None });
        };
        let counted = self.shelf.look(self.engine.clock.untrusted_now())?;
        let mut found: Vec<(Key, Incident)> = Vec::new();
        let (mut looked_at, mut read, mut most) = (after, 0, ROWS_MAX + 1);
        let next = 'found: loop {
            let candidates = counted.catalogue.find(&sought, wanted.order, looked_at, most);
            let are_all = candidates.len() < most;
            for cursor in candidates {
                if read == READ_MAX {
                    break 'found looked_at;
                }
                read += 1;
                // As it is now: what no longer fits, or has gone, is passed over.
                if let Some(key) = view.incident_key(cursor.number)?.filter(|key| sought.may_fit(key))
                    && let Some(incident) = view.incident(&key)?
                    && sought.fits(&key, &incident)
                {
                    if found.len() == ROWS_MAX {
                        break 'found looked_at;
                    }
                    found.push((key, incident));
                }
                looked_at = Some(cursor);
            }
            if are_all {
                break None;
            }
            most *= 2;
        };
        let names = Names::of(&view, &loaded, found.iter().map(|(key, _)| key.customer()))?;
        let kinds = Kinds::load(&view)?;
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

    fn telling(&self, id: u64, now: Timestamp) -> Result<Option<Telling>, Trouble> {
        Ok(self.engine.telling(id, now)?)
    }

    fn open_by_family(&self, now: Timestamp) -> Result<Vec<u64>, Trouble> {
        let kinds = Kinds::load(&self.engine.store.view()?)?;
        let mut open = vec![0; Family::ALL.len()];
        for (kind, count) in self.shelf.look(now)?.catalogue.open_by_kind() {
            open[kinds.family(kind) as usize] += count;
        }
        Ok(open)
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
        // The same until something is written.
        let commits = self.engine.store.commits();
        let mut known = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, held)) = known.filter(|(at, _)| *at == commits) {
            return Ok(held);
        }
        let held = self.engine.held(u64::MAX)?;
        let held = (held.len() as u64, held.last().copied().unwrap_or_default());
        *known = Some((commits, held));
        Ok(held)
    }

    fn reports(
        &self,
        wanted: &ReportsWanted,
        before: Option<&str>,
    ) -> Result<Part<(String, store::Report), String>, Trouble> {
        let ReportsWanted { kind, day, troubled } = wanted;
        let (mut rows, mut next, mut last, mut read) = (Vec::new(), None, String::new(), 0);
        self.engine.store.view()?.reports_back(before, |file, report| {
            if rows.len() >= ROWS_MAX || read >= REPORTS_READ_MAX {
                next = Some(std::mem::take(&mut last));
                return ControlFlow::Break(());
            }
            read += 1;
            last.clear();
            last.push_str(file);
            if (kind.is_empty() || report.kind == *kind)
                && day.is_none_or(|day| report.day == day)
                && (!troubled || report.counts.rejected > 0 || report.unreadable.is_some())
            {
                rows.push((file.to_owned(), report));
            }
            ControlFlow::Continue(())
        })?;
        Ok(Part { rows, next })
    }

    fn report_days(&self, before: Option<Day>) -> Result<Part<ReportDay, Day>, Trouble> {
        let mut days: BTreeMap<Day, ReportDay> = BTreeMap::new();
        let mut read = 0;
        self.engine.store.view()?.reports_back(None, |_, report| {
            let is_counted = report.duplicate_of.is_none() && report.unreadable.is_none();
            if is_counted && before.is_none_or(|before| report.day < before) {
                let none = ReportDay { day: report.day, reports: 0, counts: Counts::default() };
                let sum = days.entry(report.day).or_insert(none);
                sum.reports += 1;
                sum.counts += report.counts;
            }
            read += 1;
            if read >= REPORTS_READ_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let mut rows: Vec<_> = days.into_values().rev().take(ROWS_MAX + 1).collect();
        let is_all = rows.len() <= ROWS_MAX;
        rows.truncate(ROWS_MAX);
        Ok(Part { next: rows.last().filter(|_| !is_all).map(|last| last.day), rows })
    }

    fn report_types(&self) -> Result<Vec<String>, Trouble> {
        Ok(self.engine.store.view()?.kinds()?)
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
            is_held: self.engine.held_customers().exists(),
        })
    }

    fn fetched(&self) -> Result<Vec<(String, Option<Poll>)>, Trouble> {
        Ok(self.engine.polls()?)
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

    fn customers_found(
        &self,
        wanted: &CustomersWanted,
        after: &str,
        now: Timestamp,
    ) -> Result<Part<CustomerRow, String>, Trouble> {
        Whose::of(&self.engine)?.found(wanted, after, now)
    }

    fn customer_page(&self, id: &str, from: usize, now: Timestamp) -> Result<Option<CustomerPage>, Trouble> {
        Whose::of(&self.engine)?.page(id, from, now)
    }

    fn customer_mails(&self, id: &str, before: Option<u64>) -> Result<Part<MailRow, u64>, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let Some(number) = view.customer_number(id)? else {
            return Ok(Part { rows: Vec::new(), next: None });
        };
        let mut found = Vec::new();
        let next = view.notices_of_back(number, before, HEADS_MAX, |notice| {
            if found.len() >= ROWS_MAX {
                return ControlFlow::Break(());
            }
            found.push(notice);
            ControlFlow::Continue(())
        })?;
        let names = Names::of(&view, &loaded, [number])?;
        let rows = found.into_iter().map(|notice| self.mail_row(&loaded, &names, notice)).collect();
        Ok(Part { rows, next })
    }

    fn customer_history(&self, id: &str, from: usize) -> Result<History, Trouble> {
        Whose::of(&self.engine)?.history(id, from)
    }

    fn ownerless(
        &self,
        wanted: &OwnerlessWanted,
        after: Option<IpNet>,
        now: Timestamp,
    ) -> Result<Part<Ownerless, IpNet>, Trouble> {
        Whose::of(&self.engine)?.ownerless(wanted, after, now)
    }

    fn outgoing(&self, notice: &Notice, now: Timestamp) -> Result<Outgoing, Trouble> {
        let loaded = self.engine.loaded();
        Ok(self.engine.outgoing(&self.engine.store.view()?, &loaded, notice, now)?)
    }

    fn status(&self, now: Timestamp) -> Result<Status, Trouble> {
        let loaded = self.engine.loaded();
        let view = self.engine.store.view()?;
        let tally = &self.shelf.look(now)?.tally;
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

    fn nats(&self) -> Vec<Nat> {
        self.engine.loaded().settings.nat.clone()
    }

    fn whois(&self, address: IpAddr, port: Option<u16>, at: Timestamp) -> Result<Whois, Trouble> {
        let loaded = self.engine.loaded();
        let answer = self.engine.explain(&loaded, address, port.map(Port::Source), at)?;
        let customer_of = |owner| match owner {
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
        let words = answer.words.into_iter().rev().take(ROWS_MAX).map(|word| SourceRow {
            by: word.by,
            customer: customer_of(word.owner),
            place: word.held.as_ref().map(session::Held::place).unwrap_or_default(),
            time: word.held.as_ref().map(|held| (held.from, held.until)),
            uncertainty: word.held.as_ref().map_or(0, |held| held.uncertainty),
            known_until: word.held.as_ref().and_then(|held| held.known_until),
            what: word.what,
            holds: word.holds,
        });
        Ok(Whois {
            owner: answer.owner,
            customer: customer_of(answer.owner),
            prefix: answer.prefix.map(|prefix| prefix.to_string()),
            why: answer.why,
            candidates: answer.candidates.iter().take(ROWS_MAX).map(candidate).collect(),
            words: words.collect(),
        })
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

pub(super) fn contact(loaded: &Loaded, customer: CustomerNo) -> Option<Customer> {
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

pub(super) fn facts(number: CustomerNo, contact: &Contact<'_>) -> CustomerFacts {
    CustomerFacts {
        number,
        customer: Customer { id: contact.id.to_owned(), name: contact.name.to_owned() },
        language: contact.language.map(str::to_owned),
        mails: contact.mails.iter().map(|mail| (*mail).to_owned()).collect(),
    }
}

/// Of so many report days the problems seen, oldest first; empty, if nothing is known of any.
pub(super) fn trend(
    view: &store::View,
    days: i32,
    newest: Day,
) -> Result<Vec<(Day, Option<Problems>)>, store::Error> {
    let known: BTreeMap<Day, Problems> = view.problems(newest.plus(-days))?.into_iter().collect();
    let days = (0..days).rev().map(|back| newest.plus(-back));
    let trend: Vec<_> = days.map(|day| (day, known.get(&day).copied())).collect();
    Ok(if trend.iter().all(|(_, problems)| problems.is_none()) { Vec::new() } else { trend })
}

/// Incidents or mails read for one page. A filter that finds less among so many shows what it has and the way on.
pub(super) const READ_MAX: usize = 20_000;
/// Reports read for one page: those of more than two years, with a hundred a day.
const REPORTS_READ_MAX: usize = 100_000;
/// Some two kilobytes.
pub(super) const PROC_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::incident::State;
    use crate::report::kind::Severity;
    use crate::service::acting::Acting;
    use crate::service::admitting::Admission;
    use crate::service::intake::Source;
    use crate::store::{Counts, Role};
    use crate::web::gate::{Gate, NewPerson, Visitor};
    use crate::web::router::{Request, handle};
    use crate::web::view::{Order, SortBy};

    pub(in crate::service) const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    const VISITOR: Visitor = Visitor { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), is_secure: false };

    pub(in crate::service) struct House {
        pub(in crate::service) engine: Arc<Engine>,
        pub(in crate::service) live: Live,
        hand: Acting,
        gate: Admission,
        /// Of the operator, who has claimed it.
        cookie: String,
        pub(in crate::service) folder: tempfile::TempDir,
    }

    /// A box with two customers, which holds its mails.
    pub(in crate::service) fn house() -> House {
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
        pub(in crate::service) fn ingest(&self, rows: &[(&str, u32, &str)]) {
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

        pub(in crate::service) fn get(&self, target: &str) -> String {
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
            let address = search.parse().ok();
            let customer = Some(search.to_owned()).filter(|_| address.is_none());
            let wanted = Wanted { address, customer, today: NOW.day(), ..Wanted::default() };
            numbers(&self.live.incidents(&wanted, None).unwrap().rows)
        }

        /// All pages, one after the other.
        fn pages(&self, wanted: &Wanted) -> Vec<Vec<IncidentRow>> {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let part = self.live.incidents(wanted, after).unwrap();
                pages.push(part.rows);
                // As the link of the page has it.
                after = part.next.map(|next| next.to_string().parse().unwrap());
                if after.is_none() {
                    return pages;
                }
            }
        }

        /// Changes some incidents, as mails, people and housekeeping do.
        fn change(&self, numbers: &[u64], change: impl Fn(&mut Incident)) {
            let each = |txn: &store::Txn| {
                numbers.iter().try_for_each(|&number| {
                    let key = txn.incident_key(number)?.unwrap();
                    let mut incident = txn.incident(&key)?.unwrap();
                    change(&mut incident);
                    txn.put_incident(&key, &incident)
                })
            };
            self.engine.store.write(each).unwrap();
        }
    }

    fn numbers(rows: &[IncidentRow]) -> Vec<u64> {
        rows.iter().map(|row| row.incident.id).collect()
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

        let (file, _) = house.live.reports(&ReportsWanted::default(), None).unwrap().rows[0].clone();
        let report = house.get(&format!("/report?file={file}"));
        assert!(report.contains("nowhere") && report.contains("the address cannot be read"), "{report}");
        assert!(house.get("/customers?address=192.0.2.9").contains("C1"));
        assert!(house.get("/customers?address=192.0.2.200").contains("unassigned"));
    }

    #[test]
    fn the_trend_counts_each_problem_once_a_day() {
        let house = house();
        assert!(house.live.overview(NOW).unwrap().trend.is_empty(), "nothing is known yet");
        let rows =
            [("192.0.2.1", 3389, "high"), ("192.0.2.200", 3389, "high"), ("198.51.100.1", 3389, "high")];
        house.ingest(&rows);
        let newest = || {
            let trend = house.live.overview(NOW).unwrap().trend;
            assert_eq!(trend.len(), TREND_DAYS as usize);
            assert!(trend.is_sorted_by_key(|(day, _)| *day));
            assert!(trend[..89].iter().all(|(_, problems)| problems.is_none()));
            trend[89]
        };
        let yesterday = NOW.day().plus(-1);
        let exposed = |exposed| (yesterday, Some(Problems { exposed, compromised: 0 }));
        assert_eq!(newest(), exposed(2), "outside nobody looks");
        // A correction of the same report.
        house.ingest(&[rows[0], rows[1], ("192.0.2.2", 3389, "high")]);
        assert_eq!(newest(), exposed(3));
        house.ingest(&rows);
        assert_eq!(newest(), exposed(3), "what was seen was seen");
        let page = house.get("/");
        assert!(page.contains("<svg class=\"trend\"") && page.contains("0 compromised, 3 exposed"), "{page}");
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
        // One in five is seen twice in the report, so that some are alike in rows and others not.
        let level = |port| if port % 2 == 0 { "high" } else { "low" };
        let rows = (1..=250)
            .flat_map(|port| vec![("192.0.2.1", port, level(port)); if port % 5 == 0 { 2 } else { 1 }]);
        house.ingest(&rows.collect::<Vec<_>>());
        let wanted = Wanted { today: NOW.day(), ..Wanted::default() };
        let all: Vec<_> = house.pages(&wanted).into_iter().flatten().collect();
        assert_eq!(numbers(&all), (1..=250).rev().collect::<Vec<u64>>());
        for by in [SortBy::Number, SortBy::Severity, SortBy::Customer, SortBy::LastSeen, SortBy::Rows] {
            let value = |row: &IncidentRow| match by {
                SortBy::Number | SortBy::Customer => 0,
                SortBy::Severity => row.incident.severity as i64,
                SortBy::LastSeen => row.incident.last_seen.unix(),
                SortBy::Rows => row.incident.rows() as i64,
            };
            let mut sorted = all.clone();
            sorted.sort_by_key(|row| (value(row), row.incident.id));
            for is_rising in [true, false] {
                let pages = house.pages(&Wanted { order: Order { by, is_rising }, ..wanted.clone() });
                assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50], "{by:?}");
                assert_eq!(numbers(&pages.concat()), numbers(&sorted), "{by:?}, {is_rising}");
                sorted.reverse();
            }
        }
        let high = Wanted { severity: Some(Severity::High), ..wanted };
        let pages = house.pages(&high);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 25]);
        assert!(pages.iter().flatten().all(|row| row.incident.severity == Severity::High));
        let closed = Wanted { states: &[State::Closed], ..high };
        assert_eq!(house.pages(&closed).concat().len(), 0);
    }

    #[test]
    fn reports_are_found_by_type_day_and_trouble_and_summed_by_day() {
        let house = house();
        house.ingest(&[("192.0.2.1", 3389, "high"), ("nowhere", 3389, "high")]);
        let day = NOW.day().plus(-1);
        let take = |name: &str, text: &str| {
            let path = house.folder.path().join(name);
            save_atomic(&path, text.as_bytes(), 0o600).unwrap();
            house.engine.ingest(name, &path, NOW).unwrap();
        };
        let row = format!("\"timestamp\",\"ip\",\"port\"\n\"{day} 04:00:00\",\"192.0.2.1\",\"21\"\n");
        let (ftp, twin) =
            (format!("{day}-scan_ftp-example-asn.csv"), format!("{day}-scan_ftp-other-asn.csv"));
        take(&ftp, &row);
        take(&twin, &row);
        let older = row.replace(&day.to_string(), &day.plus(-1).to_string());
        take(&format!("{}-scan_ftp-example-asn.csv", day.plus(-1)), &older);
        let found = |wanted: ReportsWanted| {
            let part = house.live.reports(&wanted, None).unwrap();
            assert_eq!(part.next, None);
            part.rows.into_iter().map(|(file, _)| file).collect::<Vec<_>>()
        };
        let of = ReportsWanted::default;
        assert_eq!(found(of()).len(), 4);
        assert_eq!(found(ReportsWanted { kind: "scan_ftp".to_owned(), day: Some(day), ..of() }), [twin, ftp]);
        assert_eq!(found(ReportsWanted { troubled: true, ..of() }).len(), 1);
        assert_eq!(found(ReportsWanted { day: Some(NOW.day()), ..of() }), [""; 0]);
        let days = house.live.report_days(None).unwrap();
        let sums: Vec<_> = days.rows.iter().map(|sum| (sum.day, sum.reports, sum.counts.rows)).collect();
        assert_eq!(sums, [(day, 2, 3), (day.plus(-1), 1, 1)], "the same content counts once");
        assert_eq!(house.live.report_days(Some(day)).unwrap().rows, days.rows[1..]);
        assert!(house.get("/reports/days").contains(&format!("/reports?day={day}")));
        assert!(house.get("/reports?kind=scan_ftp").contains("-scan_ftp-example-asn"));
    }

    #[test]
    fn what_has_changed_since_the_count_is_shown_as_it_is() {
        let house = house();
        let rows: Vec<_> = (1..=150).map(|port| ("192.0.2.1", port, "high")).collect();
        house.ingest(&rows);
        let open = Wanted { states: &[State::Open], today: NOW.day(), ..Wanted::default() };
        let none: Vec<u64> = Vec::new();
        assert_eq!(numbers(&house.pages(&open).concat()), (1..=150).rev().collect::<Vec<_>>());
        // As long as what was counted stands, it leads to those that are no longer open, and they are passed over.
        house.live.shelf.pretend(HOUR, Duration::ZERO);
        house.change(&(1..=120).collect::<Vec<_>>(), |incident| incident.close(NOW));
        let closed = Wanted { states: &[State::Closed], ..open.clone() };
        let pages = house.pages(&open);
        assert_eq!((pages.len(), numbers(&pages.concat())), (1, (121..=150).rev().collect()));
        assert_eq!(numbers(&house.pages(&closed).concat()), none);
        house
            .engine
            .store
            .write(|txn| {
                let key = txn.incident_key(150)?.unwrap();
                txn.remove_incident(&key, 150)
            })
            .unwrap();
        assert_eq!(house.pages(&open).concat().len(), 29);
        // Counted anew, they have their place.
        house.live.shelf.pretend(Duration::ZERO, Duration::ZERO);
        assert_eq!(numbers(&house.pages(&closed).concat()), (1..=120).rev().collect::<Vec<_>>());
        assert_eq!(house.live.overview(NOW).unwrap().tally.open, [0, 0, 0, 29, 0]);
    }

    #[test]
    fn what_was_counted_is_kept_while_nothing_is_written_and_given_back_when_nobody_looks() {
        let house = house();
        house.ingest(&[("192.0.2.1", 3389, "high")]);
        let shelf = &house.live.shelf;
        let first = shelf.look(NOW).unwrap();
        assert_eq!(first.tally.open, [0, 0, 0, 1, 0]);
        shelf.pretend(Duration::ZERO, Duration::ZERO);
        assert!(Arc::ptr_eq(&shelf.look(NOW).unwrap(), &first), "nothing was written");
        house.change(&[1], |incident| incident.close(NOW));
        shelf.pretend(Duration::ZERO, Duration::ZERO);
        let second = shelf.look(NOW).unwrap();
        assert_eq!(second.tally.open, [0; 5]);

        // What took long is counted while nobody waits.
        house.change(&[1], |incident| incident.reopen());
        shelf.pretend(Duration::from_secs(1), HOUR);
        assert!(Arc::ptr_eq(&shelf.look(NOW).unwrap(), &second), "it does for now");
        shelf.wait();
        assert_eq!(shelf.look(NOW).unwrap().tally.open, [0, 0, 0, 1, 0]);

        house.live.give_back();
        let kept = Arc::downgrade(&shelf.look(NOW).unwrap());
        assert!(kept.upgrade().is_some());
        shelf.pretend(Duration::ZERO, HOUR);
        house.live.give_back();
        assert!(kept.upgrade().is_none(), "its memory is free");
        assert_eq!(shelf.look(NOW).unwrap().tally.open, [0, 0, 0, 1, 0]);
    }

    #[test]
    fn held_mails_are_counted_again_when_something_was_written() {
        let house = house();
        assert_eq!(house.live.held().unwrap(), (0, 0));
        house.ingest(&[("192.0.2.1", 3389, "high"), ("2001:db8:2::5", 3389, "critical")]);
        house.engine.plan(NOW).unwrap();
        let (count, newest) = house.live.held().unwrap();
        assert_eq!((count, newest), (2, house.engine.held(u64::MAX).unwrap()[1]));
        assert_eq!(house.live.held().unwrap(), (count, newest));
    }
}
