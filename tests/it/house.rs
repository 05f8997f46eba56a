//! An engine on a folder of its own, with what tests do to it: take reports, import customers, ask commands.

#![expect(clippy::disallowed_methods, reason = "a file of a test need not survive a power cut")]

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abusebox::clock::{Clock, Timestamp};
use abusebox::command::{self, Output};
use abusebox::service::Engine;
use abusebox::service::intake::{Source, Taken};
use abusebox::store::{Report, Store};
use serde_json::Value;

/// A data folder that is gone with it, and the engine on it.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) engine: Arc<Engine>,
}

impl House {
    /// With these settings, at this moment, without customers.
    pub(crate) fn new(settings: &str, now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, settings).unwrap();
        let engine = Engine::open(folder.path(), &path, Clock::fixed(now)).unwrap();
        Self { folder, engine }
    }

    /// On a store from elsewhere, whose one accepted customer file is `customers`.
    pub(crate) fn with_store(settings: &str, customers: &str, database: &[u8], now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, settings).unwrap();
        std::fs::write(folder.path().join("abusebox.redb"), database).unwrap();
        std::fs::create_dir(folder.path().join("customers")).unwrap();
        let (_, import) = Store::open(&folder.path().join("abusebox.redb"))
            .unwrap()
            .view()
            .unwrap()
            .imports()
            .unwrap()
            .remove(0);
        std::fs::write(folder.path().join("customers").join(&import.file), customers).unwrap();
        let engine = Engine::open(folder.path(), &path, Clock::fixed(now)).unwrap();
        Self { folder, engine }
    }

    /// The bytes of the store, closed in good order.
    pub(crate) fn close(self) -> Vec<u8> {
        drop(self.engine);
        std::fs::read(self.folder.path().join("abusebox.redb")).unwrap()
    }

    /// Takes a customer file from `now` on, as somebody who has looked at what it changes.
    pub(crate) fn import(&self, csv: &str, now: Timestamp) {
        self.engine.import_customers(csv.as_bytes(), true, now).unwrap();
    }

    /// Takes a report under this name.
    pub(crate) fn take(&self, file: &str, body: &[u8], now: Timestamp) -> Taken {
        self.take_as(&Source { file: file.to_owned(), kind: None, day: None, id_hash: None }, body, now)
    }

    pub(crate) fn take_as(&self, source: &Source, body: &[u8], now: Timestamp) -> Taken {
        let path = self.folder.path().join(&source.file);
        std::fs::write(&path, body).unwrap();
        let spooled = self.engine.spool.ingest(&path, now).unwrap();
        std::fs::remove_file(&path).unwrap();
        self.engine.take(source, &spooled, now).unwrap()
    }

    /// The same, for a report that must be read.
    #[track_caller]
    pub(crate) fn read(&self, file: &str, body: &[u8], now: Timestamp) -> Report {
        match self.take(file, body, now) {
            Taken::Processed(report) => *report,
            other => panic!("{file}: {other:?}"),
        }
    }

    /// One pass of the mail loop.
    pub(crate) fn mail(&self, now: Timestamp) -> abusebox::service::mailing::Step {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.engine.mail_step(now)).unwrap()
    }

    /// What a command prints with `--json`, a value per line.
    pub(crate) fn show(&self, words: &str, now: Timestamp) -> Vec<Value> {
        let words = words.split(' ').chain(["--json"]).map(OsString::from);
        let invocation = command::parse(words, Path::new("")).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output { out: &mut out, err: &mut err };
        invocation.command.execute(&self.engine, &Clock::fixed(now), &mut output).unwrap();
        out.split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// Everything that commands show of the store.
    pub(crate) fn everything(&self, now: Timestamp) -> Vec<Vec<Value>> {
        ["incidents", "reports", "outbox", "status"].map(|words| self.show(words, now)).into()
    }
}

/// Whether there is time for the large and the many.
pub(crate) fn is_soak() -> bool {
    std::env::var_os("SOAK").is_some_and(|soak| soak == "1")
}

/// Says why a test cannot run here. A machine that tests for others must be able to.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI this must run: {why}");
    // Past the capture of the test harness: whoever looks at the run sees what it did not test.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    None
}

/// The real program; `ABUSEBOX=path` in the environment names another build of it than the one of the tests.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("ABUSEBOX").map_or_else(|| env!("CARGO_BIN_EXE_abusebox").into(), PathBuf::from)
}

/// A figure of a process in KiB, as the kernel keeps it (proc(5), status); none when it has ended.
pub(crate) fn memory_kib(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// A CSV file as another program writes it.
pub(crate) fn csv(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// `2026-11-20T10:00:00Z`
#[track_caller]
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// As Shadowserver writes a moment.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.to_string().replace('T', " ").replace('Z', "")
}
