//! HTTP behind the door: tiny_http, on a Unix socket and nothing else.
//!
//! tiny_http 0.12 has no time-outs and no limit for headers, it stops accepting for ever after the first error, and it
//! panics where it cannot copy a descriptor. So no network reaches it, only the door does, which lets nobody in for whom
//! there are too few; and when it stops accepting, it is set up again.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response, StatusCode};

use super::door;
use super::gate::Visitor;
use super::router::{self, Reply};

/// What answers requests.
pub type Handler = Arc<dyn Fn(&router::Request<'_>) -> Reply + Send + Sync>;

/// A server at work, until it is dropped.
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    handler: Handler,
    stop: AtomicBool,
    /// A copy for each act that is being done, and for each large reply that is being taken.
    acts: Arc<()>,
    replies: Arc<()>,
    /// The one at work, if one is.
    http: Mutex<Option<Arc<tiny_http::Server>>>,
}

/// The socket in a data folder.
pub fn socket(data: &Path) -> PathBuf {
    data.join("web.sock")
}

impl Server {
    /// Answers on the Unix socket at `socket`, which must lie in a folder that only we may enter.
    pub fn start(socket: &Path, handler: Handler) -> io::Result<Self> {
        let http = listen(socket)?;
        let shared = Shared {
            socket: socket.to_owned(),
            handler,
            stop: AtomicBool::new(false),
            acts: Arc::default(),
            replies: Arc::default(),
            http: Mutex::new(Some(http)),
        };
        let shared = Arc::new(shared);
        let own = shared.clone();
        thread::Builder::new().name("web".to_owned()).spawn(move || own.serve())?;
        Ok(Self { shared })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let http = self.shared.at_work().take();
        if let Some(http) = http {
            http.unblock();
        }
        // The threads end when they have answered what they are at; waiting for them here could wait for ever, for
        // a client whose door is in the task that waits.
        let _ = std::fs::remove_file(&self.shared.socket);
    }
}

impl Shared {
    fn at_work(&self) -> std::sync::MutexGuard<'_, Option<Arc<tiny_http::Server>>> {
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers until it is to stop; sets the server up again when it breaks.
    fn serve(self: &Arc<Self>) {
        loop {
            let Some(http) = self.at_work().clone() else { return };
            thread::scope(|scope| {
                for _ in 1..THREADS {
                    let http = &http;
                    let spawned = thread::Builder::new()
                        .name("web".to_owned())
                        .spawn_scoped(scope, move || self.work(http));
                    if spawned.is_err() {
                        tracing::warn!("no further thread for the page");
                    }
                }
                self.work(&http);
            });
            drop(http);
            while !self.stop.load(Ordering::Acquire) {
                tracing::warn!("the page's server stopped; it is started again");
                thread::sleep(RESTART_AFTER);
                let mut at_work = self.at_work();
                // The old one goes first: it takes its socket with it.
                at_work.take();
                match listen(&self.socket) {
                    _ if self.stop.load(Ordering::Acquire) => {}
                    Ok(http) => {
                        *at_work = Some(http);
                        break;
                    }
                    Err(error) => tracing::warn!(%error, "the page's server cannot be started"),
                }
            }
        }
    }

    /// Answers one request after the other, until an error or the end wakes all threads.
    fn work(self: &Arc<Self>, http: &tiny_http::Server) {
        while let Ok(mut request) = http.recv() {
            if matches!(request.method(), Method::Get | Method::Head) {
                let reply = self.answer(&mut request);
                if reply.body.len() > REPLY_BYTES_AT_ONCE && Arc::strong_count(&self.replies) <= REPLIES_MAX {
                    // Who takes it slowly keeps nobody else waiting.
                    aside(&self.replies, move || respond(request, &reply));
                } else {
                    respond(request, &reply);
                }
            } else if Arc::strong_count(&self.acts) <= ACTS_MAX {
                // What changes something may have to wait for a report that is being stored, or for another's password.
                // Those who read do not wait with it.
                let own = self.clone();
                aside(&self.acts, move || {
                    let reply = own.answer(&mut request);
                    respond(request, &reply);
                });
            } else {
                respond(request, &router::plain(503, BUSY));
            }
        }
        http.unblock();
    }

