//! Delivers mails to the operator's mail server. The only room that knows lettre.
//!
//! The connection is made here, to an address that was checked, and TLS by rustls before lettre speaks: so an
//! error names its cause, an answer has a limit, and nothing sent before STARTTLS is taken for an answer after
//! it. The caller commits to its store at the last moment at which the server cannot have the mail yet.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::redact;
use crate::config::named::roots;
use crate::config::{MailSecurity, MailServer};

/// Most bytes of one answer. Real ones have some hundred; a server that never ends its line is cut off here.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;
/// An answer begins with three digits.
const CODE_BYTES: usize = 3;

/// A mail server, ready to be connected to.
pub struct Smtp {
    server: MailServer,
    helo: String,
    tls: TlsConnector,
    waits: Waits,
}

/// What a mail server can be talked to over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug + 'static> Stream for S {}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Until one address is connected, or a name resolved.
    pub connect: Duration,
    /// Until each answer. RFC 5321 4.5.3.2 asks five minutes for unknown servers; this one is the operator's.
    pub reply: Duration,
    /// Until the server has taken the content. RFC 5321 asks ten minutes: ending sooner makes duplicates.
    pub content: Duration,
}

/// Where in the conversation something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The server's first line, and EHLO.
    Greeting,
    StartTls,
    Login,
    /// MAIL FROM
    Sender,
    /// RCPT TO
    Recipient,
    /// The command DATA.
    Data,
    /// The mail itself.
    Content,
}

/// Why there is no connection. No mail failed by it: all wait.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Try again later.
    #[error("cannot reach the mail server {host}:{port}: {detail}")]
    Unreachable { host: String, port: u16, detail: String },
    /// Try again later.
    #[error("the mail server {host} asks to come back later, at {stage}: {reply}")]
    Later { host: String, stage: Stage, reply: String },
    /// A person must look.
    #[error(
        "the mail server {host} refused this box, at {stage}: {reply}; check user and password in mail.url"
    )]
    ServerRefused { host: String, stage: Stage, reply: String },
    /// A person must look.
    #[error("no safe connection to the mail server {host}: {detail}")]
    Unsafe { host: String, detail: String },
    /// A person must look.
    #[error("trust.extra_ca: {detail}")]
    BadAuthority { detail: String },
}

impl Error {
    /// Whether waiting will not help, so that the operator must be told.
    pub fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Unreachable { .. } | Self::Later { .. })
    }
}

/// What became of one mail. `E` is the caller's own error.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// The server has it.
    Accepted { reply: String },
    /// 4xx: again later.
    Later { stage: Stage, reply: String },
    /// 5xx that concerns this receiver or this mail: it has failed.
    Refused { stage: Stage, reply: String },
    /// 5xx that concerns the box (sender, login, relaying): the mail waits, a person must look.
    ServerRefused { stage: Stage, reply: String },
    /// No answer. With `after_data` the server may have the mail: repeat it byte for byte.
    Lost { after_data: bool, detail: String },
    /// The caller's `on_data` failed; nothing was sent.
    Stopped(E),
}

/// An open connection. Carries any number of mails, one after the other.
pub struct Connection {
    inner: AsyncSmtpConnection,
    waits: Waits,
    /// A mail was begun and not accepted: RSET before the next.
    is_begun: bool,
    is_broken: bool,
}

impl Default for Waits {
    fn default() -> Self {
        let [connect, reply, content] = [30, 120, 600].map(Duration::from_secs);
        Self { connect, reply, content }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::StartTls => "STARTTLS",
            Self::Login => "the login",
            Self::Sender => "the sender",
            Self::Recipient => "the recipient",
            Self::Data => "DATA",
            Self::Content => "the content",
        })
    }
}

impl Smtp {
    /// `helo` is the name this box gives itself; `extra_ca` are PEM files of authorities that count beside
    /// those of the Mozilla list.
    pub fn new(server: MailServer, helo: &str, extra_ca: &[Vec<u8>], waits: Waits) -> Result<Self, Error> {
        let roots = roots(extra_ca).map_err(|detail| Error::BadAuthority { detail })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let helo: String =
            helo.chars().filter(|c| c.is_ascii_alphanumeric() || ".-[]:".contains(*c)).collect();
        let helo = if helo.is_empty() { "localhost".to_owned() } else { helo };
        Ok(Self { server, helo, tls: TlsConnector::from(Arc::new(config)), waits })
    }

