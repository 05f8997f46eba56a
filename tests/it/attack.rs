//! The page of a real `abusebox run` under attack: by those who cannot get in, by those who may only look, and by what
//! others write into reports, customer files and answers. Nothing is changed, nothing runs, the page answers afterwards,
//! and its memory is what it was.
//!
//! With `SOAK=1` in the environment there is more of everything.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use abusebox::store::Role;
use abusebox::web::entry::{FORMS, Form};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::acts::{Place, SETTINGS};
use crate::house::{is_soak, memory_kib, program};
use crate::operator::between;
use crate::sim::mail::{Act, MailCatcher, Stage};
use crate::sim::shadowserver::{At, Fault, Shadowserver};
use crate::sim::world::{Rng, World};

/// What the process may have more than before.
const GROWTH_KIB_MAX: u64 = 8 * 1024;
/// Until a request must be there, and a moment for what the door says then.
const DOOR_TIME_MAX: Duration = Duration::from_secs(20);
const PASSWORD: &str = "several+good+words";

/// A claimed place with HTTP and HTTPS.
fn place() -> Place {
    let mut place = Place::with(&SETTINGS.replace("listen_https = \"\"", "listen_https = \"127.0.0.1:0\""));
    place.claim();
    place
}

/// A connection from 127.0.0.1 + `from`.
fn dial(from: u32, port: u16) -> TcpStream {
    let address = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + from);
    let client = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&client, &SocketAddrV4::new(address, 0)).unwrap();
    connect(&client, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    let stream = TcpStream::from(client);
    stream.set_read_timeout(Some(2 * DOOR_TIME_MAX)).unwrap();
    stream.set_write_timeout(Some(2 * DOOR_TIME_MAX)).unwrap();
    stream
}

/// A side of a connection that is or is not encrypted.
trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

