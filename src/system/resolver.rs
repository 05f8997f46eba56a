//! Asks name servers for records that the system's own resolver does not give, such as TXT.
//!
//! Only the servers of `resolv.conf` are asked, as it stands at that moment, and nothing is kept. Question and answer are
//! those of RFC 1035; a long answer comes over TCP (RFC 7766). It blocks: for threads that may wait.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use crate::files;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    A = 1,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
}

/// A record of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Address(IpAddr),
    /// Name of a host that takes mail.
    Exchange(String),
    /// All strings of a TXT record as one, which SPF and DMARC want so.
    Text(String),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no name server is known: /etc/resolv.conf names none")]
    NoServer,
    #[error("{name} can be no name in DNS")]
    BadName { name: String },
    #[error("no name server answers about {name}: {detail}")]
    Silent { name: String, detail: String },
    /// By the code of RFC 1035 4.1.1.
    #[error("the name server cannot answer about {name} (code {code})")]
    Refused { name: String, code: u8 },
}

/// The name servers of this machine, now.
pub fn servers() -> Vec<SocketAddr> {
    let text = files::read_max(Path::new("/etc/resolv.conf"), FILE_BYTES_MAX).unwrap_or_default();
    named(&String::from_utf8_lossy(&text))
}

/// All records of this kind; none if there is no such name. The servers are asked one after the other.
pub fn ask(servers: &[SocketAddr], name: &str, kind: Kind) -> Result<Vec<Record>, Error> {
    let mut id = [0; 2];
    // Were there no random numbers, there would be no TLS either; the port is random as well.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id);
    let question = question(id, name, kind).ok_or_else(|| Error::BadName { name: name.to_owned() })?;
    let top = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if NOWHERE.iter().any(|nowhere| top.eq_ignore_ascii_case(nowhere)) {
        return Ok(Vec::new());
    }
    let mut last = Error::NoServer;
    for round in WAITS {
        for server in servers.iter().take(SERVERS_MAX) {
            let answer = by_udp(*server, &question, round).and_then(|answer| match answer {
                Answer::Cut => by_tcp(*server, &question, round),
                answer => Ok(answer),
            });
            match answer {
                Ok(Answer::Records(records)) => return Ok(records),
                Ok(Answer::Code(code)) => last = Error::Refused { name: name.to_owned(), code },
                Ok(Answer::Cut) => {
                    last = Error::Silent { name: name.to_owned(), detail: "its answer is cut off".to_owned() }
                }
                Err(error) => {
                    last = Error::Silent { name: name.to_owned(), detail: format!("{server}: {error}") }
                }
            }
        }
    }
    Err(last)
}

/// The servers that the text of a `resolv.conf` names; a link-local one with the number of its interface.
fn named(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let text = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        match text.split_once('%') {
            None => Some(SocketAddr::new(text.parse().ok()?, PORT)),
            Some((address, zone)) => {
                let (address, zone) = (address.parse().ok()?, zone.parse().ok()?);
                Some(SocketAddrV6::new(address, PORT, 0, zone).into())
            }
        }
    };
    text.lines().filter_map(address).take(SERVERS_MAX).collect()
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Records(Vec<Record>),
    /// It is longer than fits.
    Cut,
    Code(u8),
}

/// `None`: no name in DNS can be so.
fn question(id: [u8; 2], name: &str, kind: Kind) -> Option<Vec<u8>> {
    // Recursion is desired; one question.
    let mut packet = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX || !label.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    if packet.len() > HEAD_BYTES + NAME_BYTES_MAX {
        return None;
    }
    packet.extend_from_slice(&[0, kind as u8, 0, CLASS_IN]);
    Some(packet)
}

fn by_udp(server: SocketAddr, question: &[u8], wait: Duration) -> io::Result<Answer> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // From here on only this server is heard.
    socket.connect(server)?;
    socket.set_read_timeout(Some(wait))?;
    socket.send(question)?;
    let mut packet = [0; UDP_BYTES_MAX];
    for _ in 0..FOREIGN_MAX {
        let length = socket.recv(&mut packet)?;
        if let Some(answer) = read(&packet[..length], question) {
            return Ok(answer);
        }
    }
    Err(io::Error::other("it answers what nobody asked"))
}

fn by_tcp(server: SocketAddr, question: &[u8], wait: Duration) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    let length = (question.len() as u16).to_be_bytes();
    stream.write_all(&[&length, question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut packet = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut packet)?;
    read(&packet, question).ok_or_else(|| io::Error::other("it answers what nobody asked"))
}

