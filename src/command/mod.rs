//! The command line: words to a [`Command`], and what each command does with an [`Engine`].

mod show;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lexopt::prelude::*;

use crate::clock::{Clock, Timestamp};
use crate::incident::Change;
use crate::notify::outbox;
use crate::service::intake::Taken;
use crate::service::{Engine, Error};

/// A command line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub data: PathBuf,
    pub settings: PathBuf,
    /// The present moment, if it was given.
    pub at: Option<Timestamp>,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Help(&'static str),
    Version,
    Run,
    /// On the box only.
    Supervise,
    Once,
    /// No files: all reports of the spool, once more.
    Ingest {
        files: Vec<PathBuf>,
    },
    Parse {
        files: Vec<PathBuf>,
    },
    CustomersCheck {
        files: Vec<PathBuf>,
    },
    CustomersImport {
        files: Vec<PathBuf>,
        confirmed: bool,
    },
    CustomersFetch,
    SessionsImport {
        file: PathBuf,
        source: Option<String>,
    },
    Whois {
        address: IpAddr,
        port: Option<u16>,
    },
    Incidents {
        json: bool,
    },
    ChangeIncidents {
        change: Change,
        ids: Vec<u64>,
    },
    Reports {
        json: bool,
    },
    Status {
        json: bool,
    },
    Outbox {
        json: bool,
    },
    ChangeOutbox {
        change: outbox::Change,
        which: Which,
    },
    SettingsCheck {
        file: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    These(Vec<u64>),
}

/// What a command comes to; the process exits with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    WrongUse = 2,
    /// Done, but something was rejected.
    Rejected = 3,
}

/// Where a command writes: data to `out`, words for people to `err`.
pub struct Output<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
}

