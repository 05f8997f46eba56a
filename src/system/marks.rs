//! The slots of the running box, in two halves: the one finds, once a second, what is to be remembered of this boot, and
//! never waits for a disk; the other writes it, on the writer's thread, in the order of `switch`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::time::Instant;

use super::ledger::Ledger;
use super::selector::Board;
use super::slot::{Boot, Standing, Tally, Verdict};
use super::switch::{self, Error, FirstPartition};

/// What is to be remembered of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Its slot works.
    Healthy,
    /// And has for a day.
    Settled,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// To be given to [`Marker::carry_out`].
    Mark(Mark),
    /// The boot has had its time.
    Restart,
}

/// How it stands with this boot, as far as it is on the disk.
#[derive(Clone, Copy, Debug)]
struct State {
    boot: Boot,
    tally: Tally,
    /// It was found healthy.
    passed: bool,
}

/// The half that finds.
pub struct Slots {
    state: State,
    marked: Receiver<State>,
    /// A mark is on its way to the disk.
    is_marking: bool,
    /// No other mark before: the last one may have failed.
    again: Option<Instant>,
}

/// The half that writes.
pub struct Marker<F> {
    board: Board,
    state: State,
    ledger: Ledger,
    first: F,
    marked: Sender<State>,
}

/// Both halves.
pub fn halves<F: FirstPartition>(board: Board, boot: Boot, ledger: Ledger, first: F) -> (Slots, Marker<F>) {
    let state = State { boot, tally: ledger.tally(), passed: false };
    let (sender, marked) = channel();
    let slots = Slots { state, marked, is_marking: false, again: None };
    (slots, Marker { board, state, ledger, first, marked: sender })
}

impl Slots {
    /// `up` after the start, with all well for `well`.
    pub fn step(&mut self, now: Instant, up: Duration, well: Option<Duration>) -> Step {
        if let Ok(state) = self.marked.try_recv() {
            (self.state, self.is_marking) = (state, false);
            self.again = Some(now + AGAIN_AFTER);
        }
        let State { boot, tally, passed } = self.state;
        let mark = match tally.verdict(boot, passed, up.as_secs(), well.map(|well| well.as_secs())) {
            Verdict::Wait => return Step::Wait,
            Verdict::Restart => return Step::Restart,
            Verdict::Healthy => Mark::Healthy,
            Verdict::Settled => Mark::Settled,
        };
        if self.is_marking || self.again.is_some_and(|again| now < again) {
            return Step::Wait;
        }
        self.is_marking = true;
        Step::Mark(mark)
    }

    /// Whether a box that is switched off now, and works, is to be marked as healthy before: one that is soon after it
    /// came up was no worse for that.
    pub fn is_open(&self) -> bool {
        !self.state.boot.is_passing() && !self.state.passed
    }

    /// What there is to say of them, if anything.
    pub fn sentence(&self) -> Option<String> {
        let running = self.state.boot.running;
        Some(match self.state.tally.standing(self.state.boot) {
            Standing::Normal => return None,
            Standing::Trial => format!("slot {running} is being tried"),
            Standing::StandIn => format!("slot {} does not work: slot {running} stands in", running.other()),
            Standing::TrialFailed(slot) => {
                format!("the new version in slot {slot} was tried and does not work")
            }
            Standing::OtherFailed(slot) => format!("slot {slot} does not work any more"),
            Standing::Unreachable(slot) => {
                format!("slot {running} does not work, and slot {slot} cannot be started")
            }
            Standing::BothFailed => "NEITHER SLOT WORKS: write the image to this disk anew".to_owned(),
        })
    }
}

impl<F: FirstPartition> Marker<F> {
    /// May take as long as the disk does. Whether it went well the other half hears, which asks again if not.
    pub fn carry_out(&mut self, mark: Mark) {
        if let Err(error) = self.write(mark) {
            tracing::error!("{error}");
        }
        self.state.tally = self.ledger.tally();
        // Nobody listens any more while the box is being stopped.
        let _ = self.marked.send(self.state);
    }

    fn write(&mut self, mark: Mark) -> Result<(), Error> {
        match mark {
            Mark::Healthy => {
                let boot = switch::confirm(self.board, self.state.boot, &mut self.ledger, &self.first)?;
                tracing::info!("slot {} works", boot.running);
                (self.state.boot, self.state.passed) = (boot, true);
            }
            Mark::Settled => {
                let mut tally = self.ledger.tally();
                tally.settled();
                self.ledger.save(tally)?;
            }
        }
        Ok(())
    }
}