/// The answer to this question; `None`: it is none.
fn read(packet: &[u8], question: &[u8]) -> Option<Answer> {
    let asked = question.get(HEAD_BYTES..)?;
    let (id, flags) = (packet.get(..2)?, [*packet.get(2)?, *packet.get(3)?]);
    let same = packet.get(HEAD_BYTES..HEAD_BYTES + asked.len())?.eq_ignore_ascii_case(asked);
    if id != question.get(..2)? || flags[0] & FLAG_ANSWER == 0 || packet.get(4..6)? != [0, 1] || !same {
        return None;
    }
    match flags[1] & CODE_MASK {
        0 => {}
        // There is no such name.
        3 => return Some(Answer::Records(Vec::new())),
        code => return Some(Answer::Code(code)),
    }
    if flags[0] & FLAG_CUT != 0 {
        return Some(Answer::Cut);
    }
    let kind = *question.get(question.len().checked_sub(3)?)?;
    let count = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]);
    let (mut at, mut records) = (HEAD_BYTES + asked.len(), Vec::new());
    for _ in 0..count.min(RECORDS_MAX) {
        at = name_at(packet, at)?.1;
        let head = packet.get(at..at + 10)?;
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let data = at + 10;
        let bytes = packet.get(data..data + length)?;
        // Aliases stand before what they lead to, which the server has followed.
        if head[..4] == [0, kind, 0, CLASS_IN] {
            records.extend(record(packet, kind, data, bytes));
        }
        at = data + length;
    }
    Some(Answer::Records(records))
}

fn record(packet: &[u8], kind: u8, at: usize, bytes: &[u8]) -> Option<Record> {
    Some(match kind {
        1 => Record::Address(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        28 => Record::Address(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        // Behind the preference.
        15 => Record::Exchange(name_at(packet, at + 2)?.0),
        _ => {
            let (mut text, mut rest) = (Vec::new(), bytes);
            while let Some((length, after)) = rest.split_first() {
                let (part, next) = after.split_at_checked((*length).into())?;
                text.extend_from_slice(part);
                rest = next;
            }
            Record::Text(String::from_utf8_lossy(&text).into_owned())
        }
    })
}

/// The name that stands there, and where it ends. It may go on earlier in the packet, each time further ahead, so that it
/// ends.
fn name_at(packet: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end, mut before) = (String::new(), start, None, start);
    loop {
        let length = *packet.get(at)?;
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = packet.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(label));
                if name.len() > NAME_TEXT_BYTES_MAX {
                    return None;
                }
                at += 1 + usize::from(length);
            }
            192.. => {
                let target = usize::from(u16::from_be_bytes([length & 0x3f, *packet.get(at + 1)?]));
                if target >= before {
                    return None;
                }
                end = end.or(Some(at + 2));
                (at, before) = (target, target);
            }
            _ => return None,
        }
    }
}

