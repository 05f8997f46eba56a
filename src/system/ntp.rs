//! The time from the network: asks time servers (SNTP, RFC 5905 section 14), and decides what to make of their answers.
//!
//! [`read`] and [`judge`] are pure; [`ask`] is the only part with a socket.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::{UdpSocket, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::clock::{BUILT, Timestamp};

/// The time as a server tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub server: IpAddr,
    /// What it was there at the beginning of the round, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_millis: i64,
    /// How long question and answer were on their way: it may be wrong by half of this.
    pub delay_millis: i64,
}

/// Why a server gave no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("its name is not known")]
    NoName,
    #[error("no answer")]
    Silent,
    #[error("not asked, as it wished")]
    Resting,
    /// It is not to be asked for so long.
    #[error("it asks to be left alone ({code})")]
    Kiss { code: String, rest: Duration },
    #[error("its answer is of no use: {0}")]
    Useless(&'static str),
}

/// What is known of the time before a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The box's own clock at the beginning of the round.
    pub own_millis: i64,
    pub trusted: bool,
    /// The latest moment that has passed for sure, as far as one knows: as saved before the last start, or the newest
    /// record.
    pub floor: Option<Timestamp>,
}

/// What to do with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Keep,
    Set {
        /// What it was at the beginning of the round.
        unix_millis: i64,
        /// It is before what has passed for sure; several servers say so.
        against_floor: bool,
    },
    Doubtful(Doubt),
}

/// Why the clock is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No server gives a time.
    Silence,
    /// Servers give different times.
    Disagreement,
    /// One server alone gives a time far after the last one known.
    FarAhead { said: Timestamp, known: Timestamp },
    /// One server alone gives a time before one that has passed.
    BelowFloor { said: Timestamp, floor: Timestamp },
}

/// How servers are asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub port: u16,
    /// For a name, and again for an answer.
    pub answer_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { port: 123, answer_time_max: Duration::from_secs(5) }
    }
}

/// Servers that want to be left alone, and until when.
#[derive(Debug, Default)]
pub struct Resting(HashMap<IpAddr, Instant>);

impl Resting {
    fn contains(&self, server: IpAddr) -> bool {
        self.0.get(&server).is_some_and(|until| *until > Instant::now())
    }

    fn add(&mut self, server: IpAddr, rest: Duration) {
        let now = Instant::now();
        self.0.retain(|_, until| *until > now);
        if self.0.len() < RESTING_MAX {
            self.0.insert(server, now + rest);
        }
    }
}

/// Decides what to do after a round in which `samples` came in.
///
/// One server is enough for a time near the last one known. Two must agree on one that is before it or more than a day
/// after it: one that lies, or whose own clock broke, would else let certificates and incidents run out. They can
/// overrule the floor, because that may itself be wrong and must not stop the box for ever. A clock of the box that ran
/// on by itself and shows the same counts as one of the two for a time after the floor.
pub fn judge(samples: &[Sample], known: Known) -> Verdict {
    let mut samples: Vec<_> = samples.iter().copied().filter(is_possible).collect();
    samples.sort_by_key(|sample| sample.server);
    samples.dedup_by_key(|sample| sample.server);
    samples.sort_by_key(|sample| sample.unix_millis);
    let groups = || {
        (0..samples.len()).map(|from| {
            let first = samples[from].unix_millis;
            let count = samples[from..].iter().take_while(|s| s.unix_millis - first <= AGREE_MILLIS).count();
            &samples[from..from + count]
        })
    };
    let Some(largest) = groups().max_by_key(|group| group.len()) else {
        return Verdict::Doubtful(Doubt::Silence);
    };
    // The others could be right as well, unless they are fewer.
    let others = |group: &&[Sample]| group.iter().all(|sample| !largest.contains(sample));
    if groups().filter(others).any(|group| group.len() == largest.len()) {
        return Verdict::Doubtful(Doubt::Disagreement);
    }
    let Some(best) = largest.iter().min_by_key(|sample| sample.delay_millis) else {
        return Verdict::Doubtful(Doubt::Silence);
    };
    let off = best.unix_millis.abs_diff(known.own_millis);
    if known.trusted && off <= STEP_MILLIS {
        return Verdict::Keep;
    }
    let said = Timestamp::from_unix(best.unix_millis.div_euclid(1000));
    let own = Timestamp::from_unix(known.own_millis.div_euclid(1000));
    let alone = largest.len() < 2;
    let below = known.floor.filter(|floor| said.plus_seconds(FLOOR_SLACK_SECONDS) < *floor);
    if let Some(floor) = below.filter(|_| alone) {
        return Verdict::Doubtful(Doubt::BelowFloor { said, floor });
    }
    let known_last = known.floor.max(known.trusted.then_some(own));
    let far = known_last.filter(|last| said > last.plus_days(1));
    let own_agrees = !known.trusted && off <= OWN_AGREES_MILLIS;
    if let Some(known) = far.filter(|_| alone && !own_agrees) {
        return Verdict::Doubtful(Doubt::FarAhead { said, known });
    }
    Verdict::Set { unix_millis: best.unix_millis, against_floor: below.is_some() }
}

