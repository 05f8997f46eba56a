//! The door: the only part of the page that faces a network. It lets in few at a time, waits for nobody long, reads
//! a head and a body of limited size, and passes on what it has understood of them, in its own words.
//!
//! It opens to clients nearby, in a network of this machine, or in one that the settings allow; by HTTP and, beside it,
//! by HTTPS.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::net::{is_near, own_networks};

/// The header in which the server behind finds the client's address. What a client writes there goes nowhere.
pub const PEER: &str = "X-Abusebox-Peer";
/// The header in which the server behind finds `http` or `https`.
pub const SCHEME: &str = "X-Abusebox-Scheme";

/// A listener, and whom it lets in beside clients nearby and in our own networks.
pub struct Door {
    listener: TcpListener,
    /// For HTTPS: what is shown to those who come now.
    tls: Option<Tls>,
    allow: Vec<IpNet>,
    limits: Limits,
    inside: Arc<Inside>,
}

/// What a door for HTTPS shows, which may change while it is open.
pub type Tls = watch::Receiver<Arc<ServerConfig>>;

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the whole request must be there, and before it what HTTPS needs.
    pub request_time_max: Duration,
    /// Until the whole reply must be taken.
    pub reply_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // The reply may have to wait for a count of all incidents.
        Self { request_time_max: Duration::from_secs(10), reply_time_max: Duration::from_secs(120) }
    }
}

