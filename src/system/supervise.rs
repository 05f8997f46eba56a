//! `abusebox supervise`: the part of the box that has root's rights. It starts the main process without them, and again
//! when it ends; feeds the watchdog while that works; forgives the attempts of a slot that works; keeps clock and log
//! over a restart; and does what the main process asks for, if it is on the list.
//!
//! Nothing from a network is read here.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, Timespec, clock_settime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::disk::{self, Disk};
use super::ledger::Ledger;
use super::marks::{self, Mark, Marker, Slots, Step};
use super::request::{Addressing, LINE_BYTES_MAX, Request};
use super::root::Root;
use super::seed::{self, Outcome};
use super::selector::Board;
use super::watchdog::{self, Ages, Disk as Storage, Feed, Part};
use super::writer::{Kept, Order, TIME, Writer};
use super::{ONE_HEAP, Run, log, routers};
use crate::clock::{BUILT, Clock};
use crate::files;

/// Runs until SIGTERM; then ends the main process and puts on the disk what is to outlive a restart.
pub async fn run(data: &Path, clock: &Clock) -> io::Result<()> {
    let run = Run::of_box();
    set_floor(&run, data, clock);
    if let Err(error) = hand_over(data, USER) {
        tracing::error!("a file in {} stays root's: {error}", data.display());
    }
    let listener = listen(&run.supervisor())?;
    let mut supervisor = Supervisor::new(run, data, clock)?;
    if supervisor.take_seed().await {
        init(Signal::TERM);
        return Ok(());
    }
    let (requests, mut asked) = mpsc::channel(1);
    tokio::spawn(async move { serve(&listener, &requests).await });
    let (heard, mut probed) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let answer = timeout(PROBE_TIME_MAX, probe()).await.unwrap_or(Answer::None);
            let _ = heard.send(answer).await;
            tokio::time::sleep(PROBE_EVERY).await;
        }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    files::save_atomic(&supervisor.run.supervisor_pid(), std::process::id().to_string().as_bytes(), 0o644)?;
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => supervisor.step(),
            Some(answer) = probed.recv() => supervisor.hear(answer),
            Some((request, reply)) = asked.recv() => {
                let done = supervisor.carry_out(request);
                let _ = reply.send(done.map_err(|error| error.to_string()));
            }
            ended = supervisor.main.ended() => supervisor.mourn(ended),
            _ = terminate.recv() => break,
        }
    }
    supervisor.stop().await;
    Ok(())
}

struct Supervisor {
    run: Run,
    data: PathBuf,
    clock: Clock,
    began: Instant,
    /// From when on a sign of the main process is waited for.
    since: Instant,
    main: Main,
    /// When each part of the main process was last heard of.
    heard: [Option<Instant>; 3],
    /// Since when all of it has been well.
    well: Option<Instant>,
    watchdog: Option<File>,
    /// What the watchdog waits for in vain, once it is not fed any more.
    silent: Option<Feed>,
    /// The one that the root came from.
    disk: Option<Disk>,
    slots: Option<Slots>,
    /// Read when the box works: before, that would only keep it from coming up.
    root: Root,
    /// What there is to say of the first partition, a line each.
    first: Vec<String>,
    writer: Writer,
    /// When it was last asked how the disk is, since the store is silent.
    asked: Option<Instant>,
    /// When routers were last asked to speak.
    solicited: Option<Instant>,
    /// When log and time are put on the disk next.
    keep: Instant,
    stepped: Instant,
    told: String,
}

impl Supervisor {
    fn new(run: Run, data: &Path, clock: &Clock) -> io::Result<Self> {
        if !Path::new(WATCHDOG).exists() {
            tracing::warn!("no watchdog, so a box that hangs stays so");
        }
        let found = find_slots(&run);
        if let Err(error) = &found {
            tracing::error!("slots are not looked after: {error}");
        }
        let (disk, halves) = found.ok().unzip();
        let (slots, mut marker) = halves.unzip();
        let mut kept = Kept::new(data, Path::new(LOG));
        let writer = Writer::start(move |order| {
            if let (Some(marker), Some(mark)) = (&mut marker, order.mark) {
                marker.carry_out(mark);
            }
            kept.carry_out(order)
        })?;
        let now = Instant::now();
        Ok(Self {
            run,
            data: data.to_owned(),
            clock: clock.clone(),
            began: now,
            since: now,
            main: Main { data: data.to_owned(), child: None, again: now, delay: RESTART_AFTER, ends: 0 },
            heard: [None; 3],
            well: None,
            watchdog: None,
            silent: None,
            disk,
            slots,
            root: Root::at(Path::new(ROOT)),
            first: Vec::new(),
            writer,
            asked: None,
            solicited: None,
            keep: now + KEEP_EVERY,
            stepped: now,
            told: String::new(),
        })
    }

