//! What operators have elsewhere and the box fetches by itself: the customer list, and logs of sessions. What comes goes
//! through the same door as a file that is sent by hand; what was taken last stays until something better comes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::acting::note;
use super::fetching::random;
use super::intake::describe;
use super::sessions::{Logged, Taken, newest_moment};
use super::{Engine, Error, FILE_BYTES_MAX, Loaded, jobs, make_folder};
use crate::clock::Timestamp;
use crate::config::Remote;
use crate::fetch;
use crate::fetch::http::{Getter, Version};
use crate::fetch::spool::Bounded;
use crate::files::Temporary;
use crate::sessions::LOG_BYTES_MAX;
use crate::sessions::read::Given;
use crate::store::{Came, Deed, Poll, Polls, What};
use crate::web::hand::{Landing, Received, Upload};

/// Something that is fetched.
struct Source {
    /// As [`Polls`] knows it.
    name: String,
    remote: Remote,
    every_seconds: i64,
    what: Thing,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Something was another than before.
    pub taken: bool,
    /// When to call again.
    pub next: Option<Timestamp>,
}

enum Thing {
    Customers,
    /// A log of this name.
    Sessions(String),
}

impl Source {
    /// All that the settings have a URL for.
    fn all(loaded: &Loaded) -> Vec<Self> {
        let settings = &loaded.settings;
        let customers = settings.customers.remote.iter().map(|remote| Self {
            name: CUSTOMERS.to_owned(),
            remote: remote.clone(),
            every_seconds: i64::from(settings.customers.poll_hours) * 3600,
            what: Thing::Customers,
        });
        let sessions = settings.sessions.sources.iter().filter_map(|source| {
            Some(Self {
                name: sessions_name(&source.name),
                remote: source.remote.clone()?,
                every_seconds: i64::from(source.poll_minutes) * 60,
                what: Thing::Sessions(source.name.clone()),
            })
        });
        customers.chain(sessions).collect()
    }

    /// As settings name it.
    fn setting(&self) -> String {
        match &self.what {
            Thing::Customers => CUSTOMERS.to_owned(),
            Thing::Sessions(name) => format!("sessions.sources of {name}"),
        }
    }

    fn bytes_max(&self) -> u64 {
        match self.what {
            Thing::Customers => FILE_BYTES_MAX,
            Thing::Sessions(..) => LOG_BYTES_MAX,
        }
    }

    /// The alarm that it cannot be had.
    fn alarm(&self) -> String {
        format!("{}_url", self.name)
    }

    /// What there is to be known of it: it is another where this is another. The secrets are in it by their digest alone.
    fn sha256(&self) -> [u8; 32] {
        super::sha256(
            format!("{:?} {:?} {:?}", self.remote.url.0, login(&self.remote), token(&self.remote)).as_bytes(),
        )
    }
}

fn login(remote: &Remote) -> Option<(&str, &str)> {
    remote.login.as_ref().map(|(user, password)| (user.as_str(), password.0.as_str()))
}

fn token(remote: &Remote) -> Option<&str> {
    remote.token.as_ref().map(|token| token.0.as_str())
}

/// When what was fetched was made: where its server does not say, when it was asked.
fn made(version: &Version, now: Timestamp) -> Timestamp {
    let modified = version.modified.as_deref().and_then(fetch::api::http_date);
    modified.map_or(now, |modified| modified.min(now))
}

/// The name of a log in [`Polls`], and as a source of sessions.
pub(super) fn sessions_name(source: &str) -> String {
    format!("sessions.{source}")
}

