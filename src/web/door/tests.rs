//! The door over real sockets, with a server behind it that says what it was told.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;

use ipnet::IpNet;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpStream, UnixListener};

use super::*;

const LIMITS: Limits = Limits {
    place_time_max: Duration::from_secs(3),
    request_time_max: Duration::from_millis(400),
    answer_time_max: Duration::from_secs(20),
    file_answer_time_max: Duration::from_secs(20),
    reply_time_max: Duration::from_secs(20),
};

struct House {
    address: SocketAddr,
    _folder: TempDir,
}

/// A server that sends back what it gets.
fn behind(folder: &TempDir) -> PathBuf {
    let socket = folder.path().join("web.sock");
    let inner = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = inner.accept().await.unwrap();
            tokio::spawn(async move {
                let mut stream = tokio::io::BufReader::new(stream);
                let mut seen = String::new();
                while stream.read_line(&mut seen).await.unwrap() > 2 {}
                let length = seen.split_once("Content-Length: ").map_or("0", |(_, rest)| rest);
                let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                seen += std::str::from_utf8(&body).unwrap();
                let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len());
                stream.get_mut().write_all(reply.as_bytes()).await.unwrap();
            });
        }
    });
    socket
}

const BOUNDARY: &str = "----x7";

/// A field, or a file with its name, and what is in it.
type Piece<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// The body of a form with these parts.
fn parts(parts: &[Piece<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: text/csv"));
        let file = file.unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn upload_head(cookie: &str, length: usize) -> String {
    format!(
        "POST /customers/upload HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nX-Abusebox-Upload: ../x\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    format!("{} {:?}", bytes.len(), &digest.as_ref()[..4])
}

/// A door that takes files, and behind it a server that knows the session `sid=ann`. It says what it got.
async fn house_for_files(limits: Limits) -> (SocketAddr, TempDir) {
    house_with_room(limits, |_| Ok(u64::MAX)).await
}

/// The same on a disk with room.
async fn house_with_room(limits: Limits, free: fn(&Path) -> io::Result<u64>) -> (SocketAddr, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let uploads = folder.path().join("uploads");
    std::fs::create_dir(&uploads).unwrap();
    crate::files::save_atomic(&uploads.join("upload-9"), b"left behind", 0o600).unwrap();
    let socket = folder.path().join("web.sock");
    let inner = UnixListener::bind(&socket).unwrap();
    let files = uploads.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = inner.accept().await.unwrap();
            let files = files.clone();
            tokio::spawn(async move {
                let mut stream = tokio::io::BufReader::new(stream);
                let mut seen = String::new();
                while stream.read_line(&mut seen).await.unwrap() > 2 {}
                if seen.starts_with("HEAD ") {
                    let status =
                        if seen.contains("Cookie: sid=ann\r\n") { "200 OK" } else { "303 See Other" };
                    let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n");
                    stream.get_mut().write_all(reply.as_bytes()).await.unwrap();
                    return;
                }
                let value = |name: &str| {
                    let (_, rest) = seen.split_once(name)?;
                    Some(rest.split("\r\n").next().unwrap().to_owned())
                };
                let mut body = vec![0; value("Content-Length: ").unwrap().parse().unwrap()];
                stream.read_exact(&mut body).await.unwrap();
                let file = value("X-Abusebox-Upload: ").map(|name| std::fs::read(files.join(name)).unwrap());
                let file = file.map_or("none".to_owned(), |file| digest(&file));
                let seen = format!("{} {file}", String::from_utf8(body).unwrap());
                let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len());
                stream.get_mut().write_all(reply.as_bytes()).await.unwrap();
            });
        }
    });
    let mut uploads = Uploads::new(uploads);
    uploads.free = free;
    let inside = Arc::new(Inside::new(Arc::new(Allowed(Vec::new())), Some(uploads)));
    let door = Door::bind((Ipv4Addr::LOCALHOST, 0).into(), None, limits, inside).await.unwrap();
    let address = door.address().unwrap();
    tokio::spawn(async move { door.serve(&socket).await });
    (address, folder)
}

fn under_way(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("uploads")).unwrap().count()
}