    /// Connects, encrypts and logs in as the settings say.
    pub async fn connect(&self) -> Result<Connection, Error> {
        self.connect_over(self.dial().await?).await
    }

    /// The same over a stream that leads to the server: to an address that was checked.
    pub async fn connect_over(&self, stream: impl Stream) -> Result<Connection, Error> {
        let stream = self.secure(stream).await?;
        let hello = ClientId::Domain(self.helo.clone());
        let greeted = AsyncSmtpConnection::connect_with_transport(stream, &hello);
        let mut inner = self.answer(Stage::Greeting, greeted).await?;
        if let Some((user, password)) = &self.server.login {
            if inner.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(self.refused(Stage::Login, "it offers neither PLAIN nor LOGIN".to_owned()));
            }
            let credentials = Credentials::new(user.clone(), password.0.clone());
            self.answer(Stage::Login, inner.auth(DEFAULT_MECHANISMS, &credentials)).await?;
        }
        Ok(Connection { inner, waits: self.waits, is_begun: false, is_broken: false })
    }

    /// The stream over which lettre finds the server's greeting.
    async fn secure(&self, mut stream: impl Stream) -> Result<Box<dyn AsyncTokioStream>, Error> {
        let greeting: &'static [u8] = match self.server.security {
            MailSecurity::Plain => return Ok(Box::new(Answers::new(stream, b""))),
            MailSecurity::Tls => b"",
            MailSecurity::StartTls => {
                let began = timeout(self.waits.reply, self.start_tls(&mut stream)).await;
                began.unwrap_or_else(|_| Err(self.unreachable("no answer in time".to_owned())))?;
                // After STARTTLS the server waits for EHLO, while lettre waits for a greeting.
                b"220 encrypted\r\n"
            }
        };
        let host = bare_host(&self.server.host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| self.insecure(format!("no certificate can be for the name {host}")))?;
        match timeout(self.waits.reply, self.tls.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(Answers::new(stream, greeting))),
            Ok(Err(error)) => Err(match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                Some(error) => self.insecure(tls_complaint(error)),
                None => self.unreachable(error.to_string()),
            }),
            Err(_) => Err(self.unreachable("no answer in time while agreeing on TLS".to_owned())),
        }
    }

    /// A connection to an address that may be used: a password never crosses a foreign network in the clear.
    async fn dial(&self) -> Result<TcpStream, Error> {
        let MailServer { security, host, port, login } = &self.server;
        let found = timeout(self.waits.connect, lookup_host((bare_host(host), *port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(self.unreachable(format!("its name is not known: {error}"))),
            Err(_) => return Err(self.unreachable("no answer from the name server in time".to_owned())),
        };
        let is_plain = *security == MailSecurity::Plain && login.is_some();
        if let Some(foreign) = addresses.iter().find(|address| is_plain && !is_local(address.ip())) {
            return Err(self.insecure(format!(
                "{} is not in the local network, and the password would go unencrypted; \
                 write smtps:// or smtp+starttls:// in mail.url",
                foreign.ip()
            )));
        }
        let mut detail = "its name has no address".to_owned();
        for address in addresses {
            match timeout(self.waits.connect, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    // The end of a mail goes after its text in a segment of its own, which would else wait until the server
                    // acknowledges the text: 40 ms a mail.
                    let _ = tcp.set_nodelay(true);
                    return Ok(tcp);
                }
                Ok(Err(error)) => detail = format!("{}: {error}", address.ip()),
                Err(_) => detail = format!("{}: no answer in time", address.ip()),
            }
        }
        Err(self.unreachable(detail))
    }

    /// Greeting, EHLO and STARTTLS, byte by byte: what an attacker adds behind the last answer stays unread
    /// and breaks the handshake instead of being taken for an answer of the encrypted server.
    async fn start_tls(&self, stream: &mut impl Stream) -> Result<(), Error> {
        self.short_answer(stream, Stage::Greeting, String::new()).await?;
        let offer = self.short_answer(stream, Stage::Greeting, format!("EHLO {}\r\n", self.helo)).await?;
        if !offer
            .lines()
            .any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")))
        {
            return Err(self.insecure(
                "it does not offer STARTTLS; write smtps:// with its TLS port (often 465) in mail.url"
                    .to_owned(),
            ));
        }
        self.short_answer(stream, Stage::StartTls, "STARTTLS\r\n".to_owned()).await.map(|_| ())
    }

    async fn short_answer(
        &self,
        stream: &mut impl Stream,
        stage: Stage,
        command: String,
    ) -> Result<String, Error> {
        let exchange = async {
            stream.write_all(command.as_bytes()).await?;
            let (mut answer, mut line_start) = (Vec::new(), 0);
            loop {
                answer.push(stream.read_u8().await?);
                if answer.ends_with(b"\n") {
                    if answer.get(line_start + 3) != Some(&b'-') {
                        return Ok(String::from_utf8_lossy(&answer).into_owned());
                    }
                    line_start = answer.len();
                }
                if answer.len() > REPLY_BYTES_MAX {
                    return Err(io::Error::other("its answer does not end"));
                }
            }
        };
        let answer = exchange.await.map_err(|error: io::Error| self.unreachable(error.to_string()))?;
        let reply = redact::plain(answer.trim_end());
        match answer.as_bytes().first() {
            Some(b'2') => Ok(answer),
            Some(b'5') => Err(self.refused(stage, reply)),
            _ => Err(Error::Later { host: self.server.host.clone(), stage, reply }),
        }
    }

    async fn answer<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, Error> {
        match timeout(self.waits.reply, step).await {
            Err(_) => Err(self.unreachable(format!("no answer in time, at {stage}"))),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if error.is_permanent() => Err(self.refused(stage, reply_of(&error))),
            Ok(Err(error)) if error.is_transient() => {
                Err(Error::Later { host: self.server.host.clone(), stage, reply: reply_of(&error) })
            }
            Ok(Err(error)) => Err(self.unreachable(format!("{}, at {stage}", reply_of(&error)))),
        }
    }

    fn unreachable(&self, detail: String) -> Error {
        Error::Unreachable { host: self.server.host.clone(), port: self.server.port, detail }
    }

    fn insecure(&self, detail: String) -> Error {
        Error::Unsafe { host: self.server.host.clone(), detail }
    }

    fn refused(&self, stage: Stage, reply: String) -> Error {
        Error::ServerRefused { host: self.server.host.clone(), stage, reply }
    }
}