/// Asks all `servers`, names or addresses, at once, and says what came of each, in their order. `began` is the beginning
/// of the round, to which the samples refer.
pub async fn ask_all(
    servers: &[String],
    resting: &mut Resting,
    limits: Limits,
    began: Instant,
) -> Vec<(String, Result<Sample, Error>)> {
    let mut names = JoinSet::new();
    for (index, server) in servers.iter().take(SERVERS_MAX).enumerate() {
        let server = server.clone();
        names.spawn(async move { (index, resolve(&server, limits).await) });
    }
    let mut asked = JoinSet::new();
    let mut answers: Vec<(String, Result<Sample, Error>)> =
        servers.iter().take(SERVERS_MAX).map(|server| (server.clone(), Err(Error::NoName))).collect();
    while let Some(Ok((index, addresses))) = names.join_next().await {
        for address in addresses {
            if resting.contains(address.ip()) {
                answers[index].1 = Err(Error::Resting);
            } else {
                asked.spawn(async move { (index, address.ip(), ask(address, limits, began).await) });
            }
        }
    }
    while let Some(Ok((index, address, answer))) = asked.join_next().await {
        if let Err(Error::Kiss { rest, .. }) = &answer {
            resting.add(address, *rest);
        }
        // A name is one server, whatever addresses it has: the first that answers speaks for it, and of complaints
        // the one that tells most.
        let told = &mut answers[index].1;
        match (&told, &answer) {
            (Ok(_), _) | (Err(Error::Kiss { .. } | Error::Useless(_)), Err(_)) => {}
            _ => *told = answer,
        }
    }
    answers
}

/// An address of each family.
async fn resolve(server: &str, limits: Limits) -> Vec<SocketAddr> {
    let found = timeout(limits.answer_time_max, lookup_host((server, limits.port))).await;
    let found: Vec<_> = found.map_or_else(|_| Vec::new(), |found| found.into_iter().flatten().collect());
    let of = |is: fn(&SocketAddr) -> bool| found.iter().copied().find(is);
    of(SocketAddr::is_ipv4).into_iter().chain(of(SocketAddr::is_ipv6)).collect()
}

/// Asks one server. What comes from elsewhere, or is an answer to something else, is passed over.
async fn ask(server: SocketAddr, limits: Limits, began: Instant) -> Result<Sample, Error> {
    timeout(limits.answer_time_max, async {
        let silent = |_: io::Error| Error::Silent;
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await.map_err(silent)?;
        socket.connect(server).await.map_err(silent)?;
        let mut stamp = [0; 8];
        SystemRandom::new().fill(&mut stamp).map_err(|_| Error::Silent)?;
        let sent = Instant::now();
        socket.send(&question(stamp)).await.map_err(silent)?;
        // Longer ones are cut off; what follows is authentication that we did not ask for.
        let mut packet = [0; PACKET_BYTES];
        loop {
            let length = socket.recv(&mut packet).await.map_err(silent)?;
            let received = Instant::now();
            if length < PACKET_BYTES || packet[ORIGINATE] != stamp {
                continue;
            }
            let answer = read(&packet)?;
            let away = millis(received.duration_since(sent));
            let delay = away - answer.held_millis;
            // Clocks that count whole milliseconds may differ by one.
            if !(-2..=DELAY_MILLIS_MAX).contains(&delay) {
                return Err(Error::Useless("it was too long on its way"));
            }
            let since = millis(received.duration_since(began));
            let unix_millis = answer.sent_millis + delay / 2 - since;
            return Ok(Sample { server: server.ip(), unix_millis, delay_millis: delay.max(0) });
        }
    })
    .await
    .unwrap_or(Err(Error::Silent))
}

