//! The clock of a box: what time servers say, what is believed of it, and what waits until then.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use abusebox::clock::{BUILT, Clock, Timestamp};
use abusebox::service::Engine;
use abusebox::service::running::{self, Around};
use abusebox::service::timing::{self, Pace};
use abusebox::store::Newest;
use abusebox::system::Run;
use abusebox::system::asking;
use abusebox::system::ntp::Limits;
use abusebox::system::request::Request;
use tokio::sync::watch;

use crate::rig::{self, Rig};
use crate::sim::ntp::{Manner, TimeServers};

const DAY: i64 = 86_400_000;
/// The true time.
const NOW: Timestamp = BUILT.plus_days(30);

/// A box whose clock shows a chosen time until something sets it.
struct Place {
    folder: tempfile::TempDir,
    engine: Arc<Engine>,
    servers: TimeServers,
    /// What the clock was set to.
    set: Arc<Mutex<Vec<i64>>>,
    pace: Pace,
}

impl Place {
    /// The clock shows `own`; asked are all servers but the `public` last ones, which are for cases of doubt.
    fn new(own: Timestamp, manners: &[Manner], public: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let servers = TimeServers::start(NOW.unix() * 1000, manners).unwrap();
        let names: Vec<_> = (0..manners.len()).map(TimeServers::name).collect();
        let (named, public) = names.split_at(manners.len() - public);
        let settings = folder.path().join("settings.toml");
        std::fs::write(&settings, format!("[interface]\nntp = {named:?}\n")).unwrap();
        let clock = Clock::fixed(own).trusted_by(Run::at(folder.path()).clock_trusted());
        let engine = Engine::open(&folder.path().join("data"), &settings, clock).unwrap();
        let pace = Pace {
            limits: Limits { port: servers.port(), answer_time_max: Duration::from_millis(150) },
            wait: (Duration::from_millis(10), Duration::from_millis(40)),
            rest: (Duration::from_millis(50), Duration::from_millis(60)),
            patience: Duration::from_millis(1),
            public: public.to_vec(),
        };
        Self { folder, engine, servers, set: Arc::default(), pace }
    }

    fn run(&self) -> Run {
        Run::at(self.folder.path())
    }

    /// Lets the loop work until `done`.
    #[track_caller]
    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (set, clock, trusted) = (self.set.clone(), self.engine.clock.clone(), self.run().clock_trusted());
        let set = Arc::new(move |unix_millis: i64| {
            clock.set(Timestamp::from_unix(unix_millis / 1000));
            std::fs::write(&trusted, "").unwrap();
            // Last, since who waits for it looks at the clock then.
            set.lock().unwrap().push(unix_millis);
            Ok(())
        });
        let (_stop, stopped) = watch::channel(false);
        let arrived = runtime.block_on(async {
            let work = timing::keep_right(self.engine.clone(), self.run(), self.pace.clone(), set, stopped);
            tokio::select! {
                () = work => unreachable!("nobody stops it"),
                done = holds(done) => done,
            }
        });
        assert!(arrived, "{what}; set: {:?}; alarms: {:?}", self.set.lock().unwrap(), self.alarms());
    }

    /// Nothing is set while so many rounds pass.
    #[track_caller]
    fn refuses(&self, alarm: &str) {
        self.until(alarm, || {
            self.alarms().iter().any(|(code, text)| code == "clock" && text.contains(alarm))
        });
        let asked = self.servers.asked(0);
        self.until("more rounds", || self.servers.asked(0) >= asked + 3);
        assert!(!self.was_set());
        assert_eq!(self.engine.clock.now(), None);
    }

    fn was_set(&self) -> bool {
        !self.set.lock().unwrap().is_empty()
    }

    /// What it was first set to, in milliseconds off the true time at the start of the test.
    fn off(&self) -> i64 {
        self.set.lock().unwrap()[0] - NOW.unix() * 1000
    }

    fn alarms(&self) -> Vec<(String, String)> {
        let alarms = self.engine.alarms(&self.engine.store.view().unwrap()).unwrap();
        alarms.into_iter().map(|(code, alarm)| (code, alarm.text)).collect()
    }
}