/// What the folder of uploads holds, when nothing is under way any more.
async fn left(folder: &TempDir) -> usize {
    for _ in 0..100 {
        if under_way(folder) == 0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    under_way(folder)
}

async fn send_form(address: SocketAddr, cookie: &str, body: &[u8]) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(upload_head(cookie, body.len()).as_bytes()).await.unwrap();
    // Whoever is refused may not get all of it out.
    let _ = client.write_all(body).await;
    read(&mut client).await
}

#[tokio::test]
async fn a_file_comes_through_as_it_is_and_is_gone_after_the_reply() {
    let limits = Limits { request_time_max: Duration::from_secs(5), ..LIMITS };
    let (address, folder) = house_for_files(limits).await;
    assert_eq!(left(&folder).await, 0, "what was left behind is removed");
    let mut large: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    // What begins like a boundary is none.
    large.extend_from_slice(format!("\r\n--{}\r\n--", &BOUNDARY[..3]).as_bytes());
    for content in [&b""[..], b"a,b\r\n", &large] {
        let file = ("file", Some("C:/x/a b.csv"), content);
        let reply =
            send_form(address, "sid=ann", &parts(&[("csrf", None, b"t0k&n"), file, ("z", None, b"1")])).await;
        let seen = format!("csrf=t0k%26n&file=a%20b.csv&z=1 {}", digest(content));
        assert!(reply.ends_with(&seen), "{seen}: {reply}");
        assert_eq!(left(&folder).await, 0);
    }
    let reply = send_form(address, "sid=ann", &parts(&[("csrf", None, b"x"), ("file", Some(""), b"")])).await;
    assert!(reply.ends_with("csrf=x none"), "no file was chosen: {reply}");
}

#[tokio::test]
async fn only_whoever_has_a_session_writes_to_the_disk_and_only_what_is_a_form() {
    let (address, folder) = house_for_files(LIMITS).await;
    let file: Piece<'_> = ("file", Some("a.csv"), b"x,y\r\n");
    let good = parts(&[("csrf", None, b"t"), file]);
    let field: Piece<'_> = ("a", None, b"b");
    let long = vec![b'x'; 5_000];
    for (what, cookie, body, status) in [
        ("no session", "", good.clone(), 403),
        ("another session", "sid=vic", good.clone(), 403),
        ("two files", "sid=ann", parts(&[file, file]), 400),
        ("many fields", "sid=ann", parts(&[field; 20]), 400),
        ("a long field", "sid=ann", parts(&[("a", None, &long)]), 413),
        ("no text", "sid=ann", parts(&[("a", None, b"\xff")]), 400),
        ("no parts", "sid=ann", b"csrf=t0ken".to_vec(), 400),
        ("no part begins", "sid=ann", vec![b'x'; upload::SIPPED_BYTES_MAX * 3], 400),
        ("cut off", "sid=ann", good[..good.len() - 10].to_vec(), 400),
    ] {
        let reply = send_form(address, cookie, &body).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {reply}");
        assert_eq!(left(&folder).await, 0, "{what}");
    }
    // Too large: said before a byte of it is taken. And elsewhere nothing of that kind is taken.
    let elsewhere = upload_head("sid=ann", BODY_BYTES_MAX + 1).replace("/customers/upload", "/login");
    for head in [upload_head("sid=ann", 70 << 20), elsewhere] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        assert!(read(&mut client).await.starts_with("HTTP/1.1 413 "), "{head}");
    }
}

#[tokio::test]
async fn whoever_stops_in_the_middle_of_a_file_leaves_nothing() {
    let (address, folder) = house_for_files(LIMITS).await;
    let body = parts(&[("csrf", None, b"t"), ("file", Some("a.csv"), &vec![b'x'; 100_000])]);
    let half = [upload_head("sid=ann", body.len()).as_bytes(), &body[..50_000]].concat();
    // Silent for too long.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&half).await.unwrap();
    assert!(read(&mut client).await.starts_with("HTTP/1.1 408 "));
    assert_eq!(left(&folder).await, 0);
    // Gone.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&half).await.unwrap();
    drop(client);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(left(&folder).await, 0);
}

