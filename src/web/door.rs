//! The door: the only part of the page that faces a network. It lets in few at a time, waits for nobody long, reads
//! a head and a body of limited size, and passes on what it has understood of them, in its own words.
//!
//! It opens to clients nearby, in a network of this machine, or in one that the settings allow; by HTTP and, beside it,
//! by HTTPS.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::api::body_bytes_max;
use super::entry::file_bytes_max;
use super::router;
use super::words::{DoorWords, PageWords};
use crate::files::{self, Temporary};
use crate::net::{is_near, own_networks};

mod upload;

use upload::Failure;
pub use upload::Uploads;

/// The header in which the server behind finds the client's address. What a client writes there goes nowhere.
pub const PEER: &str = "X-Abusebox-Peer";
/// The header in which the server behind finds `http` or `https`.
pub const SCHEME: &str = "X-Abusebox-Scheme";

/// The header in which the server behind finds the name of the file that came with a form, in the folder of uploads.
pub const UPLOAD: &str = "X-Abusebox-Upload";

/// A listener, and whom it lets in beside clients nearby and in our own networks.
pub struct Door {
    listener: TcpListener,
    /// For HTTPS: what is shown to those who come now.
    tls: Option<Tls>,
    limits: Limits,
    inside: Arc<Inside>,
}

/// What the settings say to those who come. They are asked each time, so that no change closes the door.
pub trait Rules: Send + Sync {
    /// Whether somebody may come in who is neither nearby nor in a network of this machine.
    fn allow(&self, peer: IpAddr) -> bool;
    /// In which language refusals are.
    fn language(&self) -> String;
}

/// What a door for HTTPS shows, which may change while it is open.
pub type Tls = watch::Receiver<Arc<ServerConfig>>;

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a place, where all are taken.
    pub place_time_max: Duration,
    /// Until the whole request must be there, and before it what HTTPS needs.
    pub request_time_max: Duration,
    /// Until a reply must begin.
    pub answer_time_max: Duration,
    /// The same where a file came along: it may be taken in before anything is said.
    pub file_answer_time_max: Duration,
    /// Until then the whole reply must be taken.
    pub reply_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            place_time_max: Duration::from_secs(5),
            request_time_max: Duration::from_secs(10),
            // It may have to wait for a count of all incidents, or for a report that is being stored.
            answer_time_max: Duration::from_secs(60),
            // Two million sessions on the smallest box take minutes.
            file_answer_time_max: Duration::from_secs(30 * 60),
            reply_time_max: Duration::from_secs(60),
        }
    }
}