    /// Whether to restart, since all data is gone.
    async fn take_seed(&mut self) -> bool {
        let Some(disk) = self.disk.clone() else { return false };
        // What is taken into memory would be gone with the next start.
        if self.run.data_lost().exists() {
            return false;
        }
        let data = self.data.clone();
        let staging = self.run.seed();
        let mut work =
            tokio::task::spawn_blocking(move || seed::take(&disk, &data, &staging, Some(USER), complaints));
        // Customers by the hundred thousand take longer than the watchdog waits.
        let done = loop {
            match timeout(Duration::from_secs(1), &mut work).await {
                Ok(done) => break done.unwrap_or_else(|error| Err(seed::Error::Check(error.into()))),
                Err(_) => self.feed(Instant::now()),
            }
        };
        self.first = match &done {
            Ok(done) => done.troubles(),
            Err(error) => vec![error.to_string()],
        };
        self.first.iter().for_each(|sentence| tracing::error!("{sentence}"));
        match done.map(|done| done.outcome) {
            Ok(Outcome::Taken) => tracing::info!("what lay on the first partition is taken over"),
            Ok(Outcome::Reset) => {
                tracing::info!("all data is gone, as was wished on the first partition");
                return true;
            }
            _ => {}
        }
        false
    }

    /// The main process has ended: what was heard of it is of the past.
    fn mourn(&mut self, ended: io::Result<ExitStatus>) {
        self.main.plan(ended);
        (self.heard, self.well) = ([None; 3], None);
    }

    /// Once a second.
    fn step(&mut self) {
        self.main.start_if_due();
        let now = Instant::now();
        // What was late itself, on a machine with too much to do, could hear nobody.
        let late = (now - self.stepped).saturating_sub(Duration::from_secs(2));
        self.heard.iter_mut().flatten().for_each(|heard| *heard += late);
        self.stepped = now;
        self.feed(now);
        let is_well = self.ages(now).are_fresh() && self.root.is_read(now);
        self.well = if is_well { self.well.or(Some(now)) } else { None };
        let (up, well) = (now - self.since, self.well.map(|since| now - since));
        match self.slots.as_mut().map_or(Step::Wait, |slots| slots.step(now, up, well)) {
            Step::Wait => {}
            Step::Mark(mark) => self.write(Some(mark)),
            Step::Restart => {
                tracing::error!("this slot does not work; restarting");
                init(Signal::TERM);
            }
        }
        if now >= self.keep || log::is_full(Path::new(LOG)) {
            self.keep = now + KEEP_EVERY;
            self.keep();
        }
        self.tell();
    }

    fn ages(&self, now: Instant) -> Ages {
        let [main, store, page] = self.heard.map(|heard| heard.map(|at| now - at));
        Ages { main, store, page }
    }

    fn feed(&mut self, now: Instant) {
        // Since it was started last: a process that ends again and again is nothing that a reset mends.
        let up = now - self.main.again.max(self.since);
        let ages = self.ages(now);
        let mut feed = watchdog::feed(ages, up, Storage::Works);
        if feed == Feed::No(Part::Store) {
            if self.asked.is_none_or(|asked| now - asked >= DISK_ASKED_EVERY) {
                self.asked = Some(now);
                self.keep();
            }
            feed = watchdog::feed(ages, up, self.writer.disk(HANGS_AFTER));
        }
        match feed {
            Feed::Yes => {
                self.silent = None;
                self.pat();
            }
            silent => {
                if self.silent.replace(silent) != Some(silent) {
                    tracing::error!(
                        "{silent:?}: the watchdog is not fed any more and is going to reset the box"
                    );
                    // There will be no stop in which that could be done.
                    self.keep();
                }
            }
        }
    }

    fn pat(&mut self) {
        // Whoever fed it before may still have it open for a moment.
        if self.watchdog.is_none() {
            self.watchdog = OpenOptions::new().write(true).open(WATCHDOG).ok();
        }
        if let Some(device) = &mut self.watchdog
            && let Err(error) = device.write_all(b"\n")
        {
            tracing::error!("the watchdog cannot be fed: {error}");
        }
    }

    fn hear(&mut self, answer: Answer) {
        let now = Some(Instant::now());
        if answer != Answer::None {
            self.heard[2] = now;
        }
        if answer == Answer::Well {
            self.heard[1] = now;
        }
    }

