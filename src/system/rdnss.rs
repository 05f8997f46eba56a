//! Name servers that routers name in their advertisements (RDNSS, RFC 8106): how the kernel passes them on, and how long
//! each of them holds.
//!
//! What the same advertisements say of search domains (DNSSL) is passed over: the names in the settings are written in
//! full, and in another network a short one would be another host.
//!
//! Pure: bytes and seconds in, servers out. The kernel has checked that a packet came from the link before it passes on
//! what is in it.

use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::config::NAME_SERVERS_MAX;
use crate::net::is_host;

/// A server that is asked for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    pub address: Ipv6Addr,
    /// Number of the interface on whose link the address holds; 0 where it holds everywhere.
    pub zone: u32,
}

/// As `resolv.conf` takes it.
impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone {
            0 => write!(f, "{}", self.address),
            zone => write!(f, "{}%{zone}", self.address),
        }
    }
}

impl NameServer {
    /// Whether one machine can have the address, and the zone is there where it must be and nowhere else.
    pub fn is_possible(self) -> bool {
        is_host(self.address.into()) && self.address.is_unicast_link_local() == (self.zone != 0)
    }
}

/// What one router has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Number of the interface on which it was heard.
    pub interface: u32,
    /// So long it holds; 0: no longer, [`u32::MAX`]: for ever.
    pub seconds: u32,
    pub servers: Vec<NameServer>,
}

/// What is said of name servers in a datagram of the kernel: messages with options of advertisements (Linux,
/// `netlink.h` and `rtnetlink.h`). What is not understood says nothing.
pub fn read(mut datagram: &[u8]) -> Vec<Advice> {
    let mut advices = Vec::new();
    while let Some((kind, body)) = message(&mut datagram) {
        if kind == NEW_OPTION {
            advices.extend(options(body).unwrap_or_default());
        }
    }
    advices
}

/// The servers that hold, and until when: in seconds of a clock that nobody sets.
#[derive(Debug, Default)]
pub struct Table(Vec<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    server: NameServer,
    interface: u32,
    until: u64,
}

impl Table {
    pub fn take(&mut self, advice: &Advice, now: u64) {
        let until = match advice.seconds {
            u32::MAX => u64::MAX,
            seconds => now + u64::from(seconds),
        };
        if advice.seconds == 0 {
            return self.0.retain(|entry| !advice.servers.contains(&entry.server));
        }
        // Whom a router names after these is never asked.
        for &server in advice.servers.iter().take(NAME_SERVERS_MAX) {
            let entry = Entry { server, interface: advice.interface, until };
            match self.0.iter_mut().find(|known| known.server == server) {
                Some(known) => *known = entry,
                None => {
                    self.0.retain(|known| known.until > now);
                    if self.0.len() == HEARD_MAX
                        && let Some((first, _)) =
                            self.0.iter().enumerate().min_by_key(|(_, known)| known.until)
                    {
                        self.0.remove(first);
                    }
                    self.0.push(entry);
                }
            }
        }
    }

    /// Another network may lie behind this interface now.
    pub fn forget(&mut self, interface: u32) {
        self.0.retain(|entry| entry.interface != interface);
    }

    /// Those that are to be asked, in the order in which they came up.
    pub fn servers(&self, now: u64) -> Vec<NameServer> {
        let holding = self.0.iter().filter(|entry| entry.until > now);
        holding.map(|entry| entry.server).take(NAME_SERVERS_MAX).collect()
    }
}

/// Kind and body of the next message.
fn message<'a>(bytes: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER_BYTES..length)?;
    *bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body))
}

/// The body of such a message begins with family, length of the options, interface, type and code of the packet.
fn options(body: &[u8]) -> Option<Vec<Advice>> {
    let interface = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let is_advertisement = body[0] == INET6 && body.get(8..10)? == [ROUTER_ADVERTISEMENT, 0];
    let length = usize::from(u16::from_ne_bytes([body[2], body[3]]));
    let mut rest = body.get(HEADER_BYTES..HEADER_BYTES + length).filter(|_| is_advertisement)?;
    let mut advices = Vec::new();
    // An option begins with type and length, in units of eight bytes.
    while let [kind, units, ..] = *rest {
        let Some((option, others)) = rest.split_at_checked(usize::from(units) * 8).filter(|_| units > 0)
        else {
            break;
        };
        rest = others;
        if kind == RDNSS {
            advices.extend(rdnss(option, interface));
        }
    }
    Some(advices)
}

/// After type, length and two empty bytes: seconds, then addresses (RFC 8106, 5.1).
fn rdnss(option: &[u8], interface: u32) -> Option<Advice> {
    let seconds = u32::from_be_bytes(*option.get(4..)?.first_chunk()?);
    let (addresses, rest) = option.get(8..)?.as_chunks::<16>();
    let server = |bytes: &[u8; 16]| {
        let address = Ipv6Addr::from(*bytes);
        NameServer { address, zone: if address.is_unicast_link_local() { interface } else { 0 } }
    };
    let servers: Vec<_> = addresses.iter().map(server).filter(|server| server.is_possible()).collect();
    (rest.is_empty() && !servers.is_empty()).then_some(Advice { interface, seconds, servers })
}

/// Of a message, and of what the body of one with options begins with.
const HEADER_BYTES: usize = 16;
/// `RTM_NEWNDUSEROPT`.
const NEW_OPTION: u16 = 68;
const INET6: u8 = 10;
const ROUTER_ADVERTISEMENT: u8 = 134;
const RDNSS: u8 = 25;