/// A question with a random stamp in the place of our time: the server sends it back, so nobody who cannot read along
/// can answer in its place, and nobody learns our time.
fn question(stamp: [u8; 8]) -> [u8; PACKET_BYTES] {
    let mut packet = [0; PACKET_BYTES];
    // No leap second, version 4, a client.
    packet[0] = 4 << 3 | MODE_CLIENT;
    packet[TRANSMIT].copy_from_slice(&stamp);
    packet
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    /// When it left the server.
    sent_millis: i64,
    /// Between the coming of the question and that.
    held_millis: i64,
}

/// Reads an answer that is known to be one to our question.
fn read(packet: &[u8; PACKET_BYTES]) -> Result<Answer, Error> {
    let (leap, version, mode, stratum) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7, packet[1]);
    if mode != MODE_SERVER || !(3..=4).contains(&version) {
        return Err(Error::Useless("it is no answer of a time server"));
    }
    if stratum == 0 {
        let code: String = packet[REFERENCE_ID].iter().map(|byte| char::from(*byte)).collect();
        let rest = match code.as_str() {
            "RATE" => RATE_REST,
            _ => DENIED_REST,
        };
        return Err(Error::Kiss { code: code.escape_default().to_string(), rest });
    }
    if leap == LEAP_UNKNOWN || stratum > STRATUM_MAX {
        return Err(Error::Useless("it does not know the time itself"));
    }
    let number = |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
    // Both in seconds and 65,536ths; the first has a sign, in this version or in the next.
    let (delay, dispersion) = (number(ROOT_DELAY) as i32, number(ROOT_DISPERSION));
    if i64::from(delay).unsigned_abs() + 2 * u64::from(dispersion) > 2 * ROOT_DISTANCE_MAX {
        return Err(Error::Useless("it is not sure of its time"));
    }
    if [RECEIVE, TRANSMIT.start].iter().any(|at| number(*at) == 0 && number(*at + 4) == 0) {
        return Err(Error::Useless("it tells no time"));
    }
    let [received, sent] = [RECEIVE, TRANSMIT.start].map(|at| unix_millis(number(at), number(at + 4)));
    let held_millis = sent - received;
    if held_millis < 0 {
        return Err(Error::Useless("its clock jumps"));
    }
    Ok(Answer { sent_millis: sent, held_millis })
}

/// NTP counts seconds from 1900 and begins anew every 136 years, next in 2036: the time meant is the one nearest to
/// when this version was written.
fn unix_millis(seconds: u32, fraction: u32) -> i64 {
    let built_ntp = (BUILT.unix() + NTP_TO_UNIX_SECONDS) as u32;
    let unix = BUILT.unix() + i64::from(seconds.wrapping_sub(built_ntp) as i32);
    unix * 1000 + ((i64::from(fraction) * 1000) >> 32)
}