    fn carry_out(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Alive { starting } => {
                let now = Instant::now();
                self.heard[0] = Some(now);
                // A lost store is made anew, which may take hours. Not again and again.
                if starting && self.main.ends == 0 && now - self.began < STARTING_MAX {
                    self.since = now;
                }
            }
            Request::SetClock { unix_millis } => {
                set_clock(unix_millis)?;
                files::save_atomic(&self.run.clock_trusted(), b"", 0o644)?;
                // Earlier than what was saved, perhaps: whoever asks knows.
                self.keep();
                tracing::info!("the clock is set to {}", self.clock.untrusted_now());
            }
            Request::SetAddress(addressing) => {
                files::save_atomic(&self.run.address(), address_words(&addressing).as_bytes(), 0o644)?;
            }
            Request::NameServers(servers) => {
                files::save_atomic(&self.run.name_servers(), routers::line(&servers).as_bytes(), 0o644)?;
            }
            Request::Solicit => {
                let now = Instant::now();
                // Nobody asks a network more often.
                if self.solicited.is_none_or(|last| now - last >= SOLICIT_EVERY_MIN) {
                    self.solicited = Some(now);
                    routers::solicit()?;
                }
            }
            Request::Reboot => init(Signal::TERM),
            Request::ShutDown => init(Signal::USR2),
        }
        Ok(())
    }

    /// Has log and time put on the disk.
    fn keep(&self) {
        self.write(None);
    }

    /// The same, and what was found of this boot.
    fn write(&self, mark: Option<Mark>) {
        // A wrong time in the future would make the true one look wrong.
        let time = self.run.clock_trusted().exists().then(|| self.clock.untrusted_now().unix());
        if let Some(time) = time {
            // For the one who asks for the time. It lies in memory.
            let _ = files::save_atomic(&self.run.clock_saved(), time.to_string().as_bytes(), 0o644);
        }
        // While the store is silent each order asks: the answer of one that did not would say less than the last.
        let probe = !self.ages(Instant::now()).store_is_fresh();
        self.writer.post(Order { time, probe, mark });
    }

    /// For the console, where it changes.
    fn tell(&mut self) {
        let mut lines = Vec::new();
        if let Some(sentence) = self.slots.as_ref().and_then(Slots::sentence) {
            lines.push(sentence);
        }
        lines.extend(self.first.iter().cloned());
        lines.extend(
            match self.writer.disk(HANGS_AFTER) {
                Storage::Unknown | Storage::Works => None,
                Storage::Full => Some("THE DISK IS FULL: nothing new is kept; the page says what to do"),
                Storage::Broken => Some("THE DISK TAKES NO WRITES: nothing new is kept; replace it"),
                Storage::Hangs => Some("THE DISK DOES NOT ANSWER: if that stays so, replace it"),
            }
            .map(str::to_owned),
        );
        match self.silent {
            Some(Feed::No(part)) => lines.push(format!("{part:?} does not answer: about to restart")),
            _ if self.heard[2].is_none() => lines.push("starting".to_owned()),
            _ if !self.ages(Instant::now()).store_is_fresh() => {
                lines.push("the store does not answer".to_owned());
            }
            _ => lines.push("at work".to_owned()),
        }
        let text = lines.join("\n") + "\n";
        if text != self.told && files::save_atomic(&self.run.health(), text.as_bytes(), 0o644).is_ok() {
            self.told = text;
        }
    }

    async fn stop(mut self) {
        if self.slots.as_ref().is_some_and(Slots::is_open)
            && timeout(LAST_PROBE_TIME_MAX, probe()).await == Ok(Answer::Well)
            && timeout(LAST_READ_TIME_MAX, self.root.read()).await.is_ok()
        {
            self.write(Some(Mark::Healthy));
        }
        // It goes on waiting: what hangs from here on ends by a reset.
        self.pat();
        self.main.stop().await;
        self.keep();
        self.pat();
        if !self.writer.finish(LAST_KEEP_TIME_MAX).await {
            tracing::warn!("the disk does not answer: time and log are not kept over the restart");
        }
    }
}

/// The main process.
struct Main {
    data: PathBuf,
    child: Option<Child>,
    /// When it was started, or is going to be.
    again: Instant,
    delay: Duration,
    /// How often it has ended.
    ends: u32,
}

impl Main {
    fn start_if_due(&mut self) {
        if self.child.is_some() || Instant::now() < self.again {
            return;
        }
        let mut command = Command::from(without_rights(&self.data));
        command.arg("run").env("ABUSEBOX_BOX", "1").envs(ONE_HEAP).kill_on_drop(true);
        match command.spawn() {
            Ok(child) => {
                self.child = Some(child);
                self.again = Instant::now();
            }
            Err(error) => {
                tracing::error!("abusebox run cannot be started: {error}");
                self.again = Instant::now() + RESTART_AFTER_MAX;
            }
        }
    }