impl Engine {
    /// Fetches what is due.
    pub async fn poll_step(self: &Arc<Self>, now: Timestamp) -> Result<Step, Error> {
        let loaded = self.loaded();
        let mut step = Step::default();
        if loaded.is_mending {
            return Ok(step);
        }
        let sources = Source::all(&loaded);
        self.forget_polls(&sources, now)?;
        for source in &sources {
            let known = self.known_of(source)?;
            let known = match known.next {
                at if at <= now => self.poll(&loaded, source, known, now).await?,
                _ => known,
            };
            step.taken |= known.came.as_ref().is_some_and(|(at, _)| *at == now);
            step.next = Some(step.next.map_or(known.next, |next| next.min(known.next)));
        }
        Ok(step)
    }

    /// Fetches the customer list, whether it is due or not. `None`: the settings name no URL for it.
    pub async fn poll_customers(self: &Arc<Self>, now: Timestamp) -> Result<Option<Poll>, Error> {
        self.usable()?;
        let loaded = self.loaded();
        let Some(source) = Source::all(&loaded).into_iter().find(|source| source.name == CUSTOMERS) else {
            return Ok(None);
        };
        let known = self.known_of(&source)?;
        self.poll(&loaded, &source, known, now).await.map(Some)
    }

    /// All that is fetched, by its name in [`Polls`], and what is known of it; `None`: it was not asked for yet.
    pub fn polls(&self) -> Result<Vec<(String, Option<Poll>)>, Error> {
        let known = |source: Source| {
            let poll = self.known_of(&source)?;
            Ok((source.name, Some(poll).filter(|poll| poll.asked.is_some())))
        };
        Source::all(&self.loaded()).into_iter().map(known).collect()
    }

    /// Lets something be fetched with the next step.
    pub fn poll_soon(&self, name: &str, now: Timestamp) -> Result<bool, Error> {
        let is_there = Source::all(&self.loaded()).iter().any(|source| source.name == name);
        if is_there {
            self.store.write(|txn| {
                let mut polls = txn.meta::<Polls>()?.unwrap_or_default();
                if let Some(poll) = polls.0.get_mut(name) {
                    poll.next = poll.next.min(now);
                }
                txn.set_meta(&polls)
            })?;
        }
        Ok(is_there)
    }

    /// What is known of a source. One whose URL or login is another is due at once, and all that comes from it is new.
    fn known_of(&self, source: &Source) -> Result<Poll, Error> {
        let polls = self.store.view()?.meta::<Polls>()?.unwrap_or_default();
        let known = polls.0.get(&source.name).filter(|poll| poll.source_sha256 == source.sha256());
        Ok(known.cloned().unwrap_or_else(|| Poll::new(source.sha256())))
    }

    async fn poll(
        self: &Arc<Self>,
        loaded: &Loaded,
        source: &Source,
        mut known: Poll,
        now: Timestamp,
    ) -> Result<Poll, Error> {
        let folder = jobs::folder(self);
        make_folder(&folder)?;
        // Somebody may let it be fetched by hand at the same time.
        let file = Temporary(folder.join(format!("fetched-{}-{:016x}", source.name, random())));
        known.asked = Some(now);
        let came = match Getter::new(&source.setting(), &source.remote, &loaded.extra_ca) {
            Ok(getter) => getter.get(&known.version, &file.0, source.bytes_max()).await,
            Err(error) => Err(error),
        };
        let mut told = None;
        let text = match came {
            Ok(version) => {
                known.fetched = Some(now);
                known.failing_since = None;
                let made = made(version.as_ref().unwrap_or(&known.version), now);
                if let Some(version) = version {
                    known = self.take_fetched(source, file, known, made, now).await?;
                    // Only what was looked at need not come again.
                    known.version = version;
                }
                if matches!((&source.what, &known.came), (Thing::Sessions(_), Some((_, Came::Taken { .. }))))
                {
                    told = Some(made);
                }
                known.next = now.plus_seconds(jittered(source.every_seconds));
                tracing::info!(source = source.name, came = ?known.came, "fetched");
                None
            }
            // The disk: nothing that the other side could help.
            Err(error @ (fetch::Error::DiskFull { .. } | fetch::Error::Disk { .. })) => {
                return Err(error.into());
            }
            Err(error) => {
                let since = *known.failing_since.get_or_insert(now);
                let text = describe(&error);
                tracing::warn!(source = source.name, "not fetched: {text}");
                known.next = now.plus_seconds(jittered(source.every_seconds.min(RETRY_SECONDS)));
                known.fault = Some(text.clone());
                (now.since(since) >= FAILING_SECONDS_MAX).then(|| {
                    format!(
                        "{} has not been fetched for days: {text}. What came last stays in force.",
                        source.setting()
                    )
                })
            }
        };
        if known.failing_since.is_none() {
            known.fault = None;
        }
        self.store.write(|txn| {
            let mut polls = txn.meta::<Polls>()?.unwrap_or_default();
            polls.0.insert(source.name.clone(), known.clone());
            if told.is_some() {
                // That it is still the same is told, too.
                txn.session_source(&source.name, told)?;
            }
            txn.set_meta(&polls)
        })?;
        self.alarm(&source.alarm(), text.as_deref(), now)?;
        Ok(known)
    }