impl Door {
    /// Listens at `address` for clients nearby, in our own networks, and in `allow`: by HTTPS with `tls`, else by HTTP.
    /// Doors that share `inside` let in so many together.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<Tls>,
        allow: Vec<IpNet>,
        limits: Limits,
        inside: Arc<Inside>,
    ) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls, allow, limits, inside })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Lets clients in to the server behind `socket`, for ever; whoever drops this future closes the door, and the
    /// connections end by themselves.
    pub async fn serve(&self, socket: &Path) {
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
            let Some(place) = self.inside.enter(peer) else { continue };
            let (socket, limits) = (socket.clone(), self.limits);
            let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.borrow().clone()));
            tokio::spawn(async move {
                let deadline = Instant::now() + limits.request_time_max;
                let visit = |scheme| Visit { peer, scheme, deadline };
                // A client that breaks off has got what it wanted.
                let _ = match tls {
                    None => attend(client, visit("http"), &socket, limits).await,
                    Some(tls) => match timeout_at(deadline, tls.accept(client)).await {
                        Ok(Ok(client)) => attend(client, visit("https"), &socket, limits).await,
                        // No TLS, or none that we speak; browsers say why.
                        Ok(Err(error)) => Err(error),
                        Err(late) => Err(late.into()),
                    },
                };
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
pub struct Inside(Mutex<HashMap<IpAddr, usize>>);

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

/// What the door knows of a client by itself.
#[derive(Clone, Copy)]
struct Visit {
    peer: IpAddr,
    scheme: &'static str,
    /// When the whole request must be there.
    deadline: Instant,
}

/// One request and its reply. One only: with that, nothing after it can be taken for another request.
async fn attend(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    visit: Visit,
    socket: &Path,
    limits: Limits,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let request = match timeout_at(visit.deadline, read_request(&mut client, &mut bytes, visit)).await {
        Ok(request) => request?,
        Err(_) => Err(Refusal::Slow),
    };
    let done = timeout(limits.reply_time_max, async {
        match request {
            Err(refusal) => client.write_all(refusal.reply().as_bytes()).await?,
            Ok((head, body)) => match UnixStream::connect(socket).await {
                Ok(mut server) => {
                    server.write_all(head.as_bytes()).await?;
                    server.write_all(&bytes[body]).await?;
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

/// Reads a request into `bytes`: its head as it is passed on, and where in `bytes` its body lies. An error: the client
/// has gone, as browsers do that connect ahead of need.
async fn read_request(
    client: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    visit: Visit,
) -> io::Result<Result<(String, Range<usize>), Refusal>> {
    // Through the blank line after the headers.
    let end = loop {
        if let Some(at) = memchr::memmem::find(bytes, b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() >= HEAD_BYTES_MAX {
            return Ok(Err(Refusal::TooLarge));
        }
        read_some(client, bytes, HEAD_BYTES_MAX).await?;
    };
    let (head, length) = match Head::read(&bytes[..end]) {
        Ok(head) => (head.passed_on(visit), head.length),
        Err(refusal) => return Ok(Err(refusal)),
    };
    let body = end..end + length;
    while bytes.len() < body.end {
        read_some(client, bytes, body.end).await?;
    }
    Ok(Ok((head, body)))
}

async fn read_some(
    client: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    bytes_max: usize,
) -> io::Result<()> {
    let mut part = [0; 2048];
    let room = part.len().min(bytes_max - bytes.len());
    match client.read(&mut part[..room]).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&part[..count]);
            Ok(())
        }
    }
}

/// What of a request is passed on.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    method: &'a str,
    target: &'a str,
    host: &'a str,
    /// Those of [`PASSED`] that the client wrote.
    passed: Vec<(&'static str, &'a str)>,
    /// Bytes of the body.
    length: usize,
}

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Malformed,
    Slow,
    TooLarge,
    Body,
    BodyTooLarge,
    NoLength,
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
        let (mut host, mut length, mut is_chunked, mut passed) = (None, None, false, Vec::new());
        for line in lines {
            // A name with a blank in or before it is a folded line, or a trick.
            let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
            if !is_token(name) || value.contains(['\r', '\n']) {
                return Err(Refusal::Malformed);
            }
            let value = value.trim_matches([' ', '\t']);
            if let Some(name) = PASSED.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                if passed.iter().any(|(known, _)| known == name) {
                    return Err(Refusal::Malformed);
                }
                passed.push((*name, value));
            }
            match name.to_ascii_lowercase().as_str() {
                "host" if host.replace(value).is_some() => return Err(Refusal::Malformed),
                "content-length" if length.replace(value).is_some() => return Err(Refusal::Malformed),
                "transfer-encoding" => is_chunked = true,
                _ => {}
            }
        }
        let host = host.ok_or(Refusal::Malformed)?;
        let length = match length {
            _ if is_chunked => return Err(Refusal::NoLength),
            None if method == "POST" => return Err(Refusal::NoLength),
            None => 0,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(Refusal::Malformed);
            }
            Some(digits) => digits.parse().unwrap_or(usize::MAX),
        };
        // Nothing else is ever done with one.
        match length {
            1.. if method != "POST" => return Err(Refusal::Body),
            0..=BODY_BYTES_MAX => {}
            _ => return Err(Refusal::BodyTooLarge),
        }
        Ok(Self { method, target, host, passed, length })
    }

    /// The request as the server behind gets it: nothing of the client's headers but these.
    fn passed_on(&self, visit: Visit) -> String {
        let Self { method, target, host, passed, length } = self;
        let Visit { peer, scheme, .. } = visit;
        let mut text = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{PEER}: {peer}\r\n{SCHEME}: {scheme}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n"
        );
        for (name, value) in passed {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text + "\r\n"
    }
}

impl Refusal {
    fn reply(self) -> String {
        let (status, text) = match self {
            Self::Malformed => ("400 Bad Request", "This is not a request that can be understood."),
            Self::Slow => ("408 Request Timeout", "The request took too long."),
            Self::TooLarge => ("431 Request Header Fields Too Large", "The request is too large."),
            Self::Body => ("413 Content Too Large", "Such a request has no body."),
            Self::BodyTooLarge => ("413 Content Too Large", "The body of the request is too large."),
            Self::NoLength => ("411 Length Required", "The request does not say how long its body is."),
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

/// The headers that are passed on as the client wrote them, once each.
const PASSED: &[&str] = &["Authorization", "Cookie", "Content-Type", "Origin", "Sec-Fetch-Site"];
/// Forms are small.
const BODY_BYTES_MAX: usize = 64 * 1024;
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
