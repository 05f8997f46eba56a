//! Sockets for the simulated servers: a thread per server, TLS with an own authority, and a raw HTTP/1.1 that can
//! misbehave in ways no library allows.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;

/// A server's thread; dropping it ends the server and all its connections.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Runs `work`, made inside the thread's own runtime, until it ends or the handle is dropped.
    pub(crate) fn run<F, W>(name: &str, work: F) -> io::Result<Self>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = stopped => {}, () = work() => {} }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the server has been printed by its own thread.
            let _ = thread.join();
        }
    }
}

/// A certificate authority made at start. Clients trust [`Authority::pem`].
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    pub(crate) fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "abusebox simulator");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The authority's certificate, for a client's list of trusted ones.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server certificate for the usual local names, Shadowserver's and `names`.
    pub(crate) fn acceptor(&self, names: &[&str]) -> io::Result<TlsAcceptor> {
        let names: Vec<String> = SERVER_NAMES.iter().chain(names).map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        // Without it strict clients (Python 3.13) refuse the chain.
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Binds and tells the port that was given for 0.
pub(crate) fn bind(address: SocketAddr) -> io::Result<(StdListener, SocketAddr)> {
    let listener = StdListener::bind(address)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts for ever and hands each connection to `serve`; what it returns runs beside the others.
pub(crate) async fn accept<F, W>(listener: &TcpListener, serve: F)
where
    F: Fn(TcpStream, Arc<Semaphore>) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small pieces wait 40 ms for each other otherwise, and tests make thousands of requests.
                let _ = stream.set_nodelay(true);
                drop(tokio::spawn(serve(stream, Arc::clone(&slots))));
            }
            // Out of descriptors, or a connection reset before it was taken: neither ends the server.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// An HTTP request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query, as sent.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What is sent back, and how.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Arc<[u8]>,
    pub(crate) delivery: Delivery,
}

/// How an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// The headers promise the whole body, half of it comes, and the connection ends.
    Cut,
    /// One byte of the body at a time.
    Trickle(Duration),
    /// The connection stays open and nothing comes.
    Silent,
    /// The connection ends without a byte.
    Close,
    /// The body is repeated for ever, without a length.
    Endless,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into().into(),
            delivery: Delivery::Whole,
        }
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    pub(crate) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    fn head(&self) -> String {
        let reason =
            REASONS.iter().find(|(code, _)| *code == self.status).map_or("Status", |(_, words)| words);
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.delivery {
            Delivery::Endless => head.push_str("Connection: close\r\n"),
            _ => head.push_str(&format!("Content-Length: {}\r\n", self.body.len())),
        }
        head + "\r\n"
    }
}

/// Serves HTTP on `listener` for ever.
pub(crate) async fn serve_http<H>(listener: StdListener, tls: Option<TlsAcceptor>, handle: H)
where
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    // A listener that tokio cannot take over was closed by the system already: there is nothing to serve.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let handle = Arc::new(handle);
    accept(&listener, |stream, slots| {
        let (handle, tls) = (Arc::clone(&handle), tls.clone());
        async move {
            let Ok(_slot) = slots.acquire_owned().await else { return };
            // A client that breaks off, or speaks no TLS, concerns nobody else.
            let _ = match tls {
                None => converse(stream, &*handle).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, &*handle).await,
                    Err(error) => Err(error),
                },
            };
        }
    })
    .await;
}

async fn converse<S: Stream>(mut stream: S, handle: &impl Fn(&Request) -> Answer) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await? {
        let (answer, last) = match request {
            Ok(request) => {
                let last = request.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
                (handle(&request), last)
            }
            Err(status) => (Answer::new(status, "text/plain", "this simulator does not take that"), true),
        };
        deliver(&mut stream, &answer).await?;
        if last || answer.delivery != Delivery::Whole {
            break;
        }
    }
    stream.shutdown().await
}

/// The next request of a connection: none at its end, or the status that refuses what came.
async fn read_request<S: Stream>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Result<Request, u16>>> {
    let end = loop {
        if let Some(at) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            break at;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            buffer.clear();
            return Ok(Some(Err(431)));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(Some(Err(400))) };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() };
    let length = match request.header("content-length").map(str::parse::<usize>) {
        None if request.header("transfer-encoding").is_some() => return Ok(Some(Err(411))),
        None => 0,
        Some(Ok(length)) if length <= BODY_BYTES_MAX => length,
        Some(_) => return Ok(Some(Err(413))),
    };
    buffer.drain(..end + 4);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    request.body = buffer.drain(..length).collect();
    Ok(Some(Ok(request)))
}

async fn deliver<S: Stream>(stream: &mut S, answer: &Answer) -> io::Result<()> {
    match answer.delivery {
        Delivery::Close => return Ok(()),
        // Waits until the client gives up.
        Delivery::Silent => {
            let mut rest = [0; 512];
            while stream.read(&mut rest).await? > 0 {}
            return Ok(());
        }
        _ => stream.write_all(answer.head().as_bytes()).await?,
    }
    match answer.delivery {
        Delivery::Cut => stream.write_all(&answer.body[..answer.body.len() / 2]).await?,
        Delivery::Trickle(interval) => {
            for byte in answer.body.iter() {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(interval).await;
            }
        }
        Delivery::Endless => loop {
            stream.write_all(if answer.body.is_empty() { b"\n" } else { &answer.body }).await?;
        },
        _ => stream.write_all(&answer.body).await?,
    }
    stream.flush().await
}

/// More than any client under test opens at once; the rest waits.
const CONNECTIONS_MAX: usize = 64;
/// Far above what a client of ours sends.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// API calls are a few hundred bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Names under which the servers are reached: here, and by programs that know only Shadowserver's own.
const SERVER_NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "::1", "transform.shadowserver.org", "dl.shadowserver.org"];

const REASONS: &[(u16, &str)] = &[
    (200, "OK"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];