    /// Takes what came, if it is other than what came before.
    async fn take_fetched(
        self: &Arc<Self>,
        source: &Source,
        file: Temporary,
        mut known: Poll,
        made: Timestamp,
        now: Timestamp,
    ) -> Result<Poll, Error> {
        let engine = self.clone();
        let log = match &source.what {
            Thing::Customers => None,
            Thing::Sessions(name) => Some(name.clone()),
        };
        let before = known.sha256;
        let taken = tokio::task::spawn_blocking(move || {
            let digest = file_sha256(&file.0).map_err(|error| Error::file(&file.0, error))?;
            if before == Some(digest) {
                return Ok((digest, None));
            }
            let came = match log {
                None => {
                    let received = engine.take_customer_file(&file, "customers.url", now)?;
                    match received.landing {
                        Landing::Taken => Came::Taken {
                            count: received.count,
                            complaints: received.complaints.len() as u64 + received.complaints_more,
                        },
                        Landing::Held(why) | Landing::Refused(why) => Came::Refused(why),
                    }
                }
                Some(name) => engine.take_fetched_log(&name, &file, made, now)?,
            };
            Ok::<_, Error>((digest, Some(came)))
        });
        let (digest, came) = taken.await.map_err(|error| Error::Task(error.to_string()))??;
        known.sha256 = Some(digest);
        if let Some(came) = came {
            known.came = Some((now, came));
        }
        Ok(known)
    }

    /// Takes a customer file that nobody watches being taken: what is held, or cannot be read, raises the alarm of any other
    /// customer file, and is kept for whoever wants to look at it or to take it all the same. `from`: where it is from.
    fn take_customer_file(&self, file: &Temporary, from: &str, now: Timestamp) -> Result<Received, Error> {
        let is_first = self.store.view()?.imports()?.is_empty();
        let kept = self.data.join("customers").join(SENT);
        let mut bytes = Vec::new();
        let read = unpacked(&file.0).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        let refused = |error: io::Error| Error::BadCustomers {
            why: format!("it cannot be unpacked: {error}"),
            complaints: Vec::new(),
        };
        let error = match read.map_err(refused).and_then(|_| self.import_or_hold(&bytes, false, now)) {
            Ok(taken) => {
                if is_first {
                    self.customers_are_known(now)?;
                }
                // There is none mostly.
                let _ = std::fs::remove_file(&kept);
                return Ok(Received {
                    landing: Landing::Taken,
                    count: taken.customers_len() as u64,
                    complaints: self.complaints(&taken),
                    complaints_more: taken.complaints.more,
                });
            }
            Err(error @ (Error::Unconfirmed { .. } | Error::BadCustomers { .. })) => error,
            Err(error) => return Err(error),
        };
        std::fs::rename(&file.0, &kept).map_err(|error| Error::file(&kept, error))?;
        let why = describe(&error);
        let text = format!("{why}. It is from {from}, and lies in {}", kept.display());
        self.alarm("customers", Some(&text), now)?;
        let (landing, complaints) = match error {
            Error::Unconfirmed { complaints, .. } => (Landing::Held(why), complaints),
            Error::BadCustomers { complaints, .. } => (Landing::Refused(why), complaints),
            _ => (Landing::Refused(why), Vec::new()),
        };
        Ok(Received { landing, count: 0, complaints, complaints_more: 0 })
    }