#[tokio::test]
async fn few_files_come_at_once_and_a_disk_that_takes_none_is_told() {
    let (address, folder) =
        house_for_files(Limits { request_time_max: Duration::from_secs(30), ..LIMITS }).await;
    let body = parts(&[("file", Some("a.csv"), b"x,y")]);
    let head = upload_head("sid=ann", body.len());
    let (begin, rest) = body.split_at(body.len() - 10);
    let mut begun = Vec::new();
    for n in 0..2 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[head.as_bytes(), begin].concat()).await.unwrap();
        begun.push(client);
        let began = Instant::now();
        while under_way(&folder) <= n {
            assert!(began.elapsed().as_secs() < 20, "it never begins");
            sleep(Duration::from_millis(20)).await;
        }
    }
    let reply = send_form(address, "sid=ann", &body).await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("Other files"), "{reply}");
    for mut client in begun {
        client.write_all(rest).await.unwrap();
        assert!(read(&mut client).await.starts_with("HTTP/1.1 200 "));
    }
    // A file in the place of the folder.
    assert_eq!(left(&folder).await, 0);
    let uploads = folder.path().join("uploads");
    std::fs::remove_dir(&uploads).unwrap();
    crate::files::save_atomic(&uploads, b"", 0o600).unwrap();
    let reply = send_form(address, "sid=ann", &body).await;
    assert!(reply.starts_with("HTTP/1.1 500 ") && reply.contains("cannot be stored"), "{reply}");
}

#[tokio::test]
async fn files_that_come_at_once_leave_room_together() {
    const ROOM: usize = 100_000;
    let limits = Limits { request_time_max: Duration::from_secs(30), ..LIMITS };
    let (address, folder) = house_with_room(limits, |_| Ok(upload::FREE_BYTES_MIN + ROOM as u64)).await;
    let body = |bytes: usize| parts(&[("file", Some("a.csv"), &vec![b'x'; bytes])]);
    let first = body(ROOM * 6 / 10);
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = upload_head("sid=ann", first.len());
    client.write_all(&[head.as_bytes(), &first[..1_000]].concat()).await.unwrap();
    let began = Instant::now();
    while under_way(&folder) == 0 {
        assert!(began.elapsed().as_secs() < 20, "it never begins");
        sleep(Duration::from_millis(20)).await;
    }
    for (bytes, status) in [(ROOM / 2, 507), (ROOM / 4, 200), (ROOM / 2, 507), (ROOM * 2, 507)] {
        let reply = send_form(address, "sid=ann", &body(bytes)).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {reply}");
    }
    client.write_all(&first[1_000..]).await.unwrap();
    assert!(read(&mut client).await.starts_with("HTTP/1.1 200 "));
    let reply = send_form(address, "sid=ann", &body(ROOM / 2)).await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "the first keeps nothing any more: {reply}");
}

#[tokio::test]
async fn whoever_drips_loses_his_place_and_a_slow_line_does_not() {
    let limits = Limits { request_time_max: Duration::from_millis(1_500), ..LIMITS };
    let (address, folder) = house_for_files(limits).await;
    let body = parts(&[("csrf", None, b"t"), ("file", Some("a.csv"), &vec![b'x'; 100_000])]);
    let begin = [upload_head("sid=ann", body.len()).as_bytes(), &body[..500]].concat();
    // Each of its bytes comes in time.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&begin).await.unwrap();
    let (mut reader, mut writer) = client.split();
    let drip = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut reply = String::new();
    let began = Instant::now();
    tokio::select! {
        () = drip => {}
        _ = reader.read_to_string(&mut reply) => {}
    }
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(left(&folder).await, 0);
    // Twice as fast as the slowest line: in all it takes far longer than anybody is waited for.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&begin).await.unwrap();
    let began = Instant::now();
    for piece in body[500..].chunks(upload::BYTES_PER_SECOND_MIN as usize / 5) {
        sleep(Duration::from_millis(100)).await;
        client.write_all(piece).await.unwrap();
    }
    assert!(read(&mut client).await.starts_with("HTTP/1.1 200 "));
    assert!(began.elapsed() > 2 * limits.request_time_max);
}

async fn open(address: impl Into<SocketAddr>, tls: Option<Tls>, allow: Vec<IpNet>, limits: Limits) -> Door {
    let inside = Arc::new(Inside::new(Arc::new(Allowed(allow)), None));
    Door::bind(address.into(), tls, limits, inside).await.unwrap()
}

