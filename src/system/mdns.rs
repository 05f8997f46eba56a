//! The name of the box in the local network: multicast DNS (RFC 6762), and the page as a service there (RFC 6763).
//!
//! Pure: packets in, packets out. It answers and asks for nothing itself, so that it remembers nothing of what others
//! say, and nobody can fill its memory. Left out: negative answers (NSEC) and what others already know (7.1), which are
//! there to save packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the box is called, and where, on one of its interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// One label, without `.local`.
    pub name: String,
    /// Of this interface.
    pub addresses: Vec<IpAddr>,
    /// Of all interfaces: two of them may be in one network.
    pub all_addresses: Vec<IpAddr>,
    /// Where the page answers.
    pub port: Option<u16>,
}

/// What a packet of somebody else means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    /// Somebody else has our name.
    Conflict,
    /// Somebody else is about to take our name, and goes first.
    Contest,
    Question(Reply),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub packet: Vec<u8>,
    /// To whoever asked, and not to all.
    pub to_one: bool,
    /// Others may answer the same question, so that a moment is waited.
    pub is_shared: bool,
}

/// What an announcement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Here,
    Leaving,
}

/// The name with a number, as it is after so many others had it.
pub fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let end = format!("-{number}");
    let length = name.len().min(LABEL_BYTES_MAX - end.len());
    format!("{}{end}", name.get(..length).unwrap_or_default())
}

impl Identity {
    /// Asks whether somebody has the name (8.1).
    pub fn probe(&self) -> Vec<u8> {
        let host = self.host();
        let mut packet = Packet::new(0, 0);
        packet.question(&host, ANY, UNICAST_WANTED | INTERNET);
        let own: Vec<_> = self.addresses.iter().map(|address| Record::address(&host, *address)).collect();
        packet.records(AUTHORITIES, &own.iter().collect::<Vec<_>>(), |record| (record.ttl, false));
        packet.0
    }

    /// Tells all that the box is here, or that it goes (8.3, 10.1).
    pub fn announcement(&self, news: News) -> Vec<u8> {
        let records = self.records();
        let mut packet = Packet::new(0, RESPONSE);
        packet.records(ANSWERS, &records.iter().collect::<Vec<_>>(), |record| match news {
            News::Here => (record.ttl, record.is_unique),
            // It ends our record only, and no namesake's.
            News::Leaving => (0, false),
        });
        packet.0
    }

    /// Reads what came from `port` of somebody. Before we have the name, we answer to nobody; after that, nobody can be
    /// about to take it.
    pub fn hear(&self, packet: &[u8], port: u16, has_name: bool) -> Heard {
        let Some(message) = Message::read(packet) else { return Heard::Nothing };
        let host = self.host();
        let foreign = |section: fn(usize) -> bool| {
            message
                .addresses
                .iter()
                .filter(move |theirs| section(theirs.section) && theirs.name == host)
                .filter(|theirs| theirs.ttl > 0 && !self.all_addresses.contains(&theirs.address))
                .map(|theirs| theirs.address)
        };
        if message.is_response {
            // What does not come from the port of mDNS is not of it (6).
            let is_conflict = port == PORT && foreign(|section| section != AUTHORITIES).next().is_some();
            return if is_conflict { Heard::Conflict } else { Heard::Nothing };
        }
        if has_name {
            return self.reply(&message, port).map_or(Heard::Nothing, Heard::Question);
        }
        // Of two that want the name, the later one in order has it (8.2).
        let theirs = foreign(|section| section == AUTHORITIES).map(order).min();
        let is_later = theirs > self.addresses.iter().copied().map(order).min();
        if is_later { Heard::Contest } else { Heard::Nothing }
    }

    fn reply(&self, message: &Message, port: u16) -> Option<Reply> {
        let records = self.records();
        let asks_for = |question: &Question, record: &Record| {
            question.name == record.name && [ANY, record.kind].contains(&question.kind)
        };
        let (answers, more): (Vec<&Record>, Vec<&Record>) =
            records.iter().partition(|record| message.questions.iter().any(|asked| asks_for(asked, record)));
        if answers.is_empty() {
            return None;
        }
        let is_shared = answers.iter().any(|record| !record.is_unique);
        // A plain resolver asks from a port of its own, and takes an answer as of any name server (6.7).
        let is_plain = port != PORT;
        let mut packet = Packet::new(if is_plain { message.id } else { 0 }, RESPONSE);
        if is_plain {
            for asked in &message.questions {
                packet.question(&asked.name, asked.kind, INTERNET);
            }
            packet.records(ANSWERS, &answers, |record| (record.ttl.min(PLAIN_TTL_MAX), false));
        } else {
            packet.records(ANSWERS, &answers, |record| (record.ttl, record.is_unique));
            packet.records(ADDITIONALS, &more, |record| (record.ttl, record.is_unique));
        }
        let to_one = is_plain || message.questions.iter().all(|asked| asked.to_one);
        Some(Reply { packet: packet.0, to_one, is_shared })
    }

