//! What commands print: JSON lines for programs, tables for people.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Exit, Failure, Output, now};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Complaint};
use crate::customers::import;
use crate::customers::{Column, CustomerNo, Owner, Port};
use crate::fetch::spool;
use crate::files;
use crate::incident::policy::local_day;
use crate::incident::{OPERATOR, State};
use crate::lines::{self, Outbound, Outgoing, Status, some};
use crate::report::{Address, Hint, Item, Reader, Row, text};
use crate::service::intake::describe;
use crate::service::mailing::Kinds;
use crate::service::{Engine, Error, FILE_BYTES_MAX, joined};
use crate::sessions::owner::Held;
use crate::store::{Came, Fetching, RejectedRow, View};

/// The text of `--help`, for a command or for all.
pub(super) fn help(topic: &str) -> &'static str {
    let topic = HELP.iter().find(|(name, _)| *name == topic);
    topic.map_or(HELP[0].1, |(_, text)| text)
}

pub(super) fn parse(files: &[PathBuf], output: &mut Output<'_>) -> io::Result<Exit> {
    let mut exit = Exit::Done;
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let opened = spool::open(path).map_err(|error| describe(&error)).and_then(|bytes| {
            Reader::new(bytes, Hint { kind: None, file_name: Some(&file) }).map_err(|error| describe(&error))
        });
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => {
                writeln!(output.err, "{file}: {error}")?;
                exit = Exit::Failed;
                continue;
            }
        };
        let header = reader.header.clone();
        let (mut rows, mut rejected, mut surplus) = (0u64, 0u64, 0);
        loop {
            match reader.next_item() {
                Ok(None) => break,
                Ok(Some(Item::Row(row))) => {
                    rows += 1;
                    surplus += row.surplus(&header);
                    let columns: Map<String, Value> = header
                        .names
                        .iter()
                        .enumerate()
                        .map(|(index, name)| (name.clone(), text(row.cell(index)).into()))
                        .collect();
                    let line = json!({
                        "report": header.kind_name,
                        "line": row.line,
                        "time": row.time.to_string(),
                        "ip": row_address(&row),
                        "port": row.port,
                        "protocol": some(&text(row.protocol).to_ascii_lowercase()),
                        "severity": row.severity,
                        "family": header.kind.family.word(),
                        "columns": columns,
                    });
                    writeln!(output.out, "{line}")?;
                }
                Ok(Some(Item::Rejected { line, reason, detail })) => {
                    rejected += 1;
                    let row = RejectedRow { reason: reason.word().to_owned(), detail };
                    let line = lines::rejected(&header.kind_name, line, &row);
                    writeln!(output.out, "{line}")?;
                }
                Err(error) => {
                    writeln!(output.err, "{file}: cannot be read to its end: {}", describe(&error))?;
                    exit = Exit::Failed;
                    break;
                }
            }
        }
        let note = if surplus > 0 { format!(", {surplus} surplus cells dropped") } else { String::new() };
        writeln!(output.err, "{file}: {rows} rows of {}, {rejected} rejected{note}", header.kind_name)?;
        if rejected > 0 && exit == Exit::Done {
            exit = Exit::Rejected;
        }
    }
    Ok(exit)
}

fn row_address(row: &Row<'_>) -> Option<String> {
    match row.address {
        Address::Ip(address) => Some(address.to_string()),
        Address::Net(network) => Some(network.to_string()),
        Address::None => None,
    }
}

pub(super) fn settings_check(file: &Path, output: &mut Output<'_>) -> io::Result<Exit> {
    match config::check(file) {
        Ok(settings) => {
            let missing = settings.missing();
            writeln!(output.err, "{}: no complaints", file.display())?;
            missing.iter().try_for_each(|sentence| writeln!(output.err, "still to do: {sentence}"))?;
            Ok(Exit::Done)
        }
        Err(config::LoadError::Invalid { complaints, .. }) => {
            complain(&complaints, output)?;
            output.out.flush()?;
            writeln!(output.err, "{}: {}", file.display(), super::counted(complaints.len(), "complaint"))?;
            Ok(Exit::Rejected)
        }
        Err(error) => {
            writeln!(output.err, "abusebox: {}", describe(&error))?;
            Ok(Exit::Failed)
        }
    }
}

fn complain(complaints: &[Complaint], output: &mut Output<'_>) -> io::Result<()> {
    complaints.iter().try_for_each(|complaint| writeln!(output.out, "{}", json!(complaint)))
}

