//! A mail server on the same thread as the product, so that each delivery takes microseconds. It notes every attempt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A point in a delivery at which something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Banner,
    Mail,
    Rcpt,
    /// After the last byte.
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Reply(&'static str),
    /// The connection ends without an answer.
    Drop,
    /// The mail is taken, but nobody is told.
    KeepThenDrop,
}

#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The address concerned; `None`: all.
    pub(super) to: Option<String>,
    pub(super) stage: Stage,
    pub(super) act: Act,
    /// How often still; `None`: until it is healed.
    pub(super) left: Option<u32>,
}

/// What came of an attempt to deliver a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Kept,
    Later,
    Refused,
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Empty where nobody was named yet.
    pub(super) to: String,
    /// The mail, if it came that far.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) outcome: Outcome,
}

#[derive(Default)]
struct Shared {
    faults: Vec<(usize, Fault)>,
    attempts: Vec<Attempt>,
    listening: bool,
}

pub(super) struct Post {
    shared: Arc<Mutex<Shared>>,
    up: watch::Sender<bool>,
    pub(super) port: u16,
}

impl Post {
    pub(super) fn start(runtime: &Runtime) -> Self {
        let shared = Arc::new(Mutex::new(Shared { listening: true, ..Shared::default() }));
        let (up, is_up) = watch::channel(true);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(serve(listener, shared.clone(), is_up));
        Self { shared, up, port }
    }

    /// Connections are refused, or taken again.
    pub(super) fn set_up(&self, runtime: &Runtime, up: bool) {
        self.up.send_replace(up);
        runtime.block_on(async {
            while lock(&self.shared).listening != up {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(super) fn break_by(&self, number: usize, fault: Fault) {
        lock(&self.shared).faults.push((number, fault));
    }

    pub(super) fn heal(&self, number: usize) {
        lock(&self.shared).faults.retain(|(known, _)| *known != number);
    }

    /// The attempts since this was last asked.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        std::mem::take(&mut lock(&self.shared).attempts)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>, mut up: watch::Receiver<bool>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    loop {
        let is_up = *up.borrow_and_update();
        match (&listener, is_up) {
            (Some(_), false) => listener = None,
            (None, true) => listener = Some(TcpListener::bind(address).await.unwrap()),
            _ => {}
        }
        lock(&shared).listening = is_up;
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = up.changed() => if changed.is_err() { return },
            accepted = accept => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let shared = shared.clone();
                tokio::spawn(async move {
                    // The other side may hang up at any point.
                    let _ = session(stream, &shared).await;
                });
            }
        }
    }
}

/// Which fault there is now.
fn fault(shared: &Mutex<Shared>, stage: Stage, to: &str) -> Option<Act> {
    let mut shared = lock(shared);
    let concerns = |fault: &Fault| fault.stage == stage && fault.to.as_ref().is_none_or(|one| one == to);
    let (_, fault) = shared.faults.iter_mut().find(|(_, fault)| fault.left != Some(0) && concerns(fault))?;
    if let Some(left) = &mut fault.left {
        *left -= 1;
    }
    Some(fault.act)
}

fn note(shared: &Mutex<Shared>, to: &str, bytes: Option<Vec<u8>>, outcome: Outcome) {
    lock(shared).attempts.push(Attempt { to: to.to_owned(), bytes, outcome });
}

fn outcome(reply: &str) -> Outcome {
    if reply.starts_with('4') { Outcome::Later } else { Outcome::Refused }
}

async fn session(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if let Some(Act::Reply(reply)) = fault(shared, Stage::Banner, "") {
        note(shared, "", None, outcome(reply));
        return stream.write_all(format!("{reply}\r\n").as_bytes()).await;
    }
    stream.write_all(b"220 years ESMTP\r\n").await?;
    let (mut line, mut to) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let (stage, usual) = match verb.as_str() {
            "EHLO" | "RSET" | "NOOP" => (None, "250 years"),
            "MAIL" => (Some(Stage::Mail), "250 2.1.0 OK"),
            "RCPT" => {
                let named = line.split(['<', '>']).nth(1).unwrap_or_default();
                to = named.to_owned();
                (Some(Stage::Rcpt), "250 2.1.5 OK")
            }
            "DATA" => (None, "354 Go on"),
            "QUIT" => return stream.write_all(b"221 2.0.0 Bye\r\n").await,
            _ => (None, "500 5.5.1 What?"),
        };
        let act = stage.and_then(|stage| fault(shared, stage, if verb == "MAIL" { "" } else { &to }));
        let reply = match act {
            None => usual,
            Some(Act::Reply(reply)) => {
                note(shared, if verb == "MAIL" { "" } else { &to }, None, outcome(reply));
                reply
            }
            Some(_) => {
                note(shared, &to, None, Outcome::Lost);
                return Ok(());
            }
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if verb == "DATA" {
            let bytes = body(&mut stream).await?;
            let (noted, reply) = match fault(shared, Stage::Body, &to) {
                None => (Outcome::Accepted, "250 2.0.0 Taken"),
                Some(Act::Reply(reply)) => (outcome(reply), reply),
                Some(Act::KeepThenDrop) => (Outcome::Kept, ""),
                Some(Act::Drop) => (Outcome::Lost, ""),
            };
            note(shared, &to, Some(bytes), noted);
            if reply.is_empty() {
                return Ok(());
            }
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
        // After 421 nobody goes on.
        if reply.starts_with("421") {
            return Ok(());
        }
    }
}

/// A mail up to its final dot, with the dots of the protocol taken off.
async fn body(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        if stream.read_until(b'\n', &mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if bytes[start..] == *b".\r\n" {
            bytes.truncate(start);
            return Ok(bytes);
        }
        if bytes[start] == b'.' {
            bytes.remove(start);
        }
    }
}