impl Door {
    /// Listens at `address` for clients nearby, in our own networks, and those whom the rules allow: by HTTPS with
    /// `tls`, else by HTTP. Doors that share `inside` let in so many together.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<Tls>,
        limits: Limits,
        inside: Arc<Inside>,
    ) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls, limits, inside })
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
            // Before any other task goes on: whoever may not even wait gives its descriptor back at once.
            let Some(entry) = self.inside.admit(peer) else {
                tracing::debug!(%peer, "nobody is let in: too many are there, or too much is open");
                continue;
            };
            let (socket, limits, inside) = (socket.clone(), self.limits, self.inside.clone());
            let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.borrow().clone()));
            tokio::spawn(async move {
                let Ok(Some(place)) = timeout(limits.place_time_max, inside.place(entry)).await else {
                    return;
                };
                let deadline = Instant::now() + limits.request_time_max;
                let visit = |scheme| Visit { peer, scheme, deadline };
                // A client that breaks off has got what it wanted.
                let _ = match tls {
                    None => attend(client, visit("http"), &socket, limits, &inside).await,
                    Some(tls) => match timeout_at(deadline, tls.accept(client)).await {
                        Ok(Ok(client)) => attend(client, visit("https"), &socket, limits, &inside).await,
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
        is_near(peer) || self.inside.rules.allow(peer) || own_networks().iter().any(|net| net.contains(&peer))
    }
}

/// Who is inside, by which rules, and what they bring.
pub struct Inside {
    rules: Arc<dyn Rules>,
    /// Places by address, for as long as somebody from there is inside or waits.
    own: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    /// Those of this machine, whatever addresses it has, and those of all others. They do not keep each other out: on a
    /// box the supervisor asks for the page.
    all: [Arc<Semaphore>; 2],
    waiting: Arc<Semaphore>,
    /// `None`: no files are taken.
    uploads: Option<Uploads>,
}

/// One connection's place, given back when dropped: of those for its address, and of all.
type Place = [OwnedSemaphorePermit; 2];

/// What a client gets that has come.
enum Entry {
    Place(Place),
    /// A turn to wait for one of each. Whoever was answered may come again before the place is given back, and some
    /// programs open more connections than we let in at once.
    Turn([Arc<Semaphore>; 2], OwnedSemaphorePermit),
}

impl Inside {
    pub fn new(rules: Arc<dyn Rules>, uploads: Option<Uploads>) -> Self {
        let places = |most| Arc::new(Semaphore::new(most));
        Self {
            rules,
            own: Mutex::default(),
            all: [(); 2].map(|()| places(CONNECTIONS_MAX)),
            waiting: places(WAITING_MAX),
            uploads,
        }
    }

    /// `None`: nothing, since too many are there, or those who are inside need what descriptors are left.
    fn admit(&self, peer: IpAddr) -> Option<Entry> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, places| Arc::strong_count(places) > 1);
        let own = own.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_OF_ONE_MAX))).clone();
        let wanted = [own, self.all[usize::from(peer.is_loopback())].clone()];
        let entry = match wanted.clone().map(Semaphore::try_acquire_owned) {
            [Ok(own), Ok(all)] => Entry::Place([own, all]),
            _ => Entry::Turn(wanted, self.waiting.clone().try_acquire_owned().ok()?),
        };
        self.has_descriptors().then_some(entry)
    }

    /// The place, when it is the client's turn.
    async fn place(&self, entry: Entry) -> Option<Place> {
        let ([own, all], _turn) = match entry {
            Entry::Place(place) => return Some(place),
            Entry::Turn(wanted, turn) => (wanted, turn),
        };
        let place = [own.acquire_owned().await.ok()?, all.acquire_owned().await.ok()?];
        self.has_descriptors().then_some(place)
    }

    /// Whether there are enough for all places that are taken, and for the rest of the program.
    fn has_descriptors(&self) -> bool {
        let taken: usize = self.all.iter().map(|all| CONNECTIONS_MAX - all.available_permits()).sum();
        files::descriptors_left() >= taken as u64 * DESCRIPTORS_OF_ONE + DESCRIPTORS_LEFT_MIN
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
    mut client: impl AsyncRead + AsyncWrite + Unpin + Send,
    visit: Visit,
    socket: &Path,
    limits: Limits,
    inside: &Inside,
) -> io::Result<()> {
    // With what was asked goes its file, before the client sees the end of the reply.
    let answer = match read_request(&mut client, visit, socket, limits, inside).await? {
        Err(refusal) => Err(refusal),
        Ok(asked) => {
            let time_max = match asked.file {
                Some(_) => limits.file_answer_time_max,
                None => limits.answer_time_max,
            };
            match timeout(time_max, asked.answer(socket)).await {
                Ok(begun) => begun.map_err(|_| Refusal::NoServer),
                Err(_) => Err(Refusal::Late),
            }
        }
    };
    let done = timeout(limits.reply_time_max, async {
        match answer {
            Err(refusal) => {
                let words = &PageWords::of(&inside.rules.language()).door;
                client.write_all(refusal.reply(words).as_bytes()).await?;
            }
            Ok((begin, mut server)) => {
                client.write_all(&begin).await?;
                tokio::io::copy(&mut server, &mut client).await?;
            }
        }
        client.shutdown().await
    });
    done.await.map_err(io::Error::from)??;
    // What the client still sends is taken for a moment: closing at once would tear the reply from it.
    let mut rest = vec![0; HEAD_BYTES_MAX];
    let drained = async {
        while client.read(&mut rest).await? > 0 {}
        Ok(())
    };
    timeout(LINGER, drained).await.unwrap_or(Ok(()))
}

/// A request as it is passed on.
struct Asked {
    head: String,
    body: Vec<u8>,
    /// The file that came with it, until it is answered.
    file: Option<Temporary>,
}

