//! What an operator does on the page of a real `abusebox run`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::house::program;
use crate::operator::{Operator, between};

pub(crate) const SETTINGS: &str = "[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
    operator_address = \"noc@example.net\"\n[networks]\ncidrs = [\"198.51.100.0/24\"]\n[policy]\ndigest_hour = 0\n\
    [page]\nlisten = \"127.0.0.1:0\"\nlisten_https = \"\"\n";
const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n\
    B,Beta,b@beta.example,198.51.100.16/28\nC,Gamma,c@gamma.example,nonsense\n";
const REPORT: &str = "timestamp,severity,ip,port,protocol\n2026-11-20 03:00:00,critical,198.51.100.1,21,tcp\n\
    2026-11-20 03:00:00,critical,198.51.100.17,21,tcp\n";

/// A folder with a program at work in it, and who sits at its page.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) child: Child,
    operator: Operator,
    /// The port of HTTPS, if the settings leave it to the system.
    pub(crate) https: Option<u16>,
    /// Whether the program has halted.
    pub(crate) halted: Arc<AtomicBool>,
}

impl Deref for Place {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.operator
    }
}

impl Place {
    fn new() -> Self {
        Self::with(SETTINGS)
    }

    pub(crate) fn with(settings: &str) -> Self {
        Self::halting(settings, "")
    }

    /// One that halts where `point` says, until it reads a line.
    pub(crate) fn halting(settings: &str, point: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
        Self::open(folder, point)
    }

    /// In a folder in which all is ready.
    pub(crate) fn open(folder: tempfile::TempDir, point: &str) -> Self {
        let (child, port, https, halted) = start(&folder, point);
        let operator = Operator::at((Ipv4Addr::LOCALHOST, port).into());
        Self { folder, child, operator, https, halted }
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Brings a customer file of which something has to be confirmed, as another program would.
    pub(crate) fn hold_customers(&self) {
        let csv = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n";
        let path = self.folder().join("held.csv");
        std::fs::write(&path, csv).unwrap();
        let done = std::process::Command::new(program())
            .args(["--data", "data", "--settings", "settings.toml", "customers", "import", "held.csv"])
            .current_dir(self.folder())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(1), "half of the customers are gone: {done:?}");
    }

    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    pub(crate) fn claim(&mut self) {
        let code = std::fs::read_to_string(self.data("setup-code")).unwrap();
        self.operator.claim(code.trim());
    }

    pub(crate) fn uploads(&self) -> usize {
        std::fs::read_dir(self.data("uploads")).map_or(0, Iterator::count)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it and waits for its page. Returns its ports.
fn start(folder: &tempfile::TempDir, halt: &str) -> (Child, u16, Option<u16>, Arc<AtomicBool>) {
    let settings = std::fs::read_to_string(folder.path().join("settings.toml")).unwrap();
    let has_https = settings.contains("listen_https = \"127.0.0.1:0\"");
    let mut child = Command::new(program())
        .args(["--data", "data", "--settings", "settings.toml", "--at", "2026-11-21T12:00:00Z", "run"])
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .env("ABUSEBOX_HALT", halt)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut ports = [None; 2];
    for line in lines.by_ref().map_while(Result::ok) {
        for (port, scheme) in ports.iter_mut().zip(["http", "https"]) {
            if let Some((_, rest)) = line.split_once(&format!(" {scheme}://127.0.0.1:")) {
                *port = rest.split('/').next().and_then(|port| port.parse().ok());
            }
        }
        if ports[0].is_some() && (ports[1].is_some() || !has_https) {
            break;
        }
    }
    let halted = Arc::<AtomicBool>::default();
    let own = halted.clone();
    // Nobody who does not read may stop it. A test that fails shows what was said.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            println!("{line}");
            own.fetch_or(line.starts_with("halted at "), Ordering::Relaxed);
        }
    });
    (child, ports[0].expect("its page is up"), ports[1], halted)
}

