//! What others send may be made to do harm: the real program, its memory measured, must come to an end of it.
//!
//! With `SOAK=1` in the environment the files are as large as a report may be.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use abusebox::config::{MailSecurity, MailServer, Secret, Shadowserver};
use abusebox::fetch::api::ReportId;
use abusebox::fetch::http::Client;
use abusebox::fetch::spool::Spool;
use abusebox::notify::smtp::{Smtp, Waits};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::house::{at, is_soak, memory_kib, program};

const NOW: &str = "2026-11-21T07:00:00Z";
const HEADER: &str = "timestamp,severity,protocol,ip,port\n";
const ROW: &str = "2026-11-20 10:00:00,high,tcp,192.0.2.7,3389\n";
/// What one pass may take at most (`make bench` measures the same without what a debug build adds).
const PEAK_KIB_MAX: u64 = 64 * 1024;
/// The file itself is held in memory; all else is not.
const CUSTOMERS_PEAK_KIB_MAX: u64 = 64 * 1024 + PEAK_KIB_MAX;

#[test]
fn a_report_of_nothing_but_quotes() {
    let bench = Bench::new();
    let path = bench.file("2026-11-20-scan_rdp-example.csv", |out| {
        out.write_all(HEADER.as_bytes())?;
        out.write_all(ROW.as_bytes())?;
        repeat(out, &[b'"'; 65_536], bytes())
    });
    bench.read_and_ingest(&path, &[1, 3]);
    // Quotes with line ends between them: one unclosed field after another.
    let path = bench.file("2026-11-19-scan_rdp-example.csv", |out| {
        out.write_all(HEADER.as_bytes())?;
        repeat(out, "\"\"\"\n\"\",\"\n".repeat(4096).as_bytes(), bytes() / 32)
    });
    bench.read_and_ingest(&path, &[1, 3]);
}

#[test]
fn a_report_of_ten_thousand_columns() {
    let bench = Bench::new();
    let rows = if is_soak() { 2000 } else { 20 };
    let path = bench.file("2026-11-20-scan_rdp-example.csv", |out| {
        out.write_all(HEADER.trim_end().as_bytes())?;
        (5..10_000).try_for_each(|n| write!(out, ",column{n}"))?;
        for _ in 0..rows {
            out.write_all(b"\n")?;
            out.write_all(ROW.trim_end().as_bytes())?;
            (5..10_000).try_for_each(|n| write!(out, ",{n}"))?;
        }
        out.write_all(b"\n")
    });
    bench.read_and_ingest(&path, &[0]);
    let done = bench.run(&["reports", "--json"]);
    let report: serde_json::Value = serde_json::from_str(done.out.lines().next().unwrap()).unwrap();
    assert_eq!((&report["rows"], &report["matched"]), (&rows.into(), &rows.into()), "{report}");
}

#[test]
fn archives_that_unpack_to_something_enormous() {
    let bench = Bench::new();
    let zeros = vec![b'0'; 1 << 20];
    let gzip = bench.file("2026-11-20-scan_rdp-example.csv.gz", |out| {
        let mut packed = GzEncoder::new(out, Compression::best());
        packed.write_all(HEADER.as_bytes())?;
        repeat(&mut packed, &zeros, bytes())?;
        packed.finish().map(drop)
    });
    let zipped = bench.dir("2026-11-19-scan_rdp-example.csv.zip");
    let mut packed = ZipWriter::new(File::create(&zipped).unwrap());
    packed.start_file("report.csv", SimpleFileOptions::default().large_file(true)).unwrap();
    packed.write_all(HEADER.as_bytes()).unwrap();
    // Other content than in the first, which would else be known already.
    packed.write_all(b"1").unwrap();
    repeat(&mut packed, &zeros, bytes()).unwrap();
    packed.finish().unwrap();
    for path in [gzip, zipped] {
        assert!(fs::metadata(&path).unwrap().len() * 500 < bytes(), "it is a bomb");
        bench.read_and_ingest(&path, &[1, 3]);
    }
}

#[test]
fn a_customer_file_of_one_line() {
    let bench = Bench::new();
    for (name, piece) in [("comma.csv", &b"a,"[..]), ("quote.csv", b"\""), ("letter.csv", b"a")] {
        let path = bench.file(name, |out| {
            out.write_all(b"customer_id,name,email,cidr\n")?;
            repeat(out, &piece.repeat(65_536), (64 << 20) - 100_000)
        });
        let done = bench.run(&["customers", "check", path.to_str().unwrap()]);
        assert!([1, 3].contains(&done.code), "{name}: {done:?}");
        assert!(done.peak_kib < CUSTOMERS_PEAK_KIB_MAX, "{name}: {} KiB", done.peak_kib);
        assert!(done.out.len() + done.err.len() < 1 << 20, "{name}: what it says is short");
    }
}