/// More than are asked, so that some are left when a router takes its own back; few enough to look through.
const HEARD_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server of documentation.
    fn server(number: u16) -> NameServer {
        NameServer { address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number), zone: 0 }
    }

    fn option(seconds: u32, addresses: &[&str]) -> Vec<u8> {
        let mut option = vec![25, 1 + 2 * u8::try_from(addresses.len()).unwrap(), 0, 0];
        option.extend(seconds.to_be_bytes());
        option.extend(addresses.iter().flat_map(|text| text.parse::<Ipv6Addr>().unwrap().octets()));
        option
    }

    /// What the kernel sends for these options of a packet from fe80::1 on interface 2.
    fn datagram(options: &[u8]) -> Vec<u8> {
        let mut body = vec![10, 0];
        body.extend(u16::try_from(options.len()).unwrap().to_ne_bytes());
        body.extend(2_u32.to_ne_bytes());
        body.extend([134, 0, 0, 0, 0, 0, 0, 0]);
        body.extend(options);
        // The router's address, which nobody asks for.
        body.extend([20, 0, 1, 0]);
        body.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        let mut message = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        message.extend(68_u16.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(body);
        message
    }

    fn advice(seconds: u32, servers: &[NameServer]) -> Advice {
        Advice { interface: 2, seconds, servers: servers.to_vec() }
    }

    #[test]
    fn servers_are_read_with_the_link_on_which_they_hold() {
        let bytes = datagram(&option(1800, &["2001:db8::1", "fe80::53"]));
        let near = NameServer { address: "fe80::53".parse().unwrap(), zone: 2 };
        assert_eq!(read(&bytes), [advice(1800, &[server(1), near])]);
        assert_eq!([server(1), near].map(|server| server.to_string()), ["2001:db8::1", "fe80::53%2"]);
        // Two messages, and another option before ours.
        let prefix = [&[3, 4][..], &[0; 30], &option(0, &["2001:db8::2"])].concat();
        let both = [bytes, datagram(&prefix)].concat();
        assert_eq!(read(&both), [advice(1800, &[server(1), near]), advice(0, &[server(2)])]);
    }

    #[test]
    fn what_is_not_well_formed_names_nobody() {
        let good = datagram(&option(1800, &["2001:db8::1"]));
        let changed = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            bytes
        };
        for (why, bytes) in [
            ("another message", changed(4, 24)),
            ("another family", changed(16, 2)),
            ("another packet", changed(24, 136)),
            ("another option", changed(32, 31)),
            ("a length of nothing", changed(33, 0)),
            ("no address", changed(33, 1)),
            ("half an address", changed(33, 2)),
            ("more than there is", changed(33, 5)),
            ("no options", changed(18, 0)),
            ("options beyond the end", changed(18, 200)),
            ("a message shorter than its head", changed(0, 15)),
            ("a message longer than all", changed(1, 1)),
        ] {
            assert_eq!(read(&bytes), [], "{why}");
        }
        let nobody = ["::", "::1", "ff02::1", "::ffff:192.0.2.1"];
        assert_eq!(read(&datagram(&option(1800, &nobody))), []);
        let one = [&nobody[..], &["2001:db8::1"]].concat();
        assert_eq!(read(&datagram(&option(1800, &one))), [advice(1800, &[server(1)])]);
        for end in 0..good.len() {
            assert_eq!(read(&good[..end]), [], "cut off after {end}");
        }
    }

    #[test]
    fn a_server_holds_as_long_as_was_said() {
        let mut table = Table::default();
        table.take(&advice(60, &[server(1)]), 100);
        table.take(&advice(u32::MAX, &[server(2)]), 100);
        assert_eq!(table.servers(159), [server(1), server(2)]);
        assert_eq!(table.servers(160), [server(2)]);
        // Said again, it stays where it was.
        table.take(&advice(60, &[server(1)]), 130);
        assert_eq!(table.servers(189), [server(1), server(2)]);
        table.take(&advice(0, &[server(2)]), 140);
        assert_eq!(table.servers(140), [server(1)]);
        table.take(&Advice { interface: 3, ..advice(60, &[server(3)]) }, 140);
        table.forget(2);
        assert_eq!(table.servers(140), [server(3)]);
    }

    #[test]
    fn there_is_room_for_few_and_the_one_that_ends_first_goes() {
        let mut table = Table::default();
        let servers: Vec<_> = (1..200).map(server).collect();
        table.take(&advice(60, &servers), 0);
        assert_eq!(table.servers(0), servers[..3]);
        for number in 4..=8 {
            table.take(&advice(60 + u32::from(number), &[server(number)]), 0);
        }
        table.take(&advice(30, &[server(2)]), 0);
        table.take(&advice(60, &[server(100)]), 0);
        assert_eq!(table.0.len(), HEARD_MAX);
        assert_eq!(table.servers(0), [1, 3, 4].map(server), "the second would have ended first");
        assert_eq!(table.servers(60), [4, 5, 6].map(server));
        assert_eq!(table.servers(u64::from(u32::MAX)), []);
    }

    proptest! {
        #[test]
        fn any_bytes_name_servers_or_none(bytes: Vec<u8>, options: Vec<u8>, at in 0_usize..80, to: u8) {
            read(&bytes);
            let mut datagram = datagram(&options);
            if let Some(byte) = datagram.get_mut(at) {
                *byte = to;
            }
            let mut table = Table::default();
            for advice in read(&datagram) {
                prop_assert!(advice.servers.iter().all(|server| server.is_possible()));
                table.take(&advice, 7);
            }
            prop_assert!(table.0.len() <= HEARD_MAX);
        }
    }
}
