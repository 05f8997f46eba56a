//! The listener for RADIUS accounting: closed while the settings name no client, and what a packet tells is answered when
//! it is kept for good.
//!
//! Two threads of its own: one takes packets from the socket, whatever else goes on, the other brings what they tell to
//! the store, many at once. Packets that nobody is meant to send are dropped, counted, and told of once a minute.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use tokio::sync::watch;

use super::{Engine, Error};
use crate::clock::Timestamp;
use crate::config::{RadiusClient, Secret, SessionSettings};
use crate::sessions::accounting::{self, Lately};
use crate::sessions::radius::{PACKET_BYTES_MAX, Recent, Request, Turn};

/// Packets since the beginning; the log has them every six hours.
#[derive(Debug, Default)]
pub struct Counts {
    /// What they told is kept.
    pub kept: AtomicU64,
    /// The same once more.
    pub again: AtomicU64,
    /// From an address that the settings do not name.
    pub unknown: AtomicU64,
    /// Not of RADIUS, or of another secret.
    pub refused: AtomicU64,
    /// Not taken, since too many waited, the store failed or the clock was not right: the client sends them again.
    pub lost: AtomicU64,
}

impl Counts {
    fn tell(&self) {
        let Self { kept, again, unknown, refused, lost } = self;
        let [kept, again, unknown, refused, lost] =
            [kept, again, unknown, refused, lost].map(|count| count.load(Ordering::Relaxed));
        tracing::info!(kept, again, unknown, refused, lost, "packets of RADIUS accounting");
    }
}

/// Until `stop`. Follows the settings.
pub async fn keep_open(engine: Arc<Engine>, counts: Arc<Counts>, mut stop: watch::Receiver<bool>) {
    let mut failed: Option<(SocketAddr, Instant)> = None;
    let mut looked: Option<Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= BIND_AGAIN)
            && let Some(now) = engine.clock.now()
        {
            looked = Some(Instant::now());
            if let Err(error) = see_gap(&engine, now) {
                tracing::error!("RADIUS accounting: {error}");
            }
        }
        let listen = wanted(&engine.loaded().settings.sessions);
        let again =
            |(address, at): (SocketAddr, Instant)| Some(address) != listen || at.elapsed() >= BIND_AGAIN;
        if let Some(address) = listen.filter(|_| failed.is_none_or(again)) {
            match bind(address) {
                Ok(socket) => {
                    tell(&engine, None);
                    tracing::info!(%address, "RADIUS accounting is taken");
                    let stays = {
                        let (engine, stop) = (engine.clone(), stop.clone());
                        move || !*stop.borrow() && wanted(&engine.loaded().settings.sessions) == Some(address)
                    };
                    let (taker, count) = (engine.clone(), counts.clone());
                    let taking = tokio::task::spawn_blocking(move || take(&taker, &socket, &count, stays));
                    match taking.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::error!("RADIUS accounting: {error}"),
                        Err(error) => tracing::error!("RADIUS accounting: {error}"),
                    }
                    tracing::info!(%address, "RADIUS accounting is taken no longer");
                    (failed, looked) = (None, Some(Instant::now()));
                }
                Err(error) => {
                    let text = format!(
                        "RADIUS accounting cannot be taken at {address}: {error}. Sessions are missing until it can: choose \
                         another sessions.radius_listen, or end what holds the port."
                    );
                    tell(&engine, Some(&text));
                    failed = Some((address, Instant::now()));
                }
            }
        } else if listen.is_none() && failed.take().is_some() {
            tell(&engine, None);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Where nobody has listened for long, sessions may have ended and begun unheard: those that ran are known up to then.
fn see_gap(engine: &Engine, now: Timestamp) -> Result<(), Error> {
    let Some(heard) = engine.store.view()?.radius_heard()? else { return Ok(()) };
    if now.since(heard) > UNHEARD_SECONDS_MAX {
        engine.store.write(|txn| txn.radius_missed(heard))?;
        tracing::warn!(%heard, "RADIUS accounting was not heard since; sessions that ran then are not known any longer");
    }
    Ok(())
}

/// Until now somebody listened, though nobody may have spoken.
fn note_heard(engine: &Engine) -> Result<(), Error> {
    if let (Some(_), Some(now)) = (engine.store.view()?.radius_heard()?, engine.clock.now()) {
        engine.store.write(|txn| txn.radius_heard(now))?;
    }
    Ok(())
}

/// Where to listen; nowhere while nobody may send.
fn wanted(settings: &SessionSettings) -> Option<SocketAddr> {
    (!settings.radius_clients.is_empty()).then_some(settings.radius_listen)
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).or_else(|error| {
        // Where there is no IPv6, all addresses are those of IPv4.
        let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
        let is_all = address.ip().is_unspecified() && address.is_ipv6();
        if is_all && error.raw_os_error() == Some(NO_SUCH_FAMILY) { UdpSocket::bind(v4) } else { Err(error) }
    })?;
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    // As much as the kernel gives without asking root.
    let _ = set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
    Ok(socket)
}

