//! A mail server that keeps what it is given, and fails at any stage of a delivery when told to.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use abusebox::config::MailSecurity;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::net::{self, Authority, Background, Stream};
use super::page;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) smtp: SocketAddr,
    /// The page that shows the mails; none without.
    pub(crate) web: Option<SocketAddr>,
    pub(crate) security: MailSecurity,
    /// Needed for the two kinds of encryption.
    pub(crate) tls: Option<&'a Authority>,
    /// User and password without which no mail is taken.
    pub(crate) login: Option<(&'a str, &'a str)>,
    /// Name or address in the URLs that are told, and in the certificate.
    pub(crate) host: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        let smtp = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { smtp, web: None, security: MailSecurity::Plain, tls: None, login: None, host: "127.0.0.1" }
    }
}

/// A point in a delivery at which something can go otherwise than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Banner,
    Ehlo,
    Auth,
    /// With the sender's address.
    Mail,
    /// With the receiver's address.
    Rcpt,
    /// The command, before any of the mail is sent.
    Data,
    /// After the final dot. With the receivers' addresses.
    Body,
}

/// What happens there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// This answer, as `451 4.7.1 Try again later`. After 421 the connection ends.
    Reply(&'static str),
    /// The connection ends without an answer; a mail is not kept.
    Drop,
    /// The mail is kept, then the connection ends without an answer.
    KeepThenDrop,
    /// No answer ever comes.
    Hang,
    /// An answer of many lines that never ends.
    Endless,
    /// The usual answer, late.
    Slow(Duration),
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// From 1, in the order of arrival.
    pub(crate) number: u64,
    /// Envelope sender.
    pub(crate) from: String,
    /// Envelope receivers.
    pub(crate) to: Vec<String>,
    /// As it was sent, with the dots of the protocol taken off.
    pub(crate) raw: Vec<u8>,
    pub(crate) encrypted: bool,
    /// The user that had logged in.
    pub(crate) login: Option<String>,
}

impl Mail {
    /// A header's value, unfolded and decoded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let message = self.parsed()?;
        if name.eq_ignore_ascii_case("subject") {
            return message.subject().map(str::to_owned);
        }
        let raw = message.header_raw(name)?;
        Some(raw.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    pub(crate) fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    pub(crate) fn message_id(&self) -> String {
        self.header("Message-ID").unwrap_or_default()
    }

    /// The text part, decoded; empty where there is none.
    pub(crate) fn text(&self) -> String {
        self.body(
            |message| message.text_part(0).map(|part| &part.body),
            |body| match body {
                PartType::Text(text) => Some(text.to_string()),
                _ => None,
            },
        )
    }

    /// The HTML part, decoded; empty where there is none.
    pub(crate) fn html(&self) -> String {
        self.body(
            |message| message.html_part(0).map(|part| &part.body),
            |body| match body {
                PartType::Html(html) => Some(html.to_string()),
                _ => None,
            },
        )
    }

    fn body(
        &self,
        part: impl for<'a> Fn(&'a Message<'a>) -> Option<&'a PartType<'a>>,
        read: impl Fn(&PartType) -> Option<String>,
    ) -> String {
        self.parsed().and_then(|message| part(&message).and_then(&read)).unwrap_or_default()
    }

    /// File name and decoded content of each attachment.
    pub(crate) fn attachments(&self) -> Vec<(String, Vec<u8>)> {
        let Some(message) = self.parsed() else { return Vec::new() };
        message
            .attachments()
            .map(|part| (part.attachment_name().unwrap_or_default().to_owned(), part.contents().to_vec()))
            .collect()
    }

    fn parsed(&self) -> Option<Message<'_>> {
        MessageParser::default().parse(&self.raw)
    }
}

/// The running server; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct MailCatcher {
    shared: Arc<Shared>,
    smtp: SocketAddr,
    web: Option<SocketAddr>,
    host: String,
    scheme: &'static str,
    login: String,
    up: watch::Sender<bool>,
    _background: Background,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told after each change of the state.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    mails: VecDeque<Arc<Mail>>,
    taken: u64,
    connections: u64,
    commands: VecDeque<String>,
    script: Vec<Rule>,
    listening: bool,
}

