//! The packets of RADIUS accounting (RFC 2866), and which of them came before.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use md5::{Digest, Md5};

use super::accounting::{self, Event, Told};
use super::time::Moment;
use super::user;
use crate::clock::Timestamp;

/// An Accounting-Request of a client who knows the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub identifier: u8,
    pub authenticator: [u8; 16],
    /// What proxies on the way want back.
    proxies: Vec<u8>,
    /// `Ok(None)`: it says nothing of who has which address. An error says why nothing follows from it; it is answered all
    /// the same, since it would come again and again.
    pub event: Result<Option<Event>, &'static str>,
}

/// Why a packet is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is no packet of RADIUS")]
    Malformed,
    #[error("it is no Accounting-Request")]
    NoAccounting,
    #[error("its authenticator is wrong: the secret is not the client's, or somebody else sent it")]
    Secret,
}

impl Request {
    /// What its client should be told beside that it was taken, or why nothing was.
    pub fn complaint(&self) -> Option<String> {
        match &self.event {
            Err(why) => Some(format!("nothing follows from it: {why}")),
            Ok(Some(event)) if event.uncertainty > 0 => {
                Some(format!("its Event-Timestamp {}", accounting::APART))
            }
            Ok(_) => None,
        }
    }

    /// `from`: who sent it, `now`: when it came.
    pub fn read(packet: &[u8], secret: &[u8], from: IpAddr, now: Timestamp) -> Result<Self, Refusal> {
        let [code, identifier, high, low, ..] = *packet else { return Err(Refusal::Malformed) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // What stands behind its length is no part of it.
        if !(HEAD_LEN..=PACKET_BYTES_MAX).contains(&length) || length > packet.len() {
            return Err(Refusal::Malformed);
        }
        if code != ACCOUNTING_REQUEST {
            return Err(Refusal::NoAccounting);
        }
        let (head, attributes) = packet[..length].split_at(HEAD_LEN);
        let mut authenticator = [0; 16];
        authenticator.copy_from_slice(&head[4..]);
        if signed(&head[..4], &[0; 16], attributes, secret) != authenticator {
            return Err(Refusal::Secret);
        }
        let (mut told, mut happened, mut proxies) = (Told::default(), None, Vec::new());
        let mut rest = attributes;
        while !rest.is_empty() {
            let [kind, length, ..] = *rest else { return Err(Refusal::Malformed) };
            let (attribute, behind) = rest.split_at_checked(length.into()).ok_or(Refusal::Malformed)?;
            let value = attribute.get(2..).ok_or(Refusal::Malformed)?;
            match kind {
                PROXY_STATE => proxies.extend_from_slice(attribute),
                EVENT_TIMESTAMP => happened = Some(number(value)?),
                _ => tell(&mut told, kind, value)?,
            }
            rest = behind;
        }
        let happened = happened.map(|at| Moment::certain(Timestamp::from_unix(at.into())));
        let at = accounting::happened(happened, Some(Moment::certain(now)), told.delay);
        let (at, uncertainty) = at.map_or((now, 0), |at| (at.at(), at.doubt()));
        let event = told.event(at, uncertainty, Some(from), 0);
        Ok(Self { identifier, authenticator, proxies, event })
    }

    /// The answer, which says that what it told is kept.
    pub fn response(&self, secret: &[u8]) -> Vec<u8> {
        let length = (HEAD_LEN + self.proxies.len()) as u16;
        let [high, low] = length.to_be_bytes();
        let head = [ACCOUNTING_RESPONSE, self.identifier, high, low];
        let signature = signed(&head, &self.authenticator, &self.proxies, secret);
        [&head[..], &signature, &self.proxies].concat()
    }
}

fn signed(head: &[u8], authenticator: &[u8; 16], attributes: &[u8], secret: &[u8]) -> [u8; 16] {
    let parts = [head, authenticator, attributes, secret];
    parts.iter().fold(Md5::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

/// What an attribute says (RFC 2865, 2866, 3162, 4679, 4818 and 6911).
fn tell(told: &mut Told, kind: u8, value: &[u8]) -> Result<(), Refusal> {
    let text = || Some(user::text(value).into_owned());
    match kind {
        1 => told.user = text(),
        4 => told.nas_address = Some(v4(value)?),
        8 => told.net(v4(value)?.into()),
        26 => vendor(told, value),
        31 => told.station = text(),
        32 => told.nas_name = text(),
        40 => told.status(&number(value)?.to_string()),
        41 => told.delay = number(value)?,
        44 => told.id = text(),
        46 => told.seconds = Some(number(value)?),
        95 if told.nas_address.is_none() => told.nas_address = Some(v6(value)?),
        97 | 123 => told.net(prefix(value)?),
        168 => told.net(v6(value)?.into()),
        _ => {}
    }
    Ok(())
}

/// What the Broadband Forum adds of the line; what others add is theirs.
fn vendor(told: &mut Told, value: &[u8]) {
    let Some((vendor, mut rest)) = value.split_at_checked(4) else { return };
    if vendor != BROADBAND_FORUM.to_be_bytes() {
        return;
    }
    while let [kind, length, ..] = *rest {
        let Some((part, behind)) = rest.split_at_checked(length.into()).filter(|_| length >= 2) else {
            return;
        };
        let id = Some(user::of_bytes(&part[2..]));
        match kind {
            1 => told.circuit = id,
            2 => told.remote = id,
            _ => {}
        }
        rest = behind;
    }
}

fn number(value: &[u8]) -> Result<u32, Refusal> {
    value.try_into().map(u32::from_be_bytes).map_err(|_| Refusal::Malformed)
}

fn v4(value: &[u8]) -> Result<IpAddr, Refusal> {
    number(value).map(|bits| Ipv4Addr::from(bits).into())
}

fn v6(value: &[u8]) -> Result<IpAddr, Refusal> {
    value.try_into().map(|bytes: [u8; 16]| Ipv6Addr::from(bytes).into()).map_err(|_| Refusal::Malformed)
}

/// A zero, the length, and as many bytes of the prefix as it needs, or more.
fn prefix(value: &[u8]) -> Result<IpNet, Refusal> {
    let [_, length, bytes @ ..] = value else { return Err(Refusal::Malformed) };
    let mut address = [0; 16];
    address.get_mut(..bytes.len()).ok_or(Refusal::Malformed)?.copy_from_slice(bytes);
    if usize::from(*length) > 8 * bytes.len() {
        return Err(Refusal::Malformed);
    }
    IpNet::new(Ipv6Addr::from(address).into(), *length).map_err(|_| Refusal::Malformed)
}

/// Which packets have come lately: a client that waits for its answer sends the same again.
#[derive(Debug, Default)]
pub struct Recent {
    of: HashMap<(SocketAddr, u8), Seen>,
    /// In the order in which they came.
    order: VecDeque<(SocketAddr, u8, Timestamp)>,
}

#[derive(Debug)]
struct Seen {
    authenticator: [u8; 16],
    at: Timestamp,
    is_kept: bool,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    New,
    /// The same is on its way to the store, and is answered then.
    Waits,
    /// What it tells is kept: it is only answered.
    Again,
}

impl Recent {
    /// A packet has come.
    pub fn turn(&mut self, from: SocketAddr, request: &Request, now: Timestamp) -> Turn {
        while let Some(&(client, identifier, at)) = self.order.front()
            && (now.since(at) > DUPLICATE_SECONDS || self.order.len() >= RECENT_MAX)
        {
            self.order.pop_front();
            if self.of.get(&(client, identifier)).is_some_and(|seen| seen.at == at) {
                self.of.remove(&(client, identifier));
            }
        }
        let key = (from, request.identifier);
        if let Some(seen) = self.of.get(&key).filter(|seen| seen.authenticator == request.authenticator) {
            return if seen.is_kept { Turn::Again } else { Turn::Waits };
        }
        let authenticator = request.authenticator;
        self.of.insert(key, Seen { authenticator, at: now, is_kept: false });
        self.order.push_back((from, request.identifier, now));
        Turn::New
    }

    /// What a packet told is kept.
    pub fn kept(&mut self, from: SocketAddr, request: &Request) {
        if let Some(seen) = self.seen(from, request) {
            seen.is_kept = true;
        }
    }

    /// What a packet told could not be kept: when it comes again, it is new.
    pub fn lost(&mut self, from: SocketAddr, request: &Request) {
        if self.seen(from, request).is_some() {
            self.of.remove(&(from, request.identifier));
        }
    }

    fn seen(&mut self, from: SocketAddr, request: &Request) -> Option<&mut Seen> {
        let seen = self.of.get_mut(&(from, request.identifier));
        seen.filter(|seen| seen.authenticator == request.authenticator)
    }
}

/// RFC 2866, 3.
pub const PACKET_BYTES_MAX: usize = 4096;
const HEAD_LEN: usize = 20;
const ACCOUNTING_REQUEST: u8 = 4;
const ACCOUNTING_RESPONSE: u8 = 5;
const PROXY_STATE: u8 = 33;
const EVENT_TIMESTAMP: u8 = 55;
/// Once the ADSL Forum (RFC 4679).
const BROADBAND_FORUM: u32 = 3561;
/// Longer than any client waits before it sends the same anew under another number.
const DUPLICATE_SECONDS: i64 = 30;
/// Packets of half a minute, at twice the pace that must be kept up with: 4 MiB.
const RECENT_MAX: usize = 32_768;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::accounting::Kind;
    use super::*;

    const SECRET: &[u8] = b"xyzzy5461";
    const NOW: Timestamp = Timestamp::from_unix(1_795_939_200);
    const NAS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn packet(attributes: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, value) in attributes {
            bytes.extend([*kind, value.len() as u8 + 2]);
            bytes.extend_from_slice(value);
        }
        let [high, low] = (bytes.len() as u16 + 20).to_be_bytes();
        let head = [4, 9, high, low];
        let signature = signed(&head, &[0; 16], &bytes, SECRET);
        [&head[..], &signature, &bytes].concat()
    }

    fn read(packet: &[u8]) -> Result<Request, Refusal> {
        Request::read(packet, SECRET, NAS, NOW)
    }

    fn event(attributes: &[(u8, &[u8])]) -> Event {
        read(&packet(attributes)).unwrap().event.unwrap().unwrap()
    }

    const START: &[(u8, &[u8])] = &[(40, &[0, 0, 0, 1]), (44, b"17"), (1, b"anna@dsl"), (8, &[192, 0, 2, 7])];

    /// As radclient of FreeRADIUS 3.2.1 sent it.
    #[test]
    fn a_packet_of_another_hand() {
        let hex = "0491005e5c5877f8d184148f5ba7914426d2ab4d280600000001010a616e6e614064736c2c063030303104060a000001\
                   0806c00002077b14003820010db80000010000000000000000006114004020010db8000000010000000000000000";
        let event = read(&user::bytes_of(hex).unwrap()).unwrap().event.unwrap().unwrap();
        let nets = ["192.0.2.7/32", "2001:db8:0:100::/56", "2001:db8:0:1::/64"];
        assert_eq!(event.nets, nets.map(|net| net.parse().unwrap()));
        assert_eq!(
            (event.users, event.nas.as_str(), event.kind),
            (vec!["anna@dsl".to_owned()], "10.0.0.1", Kind::Start)
        );
    }

    #[test]
    fn every_attribute_that_counts() {
        let circuit = [&3561_u32.to_be_bytes()[..], &[1, 9], b"olt 1/1", &[2, 4, 0, 4]].concat();
        let delegated = [&[0, 56][..], &[0x20, 1, 0x0d, 0xb8, 0, 0, 1]].concat();
        let link = [&[0, 64][..], &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        let single = "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets();
        let more: &[(u8, &[u8])] = &[
            (31, b"0A-1B-2C-3D-4E-5F"),
            (32, b"name"),
            (41, &[0, 0, 0, 5]),
            (46, &[0, 0, 1, 0]),
            (26, &circuit),
            (26, &[0, 0, 0, 9, 1, 2]),
            (97, &link),
            (123, &delegated),
            (168, &single),
            (200, b"unknown"),
        ];
        let told = event(&[START, more].concat());
        let nets = ["192.0.2.7/32", "2001:db8:0:1::/64", "2001:db8:0:100::/56", "2001:db8::7/128"];
        let users = ["anna@dsl", "0a:1b:2c:3d:4e:5f", "olt 1/1", "00:04"];
        let expected = Event {
            kind: Kind::Start,
            nas: "name".to_owned(),
            id: "17".to_owned(),
            users: users.map(str::to_owned).to_vec(),
            nets: nets.map(|net| net.parse().unwrap()).to_vec(),
            at: NOW.plus_seconds(-5),
            uncertainty: 0,
            seconds: Some(256),
            line: 0,
        };
        assert_eq!(told, expected);
        assert_eq!(event(&[START, &[(4, &[10, 9, 9, 9]), (32, b"name")]].concat()).nas, "10.9.9.9");
        assert_eq!(event(START).nas, "10.0.0.1", "who sent it");
        for own in [[0, 0, 0, 0], [127, 0, 0, 1]] {
            assert_eq!(event(&[START, &[(4, &own)]].concat()).nas, "10.0.0.1", "it does not know itself");
            assert_eq!(event(&[START, &[(4, &own), (32, b"name")]].concat()).nas, "name");
        }
        let happened =
            |at: i64| event(&[START, &[(55, &(at as u32).to_be_bytes()), (41, &[0, 0, 0, 7])]].concat()).at;
        assert_eq!(happened(NOW.unix() - 60), NOW.plus_seconds(-60));
        assert_eq!((happened(0), happened(NOW.unix() + 4000)), (NOW.plus_seconds(-7), NOW.plus_seconds(-7)));
        let behind = event(&[START, &[(55, &(NOW.unix() as u32 - 7200).to_be_bytes())]].concat());
        assert_eq!((behind.at, behind.uncertainty), (NOW.plus_seconds(-3600), 3600), "its clock or ours");
    }

    #[test]
    fn what_says_nothing_is_answered_and_what_is_forged_is_not() {
        let event = |attributes: &[(u8, &[u8])]| read(&packet(attributes)).unwrap().event;
        assert_eq!(event(&[(40, &[0, 0, 0, 15]), (44, b"1")]), Ok(None), "failed");
        assert!(event(&[(44, b"1")]).is_err() && event(&[(40, &[0, 0, 0, 1])]).is_err());
        assert_eq!(event(&[(40, &[0, 0, 0, 7])]).unwrap().unwrap().kind, Kind::Reset);
        let good = packet(START);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            // Another number is another packet, and signed as well.
            assert!(read(&bad).is_err(), "{at}");
        }
        assert_eq!(Request::read(&good, b"other", NAS, NOW), Err(Refusal::Secret));
        assert_eq!(read(&[&good[..], &[0; 4]].concat()), read(&good), "padding");
        for (kind, value) in [
            (8, &[1, 2, 3][..]),
            (40, &[1]),
            (97, &[0]),
            (97, &[0, 129, 0]),
            (97, &[0, 64, 1]),
            (168, &[0; 15]),
        ] {
            assert_eq!(read(&packet(&[(kind, value)])), Err(Refusal::Malformed), "{kind} {value:?}");
        }
        // A signed packet whose last attribute reaches beyond it, or has no room for its own length.
        for attributes in [&[1_u8, 9, 65][..], &[1, 1], &[1, 0], &[1]] {
            let [high, low] = (attributes.len() as u16 + 20).to_be_bytes();
            let head = [4, 9, high, low];
            let bad = [&head[..], &signed(&head, &[0; 16], attributes, SECRET), attributes].concat();
            assert_eq!(read(&bad), Err(Refusal::Malformed), "{attributes:?}");
        }
        assert_eq!(
            read(&[1, 9, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(Refusal::NoAccounting)
        );
    }

    #[test]
    fn an_answer_is_signed_and_gives_proxies_theirs_back() {
        let request = read(&packet(&[START, &[(33, b"one"), (33, b"two")]].concat())).unwrap();
        let response = request.response(SECRET);
        assert_eq!(response[..4], [5, 9, 0, 30]);
        assert_eq!(response[20..], *b"\x21\x05one\x21\x05two");
        let signature = signed(&response[..4], &request.authenticator, &response[20..], SECRET);
        assert_eq!(response[4..20], signature);
    }

    #[test]
    fn what_comes_again_is_not_counted_again() {
        let mut recent = Recent::default();
        let (one, other) = (packet(START), packet(&[START, &[(41, &[0, 0, 0, 9])]].concat()));
        let (one, other) = (read(&one).unwrap(), read(&other).unwrap());
        let [a, b]: [SocketAddr; 2] =
            ["10.0.0.1:1000", "10.0.0.1:1001"].map(|client| client.parse().unwrap());
        assert_eq!(recent.turn(a, &one, NOW), Turn::New);
        assert_eq!(recent.turn(b, &one, NOW), Turn::New, "another port");
        assert_eq!(recent.turn(a, &one, NOW), Turn::Waits);
        recent.kept(a, &one);
        assert_eq!(recent.turn(a, &one, NOW.plus_seconds(30)), Turn::Again);
        assert_eq!(recent.turn(a, &other, NOW.plus_seconds(30)), Turn::New, "another authenticator");
        recent.lost(a, &other);
        assert_eq!(recent.turn(a, &other, NOW.plus_seconds(30)), Turn::New);
        assert_eq!(recent.turn(b, &one, NOW.plus_seconds(31)), Turn::New, "too long ago");
        for port in 0..u16::MAX {
            recent.turn(SocketAddr::new(NAS, port), &one, NOW.plus_seconds(40));
        }
        assert!(recent.of.len() <= RECENT_MAX && recent.order.len() <= RECENT_MAX);
    }

    proptest! {
        #[test]
        fn any_packet_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), attributes in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8)) {
            let _ = read(&bytes);
            let attributes: Vec<(u8, &[u8])> = attributes.iter().map(|(kind, value)| (*kind, &value[..])).collect();
            if let Ok(request) = read(&packet(&attributes)) {
                prop_assert!(request.response(SECRET).len() <= PACKET_BYTES_MAX);
                if let Ok(Some(event)) = request.event {
                    prop_assert!(!event.users.is_empty() && !event.nas.is_empty());
                }
            }
        }
    }
}