fn tell(engine: &Engine, text: Option<&str>) {
    if let Some(text) = text {
        tracing::error!("{text}");
    }
    if let Err(error) = engine.alarm(RADIUS, text, engine.clock.untrusted_now()) {
        tracing::error!("{error}");
    }
}

/// A packet whose words are on the way to the store.
struct Waiting {
    from: SocketAddr,
    secret: Secret,
    request: Request,
}

/// Takes packets while `stays`.
fn take(engine: &Engine, socket: &UdpSocket, counts: &Counts, stays: impl Fn() -> bool) -> io::Result<()> {
    let recent = Mutex::new(Recent::default());
    let (queue, waiting) = sync_channel(WAITING_MAX);
    let answers = socket.try_clone()?;
    let taken = std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().name("radius".to_owned());
        writer.spawn_scoped(scope, || keep(engine, &answers, counts, &recent, waiting))?;
        receive(engine, socket, counts, &recent, queue, stays)
    });
    if let Err(error) = note_heard(engine) {
        tracing::error!("RADIUS accounting: {error}");
    }
    taken
}

fn receive(
    engine: &Engine,
    socket: &UdpSocket,
    counts: &Counts,
    recent: &Mutex<Recent>,
    queue: SyncSender<Waiting>,
    stays: impl Fn() -> bool,
) -> io::Result<()> {
    let mut packet = [0; PACKET_BYTES_MAX];
    let mut complaints = Complaints::default();
    let (mut looked, mut told) = (Instant::now(), Instant::now());
    loop {
        // Not for each packet of many.
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            if !stays() {
                counts.tell();
                return Ok(());
            }
            if told.elapsed() >= COUNTS_EVERY {
                told = Instant::now();
                counts.tell();
            }
        }
        let (length, from) = match socket.recv_from(&mut packet) {
            Ok(received) => received,
            Err(error) if is_nothing(&error) => continue,
            Err(error) => return Err(error),
        };
        let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        let address = from.ip().to_canonical();
        let Some(now) = engine.clock.now() else {
            add(&counts.lost);
            complaints.add(address, "not taken: the clock of the box is not right yet; it will come again");
            continue;
        };
        let loaded = engine.loaded();
        let Some(client) = client(&loaded.settings.sessions.radius_clients, address) else {
            add(&counts.unknown);
            complaints.add(address, "not taken: it is not among sessions.radius_clients");
            continue;
        };
        let secret = client.secret.0.as_bytes();
        let request = match Request::read(&packet[..length], secret, address, now) {
            Ok(request) => request,
            Err(refusal) => {
                add(&counts.refused);
                complaints.add(address, &format!("not taken: {refusal}"));
                continue;
            }
        };
        if let Some(complaint) = request.complaint() {
            complaints.add(address, &complaint);
        }
        match locked(recent).turn(from, &request, now) {
            Turn::Waits => {
                add(&counts.again);
                continue;
            }
            Turn::Again => {
                add(&counts.again);
                answer(socket, &request, secret, from);
                continue;
            }
            Turn::New => {}
        }
        match queue.try_send(Waiting { from, secret: client.secret.clone(), request }) {
            Ok(()) => {}
            Err(TrySendError::Disconnected(_)) => return Ok(()),
            Err(TrySendError::Full(lost)) => {
                add(&counts.lost);
                locked(recent).lost(lost.from, &lost.request);
                complaints.add(
                    address,
                    "not taken: more packets wait for the store than there is room for; they will come again",
                );
            }
        }
    }
}

/// Whose packets these are: the longest network that fits.
fn client(clients: &[RadiusClient], address: IpAddr) -> Option<&RadiusClient> {
    let fits = clients.iter().filter(|client| client.address.contains(&address));
    fits.max_by_key(|client| client.address.prefix_len())
}

/// A time-out, or what the kernel tells of an earlier answer that nobody wanted.
fn is_nothing(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(
        error.kind(),
        WouldBlock
            | TimedOut
            | Interrupted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
    )
}