    /// When it has ended; never while there is none.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => std::future::pending().await,
        }
    }

    /// It has ended: again at once if it had worked for a while, else ever later.
    fn plan(&mut self, ended: io::Result<ExitStatus>) {
        match ended {
            Ok(status) => tracing::error!("abusebox run has ended: {status}"),
            Err(error) => tracing::error!("abusebox run has ended: {error}"),
        }
        self.child = None;
        self.ends = self.ends.saturating_add(1);
        let now = Instant::now();
        self.delay = match now - self.again > WORKED_AFTER {
            true => RESTART_AFTER,
            false => (self.delay * 2).min(RESTART_AFTER_MAX),
        };
        self.again = now + self.delay;
    }

    async fn stop(&mut self) {
        let Some(child) = &mut self.child else { return };
        if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_TIME_MAX, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

/// The disk of this box, and its slots.
fn find_slots(run: &Run) -> io::Result<(Disk, (Slots, Marker<Disk>))> {
    let boot = disk::booted()?;
    let disk = Disk::of_root(Path::new("/sys"), Path::new("/dev"), &run.first())?;
    let ledger = Ledger::open(disk.places());
    Ok((disk.clone(), marks::halves(Board::HERE, boot, ledger, disk)))
}

/// This program once more, as the user of the main process, with its data in a folder.
fn without_rights(data: &Path) -> std::process::Command {
    // By its path, of which the kernel makes its name.
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut command = std::process::Command::new(program);
    command.arg0("abusebox").uid(USER).gid(USER).current_dir(data).arg("--data").arg(data);
    command
}

/// What is wrong with settings and customers in a folder: the program itself says so, without rights.
fn complaints(folder: &Path) -> io::Result<String> {
    let mut text = String::new();
    for (name, seeded_as, kind) in
        [("settings.toml", "abusebox.toml", "settings"), ("customers.csv", "customers.csv", "customers")]
    {
        let file = folder.join(name);
        // Customers cannot be checked with settings that are wrong.
        if !text.is_empty() || !file.exists() {
            continue;
        }
        let output = without_rights(folder).args([kind, "check"]).arg(file).stdin(Stdio::null()).output()?;
        if output.status.success() {
            continue;
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(Complaint { line, field, complaint }) = serde_json::from_str(line) {
                let line = line.map(|line| format!(" line {line},")).unwrap_or_default();
                // Whoever reads it has laid the files beside each other, wherever they are checked.
                let complaint = complaint.replace(&format!("{}/", folder.display()), "");
                text += &format!("{seeded_as},{line} {field}: {complaint}\n");
            }
        }
        if text.is_empty() {
            text = format!("{seeded_as}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(text)
}

/// As `settings check` and `customers check` write it.
#[derive(serde::Deserialize)]
struct Complaint {
    line: Option<u64>,
    field: String,
    complaint: String,
}

/// What the page said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    None,
    /// It answers, but the store behind it does not.
    Ill,
    Well,
}

/// Asks the page over its own door.
async fn probe() -> Answer {
    let asked = async {
        let mut stream = TcpStream::connect(PAGE).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await?;
        let mut head = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut head).await?;
        io::Result::Ok(head)
    };
    match asked.await {
        Ok(head) if head.ends_with(b" 200") => Answer::Well,
        Ok(_) => Answer::Ill,
        Err(_) => Answer::None,
    }
}

/// A socket that the main process may write to, and nobody else.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(path)?;
    chown(path, None, Some(USER))?;
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(listener)
}

type Asked = (Request, oneshot::Sender<Result<(), String>>);

/// One after the other: there is one who asks, and nothing takes long.
async fn serve(listener: &UnixListener, requests: &mpsc::Sender<Asked>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = timeout(REQUEST_TIME_MAX, answer(stream, requests)).await;
            }
            Err(error) => {
                tracing::warn!("a request could not be taken: {error}");
                tokio::time::sleep(REQUEST_TIME_MAX).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, requests: &mpsc::Sender<Asked>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    BufReader::new(reader.take(LINE_BYTES_MAX as u64 + 1)).read_until(b'\n', &mut line).await?;
    let done = match Request::parse(line.trim_ascii(), BUILT) {
        Ok(request) => {
            let (reply, replied) = oneshot::channel();
            let _ = requests.send((request, reply)).await;
            replied.await.unwrap_or_else(|_| Err("the box is being stopped".to_owned()))
        }
        Err(error) => {
            tracing::warn!("refused: {error}");
            Err(error.to_string())
        }
    };
    let text = match done {
        Ok(()) => serde_json::json!("done"),
        Err(why) => serde_json::json!({ "refused": why }),
    };
    writer.write_all(format!("{text}\n").as_bytes()).await
}

/// Who mends a file of the box at another machine does so as root, and the main process could neither read nor replace it.
/// In a folder of root's that is sticky, nobody else can put another in the place of such a file; but its other name, if
/// it has one, might be of somewhere else.
fn hand_over(data: &Path, user: u32) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let file = entry.metadata()?;
        if file.is_file() && file.uid() != user && file.nlink() == 1 {
            lchown(entry.path(), Some(user), Some(user))?;
            tracing::info!("{} belongs to the main process again", entry.path().display());
        }
    }
    Ok(())
}

