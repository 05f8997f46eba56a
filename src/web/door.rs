//! The door: the only part of the page that faces a network. It lets in few at a time, waits for nobody long, reads
//! a head of limited size, and passes on what it has understood of it, in its own words.
//!
//! It opens to clients nearby, in a network of this machine, or in one that the settings allow. Those of other
//! machines get no page that shows what the box knows: there is no log-in yet, and so HTTPS would protect nothing.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use crate::net::{is_near, own_networks};

/// The header in which the server behind finds the client's address. What a client writes there goes nowhere.
pub const PEER: &str = "X-Abusebox-Peer";
/// The header in which the server behind finds `http` or `https`.
pub const SCHEME: &str = "X-Abusebox-Scheme";

/// A listener, and whom it lets in beside clients nearby and in our own networks.
pub struct Door {
    listener: TcpListener,
    allow: Vec<IpNet>,
    limits: Limits,
}

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the whole head of a request must be there.
    pub head_time_max: Duration,
    /// Until the whole reply must be taken.
    pub reply_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // The reply may have to wait for a count of all incidents.
        Self { head_time_max: Duration::from_secs(10), reply_time_max: Duration::from_secs(120) }
    }
}

impl Door {
    /// Listens at `address` for clients nearby, in our own networks, and in `allow`.
    pub async fn bind(address: SocketAddr, allow: Vec<IpNet>, limits: Limits) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, allow, limits })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Lets clients in to the server behind `socket`, for ever; whoever drops this future closes the door, and the
    /// connections end by themselves.
    pub async fn serve(&self, socket: &Path) {
        let inside = Arc::new(Inside::default());
        let socket: Arc<Path> = PathBuf::from(socket).into();
        loop {
            let (client, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the client has gone already: it passes, and the door stays open.
                    tracing::debug!(%error, "nobody could be let in");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            };
            let peer = peer.ip().to_canonical();
            if !self.knows(peer) {
                continue;
            }
            let Some(place) = inside.enter(peer) else { continue };
            let (socket, limits) = (socket.clone(), self.limits);
            tokio::spawn(async move {
                // A client that breaks off has got what it wanted.
                let _ = attend(client, peer, &socket, limits).await;
                drop(place);
            });
        }
    }

    fn knows(&self, peer: IpAddr) -> bool {
        is_near(peer)
            || self.allow.iter().any(|net| net.contains(&peer))
            || own_networks().iter().any(|net| net.contains(&peer))
    }
}

/// Who is inside: connections by address.
#[derive(Default)]
struct Inside(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place, given back when dropped.
struct Place {
    inside: Arc<Inside>,
    peer: IpAddr,
}

impl Inside {
    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = places.values().sum();
        // On a box the supervisor asks for the page; others must not keep it out.
        let is_full = all >= CONNECTIONS_MAX && !peer.is_loopback();
        let own = places.get(&peer).copied().unwrap_or(0);
        if is_full || own >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        places.insert(peer, own + 1);
        Some(Place { inside: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = places.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                places.remove(&self.peer);
            }
        }
    }
}

/// One request and its reply. One only: with that, nothing after the head can be taken for another request.
async fn attend(mut client: TcpStream, peer: IpAddr, socket: &Path, limits: Limits) -> io::Result<()> {
    let mut bytes = Vec::new();
    let head = match timeout(limits.head_time_max, read_head(&mut client, &mut bytes)).await {
        Ok(Ok(Some(end))) => Head::read(&bytes[..end]),
        Ok(Ok(None)) => Err(Refusal::TooLarge),
        // The client has gone, as browsers do that connect ahead of need.
        Ok(Err(error)) => return Err(error),
        Err(_) => Err(Refusal::Slow),
    };
    let done = timeout(limits.reply_time_max, async {
        match head {
            Err(refusal) => client.write_all(refusal.reply().as_bytes()).await?,
            Ok(head) => match UnixStream::connect(socket).await {
                Ok(mut server) => {
                    server.write_all(head.passed_on(peer).as_bytes()).await?;
                    tokio::io::copy(&mut server, &mut client).await?;
                }
                Err(_) => client.write_all(Refusal::NoServer.reply().as_bytes()).await?,
            },
        }
        client.shutdown().await
    });
    done.await.map_err(io::Error::from)??;
    // What the client still sends is taken for a moment: closing at once would tear the reply from it.
    let mut rest = [0; 1024];
    let drained = async {
        for _ in 0..HEAD_BYTES_MAX / rest.len() {
            if client.read(&mut rest).await? == 0 {
                break;
            }
        }
        Ok(())
    };
    timeout(LINGER, drained).await.unwrap_or(Ok(()))
}

