//! How often somebody may try a password or a code: slower with every wrong one, never shut out for good.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::Tick;

/// Tries of the last minute, and who has failed lately.
#[derive(Default)]
pub struct Guesses {
    tries: VecDeque<Tick>,
    /// When the address that logged in last used the try that is kept for it.
    kept: Option<Tick>,
    failed: HashMap<IpAddr, Failures>,
}

struct Failures {
    count: u32,
    last: Tick,
}

impl Guesses {
    /// Whether somebody at `from` may try now, which counts as a try; else how long to wait. One try in each minute is
    /// kept for `known`, the very address that logged in last: whoever guesses, even from beside it, cannot keep the
    /// operator out.
    pub fn admit(&mut self, from: IpAddr, known: Option<IpAddr>, now: Tick) -> Result<(), Duration> {
        let place = place(from);
        while self.tries.front().is_some_and(|first| now.saturating_sub(*first) >= MINUTE) {
            self.tries.pop_front();
        }
        let own_wait = self
            .failed
            .get(&place)
            .map_or(Duration::ZERO, |failures| (failures.last + delay(failures.count)).saturating_sub(now));
        let full_wait = match self.tries.front() {
            Some(first) if self.tries.len() >= TRIES_PER_MINUTE - 1 => (*first + MINUTE).saturating_sub(now),
            _ => Duration::ZERO,
        };
        let wait = own_wait.max(full_wait);
        if wait.is_zero() {
            self.tries.push_back(now);
            return Ok(());
        }
        let is_kept_free = self.kept.is_none_or(|last| now.saturating_sub(last) >= MINUTE);
        if known.map(|known| known.to_canonical()) == Some(from.to_canonical()) && is_kept_free {
            self.kept = Some(now);
            return Ok(());
        }
        Err(wait)
    }

    /// It was wrong: the next try has to wait longer.
    pub fn fail(&mut self, from: IpAddr, now: Tick) {
        self.failed.retain(|_, failures| now.saturating_sub(failures.last) < FORGET_AFTER);
        if self.failed.len() >= PLACES_MAX
            && let Some(oldest) =
                self.failed.iter().min_by_key(|(_, failures)| failures.last).map(|(place, _)| *place)
        {
            self.failed.remove(&oldest);
        }
        let failures = self.failed.entry(place(from)).or_insert(Failures { count: 0, last: now });
        failures.count += 1;
        failures.last = now;
    }

    /// It was right.
    pub fn succeed(&mut self, from: IpAddr) {
        self.failed.remove(&place(from));
    }
}

/// Whoever has one address of IPv6 has its /64.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// After so many wrong tries: 1, 2, 4 seconds and so on; the first mistake costs a second.
fn delay(count: u32) -> Duration {
    DELAY_MAX.min(Duration::from_secs(1 << count.saturating_sub(1).min(10)))
}

/// From all addresses together, with the one that is kept.
const TRIES_PER_MINUTE: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
const DELAY_MAX: Duration = MINUTE;
const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// Addresses remembered; with more, the limit for all together holds.
const PLACES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_wrong_try_makes_the_next_wait_longer_up_to_a_minute() {
        let (mut guesses, mut now, mut waits) = (Guesses::default(), Duration::from_secs(100), Vec::new());
        for _ in 0..9 {
            while let Err(wait) = guesses.admit(ip("192.0.2.1"), None, now) {
                waits.push(wait.as_secs());
                now += wait;
            }
            guesses.fail(ip("192.0.2.1"), now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(guesses.admit(ip("192.0.2.2"), None, now), Ok(()), "another address waits for nothing");
        guesses.succeed(ip("192.0.2.1"));
        assert_eq!(guesses.admit(ip("192.0.2.1"), None, now), Ok(()));
    }

    #[test]
    fn the_addresses_of_a_network_of_ipv6_count_as_one() {
        let mut guesses = Guesses::default();
        guesses.fail(ip("2001:db8::1"), MINUTE);
        assert!(guesses.admit(ip("2001:db8::2"), None, MINUTE).is_err());
        assert!(guesses.admit(ip("2001:db8:0:1::2"), None, MINUTE).is_ok());
    }

    #[test]
    fn the_address_that_logged_in_last_gets_in_while_all_others_guess() {
        let mut guesses = Guesses::default();
        let known = Some(ip("2001:db8::1"));
        for second in 0..600 {
            let now = Duration::from_secs(1000 + second);
            for other in 0..10 {
                // One of them sits beside the operator.
                let from = match other {
                    0 => ip("2001:db8::bad"),
                    _ => IpAddr::from([198, 51, 100, (second * 10 + other) as u8]),
                };
                if guesses.admit(from, known, now).is_ok() {
                    guesses.fail(from, now);
                }
            }
            if second % 60 == 59 {
                assert_eq!(guesses.admit(ip("2001:db8::1"), known, now), Ok(()), "{second}");
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guesses = Guesses::default();
        for number in 0..10_000_u32 {
            guesses.fail(IpAddr::from(number.to_be_bytes()), MINUTE);
        }
        assert_eq!(guesses.failed.len(), PLACES_MAX);
        guesses.fail(ip("192.0.2.1"), MINUTE + FORGET_AFTER);
        assert_eq!(guesses.failed.len(), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_twenty_tries_in_a_minute(
            tries in prop::collection::vec((0_u64..3_000, 0_u8..8, any::<bool>()), 0..400)
        ) {
            let (mut guesses, mut now, mut admitted) = (Guesses::default(), MINUTE, Vec::new());
            for (millis, from, right) in tries {
                now += Duration::from_millis(millis);
                let from = IpAddr::from([192, 0, 2, from]);
                if guesses.admit(from, Some(ip("192.0.2.0")), now).is_ok() {
                    admitted.push(now);
                    if right { guesses.succeed(from) } else { guesses.fail(from, now) }
                }
            }
            for (index, began) in admitted.iter().enumerate() {
                let within = admitted[index..].iter().filter(|at| **at - *began < MINUTE).count();
                prop_assert!(within <= TRIES_PER_MINUTE);
            }
        }
    }
}