impl Connection {
    /// Whether another mail can be delivered over it.
    pub fn is_usable(&self) -> bool {
        !self.is_broken
    }

    /// Delivers one mail to one receiver. `on_data` is called at most once, after the server has agreed to take
    /// the mail and before its first byte: until then it certainly has nothing, afterwards it may have all.
    pub async fn deliver<E>(
        &mut self,
        from: &str,
        to: &str,
        bytes: &[u8],
        on_data: impl FnOnce() -> Result<(), E>,
    ) -> Outcome<E> {
        if self.is_broken {
            return Outcome::Lost { after_data: false, detail: "the connection was already lost".to_owned() };
        }
        let Some(sender) = mail_address(from) else {
            let reply =
                format!("{} is no mail address; check organisation.abuse_address", redact::plain(from));
            return Outcome::ServerRefused { stage: Stage::Sender, reply };
        };
        let Some(recipient) = mail_address(to) else {
            let reply = format!("{} is no mail address that every server takes", redact::plain(to));
            return Outcome::Refused { stage: Stage::Recipient, reply };
        };
        if std::mem::replace(&mut self.is_begun, true)
            && let Err(outcome) = self.command(Stage::Sender, Rset).await
        {
            return outcome;
        }
        if let Err(outcome) = self.command(Stage::Sender, Mail::new(Some(sender), Vec::new())).await {
            return outcome;
        }
        if let Err(outcome) = self.command(Stage::Recipient, Rcpt::new(recipient, Vec::new())).await {
            return outcome;
        }
        match self.command(Stage::Data, Data).await {
            Ok(response) if response.has_code(354) => {}
            Ok(_) => return self.lost(false, "the server did not understand DATA".to_owned()),
            Err(outcome) => return outcome,
        }
        if let Err(error) = on_data() {
            // Between DATA and its end there is no other way back than to hang up.
            self.is_broken = true;
            return Outcome::Stopped(error);
        }
        // lettre adds the line end before the final dot, and doubles the dots at the beginning of lines.
        let content = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let answer = timeout(self.waits.content, self.inner.message(content)).await;
        match self.judge(Stage::Content, answer) {
            Ok(response) => {
                let code = u16::from(response.code());
                let text = response.message().collect::<Vec<_>>().join(" ");
                let reply = redact::plain(&format!("{code} {text}"));
                // To lettre 3xx is good too, but whoever asks for more has not said that he has the mail.
                if response.code().severity != Severity::PositiveCompletion {
                    return self.lost(true, format!("{reply}, at {}", Stage::Content));
                }
                self.is_begun = false;
                Outcome::Accepted { reply }
            }
            Err(outcome) => outcome,
        }
    }