/// Names below these are in no DNS, and no server is to be asked for them (RFC 6761, RFC 6762).
const NOWHERE: [&str; 4] = ["invalid", "local", "localhost", "test"];
const PORT: u16 = 53;
const CLASS_IN: u8 = 1;
const HEAD_BYTES: usize = 12;
const FLAG_ANSWER: u8 = 0x80;
const FLAG_CUT: u8 = 0x02;
const CODE_MASK: u8 = 0x0f;
/// Of a label and of a name as they go over the wire (RFC 1035 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 255;
/// A name as text: what is no UTF-8 takes three bytes for one.
const NAME_TEXT_BYTES_MAX: usize = 3 * NAME_BYTES_MAX;
/// What glibc asks, too.
const SERVERS_MAX: usize = 3;
/// Some lines with addresses.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Without EDNS an answer over UDP has 512; a server that sends more is heard all the same.
const UDP_BYTES_MAX: usize = 4096;
/// Records of one answer: an honest one has some.
const RECORDS_MAX: u16 = 100;
/// Packets that are no answer to our question: late ones to an earlier one, or forged.
const FOREIGN_MAX: usize = 20;
/// How long each server may take, round by round.
const WAITS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    /// An answer to `question`: (kind, data) of each record, whose names point to the question's.
    fn answer(question: &[u8], flags: [u8; 2], records: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut packet = question.to_vec();
        packet[2..4].copy_from_slice(&[0x81 | flags[0], 0x80 | flags[1]]);
        packet[7] = records.len() as u8;
        for (kind, data) in records {
            packet.extend_from_slice(&[0xc0, 12, 0, *kind, 0, 1, 0, 0, 0, 60]);
            packet.extend_from_slice(&(data.len() as u16).to_be_bytes());
            packet.extend_from_slice(data);
        }
        packet
    }

    fn about(kind: Kind) -> Vec<u8> {
        question([7, 9], "Example.net.", kind).unwrap()
    }

    fn text(parts: &[&str]) -> (u8, Vec<u8>) {
        let part = |part: &&str| [&[part.len() as u8], part.as_bytes()].concat();
        (16, parts.iter().flat_map(part).collect())
    }

    #[test]
    fn questions_are_those_of_the_standard() {
        let wanted =
            b"\x07\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07Example\x03net\x00\x00\x10\x00\x01";
        assert_eq!(about(Kind::Txt), wanted);
        for bad in ["", ".", "a..b", "a b.net", &"a".repeat(64), &"abcdefg.".repeat(40)] {
            assert_eq!(question([0, 0], bad, Kind::A), None, "{bad}");
        }
    }

    #[test]
    fn each_kind_of_record_is_read() {
        let read = |kind, records: &[(u8, Vec<u8>)]| {
            let question = about(kind);
            read(&answer(&question, [0, 0], records), &question)
        };
        let records = |records: &[Record]| Some(Answer::Records(records.to_vec()));
        let alias = (5, vec![1, b'x', 0xc0, 12]);
        assert_eq!(
            read(Kind::Txt, &[alias.clone(), text(&["v=spf1 ", "-all"]), text(&["other"])]),
            records(&[Record::Text("v=spf1 -all".to_owned()), Record::Text("other".to_owned())])
        );
        let v4 = "192.0.2.1".parse().unwrap();
        assert_eq!(read(Kind::A, &[alias, (1, vec![192, 0, 2, 1])]), records(&[Record::Address(v4)]));
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(read(Kind::Aaaa, &[(28, v6.octets().to_vec())]), records(&[Record::Address(v6.into())]));
        let exchange = (15, vec![0, 10, 2, b'm', b'x', 0xc0, 12]);
        assert_eq!(read(Kind::Mx, &[exchange]), records(&[Record::Exchange("mx.Example.net".to_owned())]));
        // A record of the wrong length is left out; a text that ends early, too.
        assert_eq!(read(Kind::A, &[(1, vec![1, 2, 3])]), records(&[]));
        assert_eq!(read(Kind::Txt, &[(16, vec![9, b'x'])]), records(&[]));
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_none() {
        let question = about(Kind::Txt);
        let good = answer(&question, [0, 0], &[text(&["x"])]);
        let with = |change: fn(&mut Vec<u8>)| {
            let mut packet = good.clone();
            change(&mut packet);
            read(&packet, &question)
        };
        assert!(with(|_| ()).is_some());
        assert_eq!(with(|packet| packet[0] ^= 1), None, "another number");
        assert_eq!(with(|packet| packet[2] &= 0x7f), None, "a question");
        assert_eq!(with(|packet| packet[13] = b'f'), None, "about another name");
        assert_eq!(with(|packet| packet[3] |= 3), Some(Answer::Records(vec![])), "no such name");
        assert_eq!(with(|packet| packet[3] |= 2), Some(Answer::Code(2)));
        assert_eq!(with(|packet| packet[2] |= 2), Some(Answer::Cut));
        // A name that points at itself.
        assert_eq!(with(|packet| packet[30] = packet.len() as u8), None);
        let length = good.len();
        for end in 0..length {
            assert_eq!(read(&good[..end], &question), None, "cut at {end}");
        }
    }

    #[test]
    fn a_long_answer_is_asked_for_over_tcp_and_another_server_stands_in() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(address).unwrap();
        let server = thread::spawn(move || {
            let mut packet = [0; 512];
            let (length, from) = udp.recv_from(&mut packet).unwrap();
            udp.send_to(b"not an answer", from).unwrap();
            udp.send_to(&answer(&packet[..length], [2, 0], &[]), from).unwrap();
            let (mut stream, _) = tcp.accept().unwrap();
            let mut asked = vec![0; length + 2];
            stream.read_exact(&mut asked).unwrap();
            let long = answer(&asked[2..], [0, 0], &[text(&["x".repeat(255).as_str(); 9])]);
            stream.write_all(&[&(long.len() as u16).to_be_bytes(), long.as_slice()].concat()).unwrap();
        });
        // Nobody is at the first: the machine says so at once.
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let records = ask(&[nobody, address], "example.net", Kind::Txt).unwrap();
        assert_eq!(records, [Record::Text("x".repeat(9 * 255))]);
        server.join().unwrap();
        assert!(matches!(ask(&[], "example.net", Kind::Txt), Err(Error::NoServer)));
        assert!(matches!(ask(&[nobody], "example.net", Kind::Txt), Err(Error::Silent { .. })));
        assert_eq!(ask(&[nobody], "a.Test.", Kind::Txt).unwrap(), []);
        assert!(matches!(ask(&[nobody], "a..b", Kind::Txt), Err(Error::BadName { .. })));
    }

    #[test]
    fn servers_are_those_of_the_file() {
        let text = "# nameserver 192.0.2.9\nsearch example.net\nnameserver 192.0.2.53\nnameserver fe80::1%3\n\
                    nameserver nonsense\nnameserver 2001:db8::53\nnameserver 192.0.2.54\n";
        let servers: Vec<String> = named(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.53:53", "[fe80::1%3]:53", "[2001:db8::53]:53"]);
    }

    proptest! {
        #[test]
        fn any_packet_is_read(body: Vec<u8>) {
            let question = about(Kind::Txt);
            let _ = read(&body, &question);
            let _ = read(&[&answer(&question, [0, 0], &[])[..], &body].concat(), &question);
        }

        /// A good packet with one byte changed, cut anywhere.
        #[test]
        fn broken_packets_are_read(at in 0_usize..120, byte: u8, end in 0_usize..200) {
            let question = about(Kind::Mx);
            let exchange = (15, vec![0, 10, 2, b'm', b'x', 0xc0, 12]);
            let mut packet = answer(&question, [0, 0], &[exchange.clone(), exchange]);
            if let Some(place) = packet.get_mut(at) {
                *place = byte;
            }
            packet.truncate(end);
            let _ = read(&packet, &question);
        }
    }
}
