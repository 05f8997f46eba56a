//! Which slot runs, what its boots came to, and what to do now.
//!
//! Kernel and root lie on the disk twice, as slots A and B. One of them is *committed*: a plain reset starts it. The
//! boot loader can be led to the other one for a single boot (a *trial*); whatever then goes wrong, the next reset is
//! back at the committed slot. So a slot is only ever committed by a main process that works in it.
//!
//! A root whose blocks fail their check stops the kernel before any of its own programs runs. Therefore boots are
//! counted by a program that comes before the root (`early`, in an initial RAM disk beside the kernel), on both boards
//! alike, and forgiven by the supervisor once the main process works.

use std::fmt;
use std::str::FromStr;

/// One of the two places for kernel and root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    A,
    B,
}

impl Slot {
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

impl FromStr for Slot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "A" => Ok(Self::A),
            "B" => Ok(Self::B),
            _ => Err(()),
        }
    }
}

/// How the running kernel was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    pub running: Slot,
    /// What a plain reset would have started. It is not the running slot in a trial, and where the boot loader found
    /// that the committed one cannot be started.
    pub committed: Slot,
}

impl Boot {
    /// From the kernel's command line and, on the Pi, what its firmware left in
    /// `/proc/device-tree/chosen/bootloader/tryboot`: a big-endian number, not 0 in a trial. On x86 the boot loader
    /// names the committed slot on the command line.
    pub fn read(command_line: &str, tryboot: Option<&[u8]>) -> Option<Self> {
        let word = |key: &str| {
            let found = command_line.split_ascii_whitespace().rev();
            found.filter_map(|word| word.strip_prefix(key)).next().map(Slot::from_str)
        };
        let running = word("abusebox.slot=")?.ok()?;
        let committed = match word("abusebox.committed=") {
            Some(named) => named.ok()?,
            None if tryboot.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) => running.other(),
            None => running,
        };
        Some(Self { running, committed })
    }

    /// Whether the next plain reset starts another slot than this one.
    pub fn is_passing(self) -> bool {
        self.running != self.committed
    }
}

/// What is remembered of the slots from boot to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The slot that we committed last; none before the first healthy boot. It is written before the selector is, so
    /// that a commit that a power cut stopped is finished, and a damaged selector made whole.
    pub committed: Option<Slot>,
    /// A new version that was to be tried and was not committed yet.
    pub trial: Option<Slot>,
    /// Boots of A and B that have not become healthy, since the last one that has.
    pub(super) attempts: [u8; 2],
    /// Whether what lies in A and B was healthy once, or was shipped.
    pub(super) worked: [bool; 2],
}

/// A box as it is shipped: both slots are filled with what was tested.
impl Default for Tally {
    fn default() -> Self {
        Self { committed: None, trial: None, attempts: [0; 2], worked: [true; 2] }
    }
}

/// What comes before the root is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Start the root.
    Go,
    /// Restart into this slot, which worked once: the running one has failed too often.
    GiveWay(Slot),
    /// Start the root, and say that neither slot works: all attempts are used up, and this is the last that worked.
    Stay,
}

/// What becomes of a boot whose root is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wait,
    /// It works: call [`Tally::healthy`], once.
    Healthy,
    /// It works for a day: call [`Tally::settled`].
    Settled,
    /// It has had its time. The restart makes it a failed attempt.
    Restart,
}

/// What there is to say of the slots, for page and console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Normal,
    /// A new version is being tried.
    Trial,
    /// The running slot stands in for the committed one, which does not work.
    StandIn,
    /// The new version in this slot was tried and did not work.
    TrialFailed(Slot),
    /// This slot did not work, and the running one has taken its place.
    OtherFailed(Slot),
    /// The running slot does not work, and it was not possible to give way to this one.
    Unreachable(Slot),
    BothFailed,
}

impl Tally {
    /// Counts this boot as a failed one, until it proves healthy, and says how it goes on. The tally is to be saved
    /// before that is done; where it cannot be, the root is started whatever this says, or the change might be
    /// endless.
    pub fn start(&mut self, boot: Boot) -> Start {
        let (running, other) = (boot.running, boot.running.other());
        // Whoever led here has counted it, and the next reset leads away by itself.
        if boot.is_passing() {
            return Start::Go;
        }
        if !self.is_spent(running) {
            *self.attempts_mut(running) += 1;
            return Start::Go;
        }
        if self.worked(other) && !self.is_spent(other) {
            // Counted here and not there: it may never come so far as to count.
            *self.attempts_mut(other) += 1;
            return Start::GiveWay(other);
        }
        Start::Stay
    }