    /// Takes a file that a program has sent.
    pub(super) fn receive(
        &self,
        peer: IpAddr,
        what: Upload,
        file: &Temporary,
        source: Option<&str>,
    ) -> Result<Received, Error> {
        let now = self.now()?;
        let (received, deed) = match what {
            Upload::Customers => {
                let received = self.take_customer_file(file, "POST /api/customers", now)?;
                (received, Deed::to(What::TookCustomers, &["POST /api/customers"]))
            }
            Upload::Sessions | Upload::Report | Upload::Addresses => {
                let name = source.unwrap_or("POST /api/sessions");
                // Programs send what there is now.
                let received = match self.take_log(&file.0, name, source, Some(now), now) {
                    Ok(Taken { summary, .. }) => Received {
                        landing: Landing::Taken,
                        count: summary.sessions,
                        complaints: summary.complaints.list,
                        complaints_more: summary.complaints.more,
                    },
                    Err(error @ (Error::BadLog { .. } | Error::NoSource { .. })) => Received {
                        landing: Landing::Refused(describe(&error)),
                        count: 0,
                        complaints: Vec::new(),
                        complaints_more: 0,
                    },
                    Err(error) => return Err(error),
                };
                (received, Deed::to(What::TookSessions, &[name]))
            }
        };
        if received.landing == Landing::Taken {
            self.store.write(|txn| note(txn, INTAKE, Some(peer), deed, now))?;
        }
        Ok(received)
    }