#[derive(Debug)]
struct Rule {
    stage: Stage,
    /// Part of the address concerned, or of the mail's receivers.
    concerns: String,
    act: Act,
    /// How often still; `None` for ever.
    left: Option<u32>,
}

/// What every session needs to know.
#[derive(Clone)]
struct House {
    shared: Arc<Shared>,
    security: MailSecurity,
    tls: Option<TlsAcceptor>,
    login: Option<(String, String)>,
}

impl MailCatcher {
    /// Starts on a free local port: no encryption, no login.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with(&Options::default())
    }

    pub(crate) fn start_with(options: &Options) -> io::Result<Self> {
        let (listener, smtp) = net::bind(options.smtp)?;
        let web = options.web.map(net::bind).transpose()?;
        let tls = match (options.security, options.tls) {
            (MailSecurity::Plain, _) => None,
            (_, Some(authority)) => Some(authority.acceptor(&[options.host])?),
            (_, None) => return Err(io::Error::other("encrypted mail needs an authority")),
        };
        let shared = Arc::new(Shared::default());
        shared.lock().listening = true;
        let house = House {
            shared: Arc::clone(&shared),
            security: options.security,
            tls,
            login: options.login.map(|(user, password)| (user.to_owned(), password.to_owned())),
        };
        let (up, is_up) = watch::channel(true);
        let (web_listener, web) = web.unzip();
        let background = Background::run("mail", move || async move {
            let shown = Arc::clone(&house.shared);
            let page = async {
                if let Some(listener) = web_listener {
                    let mails = move || shown.lock().mails.iter().cloned().collect::<Vec<_>>();
                    net::serve_http(listener, None, move |request| page::answer(&mails(), request)).await;
                }
            };
            tokio::join!(serve(listener, smtp, house, is_up), page);
        })?;
        let scheme = match options.security {
            MailSecurity::Plain => "smtp",
            MailSecurity::StartTls => "smtp+starttls",
            MailSecurity::Tls => "smtps",
        };
        let login = options.login.map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default();
        let host = options.host.to_owned();
        Ok(Self { shared, smtp, web, host, scheme, login, up, _background: background })
    }

    pub(crate) fn port(&self) -> u16 {
        self.smtp.port()
    }

    /// For `mail.url`. User and password must need no percent signs.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}{}:{}", self.scheme, self.login, self.host, self.smtp.port())
    }

    /// Of the page that shows the mails.
    pub(crate) fn web_url(&self) -> Option<String> {
        self.web.map(|web| format!("http://{}:{}/", self.host, web.port()))
    }

    /// All mails taken, oldest first.
    pub(crate) fn mails(&self) -> Vec<Arc<Mail>> {
        self.shared.lock().mails.iter().cloned().collect()
    }

    /// Waits until `count` mails were taken in all; false when `patience` ends before. Blocks the calling thread.
    pub(crate) fn wait_for(&self, count: usize, patience: Duration) -> bool {
        self.shared.wait(patience, |state| state.taken >= count as u64)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.lock().connections
    }

    /// The newest commands of all sessions, without what was said in AUTH.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.lock().commands.iter().cloned().collect()
    }

    /// Lets deliveries go otherwise: at `stage`, for addresses with `concerns` in them (all, if empty), the next
    /// `times` or until [`MailCatcher::heal`]. Later calls come first.
    pub(crate) fn script(&self, stage: Stage, concerns: &str, act: Act, times: Option<u32>) {
        let rule = Rule { stage, concerns: concerns.to_owned(), act, left: times };
        self.shared.lock().script.insert(0, rule);
    }

    /// Ends the script.
    pub(crate) fn heal(&self) {
        self.shared.lock().script.clear();
    }

    /// Takes the server down: connections are refused, open ones end. Or brings it back, on the same port.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
        self.shared.wait(Duration::from_secs(10), |state| state.listening == up);
    }
}

