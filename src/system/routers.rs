//! Hears from routers whom to ask for names (`rdnss` reads it), and has the supervisor write it down. The kernel passes
//! it on to whoever listens, once, so routers are asked to speak where they may have spoken before.
//!
//! There is no DHCPv6: a router that gives addresses names servers, too (RFC 8106).

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, ipproto, recvfrom, sendto, socket,
    socket_with, sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep};

use super::asking;
use super::naming::interfaces;
use super::rdnss::{self, NameServer, Table};
use super::request::Request;

/// Until `stop`, with the supervisor behind `supervisor`.
pub async fn follow(supervisor: PathBuf, mut stop: watch::Receiver<bool>) {
    let listener = match Listener::open() {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("not heard whom routers name for names: {error}"),
    };
    let began = Instant::now();
    let (mut table, mut told) = (Table::default(), None::<Vec<NameServer>>);
    let (mut before, mut solicitations, mut refused) = (Vec::new(), 0, false);
    let mut turn = interval(SOLICIT_EVERY);
    loop {
        tokio::select! {
            datagram = listener.hear() => for advice in rdnss::read(&datagram) {
                solicitations = 0;
                table.take(&advice, began.elapsed().as_secs());
            },
            _ = turn.tick() => {
                let links = links();
                if links != before {
                    let gone = before.iter().filter(|link| !links.contains(link));
                    gone.for_each(|(interface, _)| table.forget(*interface));
                    (before, solicitations) = (links, SOLICITATIONS);
                }
                if solicitations > 0 {
                    solicitations -= 1;
                    if let Err(error) = ask(&supervisor, Request::Solicit).await {
                        tracing::warn!("routers are not asked whom to ask for names: {error}");
                    }
                }
            }
            () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
        }
        let servers = table.servers(began.elapsed().as_secs());
        // What an earlier process has told holds until routers had time to say it again.
        let is_known = told.is_some() || !servers.is_empty() || began.elapsed() > ANSWER_TIME;
        if is_known && told.as_ref() != Some(&servers) {
            match ask(&supervisor, Request::NameServers(servers.clone())).await {
                Ok(()) => {
                    tracing::info!("routers name for names: [{}]", line(&servers));
                    (told, refused) = (Some(servers), false);
                }
                // It is tried again at the next turn.
                Err(error) if !refused => {
                    tracing::warn!("whom routers name for names is not taken: {error}");
                    refused = true;
                }
                Err(_) => {}
            }
        }
    }
}

/// For the file in which the supervisor writes them down.
pub fn line(servers: &[NameServer]) -> String {
    servers.iter().map(NameServer::to_string).collect::<Vec<_>>().join(" ")
}

/// Asks the routers of each link to speak now (RFC 4861, 4.1), which needs root's rights. What they say is not read
/// here. To be called in a runtime of tokio.
pub fn solicit() -> io::Result<()> {
    // A link that is down keeps no other from being asked.
    links().into_iter().map(|(interface, _)| solicit_on(interface)).fold(Ok(()), Result::and)
}

fn solicit_on(interface: u32) -> io::Result<()> {
    let socket = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6))?;
    sockopt::set_ipv6_multicast_hops(&socket, HOPS.into())?;
    // The kernel fills in the checksum.
    let all = SocketAddrV6::new(ALL_ROUTERS, 0, 0, interface);
    sendto(&socket, &[ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0], SendFlags::DONTWAIT, &all)?;
    Ok(())
}

async fn ask(supervisor: &Path, request: Request) -> Result<(), asking::Error> {
    let socket = supervisor.to_owned();
    let done = tokio::task::spawn_blocking(move || asking::ask(&socket, &request)).await;
    done.unwrap_or_else(|gone| Err(asking::Error::Unreachable(gone.into())))
}

/// The interfaces that can speak to a router, and how often their cables were put in or pulled: behind each of them may
/// then lie another network.
fn links() -> Vec<(u32, String)> {
    let with_link = interfaces().into_iter().filter(|interface| {
        interface
            .addresses
            .iter()
            .any(|address| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
    });
    with_link
        .map(|interface| {
            let path = format!("/sys/class/net/{}/carrier_changes", interface.name);
            (interface.index, fs::read_to_string(path).unwrap_or_default())
        })
        .collect()
}

/// What the kernel passes on of advertisements.
struct Listener(UdpSocket);

impl Listener {
    fn open() -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, OPTIONS_GROUP))?;
        // To tokio a socket is a socket; of what is UDP's nothing is used.
        Ok(Self(UdpSocket::from_std(socket.into())?))
    }

    /// The next datagram. One that came while too many waited is lost; routers say it again.
    async fn hear(&self) -> Vec<u8> {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let mut receive = || {
            let (length, _, from) = recvfrom(&self.0, &mut datagram, RecvFlags::empty())?;
            // Programs can send to such a socket, too.
            let from = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
            let is_of_kernel = from.is_some_and(|from| from.pid() == 0);
            Ok(if is_of_kernel { datagram[..length].to_vec() } else { Vec::new() })
        };
        loop {
            match self.0.async_io(Interest::READABLE, &mut receive).await {
                Ok(datagram) if datagram.is_empty() => {}
                Ok(datagram) => return datagram,
                Err(_) => sleep(BROKEN_REST).await,
            }
        }
    }
}

/// `RTNLGRP_ND_USEROPT` is the twentieth (Linux, `rtnetlink.h`).
const OPTIONS_GROUP: u32 = 1 << 19;
/// An option is of 2040 bytes at most, and comes alone.
const DATAGRAM_BYTES_MAX: usize = 4096;
const ROUTER_SOLICITATION: u8 = 133;
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// A router would make it less, and so routers see that it comes from the link.
const HOPS: u8 = 255;
/// How often routers are asked, and when (RFC 4861, 10). The box looks as often whether its links have changed.
const SOLICITATIONS: u32 = 3;
const SOLICIT_EVERY: Duration = Duration::from_secs(4);
const ANSWER_TIME: Duration = Duration::from_secs(20);
const BROKEN_REST: Duration = Duration::from_secs(1);