/// Reads a command line, without the program's name. Relative paths are taken from `folder`.
pub fn parse(args: impl IntoIterator<Item = OsString>, folder: &Path) -> Result<Invocation, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut words: Vec<String> = Vec::new();
    let (mut data, mut settings, mut at) = (None, None, None);
    let (mut json, mut all, mut help, mut confirmed, mut again) = (false, false, false, false, false);
    let (mut port, mut until, mut format, mut source) = (None, None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => help = true,
            Short('V') | Long("version") => words.insert(0, "version".to_owned()),
            Long("data") => data = Some(folder.join(parser.value()?)),
            Long("settings") => settings = Some(folder.join(parser.value()?)),
            Long("at") => at = Some(value(&mut parser, "--at", "a time like 2026-11-22T08:00:00Z")?),
            Long("json") => json = true,
            Long("all") => all = true,
            Long("confirm") => confirmed = true,
            Long("again") => again = true,
            Long("port") => port = Some(value(&mut parser, "--port", "a port from 0 to 65535")?),
            Long("until") => until = Some(value(&mut parser, "--until", "a day like 2026-11-22")?),
            Long("source") => source = Some(parser.value()?.string()?),
            Long("format") => format = Some(parser.value()?.string()?),
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let data = data.unwrap_or_else(|| folder.join("abusebox-data"));
    let settings = settings.unwrap_or_else(|| data.join("settings.toml"));
    let first = words.first().map(String::as_str).unwrap_or_default();
    let second = words.get(1).map(String::as_str).unwrap_or_default();
    if help || matches!(first, "" | "help") {
        let topic = if first == "help" { second } else { first };
        return Ok(Invocation { data, settings, at, command: Command::Help(show::help(topic)) });
    }
    let rest = |from: usize| words.get(from..).unwrap_or_default();
    let files = |from: usize| -> Result<Vec<PathBuf>, lexopt::Error> {
        match rest(from) {
            [] => Err(format!("abusebox {first} needs a file").into()),
            files => Ok(files.iter().map(|file| folder.join(file)).collect()),
        }
    };
    let one_file = |from: usize| -> Result<PathBuf, lexopt::Error> {
        match rest(from) {
            [file] => Ok(folder.join(file)),
            _ => Err(format!("abusebox {first} {second} needs one file").into()),
        }
    };
    let customer_files = || -> Result<Vec<PathBuf>, lexopt::Error> {
        match rest(2) {
            files @ ([_] | [_, _]) => Ok(files.iter().map(|file| folder.join(file)).collect()),
            _ => {
                Err(format!("abusebox customers {second} needs one file, or a second with the addresses")
                    .into())
            }
        }
    };
    let ids = |from: usize| -> Result<Vec<u64>, lexopt::Error> {
        match rest(from) {
            [] => Err(format!("abusebox {first} {second} needs at least one id").into()),
            ids => ids.iter().map(|id| id.parse().map_err(|_| format!("{id:?} is no id").into())).collect(),
        }
    };
    let which = || match (all, rest(2)) {
        (true, []) => Ok(Which::All),
        (true, _) => Err(format!("abusebox {first} {second} takes ids or --all, not both").into()),
        (false, _) => ids(2).map(Which::These),
    };
    let alone = |command: Command, words_used: usize| match rest(words_used) {
        [] => Ok(command),
        [word, ..] => Err(lexopt::Error::from(format!("abusebox {first} does not know {word:?}"))),
    };
    let command = match (first, second) {
        ("version", _) => Command::Version,
        ("run", _) => alone(Command::Run, 1)?,
        ("supervise", _) => alone(Command::Supervise, 1)?,
        ("once", _) => alone(Command::Once, 1)?,
        ("ingest", "") if again => Command::Ingest { files: Vec::new() },
        ("ingest", _) if again => {
            return Err("--again takes no file: it is about all that the spool has".into());
        }
        ("ingest", _) => Command::Ingest { files: files(1)? },
        ("parse", _) => match format.as_deref() {
            None | Some("abusebox") => Command::Parse { files: files(1)? },
            Some(other) => return Err(format!("--format {other} is not known; it is abusebox").into()),
        },
        ("customers", "check") => Command::CustomersCheck { files: customer_files()? },
        ("customers", "import") => Command::CustomersImport { files: customer_files()?, confirmed },
        ("customers", "fetch") => alone(Command::CustomersFetch, 2)?,
        ("sessions", "import") => Command::SessionsImport { file: one_file(2)?, source: source.clone() },
        ("whois", _) => match rest(1) {
            [address] => Command::Whois {
                address: address.parse().map_err(|_| format!("{address:?} is no address"))?,
                port,
            },
            _ => return Err("abusebox whois needs one address".into()),
        },
        ("incidents", "") => Command::Incidents { json },
        ("incidents", "close") => Command::ChangeIncidents { change: Change::Close, ids: ids(2)? },
        ("incidents", "reopen") => Command::ChangeIncidents { change: Change::Reopen, ids: ids(2)? },
        ("incidents", "mute") => match until {
            Some(until) => Command::ChangeIncidents { change: Change::Mute { until }, ids: ids(2)? },
            None => return Err("abusebox incidents mute needs --until DAY".into()),
        },
        ("reports", _) => alone(Command::Reports { json }, 1)?,
        ("status", _) => alone(Command::Status { json }, 1)?,
        ("outbox", "") => Command::Outbox { json },
        ("outbox", "release") => Command::ChangeOutbox { change: outbox::Change::Release, which: which()? },
        ("outbox", "drop") => Command::ChangeOutbox { change: outbox::Change::Drop, which: which()? },
        ("settings", "check") => Command::SettingsCheck { file: one_file(2)? },
        ("customers" | "sessions" | "settings", "") => {
            return Err(
                format!("abusebox {first} needs one more word; abusebox {first} --help says which").into()
            );
        }
        _ => {
            let words = words.join(" ");
            return Err(format!("there is no command {words:?}; abusebox --help names them all").into());
        }
    };
    // An option that the command has no use for was meant for another: `incidents close 7 --until DAY`.
    let stray = [
        ("--all", all && !matches!(command, Command::ChangeOutbox { .. })),
        ("--again", again && !matches!(command, Command::Ingest { .. })),
        ("--confirm", confirmed && !matches!(command, Command::CustomersImport { .. })),
        ("--port", port.is_some() && !matches!(command, Command::Whois { .. })),
        (
            "--until",
            until.is_some()
                && !matches!(command, Command::ChangeIncidents { change: Change::Mute { .. }, .. }),
        ),
        ("--source", source.is_some() && !matches!(command, Command::SessionsImport { .. })),
        ("--format", format.is_some() && !matches!(command, Command::Parse { .. })),
    ];
    if let Some((option, _)) = stray.iter().find(|(_, stray)| *stray) {
        return Err(format!("{option} does not belong to abusebox {}", words.join(" ")).into());
    }
    Ok(Invocation { data, settings, at, command })
}

