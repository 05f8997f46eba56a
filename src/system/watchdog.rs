//! Whether the hardware watchdog is fed. It resets the box when it is not, so it is fed only while the box does what it
//! is for: its main loop turns, its store answers, its page answers. A process that merely exists proves nothing.

use std::time::Duration;

/// How long ago each part of the main process last showed that it works; `None`: not since the box has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// The main loop's heartbeat.
    pub main: Option<Duration>,
    /// A read of the store.
    pub store: Option<Duration>,
    /// The page, asked over its own door.
    pub page: Option<Duration>,
}

/// What is done with the watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    Yes,
    /// Not any more: this part is silent, and the box is going to be reset.
    No(Part),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Main,
    Store,
    Page,
}

impl Ages {
    /// Whether every part has been heard of lately: a boot is healthy only while that is so.
    pub fn are_fresh(self) -> bool {
        self.parts().into_iter().all(|(_, age, silence_max)| age.is_some_and(|age| age <= silence_max))
    }

    /// Whether the store has been heard of lately.
    pub fn store_is_fresh(self) -> bool {
        self.store.is_some_and(|age| age <= PROBE_SILENCE_MAX)
    }

    fn parts(self) -> [(Part, Option<Duration>, Duration); 3] {
        [
            (Part::Main, self.main, MAIN_SILENCE_MAX),
            (Part::Store, self.store, PROBE_SILENCE_MAX),
            (Part::Page, self.page, PROBE_SILENCE_MAX),
        ]
    }
}

/// What the data partition does with what is written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// Nobody has asked it yet.
    #[default]
    Unknown,
    Works,
    Full,
    /// It refuses for another reason: worn out, or mounted for reading since it was damaged.
    Broken,
    /// It does not answer at all.
    Hangs,
}

/// Whether to feed, `up` after the start of the box. On a disk that is full or broken a store cannot be expected to work,
/// and only the main loop and the page count, since a reset makes no room and mends no disk. It may wake up one that
/// hangs.
pub fn feed(ages: Ages, up: Duration, disk: Disk) -> Feed {
    let silent = |(part, age, silence_max): (Part, Option<Duration>, Duration)| {
        let expected = part != Part::Store || matches!(disk, Disk::Works | Disk::Hangs);
        // Until a part was first heard of, the repair of a large disk may be under way.
        let age_max = if age.is_none() { START_MAX } else { silence_max };
        (expected && age.unwrap_or(up) > age_max).then_some(part)
    };
    ages.parts().into_iter().find_map(silent).map_or(Feed::Yes, Feed::No)
}

/// A stopped main process is noticed after this time; with the watchdog's own half minute the box is reset within a
/// minute. The loop gives a sign every few seconds, whatever it does.
const MAIN_SILENCE_MAX: Duration = Duration::from_secs(20);

/// A probe waits for a transaction in progress, which on a slow card may take long.
const PROBE_SILENCE_MAX: Duration = Duration::from_secs(180);

/// From the start of the box to the first sign of each part.
const START_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Duration = Duration::from_secs(3600);

    fn ages(main: u64, store: u64, page: u64) -> Ages {
        let age = |seconds| Some(Duration::from_secs(seconds));
        Ages { main: age(main), store: age(store), page: age(page) }
    }

    #[test]
    fn one_silent_part_is_enough() {
        for (ages, expected) in [
            (ages(0, 0, 0), Feed::Yes),
            (ages(20, 180, 180), Feed::Yes),
            (ages(21, 0, 0), Feed::No(Part::Main)),
            (ages(0, 181, 0), Feed::No(Part::Store)),
            (ages(0, 0, 181), Feed::No(Part::Page)),
        ] {
            assert_eq!(feed(ages, UP, Disk::Works), expected, "{ages:?}");
            assert_eq!(ages.are_fresh(), expected == Feed::Yes);
        }
    }

    #[test]
    fn a_start_takes_its_time_but_not_for_ever() {
        let silent = Ages::default();
        assert!(!silent.are_fresh());
        assert_eq!(feed(silent, START_MAX, Disk::Works), Feed::Yes);
        assert_eq!(feed(silent, START_MAX + Duration::from_secs(1), Disk::Works), Feed::No(Part::Main));
        let no_page = Ages { page: None, ..ages(1, 1, 1) };
        assert_eq!(feed(no_page, Duration::from_secs(60), Disk::Works), Feed::Yes);
        assert_eq!(feed(no_page, UP, Disk::Works), Feed::No(Part::Page));
        // Once it was heard of, the time of the start is over for it.
        assert_eq!(feed(ages(21, 1, 1), Duration::from_secs(60), Disk::Works), Feed::No(Part::Main));
    }

    #[test]
    fn a_disk_that_does_not_work_is_no_reason_for_a_reset() {
        for disk in [Disk::Full, Disk::Broken, Disk::Unknown] {
            assert_eq!(feed(ages(1, 9_999, 1), UP, disk), Feed::Yes, "{disk:?}");
            assert_eq!(feed(Ages { store: None, ..ages(1, 1, 1) }, UP, disk), Feed::Yes, "{disk:?}");
            assert_eq!(feed(ages(21, 9_999, 1), UP, disk), Feed::No(Part::Main), "{disk:?}");
        }
        assert_eq!(feed(ages(1, 181, 1), UP, Disk::Hangs), Feed::No(Part::Store));
        assert_eq!(feed(ages(1, 180, 1), UP, Disk::Hangs), Feed::Yes);
    }
}