const AGAIN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::rc::Rc;

    use super::super::ledger::{Place, Room};
    use super::super::slot::Slot::{A, B};
    use super::super::switch::Next;
    use super::super::tests::Mounted;
    use super::*;

    const UP: Duration = Duration::from_secs(30);
    const WELL: Option<Duration> = Some(Duration::from_secs(20));
    const DAY: Option<Duration> = Some(Duration::from_secs(86_400));

    /// A box whose slot A has come up at the third attempt.
    fn begin(folder: &Path) -> (Slots, Marker<Mounted>) {
        File::create(folder.join("p7")).unwrap().set_len(2 << 20).unwrap();
        fs::create_dir_all(folder.join("first/grub")).unwrap();
        let boot = Boot { running: A, committed: A };
        let first = || Mounted(folder.join("first"), Rc::default());
        for _ in 0..3 {
            let next = switch::begin(Board::X86, boot, &mut ledger(folder), &first());
            assert!(matches!(next, Ok(Next::Root)));
        }
        halves(Board::X86, boot, ledger(folder), first())
    }

    fn ledger(folder: &Path) -> Ledger {
        Ledger::open(vec![Place { device: folder.join("p7"), room: Room::Data }])
    }

    #[test]
    fn who_finds_does_not_wait_for_the_disk_and_asks_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut slots, mut marker) = begin(folder.path());
        let now = Instant::now();
        assert_eq!(slots.step(now, UP, None), Step::Wait);
        assert_eq!(slots.step(now, UP, WELL), Step::Mark(Mark::Healthy));
        // The disk takes its time. Nothing more is asked of it, and a boot that stops being well has its end.
        assert_eq!(slots.step(now + AGAIN_AFTER * 3, UP, WELL), Step::Wait);
        assert_eq!(slots.step(now, Duration::from_secs(600), None), Step::Restart);
        assert!(slots.is_open() && ledger(folder.path()).tally().attempts == [3, 0]);

        marker.carry_out(Mark::Healthy);
        assert_eq!(slots.step(now, UP, WELL), Step::Wait);
        assert!(!slots.is_open());
        assert_eq!(slots.step(now + AGAIN_AFTER * 3, Duration::from_secs(600), None), Step::Wait);
        let tally = ledger(folder.path()).tally();
        assert_eq!((tally.committed, tally.attempts), (Some(A), [0, 0]));
        assert_eq!(slots.sentence(), None);
    }

    #[test]
    fn what_cannot_be_written_is_tried_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let (mut slots, mut marker) = begin(folder.path());
        let grub = folder.path().join("first/grub");
        fs::remove_dir(&grub).unwrap();
        File::create(&grub).unwrap();
        let now = Instant::now();
        assert_eq!(slots.step(now, UP, WELL), Step::Mark(Mark::Healthy));
        marker.carry_out(Mark::Healthy);
        assert_eq!(slots.step(now, UP, WELL), Step::Wait);
        assert!(slots.is_open());
        // A slot is not at fault for a first partition that takes no writes.
        assert_eq!(ledger(folder.path()).tally().attempts, [0, 0]);
        assert_eq!(slots.step(now + AGAIN_AFTER, UP, WELL), Step::Mark(Mark::Healthy));
        fs::remove_file(&grub).unwrap();
        marker.carry_out(Mark::Healthy);
        assert_eq!(slots.step(now + AGAIN_AFTER, UP, WELL), Step::Wait);
        assert!(!slots.is_open());
    }

    #[test]
    fn after_a_day_the_other_slot_is_forgiven() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut marker) = begin(folder.path());
        // It is B that stands in, and is committed.
        marker.state.boot = Boot { running: B, committed: A };
        marker.carry_out(Mark::Healthy);
        let boot = marker.state.boot;
        assert_eq!(boot, Boot { running: B, committed: B });
        let (mut slots, mut marker) = halves(Board::X86, boot, ledger(folder.path()), marker.first);
        let now = Instant::now();
        assert_eq!(slots.sentence().unwrap(), "slot A does not work any more");
        assert_eq!(slots.step(now, UP, WELL), Step::Mark(Mark::Healthy));
        marker.carry_out(Mark::Healthy);
        assert_eq!(slots.step(now, UP, DAY), Step::Wait);
        let later = now + AGAIN_AFTER;
        assert_eq!(slots.step(later, UP, DAY), Step::Mark(Mark::Settled));
        marker.carry_out(Mark::Settled);
        assert_eq!(slots.step(later + AGAIN_AFTER, UP, DAY), Step::Wait);
        assert_eq!((slots.sentence(), ledger(folder.path()).tally().attempts), (None, [0, 0]));
    }
}
