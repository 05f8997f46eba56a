//! Asks the supervisor, which has root's rights, to do something: a line of JSON to its socket, a line back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::request::Request;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or busy; later it may be.
    #[error("the supervisor does not answer")]
    Unreachable(#[source] io::Error),
    /// It will say the same again.
    #[error("the supervisor refuses: {0}")]
    Refused(String),
    #[error("the supervisor's answer is not understood: it is from another version")]
    Form(#[source] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Done,
    Refused(String),
}

/// Waits until it is done.
pub fn ask(socket: &Path, request: &Request) -> Result<(), Error> {
    let line = exchange(socket, &request.line()).map_err(Error::Unreachable)?;
    match serde_json::from_str(&line).map_err(Error::Form)? {
        Answer::Done => Ok(()),
        Answer::Refused(why) => Err(Error::Refused(why)),
    }
}

fn exchange(socket: &Path, request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut line)?;
    Ok(line)
}

/// Long enough for a supervisor that is at work on something else.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// A sentence.
const ANSWER_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_answer_says_whether_it_was_done() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("supervise.sock");
        let set = Request::SetClock { unix_millis: 1_800_000_000_123 };
        assert!(matches!(super::ask(&socket, &set), Err(Error::Unreachable(_))));
        let listener = UnixListener::bind(&socket).unwrap();
        let ask = |answer: &'static str| {
            std::thread::scope(|scope| {
                let asked = scope.spawn(|| {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut line = String::new();
                    BufReader::new(&stream).read_line(&mut line).unwrap();
                    stream.write_all(answer.as_bytes()).unwrap();
                    line
                });
                let done = super::ask(&socket, &set);
                (done, asked.join().unwrap())
            })
        };
        let (done, asked) = ask("\"done\"\n");
        done.unwrap();
        assert_eq!(asked, "{\"set-clock\":{\"unix_millis\":1800000000123}}\n");
        assert!(matches!(ask("{\"refused\":\"no\"}\n").0, Err(Error::Refused(why)) if why == "no"));
        assert!(matches!(ask("\"perhaps\"\n").0, Err(Error::Form(_))));
        assert!(matches!(ask("").0, Err(Error::Form(_))));
    }
}
