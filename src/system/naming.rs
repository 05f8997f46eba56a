//! Makes the box known in the local network under its name: takes the name, defends it, gives way to an older namesake,
//! and answers who asks for it. Each interface hears and says its own addresses only.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use rustix::net::{AddressFamily, SocketType, ipproto, netdevice, sockopt};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::mdns::{self, Heard, Identity, News};
use super::random;
use crate::files;
use crate::net::{is_near, on_link, own_networks};

/// What the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One label, without `.local`.
    pub name: String,
    /// Where the page answers other machines, if it does.
    pub port: Option<u16>,
}

/// A network card, or what is like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub index: u32,
    pub addresses: Vec<IpAddr>,
}

/// Until `stop`. `wanted` and `interfaces` are asked again and again.
pub async fn keep_known(
    wanted: impl Fn() -> Wanted,
    interfaces: impl Fn() -> Vec<Interface>,
    port: u16,
    mut stop: watch::Receiver<bool>,
) {
    let (mut number, mut before) = (1, None);
    loop {
        let (settings, there) = (wanted(), interfaces());
        if before.as_ref() != Some(&settings.name) {
            (number, before) = (1, Some(settings.name.clone()));
        }
        let name = mdns::numbered(&settings.name, number);
        let all_addresses: Vec<_> = there.iter().flat_map(|interface| interface.addresses.clone()).collect();
        let (leave, left) = watch::channel(false);
        let mut serving = JoinSet::new();
        for interface in &there {
            let me = Identity {
                name: name.clone(),
                addresses: interface.addresses.clone(),
                all_addresses: all_addresses.clone(),
                port: settings.port,
            };
            serving.spawn(serve(interface.clone(), me, port, left.clone()));
        }
        let is_over = tokio::select! {
            () = conflict(&mut serving) => {
                tracing::warn!("another machine is called {name}.local; trying the next name");
                number = number % NUMBER_MAX + 1;
                false
            }
            () = async {
                while settings == wanted() && there == interfaces() {
                    sleep(LOOK_EVERY).await;
                }
            } => false,
            () = said(&mut stop) => true,
        };
        leave.send_replace(true);
        let all_left = async { while serving.join_next().await.is_some() {} };
        // Who does not come to an end is broken off.
        let _ = timeout(LEAVE_TIME_MAX, all_left).await;
        if is_over {
            return;
        }
    }
}

/// The network cards with an address, which those that are down have not.
pub fn interfaces() -> Vec<Interface> {
    let [cards, routes, v6] = ["/proc/net/dev", "/proc/net/route", "/proc/net/if_inet6"].map(|path| {
        let text = files::read_max(Path::new(path), SYSTEM_FILE_BYTES_MAX).unwrap_or_default();
        String::from_utf8(text).unwrap_or_default()
    });
    let mut interfaces: Vec<_> = names(&cards).filter_map(|name| interface(name, &routes, &v6)).collect();
    interfaces.sort_by_key(|interface| interface.index);
    interfaces.truncate(INTERFACES_MAX);
    interfaces
}

fn interface(name: &str, routes: &str, v6: &str) -> Option<Interface> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    let index = netdevice::name_to_index(&socket, name).ok()?;
    let own = networks_v4(routes, name);
    let v4 = address_v4(socket, name).filter(|v4| own.iter().any(|net| net.contains(v4)));
    let mut addresses: Vec<_> = v4.into_iter().chain(addresses_v6(v6, name)).collect();
    addresses.retain(|address| !address.is_loopback());
    addresses.truncate(ADDRESSES_MAX);
    (!addresses.is_empty()).then(|| Interface { name: name.to_owned(), index, addresses })
}

/// Of a text of /proc/net/dev (Linux, `net-procfs.c`): two lines of headings, then a line for each card.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim()))
}

/// The address with which this machine would speak on an interface: its own, or that of another if it has none. Nothing
/// is sent.
fn address_v4(socket: std::net::UdpSocket, interface: &str) -> Option<IpAddr> {
    socket.set_nonblocking(true).ok()?;
    let socket = UdpSocket::from_std(socket).ok()?;
    socket.bind_device(Some(interface.as_bytes())).ok()?;
    rustix::net::connect(&socket, &SocketAddr::from((GROUP_V4, mdns::PORT))).ok()?;
    socket.local_addr().ok().map(|own| own.ip())
}

/// The networks behind an interface, of a text of /proc/net/route.
fn networks_v4(routes: &str, interface: &str) -> Vec<IpNet> {
    let of = |line: &&str| line.split_whitespace().next() == Some(interface);
    routes.lines().filter(of).flat_map(|line| on_link(line, "")).collect()
}

/// Of a text of /proc/net/if_inet6 (Linux, `addrconf.c`): address, index, length, scope, flags, name.
fn addresses_v6(text: &str, interface: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let flags = u32::from_str_radix(words.get(4)?, 16).ok()?;
        let address = u128::from_str_radix(words.first()?, 16).ok().map(Ipv6Addr::from)?;
        (words.get(5) == Some(&interface) && flags & NOT_IN_USE == 0).then_some(IpAddr::V6(address))
    };
    text.lines().filter_map(address).collect()
}