/// Brings to the store what the packets tell, until there will be no more.
fn keep(
    engine: &Engine,
    socket: &UdpSocket,
    counts: &Counts,
    recent: &Mutex<Recent>,
    waiting: Receiver<Waiting>,
) {
    let (mut failing, mut lately) = (None::<Instant>, Lately::default());
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        let until = Instant::now() + TOGETHER_TIME;
        while batch.len() < TOGETHER_MAX {
            // What waits already goes with it: so a slow disk is kept up with.
            let left = until.saturating_duration_since(Instant::now());
            match waiting.recv_timeout(if batch.len() < TOGETHER_ENOUGH { left } else { Duration::ZERO }) {
                Ok(next) => batch.push(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let now = engine.clock.untrusted_now();
        match store(engine, &batch, &mut lately, now) {
            Ok(()) => {
                failing = None;
                counts.kept.fetch_add(batch.len() as u64, Ordering::Relaxed);
                for Waiting { from, secret, request } in &batch {
                    locked(recent).kept(*from, request);
                    answer(socket, request, secret.0.as_bytes(), *from);
                }
            }
            Err(error) => {
                counts.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                // What it says of ends may be of some that are not kept.
                lately = Lately::default();
                for Waiting { from, request, .. } in &batch {
                    locked(recent).lost(*from, request);
                }
                if failing.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                    failing = Some(Instant::now());
                    tracing::error!(
                        packets = batch.len(),
                        "RADIUS accounting cannot be kept, it will come again: {error}"
                    );
                }
            }
        }
    }
}

/// All of it or nothing. What says nothing new is not written.
fn store(engine: &Engine, batch: &[Waiting], lately: &mut Lately, now: Timestamp) -> Result<(), Error> {
    engine.usable()?;
    let txn = engine.store.begin()?;
    let mut accounts = txn.accounts(lately);
    for event in batch.iter().filter_map(|waiting| waiting.request.event.as_ref().ok()?.as_ref()) {
        accounting::apply(event, &mut accounts)?;
    }
    if accounts.finish(engine.loaded().settings.sessions.times.uncertainty_seconds, now)? {
        txn.commit()?;
    }
    Ok(())
}

fn answer(socket: &UdpSocket, request: &Request, secret: &[u8], to: SocketAddr) {
    // One that gets lost on its way is asked for again.
    let _ = socket.send_to(&request.response(secret), to);
}

fn locked(recent: &Mutex<Recent>) -> MutexGuard<'_, Recent> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who sends what is not taken: told at most once a minute for each.
#[derive(Default)]
struct Complaints {
    told: HashMap<IpAddr, (Instant, u64)>,
}

impl Complaints {
    fn add(&mut self, from: IpAddr, why: &str) {
        if self.told.len() >= COMPLAINTS_MAX && !self.told.contains_key(&from) {
            self.told.retain(|_, (at, _)| at.elapsed() < TELL_EVERY);
            if self.told.len() >= COMPLAINTS_MAX {
                return;
            }
        }
        let now = Instant::now();
        let (at, packets) = self.told.entry(from).or_insert((now, 0));
        *packets += 1;
        if *packets == 1 || at.elapsed() >= TELL_EVERY {
            tracing::warn!(%from, packets, "RADIUS accounting: {why}");
            *at = now;
        }
    }
}

/// The alarm of a port that cannot be had.
const RADIUS: &str = "radius";
/// How soon other settings are followed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const BIND_AGAIN: Duration = Duration::from_secs(10);
/// As an update of the box takes, and access servers send again for.
const UNHEARD_SECONDS_MAX: i64 = 300;
const TELL_EVERY: Duration = Duration::from_secs(60);
const COUNTS_EVERY: Duration = Duration::from_secs(6 * 3600);
/// What comes within it goes to the disk at once, and is answered so much later.
const TOGETHER_TIME: Duration = Duration::from_millis(200);
/// For so many packets the disk is not spared longer.
const TOGETHER_ENOUGH: usize = 256;
/// What eight seconds bring at 500 a second: a card may take one for a commit.
const TOGETHER_MAX: usize = 4_096;
/// Half a minute at 500 packets a second, for which a large report may hold the store: 8 MiB.
const WAITING_MAX: usize = 16_384;
/// For a second of them.
const SOCKET_BYTES: usize = 1 << 20;
/// Strangers who are told apart in the log.
const COMPLAINTS_MAX: usize = 256;
/// EAFNOSUPPORT of Linux.
const NO_SUCH_FAMILY: i32 = 97;