/// What a simulated Shadowserver does to whoever asks.
type Malice = fn(&mut TcpStream) -> io::Result<()>;

#[test]
fn answers_of_an_api_that_do_not_end() {
    let cases: [(&str, Malice, &str); 4] = [
        (
            "lists in lists",
            |to| {
                answer(to, |out| {
                    repeat(out, b"[", 100_000)?;
                    repeat(out, b"]", 100_000)
                })
            },
            "entry is not an object",
        ),
        (
            "a million entries",
            |to| {
                answer(to, |out| {
                    out.write_all(b"[{}")?;
                    repeat(out, &b",{}".repeat(1000), 3_000_000)?;
                    out.write_all(b"]")
                })
            },
            "",
        ),
        ("an endless answer", |to| answer(to, |out| repeat(out, &[b' '; 65_536], u64::MAX)), "larger than"),
        (
            "an endless header",
            |to| {
                to.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
                repeat(to, &[b'x'; 65_536], u64::MAX)
            },
            "ends in the middle",
        ),
    ];
    for (what, malice, said) in cases {
        let bench = Bench::new();
        let port = serve(move |stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request)?;
            malice(stream)
        });
        bench.settings(&format!(
            "[shadowserver]\nkey = \"k\"\nsecret = \"s\"\napi_url = \"http://127.0.0.1:{port}/\"\n\
             download_url = \"http://127.0.0.1:{port}/\"\n"
        ));
        let done = bench.run(&["once"]);
        if said != "more entries than any day has" {
            assert!(done.code <= 3 && done.err.contains(said), "{what}: {done:?}");
        }
        assert!(done.peak_kib < PEAK_KIB_MAX, "{what}: {} KiB", done.peak_kib);
    }
}

#[test]
fn a_mail_server_that_never_ends_its_greeting() {
    let bench = Bench::new();
    let endless: [(&str, Malice); 3] = [
        ("a line", |to| repeat(to, &[b'2'; 65_536], u64::MAX)),
        ("lines", |to| repeat(to, &b"220-welcome\r\n".repeat(4096), u64::MAX)),
        ("nothing but line ends", |to| repeat(to, &b"\r\n".repeat(4096), u64::MAX)),
    ];
    let customers = bench.file("customers.csv", |out| {
        out.write_all(b"customer_id,name,email,cidr\nA,Anna,a@cust.example,192.0.2.0/28\n")
    });
    let report = bench.file("2026-11-20-scan_rdp-example.csv", |out| {
        out.write_all(HEADER.as_bytes())?;
        out.write_all(ROW.as_bytes())
    });
    assert_eq!(bench.run(&["customers", "import", customers.to_str().unwrap()]).code, 0);
    assert_eq!(bench.run(&["ingest", report.to_str().unwrap()]).code, 0);
    for (scheme, at_minute) in [("smtp", 0), ("smtp+starttls", 30)] {
        for (n, (what, malice)) in endless.into_iter().enumerate() {
            let port = serve(malice);
            bench.settings(&format!("[mail]\nurl = \"{scheme}://127.0.0.1:{port}\"\n"));
            let moment = format!("2026-11-21T07:{:02}:00Z", at_minute + n * 10);
            let done = bench.run(&["once", "--at", &moment]);
            assert!(done.peak_kib < PEAK_KIB_MAX, "{scheme}, {what}: {} KiB", done.peak_kib);
            let status = bench.run(&["status", "--json", "--at", &moment]).out;
            assert!(status.contains("mail_server"), "{scheme}, {what}: {done:?} {status}");
        }
    }
    let outbox = bench.run(&["outbox", "--json"]).out;
    assert!(outbox.contains("\"queued\"") && !outbox.contains("\"sent\""), "{outbox}");
}

/// In virtual time, with the limits that the product has.
#[test]
fn a_server_that_says_a_byte_a_minute() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    use tokio::io::AsyncWriteExt as _;
                    // An HTTP client hears the beginning of an answer, a mail client one that is none.
                    for byte in b"HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789" {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        if stream.write_all(&[*byte]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let base = format!("http://127.0.0.1:{port}/");
        let client = Client::new(
            &Shadowserver {
                key: Secret("k".to_owned()),
                secret: Secret("s".to_owned()),
                api_url: base.clone(),
                download_url: base,
                ..settings()
            },
            &[],
        )
        .unwrap();
        let began = tokio::time::Instant::now();
        let listed = client.list(at(NOW).day()).await;
        assert!(matches!(listed, Err(abusebox::fetch::Error::TimedOut { .. })), "{listed:?}");
        assert!(began.elapsed() <= Duration::from_secs(60), "{:?}", began.elapsed());

        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("spool")).unwrap();
        let began = tokio::time::Instant::now();
        let loaded = client.download(&ReportId::new("id").unwrap(), "a.csv", &spool, at(NOW)).await;
        assert!(matches!(loaded, Err(abusebox::fetch::Error::TimedOut { .. })), "{loaded:?}");
        assert!(began.elapsed() <= Duration::from_secs(120), "{:?}", began.elapsed());

        for security in [MailSecurity::Plain, MailSecurity::StartTls, MailSecurity::Tls] {
            let server = MailServer { security, host: "127.0.0.1".to_owned(), port, login: None };
            let began = tokio::time::Instant::now();
            let smtp = Smtp::new(server, "box", &[], Waits::default()).unwrap();
            let error = smtp.connect().await.err().unwrap();
            // Whoever begins TLS with an H does not speak it; slowness alone is waited for.
            assert_eq!(error.needs_a_person(), security == MailSecurity::Tls, "{security:?}: {error}");
            assert!(began.elapsed() <= Duration::from_secs(150), "{security:?}: {:?}", began.elapsed());
        }
    });
}