    fn host(&self) -> Name {
        name(&[&self.name, "local"])
    }

    /// All that the box says of itself.
    fn records(&self) -> Vec<Record> {
        let host = self.host();
        let mut records: Vec<_> =
            self.addresses.iter().map(|address| Record::address(&host, *address)).collect();
        if let Some(port) = self.port {
            let service = name(&["_http", "_tcp", "local"]);
            let instance = name(&[&self.name, "_http", "_tcp", "local"]);
            let all = name(&["_services", "_dns-sd", "_udp", "local"]);
            let mut server = vec![0, 0, 0, 0];
            server.extend(port.to_be_bytes());
            put_name(&mut server, &host);
            records.extend([
                Record::shared(&service, &instance),
                Record { name: instance.clone(), kind: SRV, is_unique: true, ttl: HOST_TTL, data: server },
                // One empty text, which says nothing (RFC 6763, 6.1).
                Record { name: instance, kind: TXT, is_unique: true, ttl: OTHER_TTL, data: vec![0] },
                Record::shared(&all, &service),
            ]);
        }
        records
    }
}

/// Labels, in small letters.
type Name = Vec<Vec<u8>>;

fn name(labels: &[&str]) -> Name {
    labels.iter().map(|label| label.to_ascii_lowercase().into_bytes()).collect()
}