/// No honest clock shows less than when this was written, and no box outlives the other end.
fn is_possible(sample: &Sample) -> bool {
    let seconds = sample.unix_millis.div_euclid(1000);
    (BUILT.unix()..BUILT.plus_days(AHEAD_DAYS_MAX).unix()).contains(&seconds)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

// Places in a packet (RFC 5905, figure 8).
const PACKET_BYTES: usize = 48;
const ROOT_DELAY: usize = 4;
const ROOT_DISPERSION: usize = 8;
const REFERENCE_ID: std::ops::Range<usize> = 12..16;
const ORIGINATE: std::ops::Range<usize> = 24..32;
const RECEIVE: usize = 32;
const TRANSMIT: std::ops::Range<usize> = 40..48;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
const LEAP_UNKNOWN: u8 = 3;
const STRATUM_MAX: u8 = 15;
/// Five seconds: Windows' own time servers are often unsure by some, and yet right.
const ROOT_DISTANCE_MAX: u64 = 5 << 16;
/// From 1900-01-01 to 1970-01-01.
const NTP_TO_UNIX_SECONDS: i64 = 2_208_988_800;

/// A server that is further away says little of the second.
const DELAY_MILLIS_MAX: i64 = 1000;
/// Two that are right differ by no more: half a second each by their delay, and one where a leap second is smeared.
const AGREE_MILLIS: i64 = 2000;
/// A smaller difference needs no step.
const STEP_MILLIS: u64 = 1000;
/// What an honest clock that was never set loses in a year without power.
const OWN_AGREES_MILLIS: u64 = 10 * 60 * 1000;
/// A clock that was a little fast when the time was saved is no contradiction.
const FLOOR_SLACK_SECONDS: i64 = 60;
/// Twenty years.
const AHEAD_DAYS_MAX: i64 = 20 * 366;
/// Those of the settings or of DHCP, and the public ones.
const SERVERS_MAX: usize = 16;
/// Two addresses for each server.
const RESTING_MAX: usize = 2 * SERVERS_MAX;
/// After a server has complained of too many questions.
const RATE_REST: Duration = Duration::from_secs(15 * 60);
/// After a server has said that it does not serve us.
const DENIED_REST: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = BUILT.plus_days(100).unix() * 1000;

    /// Of the server with this number, `off` milliseconds from the right time.
    fn sample(server: u8, off: i64) -> Sample {
        Sample {
            server: IpAddr::from([192, 0, 2, server]),
            unix_millis: NOW + off,
            delay_millis: i64::from(server),
        }
    }

    /// The box's clock is so far off, its floor so far before the right time.
    fn known(own: i64, trusted: bool, floor: Option<i64>) -> Known {
        let floor = floor.map(|floor| Timestamp::from_unix((NOW + floor) / 1000));
        Known { own_millis: NOW + own, trusted, floor }
    }

    fn set(off: i64) -> Verdict {
        Verdict::Set { unix_millis: NOW + off, against_floor: false }
    }

    #[test]
    fn one_server_is_enough_near_the_last_time_known() {
        for (own, trusted, floor, off, expected) in [
            // Never saved: the first start of a box.
            (-NOW, false, None, 0, set(0)),
            (-3_600_000, false, Some(-3_600_000), 0, set(0)),
            // It is not trusted before it was compared, however right.
            (0, false, Some(-1000), 10, set(10)),
            (0, true, Some(-1000), 1000, Verdict::Keep),
            (0, true, Some(-1000), -1000, Verdict::Keep),
            (0, true, Some(-1000), 1001, set(1001)),
            (0, true, Some(-1000), -1001, set(-1001)),
            (0, true, Some(-1000), DAY - 1000, set(DAY - 1000)),
            // A little before the floor.
            (0, false, Some(59_000), 0, set(0)),
            // A clock with a battery agrees after a long time without power.
            (-599_000, false, Some(-90 * DAY), 0, set(0)),
        ] {
            assert_eq!(
                judge(&[sample(1, off)], known(own, trusted, floor)),
                expected,
                "{own} {floor:?} {off}"
            );
        }
    }

    #[test]
    fn far_from_the_last_time_known_a_second_server_must_agree() {
        let at = |off: i64| Timestamp::from_unix((NOW + off) / 1000);
        let far = |off, known| Verdict::Doubtful(Doubt::FarAhead { said: at(off), known: at(known) });
        let below = |off, floor| Verdict::Doubtful(Doubt::BelowFloor { said: at(off), floor: at(floor) });
        for (own, trusted, floor, off, alone, agreed) in [
            (-2 * DAY, false, -2 * DAY, 0, far(0, -2 * DAY), set(0)),
            (-601_000, false, -2 * DAY, 0, far(0, -2 * DAY), set(0)),
            (0, true, -2 * DAY, DAY + 1000, far(DAY + 1000, 0), set(DAY + 1000)),
            // A trusted clock is no second witness for a jump of its own.
            (DAY, true, -9 * DAY, 3 * DAY, far(3 * DAY, DAY), set(3 * DAY)),
            (
                -DAY,
                false,
                62_000,
                0,
                below(0, 62_000),
                Verdict::Set { unix_millis: NOW, against_floor: true },
            ),
            (
                3650 * DAY,
                true,
                3650 * DAY,
                0,
                below(0, 3650 * DAY),
                Verdict::Set { unix_millis: NOW, against_floor: true },
            ),
        ] {
            let known = known(own, trusted, Some(floor));
            assert_eq!(judge(&[sample(1, off)], known), alone, "{own} {floor} {off}");
            assert_eq!(judge(&[sample(1, off), sample(1, off)], known), alone, "the same one twice");
            assert_eq!(judge(&[sample(1, off), sample(2, off + 900)], known), agreed, "{own} {floor} {off}");
        }
    }

    #[test]
    fn the_majority_counts_and_of_it_the_nearest() {
        let fresh = known(-NOW, false, None);
        let disagreement = Verdict::Doubtful(Doubt::Disagreement);
        assert_eq!(judge(&[], fresh), Verdict::Doubtful(Doubt::Silence));
        assert_eq!(judge(&[sample(1, 0), sample(2, 2001)], fresh), disagreement);
        assert_eq!(judge(&[sample(2, 0), sample(1, 2000)], fresh), set(2000));
        assert_eq!(judge(&[sample(1, DAY), sample(2, 100), sample(3, 0)], fresh), set(100));
        let split = [sample(1, DAY), sample(2, DAY), sample(3, 0), sample(4, 0)];
        assert_eq!(judge(&split, fresh), disagreement);
        assert_eq!(judge(&split[..3], fresh), set(DAY));
        // A chain, of which nobody knows which end is right, is still one group.
        let chain = [sample(1, 0), sample(2, 1500), sample(3, 3000)];
        assert!(matches!(judge(&chain, fresh), Verdict::Set { .. }));
    }

    #[test]
    fn times_that_cannot_be_are_no_times() {
        let fresh = known(0, false, None);
        let silence = Verdict::Doubtful(Doubt::Silence);
        // 1970, 2036 and the like: no number of servers makes that true.
        for off in [-NOW, -101 * DAY, 7400 * DAY] {
            assert_eq!(judge(&[sample(1, off), sample(2, off)], fresh), silence);
            assert_eq!(judge(&[sample(1, off), sample(2, off), sample(3, 0)], fresh), set(0));
        }
    }

    /// A good answer at NTP second `seconds`, a quarter of a second after the question came.
    fn answer(seconds: u32) -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = 4 << 3 | MODE_SERVER;
        packet[1] = 2;
        packet[RECEIVE..RECEIVE + 4].copy_from_slice(&seconds.to_be_bytes());
        packet[TRANSMIT.start..TRANSMIT.start + 4].copy_from_slice(&seconds.to_be_bytes());
        packet[TRANSMIT.start + 4] = 0x40;
        packet
    }

    #[test]
    fn answers_are_read_beyond_2036() {
        for (time, seconds) in [
            ("2036-02-07T06:28:15Z", u32::MAX),
            ("2036-02-07T06:28:16Z", 0),
            ("2040-01-01T00:00:00Z", 123_010_304),
            ("1970-01-01T00:00:00Z", 2_208_988_800),
        ] {
            let time: Timestamp = time.parse().unwrap();
            let expected = Answer { sent_millis: time.unix() * 1000 + 250, held_millis: 250 };
            // Of second 0 the zero of "not known" must differ.
            let mut packet = answer(seconds);
            packet[RECEIVE + 7] = 1;
            assert_eq!(read(&packet), Ok(expected), "{time}");
        }
    }

    #[test]
    fn answers_of_no_use_are_told_apart() {
        let changed = |at: usize, bytes: &[u8]| {
            let mut packet = answer(4_000_000_000);
            packet[at..at + bytes.len()].copy_from_slice(bytes);
            read(&packet)
        };
        assert!(changed(0, &[3 << 3 | MODE_SERVER]).is_ok() && changed(1, &[15]).is_ok());
        assert!(
            changed(ROOT_DELAY, &[0, 4, 0, 0]).is_ok() && changed(ROOT_DELAY, &[0xff, 0xff, 0, 0]).is_ok()
        );
        for (at, bytes) in [
            (0, &[4 << 3 | MODE_CLIENT] as &[u8]),
            (0, &[4 << 3 | 5]),
            (0, &[2 << 3 | MODE_SERVER]),
            (0, &[LEAP_UNKNOWN << 6 | 4 << 3 | MODE_SERVER]),
            (1, &[16]),
            (ROOT_DELAY, &[0, 10, 0, 1]),
            (ROOT_DISPERSION, &[0, 5, 0, 1]),
            (ROOT_DISPERSION, &[0xff, 0, 0, 0]),
            (RECEIVE, &[0; 8]),
            (TRANSMIT.start, &[0; 8]),
            (RECEIVE + 4, &[0x80]),
        ] {
            assert!(matches!(changed(at, bytes), Err(Error::Useless(_))), "{at} {bytes:?}");
        }
        let kiss = |code: &[u8; 4]| {
            let mut packet = answer(0);
            packet[1] = 0;
            packet[REFERENCE_ID].copy_from_slice(code);
            read(&packet)
        };
        assert_eq!(kiss(b"RATE"), Err(Error::Kiss { code: "RATE".to_owned(), rest: RATE_REST }));
        assert_eq!(kiss(b"DENY"), Err(Error::Kiss { code: "DENY".to_owned(), rest: DENIED_REST }));
        assert_eq!(
            kiss(b"\0\n\xe4x"),
            Err(Error::Kiss { code: "\\u{0}\\n\\u{e4}x".to_owned(), rest: DENIED_REST })
        );
    }

    #[test]
    fn those_who_rest_are_few_and_not_for_ever() {
        let mut resting = Resting::default();
        for server in 0..=255 {
            resting.add(IpAddr::from([192, 0, 2, server]), Duration::from_secs(60));
        }
        assert_eq!(resting.0.len(), RESTING_MAX);
        assert!(resting.contains(IpAddr::from([192, 0, 2, 0])));
        let mut resting = Resting::default();
        resting.add(IpAddr::from([192, 0, 2, 1]), Duration::ZERO);
        assert!(!resting.contains(IpAddr::from([192, 0, 2, 1])));
    }

    proptest! {
        #[test]
        fn any_packet_is_an_answer_or_none(packet: [u8; 32], rest: [u8; 16]) {
            let mut whole = [0; PACKET_BYTES];
            whole[..32].copy_from_slice(&packet);
            whole[32..].copy_from_slice(&rest);
            if let Ok(answer) = read(&whole) {
                prop_assert!(answer.held_millis >= 0);
            }
        }

        /// Whatever one server says, a trusted clock that has records is not moved out of the day around them by it
        /// alone; and the order of the answers changes nothing.
        #[test]
        fn one_server_moves_little(off in -9000 * DAY..9000 * DAY, own in -5 * DAY..5 * DAY, trusted: bool, floor in -40 * DAY..5 * DAY) {
            let known = known(own, trusted, Some(floor));
            if let Verdict::Set { unix_millis, against_floor } = judge(&[sample(1, off)], known) {
                prop_assert!(!against_floor);
                let last = if trusted { floor.max(own) } else { floor };
                prop_assert!(unix_millis >= NOW + floor - 61_000);
                prop_assert!(unix_millis <= NOW + last + DAY + 1000 || (!trusted && off.abs_diff(own) <= OWN_AGREES_MILLIS));
            }
            let both = [sample(1, off), sample(2, own)];
            prop_assert_eq!(judge(&both, known), judge(&[both[1], both[0]], known));
        }
    }
}
