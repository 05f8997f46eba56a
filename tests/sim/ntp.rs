//! Simulated time servers, which tell the truth, lie, or misbehave in the ways of NTP (RFC 5905).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use super::net::Background;

/// What a time server does.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Tells the time, so many milliseconds from the true one.
    Tells(i64),
    Silent,
    /// Says of itself that it does not know the time.
    Unsynchronised,
    /// Answers with a code in the place of a time.
    Kiss([u8; 4]),
    /// Tells the time after so long.
    Slow(Duration),
    /// Answers something that is too short.
    Short,
    /// Somebody else answers first, who has not seen the question, with a time so many milliseconds off.
    Forged(i64),
}

/// Time servers at addresses of their own, on one port.
#[derive(Debug)]
pub(crate) struct TimeServers {
    port: u16,
    shared: Vec<Arc<Mutex<Shared>>>,
    _threads: Vec<Background>,
}

#[derive(Debug)]
struct Shared {
    manner: Manner,
    asked: usize,
}

impl TimeServers {
    /// Servers 0, 1 and so on, where it is `now` in milliseconds since 1970-01-01T00:00:00Z at the start.
    pub(crate) fn start(now: i64, manners: &[Manner]) -> io::Result<Self> {
        // Other tests do the same: a port that is free at the first address may be taken at another.
        let sockets = (0..20).find_map(|_| bind(manners.len()).ok());
        Self::with(now, sockets.ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))?, manners)
    }

    /// One server at an address of this machine, for others.
    #[allow(dead_code, reason = "only the image is another machine")]
    pub(crate) fn start_at(address: SocketAddr, now: i64, manner: Manner) -> io::Result<Self> {
        let socket = StdUdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Self::with(now, vec![socket], &[manner])
    }

    fn with(now: i64, sockets: Vec<StdUdpSocket>, manners: &[Manner]) -> io::Result<Self> {
        let began = Instant::now();
        let port = sockets[0].local_addr()?.port();
        let (mut shared, mut threads) = (Vec::new(), Vec::new());
        for (socket, manner) in sockets.into_iter().zip(manners) {
            let own = Arc::new(Mutex::new(Shared { manner: manner.clone(), asked: 0 }));
            shared.push(own.clone());
            let truth = move || now + i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            threads.push(Background::run("ntp", move || async move {
                let socket = UdpSocket::from_std(socket).expect("inside a runtime");
                let mut question = [0; 512];
                while let Ok((length, client)) = socket.recv_from(&mut question).await {
                    let manner = {
                        let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
                        own.asked += 1;
                        own.manner.clone()
                    };
                    if length >= 48 {
                        // A client that has gone is no fault of the server.
                        let _ = answer(&socket, client, &question[..48], manner, truth()).await;
                    }
                }
            })?);
        }
        Ok(Self { port, shared, _threads: threads })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn name(index: usize) -> String {
        address(index).to_string()
    }

    pub(crate) fn set(&self, index: usize, manner: Manner) {
        self.shared[index].lock().unwrap_or_else(PoisonError::into_inner).manner = manner;
    }

    /// How often a server was asked.
    pub(crate) fn asked(&self, index: usize) -> usize {
        self.shared[index].lock().unwrap_or_else(PoisonError::into_inner).asked
    }
}

fn address(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 123, u8::try_from(index + 1).unwrap_or(u8::MAX)))
}

fn bind(count: usize) -> io::Result<Vec<StdUdpSocket>> {
    let mut port = 0;
    let mut sockets = Vec::new();
    for index in 0..count {
        let socket = StdUdpSocket::bind((address(index), port))?;
        socket.set_nonblocking(true)?;
        port = socket.local_addr()?.port();
        sockets.push(socket);
    }
    Ok(sockets)
}

async fn answer(
    socket: &UdpSocket,
    client: SocketAddr,
    question: &[u8],
    manner: Manner,
    truth: i64,
) -> io::Result<usize> {
    let mut packet = told(question, truth);
    match manner {
        Manner::Tells(off) => packet = told(question, truth + off),
        Manner::Silent => return Ok(0),
        Manner::Unsynchronised => packet[0] |= 3 << 6,
        Manner::Kiss(code) => {
            packet[1] = 0;
            packet[12..16].copy_from_slice(&code);
        }
        Manner::Slow(delay) => tokio::time::sleep(delay).await,
        Manner::Short => return socket.send_to(&packet[..47], client).await,
        Manner::Forged(off) => {
            let mut forged = told(question, truth + off);
            forged[24] ^= 1;
            socket.send_to(&forged, client).await?;
        }
    }
    socket.send_to(&packet, client).await
}

/// The answer of a server at which it is `now`.
fn told(question: &[u8], now: i64) -> [u8; 48] {
    let mut packet = [0; 48];
    packet[0] = 4 << 3 | 4;
    packet[1] = 2;
    packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
    let since_1900 = now + 2_208_988_800_000;
    let seconds = since_1900.div_euclid(1000) as u32;
    let fraction = ((since_1900.rem_euclid(1000) as u64) << 32) / 1000;
    let mut time = [0; 8];
    time[..4].copy_from_slice(&seconds.to_be_bytes());
    time[4..].copy_from_slice(&(fraction as u32).to_be_bytes());
    packet[24..32].copy_from_slice(&question[40..48]);
    packet[32..40].copy_from_slice(&time);
    packet[40..48].copy_from_slice(&time);
    packet
}