    /// [`Start::GiveWay`] could not be done, so the root is started instead: that is no attempt of the other slot. To be
    /// saved then.
    pub fn stay(&mut self, boot: Boot) {
        let other = self.attempts_mut(boot.running.other());
        *other = other.saturating_sub(1);
        *self.attempts_mut(boot.running) = STRANDED;
    }

    /// What to do `up` seconds after the start, when all has been well for the last `well` seconds: the main loop, the
    /// store and the page answer, and every block of the root has been read once. `passed`: this boot was found
    /// healthy before.
    pub fn verdict(&self, boot: Boot, passed: bool, up: u64, well: Option<u64>) -> Verdict {
        let enough = if self.trial == Some(boot.running) { TRIAL_WELL_SECONDS } else { WELL_SECONDS };
        match well {
            Some(well) if passed && well >= SETTLED_SECONDS && self.attempts != [0; 2] => Verdict::Settled,
            Some(well) if !passed && well >= enough => Verdict::Healthy,
            Some(_) => Verdict::Wait,
            // A restart that changes nothing only takes the page away from whoever looks for the reason.
            None if !passed
                && up >= DEADLINE_SECONDS
                && (boot.is_passing() || !self.is_last(boot.running)) =>
            {
                Verdict::Restart
            }
            None => Verdict::Wait,
        }
    }

    /// The main process works. `selected` is what the selector says is committed, if it can be read. Afterwards the
    /// tally is to be saved, and then the selector to be set to [`Tally::committed`] and no trial.
    pub fn healthy(&mut self, boot: Boot, selected: Option<Slot>) {
        let running = boot.running;
        self.committed = match boot.is_passing() {
            true => Some(running),
            false => self.committed.or(selected).or(Some(running)),
        };
        self.trial = None;
        self.worked[running as usize] = true;
        *self.attempts_mut(running) = 0;
    }

    /// The running slot has worked for a day: the other one may be tried again. Not earlier, so that two slots that
    /// work only sometimes change places once a day at most.
    pub fn settled(&mut self) {
        self.attempts = [0; 2];
    }

    /// The content of `slot` is about to be replaced. To be saved before the first byte is.
    pub fn replace(&mut self, slot: Slot) {
        self.worked[slot as usize] = false;
        *self.attempts_mut(slot) = 0;
        self.trial = None;
    }

    /// The new content of `slot` is whole and to be tried. To be saved before the boot loader is led there.
    pub fn try_new(&mut self, slot: Slot) {
        self.trial = Some(slot);
    }

    pub fn standing(&self, boot: Boot) -> Standing {
        let (running, other) = (boot.running, boot.running.other());
        match boot.is_passing() {
            true if self.trial == Some(running) => Standing::Trial,
            false if self.both_spent() => Standing::BothFailed,
            false if self.trial == Some(other) => Standing::TrialFailed(other),
            true => Standing::StandIn,
            false if self.is_last(running) => Standing::Unreachable(other),
            false if self.is_spent(other) => Standing::OtherFailed(other),
            false => Standing::Normal,
        }
    }

    /// Whether nothing but attempts differs.
    pub(super) fn same_but_attempts(&self, other: &Self) -> bool {
        Self { attempts: other.attempts, ..*self } == *other
    }

    fn worked(&self, slot: Slot) -> bool {
        self.worked[slot as usize]
    }

    fn attempts_mut(&mut self, slot: Slot) -> &mut u8 {
        &mut self.attempts[slot as usize]
    }

    fn is_spent(&self, slot: Slot) -> bool {
        self.attempts[slot as usize] >= ATTEMPTS_MAX
    }

    /// Whether there is nothing to give way to.
    fn is_last(&self, slot: Slot) -> bool {
        self.both_spent() || self.attempts[slot as usize] >= STRANDED
    }

    fn both_spent(&self) -> bool {
        let usable = |slot: Slot| !self.is_spent(slot) && self.worked(slot);
        !usable(Slot::A) && !usable(Slot::B)
    }
}