    fn answer(&self, request: &mut Request) -> Reply {
        let mut body = Vec::new();
        // The door has taken in all of it, and lets no more through than it takes in.
        if let Err(error) = request.as_reader().read_to_end(&mut body) {
            tracing::debug!(%error, "the body of a request broke off");
        }
        let text = |name| header(request, name).unwrap_or_default();
        let peer = header(request, door::PEER).and_then(|peer| peer.parse().ok());
        (self.handler)(&router::Request {
            method: request.method().as_str(),
            target: request.url(),
            host: text("Host"),
            visitor: peer.map(|peer| Visitor { peer, is_secure: text(door::SCHEME) == "https" }),
            authorization: text("Authorization"),
            cookie: text("Cookie"),
            content_type: text("Content-Type"),
            origin: text("Origin"),
            fetch_site: text("Sec-Fetch-Site"),
            upload: text(door::UPLOAD),
            body: &body,
        })
    }
}

fn listen(socket: &Path) -> io::Result<Arc<tiny_http::Server>> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The data folder is ours alone, so nobody comes in before the mode is set.
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    tiny_http::Server::from_listener(listener, None).map(Arc::new).map_err(io::Error::other)
}

fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    let header = request.headers().iter().find(|header| header.field.equiv(name));
    header.map(|header| header.value.as_str())
}

/// Does something on a thread of its own, which holds a copy of `count`. Without a thread the request is dropped, which
/// answers it with an error.
fn aside(count: &Arc<()>, task: impl FnOnce() + Send + 'static) {
    let counted = count.clone();
    let begun = thread::Builder::new().name("web".to_owned()).spawn(move || {
        task();
        drop(counted);
    });
    if begun.is_err() {
        tracing::warn!("no further thread for the page");
    }
}

fn respond(request: Request, reply: &Reply) {
    // Whoever asked may have gone.
    let _ = request.respond(response(reply));
}

fn response(reply: &Reply) -> Response<&[u8]> {
    let headers = reply.headers().filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect();
    let body = reply.body.as_bytes();
    // Whole, never in chunks: the door speaks for clients of every age.
    Response::new(StatusCode(reply.status), headers, body, Some(body.len()), None)
        .with_chunked_threshold(usize::MAX)
}

/// One slow page does not keep a second reader waiting; more would cost memory.
const THREADS: usize = 2;
/// More than there are tries of a password in a minute; else only operators make one wait.
const ACTS_MAX: usize = 32;
const BUSY: &str =
    "Too much else waits to be done; abusebox may be storing a large report. Nothing was changed: try again.";