#[test]
fn customers_and_a_report_are_sent_and_the_held_mails_released() {
    let mut place = Place::new();
    let refused = place.send("/customers/upload", "c.csv", CUSTOMERS, "");
    assert!(refused.starts_with("HTTP/1.1 403 "), "nobody has a session yet: {refused}");
    place.claim();
    let csrf = place.csrf();
    let refused = place.send("/customers/upload", "c.csv", CUSTOMERS, "wrong");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert_eq!(place.uploads(), 0, "a file of a wrong form is not kept");

    let (job, page) = place.job(&place.send("/customers/upload", "c.csv", CUSTOMERS, &csrf));
    for part in ["New customers: 3", "Leave out line 4", "198.51.100.16/28", "a@alpha.example"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(place.get("/customers").contains("<dt>Customers</dt><dd>0</dd>"), "nothing is taken yet");
    let unconfirmed = place.post("/customers/take", &format!("csrf={csrf}&job={job}"));
    assert!(unconfirmed.contains(&format!("Location: /jobs/{job}\r\n")), "{unconfirmed}");
    assert!(place.get(&format!("/jobs/{job}")).contains("confirm each line"));
    let taken = place.post("/customers/take", &format!("csrf={csrf}&job={job}&id-4=on"));
    let (_, page) = place.job(&taken);
    assert!(page.contains("3 customers and 2 prefixes"), "{page}");

    let name = "2026-11-20-scan_ftp-example-asn.csv";
    let (_, page) = place.job(&place.send("/reports/upload", name, REPORT, &csrf));
    assert!(page.contains("The report was read.") && page.contains("matched <b>2</b>"), "{page}");
    let held = place.get("/mail/held");
    assert!(held.contains("Release 2 mails"), "{held}");
    let through = between(&held, "name=\"through\" value=\"", "\"");
    let forged = place.post("/mail/change", &format!("do=release&through={through}"));
    assert!(forged.starts_with("HTTP/1.1 403 "), "{forged}");
    let released = place.post("/mail/change", &format!("csrf={csrf}&do=release&through={through}"));
    assert!(released.starts_with("HTTP/1.1 303 "), "{released}");
    let mails = place.get("/mail");
    assert!(mails.contains("2 mails were released") && mails.contains("o-queued"), "{mails}");
    assert!(!place.get("/mail").contains("were released"), "it is said once");
    let audit = place.get("/audit");
    for done in ["took the customer file c.csv", &format!("sent the report {name}<"), "released mail 1, 2"] {
        assert!(audit.contains(done), "{done}: {audit}");
    }
    assert_eq!(place.uploads(), 0);
}

#[test]
fn another_language_is_heard_at_the_door_and_does_not_close_it() {
    let mut place = Place::new();
    place.claim();
    let refused = || {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.write_all(b"nothing\r\n\r\n").unwrap();
        std::io::read_to_string(stream).unwrap()
    };
    assert!(refused().contains("not a request that can be understood"));
    let saved = place.set("box", "box.language=de");
    assert!(saved.starts_with("HTTP/1.1 303 "), "{saved}");
    assert!(refused().contains("Diese Anfrage ist nicht zu verstehen"));
    let saved = place.set("page", "page.allow=203.0.113.0/24");
    assert!(saved.starts_with("HTTP/1.1 303 "), "{saved}");
    // A door that moves does so within five seconds; this one would be at another port.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(7) {
        refused();
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_is_killed_in_the_middle_of_an_upload_leaves_nothing() {
    let mut place = Place::new();
    place.claim();
    let body = place.parts("c.csv", &CUSTOMERS.repeat(1_000), &place.csrf());
    let mut stream = TcpStream::connect(place.address).unwrap();
    let lines = "POST /customers/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x7";
    let head = place.head(lines, body.len());
    stream.write_all(&[head.as_bytes(), &body[..body.len() / 2]].concat()).unwrap();
    let began = Instant::now();
    while place.uploads() == 0 {
        assert!(began.elapsed().as_secs() < 9, "it never begins");
        std::thread::sleep(Duration::from_millis(20));
    }
    place.kill();
    assert_eq!(place.uploads(), 1);
    (place.child, ..) = start(&place.folder, "");
    assert_eq!(place.uploads(), 0);
}

#[test]
fn programs_send_files_and_leave_none_behind() {
    const TOKEN: &str = "t0ken-with-which-the-crm-sends";
    let settings = format!("{SETTINGS}intake_token = \"{TOKEN}\"\n")
        .replace("[policy]", "dynamic = [\"198.51.100.128/25\"]\n[policy]");
    let mut place = Place::with(&settings);
    place.claim();
    let customers = CUSTOMERS.replace("nonsense", "198.51.100.32/28");
    let answer = |reply: &str| {
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}"));
        (head[9..12].to_owned(), body)
    };
    let send = |path: &str, body: &[u8]| answer(&place.intake(path, TOKEN, body));

    // Who has no token is refused before anything of it is on the disk, and so is who has the other one.
    for token in ["", "wrong-token-of-somebody"] {
        let refused = place.intake("/api/customers", token, customers.as_bytes());
        assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    }
    assert!(place.get("/customers").contains("<dt>Customers</dt><dd>0</dd>"));
    let (status, taken) = send("/api/customers", customers.as_bytes());
    assert_eq!(
        (status.as_str(), &taken["outcome"], &taken["count"]),
        ("200", &"taken".into(), &3.into()),
        "{taken}"
    );
    // Again, and with two customers gone: what stands in force stays until somebody confirms it.
    assert_eq!(send("/api/customers", customers.as_bytes()).0, "200");
    let (status, held) =
        send("/api/customers", customers.lines().take(2).collect::<Vec<_>>().join("\n").as_bytes());
    assert_eq!((status.as_str(), &held["outcome"]), ("202", &"held".into()), "{held}");
    let (status, refused) = send("/api/customers", b"what is this?");
    assert_eq!((status.as_str(), &refused["outcome"]), ("422", &"refused".into()), "{refused}");
    assert!(place.get("/customers").contains("<dt>Customers</dt><dd>3</dd>"));

    // A log, as it is and packed, by two at once.
    let mut log = "user,address,start,stop\n".to_owned();
    for n in 0..5_000 {
        log += &format!(
            "A,198.51.100.{},2026-11-{:02}T{:02}:00:00Z,\n",
            n % 120 + 130,
            n / 500 + 10,
            n / 120 % 24
        );
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(log.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let both = std::thread::scope(|scope| {
        let first = scope.spawn(|| send("/api/sessions", log.as_bytes()));
        [send("/api/sessions", &packed), first.join().unwrap()]
    });
    for (status, taken) in both {
        assert_eq!(
            (status.as_str(), &taken["count"], &taken["complaints"]),
            ("200", &5_000.into(), &serde_json::json!([]))
        );
    }
    let (status, refused) = send("/api/sessions?source=nobody", log.as_bytes());
    assert_eq!((status.as_str(), &refused["outcome"]), ("422", &"refused".into()), "{refused}");
    // Half of a body, and the sender is gone.
    let mut stream = TcpStream::connect(place.address).unwrap();
    let lines = format!("POST /api/sessions HTTP/1.1\r\nAuthorization: Bearer {TOKEN}");
    let head = place.head(&lines, log.len());
    stream.write_all(&[head.as_bytes(), &log.as_bytes()[..log.len() / 2]].concat()).unwrap();
    let began = Instant::now();
    while place.uploads() == 0 {
        assert!(began.elapsed().as_secs() < 9, "it never begins");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(stream);
    while place.uploads() > 0 {
        assert!(began.elapsed().as_secs() < 20, "it stays");
        std::thread::sleep(Duration::from_millis(20));
    }
    let audit = place.get("/audit");
    for done in ["took the customer file POST /api/customers", "POST /api/sessions"] {
        assert!(audit.contains(done), "{done}: {audit}");
    }
}

#[test]
fn who_takes_a_log_in_is_ended_by_a_signal_all_the_same() {
    let shelf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source =
        format!("[[sessions.sources]]\nname = \"a\"\nurl = \"http://{}/\"\n", shelf.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in shelf.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let log = "user,address,start,stop\nA,198.51.100.130,2026-11-20T00:00:00Z,\n";
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{log}", log.len());
        }
    });
    let mut place = Place::halting(&format!("{SETTINGS}{source}"), "sessions");
    let began = Instant::now();
    while !place.halted.load(Ordering::Relaxed) {
        assert!(began.elapsed().as_secs() < 60, "it never comes there");
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").arg(place.child.id().to_string()).status().unwrap();
    while place.child.try_wait().unwrap().is_none() {
        assert!(began.elapsed().as_secs() < 90, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}