    /// Says good-bye.
    pub async fn quit(mut self) {
        if !self.is_broken {
            // The mails are delivered; whether the server answers no longer matters.
            let _ = timeout(self.waits.connect, self.inner.quit()).await;
        }
    }

    async fn command<E>(&mut self, stage: Stage, command: impl fmt::Display) -> Result<Response, Outcome<E>> {
        let answer = timeout(self.waits.reply, self.inner.command(command)).await;
        self.judge(stage, answer)
    }

    fn judge<E>(
        &mut self,
        stage: Stage,
        answer: Result<Result<Response, lettre::transport::smtp::Error>, tokio::time::error::Elapsed>,
    ) -> Result<Response, Outcome<E>> {
        let after_data = stage == Stage::Content;
        let error = match answer {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => error,
            Err(_) => return Err(self.lost(after_data, format!("no answer in time, at {stage}"))),
        };
        let reply = reply_of(&error);
        let Some(code) = error.status().map(u16::from) else {
            return Err(self.lost(after_data, format!("{reply}, at {stage}")));
        };
        // RFC 5321 3.8: the server closes after 421.
        self.is_broken |= code == 421;
        Err(match stage {
            _ if error.is_transient() => Outcome::Later { stage, reply },
            Stage::Recipient | Stage::Data | Stage::Content if !is_about_the_box(code, &reply) => {
                Outcome::Refused { stage, reply }
            }
            _ => Outcome::ServerRefused { stage, reply },
        })
    }

    fn lost<E>(&mut self, after_data: bool, detail: String) -> Outcome<E> {
        self.is_broken = true;
        Outcome::Lost { after_data, detail }
    }
}

/// A stream of answers that lettre can bear: it panics where a line of the EHLO answer is nothing but blanks, gives up
/// at text that is not UTF-8, and knows no answer of a code alone, which RFC 5321 4.2 allows. Fails when an answer is
/// longer than [`REPLY_BYTES_MAX`].
#[derive(Debug)]
struct Answers<S> {
    stream: S,
    /// Lines to hand out.
    lines: Vec<u8>,
    /// The beginning of the next line, as it came.
    begun: Vec<u8>,
    /// Bytes read since the last command.
    read: usize,
}

impl<S> Answers<S> {
    /// Gives `greeting` first.
    fn new(stream: S, greeting: &[u8]) -> Self {
        Self { stream, lines: greeting.to_vec(), begun: Vec::new(), read: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.begun);
                let text = line.trim_end();
                self.lines.extend_from_slice(text.as_bytes());
                self.lines.extend_from_slice(if text.len() == CODE_BYTES { b" \r\n" } else { b"\r\n" });
                self.begun.clear();
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answers<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.lines.is_empty() {
            let mut bytes = [0; 1024];
            let mut piece = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
            this.read += piece.filled().len();
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            } else if this.read > REPLY_BYTES_MAX {
                return Poll::Ready(Err(io::Error::other("its answer does not end")));
            }
            this.take(piece.filled());
        }
        let length = this.lines.len().min(buffer.remaining());
        buffer.put_slice(&this.lines[..length]);
        this.lines.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answers<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.read = 0;
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: Stream> AsyncTokioStream for Answers<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The answer of the server, or what else went wrong, as one short line.
fn reply_of(error: &lettre::transport::smtp::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    redact::plain(&match error.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause,
    })
}

/// Whether a refusal would meet every mail of this box: a login is asked for (RFC 4954), or relaying refused.
/// Enhanced codes 5.1 are about the address (RFC 3463), whatever words stand behind them.
fn is_about_the_box(code: u16, reply: &str) -> bool {
    let is_relaying = reply.to_ascii_lowercase().contains("relay") && !reply.contains(" 5.1.");
    matches!(code, 530 | 534 | 535 | 538) || is_relaying
}

fn mail_address(text: &str) -> Option<Address> {
    let is_safe = text.is_ascii() && !text.contains(|c: char| c.is_ascii_control() || " <>".contains(c));
    text.parse().ok().filter(|_| is_safe)
}

/// An IPv6 address stands in brackets in a URL only.
fn bare_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Loopback or private (RFC 1918, RFC 4193): not reached over a foreign network.
fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