async fn said(word: &mut watch::Receiver<bool>) {
    drop(word.wait_for(|word| *word).await);
}

/// Comes to an end when one of them has met a namesake.
async fn conflict(serving: &mut JoinSet<Ended>) {
    while let Some(ended) = serving.join_next().await {
        if matches!(ended, Ok(Ended::Conflict)) {
            // Two that always want the same shall not fill the network.
            return sleep(CONFLICT_REST).await;
        }
    }
    std::future::pending().await
}

enum Ended {
    Conflict,
    Left,
}

/// How far it is with the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// So many questions have been sent whether somebody has it.
    Asking(u32),
    /// So many times it has been told.
    Telling(u32),
    Known,
}

/// One interface, until there is a conflict or `leave`.
async fn serve(interface: Interface, me: Identity, port: u16, mut leave: watch::Receiver<bool>) -> Ended {
    let sockets = match Sockets::open(&interface, port) {
        Ok(sockets) => sockets,
        Err(error) => {
            tracing::warn!(interface = interface.name, "the name of the box is not known there: {error}");
            said(&mut leave).await;
            return Ended::Left;
        }
    };
    let mut phase = Phase::Asking(0);
    // Not all in the same moment, after a power cut of the whole house.
    let mut next = Some(Instant::now() + random(ASK_EVERY));
    let mut last_reply = None::<Instant>;
    loop {
        let turn = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        let (from, packet) = tokio::select! {
            () = turn => {
                (phase, next) = match phase {
                    Phase::Asking(ASKED) => {
                        sockets.tell_all(&me.announcement(News::Here)).await;
                        (Phase::Telling(1), Some(Instant::now() + TELL_EVERY))
                    }
                    Phase::Asking(asked) => {
                        sockets.tell_all(&me.probe()).await;
                        (Phase::Asking(asked + 1), Some(Instant::now() + ASK_EVERY))
                    }
                    Phase::Telling(_) | Phase::Known => {
                        sockets.tell_all(&me.announcement(News::Here)).await;
                        tracing::info!(interface = interface.name, "the box is known as {}.local", me.name);
                        (Phase::Known, None)
                    }
                };
                continue;
            }
            heard = sockets.hear() => heard,
            () = said(&mut leave) => {
                if !matches!(phase, Phase::Asking(_)) {
                    sockets.tell_all(&me.announcement(News::Leaving)).await;
                }
                return Ended::Left;
            }
        };
        let has_name = !matches!(phase, Phase::Asking(_));
        let from_port = if from.port() == port { mdns::PORT } else { from.port() };
        match me.hear(&packet, from_port, has_name) {
            Heard::Conflict if !has_name => return Ended::Conflict,
            // Both have it: who asks first finds out that the other has it, and goes.
            Heard::Conflict => (phase, next) = (Phase::Asking(0), Some(Instant::now() + random(TELL_EVERY))),
            // The other one goes first; if it stays, we shall hear so.
            Heard::Contest => (phase, next) = (Phase::Asking(0), Some(Instant::now() + CONTEST_REST)),
            Heard::Question(reply) => {
                if last_reply.is_some_and(|last| last.elapsed() < REPLY_EVERY) && !reply.to_one {
                    continue;
                }
                if reply.is_shared {
                    sleep(SHARED_WAIT + random(SHARED_WAIT * 4)).await;
                }
                if reply.to_one {
                    sockets.tell_one(from, &reply.packet).await;
                } else {
                    last_reply = Some(Instant::now());
                    sockets.tell_all(&reply.packet).await;
                }
            }
            Heard::Nothing => {}
        }
    }
}

/// The sockets of one interface, by family.
struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    group_v4: SocketAddr,
    group_v6: SocketAddr,
}

impl Sockets {
    /// One family is enough; which one a box has, its network decides.
    fn open(interface: &Interface, port: u16) -> io::Result<Self> {
        let has = |is: fn(&IpAddr) -> bool| interface.addresses.iter().any(is);
        let group_v6 = SocketAddrV6::new(GROUP_V6, port, 0, interface.index);
        let v4 = has(IpAddr::is_ipv4).then(|| open_v4(interface, port));
        let v6 = has(IpAddr::is_ipv6).then(|| open_v6(interface, port));
        match (v4, v6) {
            (Some(Err(error)), None | Some(Err(_))) | (None, Some(Err(error))) => Err(error),
            (v4, v6) => Ok(Self {
                v4: v4.and_then(Result::ok),
                v6: v6.and_then(Result::ok),
                group_v4: (GROUP_V4, port).into(),
                group_v6: group_v6.into(),
            }),
        }
    }

    /// The next packet from nearby. What cannot be received or sent is lost, as it may be in any network.
    async fn hear(&self) -> (SocketAddr, Vec<u8>) {
        let (mut one, mut other) = ([0; PACKET_BYTES_MAX], [0; PACKET_BYTES_MAX]);
        loop {
            let heard = tokio::select! {
                heard = receive(self.v4.as_ref(), &mut one) => heard.map(|(length, from)| (from, &one[..length])),
                heard = receive(self.v6.as_ref(), &mut other) => heard.map(|(length, from)| (from, &other[..length])),
            };
            match heard {
                Ok((from, packet)) if is_of_link(from.ip()) => return (from, packet.to_vec()),
                Ok(_) => {}
                // The interface has gone down.
                Err(_) => sleep(BROKEN_REST).await,
            }
        }
    }