/// Each holds a page in memory.
const REPLIES_MAX: usize = 8;
/// Less is taken by the socket at once.
const REPLY_BYTES_AT_ONCE: usize = 64 * 1024;
const RESTART_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn ask(socket: &Path, request: &str) -> String {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn start(socket: &Path) -> Server {
        let handler = |request: &router::Request<'_>| Reply {
            status: 405,
            content_type: "text/plain",
            policy: "default-src 'none'",
            further: vec![("Set-Cookie", "a=b".to_owned())],
            body: format!("{request:?}").repeat(1_000),
        };
        Server::start(socket, Arc::new(handler)).unwrap()
    }

    #[test]
    fn requests_become_replies_with_all_their_headers() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        // One that was left behind.
        drop(UnixListener::bind(&socket).unwrap());
        let server = start(&socket);
        assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        let head = "/a?b=c HTTP/1.1\r\nHost: box\r\nX-Abusebox-Peer: ::1\r\nConnection: close\r\n\r\n";
        let reply = ask(&socket, &format!("GET {head}"));
        let visitor = "Some(Visitor { peer: ::1, is_secure: false })";
        let seen = format!(
            "Request {{ method: \"GET\", target: \"/a?b=c\", host: \"box\", visitor: {visitor}, authorization: \"\", \
             cookie: \"\", content_type: \"\", origin: \"\", fetch_site: \"\", upload: \"\", body: [] }}"
        );
        let (headers, body) = reply.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, seen.repeat(1_000), "whole, and not in chunks");
        for header in [
            "HTTP/1.1 405 ",
            "Content-Type: text/plain",
            "Content-Security-Policy: default-src 'none'",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: same-origin",
            "Cache-Control: no-store",
            "Set-Cookie: a=b",
        ] {
            assert!(headers.contains(header), "{header}: {headers}");
        }
        let reply = ask(&socket, &format!("HEAD {head}"));
        assert!(reply.ends_with("\r\n\r\n") && reply.contains("Content-Length: "), "{reply}");
        let head = head.replace(
            "Connection",
            "Authorization: Bearer x\r\nCookie: sid=1\r\nContent-Type: x/y\r\nOrigin: http://box\r\n\
             Sec-Fetch-Site: same-origin\r\nX-Abusebox-Scheme: https\r\nContent-Length: 3\r\nConnection",
        );
        let reply = ask(&socket, &format!("POST {head}a=b"));
        for part in [
            "is_secure: true",
            "authorization: \"Bearer x\"",
            "cookie: \"sid=1\"",
            "content_type: \"x/y\", origin: \"http://box\", fetch_site: \"same-origin\"",
            "body: [97, 61, 98]",
        ] {
            assert!(reply.contains(part), "{part}: {}", &reply[..900]);
        }
        drop(server);
        assert!(UnixStream::connect(&socket).is_err());
    }

    fn send(socket: &Path, request: &str) -> UnixStream {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    const READ: &str = "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    #[test]
    fn who_reads_does_not_wait_for_those_who_change_something() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        let store = Arc::new(Mutex::new(()));
        let own = store.clone();
        let handler = move |request: &router::Request<'_>| {
            let _turn = (request.method == "POST").then(|| own.lock().unwrap());
            router::plain(200, request.target)
        };
        let server = Server::start(&socket, Arc::new(handler)).unwrap();
        let writing = store.lock().unwrap();
        let act = "POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let mut acts: Vec<_> = (0..ACTS_MAX).map(|_| send(&socket, act)).collect();
        let began = std::time::Instant::now();
        while Arc::strong_count(&server.shared.acts) <= ACTS_MAX {
            assert!(began.elapsed().as_secs() < 20, "they never begin");
            assert!(ask(&socket, READ).ends_with("/small\n"));
        }
        let reply = ask(&socket, act);
        assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("Nothing was changed"), "{reply}");
        assert!(ask(&socket, READ).ends_with("/small\n"));
        drop(writing);
        for act in &mut acts {
            let mut reply = String::new();
            act.read_to_string(&mut reply).unwrap();
            assert!(reply.ends_with("/act\n"), "{reply}");
        }
    }

    #[test]
    fn who_takes_a_large_page_slowly_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        let handler = |request: &router::Request<'_>| match request.target {
            "/large" => router::plain(200, &"x".repeat(4 << 20)),
            target => router::plain(200, target),
        };
        let _server = Server::start(&socket, Arc::new(handler)).unwrap();
        let slow: Vec<_> = (0..THREADS * 2).map(|_| send(&socket, &READ.replace("small", "large"))).collect();
        for _ in 0..5 {
            assert!(ask(&socket, READ).ends_with("/small\n"));
        }
        for mut stream in slow {
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            assert!(reply.len() > 4 << 20);
        }
    }

    #[test]
    fn a_server_that_broke_is_set_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(folder.path());
        let server = start(&socket);
        // What an error of accepting does: every thread is woken, and nobody accepts any more.
        server.shared.at_work().as_ref().unwrap().unblock();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        for _ in 0..100 {
            thread::sleep(Duration::from_millis(50));
            let mut reply = String::new();
            if let Ok(mut stream) = UnixStream::connect(&socket) {
                stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
                let _ = stream.write_all(request.as_bytes());
                let _ = stream.read_to_string(&mut reply);
            }
            if reply.starts_with("HTTP/1.1 405 ") {
                return;
            }
        }
        panic!("it is never up again");
    }
}