fn settings() -> Shadowserver {
    abusebox::config::raw::parse("", Path::new("")).unwrap().shadowserver
}

/// How large a file is.
fn bytes() -> u64 {
    match is_soak() {
        true => abusebox::fetch::REPORT_BYTES_MAX - (1 << 20),
        false => 64 << 20,
    }
}

fn repeat(out: &mut dyn Write, piece: &[u8], bytes: u64) -> io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        out.write_all(&piece[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// A whole answer without a length: it ends with the connection.
fn answer(to: &mut TcpStream, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    to.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
    body(to)?;
    // Hanging up with the question half read would cut the answer off.
    to.shutdown(std::net::Shutdown::Write)?;
    io::copy(to, &mut io::sink()).map(drop)
}

/// Does this to everyone who connects, until the tests end. Returns the port.
fn serve(malice: impl Fn(&mut TcpStream) -> io::Result<()> + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let malice = malice.clone();
            // The other side hangs up at some moment: that is what is tested.
            std::thread::spawn(move || malice(&mut stream.unwrap()));
        }
    });
    port
}

/// A data folder for the real program.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) peak_kib: u64,
}

impl Bench {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn new() -> Self {
        let bench = Self::empty();
        bench.settings("");
        let customers = bench.file("owners.csv", |out| {
            out.write_all(b"customer_id,name,email,cidr\nA,Anna,a@cust.example,192.0.2.0/28\n")
        });
        assert_eq!(bench.run(&["customers", "import", customers.to_str().unwrap()]).code, 0);
        bench
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, more: &str) {
        let text = format!(
            "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\n\
             abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\"]\n{more}"
        );
        fs::write(self.dir("settings.toml"), text).unwrap();
    }

    pub(crate) fn file(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> PathBuf {
        let path = self.dir(name);
        let mut out = BufWriter::new(File::create(&path).unwrap());
        write(&mut out).unwrap();
        out.flush().unwrap();
        path
    }

    /// `parse` and `ingest` of a report end in one of these ways, and in bounded memory.
    #[track_caller]
    fn read_and_ingest(&self, report: &Path, codes: &[i32]) {
        for command in ["parse", "ingest"] {
            let done = self.run(&[command, report.to_str().unwrap()]);
            assert!(codes.contains(&done.code), "{command}: {} {}", done.code, done.err);
            assert!(done.peak_kib < PEAK_KIB_MAX, "{command}: {} KiB", done.peak_kib);
            assert!(done.err.len() < 1 << 20, "{command}: what it says is short");
        }
    }

    /// Runs the program to its end and measures the most memory that it had.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Done {
        let (out, err) = (self.dir("out"), self.dir("err"));
        let mut command = Command::new(program());
        command.arg("--data").arg(self.dir("data")).arg("--settings").arg(self.dir("settings.toml"));
        if !words.contains(&"--at") {
            command.args(["--at", NOW]);
        }
        let mut child = command
            .args(words)
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let patience = Duration::from_secs(if is_soak() { 3600 } else { 120 });
        let began = Instant::now();
        let mut peak_kib = 0;
        let status = loop {
            // The kernel keeps the peak itself; it is gone with the process, so it is asked again and again.
            peak_kib = memory_kib(child.id(), "VmHWM").unwrap_or(peak_kib);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > patience {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{words:?} does not end: {}", fs::read_to_string(err).unwrap());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!(peak_kib > 0, "the peak was measured");
        let text = |path: &Path| {
            let mut text = Vec::new();
            // Parsed rows may be many; their beginning is enough.
            File::open(path).unwrap().take(1 << 20).read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        };
        if is_soak() {
            println!("{}: {peak_kib} KiB at most, {:.1} s", words.join(" "), began.elapsed().as_secs_f64());
        }
        let code = status.code().unwrap_or_else(|| panic!("{words:?}: {status}: {}", text(&err)));
        Done { code, out: text(&out), err: text(&err), peak_kib }
    }
}