struct Allowed(Vec<IpNet>);

impl Rules for Allowed {
    fn allow(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&peer))
    }

    fn language(&self) -> String {
        "en".to_owned()
    }
}

/// A door, and somebody behind it.
async fn house(limits: Limits) -> House {
    let folder = tempfile::tempdir().unwrap();
    let socket = behind(&folder);
    let door = open((Ipv4Addr::LOCALHOST, 0), None, Vec::new(), limits).await;
    let address = door.address().unwrap();
    tokio::spawn(async move { door.serve(&socket).await });
    House { address, _folder: folder }
}

impl House {
    async fn ask(&self, request: &str) -> String {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        read(&mut client).await
    }
}

/// All that comes until the other side closes; empty if it does not let us in.
async fn read(client: &mut TcpStream) -> String {
    String::from_utf8(read_bytes(client).await).unwrap()
}

async fn read_bytes(client: &mut TcpStream) -> Vec<u8> {
    let mut reply = Vec::new();
    let _ = timeout(Duration::from_secs(10), client.read_to_end(&mut reply)).await.expect("the door closes");
    reply
}

#[tokio::test]
async fn only_known_headers_of_a_client_get_through_with_what_the_door_says_itself() {
    let house = house(LIMITS).await;
    let reply = house
        .ask(
            "GET /mail?state=held HTTP/1.1\r\nhost:  box.local \r\nX-Abusebox-Peer: 192.0.2.1\r\n\
             x-abusebox-scheme: https\r\nConnection: keep-alive\r\nX-Forwarded-For: ::1\r\n\
             Cookie: a=b\r\n\r\n",
        )
        .await;
    let (_, seen) = reply.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        seen,
        "GET /mail?state=held HTTP/1.1\r\nHost: box.local\r\nX-Abusebox-Peer: 127.0.0.1\r\n\
         X-Abusebox-Scheme: http\r\nContent-Length: 0\r\nConnection: close\r\nCookie: a=b\r\n\r\n"
    );
}

#[tokio::test]
async fn a_second_request_in_the_same_bytes_is_not_heard() {
    let house = house(LIMITS).await;
    let reply = house.ask(&"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3)).await;
    assert_eq!(reply.matches("GET /a").count(), 1, "{reply}");
}

#[tokio::test]
async fn what_can_be_understood_in_two_ways_is_refused() {
    let house = house(LIMITS).await;
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX-Abusebox-Peer: ::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX-Abusebox-Peer: ::1\r\n\r\n",
        "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET http://localhost/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=a\r\nCookie: sid=b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nx",
        "nothing\r\n\r\n",
    ] {
        let reply = house.ask(request).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{request:?}: {reply}");
    }
}