pub(super) fn customers_check(
    engine: &Engine,
    paths: &[PathBuf],
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let bytes = customer_file(paths)?;
    let (_, mut file) = engine.understand(&bytes)?;
    if !file.refused {
        file.doubts = engine.doubts(&file, clock.untrusted_now())?;
    }
    let complaints = engine.complaints(&file);
    complain(&complaints, output)?;
    note(engine, &file, output)?;
    summary(&file, &complaints, output)?;
    Ok(if complaints.is_empty() { Exit::Done } else { Exit::Rejected })
}

/// A customer file, with that of its addresses if there is a second.
fn customer_file(paths: &[PathBuf]) -> Result<Vec<u8>, Error> {
    let read =
        |path: &PathBuf| files::read_max(path, FILE_BYTES_MAX).map_err(|error| Error::file(path, error));
    Ok(joined(paths.iter().map(read).collect::<Result<_, _>>()?))
}

/// For the person at the terminal: how the file was understood.
fn note(engine: &Engine, file: &import::File, output: &mut Output<'_>) -> io::Result<()> {
    for note in engine.notes(file) {
        writeln!(output.err, "note: {note}")?;
    }
    file.doubts.iter().try_for_each(|doubt| writeln!(output.err, "to be confirmed: {doubt}"))
}

fn summary(file: &import::File, complaints: &[Complaint], output: &mut Output<'_>) -> io::Result<()> {
    let column = |column: &Column| json!({"header": column.header, "role": column.role, "why": column.why});
    let columns: Vec<Value> = file.columns.iter().chain(&file.address_columns).map(column).collect();
    let line = json!({
        "customers": file.customers_len(), "prefixes": file.prefixes_len(), "logins": file.logins.len(),
        "complaints": complaints.len(), "columns": columns, "to_confirm": file.doubts,
    });
    writeln!(output.out, "{line}")
}

pub(super) fn customers_import(
    engine: &Engine,
    paths: &[PathBuf],
    confirmed: bool,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let bytes = customer_file(paths)?;
    match engine.import_customers(&bytes, confirmed, now(clock)?) {
        Ok(file) => {
            let complaints = engine.complaints(&file);
            complain(&complaints, output)?;
            summary(&file, &complaints, output)?;
            Ok(if complaints.is_empty() { Exit::Done } else { Exit::Rejected })
        }
        Err(error) => {
            if let Error::Unconfirmed { complaints, .. } | Error::BadCustomers { complaints, .. } = &error {
                complain(complaints, output)?;
            }
            Err(error.into())
        }
    }
}