    /// Takes a log of sessions that lies on the disk, packed by gzip or not. `name`: of the file, as its sender calls it.
    /// `source`: whose clock it goes by; `None`: that of all others. `made`: up to when it tells all; `None`: as far as
    /// shows in it.
    pub fn take_log(
        &self,
        path: &Path,
        name: &str,
        source: Option<&str>,
        made: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Taken, Error> {
        let loaded = self.loaded();
        let sessions = &loaded.settings.sessions;
        let times = match source {
            None => Some(&sessions.times),
            Some(name) => {
                sessions.sources.iter().find(|source| source.name == name).map(|source| &source.times)
            }
        };
        let name_of_source = || source.unwrap_or_default().to_owned();
        let times = times.ok_or_else(|| Error::NoSource { name: name_of_source() })?;
        let log = || {
            let log = unpacked(path).map_err(|error| Error::file(path, error))?;
            Ok::<_, Error>(BufReader::new(Bounded::new(log, name, LOG_BYTES_MAX)))
        };
        let given = Given { zone: &times.timezone, offset: times.offset_seconds, name: Some(name) };
        let known_until = match made {
            Some(made) => made.min(now),
            // Without a session it tells nothing.
            None => newest_moment(log()?, &given, now)?.unwrap_or(Timestamp::from_unix(0)),
        };
        let source = source.map_or_else(|| LOGS.to_owned(), sessions_name);
        let uncertainty = times.uncertainty_seconds;
        let logged = Logged { given, uncertainty, source: &source, known_until };
        self.take_sessions(log()?, &logged, now)
    }

    fn take_fetched_log(
        &self,
        name: &str,
        file: &Temporary,
        made: Timestamp,
        now: Timestamp,
    ) -> Result<Came, Error> {
        let came = match self.take_log(&file.0, name, Some(name), Some(made), now) {
            Ok(taken) => {
                Came::Taken { count: taken.summary.sessions, complaints: taken.summary.complaints.len() }
            }
            Err(error @ (Error::BadLog { .. } | Error::File { .. })) => Came::Refused(describe(&error)),
            Err(error) => return Err(error),
        };
        let text = match &came {
            Came::Refused(why) => Some(format!("the log {name} that was fetched is not taken: {why}")),
            Came::Taken { .. } => None,
        };
        self.alarm(&sessions_name(name), text.as_deref(), now)?;
        Ok(came)
    }

    /// Of what the settings name no more.
    fn forget_polls(&self, sources: &[Source], now: Timestamp) -> Result<(), Error> {
        let polls = self.store.view()?.meta::<Polls>()?.unwrap_or_default();
        let is_gone = |name: &&String| !sources.iter().any(|source| source.name == **name);
        let gone: Vec<String> = polls.0.keys().filter(is_gone).cloned().collect();
        for name in gone {
            self.store.write(|txn| {
                let mut polls = txn.meta::<Polls>()?.unwrap_or_default();
                polls.0.remove(&name);
                txn.set_meta(&polls)
            })?;
            self.alarm(&format!("{name}_url"), None, now)?;
            if name != CUSTOMERS {
                self.alarm(&name, None, now)?;
            }
        }
        Ok(())
    }
}

/// A file as it is meant: unpacked, if it was packed by gzip.
pub(super) fn unpacked(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::new(File::open(path)?);
    let is_packed = file.fill_buf()?.starts_with(&GZIP);
    Ok(if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn file_sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut file = BufReader::new(File::open(path)?);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        context.update(piece);
        let count = piece.len();
        file.consume(count);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Ok(sha256)
}

/// Up to a tenth earlier, so that not all boxes ask at the same second.
fn jittered(seconds: i64) -> i64 {
    let tenth = (seconds / 10).max(1).unsigned_abs();
    seconds - i64::try_from(random() % tenth).unwrap_or(0)
}

/// The customer list in [`Polls`], and in the settings.
pub(super) const CUSTOMERS: &str = "customers";
/// The source of sessions for logs that come by hand, or from programs that name none.
const LOGS: &str = "sessions";
/// In the folder of customer files: what came last and is not in force.
const SENT: &str = "sent-and-not-taken";
/// In the list of changes, for whoever shows the token of programs that send.
const INTAKE: &str = "page.intake_token";
/// Something that could not be fetched is asked for again after so long.
const RETRY_SECONDS: i64 = 3600;
/// Over a long weekend nobody is woken for a server that is being mended; customers do not change by the day.
const FAILING_SECONDS_MAX: i64 = 3 * 86_400;
const GZIP: [u8; 2] = [0x1f, 0x8b];

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::sync::Mutex;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const LIST: &str = "customer_id,name,email,cidr,login\nC1,One,1@example.com,192.0.2.0/28,l1\n";
    const LOG: &str = "user,address,start,stop\nl1,192.0.2.130,2026-11-24T00:00:00Z,2026-11-25T00:00:00Z\n";

    /// What a server of the operator's hands out, and the heads of the requests for it.
    type Shelf = Arc<Mutex<(u16, Vec<u8>, Vec<String>)>>;

    /// A real server that knows by ETag whether it was asked for the same before.
    fn serve() -> (u16, Shelf) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shelf = Shelf::default();
        let own = shelf.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                let mut shelf = own.lock().unwrap();
                let etag = hex_of(&shelf.1);
                let (status, body) = match shelf.0 {
                    200 if head.contains(&etag) => (304, &[][..]),
                    200 => (200, &*shelf.1),
                    status => (status, &[][..]),
                };
                let reply = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\netag: \"{etag}\"\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(&[reply.as_bytes(), body].concat()).unwrap();
                shelf.2.push(head);
            }
        });
        (port, shelf)
    }

    fn hex_of(bytes: &[u8]) -> String {
        crate::fetch::api::hex(&crate::service::sha256(bytes))
    }

    fn engine(settings: &str) -> (Arc<Engine>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        let text =
            format!("[networks]\ncidrs = [\"192.0.2.0/24\"]\ndynamic = [\"192.0.2.128/25\"]\n{settings}");
        save_atomic(&path, text.as_bytes(), 0o600).unwrap();
        (Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap(), folder)
    }

    fn alarm(engine: &Engine, code: &str) -> Option<String> {
        let alarms = engine.alarms(&engine.store.view().unwrap()).unwrap();
        alarms.get(code).map(|alarm| alarm.text.clone())
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    #[tokio::test]
    async fn a_customer_list_is_fetched_daily_and_the_last_good_one_stays() {
        let (port, shelf) = serve();
        let (engine, _folder) = engine(&format!(
            "[customers]\nurl = \"http://127.0.0.1:{port}/crm?key=hunter2\"\nuser = \"u\"\npassword = \"p\"\n"
        ));
        *shelf.lock().unwrap() = (200, packed(LIST), Vec::new());
        let step = engine.poll_step(NOW).await.unwrap();
        assert!(step.taken && engine.loaded().table.customers_len() == 1);
        let next = step.next.unwrap().since(NOW);
        assert!((86_400 * 9 / 10..=86_400).contains(&next), "{next}");
        // Nothing is due; then it is still the same.
        let early = engine.poll_step(NOW.plus_seconds(3600)).await.unwrap();
        assert!(!early.taken && shelf.lock().unwrap().2.len() == 1);
        let later = NOW.plus_days(1);
        assert!(!engine.poll_step(later).await.unwrap().taken);
        let requests = shelf.lock().unwrap().2.clone();
        assert!(requests.len() == 2 && requests[1].contains("if-none-match: "), "{requests:?}");

        // A file of which a line cannot be read is not taken; it can be looked at.
        shelf.lock().unwrap().1 = format!("{LIST}C2,Two,2@example.com,192.0.2.x,\n").into_bytes();
        let bad = later.plus_days(1);
        assert!(engine.poll_step(bad).await.unwrap().taken);
        let text = alarm(&engine, "customers").unwrap();
        assert!(text.contains("from customers.url") && text.contains("line 3"), "{text}");
        assert!(engine.data.join("customers").join(SENT).is_file());
        assert_eq!(engine.loaded().table.customers_len(), 1);
        let poll = engine.polls().unwrap().remove(0).1.unwrap();
        assert!(matches!(&poll.came, Some((at, Came::Refused(_))) if *at == bad), "{poll:?}");
        // It is not read again and again.
        assert!(!engine.poll_step(bad.plus_days(1)).await.unwrap().taken);
        shelf.lock().unwrap().1 = LIST.replace("One", "Uno").into_bytes();
        assert!(engine.poll_step(bad.plus_days(2)).await.unwrap().taken);
        assert_eq!(
            (alarm(&engine, "customers"), engine.data.join("customers").join(SENT).exists()),
            (None, false)
        );
    }

    #[tokio::test]
    async fn what_cannot_be_fetched_for_three_days_is_an_alarm_until_it_can() {
        let (port, shelf) = serve();
        let url = format!("[customers]\nurl = \"http://127.0.0.1:{port}/crm?key=hunter2\"\n");
        let (engine, folder) = engine(&url);
        *shelf.lock().unwrap() = (401, LIST.as_bytes().to_vec(), Vec::new());
        let mut now = NOW;
        while now.since(NOW) < FAILING_SECONDS_MAX {
            now = engine.poll_step(now).await.unwrap().next.unwrap().max(now.plus_seconds(86_000));
            let is_long = now.since(NOW) > FAILING_SECONDS_MAX;
            assert!(is_long || alarm(&engine, "customers_url").is_none(), "{now}");
        }
        engine.poll_step(now).await.unwrap();
        let text = alarm(&engine, "customers_url").unwrap();
        assert!(
            text.contains("customers") && text.contains("HTTP 401") && !text.contains("hunter2"),
            "{text}"
        );
        shelf.lock().unwrap().0 = 200;
        let now = now.plus_days(1);
        assert!(engine.poll_step(now).await.unwrap().taken);
        assert_eq!(alarm(&engine, "customers_url"), None);
        // By hand, whether it is due or not.
        let poll = engine.poll_customers(now.plus_seconds(9)).await.unwrap().unwrap();
        assert_eq!((poll.fetched, poll.fault), (Some(now.plus_seconds(9)), None));
        // Another URL is another list; one that is gone is forgotten with its alarms.
        save_atomic(&folder.path().join("settings.toml"), url.replace("crm", "other").as_bytes(), 0o600)
            .unwrap();
        engine.reload_settings(now).unwrap();
        shelf.lock().unwrap().0 = 404;
        engine.poll_step(now).await.unwrap();
        engine.poll_step(now.plus_days(4)).await.unwrap();
        assert!(alarm(&engine, "customers_url").unwrap().contains("HTTP 404"));
        save_atomic(&folder.path().join("settings.toml"), b"", 0o600).unwrap();
        engine.reload_settings(now).unwrap();
        assert_eq!(engine.poll_step(now.plus_days(5)).await.unwrap().next, None);
        assert_eq!((alarm(&engine, "customers_url"), engine.polls().unwrap().len()), (None, 0));
        assert_eq!(engine.poll_customers(now).await.unwrap(), None);
    }

    #[tokio::test]
    async fn logs_are_fetched_each_by_its_own_clock() {
        let (port, shelf) = serve();
        let (engine, _folder) = engine(&format!(
            "[[sessions.sources]]\nname = \"a\"\nurl = \"http://127.0.0.1:{port}/a\"\npoll_minutes = 5\n\
             [[sessions.sources]]\nname = \"b\"\nurl = \"http://127.0.0.1:{port}/b\"\noffset_seconds = 3600\n"
        ));
        engine.import_customers(LIST.as_bytes(), false, NOW).unwrap();
        *shelf.lock().unwrap() = (200, packed(LOG), Vec::new());
        let next = engine.poll_step(NOW).await.unwrap().next.unwrap().since(NOW);
        assert!((270..=300).contains(&next), "{next}");
        let polls = engine.polls().unwrap();
        assert_eq!(
            polls.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["sessions.a", "sessions.b"]
        );
        for (_, poll) in polls {
            assert!(matches!(poll.unwrap().came, Some((_, Came::Taken { count: 1, complaints: 0 }))));
        }
        let owner = |time: &str| {
            let at = time.parse().unwrap();
            let loaded = engine.loaded();
            let found = engine.explain(&loaded, "192.0.2.130".parse().unwrap(), None, at).unwrap();
            found.customer_id.map(str::to_owned)
        };
        assert_eq!(owner("2026-11-24T12:00:00Z").as_deref(), Some("C1"));
        // The clock of b is an hour behind.
        assert_eq!(owner("2026-11-25T00:30:00Z").as_deref(), Some("C1"));
        assert_eq!(owner("2026-11-25T01:30:00Z"), None);
        // No log at all: what was taken stays, and it is said.
        shelf.lock().unwrap().1 = b"<html>please log in</html>\n".to_vec();
        assert!(
            engine.poll_soon("sessions.b", NOW).unwrap() && !engine.poll_soon("sessions.c", NOW).unwrap()
        );
        engine.poll_step(NOW.plus_seconds(1)).await.unwrap();
        assert!(alarm(&engine, "sessions.b").unwrap().contains("the log b that was fetched is not taken"));
        assert_eq!(
            (alarm(&engine, "sessions.a"), owner("2026-11-24T12:00:00Z").as_deref()),
            (None, Some("C1"))
        );
        assert!(matches!(
            engine.take_log(Path::new("x"), "x", Some("c"), None, NOW),
            Err(Error::NoSource { .. })
        ));
    }
}