impl Shared {
    /// The state is whole after each statement, so a panic elsewhere in a test does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait(&self, patience: Duration, until: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !until(&state) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            state =
                self.changed.wait_timeout(state, left).map_or_else(|e| e.into_inner().0, |(state, _)| state);
        }
        true
    }
}

/// Listens while the server is up.
async fn serve(listener: StdListener, address: SocketAddr, house: House, mut up: watch::Receiver<bool>) {
    let mut first = TcpListener::from_std(listener).ok();
    loop {
        if !*up.borrow_and_update() {
            drop(first.take());
            house.shared.change(|state| state.listening = false);
            // The channel ends with the handle, and the runtime with it.
            if up.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = match first.take() {
            Some(listener) => listener,
            None => match TcpListener::bind(address).await {
                Ok(listener) => listener,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        house.shared.change(|state| state.listening = true);
        let sessions = net::accept(&listener, |stream, slots| {
            let (house, mut up) = (house.clone(), up.clone());
            async move {
                let Ok(_slot) = slots.acquire_owned().await else { return };
                tokio::select! {
                    // A client that breaks off concerns nobody else.
                    _ = session(house, Box::new(stream)) => {}
                    _ = up.wait_for(|up| !*up) => {}
                }
            }
        });
        let mut down = up.clone();
        tokio::select! { () = sessions => {}, _ = down.wait_for(|up| !*up) => {} }
    }
}

async fn session(house: House, stream: Box<dyn Stream>) -> io::Result<()> {
    house.shared.change(|state| state.connections += 1);
    let mut session = Session::new(house, stream);
    if session.house.security == MailSecurity::Tls {
        session.encrypt().await?;
    }
    match session.talk().await {
        Ok(()) | Err(End::Wanted) => session.stream.shutdown().await,
        Err(End::Lost(error)) => Err(error),
    }
}

/// Why a session is over.
enum End {
    /// By the script or by QUIT.
    Wanted,
    Lost(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

struct Session {
    house: House,
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    encrypted: bool,
    login: Option<String>,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(house: House, stream: Box<dyn Stream>) -> Self {
        Self {
            house,
            stream,
            buffer: Vec::new(),
            encrypted: false,
            login: None,
            greeted: false,
            from: None,
            to: Vec::new(),
        }
    }

    async fn talk(&mut self) -> Result<(), End> {
        self.answer(Stage::Banner, "", "220 mail.example.net ESMTP practice").await?;
        loop {
            let line = self.line().await?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            self.note(if verb == "AUTH" { "AUTH" } else { &line });
            match verb.as_str() {
                "EHLO" | "HELO" => self.hello(&verb).await?,
                "STARTTLS" => self.start_tls().await?,
                "AUTH" => self.authenticate(rest).await?,
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.rcpt(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.say("250 2.0.0 Reset").await?;
                }
                "NOOP" => self.say("250 2.0.0 Here").await?,
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("502 5.5.1 Unknown command").await?,
            }
        }
    }

    async fn hello(&mut self, verb: &str) -> Result<(), End> {
        let mut lines = vec!["mail.example.net".to_owned()];
        if verb == "EHLO" {
            lines.push(format!("SIZE {MAIL_BYTES_MAX}"));
            lines.push("8BITMIME".to_owned());
            if self.house.security == MailSecurity::StartTls && !self.encrypted {
                lines.push("STARTTLS".to_owned());
            } else if self.house.login.is_some() {
                lines.push("AUTH PLAIN LOGIN".to_owned());
            }
        }
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate();
        let usual: Vec<String> =
            lines.map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' })).collect();
        self.greeted = self.answer(Stage::Ehlo, "", &usual.join("\r\n")).await?;
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<(), End> {
        if self.house.security != MailSecurity::StartTls || self.encrypted {
            return self.say("502 5.5.1 Not offered").await;
        }
        self.say("220 2.0.0 Go ahead").await?;
        self.encrypt().await?;
        self.greeted = false;
        self.reset();
        Ok(())
    }

    async fn encrypt(&mut self) -> io::Result<()> {
        let tls = self.house.tls.clone().ok_or_else(|| io::Error::other("no certificate"))?;
        let (one, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(&mut self.stream, Box::new(one));
        // What was sent before the handshake must not count as said under encryption.
        self.buffer.clear();
        self.stream = Box::new(tls.accept(plain).await?);
        self.encrypted = true;
        Ok(())
    }

    async fn authenticate(&mut self, rest: &str) -> Result<(), End> {
        let Some((user, password)) = self.house.login.clone() else {
            return self.say("503 5.5.1 No login here").await;
        };
        if self.house.security == MailSecurity::StartTls && !self.encrypted {
            return self.say("538 5.7.11 Encryption required").await;
        }
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let first = if first.is_empty() { self.ask("").await? } else { decode(first) };
                let mut parts = first.splitn(3, '\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" => {
                // "Username:" and "Password:"
                let user = if first.is_empty() { self.ask("VXNlcm5hbWU6").await? } else { decode(first) };
                (user, self.ask("UGFzc3dvcmQ6").await?)
            }
            _ => return self.say("504 5.5.4 Unknown mechanism").await,
        };
        if given == (user.clone(), password) {
            if self.answer(Stage::Auth, &user, "235 2.7.0 Welcome").await? {
                self.login = Some(user);
            }
            return Ok(());
        }
        self.say("535 5.7.8 Wrong user or password").await
    }

    async fn ask(&mut self, question: &str) -> Result<String, End> {
        self.say(&format!("334 {question}")).await?;
        Ok(decode(&self.line().await?))
    }

    async fn mail(&mut self, rest: &str) -> Result<(), End> {
        let Some(from) = address(rest, "FROM:") else {
            return self.say("501 5.5.4 MAIL FROM:<address>").await;
        };
        if !self.greeted || self.from.is_some() {
            return self.say("503 5.5.1 Not now").await;
        }
        if self.house.security == MailSecurity::StartTls && !self.encrypted {
            return self.say("530 5.7.0 STARTTLS first").await;
        }
        if self.house.login.is_some() && self.login.is_none() {
            return self.say("530 5.7.0 Log in first").await;
        }
        let size = rest
            .to_ascii_uppercase()
            .split_once("SIZE=")
            .and_then(|(_, size)| size.split(' ').next().and_then(|size| size.parse::<usize>().ok()));
        if size.is_some_and(|size| size > MAIL_BYTES_MAX) {
            return self.say("552 5.3.4 Too big").await;
        }
        if self.answer(Stage::Mail, &from, "250 2.1.0 Fine").await? {
            self.from = Some(from);
        }
        Ok(())
    }

    async fn rcpt(&mut self, rest: &str) -> Result<(), End> {
        let Some(to) = address(rest, "TO:").filter(|to| !to.is_empty()) else {
            return self.say("501 5.5.4 RCPT TO:<address>").await;
        };
        if self.from.is_none() || self.to.len() >= RECEIVERS_MAX {
            return self.say("503 5.5.1 Not now").await;
        }
        if self.answer(Stage::Rcpt, &to, "250 2.1.5 Fine").await? {
            self.to.push(to);
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), End> {
        if self.to.is_empty() {
            return self.say("503 5.5.1 No receiver").await;
        }
        let receivers = self.to.join(" ");
        if !self.answer(Stage::Data, &receivers, "354 End with a dot on a line of its own").await? {
            self.reset();
            return Ok(());
        }
        let raw = self.until_dot().await?;
        let mail = Mail {
            number: 0,
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            raw,
            encrypted: self.encrypted,
            login: self.login.clone(),
        };
        // Kept before the answer is on its way: who has read it may look at once.
        let act = self.planned(Stage::Body, &receivers);
        let keep = match &act {
            Some(Act::Reply(reply)) => reply.starts_with('2'),
            Some(Act::Drop | Act::Hang | Act::Endless) => false,
            None | Some(Act::KeepThenDrop | Act::Slow(_)) => true,
        };
        if keep {
            self.house.shared.change(|state| {
                if state.mails.len() >= MAILS_MAX {
                    state.mails.pop_front();
                }
                state.taken += 1;
                state.mails.push_back(Arc::new(Mail { number: state.taken, ..mail }));
            });
        }
        self.perform(act, "250 2.0.0 Kept").await?;
        Ok(())
    }

    /// The mail up to the lonely dot.
    async fn until_dot(&mut self) -> Result<Vec<u8>, End> {
        // The line end of the command counts as one before the first line.
        let mut raw = b"\r\n".to_vec();
        raw.append(&mut self.buffer);
        let mut searched = 0;
        let end = loop {
            if let Some(at) = memchr::memmem::find(&raw[searched..], b"\r\n.\r\n") {
                break searched + at;
            }
            searched = raw.len().saturating_sub(4);
            if raw.len() > MAIL_BYTES_MAX {
                self.say("552 5.3.4 Too big").await?;
                return Err(End::Wanted);
            }
            if self.stream.read_buf(&mut raw).await? == 0 {
                return Err(End::Wanted);
            }
        };
        self.buffer = raw.split_off(end + 5);
        raw.truncate(end + 2);
        let mut mail = Vec::with_capacity(raw.len());
        let mut rest = &raw[..];
        while let Some(at) = memchr::memmem::find(rest, b"\r\n.") {
            mail.extend_from_slice(&rest[..at + 2]);
            rest = &rest[at + 3..];
        }
        mail.extend_from_slice(rest);
        Ok(mail.split_off(2))
    }

    /// Answers as the script says, else as usual; true if the answer was a yes.
    async fn answer(&mut self, stage: Stage, subject: &str, usual: &str) -> Result<bool, End> {
        let act = self.planned(stage, subject);
        self.perform(act, usual).await
    }

    fn planned(&self, stage: Stage, subject: &str) -> Option<Act> {
        let mut state = self.house.shared.lock();
        let rule = state.script.iter_mut().find(|rule| {
            rule.stage == stage && rule.left != Some(0) && subject.contains(rule.concerns.as_str())
        })?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.act.clone())
    }

    async fn perform(&mut self, act: Option<Act>, usual: &str) -> Result<bool, End> {
        let reply = match act {
            None => usual,
            Some(Act::Reply(reply)) => reply,
            Some(Act::Drop | Act::KeepThenDrop) => return Err(End::Wanted),
            Some(Act::Hang) => {
                let mut rest = [0; 512];
                while self.stream.read(&mut rest).await? > 0 {}
                return Err(End::Wanted);
            }
            Some(Act::Endless) => {
                let code = &usual[..3];
                loop {
                    self.say(&format!("{code}-and another line")).await?;
                }
            }
            Some(Act::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                usual
            }
        };
        self.say(reply).await?;
        if reply.starts_with("421") {
            return Err(End::Wanted);
        }
        Ok(reply.starts_with(['2', '3']))
    }

    async fn say(&mut self, reply: &str) -> Result<(), End> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    async fn line(&mut self) -> Result<String, End> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                self.say("500 5.5.2 Line too long").await?;
                return Err(End::Wanted);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(End::Wanted);
            }
        }
    }

    fn note(&self, command: &str) {
        let mut state = self.house.shared.lock();
        if state.commands.len() >= COMMANDS_MAX {
            state.commands.pop_front();
        }
        state.commands.push_back(command.to_owned());
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The address between angle brackets after `FROM:` or `TO:`; empty for the sender of bounces.
fn address(rest: &str, word: &str) -> Option<String> {
    let start = rest.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let (address, _) = rest[start.len()..].trim_start().strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

/// Base64 to text; nothing where it is none.
fn decode(text: &str) -> String {
    let bytes = base64_decode(text.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As told to clients; larger mails are refused.
const MAIL_BYTES_MAX: usize = 32 << 20;
/// A practice run over weeks shows the newest; tests make far fewer.
const MAILS_MAX: usize = 10_000;
/// Newest commands kept for assertions.
const COMMANDS_MAX: usize = 100_000;
/// RFC 5321 4.5.3.1.4 asks for 512; AUTH may be longer.
const LINE_BYTES_MAX: usize = 16 << 10;
/// RFC 5321 4.5.3.1.8.
const RECEIVERS_MAX: usize = 100;