/// The value of an option; `like` says what to write.
fn value<T: std::str::FromStr>(
    parser: &mut lexopt::Parser,
    option: &str,
    like: &str,
) -> Result<T, lexopt::Error> {
    let text = parser.value()?.string()?;
    text.parse().map_err(|_| format!("{option} needs {like}; this is {text:?}").into())
}

impl Command {
    /// Whether the command works without the data folder.
    pub fn is_detached(&self) -> bool {
        matches!(self, Self::Help(_) | Self::Version | Self::Parse { .. } | Self::SettingsCheck { .. })
    }

    /// Does what needs no data folder.
    pub fn detached(&self, output: &mut Output<'_>) -> io::Result<Exit> {
        match self {
            Self::Help(text) => output.out.write_all(text.as_bytes()).map(|()| Exit::Done),
            Self::Version => {
                writeln!(output.out, "abusebox {}", env!("CARGO_PKG_VERSION")).map(|()| Exit::Done)
            }
            Self::Parse { files } => show::parse(files, output),
            Self::SettingsCheck { file } => show::settings_check(file, output),
            _ => Ok(Exit::WrongUse),
        }
    }

    /// Does what asks or changes the data folder, but for `run` and `once`, which are loops.
    pub fn execute(&self, engine: &Arc<Engine>, clock: &Clock, output: &mut Output<'_>) -> io::Result<Exit> {
        let done = match self {
            Self::Ingest { files } => ingest(engine, files, clock, output),
            Self::CustomersCheck { files } => show::customers_check(engine, files, clock, output),
            Self::CustomersImport { files, confirmed } => {
                show::customers_import(engine, files, *confirmed, clock, output)
            }
            Self::CustomersFetch => show::customers_fetch(engine, clock, output),
            Self::SessionsImport { file, source } => {
                show::sessions_import(engine, file, source.as_deref(), clock, output)
            }
            Self::Whois { address, port } => show::whois(engine, *address, *port, clock, output),
            Self::Incidents { json } => show::incidents(engine, *json, clock, output),
            Self::ChangeIncidents { change, ids } => change_incidents(engine, *change, ids, clock, output),
            Self::Reports { json } => show::reports(engine, *json, output),
            Self::Status { json } => show::status(engine, *json, clock, output),
            Self::Outbox { json } => show::outbox(engine, *json, clock, output),
            Self::ChangeOutbox { change, which } => change_outbox(engine, *change, which, clock, output),
            Self::Run | Self::Supervise | Self::Once => {
                writeln!(output.err, "abusebox run is at work on this data folder")?;
                return Ok(Exit::Failed);
            }
            Self::Help(_) | Self::Version | Self::Parse { .. } | Self::SettingsCheck { .. } => {
                return self.detached(output);
            }
        };
        match done {
            Ok(exit) => Ok(exit),
            Err(Failure::Output(error)) => Err(error),
            Err(Failure::Engine(error)) => {
                writeln!(output.err, "abusebox: {}", crate::service::intake::describe(&error))?;
                Ok(Exit::Failed)
            }
        }
    }
}