/// Fetches the customer list of the settings, whether it is due or not.
pub(super) fn customers_fetch(
    engine: &Arc<Engine>,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let now = now(clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Some(poll) = runtime.block_on(engine.poll_customers(now))? else {
        writeln!(output.err, "customers.url is not set: there is nothing to fetch")?;
        return Ok(Exit::Failed);
    };
    if let Some(fault) = poll.fault {
        writeln!(output.err, "not fetched: {fault}")?;
        return Ok(Exit::Failed);
    }
    match poll.came {
        Some((at, Came::Taken { count, complaints })) if at == now => {
            writeln!(output.err, "{count} customers taken, {complaints} complaints")?;
            Ok(if complaints == 0 { Exit::Done } else { Exit::Rejected })
        }
        Some((at, Came::Refused(why))) => {
            let since = if at == now { String::new() } else { format!(", as since {at}") };
            writeln!(output.err, "fetched and not taken{since}: {why}")?;
            Ok(Exit::Failed)
        }
        _ => writeln!(output.err, "the list is still the same").map(|()| Exit::Done).map_err(Failure::from),
    }
}

pub(super) fn sessions_import(
    engine: &Engine,
    path: &Path,
    source: Option<&str>,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let made = std::fs::metadata(path).and_then(|log| log.modified()).ok();
    let made = made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    let made = made.map(|made| Timestamp::from_unix(made.as_secs() as i64));
    let taken = engine.take_log(path, &name, source, made, now(clock)?)?;
    complain(&taken.summary.complaints.list, output)?;
    let complaints = taken.summary.complaints.len();
    let line = json!({
        "sessions": taken.summary.sessions, "changed": taken.changed, "too_old": taken.too_old,
        "known_until": taken.known_until.to_string(),
        "complaints": complaints,
    });
    writeln!(output.out, "{line}")?;
    Ok(if complaints == 0 { Exit::Done } else { Exit::Rejected })
}

pub(super) fn whois(
    engine: &Engine,
    address: IpAddr,
    port: Option<u16>,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let loaded = engine.loaded();
    let verdict = engine.explain(&loaded, address, port.map(Port::Source), now(clock)?)?;
    let candidates: Vec<Value> = verdict
        .candidates
        .iter()
        .map(|candidate| {
            json!({
                "customer": some(candidate.customer_id), "prefix": candidate.prefix.to_string(), "line": candidate.line,
                "imported": candidate.imported.to_string(), "valid": candidate.valid, "won": candidate.won,
                "why": candidate.why.sentence(),
            })
        })
        .collect();
    let sources: Vec<Value> = verdict
        .words
        .iter()
        .map(|word| {
            let held = word.held.as_ref();
            let until = held.and_then(|held| held.until.at());
            let customer = match word.owner {
                Owner::Customer { customer, .. } => loaded.table.contact(customer).map(|contact| contact.id),
                _ => None,
            };
            json!({
                "by": word.by.word(), "what": some(&word.what), "owner": word.owner.word(), "customer": customer,
                "place": held.map(Held::place), "from": held.map(|held| held.from.to_string()),
                "until": until.map(|until| until.to_string()),
                "uncertainty": held.map(|held| held.uncertainty),
                "known_until": held.and_then(|held| held.known_until).map(|known| known.to_string()), "holds": word.holds,
            })
        })
        .collect();
    let prefix = verdict.prefix.map(|prefix| prefix.to_string());
    let line = json!({
        "owner": verdict.owner.word(), "customer": verdict.customer_id.and_then(some), "prefix": prefix,
        "why": verdict.why.sentence(), "candidates": candidates, "sources": sources,
    });
    writeln!(output.out, "{line}")?;
    Ok(Exit::Done)
}

pub(super) fn incidents(
    engine: &Engine,
    as_json: bool,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let loaded = engine.loaded();
    let today = local_day(now(clock)?, &loaded.settings.boxx.timezone);
    let view = engine.store.view()?;
    let kinds = Kinds::load(&view)?;
    let names = Names::load(&view)?;
    let mut broken = Ok(());
    view.incidents_by_number(|key, incident| {
        if broken.is_ok() {
            let (kind, _) = kinds.of(&key);
            let customer = names.of(key.customer());
            broken = match as_json {
                true => {
                    let line = lines::incident(&key, &incident, kind, customer, today);
                    writeln!(output.out, "{line}")
                }
                false => writeln!(
                    output.out,
                    "{:>8}  {:8}  {:6}  {:30} {:40} {:>5}  {}  {}",
                    incident.id,
                    incident.severity.word(),
                    incident.state(today).word(),
                    kind,
                    incident.place(&key).unwrap_or_default(),
                    incident.evidence.port.map(|port| port.to_string()).unwrap_or_default(),
                    incident.last_seen,
                    customer.unwrap_or("-"),
                ),
            };
        }
    })?;
    broken?;
    Ok(Exit::Done)
}

pub(super) fn reports(engine: &Engine, as_json: bool, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let mut reports = Vec::new();
    engine.store.view()?.reports(|file, report| reports.push((file.to_owned(), report)))?;
    for (file, report) in reports {
        if as_json {
            writeln!(output.out, "{}", lines::report(&file, &report))?;
        } else {
            let c = report.counts;
            let note = match (&report.duplicate_of, &report.unreadable) {
                (Some(of), _) => format!("  the same as {of}"),
                (None, Some(why)) => format!("  {why}"),
                (None, None) => String::new(),
            };
            writeln!(
                output.out,
                "{}  {:32} {:>8} rows {:>8} matched {:>6} unassigned {:>6} ambiguous {:>6} unattributable {:>6} outside \
                 {:>6} rejected{note}",
                report.day,
                report.kind,
                c.rows,
                c.matched,
                c.unassigned,
                c.ambiguous,
                c.unattributable,
                c.outside,
                c.rejected
            )?;
        }
    }
    Ok(Exit::Done)
}

pub(super) fn status(
    engine: &Engine,
    as_json: bool,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let loaded = engine.loaded();
    let view = engine.store.view()?;
    let fetching = view.meta::<Fetching>()?.unwrap_or_default();
    let today = local_day(clock.untrusted_now(), &loaded.settings.boxx.timezone);
    let mut open = 0u64;
    view.incidents(|_, incident| {
        open += u64::from(incident.state(today) != State::Closed);
    })?;
    let mut last_report_day = None;
    view.reports(|_, report| {
        let read = report.duplicate_of.is_none() && report.unreadable.is_none();
        last_report_day = last_report_day.max(read.then_some(report.day));
    })?;
    let (mut held, mut queued) = (0, 0);
    view.unsent(|notice| if notice.held { held += 1 } else { queued += 1 })?;
    let status = Status {
        mode: loaded.settings.boxx.mode,
        clock_trusted: clock.now().is_some(),
        last_fetch: fetching.schedule.last_success,
        last_report_day,
        incidents_open: open,
        outbox_held: held,
        outbox_queued: queued,
        alarms: engine.alarms(&view)?,
    };
    if as_json {
        writeln!(output.out, "{}", lines::status(&status))?;
        return Ok(Exit::Done);
    }
    for (name, value) in
        lines::status(&status).as_object().into_iter().flatten().filter(|(name, _)| *name != "alarms")
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(
            output.out,
            "{:16} {}",
            name.replace('_', " "),
            if value == "null" { "never" } else { &value }
        )?;
    }
    for alarm in status.alarms.values() {
        writeln!(output.out, "since {}: {}", alarm.since, alarm.text)?;
    }
    for sentence in loaded.settings.missing() {
        writeln!(output.out, "still to do: {sentence}")?;
    }
    if loaded.table.customers_len() == 0 {
        let file = loaded.settings.customers.file.as_deref().unwrap_or(Path::new("CSV")).display();
        writeln!(output.out, "still to do: No customer is known: write {file}.")?;
    }
    Ok(Exit::Done)
}

