//! Answers of a mail server: whatever it says, the conversation ends, and a mail counts as accepted only if the
//! server said so after its last byte.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use abusebox::config::{MailSecurity, MailServer, Secret};
use abusebox::notify::smtp::{Outcome, Smtp, Waits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

use super::assert_showable;

pub(super) fn check(bytes: &[u8]) {
    for smtp in &*CLIENTS {
        let said = converse(smtp, bytes, true);
        // How the answers are cut into packets says nothing.
        assert_eq!(converse(smtp, bytes, false), said);
    }
}

/// What came of connecting and of two mails, in the client's words.
fn converse(smtp: &Smtp, script: &[u8], by_line: bool) -> Vec<String> {
    let server = Server { script: script.to_vec(), by_line, ..Server::default() };
    let server = Line(Arc::new(Mutex::new(server)));
    let client = async {
        let mut connection = match smtp.connect_over(server.clone()).await {
            Ok(connection) => connection,
            Err(error) => {
                assert!(!server.wrote("DATA\r\n"), "a mail without a connection");
                assert!(
                    !server.wrote("STARTTLS\r\n") || !server.wrote("AUTH PLAIN "),
                    "a password in the clear"
                );
                assert_showable(&error.to_string(), TOLD_CHARS_MAX);
                return vec![error.to_string()];
            }
        };
        let mut said = Vec::new();
        for _ in 0..2 {
            server.forget();
            let mut asked = 0;
            let ask = || {
                asked += 1;
                assert!(server.wrote("DATA\r\n") && !server.wrote(MAIL_BEGINS), "asked at the wrong moment");
                assert!(!by_line || server.answer().starts_with("354"), "asked without leave");
                Ok::<(), ()>(())
            };
            let outcome = connection.deliver("abuse@example.net", "a@example.org", MAIL, ask).await;
            assert_eq!(server.wrote(MAIL_BEGINS), asked == 1, "{outcome:?}");
            match &outcome {
                Outcome::Accepted { reply } => {
                    assert!(server.wrote(MAIL_SENT), "accepted before its end");
                    let good = server.answer().lines().all(|line| line.starts_with('2'));
                    assert!(!by_line || good, "accepted without a good answer");
                    assert_showable(reply, TOLD_CHARS_MAX);
                }
                Outcome::Later { reply, .. }
                | Outcome::Refused { reply, .. }
                | Outcome::ServerRefused { reply, .. } => {
                    assert_showable(reply, TOLD_CHARS_MAX);
                }
                Outcome::Lost { after_data, detail } => {
                    assert_eq!(*after_data, asked == 1, "{detail}");
                    assert!(!connection.is_usable(), "{detail}");
                    assert_showable(detail, TOLD_CHARS_MAX);
                }
                Outcome::Stopped(()) => unreachable!("nothing was stopped"),
            }
            said.push(format!("{outcome:?}"));
        }
        connection.quit().await;
        said
    };
    RUNTIME.with(|runtime| runtime.block_on(client))
}

/// The line to a server that says its script, whatever it is told, and hangs up at the end of it.
#[derive(Clone, Debug)]
struct Line(Arc<Mutex<Server>>);

#[derive(Debug, Default)]
struct Server {
    script: Vec<u8>,
    at: usize,
    /// One line at a time, so that an answer is read when it is asked for.
    by_line: bool,
    heard: Vec<u8>,
    /// Where it was in its script when it last heard something.
    answers_from: usize,
}

impl Line {
    fn server<T>(&self, with: impl FnOnce(&mut Server) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wrote(&self, text: &str) -> bool {
        self.server(|server| server.heard.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    fn forget(&self) {
        self.server(|server| server.heard.clear());
    }

    /// What was said since the client last said something.
    fn answer(&self) -> String {
        self.server(|server| {
            String::from_utf8_lossy(&server.script[server.answers_from..server.at]).into_owned()
        })
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.server(|server| {
            let rest = &server.script[server.at..];
            let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            let length = if server.by_line { line } else { rest.len() }.min(buffer.remaining());
            buffer.put_slice(&rest[..length]);
            server.at += length;
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.server(|server| {
            server.heard.extend_from_slice(bytes);
            server.answers_from = server.at;
        });
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// With a login in the clear, which is allowed because no address is looked up here; and up to the handshake.
static CLIENTS: LazyLock<[Smtp; 2]> = LazyLock::new(|| {
    [MailSecurity::Plain, MailSecurity::StartTls].map(|security| {
        let login = Some(("user".to_owned(), Secret("password".to_owned())));
        let server = MailServer { security, host: "mail.example.net".to_owned(), port: 25, login };
        Smtp::new(server, "abusebox.example.net", &[], Waits::default())
            .expect("there is no authority to be wrong")
    })
});

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime without sockets");
}

const MAIL: &[u8] = b"Subject: x\r\n\r\n.dot\r\nend\r\n";
const MAIL_BEGINS: &str = "Subject: x";
const MAIL_SENT: &str = "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n";
/// An answer is cut to one short line.
const TOLD_CHARS_MAX: usize = 1000;
