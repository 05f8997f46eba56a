//! The loops of `run`, and the single pass of `once`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::intake::describe;
use super::timing::{self, Pace};
use super::{Engine, Error, paging, radius};
use crate::clock::{self, Timestamp};
use crate::control;
use crate::system::heart::{self, Heart};
use crate::system::naming::{self, Wanted};
use crate::system::request::{Addressing, Request};
use crate::system::{Run, asking, disk, mdns, routers};

/// The box around the process.
pub struct Around {
    pub run: Run,
    pub pace: Pace,
    pub heart: Option<Heart>,
    /// Where its page answers, whatever the settings say: the supervisor asks for it there.
    pub page: SocketAddr,
}

impl Around {
    pub fn of_box() -> Self {
        let page = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);
        let run = Run::of_box();
        let heart = Heart::start(run.supervisor())
            .inspect_err(|error| tracing::error!("no sign of life for the supervisor: {error}"));
        Self { run, pace: Pace::default(), heart: heart.ok(), page }
    }

    /// Whether the page may come up to have settings mended that cannot be used. Not in a slot on trial: its version
    /// refuses what the other takes, so it must not be committed for answering.
    pub fn may_mend(&self) -> bool {
        disk::booted().is_ok_and(|boot| !boot.is_passing())
    }
}