/// The clock of a box without battery begins anywhere. It is never earlier than anything that is known to have been.
fn set_floor(run: &Run, data: &Path, clock: &Clock) {
    let saved = fs::read_to_string(data.join(TIME)).ok().and_then(|text| text.trim().parse().ok());
    if let Some(saved) = saved {
        // For the one who asks for the time: what a server says is held against it.
        let _ = files::save_atomic(&run.clock_saved(), format!("{saved}").as_bytes(), 0o644);
    }
    // The newest stored record is no newer than the file it is in.
    let stored = fs::metadata(data.join("abusebox.redb")).ok().map(|file| file.mtime());
    let floor = [Some(BUILT.unix()), saved, stored].into_iter().flatten().max().unwrap_or_default();
    if clock.untrusted_now().unix() < floor
        && let Err(error) = set_clock(floor.saturating_mul(1000))
    {
        tracing::error!("{error}");
    }
}

fn set_clock(unix_millis: i64) -> io::Result<()> {
    let time =
        Timespec { tv_sec: unix_millis.div_euclid(1000), tv_nsec: unix_millis.rem_euclid(1000) * 1_000_000 };
    clock_settime(ClockId::Realtime, time)
        .map_err(|error| io::Error::other(format!("the clock cannot be set: {error}")))
}

/// As the script that sets addresses reads it. Each value was checked to be an address.
fn address_words(addressing: &Addressing) -> String {
    match addressing {
        Addressing::Automatic => String::new(),
        Addressing::Fixed { address, gateway, dns } => {
            let dns: Vec<_> = dns.iter().map(ToString::to_string).collect();
            let gateway = gateway.map(|gateway| gateway.to_string()).unwrap_or_default();
            format!("address={address}\ngateway={gateway}\ndns='{}'\n", dns.join(" "))
        }
    }
}

/// BusyBox's init restarts at SIGTERM, and switches off at SIGUSR2; before that it runs the script that stops all.
fn init(signal: Signal) {
    if let Err(error) = kill_process(Pid::INIT, signal) {
        tracing::error!("init does not hear: {error}");
    }
}

/// The user and group of the main process, in `etc/passwd` and `etc/group` of the root.
const USER: u32 = 900;

const WATCHDOG: &str = "/dev/watchdog";
const ROOT: &str = "/dev/dm-0";
const PAGE: &str = "127.0.0.1:80";
const LOG: &str = "/run/log/messages";

const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBE_TIME_MAX: Duration = Duration::from_secs(30);
const LAST_PROBE_TIME_MAX: Duration = Duration::from_secs(5);
const LAST_READ_TIME_MAX: Duration = Duration::from_secs(5);
/// A card is worn out by little writes: each costs twenty times what it holds.
const KEEP_EVERY: Duration = Duration::from_secs(15 * 60);
const LAST_KEEP_TIME_MAX: Duration = Duration::from_secs(10);
/// While the store is silent.
const DISK_ASKED_EVERY: Duration = Duration::from_secs(10);
/// A card that tidies up takes seconds for a write; a disk that tries a bad sector again and again, half a minute.
const HANGS_AFTER: Duration = Duration::from_secs(60);
const RESTART_AFTER: Duration = Duration::from_secs(2);
const RESTART_AFTER_MAX: Duration = Duration::from_secs(60);
/// Who has run so long did not fail at its start.
const WORKED_AFTER: Duration = Duration::from_secs(60);
/// Reports of a month are taken again in less.
const STARTING_MAX: Duration = Duration::from_secs(6 * 3600);
/// The main process itself waits for eight seconds at most for what is on its way.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);
const SOLICIT_EVERY_MIN: Duration = Duration::from_secs(3);
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