async fn holds(done: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > Duration::from_secs(20) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

fn long_ago() -> Timestamp {
    Timestamp::from_unix(1000)
}

#[test]
fn a_box_without_a_clock_takes_the_time_of_a_server() {
    let place = Place::new(long_ago(), &[Manner::Tells(0)], 0);
    place.until("set", || place.was_set());
    assert!((0..5000).contains(&place.off()), "{}", place.off());
    assert!(place.engine.clock.now().is_some());
    // The clock stands still, so that it is off again soon: that is stepped, too.
    place.until("later steps", || place.set.lock().unwrap().len() > 1);
    let set = place.set.lock().unwrap();
    assert!(
        set[1] > set[0] / 1000 * 1000 + 1000,
        "a difference of less than a second needs no step: {set:?}"
    );
    assert!(place.alarms().is_empty(), "{:?}", place.alarms());
}

#[test]
fn what_gives_no_time_is_told_and_passes() {
    for manner in [
        Manner::Silent,
        Manner::Unsynchronised,
        Manner::Short,
        Manner::Kiss(*b"XYZW"),
        Manner::Tells(-40 * DAY),
        Manner::Slow(Duration::from_millis(400)),
    ] {
        let place = Place::new(long_ago(), &[manner.clone(), Manner::Silent], 0);
        if matches!(manner, Manner::Kiss(_)) {
            place.until("alarm", || !place.alarms().is_empty());
            assert_eq!(place.servers.asked(0), 1, "it is left alone");
            continue;
        }
        place.refuses("no time server gives a usable answer: 127.0.123.1, 127.0.123.2; let UDP port 123 out");
        place.servers.set(1, Manner::Tells(0));
        place.until("set", || place.was_set());
        place.until("no alarm", || place.alarms().is_empty());
    }
}

#[test]
fn a_server_far_away_says_too_little() {
    let mut place = Place::new(long_ago(), &[Manner::Slow(Duration::from_millis(1100))], 0);
    place.pace.limits.answer_time_max = Duration::from_secs(3);
    place.until("alarm", || !place.alarms().is_empty());
    assert!(!place.was_set());
}

#[test]
fn an_answer_of_somebody_else_is_passed_over() {
    let place = Place::new(long_ago(), &[Manner::Forged(5 * DAY)], 0);
    place.until("set", || place.was_set());
    assert!((0..5000).contains(&place.off()), "{}", place.off());
}

#[test]
fn of_two_that_differ_nobody_is_believed_until_a_third_decides() {
    let manners = [Manner::Tells(0), Manner::Tells(3_600_000), Manner::Silent];
    let place = Place::new(long_ago(), &manners, 1);
    place.refuses("the time servers differ");
    place.servers.set(2, Manner::Tells(300));
    place.until("set", || place.was_set());
    assert!((0..5000).contains(&place.off()), "{}", place.off());
}

#[test]
fn a_day_ahead_of_the_saved_time_needs_a_second_server() {
    let place = Place::new(NOW.plus_days(-2), &[Manner::Tells(0), Manner::Silent], 1);
    std::fs::write(place.run().clock_saved(), format!("{}\n", NOW.plus_days(-2).unix())).unwrap();
    place.refuses("one time server alone says");
    place.servers.set(1, Manner::Tells(-400));
    place.until("set", || place.was_set());
    // A day is not yet too much.
    let near = Place::new(long_ago(), &[Manner::Tells(0)], 0);
    std::fs::write(near.run().clock_saved(), NOW.plus_seconds(-80_000).unix().to_string()).unwrap();
    near.until("set", || near.was_set());
}

#[test]
fn records_of_the_future_are_overruled_by_two_servers_and_by_no_single_one() {
    let place = Place::new(NOW, &[Manner::Tells(0), Manner::Silent], 1);
    let future = NOW.plus_days(900);
    place.engine.store.write(|txn| txn.set_meta(&Newest { at: future })).unwrap();
    place.engine.clock.observe(future);
    place.refuses("but there are records of");
    place.servers.set(1, Manner::Tells(0));
    let is_told = || place.alarms().iter().any(|(code, _)| code == "clock-back");
    place.until("set back", || place.was_set() && is_told());
    let newest = place.engine.store.view().unwrap().meta::<Newest>().unwrap().unwrap();
    assert!(newest.at.since(NOW) < 60, "the next start finds {}", newest.at);
    assert!(place.engine.clock.now().unwrap().since(NOW) < 60);
    let codes: Vec<_> = place.alarms().into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["clock-back"]);
}

#[test]
fn the_servers_of_dhcp_are_asked_and_the_public_ones_when_they_fail() {
    let place = Place::new(long_ago(), &[Manner::Silent, Manner::Tells(0)], 1);
    let settings = place.folder.path().join("settings.toml");
    std::fs::write(&settings, "").unwrap();
    place.engine.reload(NOW).unwrap();
    let lease = "no address\n127.0.123.1\n";
    std::fs::write(place.run().ntp(), lease).unwrap();
    place.until("asked", || place.servers.asked(0) == 1);
    assert_eq!(place.servers.asked(1), 0);
    place.until("set", || place.was_set());
    assert!(place.servers.asked(0) >= 2, "it is still asked");
}