/// Runs until SIGTERM or SIGINT, or until it is to begin again with right settings. What is on its way then is finished
/// first, within [`STOP_TIME_MAX`]. `around`: the box, where there is one.
pub async fn run(engine: Arc<Engine>, around: Option<Around>) -> Result<(), Error> {
    let wake = Arc::new(Wake::default());
    let (on_command, by_hand) = (wake.clone(), wake.clone());
    control::serve(engine.clone(), move || on_command.mail.notify_one())
        .map_err(|error| Error::file(&control::socket(&engine.data), error))?;
    let (stop, stopped) = watch::channel(false);
    tracing::info!(data = %engine.data.display(), version = env!("CARGO_PKG_VERSION"), "abusebox runs");
    for sentence in engine.loaded().settings.missing() {
        tracing::warn!("not set up yet: {sentence}");
    }
    // A chosen moment (`--at`) is not compared with the true one.
    let around = around.filter(|_| engine.clock.is_of_box());
    let page = around.as_ref().map(|around| (around.page, around.run.supervisor()));
    let mut loops = vec![
        tokio::spawn(fetch_loop(engine.clone(), wake.clone(), stopped.clone())),
        tokio::spawn(mail_loop(engine.clone(), wake.clone(), stopped.clone())),
        tokio::spawn(poll_loop(engine.clone(), wake.clone(), stopped.clone())),
        tokio::spawn(watch_files(engine.clone(), wake.clone(), stopped.clone())),
        tokio::spawn(paging::keep_up(engine.clone(), page, move || by_hand.all(), stopped.clone())),
        tokio::spawn(radius::keep_open(engine.clone(), Arc::default(), stopped.clone())),
    ];
    if let Some(Around { run, pace, heart, page }) = around {
        let known = engine.clone();
        let wanted = move || {
            let name = known.loaded().settings.boxx.name.clone();
            Wanted { name, port: Some(page.port()) }
        };
        let naming = naming::keep_known(wanted, naming::interfaces, mdns::PORT, stopped.clone());
        loops.push(tokio::spawn(naming));
        let socket = run.supervisor();
        loops.push(tokio::spawn(routers::follow(socket.clone(), stopped.clone())));
        tokio::spawn(stay_in_touch(engine.clone(), heart, socket.clone()));
        let set = Arc::new(move |unix_millis| asking::ask(&socket, &Request::SetClock { unix_millis }));
        loops.push(tokio::spawn(timing::keep_right(engine.clone(), run, pace, set, stopped)));
    }
    let failed = |error| Error::Task(format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mended = async {
        match &engine.mended {
            Some(mended) => {
                mended.notified().await;
                tokio::time::sleep(REPLY_TIME).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = mended => tracing::info!("the settings are right: beginning again, to make the store anew by them"),
    }
    tracing::info!("stopping");
    stop.send_replace(true);
    let all = async {
        for task in loops {
            let _ = task.await;
        }
    };
    if tokio::time::timeout(STOP_TIME_MAX, all).await.is_err() {
        tracing::warn!("stopped in the middle of something; it is taken up again at the next start");
    }
    let _ = std::fs::remove_file(control::socket(&engine.data));
    Ok(())
}

/// What one pass came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass {
    pub fetch: super::fetching::Step,
    pub mail: super::mailing::Step,
}

/// One pass of fetch, parse, match, notify.
pub async fn once(engine: &Arc<Engine>, now: Timestamp) -> Result<Pass, Error> {
    engine.reload(now)?;
    engine.poll_step(now).await?;
    let fetch = engine.fetch_step(true, now).await?;
    let short = engine.keep_by(&engine.clock, now)?;
    engine.alarm(DISK, short.as_deref(), now)?;
    let mut mail = engine.mail_step(now).await?;
    while mail.more || mail.full_seconds > 0 {
        tokio::time::sleep(Duration::from_secs(mail.full_seconds.unsigned_abs())).await;
        let step = engine.mail_step(now).await?;
        mail = super::mailing::Step {
            planned: mail.planned + step.planned,
            held: mail.held + step.held,
            sent: mail.sent + step.sent,
            failed: mail.failed + step.failed,
            ..step
        };
    }
    Ok(Pass { fetch, mail })
}

#[derive(Default)]
struct Wake {
    fetch: Notify,
    mail: Notify,
    poll: Notify,
}

impl Wake {
    /// All look again at what there is to do.
    fn all(&self) {
        self.fetch.notify_one();
        self.mail.notify_one();
        self.poll.notify_one();
    }
}

/// Keeps the heart beating while the loops turn, which share this thread, and tells the supervisor which address the
/// settings give to the box, when that changes.
async fn stay_in_touch(engine: Arc<Engine>, heart: Option<Heart>, supervisor: PathBuf) {
    let mut told = None;
    loop {
        heart.iter().for_each(Heart::turn);
        let loaded = engine.loaded();
        let wanted = Addressing::of(&loaded.settings.interface);
        // What cannot be read may have named an address: the box keeps the one at which it is found.
        let is_known = !loaded.is_mending || wanted != Addressing::Automatic;
        drop(loaded);
        if is_known && told.as_ref() != Some(&wanted) {
            let (socket, request) = (supervisor.clone(), Request::SetAddress(wanted.clone()));
            match tokio::task::spawn_blocking(move || asking::ask(&socket, &request)).await {
                Ok(Ok(())) => told = Some(wanted),
                Ok(Err(error)) => {
                    tracing::error!("the address of the settings is not taken: {}", describe(&error));
                    // It would say the same again.
                    told = matches!(error, asking::Error::Refused(_)).then_some(wanted);
                }
                Err(_) => {}
            }
        }
        tokio::time::sleep(heart::EVERY).await;
    }
}

async fn fetch_loop(engine: Arc<Engine>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    loop {
        let next = match engine.clock.now() {
            None => None,
            Some(now) => {
                // Breaking off leaves nothing half done: a report is taken in by a task of its own, as a whole.
                let step = tokio::select! {
                    step = engine.fetch_step(false, now) => step,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                match step {
                    Ok(step) => {
                        let _ = engine.alarm("fetch", None, now);
                        if step.asked {
                            wake.mail.notify_one();
                        }
                        step.next
                    }
                    Err(error) => {
                        trouble(&engine, "fetch", &error, now);
                        Some(now.plus_seconds(RETRY_SECONDS))
                    }
                }
            }
        };
        if rest(&engine, next, &wake.fetch, &mut stop).await {
            return;
        }
    }
}

async fn poll_loop(engine: Arc<Engine>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    loop {
        let next = match engine.clock.now() {
            None => None,
            Some(now) => {
                // Breaking off leaves nothing half done: what came is taken by a task of its own, as a whole.
                let step = tokio::select! {
                    step = engine.poll_step(now) => step,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                match step {
                    Ok(step) => {
                        let _ = engine.alarm("poll", None, now);
                        if step.taken {
                            wake.mail.notify_one();
                        }
                        step.next
                    }
                    Err(error) => {
                        trouble(&engine, "poll", &error, now);
                        Some(now.plus_seconds(RETRY_SECONDS))
                    }
                }
            }
        };
        if rest(&engine, next, &wake.poll, &mut stop).await {
            return;
        }
    }
}

async fn mail_loop(engine: Arc<Engine>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    loop {
        let next = match engine.clock.now() {
            None => None,
            Some(now) => {
                let keeper = engine.clone();
                let kept = tokio::task::spawn_blocking(move || keeper.keep(now)).await;
                let done = match kept {
                    Ok(Ok(short)) => engine.mail_step(now).await.map(|step| (step, short)),
                    Ok(Err(error)) => Err(error),
                    Err(error) => Err(Error::Task(error.to_string())),
                };
                match done {
                    Ok((step, short)) => {
                        let _ = engine.alarm(DISK, short.as_deref(), now);
                        step.next
                    }
                    Err(error) => {
                        trouble(&engine, DISK, &error, now);
                        Some(now.plus_seconds(RETRY_SECONDS))
                    }
                }
            }
        };
        tokio::select! {
            stops = rest(&engine, next, &wake.mail, &mut stop) => if stops { return },
            () = engine.alarmed.notified() => {}
        }
    }
}

/// Notices changed settings and customer files. What changes is taken when it has stopped changing: a file that is
/// being copied would otherwise be taken by half.
async fn watch_files(engine: Arc<Engine>, wake: Arc<Wake>, mut stop: watch::Receiver<bool>) {
    // Nothing is taken yet: when the box began, the clock may not have been right.
    let (mut taken, mut before, mut failed) = (None, None, None::<Instant>);
    loop {
        let trusted = engine.clock.now();
        // Customers are taken when the clock is right.
        let files = Some(signatures(&engine));
        let now = files.clone().map(|files| (files, trusted.is_some()));
        let again = failed.is_some_and(|at| at.elapsed() >= FAILED_AGAIN);
        if files == before && (now != taken || again) {
            (taken, failed) = (now.clone(), None);
            let (reloader, moment) =
                (engine.clone(), trusted.unwrap_or_else(|| engine.clock.untrusted_now()));
            let reload = move || match trusted {
                Some(now) => reloader.reload(now),
                None => reloader.reload_settings(moment),
            };
            match tokio::task::spawn_blocking(reload).await {
                Ok(Ok(true)) => {
                    wake.all();
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    failed = Some(Instant::now());
                    trouble(&engine, "settings", &error, moment);
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
        before = files;
        tokio::select! {
            () = tokio::time::sleep(WATCH_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// What tells that a file was changed or replaced, whatever its times were set to.
type Signature = Option<(u64, u64, i64, i64)>;

fn signatures(engine: &Engine) -> Vec<Signature> {
    use std::os::unix::fs::MetadataExt;
    let of = |path: &Path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.ino(), meta.len(), meta.ctime(), meta.ctime_nsec()))
    };
    let settings = &engine.loaded().settings;
    let customers = settings.customers.file.iter().chain(&settings.customers.addresses_file);
    let named = customers.chain(&settings.trust.extra_ca).chain(&settings.mail.dkim_key);
    [&engine.settings_path].into_iter().chain(named).map(|path| of(path)).collect()
}

/// Sleeps until `next`, a wake-up, or the end. Returns whether it is the end.
async fn rest(
    engine: &Engine,
    next: Option<Timestamp>,
    wake: &Notify,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let seconds = match (next, engine.clock.now()) {
        (Some(next), Some(now)) => next.since(now).clamp(1, REST_SECONDS_MAX),
        // Nothing is planned, or the clock is not yet right.
        (None, Some(_)) => REST_SECONDS_MAX,
        (_, None) => NO_CLOCK_SECONDS,
    };
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(seconds.unsigned_abs()) / clock::pace()) => false,
        () = wake.notified() => false,
        _ = stop.wait_for(|stop| *stop) => true,
    }
}

fn trouble(engine: &Engine, code: &str, error: &Error, now: Timestamp) {
    let text = describe(error);
    tracing::error!(code, "{text}");
    // With a full disk the alarm cannot be stored either; the log has it.
    let _ = engine.alarm(code, Some(&text), now);
}

/// Alarm: something cannot be stored, or soon cannot be.
const DISK: &str = "disk";
/// A step of work is a mail or a download; a longer one is taken up again after the next start.
const STOP_TIME_MAX: Duration = Duration::from_secs(8);
/// Whoever has mended the settings on the page is told so first.
const REPLY_TIME: Duration = Duration::from_secs(1);
/// The loops look again at least so often, so that a clock that jumps does no lasting harm.
const REST_SECONDS_MAX: i64 = 3600;
const NO_CLOCK_SECONDS: i64 = 2;
/// After an error of our own disk or store.
const RETRY_SECONDS: i64 = 300;
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// What could not be stored is taken again after so long, although it has not changed.
const FAILED_AGAIN: Duration = Duration::from_secs(RETRY_SECONDS.unsigned_abs());