fn order(address: IpAddr) -> (u16, Vec<u8>) {
    match address {
        IpAddr::V4(v4) => (A, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
    }
}

struct Record {
    name: Name,
    kind: u16,
    /// Nobody else has one of this name and kind.
    is_unique: bool,
    ttl: u32,
    data: Vec<u8>,
}

impl Record {
    fn address(host: &Name, address: IpAddr) -> Self {
        let (kind, data) = order(address);
        Self { name: host.clone(), kind, is_unique: true, ttl: HOST_TTL, data }
    }

    fn shared(name: &Name, target: &Name) -> Self {
        let mut data = Vec::new();
        put_name(&mut data, target);
        Self { name: name.clone(), kind: PTR, is_unique: false, ttl: OTHER_TTL, data }
    }
}

/// A packet that is being written, without compression: all of it fits many times over.
struct Packet(Vec<u8>);

impl Packet {
    fn new(id: u16, flags: u16) -> Self {
        let mut bytes = vec![0; HEAD_BYTES];
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        Self(bytes)
    }

    /// Raises the count of a section.
    fn count(&mut self, section: usize) {
        let at = 4 + 2 * section;
        let count = u16::from_be_bytes([self.0[at], self.0[at + 1]]) + 1;
        self.0[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn question(&mut self, name: &Name, kind: u16, class: u16) {
        put_name(&mut self.0, name);
        self.0.extend([kind.to_be_bytes(), class.to_be_bytes()].concat());
        self.count(QUESTIONS);
    }

    /// `form` gives how long each holds, and whether it takes the place of all others.
    fn records(&mut self, section: usize, records: &[&Record], form: impl Fn(&Record) -> (u32, bool)) {
        for record in records {
            let (ttl, replaces) = form(record);
            put_name(&mut self.0, &record.name);
            let class = if replaces { INTERNET | REPLACES } else { INTERNET };
            self.0.extend([record.kind.to_be_bytes(), class.to_be_bytes()].concat());
            self.0.extend(ttl.to_be_bytes());
            self.0.extend((record.data.len() as u16).to_be_bytes());
            self.0.extend(&record.data);
            self.count(section);
        }
    }
}

fn put_name(bytes: &mut Vec<u8>, name: &Name) {
    for label in name {
        bytes.push(label.len() as u8);
        bytes.extend(label);
    }
    bytes.push(0);
}

struct Message {
    id: u16,
    is_response: bool,
    questions: Vec<Question>,
    addresses: Vec<Address>,
}

struct Question {
    name: Name,
    kind: u16,
    to_one: bool,
}

/// An address that somebody has or wants.
struct Address {
    section: usize,
    name: Name,
    ttl: u32,
    address: IpAddr,
}

impl Message {
    /// `None`: it is not of mDNS, or broken.
    fn read(packet: &[u8]) -> Option<Self> {
        let mut rest = Reader { packet, at: 0 };
        let (id, flags) = (rest.number()?, rest.number()?);
        let counts = [rest.number()?, rest.number()?, rest.number()?, rest.number()?];
        if flags & OTHER_THAN_QUERY != 0 || counts.iter().any(|count| *count > RECORDS_MAX) {
            return None;
        }
        let is_response = flags & RESPONSE_BIT != 0;
        let mut message = Self { id, is_response, questions: Vec::new(), addresses: Vec::new() };
        for _ in 0..counts[QUESTIONS] {
            let (name, kind, class) = (rest.name()?, rest.number()?, rest.number()?);
            if [INTERNET, ANY].contains(&(class & !UNICAST_WANTED)) {
                message.questions.push(Question { name, kind, to_one: class & UNICAST_WANTED != 0 });
            }
        }
        for section in [ANSWERS, AUTHORITIES, ADDITIONALS] {
            for _ in 0..counts[section] {
                let (name, kind, class) = (rest.name()?, rest.number()?, rest.number()?);
                let ttl = u32::from(rest.number()?) << 16 | u32::from(rest.number()?);
                let length = rest.number()?;
                let data = rest.bytes(length.into())?;
                let address = match kind {
                    A => <[u8; 4]>::try_from(data).ok().map(|data| Ipv4Addr::from(data).into()),
                    AAAA => <[u8; 16]>::try_from(data).ok().map(|data| Ipv6Addr::from(data).into()),
                    _ => None,
                };
                if let Some(address) = address.filter(|_| class & !REPLACES == INTERNET) {
                    message.addresses.push(Address { section, name, ttl, address });
                }
            }
        }
        Some(message)
    }
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.packet.get(self.at..self.at + count)?;
        self.at += count;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A name, whose end may stand earlier in the packet (RFC 1035, 4.1.4).
    fn name(&mut self) -> Option<Name> {
        let (mut name, mut length) = (Name::new(), 0);
        // Each jump goes further back, so that there is an end to it.
        let (mut back, mut limit) = (None, self.at);
        loop {
            let first = self.bytes(1)?[0];
            match first {
                0 => break,
                1..=63 => {
                    let label = self.bytes(first.into())?;
                    length += label.len() + 1;
                    if length > NAME_BYTES_MAX {
                        return None;
                    }
                    name.push(label.to_ascii_lowercase());
                }
                0xc0.. => {
                    let to = usize::from(first & 0x3f) << 8 | usize::from(self.bytes(1)?[0]);
                    if to >= limit {
                        return None;
                    }
                    back.get_or_insert(self.at);
                    (self.at, limit) = (to, to);
                }
                _ => return None,
            }
        }
        self.at = back.unwrap_or(self.at);
        Some(name)
    }
}

/// Of multicast DNS.
pub const PORT: u16 = 5353;

// Sections of a message (RFC 1035, 4.1).
const QUESTIONS: usize = 0;
const ANSWERS: usize = 1;
const AUTHORITIES: usize = 2;
const ADDITIONALS: usize = 3;
const HEAD_BYTES: usize = 12;
/// An answer with authority.
const RESPONSE: u16 = RESPONSE_BIT | 0x0400;
const RESPONSE_BIT: u16 = 0x8000;
/// The operation and the error, both of which are 0.
const OTHER_THAN_QUERY: u16 = 0x780f;
// Kinds of records.
const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const ANY: u16 = 255;
// Classes, and what mDNS has put into their highest bit (5.4, 10.2).
const INTERNET: u16 = 1;
const UNICAST_WANTED: u16 = 0x8000;
const REPLACES: u16 = 0x8000;
/// Seconds: of what holds an address or a host's name, and of the rest (10).
const HOST_TTL: u32 = 120;
const OTHER_TTL: u32 = 4500;
const PLAIN_TTL_MAX: u32 = 10;
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 255;
/// Of one section. A packet of a network card holds no more that mean something.
const RECORDS_MAX: u16 = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn me() -> Identity {
        let addresses = ["192.0.2.7", "fe80::7"].map(|text| text.parse().unwrap()).to_vec();
        let all_addresses = [addresses.clone(), vec!["192.0.2.8".parse().unwrap()]].concat();
        Identity { name: "Rack-3".to_owned(), addresses, all_addresses, port: Some(80) }
    }

    fn at(address: &str) -> Identity {
        let addresses = vec![address.parse().unwrap()];
        Identity { addresses: addresses.clone(), all_addresses: addresses, ..me() }
    }

    fn ask(labels: &[&str], kind: u16, class: u16) -> Vec<u8> {
        let mut packet = Packet::new(77, 0);
        packet.question(&name(labels), kind, class);
        packet.0
    }

    /// Each record of a packet: section, name, kind, class, time to live, data.
    fn shown(packet: &[u8]) -> Vec<String> {
        let mut rest = Reader { packet, at: 4 };
        let counts = [0; 4].map(|_| rest.number().unwrap());
        let text = |name: Name| {
            name.iter().map(|label| String::from_utf8(label.clone()).unwrap()).collect::<Vec<_>>().join(".")
        };
        let mut shown = Vec::new();
        for _ in 0..counts[0] {
            let name = text(rest.name().unwrap());
            shown.push(format!("? {name} {} {:x}", rest.number().unwrap(), rest.number().unwrap()));
        }
        for (section, count) in counts.iter().enumerate().skip(1) {
            for _ in 0..*count {
                let name = text(rest.name().unwrap());
                let (kind, class) = (rest.number().unwrap(), rest.number().unwrap());
                let ttl = u32::from(rest.number().unwrap()) << 16 | u32::from(rest.number().unwrap());
                let end = usize::from(rest.number().unwrap()) + rest.at;
                let data = match kind {
                    PTR => text(rest.name().unwrap()),
                    SRV => {
                        rest.bytes(4).unwrap();
                        format!("{} {}", rest.number().unwrap(), text(rest.name().unwrap()))
                    }
                    _ => format!("{:?}", rest.bytes(end - rest.at).unwrap()),
                };
                assert_eq!(rest.at, end);
                shown.push(format!("{section} {name} {kind} {class:x} {ttl} {data}"));
            }
        }
        assert_eq!(rest.at, packet.len());
        shown
    }

    #[track_caller]
    fn answered(question: &[u8], port: u16) -> Reply {
        match me().hear(question, port, true) {
            Heard::Question(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_name_is_answered_in_any_case_with_all_else_beside_it() {
        let reply = answered(&ask(&["RACK-3", "Local"], A, INTERNET), PORT);
        assert!(!reply.to_one && !reply.is_shared);
        assert_eq!(reply.packet[..4], [0, 0, 0x84, 0]);
        assert_eq!(
            shown(&reply.packet),
            [
                "1 rack-3.local 1 8001 120 [192, 0, 2, 7]",
                "3 rack-3.local 28 8001 120 [254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]",
                "3 _http._tcp.local 12 1 4500 rack-3._http._tcp.local",
                "3 rack-3._http._tcp.local 33 8001 120 80 rack-3.local",
                "3 rack-3._http._tcp.local 16 8001 4500 [0]",
                "3 _services._dns-sd._udp.local 12 1 4500 _http._tcp.local",
            ]
        );
        assert!(answered(&ask(&["_http", "_tcp", "local"], PTR, INTERNET), PORT).is_shared);
        assert!(answered(&ask(&["rack-3", "local"], ANY, UNICAST_WANTED | INTERNET), PORT).to_one);
    }

    #[test]
    fn a_plain_resolver_gets_a_plain_answer() {
        let reply = answered(&ask(&["rack-3", "local"], AAAA, INTERNET), 40_000);
        assert!(reply.to_one);
        assert_eq!(reply.packet[..4], [0, 77, 0x84, 0]);
        assert_eq!(
            shown(&reply.packet),
            [
                "? rack-3.local 28 1",
                "1 rack-3.local 28 1 10 [254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]",
            ]
        );
    }

    #[test]
    fn what_is_not_ours_is_not_answered() {
        let without_page = Identity { port: None, ..me() };
        assert_eq!(
            without_page.hear(&ask(&["_http", "_tcp", "local"], PTR, INTERNET), PORT, true),
            Heard::Nothing
        );
        let mut inverse = ask(&["rack-3", "local"], A, INTERNET);
        inverse[2] = 0x08;
        for packet in [
            ask(&["rack-3", "example"], A, INTERNET),
            ask(&["x", "rack-3", "local"], A, INTERNET),
            ask(&["rack-3", "local"], TXT, INTERNET),
            ask(&["rack-3", "local"], A, 3),
            inverse,
            Vec::new(),
        ] {
            assert_eq!(me().hear(&packet, PORT, true), Heard::Nothing, "{packet:?}");
        }
    }

    #[test]
    fn a_namesake_is_a_conflict_and_our_other_interface_is_none() {
        let heard = |address: &str, news| me().hear(&at(address).announcement(news), PORT, true);
        assert_eq!(heard("192.0.2.9", News::Here), Heard::Conflict);
        assert_eq!(heard("192.0.2.9", News::Leaving), Heard::Nothing);
        assert_eq!(heard("192.0.2.8", News::Here), Heard::Nothing);
        assert_eq!(me().hear(&at("192.0.2.9").announcement(News::Here), 40_000, true), Heard::Nothing);
        let other = Identity { name: "rack-4".to_owned(), ..at("192.0.2.9") };
        assert_eq!(me().hear(&other.announcement(News::Here), PORT, false), Heard::Nothing);
        assert!(shown(&me().announcement(News::Leaving)).iter().all(|record| record.contains(" 1 0 ")));
    }

    #[test]
    fn of_two_who_want_the_name_the_later_in_order_has_it() {
        for (address, expected) in [
            ("192.0.2.9", Heard::Contest),
            ("fe80::1", Heard::Contest),
            ("192.0.2.1", Heard::Nothing),
            // Our own question, heard again.
            ("192.0.2.7", Heard::Nothing),
        ] {
            let theirs = at(address);
            assert_eq!(me().hear(&theirs.probe(), PORT, false), expected, "{address}");
            // Who has the name already says so.
            let reply = answered(&theirs.probe(), PORT);
            assert!(reply.to_one);
            if address != "192.0.2.7" {
                assert_eq!(theirs.hear(&reply.packet, PORT, false), Heard::Conflict);
            }
        }
    }

    #[test]
    fn numbers_fit_behind_the_longest_name() {
        assert_eq!(numbered("abusebox", 1), "abusebox");
        assert_eq!(numbered("abusebox", 2), "abusebox-2");
        let long = numbered(&"x".repeat(63), 12);
        assert!(long.len() == 63 && long.ends_with("x-12"));
        let addresses: Vec<IpAddr> = (0..8).map(|n| Ipv6Addr::from(n).into()).collect();
        let full = Identity { name: long, all_addresses: addresses.clone(), addresses, port: Some(u16::MAX) };
        assert!(full.announcement(News::Here).len() < 1452, "it fits into one packet of a network card");
    }

    #[test]
    fn a_name_may_end_earlier_in_the_packet_but_not_go_round() {
        let mut packet = ask(&["rack-3", "local"], TXT, INTERNET);
        packet[5] = 2;
        let with = |pointer: &[u8]| {
            let mut packet = packet.clone();
            packet.extend(pointer);
            packet.extend([0, A as u8, 0, INTERNET as u8]);
            me().hear(&packet, PORT, true)
        };
        assert!(matches!(with(&[0xc0, 12]), Heard::Question(_)));
        assert!(matches!(with(&[6, b'r', b'a', b'c', b'k', b'-', b'3', 0xc0, 19]), Heard::Question(_)));
        for broken in [&[0xc0_u8, 30] as &[u8], &[0xc0, 29], &[0xc1, 0], &[0x40, 0], &[0xc0]] {
            assert_eq!(with(broken), Heard::Nothing, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn any_packet_is_heard(head in proptest::collection::vec(0_u8..3, 12), body: Vec<u8>) {
            let _ = me().hear(&[head, body].concat(), PORT, true);
        }

        /// A good packet with one byte changed, cut anywhere.
        #[test]
        fn broken_packets_are_heard(at in 0_usize..200, byte: u8, end in 0_usize..400) {
            for mut packet in [me().announcement(News::Here), me().probe()] {
                if let Some(place) = packet.get_mut(at) {
                    *place = byte;
                }
                packet.truncate(end);
                let _ = me().hear(&packet, PORT, true);
            }
        }
    }
}