#[test]
fn settings_that_say_something_else_of_the_time_do_not_wait_for_the_next_round() {
    let mut place = Place::new(long_ago(), &[Manner::Silent], 0);
    place.pace.wait = [Duration::from_secs(3600); 2].into();
    let settings = place.folder.path().join("settings.toml");
    place.until("set", || {
        if place.servers.asked(0) == 1 && !place.engine.loaded().settings.boxx.own_clock {
            std::fs::write(&settings, "[box]\nown_clock = true\n").unwrap();
            place.engine.reload_settings(NOW).unwrap();
        }
        place.was_set()
    });
}

#[test]
fn a_clock_that_cannot_be_set_is_an_alarm() {
    let place = Place::new(long_ago(), &[Manner::Tells(0)], 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let set = Arc::new(|_| Err(asking::Error::Refused("no".to_owned())));
    let work = timing::keep_right(place.engine.clone(), place.run(), place.pace.clone(), set, stopped);
    let is_told =
        || place.alarms().iter().any(|(_, text)| text.contains("cannot be set: the supervisor refuses: no"));
    let told = runtime.block_on(async {
        tokio::select! {
            () = work => false,
            done = holds(is_told) => done,
        }
    });
    assert!(told, "{:?}", place.alarms());
}

/// The whole of `run`, from 1970 on: first the time servers are out of reach, then not.
#[test]
fn nothing_is_done_before_the_time_is_known_and_all_of_it_after() {
    let servers =
        TimeServers::start(rig::at("2026-12-04T06:00:00Z").unix() * 1000, &[Manner::Silent]).unwrap();
    let mut rig = Rig::new("2026-12-01");
    rig.problem("scan_rdp", "198.18.1.1", "critical", 0..=9);
    rig.off_until(rig::at("2026-12-04T06:00:00Z"));
    for day in 1..=3 {
        for report in rig.reports_on(rig::at(&format!("2026-12-0{day}T00:00:00Z")).day()) {
            rig.shadow.add(report);
        }
    }
    rig.shadow.set_today(rig.now.day());
    let settings = rig.dir.path().join("settings.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let name = TimeServers::name(0);
    std::fs::write(&settings, format!("{text}[page]\nlisten = \"\"\n[interface]\nntp = [\"{name}\"]\n"))
        .unwrap();
    let run = Run::at(rig.dir.path());
    let clock = Clock::fixed(long_ago()).trusted_by(run.clock_trusted());
    supervise(&run, clock.clone());
    let engine = Engine::open(&rig.dir.path().join("data"), &settings, clock.clone()).unwrap();
    let pace = Pace {
        limits: Limits { port: servers.port(), answer_time_max: Duration::from_millis(200) },
        wait: (Duration::from_millis(10), Duration::from_millis(100)),
        patience: Duration::from_millis(1),
        public: Vec::new(),
        ..Pace::default()
    };
    rig.runtime.block_on(async {
        engine.pause_between_requests(Duration::from_millis(1)).await;
        let work = running::run(
            engine.clone(),
            Some(Around { run, pace, heart: None, page: "127.0.0.1:0".parse().unwrap() }),
        );
        let tried = async {
            assert!(holds(|| servers.asked(0) > 5).await);
            tokio::time::sleep(Duration::from_secs(3)).await;
            let view = engine.store.view().unwrap();
            assert!(engine.alarms(&view).unwrap().contains_key("clock"));
            assert_eq!(view.imports().unwrap().len(), 0, "a customer file holds from a moment on");
            assert_eq!((rig.shadow.log().len(), rig.mail.mails().len()), (0, 0));
            servers.set(0, Manner::Tells(0));
            assert!(holds(|| rig.mail.mails().iter().any(|mail| mail.to == ["c1@cust.example"])).await);
        };
        tokio::select! {
            done = work => panic!("{done:?}"),
            () = tried => {}
        }
    });
    assert!(clock.now().unwrap().since(rig.now) < 60);
    let view = engine.store.view().unwrap();
    assert!(!engine.alarms(&view).unwrap().contains_key("clock"));
}

/// A supervisor that can set `clock` and nothing else.
fn supervise(run: &Run, clock: Clock) {
    let (socket, trusted) = (run.supervisor(), run.clock_trusted());
    let listener = UnixListener::bind(Path::new(&socket)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            if let Request::SetClock { unix_millis } =
                Request::parse(line.trim_end().as_bytes(), BUILT).unwrap()
            {
                clock.set(Timestamp::from_unix(unix_millis / 1000));
                std::fs::write(&trusted, "").unwrap();
            }
            stream.write_all(b"\"done\"\n").unwrap();
        }
    });
}
