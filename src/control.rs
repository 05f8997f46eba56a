//! How other commands reach the running process: a Unix socket in the data folder, a JSON line with the words of
//! the command there, JSON lines with its output back.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::command::{self, Command, Exit, Invocation, Output};
use crate::service::Engine;

#[derive(Serialize, Deserialize)]
struct Request {
    words: Vec<String>,
    /// Relative paths are taken from here.
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Piece {
    Out(String),
    Err(String),
    Exit(u8),
}

/// The socket in a data folder.
pub fn socket(data: &Path) -> PathBuf {
    data.join("abusebox.sock")
}

/// Lets the process that works on `data` do the command. `None`: there is none.
pub fn ask(
    data: &Path,
    words: &[OsString],
    folder: &Path,
    output: &mut Output<'_>,
) -> io::Result<Option<u8>> {
    let mut stream = match UnixStream::connect(socket(data)) {
        Ok(stream) => stream,
        // Not there, or left behind by one that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => {
            let why = match error.kind() {
                // What the system takes as the path of a socket.
                io::ErrorKind::InvalidInput => "its path is too long; choose a shorter one".to_owned(),
                _ => error.to_string(),
            };
            let text = format!("the data folder {} cannot be used: {why}", data.display());
            return Err(io::Error::new(error.kind(), text));
        }
    };
    let words = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    serde_json::to_writer(&mut stream, &Request { words, folder: folder.to_owned() })?;
    stream.write_all(b"\n")?;
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Piece::Out(text) => output.out.write_all(text.as_bytes())?,
            Piece::Err(text) => output.err.write_all(text.as_bytes())?,
            Piece::Exit(code) => return Ok(Some(code)),
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "abusebox run stopped in the middle of the command"))
}

/// Serves the socket until the process ends. `done` is called after each command that may have changed something.
/// Where the socket cannot be made, on a disk that cannot be written to, that is tried again and again.
pub fn serve(engine: Arc<Engine>, done: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    let path = socket(&engine.data);
    let mut listening = listen(&path);
    if let Err(error) = &listening {
        tracing::error!("commands are not heard yet: cannot make {}: {error}", path.display());
    }
    let done = Arc::new(done);
    let at_work = Arc::new(());
    std::thread::Builder::new().name("control".to_owned()).spawn(move || {
        let listener = loop {
            match listening {
                Ok(listener) => break listener,
                Err(_) => std::thread::sleep(LISTEN_AGAIN_AFTER),
            }
            listening = listen(&path);
        };
        loop {
            let Ok((stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_secs(1));
                continue;
            };
            let (engine, done, slot) = (engine.clone(), done.clone(), at_work.clone());
            // One count is our own.
            if Arc::strong_count(&slot) > COMMANDS_MAX + 1 {
                let text = "abusebox: too many commands at once; try again\n".to_owned();
                let _ = send(&stream, &Piece::Err(text))
                    .and_then(|()| send(&stream, &Piece::Exit(Exit::Failed as u8)));
                continue;
            }
            let spawned = std::thread::Builder::new().name("command".to_owned()).spawn(move || {
                let _slot = slot;
                // The other side may go away at any time; that ends the command's output and nothing else.
                let _ = answer(&engine, &stream);
                done();
            });
            if spawned.is_err() {
                tracing::warn!("no thread for a command");
            }
        }
    })?;
    Ok(())
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The data folder is ours alone, so nobody comes in before the mode is set.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn answer(engine: &Arc<Engine>, stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
    stream.set_write_timeout(Some(WRITE_TIME_MAX))?;
    let mut line = String::new();
    io::Read::take(BufReader::new(stream), REQUEST_BYTES_MAX).read_line(&mut line)?;
    let Request { words, folder } = serde_json::from_str(&line)?;
    let (mut out, mut err) = (Pieces::new(stream, Piece::Out), Pieces::new(stream, Piece::Err));
    let exit = match command::parse(words.into_iter().map(OsString::from), &folder) {
        Ok(Invocation { command: Command::Run | Command::Once, .. }) => {
            writeln!(err, "abusebox run is at work on {}; stop it first", engine.data.display())?;
            Exit::Failed
        }
        Ok(invocation) => {
            let clock = invocation.at.map_or_else(|| engine.clock.clone(), Clock::fixed);
            invocation.command.execute(engine, &clock, &mut Output { out: &mut out, err: &mut err })?
        }
        Err(error) => {
            writeln!(err, "abusebox: {error}")?;
            Exit::WrongUse
        }
    };
    out.flush()?;
    err.flush()?;
    send(stream, &Piece::Exit(exit as u8))
}

fn send(mut stream: &UnixStream, piece: &Piece) -> io::Result<()> {
    serde_json::to_writer(stream, piece)?;
    stream.write_all(b"\n")
}

/// Sends what is written to it as pieces.
struct Pieces<'a> {
    stream: &'a UnixStream,
    kind: fn(String) -> Piece,
    buffer: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(stream: &'a UnixStream, kind: fn(String) -> Piece) -> Self {
        Self { stream, kind, buffer: Vec::new() }
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        // Whole lines only: a piece is text.
        if self.buffer.len() >= PIECE_BYTES && bytes.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            send(self.stream, &(self.kind)(text))?;
            self.buffer.clear();
        }
        Ok(())
    }
}

const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Commands at work at once.
const COMMANDS_MAX: usize = 16;
/// Longest request: a command line of file names.
const REQUEST_BYTES_MAX: u64 = 1024 * 1024;
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// A reader that stops reading does not hold a thread for ever.
const WRITE_TIME_MAX: Duration = Duration::from_secs(600);
/// Output gathered before it is sent.
const PIECE_BYTES: usize = 32 * 1024;