fn trusting(place: &Place) -> Arc<ClientConfig> {
    let pem = std::fs::read(place.data("tls/made.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(PemObject::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn client(place: &Place) -> ClientConnection {
    ClientConnection::new(trusting(place), "127.0.0.1".try_into().unwrap()).unwrap()
}

/// How a client begins TLS.
fn hello(place: &Place) -> Vec<u8> {
    let mut bytes = Vec::new();
    client(place).write_tls(&mut bytes).unwrap();
    bytes
}

fn line(place: &Place, from: u32, is_secure: bool) -> Box<dyn Line> {
    match is_secure {
        false => Box::new(dial(from, place.address.port())),
        true => Box::new(StreamOwned::new(client(place), dial(from, place.https.unwrap()))),
    }
}

/// What comes back for these bytes until the other side closes; nothing, if it does so at once.
fn tell(line: &mut dyn Line, bytes: &[u8]) -> String {
    // Whoever is refused may not get all of it out.
    let _ = line.write_all(bytes).and_then(|()| line.flush());
    let (mut reply, mut part) = (Vec::new(), [0; 8192]);
    while let Ok(count @ 1..) = line.read(&mut part) {
        reply.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&reply).into_owned()
}

fn status(reply: &str) -> Option<u16> {
    reply.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Asks until the page is shown by HTTP and HTTPS, and says how long that took: others may have to go first.
#[track_caller]
fn answers(place: &Place) -> Duration {
    let began = Instant::now();
    for is_secure in [false, true] {
        let request = format!("GET /login HTTP/1.1\r\nHost: {}\r\n\r\n", place.address);
        while status(&tell(&mut *line(place, 0, is_secure), request.as_bytes())) != Some(200) {
            assert!(began.elapsed() < DOOR_TIME_MAX, "the page does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    began.elapsed()
}

/// Memory of the process before an attack.
struct Calm(u64);

impl Calm {
    fn of(place: &Place) -> Self {
        // What is only made for the first of its kind is there.
        for path in ["/", "/incidents", "/mail", "/system", "/settings"] {
            place.get(path);
        }
        answers(place);
        Self(memory_kib(place.child.id(), "VmRSS").unwrap())
    }

    /// The page answers, and the memory is what it was.
    #[track_caller]
    fn again(&self, place: &Place, what: &str) {
        let answered = answers(place);
        let began = Instant::now();
        let after = loop {
            let after = memory_kib(place.child.id(), "VmRSS").expect("it still runs");
            if after <= self.0 + GROWTH_KIB_MAX || began.elapsed() > DOOR_TIME_MAX {
                break after;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        println!("{what}: {} KiB before, {after} after; answered in {} ms", self.0, answered.as_millis());
        assert!(after <= self.0 + GROWTH_KIB_MAX, "{what}: {} KiB before, {after} after", self.0);
        assert!(place.get("/").starts_with("HTTP/1.1 200 "), "{what}: who was in is in");
    }
}

#[test]
fn four_hundred_half_open_connections_are_gone_in_time() {
    let place = place();
    let (calm, hello) = (Calm::of(&place), hello(&place));
    let begun: [&[u8]; 4] = [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\nname=a",
    ];
    let half = |n: usize, from: u32| {
        let (port, half) = match n % 2 {
            0 => (place.address.port(), begun[n / 2 % begun.len()]),
            _ => (place.https.unwrap(), &hello[..hello.len() * (n % 3) / 2]),
        };
        let mut client = dial(from, port);
        // Whoever finds all places taken may be out again.
        let _ = client.write_all(half);
        client
    };
    // From one address: it takes its own places, and another waits for nothing.
    let mut all: Vec<_> = (0..400).map(|n| half(n, 9)).collect();
    let others = answers(&place);
    println!("while 400 from one address are half open, another is answered in {} ms", others.as_millis());
    assert!(others < Duration::from_secs(8), "{others:?}");
    // From fifty.
    let began = Instant::now();
    all.extend((0..400).map(|n| half(n, 20 + n as u32 / 8)));
    let most = memory_kib(place.child.id(), "VmRSS").unwrap();
    for mut client in all {
        while let Ok(1..) = client.read(&mut [0; 1024]) {}
    }
    println!("all are gone after {} ms; {most} KiB meanwhile", began.elapsed().as_millis());
    assert!(began.elapsed() < DOOR_TIME_MAX, "{:?}", began.elapsed());
    assert!(most <= calm.0 + 2 * GROWTH_KIB_MAX, "{} KiB before, {most} meanwhile", calm.0);
    calm.again(&place, "800 half-open connections");
}

#[test]
fn headers_of_two_hundred_mebibytes_are_cut_off() {
    let place = place();
    let calm = Calm::of(&place);
    let most = AtomicUsize::new(0);
    let lines =
        [b"x".repeat(65_536), b"X-A: b\r\n".repeat(8_192), b"a:\r\n".repeat(16_384), b"\r\n ".repeat(8_192)];
    std::thread::scope(|scope| {
        for (n, piece) in lines.iter().enumerate() {
            for is_secure in [false, true] {
                let (place, most) = (&place, &most);
                scope.spawn(move || {
                    let mut line = line(place, 9 + n as u32, is_secure);
                    line.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ").unwrap();
                    let mut sent = 0;
                    while sent < 200 << 20 && line.write_all(piece).is_ok() {
                        sent += piece.len();
                        let now = memory_kib(place.child.id(), "VmRSS").expect("it still runs");
                        most.fetch_max(now as usize, Ordering::Relaxed);
                    }
                    let reply = tell(&mut *line, b"");
                    assert!(
                        reply.is_empty() || status(&reply).is_some_and(|s| (400..500).contains(&s)),
                        "{reply}"
                    );
                });
            }
        }
    });
    let most = most.into_inner() as u64;
    println!("{most} KiB meanwhile");
    assert!(most <= calm.0 + GROWTH_KIB_MAX, "{} KiB before, {most} meanwhile", calm.0);
    // As many as fit, each of them tiny: that is a request.
    let tiny = format!("GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", "a:\r\n".repeat(4_000));
    assert_eq!(status(&tell(&mut *line(&place, 0, false), tiny.as_bytes())), Some(200));
    calm.again(&place, "headers of 200 MiB");
}

#[test]
fn bodies_that_drip_are_cut_off_and_give_their_places_back() {
    let place = place();
    let (calm, csrf) = (Calm::of(&place), place.csrf());
    let form = "application/x-www-form-urlencoded";
    let parts = place.parts("c.csv", &"x,y\n".repeat(10_000), &csrf);
    let uploads_begun = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (n, (path, content_type, body)) in [
            ("/login", form, b"name=ann&password=".to_vec()),
            ("/claim", form, b"code=".to_vec()),
            ("/mail/change", form, format!("csrf={csrf}&do=release&id-1=on").into_bytes()),
            ("/api/v1/incidents", "application/json", b"{}".to_vec()),
            ("/none", "text/plain", b"x".to_vec()),
            ("/customers/upload", "multipart/form-data; boundary=x7", parts.clone()),
            ("/reports/upload", "multipart/form-data; boundary=x7", parts.clone()),
        ]
        .into_iter()
        .enumerate()
        {
            let (place, uploads_begun) = (&place, &uploads_begun);
            scope.spawn(move || {
                let mut client = dial(9 + n as u32, place.address.port());
                let host = place.address.to_string();
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\n\
                     Content-Type: {content_type}\r\nContent-Length: 40000\r\n\r\n",
                    place.cookie
                );
                client.write_all(&[head.as_bytes(), &body[..body.len().min(300)]].concat()).unwrap();
                if path.ends_with("upload") {
                    uploads_begun.fetch_add(1, Ordering::Relaxed);
                }
                let (mut slow, is_over) = (client.try_clone().unwrap(), Arc::new(AtomicBool::new(false)));
                let over = is_over.clone();
                let dripping = std::thread::spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        let _ = slow.write_all(b"x");
                        std::thread::sleep(Duration::from_secs(1));
                    }
                });
                let began = Instant::now();
                let reply = tell(&mut client, b"");
                let took = began.elapsed();
                is_over.store(true, Ordering::Relaxed);
                dripping.join().unwrap();
                println!("a byte a second to {path}: {:?} after {} ms", status(&reply), took.as_millis());
                assert_eq!(status(&reply), Some(408), "{path}: {reply}");
                assert!(took < DOOR_TIME_MAX, "{path}: {took:?}");
            });
        }
        while uploads_begun.load(Ordering::Relaxed) < 2 || place.uploads() < 2 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let full = place.send("/customers/upload", "c.csv", "a,b\n", &csrf);
        assert!(status(&full) == Some(503) && full.contains("try again"), "{full}");
        assert!(answers(&place) < Duration::from_secs(8), "others read meanwhile");
    });
    let began = Instant::now();
    while status(&place.send("/customers/upload", "c.csv", "a,b\n", &csrf)) != Some(303) {
        assert!(began.elapsed() < DOOR_TIME_MAX, "a place is free again");
        std::thread::sleep(Duration::from_millis(50));
    }
    calm.again(&place, "bodies that drip");
}

#[test]
fn a_process_out_of_descriptors_recovers_and_keeps_what_it_has() {
    let place = place();
    let calm = Calm::of(&place);
    let certificate = std::fs::read(place.data("tls/made.pem")).unwrap();
    let open = std::fs::read_dir(format!("/proc/{}/fd", place.child.id())).unwrap().count() as u64;
    let limit = |soft| {
        let limit = Rlimit { current: Some(soft), maximum: Some(open + 32) };
        prlimit(Pid::from_raw(place.child.id() as i32), Resource::Nofile, limit).unwrap();
    };
    // None at all, and for longer than the process leaves its certificate alone.
    limit(open);
    let knock = |n: u32| {
        let mut client = dial(9 + n / 8, place.address.port());
        let _ = client.write_all(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        client
    };
    let mut all: Vec<_> = (0..30).map(knock).collect();
    std::thread::sleep(Duration::from_secs(7));
    // Then some for the rest of the program, and for a few at the door, to which more come than there are descriptors.
    limit(open + 32);
    let began = Instant::now();
    all.extend((30..if is_soak() { 1_000 } else { 90 }).map(knock));
    let (came, mut seen) = (all.len(), 0);
    for mut client in all {
        let reply = tell(&mut client, b"");
        assert!(reply.is_empty() || status(&reply) == Some(200), "{reply}");
        seen += usize::from(!reply.is_empty());
    }
    println!(
        "{open} descriptors open, and 32 more: {came} came, {seen} saw the page; {} ms",
        began.elapsed().as_millis()
    );
    assert!((1..came).contains(&seen), "some were let in, and not all: {seen}");
    calm.again(&place, "out of descriptors");
    // With the same limit still, everything works: sessions, files, the store.
    let csrf = place.csrf();
    let (_, page) = place.job(&place.send("/reports/upload", REPORT_FILE, REPORT, &csrf));
    assert!(page.contains("The report was read."), "{page}");
    assert_eq!(std::fs::read(place.data("tls/made.pem")).unwrap(), certificate, "its fingerprint is known");
}

#[test]
fn while_a_report_is_stored_pages_are_read_and_people_let_in() {
    let mut place = Place::halting(SETTINGS, "commit");
    place.claim();
    let csrf = place.csrf();
    let job = place.send("/reports/upload", REPORT_FILE, REPORT, &csrf);
    let began = Instant::now();
    while !place.halted.load(Ordering::Relaxed) {
        assert!(began.elapsed() < 2 * DOOR_TIME_MAX, "it is being stored");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut input = place.child.stdin.take().unwrap();
    let (done, place) = (AtomicUsize::new(0), &place);
    std::thread::scope(|scope| {
        // More than there are threads for those who read.
        for _ in 0..5 {
            scope.spawn(|| {
                let reply = place.post("/incidents/change", &format!("csrf={csrf}&do=close&id-1=on"));
                done.fetch_add(1, Ordering::Relaxed);
                assert_eq!(status(&reply), Some(303), "{reply}");
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        for path in ["/", "/incidents", "/mail", "/people", "/settings"] {
            place.get(path);
        }
        assert_eq!(status(&place.post("/login", &format!("name=ann&password={PASSWORD}"))), Some(303));
        let took = began.elapsed();
        println!("five pages and a log-in while five forms wait for a report: {} ms", took.as_millis());
        assert_eq!(done.load(Ordering::Relaxed), 0, "they wait");
        assert!(took < DOOR_TIME_MAX, "{took:?}");
        input.write_all(b"\n").unwrap();
    });
    let (_, page) = place.job(&job);
    assert!(page.contains("The report was read."), "{page}");
    assert!(place.get("/incidents/1").contains("closed"));
}

#[test]
fn floods_of_hellos_end_where_they_came_from() {
    let place = place();
    let (calm, hello) = (Calm::of(&place), hello(&place));
    let https = place.https.unwrap();
    let began = Instant::now();
    let count = if is_soak() { 5_000 } else { 160 };
    for n in 0..count {
        let mut client = dial(9 + n % 40, https);
        match n % 4 {
            // The server's key has signed for nothing.
            0 => {
                client.write_all(&hello).unwrap();
                let _ = client.read(&mut [0; 64]);
            }
            1 => drop(tell(&mut client, &hello.repeat(30))),
            // Records of warnings, of nothing, and of what only a server says.
            2 => drop(tell(&mut client, &[&hello[..], &[21, 3, 3, 0, 2, 1, 0].repeat(500)].concat())),
            _ => drop(tell(&mut client, &[22, 3, 3, 0, 4, 0, 0, 0, 0].repeat(500))),
        }
    }
    println!("{count} hellos in {} ms", began.elapsed().as_millis());
    for _ in 0..20 {
        let mut silent = StreamOwned::new(client(&place), dial(9, https));
        silent.flush().unwrap();
        while silent.conn.is_handshaking() {
            silent.conn.complete_io(&mut silent.sock).unwrap();
        }
    }
    // Each in the place of the other.
    let plain = tell(&mut dial(9, https), b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_eq!(status(&plain), None, "{plain}");
    let mut secured = dial(9, place.address.port());
    secured.write_all(&hello).unwrap();
    secured.shutdown(Shutdown::Write).unwrap();
    assert!(status(&tell(&mut secured, b"")).is_none_or(|status| status == 400));
    calm.again(&place, "floods of hellos");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_nothing_is_smuggled() {
    let place = place();
    let calm = Calm::of(&place);
    let host = place.address.to_string();
    let second = format!("GET /smuggled HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", place.cookie);
    let post = |headers: &str, body: &str| {
        format!("POST /login HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n\r\n{body}{second}")
    };
    let get = |headers: &str| format!("GET /login HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n\r\n{second}");
    let bad = [
        post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        post("Transfer-Encoding: chunked", "1;x=\"\r\n\"\r\na\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked;x=\n", "0\r\n\r\n"),
        post("Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"),
        post("Transfer-Encoding : chunked", "0\r\n\r\n"),
        post("transfer-encoding: identity, chunked", "0\r\n\r\n"),
        post("Content-Length: 5\r\nContent-Length: 6", "a=b&c"),
        post("Content-Length: 5, 5", "a=b&c"),
        post("Content-Length: 0x5", "a=b&c"),
        post("Content-Length: -1", ""),
        post("Content-Length: 5\r\n folded: x", "a=b&c"),
        post("X: y\r\n\tContent-Length: 5", "a=b&c"),
        post("X: y\nContent-Length: 5", "a=b&c"),
        post("X: y\rContent-Length: 5", "a=b&c"),
        post("X: y\0\r\nContent-Length: 5", "a=b&c"),
        post("Expect: 100-continue", ""),
        get("Content-Length: 5"),
        get("Transfer-Encoding: chunked"),
        get(&format!("Host: {host}")),
        get("Cookie: sid=a\r\nCookie: sid=b"),
        format!("GET http://{host}/login HTTP/1.1\r\nHost: {host}\r\n\r\n{second}"),
        format!("GET //{host}/login HTTP/1.0\nHost: {host}\n\n{second}"),
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n{second}"),
        format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n{second}"),
        format!("TRACE /login HTTP/1.1\r\nHost: {host}\r\n\r\n{second}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{second}"),
        format!("GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n{second}"),
        format!("GET /login\r\n{second}"),
        format!("\r\n\r\n{second}"),
    ];
    for is_secure in [false, true] {
        for request in &bad {
            let reply = tell(&mut *line(&place, 0, is_secure), request.as_bytes());
            let is_refused = status(&reply).is_some_and(|status| (400..500).contains(&status));
            assert!(is_refused && reply.matches("HTTP/1.1 ").count() == 1, "{request:?}: {reply}");
            check_headers(&reply);
        }
        // What comes behind one that is right is not heard.
        for request in [get("X: y").repeat(3), post("Content-Length: 3", "a=b")] {
            let reply = tell(&mut *line(&place, 0, is_secure), request.as_bytes());
            assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{request}: {reply}");
            assert!(!reply.contains("smuggled"), "{reply}");
        }
    }
    // What the door says of a client, no client says.
    let body = format!("name=ann&password={PASSWORD}");
    let said = format!(
        "POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nX-Abusebox-Peer: 203.0.113.9\r\n\
         x-abusebox-scheme: https\r\nX-Abusebox-Upload: setup-code\r\nX-Forwarded-For: 203.0.113.9\r\n\
         Forwarded: for=203.0.113.9;proto=https\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = tell(&mut *line(&place, 5, false), said.as_bytes());
    assert!(status(&reply) == Some(303) && reply.contains("Set-Cookie: sid="), "by HTTP: {reply}");
    place.says("/audit", "127.0.0.6");
    assert!(!place.get("/audit").contains("203.0.113.9") && !place.get("/people").contains("203.0.113.9"));
    calm.again(&place, "requests that mean two things");
}

#[test]
fn random_bytes_are_no_requests() {
    let place = place();
    let calm = Calm::of(&place);
    let mut dice = Rng::new(7, &["random bytes"]);
    let host = place.address.to_string();
    let good = [
        format!("GET /login HTTP/1.1\r\nHost: {host}\r\nCookie: sid=x\r\n\r\n"),
        format!("GET /incidents?q=a&before=7 HTTP/1.1\r\nHost: {host}\r\nCookie: sid=x\r\n\r\n"),
        format!("GET /api/v1/incidents?limit=5 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer x\r\n\r\n"),
        format!(
            "POST /mail/change HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n\r\ncsrf=x&do=release&id-1",
            place.cookie
        ),
    ];
    let count = if is_soak() { 20_000 } else { 400 };
    let mut counted = [0; 3];
    for n in 0..count {
        let is_raw = n % 2 == 0;
        let mut bytes: Vec<u8> = match is_raw {
            true => (0..=dice.below(600)).map(|_| dice.below(256) as u8).collect(),
            false => good[n / 2 % good.len()].clone().into_bytes(),
        };
        if !is_raw {
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len() as u64) as usize;
                match dice.below(3) {
                    0 => bytes[at] = dice.below(256) as u8,
                    1 => bytes.insert(at, b"\r\n\0:; /%&=\""[dice.below(11) as usize]),
                    _ => drop(bytes.remove(at)),
                }
            }
        }
        // To HTTP, into HTTPS, and in the place of its hello.
        let reply = match n % 3 {
            1 => tell(&mut *line(&place, 9, true), &[&bytes[..], b"\r\n\r\n\r\n\r\n"].concat()),
            port => {
                let mut client = dial(9, if port == 0 { place.address.port() } else { place.https.unwrap() });
                let _ = client.write_all(&bytes);
                let _ = client.shutdown(Shutdown::Write);
                tell(&mut client, b"")
            }
        };
        let status = status(&reply);
        let is_fine = match is_raw {
            true => status.is_none_or(|status| (400..500).contains(&status)),
            false => status.is_none_or(|status| status < 500),
        };
        let shown = String::from_utf8_lossy(&bytes);
        assert!(is_fine, "{shown:?}: {reply}");
        counted[status.map_or(0, |status| usize::from(status >= 400) + 1)] += 1;
    }
    println!(
        "{count} requests of random bytes: {} closed, {} answered, {} refused",
        counted[0], counted[1], counted[2]
    );
    calm.again(&place, "random bytes");
}

const REPORT_FILE: &str = "2026-11-20-scan_ftp-example-asn.csv";
const REPORT: &str = "timestamp,severity,ip,port,protocol\n2026-11-20 03:00:00,critical,198.51.100.1,21,tcp\n\
    2026-11-20 03:00:00,critical,198.51.100.17,21,tcp\n";
const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.51.100.0/28\n\
    B,Beta,b@beta.example,198.51.100.16/28\n";

/// A form as it is sent.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    path: &'static str,
    host: String,
    origin: String,
    site: &'static str,
    cookie: String,
    content_type: String,
    body: Vec<u8>,
    is_secure: bool,
}

impl Sent {
    fn to(&self, place: &Place) -> String {
        let Self { method, path, host, origin, site, cookie, content_type, body, is_secure } = self;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in [
            ("Origin", origin.as_str()),
            ("Sec-Fetch-Site", site),
            ("Cookie", cookie),
            ("Content-Type", content_type),
        ] {
            if !value.is_empty() {
                head += &format!("{name}: {value}\r\n");
            }
        }
        tell(&mut *line(place, 0, *is_secure), &[head.as_bytes(), b"\r\n", body].concat())
    }
}

/// A place with something to change, by an operator who is in by HTTP and HTTPS, and beside a viewer.
struct Scene {
    place: Place,
    csrf: String,
    viewer: (String, String),
    secure: (String, String),
    job: String,
    version: String,
}

impl Scene {
    fn new() -> Self {
        let place = place();
        let csrf = place.csrf();
        place.take_customers(CUSTOMERS);
        let (_, page) = place.job(&place.send("/reports/upload", REPORT_FILE, REPORT, &csrf));
        assert!(page.contains("matched <b>2</b>"), "{page}");
        let (job, _) =
            place.job(&place.send("/customers/upload", "d.csv", &CUSTOMERS.replace("Beta", "Other"), &csrf));
        place.hold_customers();
        let words = "password=words+of+somebody+else&again=words+of+somebody+else";
        let added = place.post("/people/add", &format!("csrf={csrf}&name=vic&role=viewer&{words}"));
        assert_eq!(status(&added), Some(303), "{added}");
        let version = between(&place.get("/settings"), "name=\"version\" value=\"", "\"").to_owned();
        let mut stage =
            Self { place, csrf, viewer: Default::default(), secure: Default::default(), job, version };
        stage.secure = stage.enter(true, "ann", PASSWORD);
        stage.viewer = stage.enter(false, "vic", "words+of+somebody+else");
        // That is noted a little later, and what follows is compared with what is there now.
        stage.place.says("/audit", ">vic<");
        stage
    }

    /// Logs in, and returns cookie and token.
    #[track_caller]
    fn enter(&self, is_secure: bool, name: &str, password: &str) -> (String, String) {
        let body = format!("name={name}&password={password}").into_bytes();
        let sent = Sent { path: "/login", cookie: String::new(), body, ..self.form(is_secure) };
        let reply = sent.to(&self.place);
        let cookie = between(&reply, "Set-Cookie: ", ";").to_owned();
        assert_eq!(cookie.starts_with("__Host-sid="), is_secure, "{reply}");
        let page = Sent { method: "GET", path: "/people", cookie: cookie.clone(), body: Vec::new(), ..sent };
        let csrf = between(&page.to(&self.place), "name=\"csrf\" value=\"", "\"").to_owned();
        (cookie, csrf)
    }

    /// A form as the operator's browser sends it, without what is in it.
    fn form(&self, is_secure: bool) -> Sent {
        let (scheme, port) = match is_secure {
            false => ("http", self.place.address.port()),
            true => ("https", self.place.https.unwrap()),
        };
        let host = format!("127.0.0.1:{port}");
        Sent {
            method: "POST",
            path: "/",
            origin: format!("{scheme}://{host}"),
            host,
            site: "same-origin",
            cookie: if is_secure { self.secure.0.clone() } else { self.place.cookie.clone() },
            content_type: "application/x-www-form-urlencoded".to_owned(),
            body: Vec::new(),
            is_secure,
        }
    }

    /// The same to a form of the list, with all that does something there.
    fn good(&self, form: &Form, csrf: &str) -> Sent {
        let sent = Sent { path: form.path, ..self.form(false) };
        if form.file_bytes_max().is_some() {
            let (name, content) = match form.path {
                "/reports/upload" => {
                    ("2026-11-20-scan_rdp-example-asn.csv", REPORT.replace("21,tcp", "22,tcp"))
                }
                "/sessions/upload" => {
                    ("s.csv", "user;address;start;stop\nann;192.0.2.1;2026-11-20T00:00:00Z;\n".to_owned())
                }
                "/customers/addresses" => ("f.csv", "customer_id,cidr\nC1,192.0.2.9\n".to_owned()),
                _ => ("e.csv", CUSTOMERS.replace("Alpha", "Third")),
            };
            let content_type = "multipart/form-data; boundary=x7".to_owned();
            return Sent { content_type, body: self.place.parts(name, &content, csrf), ..sent };
        }
        let Self { version, job, .. } = self;
        let fields = match form.path {
            "/claim" => format!("code=AAAAA-AAAAA&name=eve&password={PASSWORD}&again={PASSWORD}"),
            "/login" => format!("name=ann&password={PASSWORD}"),
            "/logout" => String::new(),
            "/password" => format!("old={PASSWORD}&password=other+words+of+ann&again=other+words+of+ann"),
            "/people/add" => {
                "name=eve&role=operator&password=words+of+a+thief&again=words+of+a+thief".to_owned()
            }
            "/people/remove" => "name=vic".to_owned(),
            "/mail/change" => "do=release&id-1=on&id-2=on".to_owned(),
            "/system/power" => "do=off&sure=on".to_owned(),
            "/system/support/download" => String::new(),
            "/system/certificate/change" => {
                let made = rcgen::generate_simple_self_signed(["abusebox.example".to_owned()]).unwrap();
                let [chain, key] = [made.cert.pem(), made.signing_key.serialize_pem()]
                    .map(|pem| pem.replace('+', "%2B").replace('=', "%3D").replace('\n', "%0A"));
                format!("do=put&chain={chain}&key={key}")
            }
            "/settings/change" => format!("table=box&version={version}&box.name=taken"),
            "/texts/change" => "language=de&part=ssh&do=reset".to_owned(),
            "/texts/reviewed" => "language=pl".to_owned(),
            "/families/change" => format!("which=ssh&version={version}&family.tell=nobody"),
            "/setup/change" => format!("step=3&version={version}&networks.cidrs=192.0.2.0/24"),
            "/setup/check" => "step=5".to_owned(),
            "/setup/live" => "do=practice".to_owned(),
            "/incidents/change" => "do=close&id-1=on".to_owned(),
            "/customers/fetch" => "name=customers".to_owned(),
            "/customers/take" | "/customers/discard" => format!("job={job}"),
            "/customers/held" => String::new(),
            other => panic!("say what {other} does, so that it is tried here"),
        };
        Sent { body: format!("csrf={csrf}&{fields}").into_bytes(), ..sent }
    }

    /// All that can be changed: what the commands and the pages show, the files, and who is in.
    fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for words in ["incidents", "reports", "outbox", "status"] {
            let done = Command::new(program())
                .args(["--data", "data", "--settings", "settings.toml", words, "--json"])
                .current_dir(self.place.folder())
                .output()
                .unwrap();
            assert!(done.status.success(), "{done:?}");
            all.push(String::from_utf8(done.stdout).unwrap());
        }
        for path in [
            "/people",
            "/audit",
            "/customers",
            "/settings",
            "/families",
            "/texts",
            "/texts/pl",
            "/jobs",
            "/mail",
            "/reports",
        ] {
            let page = self.place.get(path);
            all.push(page.split_once("\r\n\r\n").unwrap().1.to_owned());
        }
        let vic = Sent { method: "GET", path: "/audit", cookie: self.viewer.0.clone(), ..self.form(false) };
        let ann = Sent { method: "GET", path: "/audit", ..self.form(true) };
        all.extend([vic, ann].map(|sent| format!("{:?}", status(&sent.to(&self.place)))));
        all.push(std::fs::read_to_string(self.place.folder().join("settings.toml")).unwrap());
        let mut files: Vec<_> = ["", "uploads", "customers"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(self.place.data(folder)).into_iter().flatten().flatten())
            .map(|entry| entry.path().display().to_string())
            .collect();
        files.sort();
        all.push(files.join("\n"));
        all
    }
}

#[test]
fn no_form_changes_anything_without_session_token_origin_and_host() {
    let stage = Scene::new();
    let place = &stage.place;
    let calm = Calm::of(place);
    let before = stage.everything();
    let (vic, vics_csrf) = &stage.viewer;
    let swapped = |sent: &Sent, csrf: &str| {
        let text = String::from_utf8(sent.body.clone()).unwrap();
        text.replace(stage.csrf.as_str(), csrf).into_bytes()
    };
    let mut tried = 0;
    for form in FORMS {
        let good = stage.good(form, &stage.csrf);
        let fields = String::from_utf8(good.body.clone()).unwrap();
        let host = good.host.clone();
        let secure = stage.form(true);
        let by_https = Sent {
            is_secure: true,
            host: secure.host.clone(),
            origin: secure.origin.clone(),
            ..good.clone()
        };
        // Whoever they come from.
        let mut bad = vec![
            ("no origin", Sent { origin: String::new(), ..good.clone() }),
            ("the origin of nowhere", Sent { origin: "null".to_owned(), ..good.clone() }),
            ("another origin", Sent { origin: "http://evil.example".to_owned(), ..good.clone() }),
            ("another port's origin", Sent { origin: "http://127.0.0.1:1".to_owned(), ..good.clone() }),
            ("the other scheme's origin", Sent { origin: format!("https://{host}"), ..good.clone() }),
            ("another site", Sent { site: "cross-site", ..good.clone() }),
            ("a neighbour", Sent { site: "same-site", ..good.clone() }),
            ("no site", Sent { site: "none", ..good.clone() }),
            (
                "a name that points here",
                Sent {
                    host: "evil.example".to_owned(),
                    origin: "http://evil.example".to_owned(),
                    ..good.clone()
                },
            ),
            ("plain text", Sent { content_type: "text/plain".to_owned(), ..good.clone() }),
            ("JSON", Sent { content_type: "application/json".to_owned(), ..good.clone() }),
            ("a question", Sent { method: "PUT", ..good.clone() }),
        ];
        if form.role().is_some() {
            bad.extend([
                ("no session", Sent { cookie: String::new(), ..good.clone() }),
                ("a made-up session", Sent { cookie: format!("sid={}", "a".repeat(64)), ..good.clone() }),
                ("two sessions", Sent { cookie: format!("{0}; {0}", place.cookie), ..good.clone() }),
                ("a session of HTTP by HTTPS", by_https.clone()),
                (
                    "the same under the other name",
                    Sent { cookie: place.cookie.replace("sid=", "__Host-sid="), ..by_https.clone() },
                ),
                ("a session of HTTPS by HTTP", Sent { cookie: stage.secure.0.clone(), ..good.clone() }),
                (
                    "the same as one of HTTP",
                    Sent {
                        cookie: stage.secure.0.replace("__Host-", ""),
                        body: swapped(&good, &stage.secure.1),
                        ..good.clone()
                    },
                ),
                ("a wrong token", Sent { body: swapped(&good, &"0".repeat(32)), ..good.clone() }),
                ("an empty token", Sent { body: swapped(&good, ""), ..good.clone() }),
                ("the viewer's token", Sent { body: swapped(&good, vics_csrf), ..good.clone() }),
                ("the token of HTTPS", Sent { body: swapped(&good, &stage.secure.1), ..good.clone() }),
                ("no token", Sent { body: fields.replace("csrf", "cs").into_bytes(), ..good.clone() }),
                ("the viewer with the operator's token", Sent { cookie: vic.clone(), ..good.clone() }),
            ]);
        }
        if form.role() == Some(Role::Operator) {
            bad.push((
                "a viewer",
                Sent { cookie: vic.clone(), body: swapped(&good, vics_csrf), ..good.clone() },
            ));
        }
        for (what, sent) in bad {
            let reply = sent.to(place);
            let to_login = reply.contains("\r\nLocation: /login\r\n") && !reply.contains("Set-Cookie");
            let is_refused = status(&reply).is_some_and(|status| (400..500).contains(&status));
            assert!(is_refused || status(&reply) == Some(303) && to_login, "{what}: {}: {reply}", form.path);
            assert!(!reply.contains("Set-Cookie"), "{what}: {}: {reply}", form.path);
            check_headers(&reply);
            tried += 1;
        }
        // A link does nothing, either.
        if form.file_bytes_max().is_none() {
            let head = format!(
                "GET {}?{fields} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n",
                form.path, place.cookie
            );
            let reply = tell(&mut *line(place, 0, false), head.as_bytes());
            assert!(!reply.contains("Set-Cookie") && status(&reply) != Some(200), "{}: {reply}", form.path);
        }
    }
    println!("{tried} forms were refused");
    let after = stage.everything();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    calm.again(place, "forms of others");
    // And each does something if all is right: those that end the session last.
    let (ends, others): (Vec<_>, Vec<_>) = FORMS.iter().partition(|form| form.path == "/logout");
    for form in others.into_iter().filter(|form| !["/claim", "/password"].contains(&form.path)).chain(ends) {
        let mut good = stage.good(form, &stage.csrf);
        if ["/settings/change", "/families/change", "/setup/change"].contains(&form.path) {
            // By then the settings are others.
            let version = between(&place.get("/settings"), "name=\"version\" value=\"", "\"").to_owned();
            let text = String::from_utf8(good.body).unwrap();
            good.body = text.replace(&stage.version, &version).into_bytes();
        }
        let reply = good.to(place);
        let done = match form.path {
            "/logout" => true,
            "/system/support/download" => status(&reply) == Some(200),
            _ => status(&reply) == Some(303) && !reply.contains("Location: /login\r\n"),
        };
        assert!(done, "{}: {reply}", form.path);
    }
    let gone = Sent { method: "GET", path: "/audit", ..stage.form(false) }.to(place);
    assert_eq!(status(&gone), Some(303), "logged out: {gone}");
    let audit = Sent { method: "GET", path: "/audit", ..stage.form(true) }.to(place);
    for done in [
        "released mail 1, 2",
        "closed incident 1",
        "changed box.name",
        "changed the words of mails: de ssh",
        "changed the words of mails: pl",
        "added eve",
        "removed vic",
        "a certificate for abusebox.example",
    ] {
        assert!(audit.contains(done), "{done}: {audit}");
    }
}

/// As foreign as text can be.
const EVIL: &str = "<script>x7q()</script>\"'><img src=x onerror=x7q> & {{7*7}} \u{202e}\u{1f600}";

#[test]
fn what_others_write_is_shown_as_text_on_every_page() {
    let day: Day = "2026-11-20".parse().unwrap();
    let world = World::empty(day.plus(1));
    let shadow = Shadowserver::start(&world).unwrap();
    let mails = MailCatcher::start().unwrap();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let name = serde_json::to_string(EVIL).unwrap();
    let settings = SETTINGS
        .replace("\"Example Net\"", &name)
        .replace("listen_https = \"\"", "listen_https = \"127.0.0.1:0\"")
        + &format!(
            "[shadowserver]\nkey = \"{}\"\nsecret = \"{}\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n[mail]\nurl = \"{}\"\n",
            world.key,
            world.secret,
            shadow.api_url(),
            shadow.download_url(),
            mails.url()
        );
    let error = format!("{EVIL}\r\nSet-Cookie: x7q=1");
    shadow.fail(At::Api, Fault::Says(error), None);
    mails.script(
        Stage::Rcpt,
        "alpha",
        Act::Reply("550 5.1.1 <script>x7q()</script>\"'><img src=x onerror=x7q>"),
        None,
    );
    let mut place = Place::with(&settings);
    place.claim();
    let csrf = place.csrf();

    let evil = quoted(&format!("{EVIL}\r\nSet-Cookie: x7q=1\u{0}"));
    let (head, id) = ("customer_id,name,email,cidr\n", quoted(&EVIL.replace('\u{202e}', "")));
    let bad = format!("{head}{id},{evil},{evil},198.51.100.0/28\nC2,{id},,{id}\n");
    let (job, page) = place.job(&place.send("/customers/upload", "<script>x7q()</script>.csv", &bad, &csrf));
    assert!(page.contains("&lt;script&gt;"), "{page}");
    place.post("/customers/discard", &format!("csrf={csrf}&job={job}"));
    let good =
        format!("{head}{id},{id},a@alpha.example,198.51.100.0/28\nC2,{id},b@beta.example,198.51.100.16/28\n");
    let (job, _) = place.job(&place.send("/customers/upload", "<img src=x onerror=x7q>.csv", &good, &csrf));
    let (_, page) = place.job(&place.post("/customers/take", &format!("csrf={csrf}&job={job}")));
    assert!(page.contains("2 customers"), "{page}");
    let mut report =
        "timestamp,severity,ip,port,protocol,hostname,tag,banner,version,<script>x7q()</script>\n".to_owned();
    for ip in ["198.51.100.1", "198.51.100.17", "198.51.100.99"] {
        report += &format!("2026-11-20 03:00:00,critical,{ip},21,tcp,{evil},{evil},{evil},{evil},{evil}\n");
    }
    report +=
        &format!("{evil},high,198.51.100.1,21,tcp,,,,,\n2026-11-20 03:00:00,high,{evil},21,{evil},,,,,\n");
    for file in [REPORT_FILE, "2026-11-20-<script>x7q()<script>-example-asn.csv"] {
        place.job(&place.send("/reports/upload", file, &report, &csrf));
    }
    let noted = format!(
        "csrf={csrf}&do=note&id-1=on&id-2=on&note=%3Cscript%3Ex7q()%3C/script%3E%22%27%3E%0d%0aSet-Cookie:x7q"
    );
    assert_eq!(status(&place.post("/incidents/change", &noted)), Some(303));
    let held = place.get("/mail/held");
    let through = between(&held, "name=\"through\" value=\"", "\"");
    place.post("/mail/change", &format!("csrf={csrf}&do=release&through={through}"));
    place.job(&place.post("/setup/check", &format!("csrf={csrf}&step=2")));
    mails.script(
        Stage::Rcpt,
        "noc@",
        Act::Reply("550 5.1.1 <script>x7q()</script>\"'><img src=x onerror=x7q>"),
        Some(1),
    );
    place.job(&place.post("/setup/check", &format!("csrf={csrf}&step=5")));
    place.says("/mail", "o-failed");

    // Every page to which a link leads, and those that repeat what was asked.
    let asked = "%3Cscript%3Ex7q()%3C/script%3E%22'%3E%3Cimg%20src=x%20onerror=x7q%3E";
    let mut to_read: VecDeque<String> = VecDeque::from(["/".to_owned()]);
    to_read.extend(
        [
            "/incidents?q=",
            "/customers?address=",
            "/system?words=",
            "/login?to=/",
            "/none/",
            "/mail/",
            "/report?file=",
            "/?x=",
        ]
        .map(|path| format!("{path}{asked}")),
    );
    let (mut known, mut shown, mut faults) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    while let Some(path) = to_read.pop_front() {
        if known.len() >= 400 || !known.insert(path.clone()) {
            continue;
        }
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", place.address, place.cookie);
        let reply = tell(&mut *line(&place, 0, false), request.as_bytes());
        assert!(status(&reply).is_some_and(|status| status < 500), "{path}: {reply}");
        check_headers(&reply);
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        if !head.contains("Content-Type: text/html") {
            continue;
        }
        let links = read_markup(&path, body, head.contains("sandbox"), &mut faults);
        if body.contains("&lt;script&gt;x7q()") {
            shown.insert(
                path.split(['?']).next().unwrap().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
            );
        }
        to_read.extend(links);
    }
    println!("{} pages were read; foreign text stands on {shown:?}", known.len());
    for page in [
        "/",
        "/incidents",
        "/incidents/",
        "/mail",
        "/mail/",
        "/reports",
        "/report",
        "/customers",
        "/jobs",
        "/jobs/",
        "/system",
    ] {
        assert!(shown.contains(page), "{page} shows what others wrote: {shown:?}");
    }
    assert!(known.iter().any(|path| path.ends_with("/html")), "the HTML of mails was read");
    // By mail, too: the table is a file of cells, and the text is text.
    let to_beta: Vec<_> = mails.mails().into_iter().filter(|mail| mail.to == ["b@beta.example"]).collect();
    for mail in &to_beta {
        read_markup(&mail.subject(), &mail.html(), true, &mut faults);
        let raw = String::from_utf8_lossy(&mail.raw);
        let head = raw.split_once("\r\n\r\n").unwrap().0;
        assert!(!head.lines().any(|line| line.starts_with("Set-Cookie")), "{head}");
    }
    assert!(!to_beta.is_empty());
    assert_eq!(faults, [""; 0]);
}

/// Holds the headers of a reply, be it a page or a refusal, against those that there may and must be.
#[track_caller]
fn check_headers(reply: &str) {
    let (head, _) = reply.split_once("\r\n\r\n").unwrap();
    let names: Vec<_> = head
        .split("\r\n")
        .skip(1)
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{head}")).0)
        .collect();
    for must in [
        "Content-Type",
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Cache-Control",
    ] {
        assert_eq!(names.iter().filter(|name| **name == must).count(), 1, "{must}: {head}");
    }
    let may = [
        "Content-Length",
        "Connection",
        "Server",
        "Date",
        "Location",
        "Set-Cookie",
        "Refresh",
        "Retry-After",
        "Allow",
        "WWW-Authenticate",
    ];
    assert!(
        names[..].iter().all(|name| name.starts_with("Content-")
            || name.starts_with("X-Content")
            || ["Referrer-Policy", "Cache-Control"].contains(name)
            || may.contains(name)),
        "{head}"
    );
    assert!(!head.contains("x7q=1") && head.contains("default-src 'none'; "), "{head}");
}

/// Reads a document as a browser does: only our own elements and attributes may be there. Returns where its links lead,
/// and adds what is wrong to `faults`.
fn read_markup(path: &str, body: &str, is_mail: bool, faults: &mut Vec<String>) -> Vec<String> {
    let mut links = Vec::new();
    for bad in ['\u{202e}', '\0'] {
        if body.contains(bad) {
            faults.push(format!("{path} has {bad:?}"));
        }
    }
    let mut rest = body;
    while let Some((_, behind)) = rest.split_once('<') {
        // What stands in quotes does not end an element.
        let (mut outside, mut is_quoted, mut end) = (String::new(), false, behind.len());
        for (at, sign) in behind.char_indices() {
            match sign {
                '"' => (is_quoted, outside) = (!is_quoted, outside + " "),
                '>' if !is_quoted => {
                    end = at;
                    break;
                }
                sign if !is_quoted => outside.push(sign),
                _ => {}
            }
        }
        let tag = &behind[..end];
        rest = &behind[end..];
        let mut words =
            outside.split([' ', '\n']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
        let name = words.next().unwrap_or_default();
        let is_ours = name != "img" || tag.contains(" src=\"/icon.svg\"");
        let attribute_is_bad = |word: String| {
            let attribute = word.split('=').next().unwrap_or_default();
            attribute.starts_with("on") || attribute == "srcdoc" || attribute == "style" && !is_mail
        };
        if !is_ours
            || tag.contains('<')
            || ELEMENTS_NEVER.contains(&name.as_str())
            || words.any(attribute_is_bad)
        {
            faults.push(format!("{path}: <{tag}>"));
        }
        for attribute in [" href=\"", " src=\"", " action=\""] {
            let Some((_, value)) = tag.split_once(attribute) else { continue };
            let value = value.split('"').next().unwrap_or_default();
            match value.strip_prefix('/') {
                Some(_) if !attribute.contains("action") => {
                    let link = value.split('#').next().unwrap_or_default();
                    links.push(link.replace("&amp;", "&").replace("&#39;", "'"));
                }
                None if value.to_ascii_lowercase().contains("script:") => {
                    faults.push(format!("{path}: <{tag}>"))
                }
                _ => {}
            }
        }
    }
    links
}

/// Of none of these any page has need.
const ELEMENTS_NEVER: &[&str] = &[
    "script",
    "object",
    "embed",
    "base",
    "template",
    "video",
    "audio",
    "math",
    "applet",
    "frame",
    "foreignobject",
];

#[test]
fn guessing_from_everywhere_is_slow_and_keeps_the_operator_from_nothing() {
    let place = place();
    let calm = Calm::of(&place);
    let host = place.address.to_string();
    let log_in = |from: u32, password: &str| {
        let body = format!("name=ann&password={password}");
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        tell(&mut *line(&place, from, false), request.as_bytes())
    };
    let (began, tried) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (log_in, tried) = (&log_in, &tried);
            scope.spawn(move || {
                for n in 0..12 {
                    let reply = log_in(256 * (thread + 1) + n, "wrong+words+of+a+thief");
                    match status(&reply) {
                        Some(403) => drop(tried.fetch_add(1, Ordering::Relaxed)),
                        Some(429) => assert!(reply.contains("\r\nRetry-After: "), "{reply}"),
                        other => panic!("{other:?}: {reply}"),
                    }
                }
            });
        }
    });
    let (tried, took) = (tried.into_inner(), began.elapsed());
    println!("48 guesses from 48 addresses in {} ms: {tried} were tried", took.as_millis());
    assert!(took < Duration::from_secs(50), "within a minute: {took:?}");
    assert!((15..20).contains(&tried), "{tried} were tried");
    let reply = log_in(0, PASSWORD);
    assert!(status(&reply) == Some(303) && reply.contains("Set-Cookie: sid="), "the operator: {reply}");
    println!("the operator was in after {} ms", began.elapsed().as_millis());
    for n in 0..if is_soak() { 20_000 } else { 200 } {
        let reply = log_in(10_000 + n, "wrong+words+of+a+thief");
        assert!(matches!(status(&reply), Some(403 | 429)), "{reply}");
    }
    calm.again(&place, "guessing");
}