    async fn tell_all(&self, packet: &[u8]) {
        for (socket, group) in [(&self.v4, self.group_v4), (&self.v6, self.group_v6)] {
            if let Some(socket) = socket {
                let _ = socket.send_to(packet, group).await;
            }
        }
    }

    async fn tell_one(&self, to: SocketAddr, packet: &[u8]) {
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        if let Some(socket) = socket {
            let _ = socket.send_to(packet, to).await;
        }
    }
}

async fn receive(socket: Option<&UdpSocket>, packet: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(packet).await,
        None => std::future::pending().await,
    }
}

/// Others have no say in a name of the local network (RFC 6762, 11).
fn is_of_link(address: IpAddr) -> bool {
    is_near(address) || own_networks().iter().any(|net| net.contains(&address))
}

fn open_v4(interface: &Interface, port: u16) -> io::Result<UdpSocket> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, Some(ipproto::UDP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    sockopt::set_ip_add_membership_with_ifindex(&socket, &GROUP_V4, &Ipv4Addr::UNSPECIFIED, interface.index)?;
    sockopt::set_ip_multicast_ttl(&socket, HOPS.into())?;
    sockopt::set_ip_ttl(&socket, HOPS.into())?;
    on_interface(socket.into(), interface)
}

fn open_v6(interface: &Interface, port: u16) -> io::Result<UdpSocket> {
    let socket = rustix::net::socket(AddressFamily::INET6, SocketType::DGRAM, Some(ipproto::UDP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
    sockopt::set_ipv6_add_membership(&socket, &GROUP_V6, interface.index)?;
    sockopt::set_ipv6_multicast_hops(&socket, HOPS.into())?;
    sockopt::set_ipv6_unicast_hops(&socket, Some(HOPS))?;
    on_interface(socket.into(), interface)
}

/// Hears and says nothing elsewhere.
fn on_interface(socket: std::net::UdpSocket, interface: &Interface) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    socket.bind_device(Some(interface.name.as_bytes()))?;
    Ok(socket)
}

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// A router would make it less (RFC 6762, 11).
const HOPS: u8 = 255;
/// Flags of an address: tentative, deprecated, or taken by another (Linux, `if_addr.h`).
const NOT_IN_USE: u32 = 0x40 | 0x20 | 0x08;
/// How often the question is sent, and when (RFC 6762, 8.1).
const ASKED: u32 = 3;
const ASK_EVERY: Duration = Duration::from_millis(250);
const TELL_EVERY: Duration = Duration::from_secs(1);
const CONTEST_REST: Duration = Duration::from_secs(1);
const CONFLICT_REST: Duration = Duration::from_secs(1);
/// Between two answers to all (6).
const REPLY_EVERY: Duration = Duration::from_secs(1);
/// Of a record that others may have, too: 20 to 120 ms are the rule (6).
const SHARED_WAIT: Duration = Duration::from_millis(20);
const BROKEN_REST: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const LEAVE_TIME_MAX: Duration = Duration::from_secs(1);
/// So many namesakes are there only by ill will: it begins anew.
const NUMBER_MAX: u32 = 99;
/// A box has one or two cards.
const INTERFACES_MAX: usize = 8;
/// So that an announcement fits into one packet.
const ADDRESSES_MAX: usize = 8;
/// A packet of a network card; what is longer is cut off.
const PACKET_BYTES_MAX: usize = 1500;
/// A line for each address.
const SYSTEM_FILE_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_in_use_on_the_interface() {
        let text = "\
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
20010db8000000000000000000000002 04 40 00 40     eth0
20010db8000000000000000000000003 04 40 00 20     eth0
20010db8000000000000000000000004 04 40 00 00     eth0
20010db8000000000000000000000005 05 40 00 80     eth1
x 05 40 00 80     eth0
eth0
";
        let expected: Vec<IpAddr> = ["fe80::fc:ff:fe00:1", "2001:db8::4"].map(|a| a.parse().unwrap()).into();
        assert_eq!(addresses_v6(text, "eth0"), expected);
        assert!(addresses_v6(text, "lo").is_empty());
        let cards =
            "Inter-|   Receive        |  Transmit\n face |bytes packets|bytes\n    lo: 1 2\nenp1s0:3 4\n";
        let zero = "00000000";
        let net = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let route = |card: &str, third| {
            let (to, mask) = (net([192, 0, third, 0]), net([255, 255, 255, 0]));
            format!("{card}\t{to}\t{zero}\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n")
        };
        let routes = route("eth0", 2) + &route("eth01", 3);
        assert_eq!(networks_v4(&routes, "eth0"), ["192.0.2.0/24".parse::<IpNet>().unwrap()]);
        assert_eq!(names(cards).collect::<Vec<_>>(), ["lo", "enp1s0"]);
    }
}