/// Reads through the blank line after the headers, and says where that ends; `None`: it does not come in time.
async fn read_head(client: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(at) = memchr::memmem::find(bytes, b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        if bytes.len() >= HEAD_BYTES_MAX {
            return Ok(None);
        }
        let mut part = [0; 2048];
        let room = part.len().min(HEAD_BYTES_MAX - bytes.len());
        match client.read(&mut part[..room]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&part[..count]),
        }
    }
}

/// What of a request is passed on.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    method: &'a str,
    target: &'a str,
    host: &'a str,
}

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Malformed,
    Slow,
    TooLarge,
    /// The page is for reading: no request needs a body.
    Body,
    NoServer,
}

impl<'a> Head<'a> {
    /// Strict, because two readers must not understand a request in two ways (RFC 9112, 2.2, 5.1, 11.2).
    fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
        let mut lines = text.strip_suffix("\r\n\r\n").ok_or(Refusal::Malformed)?.split("\r\n");
        if !bytes.iter().all(printable) {
            return Err(Refusal::Malformed);
        }
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Refusal::Malformed);
        };
        if !is_token(method) || !target.starts_with('/') || target.contains(['\t', '\r', '\n']) {
            return Err(Refusal::Malformed);
        }
        let (mut host, mut body) = (None, false);
        for line in lines {
            // A name with a blank in or before it is a folded line, or a trick.
            let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
            if !is_token(name) || value.contains(['\r', '\n']) {
                return Err(Refusal::Malformed);
            }
            let value = value.trim_matches([' ', '\t']);
            match name.to_ascii_lowercase().as_str() {
                "host" if host.replace(value).is_some() => return Err(Refusal::Malformed),
                "content-length" => body = body || value != "0",
                "transfer-encoding" => body = true,
                _ => {}
            }
        }
        let host = host.ok_or(Refusal::Malformed)?;
        // Other methods are refused behind, whatever they bring.
        if body && matches!(method, "GET" | "HEAD") {
            return Err(Refusal::Body);
        }
        Ok(Self { method, target, host })
    }

    /// The request as the server behind gets it: of the client's headers only the host.
    fn passed_on(&self, peer: IpAddr) -> String {
        let Self { method, target, host } = self;
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{PEER}: {peer}\r\n{SCHEME}: http\r\nConnection: close\r\n\r\n"
        )
    }
}

impl Refusal {
    fn reply(self) -> String {
        let (status, text) = match self {
            Self::Malformed => ("400 Bad Request", "This is not a request that can be understood."),
            Self::Slow => ("408 Request Timeout", "The request took too long."),
            Self::TooLarge => ("431 Request Header Fields Too Large", "The request is too large."),
            Self::Body => ("413 Content Too Large", "This page is for reading only."),
            Self::NoServer => ("503 Service Unavailable", "The page is being started; try again."),
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{text}\n",
            text.len() + 1
        )
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// Each costs a task, and a thread of the server behind.
const CONNECTIONS_MAX: usize = 32;
/// A browser opens six.
const CONNECTIONS_OF_ONE_MAX: usize = 8;
/// Browsers send one or two kilobytes, with many cookies more.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// For what a client sends after its request was answered.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