fn tls_complaint(error: &rustls::Error) -> String {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "its certificate has expired; who runs it must renew it (or the clock of this box is wrong)"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "its certificate is not yet valid; is the clock of this box right?".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "its certificate is for another name; write the name that is in it in mail.url".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "its certificate is signed by no known authority; add that authority's PEM file to trust.extra_ca"
                .to_owned()
        }
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS on this port; smtp+starttls:// is for port 587, smtps:// for port 465"
                .to_owned()
        }
        other => redact::plain(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use rustls::ServerConfig;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::config::Secret;

    /// What the server says at each step; `""` hangs up, `"..."` says nothing.
    #[derive(Clone)]
    struct Script {
        greeting: &'static str,
        ehlo: &'static str,
        auth: &'static str,
        mail: &'static str,
        rcpt: &'static str,
        data: &'static str,
        content: &'static str,
        /// Sent behind the answer to STARTTLS, in the clear.
        injected: &'static str,
        tls: Option<(MailSecurity, Arc<ServerConfig>)>,
    }

    const FRIENDLY: Script = Script {
        greeting: "220 hello",
        ehlo: "250-me\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS",
        auth: "235 ok",
        mail: "250 ok",
        rcpt: "250 ok",
        data: "354 go",
        content: "250 2.0.0 queued as 1",
        injected: "",
        tls: None,
    };

    type Transcript = Arc<Mutex<Vec<String>>>;

    async fn start(script: Script) -> (u16, Transcript) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let transcript = Transcript::default();
        let lines = transcript.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                match &script.tls {
                    Some((MailSecurity::Tls, config)) => {
                        if let Ok(tls) = TlsAcceptor::from(config.clone()).accept(tcp).await {
                            talk(tls, &script, &lines, true).await;
                        }
                    }
                    other => {
                        let upgraded = talk(tcp, &script, &lines, true).await;
                        if let (Some(tcp), Some((_, config))) = (upgraded, other)
                            && let Ok(tls) = TlsAcceptor::from(config.clone()).accept(tcp).await
                        {
                            talk(tls, &script, &lines, false).await;
                        }
                    }
                }
            }
        });
        (port, transcript)
    }

    /// One conversation; gives the stream back when STARTTLS was answered.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        stream: S,
        script: &Script,
        lines: &Transcript,
        greets: bool,
    ) -> Option<S> {
        let mut stream = BufReader::new(stream);
        let mut answer = if greets { script.greeting } else { "-" };
        let mut prompts = vec![];
        let mut in_content = false;
        loop {
            match answer {
                "" => return None,
                "..." => std::future::pending().await,
                "endless" => loop {
                    stream.write_all(&[b'2'; 8192]).await.ok()?;
                },
                "-" => {}
                reply => stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?,
            }
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches("\r\n").to_owned();
            lines.lock().unwrap().push(line.clone());
            answer = match line.get(..4).unwrap_or_default() {
                _ if in_content => {
                    in_content = line != ".";
                    if in_content { "-" } else { script.content }
                }
                _ if !prompts.is_empty() => prompts.remove(0),
                "EHLO" => script.ehlo,
                "AUTH" if line == "AUTH LOGIN" => {
                    prompts = vec!["334 UGFzc3dvcmQ6", script.auth];
                    "334 VXNlcm5hbWU6"
                }
                "AUTH" => script.auth,
                "MAIL" => script.mail,
                "RCPT" => script.rcpt,
                "DATA" => {
                    in_content = script.data.starts_with("354");
                    script.data
                }
                "STAR" => {
                    let all = format!("220 go\r\n{}", script.injected);
                    stream.write_all(all.as_bytes()).await.ok()?;
                    return Some(stream.into_inner());
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
        }
    }

    const SHORT: Waits = Waits {
        connect: Duration::from_secs(5),
        reply: Duration::from_millis(1500),
        content: Duration::from_millis(1500),
    };

    fn smtp(security: MailSecurity, host: &str, port: u16, login: bool, ca: &[Vec<u8>]) -> Smtp {
        let login = login.then(|| ("user".to_owned(), Secret("pa ss".to_owned())));
        let server = MailServer { security, host: host.to_owned(), port, login };
        Smtp::new(server, "box.example.net", ca, SHORT).unwrap()
    }

    async fn connect(script: Script, login: bool) -> Result<(Connection, Transcript), Error> {
        let (port, lines) = start(script).await;
        let connection = smtp(MailSecurity::Plain, "127.0.0.1", port, login, &[]).connect().await?;
        Ok((connection, lines))
    }

    /// Delivers one mail; says how often `on_data` was called.
    async fn send(connection: &mut Connection) -> (Outcome<()>, u32) {
        let mut calls = 0;
        let counted = || {
            calls += 1;
            Ok(())
        };
        let outcome = connection.deliver(
            "abuse+t@example.net",
            "kunde@example.org",
            b"Subject: x\r\n\r\n.\r\n..a\r\n",
            counted,
        );
        (outcome.await, calls)
    }

    async fn outcome(script: Script) -> (Outcome<()>, u32) {
        let (mut connection, _) = connect(script, false).await.unwrap();
        send(&mut connection).await
    }

    #[tokio::test]
    async fn a_connection_carries_several_mails() {
        let (mut connection, lines) = connect(FRIENDLY, true).await.unwrap();
        for _ in 0..2 {
            let accepted = Outcome::Accepted { reply: "250 2.0.0 queued as 1".to_owned() };
            assert_eq!(send(&mut connection).await, (accepted, 1));
        }
        connection.quit().await;
        let mail = [
            "MAIL FROM:<abuse+t@example.net>",
            "RCPT TO:<kunde@example.org>",
            "DATA",
            "Subject: x",
            "",
            "..",
            "...a",
            ".",
        ];
        let login = ["EHLO box.example.net", "AUTH PLAIN AHVzZXIAcGEgc3M="];
        let all: Vec<&str> = [&login[..], &mail, &mail, &["QUIT"]].concat();
        assert_eq!(*lines.lock().unwrap(), all);
    }

    #[tokio::test]
    async fn login_is_used_where_plain_is_not_offered() {
        let script = Script { ehlo: "250-me\r\n250 AUTH LOGIN", ..FRIENDLY };
        let (_, lines) = connect(script, true).await.unwrap();
        assert_eq!(lines.lock().unwrap()[1..], ["AUTH LOGIN", "dXNlcg==", "cGEgc3M="]);
    }

    #[tokio::test]
    async fn answers_decide() {
        let later = |stage, reply: &str| Outcome::Later { stage, reply: reply.to_owned() };
        let refused = |stage, reply: &str| Outcome::Refused { stage, reply: reply.to_owned() };
        let server = |stage, reply: &str| Outcome::ServerRefused { stage, reply: reply.to_owned() };
        for (script, expected, calls) in [
            (Script { mail: "451 busy", ..FRIENDLY }, later(Stage::Sender, "451 busy"), 0),
            (Script { mail: "550 who are you", ..FRIENDLY }, server(Stage::Sender, "550 who are you"), 0),
            (Script { rcpt: "450 grey", ..FRIENDLY }, later(Stage::Recipient, "450 grey"), 0),
            (
                Script { rcpt: "550 5.1.1 unknown", ..FRIENDLY },
                refused(Stage::Recipient, "550 5.1.1 unknown"),
                0,
            ),
            (
                Script { rcpt: "550 5.1.1 no <a@relay.example>", ..FRIENDLY },
                refused(Stage::Recipient, "550 5.1.1 no <a@relay.example>"),
                0,
            ),
            (Script { rcpt: "530 log in", ..FRIENDLY }, server(Stage::Recipient, "530 log in"), 0),
            (
                Script { rcpt: "554 5.7.1 Relay access denied", ..FRIENDLY },
                server(Stage::Recipient, "554 5.7.1 Relay access denied"),
                0,
            ),
            (Script { data: "452 full", ..FRIENDLY }, later(Stage::Data, "452 full"), 0),
            (Script { data: "554 no", ..FRIENDLY }, refused(Stage::Data, "554 no"), 0),
            (Script { content: "451 scan", ..FRIENDLY }, later(Stage::Content, "451 scan"), 1),
            (Script { content: "554 spam", ..FRIENDLY }, refused(Stage::Content, "554 spam"), 1),
        ] {
            assert_eq!(outcome(script).await, (expected, calls));
        }
    }

    /// Servers of real life: blanks where words should be, a code alone, letters that are not UTF-8, bare line feeds.
    #[tokio::test]
    async fn odd_answers_are_understood() {
        let script = b"220\r\n250-me\r\n250- \r\n250-\xc2\xa0\r\n250 \r\n250\r\n550 5.1.1 Empf\xe4nger\r\n\
            250\n250 ok\n250-ok\n250 ok\n354\n250\n";
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(script).await.unwrap();
        let smtp = smtp(MailSecurity::Plain, "mail.example", 25, false, &[]);
        let mut connection = smtp.connect_over(near).await.unwrap();
        let refused =
            Outcome::Refused { stage: Stage::Recipient, reply: "550 5.1.1 Empf\u{fffd}nger".to_owned() };
        assert_eq!(send(&mut connection).await, (refused, 0));
        assert_eq!(send(&mut connection).await, (Outcome::Accepted { reply: "250 ".to_owned() }, 1));
    }

    #[tokio::test]
    async fn a_lost_connection_tells_whether_the_server_may_have_the_mail() {
        for (script, after) in [
            (Script { mail: "", ..FRIENDLY }, false),
            (Script { rcpt: "...", ..FRIENDLY }, false),
            (Script { data: "", ..FRIENDLY }, false),
            (Script { data: "250 what", ..FRIENDLY }, false),
            (Script { rcpt: "endless", ..FRIENDLY }, false),
            (Script { rcpt: "nonsense", ..FRIENDLY }, false),
            (Script { content: "", ..FRIENDLY }, true),
            (Script { content: "...", ..FRIENDLY }, true),
        ] {
            let (mut connection, _) = connect(script, false).await.unwrap();
            let (outcome, calls) = send(&mut connection).await;
            assert!(
                matches!(outcome, Outcome::Lost { after_data, .. } if after_data == after),
                "{outcome:?}"
            );
            assert_eq!(calls, u32::from(after));
            assert!(!connection.is_usable());
            assert!(matches!(send(&mut connection).await, (Outcome::Lost { after_data: false, .. }, 0)));
        }
    }

    #[tokio::test]
    async fn a_refused_mail_is_reset_and_the_next_one_goes() {
        let (mut connection, lines) = connect(Script { rcpt: "550 no", ..FRIENDLY }, false).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(send(&mut connection).await.0, Outcome::Refused { .. }));
        }
        assert_eq!(lines.lock().unwrap().iter().filter(|line| *line == "RSET").count(), 1);
        let (mut connection, _) = connect(Script { mail: "421 closing", ..FRIENDLY }, false).await.unwrap();
        assert!(matches!(send(&mut connection).await.0, Outcome::Later { .. }));
        assert!(!connection.is_usable());
    }

    #[tokio::test]
    async fn nothing_is_sent_when_the_store_fails() {
        let (mut connection, lines) = connect(FRIENDLY, false).await.unwrap();
        let outcome =
            connection.deliver("a@example.net", "b@example.org", b"x\r\n", || Err("disk full")).await;
        assert_eq!(outcome, Outcome::Stopped("disk full"));
        assert!(!connection.is_usable());
        assert_eq!(lines.lock().unwrap().last().unwrap(), "DATA");
    }

    #[tokio::test]
    async fn a_bad_address_fails_alone_and_injects_nothing() {
        let (mut connection, lines) = connect(FRIENDLY, false).await.unwrap();
        for to in ["nobody", "a@b>\r\nRCPT TO:<c@d.example", "m\u{fc}ller@example.org", "a b@example.org", ""]
        {
            let outcome = connection.deliver("a@example.net", to, b"x", || Ok::<(), ()>(())).await;
            assert!(matches!(outcome, Outcome::Refused { stage: Stage::Recipient, .. }), "{to}: {outcome:?}");
        }
        assert_eq!(lines.lock().unwrap().len(), 1, "only EHLO");
        assert!(matches!(send(&mut connection).await, (Outcome::Accepted { .. }, 1)));
    }

    #[tokio::test]
    async fn a_refused_box_is_no_failed_mail() {
        for (script, expected, person) in [
            (Script { greeting: "554 no service", ..FRIENDLY }, "the greeting: 554 no service", true),
            (Script { greeting: "421 later", ..FRIENDLY }, "the greeting: 421 later", false),
            (Script { greeting: "...", ..FRIENDLY }, "no answer in time", false),
            (Script { greeting: "", ..FRIENDLY }, "cannot reach", false),
            (Script { greeting: "endless", ..FRIENDLY }, "does not end", false),
            (Script { ehlo: "550 go away", ..FRIENDLY }, "the greeting: 550 go away", true),
            (Script { auth: "535 5.7.8 wrong", ..FRIENDLY }, "the login: 535 5.7.8 wrong", true),
            (Script { auth: "454 try later", ..FRIENDLY }, "the login: 454 try later", false),
            (Script { ehlo: "250 me", ..FRIENDLY }, "neither PLAIN nor LOGIN", true),
        ] {
            let error = connect(script, true).await.err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.needs_a_person(), person, "{error}");
            assert!(!format!("{error:?}").contains("pa ss"));
        }
        let error = smtp(MailSecurity::Plain, "127.0.0.1", 1, false, &[]).connect().await.err().unwrap();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_password_never_goes_in_the_clear_to_a_foreign_server() {
        let error = smtp(MailSecurity::Plain, "203.0.113.9", 25, true, &[]).connect().await.err().unwrap();
        assert!(matches!(error, Error::Unsafe { .. }), "{error}");
        for (address, local) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("192.168.1.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("::ffff:10.0.0.1", true),
            ("172.32.0.1", false),
            ("100.64.0.1", false),
            ("2001:db8::1", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap()), local, "{address}");
        }
    }

    /// A server's TLS for `name`, valid until `year`, and its authority's PEM.
    fn certificate(name: &str, year: i32) -> (Arc<ServerConfig>, Vec<u8>) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.not_after = date_time_ymd(year, 1, 1);
        let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        (Arc::new(config), root.pem().into_bytes())
    }

    #[tokio::test]
    async fn tls_both_ways_with_an_own_authority() {
        for security in [MailSecurity::Tls, MailSecurity::StartTls] {
            let (config, ca) = certificate("localhost", 4000);
            let (port, lines) = start(Script { tls: Some((security, config)), ..FRIENDLY }).await;
            let mut connection = smtp(security, "localhost", port, true, &[ca]).connect().await.unwrap();
            assert!(matches!(send(&mut connection).await, (Outcome::Accepted { .. }, 1)));
            let lines = lines.lock().unwrap();
            let login = lines.iter().position(|line| line.starts_with("AUTH")).unwrap();
            let upgrade = lines.iter().position(|line| line == "STARTTLS");
            assert_eq!(upgrade.is_some_and(|at| at < login), security == MailSecurity::StartTls, "{lines:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_certificate_is_named() {
        for (name, year, known, expected) in [
            ("other.example", 4000, true, "for another name"),
            ("localhost", 2001, true, "has expired"),
            ("localhost", 4000, false, "trust.extra_ca"),
        ] {
            for security in [MailSecurity::Tls, MailSecurity::StartTls] {
                let (config, ca) = certificate(name, year);
                let (port, lines) = start(Script { tls: Some((security, config)), ..FRIENDLY }).await;
                let authorities = if known { vec![ca] } else { vec![] };
                let error =
                    smtp(security, "localhost", port, true, &authorities).connect().await.err().unwrap();
                assert!(
                    matches!(&error, Error::Unsafe { detail, .. } if detail.contains(expected)),
                    "{error}"
                );
                assert!(!lines.lock().unwrap().iter().any(|line| line.starts_with("AUTH")));
            }
        }
        let (port, _) = start(FRIENDLY).await;
        let error = smtp(MailSecurity::Tls, "localhost", port, true, &[]).connect().await.err().unwrap();
        assert!(error.to_string().contains("does not speak TLS"), "{error}");
    }

    #[tokio::test]
    async fn starttls_is_never_gone_without() {
        let script = Script { ehlo: "250-me\r\n250 AUTH PLAIN", ..FRIENDLY };
        let (port, lines) = start(script).await;
        let error = smtp(MailSecurity::StartTls, "localhost", port, true, &[]).connect().await.err().unwrap();
        assert!(error.to_string().contains("does not offer STARTTLS") && error.needs_a_person(), "{error}");
        assert_eq!(lines.lock().unwrap().len(), 1, "only EHLO");
    }

    #[tokio::test]
    async fn answers_injected_before_tls_are_not_believed() {
        let (config, ca) = certificate("localhost", 4000);
        let injected = "250-me\r\n250 AUTH PLAIN\r\n235 ok\r\n";
        let script = Script { injected, tls: Some((MailSecurity::StartTls, config)), ..FRIENDLY };
        let (port, _) = start(script).await;
        let error =
            smtp(MailSecurity::StartTls, "localhost", port, true, &[ca]).connect().await.err().unwrap();
        assert!(matches!(error, Error::Unsafe { .. }), "{error}");
    }

    #[test]
    fn an_unusable_authority_is_a_complaint() {
        let server = MailServer {
            security: MailSecurity::Tls,
            host: "mail.example".to_owned(),
            port: 465,
            login: None,
        };
        for pem in [&b"nothing"[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let built = Smtp::new(server.clone(), "box", &[pem.to_vec()], Waits::default());
            assert!(matches!(built, Err(Error::BadAuthority { .. })));
        }
    }
}