#[tokio::test]
async fn a_body_comes_with_a_form_only_whole_and_of_limited_size() {
    let house = house(LIMITS).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned(), 413),
        ("DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned(), 413),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 411),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 411),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 411),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", BODY_BYTES_MAX + 1), 413),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", "9".repeat(30)), 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello".to_owned(), 408),
    ] {
        let reply = house.ask(&request).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {reply}");
    }
    let reply = house.ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    for body in ["", "hello", &"x".repeat(BODY_BYTES_MAX)] {
        let head =
            format!("POST /a HTTP/1.1\r\nHost: a\r\ncontent-type: b/c\r\nContent-Length: {}", body.len());
        let reply = house.ask(&format!("{head}\r\n\r\n{body}GET /b HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let (_, seen) = reply.split_once("\r\n\r\n").unwrap();
        let (head, rest) = seen.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nContent-Type: b/c") && head.starts_with("POST /a "), "{head}");
        assert!(rest == body, "the body and nothing behind it");
    }
}

#[tokio::test]
async fn https_is_let_in_beside_http_and_says_so_behind() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.pem");
    let names = ["127.0.0.1".to_owned()];
    let now = crate::clock::Timestamp::from_unix(1_795_000_000);
    let made = crate::web::certificate::own(&own, &names, now).unwrap();
    let socket = behind(&folder);
    let (_shown, tls) = watch::channel(made.config);
    let door = open((Ipv4Addr::LOCALHOST, 0), Some(tls), Vec::new(), LIMITS).await;
    let address = door.address().unwrap();
    tokio::spawn(async move { door.serve(&socket).await });

    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(&own).unwrap();
    roots.add(rustls::pki_types::pem::PemObject::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect("127.0.0.1".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("an end that TLS marks as such");
    assert!(reply.contains("X-Abusebox-Scheme: https\r\n") && reply.ends_with("hi"), "{reply}");

    // Whoever speaks something else there, or nothing, only loses his own place.
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(!read_bytes(&mut other).await.starts_with(b"HTTP"));
    assert_eq!(read_bytes(&mut silent).await, b"");
}

#[tokio::test]
async fn a_head_has_a_largest_size() {
    let house = house(LIMITS).await;
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    let fits = HEAD_BYTES_MAX - start.len() - 4;
    let reply = house.ask(&format!("{start}{}\r\n\r\n", "x".repeat(fits))).await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    for more in [1, 1_000] {
        let reply = house.ask(&format!("{start}{}\r\n\r\n", "x".repeat(fits + more))).await;
        assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    }
}

#[tokio::test]
async fn a_slow_head_is_cut_off_however_often_a_byte_comes() {
    let house = house(LIMITS).await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    let (mut reader, mut writer) = client.split();
    let drip = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut reply = String::new();
    let began = tokio::time::Instant::now();
    tokio::select! {
        () = drip => {}
        _ = reader.read_to_string(&mut reply) => {}
    }
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nobody_takes_all_places_and_a_place_comes_back() {
    let house = Arc::new(house(Limits { request_time_max: Duration::from_secs(60), ..LIMITS }).await);
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_OF_ONE_MAX {
        let mut client = TcpStream::connect(house.address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        idle.push(client);
    }
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    // The door takes clients in the order in which they came: this one finds all places taken, and waits in vain.
    assert_eq!(house.ask(request).await, "");
    // Others wait until one leaves, and then for each other.
    let ask = |_| {
        let house = house.clone();
        tokio::spawn(async move { house.ask(request).await })
    };
    let waiting: Vec<_> = (0..20).map(ask).collect();
    sleep(Duration::from_millis(200)).await;
    idle.pop();
    for reply in waiting {
        let reply = reply.await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "), "{reply}");
    }
}

#[tokio::test]
async fn so_many_wait_for_a_place_and_in_the_order_in_which_they_came() {
    let inside = Arc::new(Inside::new(Arc::new(Allowed(Vec::new())), None));
    let own = IpAddr::from([127, 0, 0, 1]);
    let mut places = places(&inside, own, CONNECTIONS_OF_ONE_MAX);
    let queue: Vec<_> = (0..WAITING_MAX).map_while(|_| inside.admit(own)).collect();
    assert_eq!(queue.len(), WAITING_MAX);
    assert!(inside.admit(own).is_none(), "one too many goes at once");
    let other = inside.admit(IpAddr::from([192, 0, 2, 1]));
    assert!(matches!(other, Some(Entry::Place(_))), "others do not wait with them");
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    for (n, entry) in queue.into_iter().enumerate() {
        let (inside, told) = (inside.clone(), told.clone());
        tokio::spawn(async move {
            let place = inside.place(entry).await;
            told.send((n, place)).unwrap();
        });
    }
    tokio::task::yield_now().await;
    places.pop();
    // Whoever comes anew does not come before them.
    assert!(inside.admit(own).is_none());
    for n in 0..WAITING_MAX {
        // The place goes on with this.
        let (came, place) = order.recv().await.unwrap();
        assert!(came == n && place.is_some(), "{came} came as {n}");
    }
    drop(places);
    assert!(matches!(inside.admit(own), Some(Entry::Place(_))));
}

/// As many as are to be had, up to `most`.
fn places(inside: &Inside, peer: IpAddr, most: usize) -> Vec<Entry> {
    let place = |_| inside.admit(peer).filter(|entry| matches!(entry, Entry::Place(_)));
    (0..most).map_while(place).collect()
}

#[test]
fn places_are_counted_by_address_and_in_all() {
    let inside = Inside::new(Arc::new(Allowed(Vec::new())), None);
    let address = |n: u8| IpAddr::from([192, 0, 2, n]);
    let mut all = places(&inside, address(1), 100);
    assert_eq!(all.len(), CONNECTIONS_OF_ONE_MAX);
    for n in 2..=u8::try_from(CONNECTIONS_MAX).unwrap() {
        all.extend(places(&inside, address(n), 1));
    }
    assert_eq!(all.len(), CONNECTIONS_MAX, "no more in all");
    assert!(places(&inside, address(100), 1).is_empty());
    all.extend(places(&inside, IpAddr::from([127, 0, 0, 1]), 100));
    assert_eq!(
        all.len(),
        CONNECTIONS_MAX + CONNECTIONS_OF_ONE_MAX,
        "this machine is never kept out by others"
    );
    all.extend((0..200).flat_map(|n| places(&inside, IpAddr::from([127, 0, 1, n]), 1)));
    assert_eq!(all.len(), 2 * CONNECTIONS_MAX, "nor has it more places, with all its addresses");
    drop(all);
    assert_eq!(places(&inside, address(1), 100).len(), CONNECTIONS_OF_ONE_MAX);
    assert_eq!(inside.own.lock().unwrap().len(), 1, "who is gone is forgotten");
}

#[tokio::test]
async fn the_door_says_when_nobody_is_behind_it() {
    let door = open((std::net::Ipv6Addr::LOCALHOST, 0), None, Vec::new(), LIMITS).await;
    let address = door.address().unwrap();
    tokio::spawn(async move { door.serve(Path::new("none.sock")).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let reply = read(&mut client).await;
    assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    for header in ["Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff"] {
        assert!(reply.contains(header), "{header}: {reply}");
    }
}

/// A client at a door of which the test is what is behind, which answers within so many milliseconds.
async fn between(answer_millis_max: u64) -> (TcpStream, UnixListener, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("web.sock");
    let inner = UnixListener::bind(&socket).unwrap();
    let limits = Limits { answer_time_max: Duration::from_millis(answer_millis_max), ..LIMITS };
    let uploads = Some(Uploads::new(folder.path().join("uploads")));
    let inside = Arc::new(Inside::new(Arc::new(Allowed(Vec::new())), uploads));
    let door = Door::bind((Ipv4Addr::LOCALHOST, 0).into(), None, limits, inside).await.unwrap();
    let address = door.address().unwrap();
    tokio::spawn(async move { door.serve(&socket).await });
    (TcpStream::connect(address).await.unwrap(), inner, folder)
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_said() {
    let (mut client, inner, _folder) = between(300).await;
    client.write_all(b"POST /mail/change HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let (silent, _) = inner.accept().await.unwrap();
    let reply = read(&mut client).await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("look before you send it again"), "{reply}");
    drop(silent);
}

#[tokio::test]
async fn what_is_made_of_a_file_may_take_its_time() {
    let (mut client, inner, _folder) = between(100).await;
    client
        .write_all(b"POST /api/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfile")
        .await
        .unwrap();
    let (mut asked, _) = inner.accept().await.unwrap();
    assert!(asked.read(&mut [0; 2048]).await.unwrap() > 0);
    asked.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    drop(asked);
    let (mut taking, _) = inner.accept().await.unwrap();
    assert!(taking.read(&mut [0; 2048]).await.unwrap() > 0);
    sleep(Duration::from_millis(300)).await;
    taking.write_all(b"HTTP/1.1 200 OK\r\n\r\ntaken").await.unwrap();
    drop(taking);
    let reply = read(&mut client).await;
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("taken"), "{reply}");
}

#[tokio::test]
async fn it_opens_to_clients_nearby_and_to_allowed_networks() {
    let allow = vec!["198.51.100.0/24".parse().unwrap(), "2001:db8::/64".parse().unwrap()];
    let door = open((Ipv4Addr::UNSPECIFIED, 0), None, allow, LIMITS).await;
    for peer in ["127.0.0.1", "10.0.2.2", "169.254.1.1", "fe80::1", "fd00::1", "198.51.100.7", "2001:db8::7"]
    {
        assert!(door.knows(peer.parse().unwrap()), "{peer}");
    }
    for peer in ["198.51.101.1", "2001:db8:0:1::7", "100.64.0.1"] {
        assert!(!door.knows(peer.parse().unwrap()), "{peer}");
    }
}