pub(super) fn outbox(
    engine: &Engine,
    as_json: bool,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let loaded = engine.loaded();
    let now = now(clock)?;
    let view = engine.store.view()?;
    let names = Names::load(&view)?;
    let mut numbers = Vec::new();
    view.notices(|notice| {
        numbers.push(notice.number);
        Ok(())
    })?;
    for number in numbers {
        let Some(notice) = view.notice(number)? else { continue };
        let customer = names.of(notice.customer);
        let Outgoing { incidents, mails } = engine.outgoing(&view, &loaded, &notice, now)?;
        for mail in &mails {
            if as_json {
                writeln!(output.out, "{}", lines::mail(&notice, customer, &incidents, mail))?;
            } else {
                let Outbound { to, state, reply, .. } = mail;
                writeln!(
                    output.out,
                    "{:>8}  {:8} {:12} {:40} {:>4} incidents  {reply}",
                    notice.number,
                    json!(state).as_str().unwrap_or_default(),
                    customer.unwrap_or("-"),
                    to,
                    incidents.len()
                )?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Customer ids by number.
struct Names(Vec<String>);

impl Names {
    fn load(view: &View) -> Result<Self, Error> {
        let mut names = Vec::new();
        view.customer_numbers(|id, CustomerNo(number)| {
            let index = number as usize;
            if names.len() <= index {
                names.resize(index + 1, String::new());
            }
            names[index] = id.to_owned();
        })?;
        Ok(Self(names))
    }

    fn of(&self, customer: CustomerNo) -> Option<&str> {
        if customer == OPERATOR {
            return None;
        }
        self.0.get(customer.0 as usize).map(String::as_str)
    }
}

const HELP: &[(&str, &str)] = &[
    ("", "\
abusebox fetches Shadowserver's reports, finds whose address it was, and mails each customer what to fix.

Usage: abusebox [--data DIR] [--settings FILE] [--at TIME] COMMAND ...

  run                        the appliance: fetch, match, notify, page; until stopped
  supervise                  on the box only: starts run, and does for it what needs root's rights
  once                       one pass of fetch, parse, match, notify, then exit
  ingest FILE...             take report files from disk (CSV, .csv.zip, .csv.gz)
  parse FILE...              rows of report files as JSON lines; touches nothing
  customers check FILE       what an import would do
  customers import FILE      take a customer file from now on
  customers fetch            take what customers.url hands out now
  sessions import FILE       take a log of sessions, leases or port blocks
  whois ADDRESS [--port N]   whose address, and why
  incidents [--json]         all problems; also: close, mute, reopen
  reports [--json]           all reports, and how their rows were accounted for
  status [--json]            is it working?
  outbox [--json]            all mails, waiting and sent; also: release, drop
  settings check FILE        all complaints about a settings file at once

  --data DIR       where everything is kept (default ./abusebox-data)
  --settings FILE  the settings (default DIR/settings.toml)
  --at TIME        take this as the present moment, like 2026-11-22T08:00:00Z. What a command changes and sends, it
                   changes and sends all the same: to try something out, name a copy of the folder

Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but something was rejected.
abusebox COMMAND --help says more. While `abusebox run` works on DIR, the other commands ask it.
"),
    ("run", "\
Usage: abusebox run

Runs until it is stopped: asks Shadowserver every poll_minutes, takes in what is new, and sends mails as the
settings say. A changed settings or customer file is noticed by itself. Logs go to stderr; RUST_LOG=debug says more.
With --at TIME the clock starts there and goes on. Ctrl-C or SIGTERM ends it.

Its page answers at http://127.0.0.1:8080/ and https://127.0.0.1:8443/, on this machine only; whoever knows the set-up
code, in DATA/setup-code, takes it into possession. In the settings, page.listen and page.listen_https move it
([::1]:8080; port 0 takes any) or, empty, leave it out. At an address like [::]:80 it also answers machines nearby, and
networks in page.allow.
"),
    ("once", "\
Usage: abusebox once

One pass, for cron: fetch, parse, match, notify. Exits with 1 if Shadowserver could not be asked at all, with 3 if
rows were rejected. Mails that have to wait (held, retried later, too many for one minute) wait for the next run.
"),
    ("ingest", "\
Usage: abusebox ingest FILE...
       abusebox ingest --again

Takes report files from disk as if they had been fetched: same rows, same de-duplication by file name and content.
Keep Shadowserver's file names (2026-11-20-scan_rdp-example-asn.csv): they tell the type and the day. Plans mails;
sending them is for run and once.

A file counts once. If networks.cidrs or the customer file were wrong when reports came in, correct them, then
--again reads all reports of the last 30 days anew from the spool: counts are replaced, findings go to their owners,
and what was already told is not told twice.
"),
    ("parse", "\
Usage: abusebox parse [--format abusebox] FILE...

One JSON line for each row: report, line, time, ip (the customer's side), port, protocol, severity, family, columns.
A rejected row has report, line, rejected and detail; rejected is one of:
  time             the time cannot be read
  address          the address cannot be read, or is 0.0.0.0
  repeated_header  the header again
  unclosed_quote   a quote is opened and never closed
  too_long         longer than 4 MiB, or more than 16,384 cells
"),
    ("sessions", "\
Usage: abusebox sessions import [--source NAME] FILE

Takes a log that says who had an address when: tables of sessions or port blocks with a header, packed by gzip or not.
Prints each complaint, a JSON line each, then the numbers of sessions, of those that were new or of which more is known
now, of those that are older than sessions are kept, and of complaints. Its times are read as [sessions] says, or as the
source NAME of [[sessions.sources]].
"),
    ("customers", "\
Usage: abusebox customers check FILE [ADDRESSES]
       abusebox customers import [--confirm] FILE [ADDRESSES]
       abusebox customers fetch

check prints what an import would complain about, a JSON line each, then the numbers of customers, prefixes and
complaints, and how the columns were understood; it changes nothing. import takes the file from now on; rows from
before are still answered by the file before. A second file has the addresses, joined by customer id.
A file is held until --confirm, or somebody on the page, says that it is right: where the address of a line cannot be
read, where columns are guessed or others than before, where a fifth of the customers is gone, and where more than one
in twenty open incidents would become somebody else's.
fetch takes what customers.url hands out, which run does by itself every customers.poll_hours.

Columns: customer_id, name, email, cidr; optional login, language, valid_from, valid_to, status and more, by words of
some twenty languages; docs/customers.md names them. CSV with , ; | or tab, .xlsx or .ods.
"),
    ("whois", "\
Usage: abusebox whois ADDRESS [--port N] [--at TIME]

Whose address it is (or was, at TIME), as JSON: owner (customer, unassigned, ambiguous, unattributable, outside),
customer, prefix, why, and every line of the customer files that came into question.
"),
    ("incidents", "\
Usage: abusebox incidents [--json]
       abusebox incidents close ID...
       abusebox incidents mute ID... --until DAY
       abusebox incidents reopen ID...

close: it is dealt with; a row seen later opens it again. mute: no mail through DAY (2026-12-31). reopen: tell it
again, with the next digest. The list shows: id, severity, state, report type, address, port, last seen, customer.
"),
    ("reports", "\
Usage: abusebox reports [--json]

One line for each report file. matched, unassigned, ambiguous, unattributable, outside and rejected add up to rows.
"),
    ("status", "\
Usage: abusebox status [--json]

Is it working: when Shadowserver was last asked, what is open, what waits, and what needs a person.
"),
    ("outbox", "\
Usage: abusebox outbox [--json]
       abusebox outbox release ID...|--all
       abusebox outbox drop ID...|--all

One line for each mail and address: id, state, customer, address, number of incidents, the mail server's words. The
page shows each mail as it would go out. release lets held mails go, and only these: `run` sends them at once, else
the next `once`; the mode stays as it is. drop gives them up; what they would have told counts as told.
"),
    ("settings", "\
Usage: abusebox settings check FILE

Everything that is wrong with a settings file, a JSON line each: line, field, complaint.
"),
];