/// Boots without becoming healthy before a slot counts as failed. One may be a power cut, two a bad evening.
const ATTEMPTS_MAX: u8 = 3;

/// As many attempts has a slot that could not give way: one more than are counted.
const STRANDED: u8 = ATTEMPTS_MAX + 1;

/// So long all must be well in a slot that has worked before. Short, so that pulling the plug does not count as a fault
/// of the slot.
const WELL_SECONDS: u64 = 20;

/// The same for a new version, which may fail in what it does only after a while.
const TRIAL_WELL_SECONDS: u64 = 180;

/// A boot that is not healthy after this time is given up. A repair of a large file system must fit in.
const DEADLINE_SECONDS: u64 = 600;

const SETTLED_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::Slot::{A, B};
    use super::*;

    const fn boot(running: Slot, committed: Slot) -> Boot {
        Boot { running, committed }
    }

    const COMMITTED: Boot = boot(A, A);
    const PASSING: Boot = boot(B, A);

    #[test]
    fn the_boot_is_read_on_both_boards() {
        let read = |line: &str, tryboot: Option<&[u8]>| Boot::read(line, tryboot);
        assert_eq!(read("quiet abusebox.slot=A abusebox.committed=A ro\n", None), Some(COMMITTED));
        assert_eq!(read("abusebox.slot=B abusebox.committed=A", None), Some(PASSING));
        assert_eq!(read("abusebox.slot=B", Some(&[0, 0, 0, 1])), Some(PASSING));
        assert_eq!(read("abusebox.slot=A", Some(&[0, 0, 0, 0])), Some(COMMITTED));
        assert_eq!(read("abusebox.slot=A", None), Some(COMMITTED), "firmware that knows of no trial");
        for line in ["", "quiet", "abusebox.slot=", "abusebox.slot=C", "xabusebox.slot=A"] {
            assert_eq!(read(line, None), None, "{line}");
        }
        assert_eq!(read("abusebox.slot=A abusebox.committed=", None), None);
        assert_eq!(read("abusebox.slot=B abusebox.slot=A", None), Some(COMMITTED), "the last word counts");
    }

    #[test]
    fn three_failed_boots_give_way_three_times_and_then_it_stays() {
        let mut tally = Tally::default();
        let starts: Vec<_> = (0..8).map(|_| tally.start(COMMITTED)).collect();
        let (go, way, stay) = (Start::Go, Start::GiveWay(B), Start::Stay);
        assert_eq!(starts, [go, go, go, way, way, way, stay, stay]);
        assert_eq!(tally.standing(COMMITTED), Standing::BothFailed);
        let before = tally;
        assert_eq!(tally.start(COMMITTED), Start::Stay);
        assert_eq!(tally, before, "nothing is written once it stays");
        tally.healthy(COMMITTED, Some(A));
        assert_eq!(tally.standing(COMMITTED), Standing::OtherFailed(B));
        tally.settled();
        assert_eq!(tally.standing(COMMITTED), Standing::Normal);
    }

    #[test]
    fn where_it_cannot_give_way_it_stays_and_tries_again_at_each_start() {
        let mut tally = Tally::default();
        while tally.start(COMMITTED) != Start::GiveWay(B) {}
        tally.stay(COMMITTED);
        assert_eq!(tally.standing(COMMITTED), Standing::Unreachable(B));
        assert_eq!(tally.verdict(COMMITTED, false, 600, None), Verdict::Wait);
        let before = tally;
        for _ in 0..5 {
            assert_eq!(tally.start(COMMITTED), Start::GiveWay(B));
            tally.stay(COMMITTED);
            assert_eq!(tally, before, "it is not counted against the other slot");
        }
        // It was led there in the end: three attempts.
        let starts: Vec<_> = (0..4).map(|_| tally.start(COMMITTED)).collect();
        assert_eq!(starts, [Start::GiveWay(B), Start::GiveWay(B), Start::GiveWay(B), Start::Stay]);
        assert_eq!(tally.verdict(PASSING, false, 600, None), Verdict::Restart);
        tally = before;
        tally.healthy(COMMITTED, Some(A));
        assert_eq!(tally.standing(COMMITTED), Standing::Normal);
        assert_eq!(tally.start(COMMITTED), Start::Go);
    }

    #[test]
    fn a_healthy_boot_forgives_the_failed_ones() {
        let mut tally = Tally::default();
        for _ in 0..10 {
            assert_eq!(tally.start(COMMITTED), Start::Go);
            assert_eq!(tally.start(COMMITTED), Start::Go);
            tally.healthy(COMMITTED, Some(A));
            assert_eq!(tally.committed, Some(A));
        }
    }

    #[test]
    fn the_slot_that_stands_in_is_committed_when_it_is_healthy() {
        let mut tally = Tally::default();
        while tally.start(COMMITTED) != Start::GiveWay(B) {}
        let before = tally;
        assert_eq!(tally.start(PASSING), Start::Go);
        assert_eq!((tally, tally.standing(PASSING)), (before, Standing::StandIn));
        tally.healthy(PASSING, Some(A));
        assert_eq!(tally.committed, Some(B));
        // A has failed and is not gone back to, until B has worked for a day.
        let swapped = boot(B, B);
        assert_eq!(tally.standing(swapped), Standing::OtherFailed(A));
        let starts: Vec<_> = (0..4).map(|_| tally.start(swapped)).collect();
        assert_eq!(starts, [Start::Go, Start::Go, Start::Go, Start::Stay]);
        tally.settled();
        assert!((0..4).any(|_| tally.start(swapped) == Start::GiveWay(A)));
    }

    #[test]
    fn a_slot_that_never_worked_is_not_given_way_to() {
        let mut tally = Tally::default();
        tally.replace(B);
        tally.try_new(B);
        assert_eq!(tally.standing(PASSING), Standing::Trial);
        assert_eq!(tally.standing(COMMITTED), Standing::TrialFailed(B));
        assert!((0..9).all(|_| !matches!(tally.start(COMMITTED), Start::GiveWay(_))));
        let mut healthy = tally;
        healthy.healthy(PASSING, Some(A));
        assert_eq!((healthy.committed, healthy.trial), (Some(B), None));
        tally.healthy(COMMITTED, Some(A));
        assert_eq!((tally.committed, tally.trial), (Some(A), None));
    }

    #[test]
    fn a_commit_that_was_stopped_is_finished_and_none_is_made_up() {
        let mut tally = Tally { committed: Some(B), ..Tally::default() };
        tally.healthy(COMMITTED, Some(A));
        assert_eq!(tally.committed, Some(B));
        // Firmware that ignores what is selected: what it starts is not what was committed.
        let mut tally = Tally::default();
        tally.healthy(boot(B, B), Some(A));
        assert_eq!(tally.committed, Some(A));
        let mut tally = Tally::default();
        tally.healthy(COMMITTED, None);
        assert_eq!(tally.committed, Some(A), "a damaged selector, and nothing remembered");
    }

    #[test]
    fn verdicts() {
        use Verdict::{Healthy, Restart, Settled, Wait};
        let fresh = Tally::default();
        let mut counted = fresh;
        counted.start(COMMITTED);
        let trial = Tally { trial: Some(B), ..fresh };
        let mut spent = fresh;
        while spent.start(COMMITTED) != Start::Stay {}
        for (tally, boot, passed, up, well, expected) in [
            (counted, COMMITTED, false, 30, Some(19), Wait),
            (counted, COMMITTED, false, 30, Some(20), Healthy),
            (counted, COMMITTED, true, 30, Some(20), Wait),
            (trial, PASSING, false, 190, Some(179), Wait),
            (trial, PASSING, false, 190, Some(180), Healthy),
            (fresh, PASSING, false, 190, Some(20), Healthy),
            (counted, COMMITTED, false, 599, None, Wait),
            (counted, COMMITTED, false, 600, None, Restart),
            (trial, PASSING, false, 600, None, Restart),
            (counted, COMMITTED, true, 600, None, Wait),
            (spent, COMMITTED, false, 600, None, Wait),
            (spent, COMMITTED, false, 700, Some(20), Healthy),
            (counted, COMMITTED, true, 90_000, Some(86_400), Settled),
            (fresh, COMMITTED, true, 90_000, Some(86_400), Wait),
        ] {
            assert_eq!(tally.verdict(boot, passed, up, well), expected, "{tally:?} {up} {well:?}");
        }
    }
}