impl Asked {
    /// How the reply begins, and where the rest of it comes from.
    async fn answer(self, socket: &Path) -> io::Result<(Vec<u8>, UnixStream)> {
        let mut server = UnixStream::connect(socket).await?;
        server.write_all(self.head.as_bytes()).await?;
        server.write_all(&self.body).await?;
        let mut begin = Vec::new();
        read_some(&mut server, &mut begin, REPLY_BEGIN_BYTES).await?;
        announce_end(&mut begin);
        Ok((begin, server))
    }
}

/// Says that nothing more comes on this connection, as the server behind does not, or clients would send their next
/// request there (RFC 9112, 9.6).
fn announce_end(begin: &mut Vec<u8>) {
    if let Some(end) = memchr::memmem::find(begin, b"\r\n") {
        begin.splice(end..end, *b"\r\nConnection: close");
    }
}

/// Reads a request. An error: the client has gone, as browsers do that connect ahead of need.
async fn read_request(
    client: &mut (impl AsyncRead + Unpin + Send),
    visit: Visit,
    socket: &Path,
    limits: Limits,
    inside: &Inside,
) -> io::Result<Result<Asked, Refusal>> {
    let mut bytes = Vec::new();
    let Ok(end) = timeout_at(visit.deadline, read_head(client, &mut bytes)).await else {
        return Ok(Err(Refusal::Slow));
    };
    let Some(end) = end? else { return Ok(Err(Refusal::TooLarge)) };
    let head = match Head::read(&bytes[..end]) {
        Ok(head) => head,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(bytes_max) = head.file_bytes_max() {
        let began = &bytes[end..bytes.len().min(end + head.length)];
        let rest = (head.length - began.len()) as u64;
        let body = began.chain(client.take(rest));
        return match read_form(&head, bytes_max, body, visit, socket, limits, inside).await {
            Ok(asked) => Ok(Ok(asked)),
            Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
            Err(Failure::Gone) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
    }
    let (length, head) = (head.length, head.passed_on(visit, head.length, None));
    let read = async {
        while bytes.len() < end + length {
            read_some(client, &mut bytes, end + length).await?;
        }
        Ok(())
    };
    match timeout_at(visit.deadline, read).await {
        Ok(Ok(())) => {
            bytes.truncate(end + length);
            Ok(Ok(Asked { head, body: bytes.split_off(end), file: None }))
        }
        Ok(Err(gone)) => Err(gone),
        Err(_) => Ok(Err(Refusal::Slow)),
    }
}

/// Takes a form with a file, from somebody who may send one: nobody else writes to the disk.
async fn read_form(
    head: &Head<'_>,
    bytes_max: u64,
    body: impl AsyncRead + Unpin + Send,
    visit: Visit,
    socket: &Path,
    limits: Limits,
    inside: &Inside,
) -> Result<Asked, Failure> {
    let may_send = timeout(limits.request_time_max, may_send(head, visit, socket)).await;
    if !may_send.is_ok_and(|may| may.unwrap_or(false)) {
        if head.is_file() {
            // The server behind says to a program what it lacks.
            return Ok(Asked { head: head.passed_on(visit, 0, None), body: Vec::new(), file: None });
        }
        return Err(Failure::Refused(Refusal::NoSession));
    }
    let uploads = inside.uploads.as_ref().ok_or(Failure::Refused(Refusal::Disk))?;
    if head.is_file() {
        let file = uploads.take_whole(body, head.length as u64, limits).await?;
        let name = file.0.file_name().and_then(OsStr::to_str);
        return Ok(Asked { head: head.passed_on(visit, 0, name), body: Vec::new(), file: Some(file) });
    }
    let content_type = head.value("Content-Type");
    let form = uploads.take(body, content_type, head.length as u64, bytes_max, limits).await?;
    let name = form.file.as_ref().and_then(|file| file.0.file_name()?.to_str());
    Ok(Asked {
        head: head.passed_on(visit, form.fields.len(), name),
        body: form.fields.into_bytes(),
        file: form.file,
    })
}

/// Whether the server behind says so: where a file is sent to, it shows something to those who may send it.
async fn may_send(head: &Head<'_>, visit: Visit, socket: &Path) -> io::Result<bool> {
    let asked = Head { method: "HEAD", passed: head.passed.clone(), ..*head };
    let mut server = UnixStream::connect(socket).await?;
    server.write_all(asked.passed_on(visit, 0, None).as_bytes()).await?;
    let mut status = [0; SHOWN.len()];
    server.read_exact(&mut status).await?;
    Ok(status == *SHOWN)
}

/// Reads through the blank line after the headers, and says where that ends. `None`: they are too long.
async fn read_head(client: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(at) = memchr::memmem::find(bytes, b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        if bytes.len() >= HEAD_BYTES_MAX {
            return Ok(None);
        }
        read_some(client, bytes, HEAD_BYTES_MAX).await?;
    }
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
    Late,
    NoSession,
    Busy,
    DiskFull,
    Disk,
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
        let head = Self { method, target, host, passed, length };
        let file_bytes_max =
            head.file_bytes_max().map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        // Nothing else is ever done with one.
        match length {
            1.. if method != "POST" => Err(Refusal::Body),
            _ if length <= file_bytes_max.saturating_add(BODY_BYTES_MAX) => Ok(head),
            _ => Err(Refusal::BodyTooLarge),
        }
    }

    /// A header that is passed on; empty if there is none.
    fn value(&self, name: &str) -> &'a str {
        self.passed.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The largest file that may come with this request, if one may.
    fn file_bytes_max(&self) -> Option<u64> {
        let media_type = self.value("Content-Type").split(';').next().unwrap_or_default().trim();
        let has_parts = media_type.eq_ignore_ascii_case("multipart/form-data");
        let of_form = file_bytes_max(self.path()).filter(|_| has_parts && self.method == "POST");
        of_form.or(body_bytes_max(self.path()).filter(|_| self.is_file()))
    }

    /// Whether the body is a file as it is.
    fn is_file(&self) -> bool {
        self.method == "POST" && body_bytes_max(self.path()).is_some()
    }

    fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The request as the server behind gets it, with a body of `length` bytes and perhaps a file: nothing of the
    /// client's headers but these.
    fn passed_on(&self, visit: Visit, length: usize, file: Option<&str>) -> String {
        let Self { method, target, host, passed, .. } = self;
        let Visit { peer, scheme, .. } = visit;
        let mut text = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{PEER}: {peer}\r\n{SCHEME}: {scheme}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n"
        );
        for (name, value) in passed.iter().chain(file.map(|file| (UPLOAD, file)).iter()) {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text + "\r\n"
    }
}

impl Refusal {
    fn reply(self, t: &DoorWords) -> String {
        let (status, reason, text) = match self {
            Self::Malformed => (400, "Bad Request", t.malformed),
            Self::Slow => (408, "Request Timeout", t.slow),
            Self::TooLarge => (431, "Request Header Fields Too Large", t.too_large),
            Self::Body => (413, "Content Too Large", t.body),
            Self::BodyTooLarge => (413, "Content Too Large", t.body_too_large),
            Self::NoLength => (411, "Length Required", t.no_length),
            Self::NoSession => (403, "Forbidden", t.no_session),
            Self::Busy => (503, "Service Unavailable", t.busy),
            Self::DiskFull => (507, "Insufficient Storage", t.disk_full),
            Self::Disk => (500, "Internal Server Error", t.disk),
            Self::NoServer => (503, "Service Unavailable", t.no_server),
            Self::Late => (503, "Service Unavailable", t.late),
        };
        let reply = router::plain(status, text);
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        for (name, value) in reply.headers() {
            head.extend([name, ": ", value, "\r\n"]);
        }
        format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{}", reply.body.len(), reply.body)
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
/// Of this machine, and of all others. Each costs a task, and a thread of the server behind.
const CONNECTIONS_MAX: usize = 32;
/// Each costs a descriptor: as many again as there are places.
const WAITING_MAX: usize = 32;
/// Beside its own: one to the server behind, and two of that. Without the last of them the server would break off.
const DESCRIPTORS_OF_ONE: u64 = 3;
/// For files, fetching and mail.
const DESCRIPTORS_LEFT_MIN: u64 = 16;
/// A browser opens six.
const CONNECTIONS_OF_ONE_MAX: usize = 8;
/// Browsers send one or two kilobytes, with many cookies more.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const REPLY_BEGIN_BYTES: usize = 2048;
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// For what a client sends after its request was answered: a browser shows no answer before it has sent its file, as
/// far as that goes.
const LINGER: Duration = Duration::from_secs(2);
/// How a reply with a page begins.
const SHOWN: &[u8; 12] = b"HTTP/1.1 200";

#[cfg(test)]
mod tests;