/// Why a command broke off.
#[derive(Debug)]
enum Failure {
    /// Nobody reads what it writes.
    Output(io::Error),
    Engine(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

/// The present moment for a command: `--at`, else the engine's clock.
fn now(clock: &Clock) -> Result<Timestamp, Error> {
    clock.now().ok_or(Error::NoClock)
}

fn ingest(
    engine: &Engine,
    files: &[PathBuf],
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let now = now(clock)?;
    if engine.loaded().settings.networks.cidrs.is_empty() {
        return Err(Error::NoNetworks { settings: engine.settings_path.clone() }.into());
    }
    let mut exit = Exit::Done;
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match engine.ingest(&file, path, now) {
            Ok(taken) => exit = told_taken(&file, taken, exit, output)?,
            Err(error @ (Error::Fetch(_) | Error::Waits { .. })) => {
                writeln!(output.err, "{file}: not taken: {}", crate::service::intake::describe(&error))?;
                exit = Exit::Failed;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if files.is_empty() {
        for (file, source, spooled) in engine.reports_in_spool()? {
            exit = told_taken(&file, engine.take_again(&source, &spooled, now)?, exit, output)?;
        }
    }
    engine.keep_by(clock, now)?;
    let (planned, held) = engine.plan(now)?;
    if planned > 0 {
        let planned = counted(planned, "mail");
        writeln!(output.err, "{planned} planned, {held} of them held: abusebox outbox shows them")?;
    }
    Ok(exit)
}

/// "1 mail", "2 mails".
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Says what became of a report. Returns the exit code so far.
fn told_taken(file: &str, taken: Taken, exit: Exit, output: &mut Output<'_>) -> io::Result<Exit> {
    let err = &mut *output.err;
    match taken {
        Taken::Processed(report) => {
            let c = report.counts;
            writeln!(
                err,
                "{file}: {} rows of {}: {} matched, {} unassigned, {} ambiguous, {} unattributable, {} outside, {} rejected",
                c.rows,
                report.kind,
                c.matched,
                c.unassigned,
                c.ambiguous,
                c.unattributable,
                c.outside,
                c.rejected
            )?;
            Ok(if c.rejected > 0 && exit == Exit::Done { Exit::Rejected } else { exit })
        }
        Taken::Known => writeln!(err, "{file}: known already, nothing changed").map(|()| exit),
        Taken::Duplicate { of } => {
            writeln!(err, "{file}: the same content as {of}, nothing changed").map(|()| exit)
        }
        Taken::Unreadable { why } => writeln!(err, "{file}: cannot be read: {why}").map(|()| Exit::Failed),
    }
}

fn change_incidents(
    engine: &Engine,
    change: Change,
    ids: &[u64],
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let changed = engine.change_incidents(ids, change, now(clock)?, None)?;
    let word = match change {
        Change::Close => "closed",
        Change::Mute { .. } => "muted",
        Change::Reopen => "reopened",
    };
    writeln!(output.err, "{} {word}", counted(changed.len(), "incident"))?;
    let unknown: Vec<_> = ids.iter().filter(|id| !changed.contains(id)).collect();
    for id in &unknown {
        writeln!(output.err, "there is no incident {id}")?;
    }
    Ok(if unknown.is_empty() { Exit::Done } else { Exit::Failed })
}

fn change_outbox(
    engine: &Engine,
    change: outbox::Change,
    which: &Which,
    clock: &Clock,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let ids = match which {
        Which::These(ids) => ids.clone(),
        // Of --all, only what is held can be meant: what is on its way was meant to go.
        Which::All => engine.held(u64::MAX)?,
    };
    let changed = engine.change_mails(&ids, change, now(clock)?, None)?;
    let (word, was) = match change {
        outbox::Change::Release => ("released", "held"),
        outbox::Change::Drop => ("dropped", "waiting"),
    };
    writeln!(output.err, "{} {word}", counted(changed.len(), "mail"))?;
    if *which == Which::All {
        return Ok(Exit::Done);
    }
    let missed: Vec<_> = ids.iter().filter(|id| !changed.contains(id)).collect();
    for id in &missed {
        writeln!(output.err, "mail {id} is not {was}")?;
    }
    Ok(if missed.is_empty() { Exit::Done } else { Exit::Failed })
}
