//! The simulator itself: what it answers, what it refuses, and that its faults are the faults they claim to be.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abusebox::clock::Day;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::sim::kinds;
use crate::sim::mail::{Act, MailCatcher, MailSecurity, Options as MailOptions, Stage};
use crate::sim::net::Authority;
use crate::sim::reports::Report;
use crate::sim::shadowserver::{At, Fault, Options, Shadowserver};
use crate::sim::world::{Rng, World};

fn today() -> Day {
    "2026-11-22".parse().unwrap()
}

/// Three reports of two days.
fn small() -> (World, Shadowserver) {
    let mut world = World::empty(today());
    for (kind, address, days) in [("scan_rdp", "198.18.0.1", 1), ("scan_dns", "198.18.0.2", 2)] {
        world.add(kind, address.parse().unwrap(), today().plus(-days), today().plus(-1));
    }
    let server = Shadowserver::start(&world).unwrap();
    (world, server)
}

fn hmac(secret: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    ring::hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends raw bytes and reads to the end of the connection.
fn exchange(url: &str, tls: Option<&Authority>, request: &[u8]) -> io::Result<Vec<u8>> {
    let authority = url.split('/').nth(2).unwrap();
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut answer = Vec::new();
    match tls {
        None => {
            stream.write_all(request)?;
            stream.take(1 << 20).read_to_end(&mut answer)?;
        }
        Some(trusted) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(trusted.pem().as_bytes()).unwrap()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = "transform.shadowserver.org".try_into().unwrap();
            let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
            let mut stream = rustls::Stream::new(&mut client, &mut stream);
            stream.write_all(request)?;
            stream.read_to_end(&mut answer)?;
        }
    }
    Ok(answer)
}

/// Status, head and body of an answer.
fn split(answer: &[u8]) -> (u16, String, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a complete head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

fn post(url: &str, method: &str, signature: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let length = body.len();
    let head = format!(
        "POST /api2/{method} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nHMAC2: {signature}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    exchange(url, None, &[head.as_bytes(), body].concat())
}

/// Calls a method with the practice key.
fn call(server: &Shadowserver, method: &str, mut body: Value) -> (u16, Value) {
    body["apikey"] = json!("practice-key");
    let body = body.to_string();
    let answer = post(&server.api_url(), method, &hmac("practice-secret", body.as_bytes()), body.as_bytes());
    let (status, _, body) = split(&answer.unwrap());
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn get(server: &Shadowserver, id: &str) -> io::Result<Vec<u8>> {
    let head = format!("GET /{id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    exchange(&server.download_url(), None, head.as_bytes())
}

fn files(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|report| report["file"].as_str().unwrap()).collect()
}

#[test]
fn the_signature_covers_every_byte() {
    let (_, server) = small();
    server.set_key("test-key", "test-secret");
    let vectors = [
        (r#"{"apikey":"test-key"}"#, "66752e66a5812a655a36b8c5aa02d1926e20ead7c86b9dbc186d2bd575086b00"),
        (
            r#"{"date": "2026-11-21", "apikey": "test-key"}"#,
            "aa75d25a9c87a70d7b1fed1c37a13191c90305880c429a46de7e52f10c03ce86",
        ),
    ];
    let status = |body: &[u8], signature: &str| {
        split(&post(&server.api_url(), "test/ping", signature, body).unwrap()).0
    };
    for (body, signature) in vectors {
        assert_eq!(status(body.as_bytes(), signature), 200, "{body}");
        for at in 0..body.len() {
            let mut changed = body.as_bytes().to_vec();
            changed[at] ^= 1;
            assert_eq!(status(&changed, signature), 401, "byte {at} of {body}");
        }
        for at in 0..signature.len() {
            let mut changed = signature.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(status(body.as_bytes(), std::str::from_utf8(&changed).unwrap()), 401, "digit {at}");
        }
        assert_eq!(status(body.as_bytes(), &signature.to_uppercase()), 401);
    }
    let other = br#"{"apikey":"other-key"}"#;
    assert_eq!(status(other, &hmac("test-secret", other)), 401, "signed well, but an unknown key");
}

#[test]
fn the_api_answers_as_documented() {
    let (_, server) = small();
    assert_eq!(call(&server, "test/ping", json!({})).1["pong"], "2026-11-22 12:00:00");
    assert!(call(&server, "key/info", json!({})).1[0]["user"].is_string());
    assert_eq!(call(&server, "reports/subscribed", json!({})).1, json!(["example-net"]));
    let date = json!({ "date": "2026-11-20:2026-11-21" });
    assert_eq!(call(&server, "reports/types", date.clone()).1, json!(["scan_dns", "scan_rdp"]));
    let mut detail = date.clone();
    detail["detail"] = json!(true);
    assert_eq!(call(&server, "reports/types", detail).1[1]["type"], "scan_rdp");
    let stats = call(&server, "reports/stats", date).1;
    assert_eq!(stats[0], json!(["date", "type", "events"]));
    assert_eq!(stats[1][1], "scan_dns");
    assert!(stats[1][2].as_u64().unwrap() >= 1);
    let schema = call(&server, "reports/schema", json!({ "type": "scan_rdp" })).1;
    assert!(schema["fields"].as_array().unwrap().contains(&json!("rdp_protocol")));
    assert_eq!(call(&server, "reports/download", json!({ "id": "x" })).0, 404);
    let get = exchange(
        &server.api_url(),
        None,
        b"GET /api2/test/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(split(&get.unwrap()).0, 405);
    assert_eq!(server.count("reports/types"), 2);
    assert_eq!(server.log().last().unwrap().status, 405);
}

#[test]
fn the_list_filters() {
    let (_, server) = small();
    let list = |body: Value| call(&server, "reports/list", body).1;
    let both_days = "2026-11-20:2026-11-21";
    let all = list(json!({ "date": both_days }));
    let names = ["2026-11-20-scan_dns", "2026-11-21-scan_dns", "2026-11-21-scan_rdp"];
    assert_eq!(files(&all), names.map(|name| format!("{name}-example-net-asn.csv")), "oldest first");
    for report in all.as_array().unwrap() {
        let members: HashSet<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, HashSet::from(["file", "id", "report", "timestamp", "type", "url"]));
        let id = report["id"].as_str().unwrap();
        assert!(id.len() == 50 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
    assert_eq!(files(&list(json!({ "date": "2026-11-20" }))).len(), 1);
    assert_eq!(files(&list(json!({ "date": both_days, "type": "scan_rdp" }))).len(), 1);
    assert_eq!(files(&list(json!({ "date": both_days, "types": ["scan_rdp", "scan_dns"] }))).len(), 3);
    assert_eq!(files(&list(json!({ "date": both_days, "types": ["scan_ssh"] }))).len(), 0);
    assert_eq!(files(&list(json!({ "date": both_days, "reports": ["elsewhere"] }))).len(), 0);
    assert_eq!(files(&list(json!({ "date": both_days, "limit": 2 }))).len(), 2);
    assert_eq!(call(&server, "reports/list", json!({ "date": "yesterday" })).0, 400);
}

#[test]
fn downloads_carry_name_and_date() {
    let (_, server) = small();
    let report = &server.reports()[0];
    let (status, head, body) = split(&get(&server, &report.id).unwrap());
    assert_eq!((status, body.as_slice()), (200, &report.body[..]));
    assert!(
        head.contains(&format!("Content-Disposition: attachment; filename={}\r\n", report.file)),
        "{head}"
    );
    assert!(head.contains("Last-Modified: Sat, 21 Nov 2026 06:00:00 GMT"), "{head}");
    assert_eq!(split(&get(&server, "unknown").unwrap()).0, 404);
    assert_eq!(server.downloads(), 2);
    assert_eq!(server.count(&report.file), 1);
}

#[test]
fn faults_are_what_they_claim() {
    let (_, server) = small();
    let list = || call(&server, "reports/list", json!({ "date": "2026-11-20:2026-11-21" }));
    let with = |fault: Fault| {
        server.heal();
        server.fail(At::Method("reports/list"), fault, None);
        list()
    };
    assert_eq!(with(Fault::BadKey).0, 401);
    let (_, no_group) = with(Fault::NoGroup);
    assert!(no_group["error"].as_str().unwrap().contains("No supported report filters found"));
    assert_eq!(with(Fault::TooMany(7)).0, 429);
    assert_eq!(with(Fault::Status(503)).0, 503);
    assert_eq!(with(Fault::Html), (200, Value::Null));
    assert_eq!(with(Fault::Truncated), (200, Value::Null));
    assert_eq!(with(Fault::EmptyObject), (200, json!({})));
    assert!(with(Fault::ErrorInOk).1["error"].is_string());
    assert_eq!(with(Fault::Redirect("https://elsewhere.example/".to_owned())).0, 302);
    let (_, no_url) = with(Fault::Without(&["url", "id"]));
    assert!(no_url[0].get("url").is_none() && no_url[0].get("id").is_none() && no_url[0]["file"].is_string());
    assert!(with(Fault::Unknown).1[0]["expires"].is_object());
    assert!(with(Fault::WrongTypes).1[0]["file"].is_number());
    assert_eq!(call(&server, "test/ping", json!({})).0, 200, "other methods are well");

    server.heal();
    server.fail(At::Api, Fault::Status(500), Some(2));
    assert_eq!([list().0, list().0, list().0], [500, 500, 200], "only the next two");
}

#[test]
fn broken_deliveries_break_as_told() {
    let (_, server) = small();
    let report = server.reports().remove(0);
    let with = |fault: Fault| {
        server.heal();
        server.fail(At::File(report.file.clone()), fault, None);
        get(&server, &report.id)
    };
    assert_eq!(split(&with(Fault::Empty).unwrap()).2, b"");
    let (_, head, cut) = split(&with(Fault::Cut).unwrap());
    assert!(head.contains(&format!("Content-Length: {}", report.body.len())));
    assert_eq!(cut, report.body[..report.body.len() / 2]);
    assert_eq!(with(Fault::Close).unwrap(), b"");
    let silence = with(Fault::Silent).unwrap_err().kind();
    assert!(matches!(silence, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{silence}");
    assert_eq!(with(Fault::Endless).unwrap().len(), 1 << 20, "as much as anybody reads");
    assert_eq!(split(&with(Fault::Html).unwrap()).2[..9], *b"<!DOCTYPE");
    let begun = Instant::now();
    assert_eq!(split(&with(Fault::Trickle(Duration::from_micros(100))).unwrap()).2, &report.body[..]);
    assert!(begun.elapsed() > Duration::from_micros(100) * report.body.len() as u32);
    let other = server.reports().remove(1);
    assert_eq!(split(&get(&server, &other.id).unwrap()).0, 200, "other files are well");
}

#[test]
fn files_are_reissued_corrected_late_and_gone() {
    let (_, server) = small();
    let list = || call(&server, "reports/list", json!({ "date": "2026-11-19:2026-11-21" })).1;
    let report = server.reports().remove(0);
    assert!(server.reissue(&report.file));
    let again = server.reports().remove(0);
    assert!(again.file == report.file && again.id != report.id && again.body == report.body);
    assert_eq!(split(&get(&server, &report.id).unwrap()).0, 404, "the old id is gone");
    assert!(server.correct(&report.file, "\"timestamp\"\n"));
    let corrected = server.reports().remove(0);
    assert!(corrected.id != again.id && corrected.body != again.body);
    assert!(!server.reissue("no-such.csv"));

    server.add(report.renamed("2026-11-20-scan_dns-example-net-geo.csv"));
    server.add(report.as_kind("scan_brandnew").appearing(today().plus(1)));
    assert_eq!(files(&list()).len(), 4);
    server.set_today(today().plus(1));
    assert!(files(&list()).contains(&"2026-11-20-scan_brandnew-example-net-asn.csv"));
    server.remove(|report| report.day == today().plus(-2));
    assert_eq!(files(&list()).len(), 2, "a day without reports");
}

fn records(report: &Report) -> Vec<HashMap<String, Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&report.body[..]);
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let cells = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    reader.byte_records().map(|record| names.iter().cloned().zip(cells(record.unwrap())).collect()).collect()
}

#[test]
fn columns_can_be_moved_added_and_dropped() {
    let world = World::practice(today());
    for report in world.reports() {
        let before = records(&report);
        assert_eq!(before.len(), report.rows(), "{}", report.file);
        // Short rows are filled up when their cells are moved.
        let full = |rows: Vec<HashMap<String, Vec<u8>>>| -> Vec<HashMap<String, Vec<u8>>> {
            rows.into_iter()
                .map(|row| row.into_iter().filter(|(_, cell)| !cell.is_empty()).collect())
                .collect()
        };
        let shuffled = report.clone().shuffled(7);
        assert_ne!(shuffled.body, report.body);
        assert_eq!(full(records(&shuffled)), full(before.clone()), "{}", report.file);
        let wider = records(&report.clone().with_column("zz_new", "x, \"y\""));
        assert!(wider.iter().all(|row| row["zz_new"] == b"x, \"y\""), "{}", report.file);
        let narrower = records(&report.clone().without_column("severity"));
        assert!(narrower.iter().all(|row| !row.contains_key("severity") && row.contains_key("timestamp")));
        assert_eq!(report.clone().without_last_row().rows(), report.rows() - 1);
        assert_eq!(report.clone().with_line(b"x").rows(), report.rows() + 1);
    }
}

#[test]
fn the_practice_world_is_varied_and_always_the_same() {
    let world = World::practice(today());
    let reports = world.reports();
    assert_eq!(reports, World::practice(today()).reports());
    let types: HashSet<&str> = reports.iter().map(|report| report.kind.as_str()).collect();
    assert!(types.len() >= 40, "{} types", types.len());
    assert!(types.iter().filter(|kind| kind.contains("6_")).count() >= 5);
    assert_eq!(reports.iter().map(|report| report.day).collect::<HashSet<_>>().len(), 3);
    let ids: HashSet<&str> = reports.iter().map(|report| report.id.as_str()).collect();
    assert_eq!(ids.len(), reports.len());
    assert!(kinds::names().count() >= 40);
    assert_eq!(world.customers.len(), 40);
    assert_eq!(
        world.customers_csv().lines().count(),
        1 + world.customers.iter().map(|customer| customer.nets.len()).sum::<usize>()
    );

    // Every kind of owner occurs.
    let owners =
        |count: usize| world.findings.iter().filter(|f| world.owners(f.address).len() == count).count();
    assert!(owners(0) > 0 && owners(1) > 100 && owners(2) > 0);
    let inside = |address| world.cidrs.iter().any(|net| net.contains(&address));
    assert!(world.findings.iter().any(|finding| !inside(finding.address)));
    let nested = world.owners("198.18.5.33".parse().unwrap());
    assert_eq!(nested.iter().map(|owner| owner.id.as_str()).collect::<Vec<_>>(), ["C1005"]);

    let mut rng = Rng::new(1, &[]);
    for finding in &world.findings {
        let own = world.owners(finding.address);
        let other = world.neighbour(finding.address, &mut rng).unwrap();
        assert!(world.owners(other).iter().all(|owner| !own.contains(owner)), "{other}");
    }

    // Problems stay, come and go.
    let seen = |day: i32| -> HashSet<(String, Vec<u8>)> {
        let of_day =
            reports.iter().filter(|report| report.day == today().plus(day) && report.kind == "scan_rdp");
        of_day.flat_map(records).map(|row| ("scan_rdp".to_owned(), row["ip"].clone())).collect()
    };
    assert!(seen(-3).intersection(&seen(-1)).count() > 0);
    let bodies: Vec<&[u8]> = reports.iter().map(|report| &report.body[..]).collect();
    let holds = |part: &[u8]| bodies.iter().any(|body| body.windows(part.len()).any(|window| window == part));
    for part in [&b"||"[..], b"\"\"", b"\xfc", b"\xc3\xbc", b",,", b"\\\"\""] {
        assert!(holds(part), "{part:?}");
    }
}

#[test]
fn names_of_report_files_tell_the_type() {
    let kind = |name: &str| Report::from_file(name, "x", "").map(|report| report.kind);
    assert_eq!(kind("2026-11-20-scan_ldap_udp-x-asn.csv").unwrap(), "scan_ldap_udp");
    assert_eq!(kind("2022-08-31-scan_stun_example_com-asn.csv").unwrap(), "scan_stun");
    assert_eq!(kind("2022-08-31-scan6_ssl_poodle-x.csv").unwrap(), "scan6_ssl_poodle");
    assert_eq!(kind("2026-11-20-scan_brandnew-x-asn.csv").unwrap(), "scan_brandnew");
    assert_eq!(kind("report.csv"), None);
}

#[test]
fn https_is_served_to_who_trusts_the_authority() {
    let authority = Authority::new().unwrap();
    let world = World::empty(today());
    let options = Options { tls: Some(&authority), ..Options::default() };
    let server = Shadowserver::start_with(&world, &options).unwrap();
    let request = b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&server.download_url(), Some(&authority), request).unwrap();
    assert_eq!(split(&answer).0, 404);
    let stranger = Authority::new().unwrap();
    assert!(exchange(&server.download_url(), Some(&stranger), request).is_err());
}

/// A mail with a line that begins with a dot, umlauts, HTML and an attachment.
fn letter(to: &str) -> Message {
    use lettre::message::{Attachment, MultiPart, SinglePart};
    let body = MultiPart::mixed()
        .multipart(MultiPart::alternative_plain_html(
            "Gr\u{fc}\u{df}e\n.dot\n..two\n".to_owned(),
            "<script>alert(1)</script><p>Hallo</p>".to_owned(),
        ))
        .singlepart(Attachment::new("rows.csv".to_owned()).body(
            "a,b\n1,<2>\n".to_owned(),
            lettre::message::header::ContentType::parse("text/csv").unwrap(),
        ))
        .singlepart(SinglePart::plain(".".to_owned()));
    Message::builder()
        .from("abuse@example.net".parse().unwrap())
        .to(to.parse().unwrap())
        .subject("Gef\u{e4}hrdet <b>")
        .message_id(Some("<1@example.net>".to_owned()))
        .multipart(body)
        .unwrap()
}

/// Delivers with the product's own SMTP library. Failing, it says the server's status, if there was one.
fn send(
    catcher: &MailCatcher,
    tls: Tls,
    login: Option<(&str, &str)>,
    mail: Message,
) -> Result<(), Option<u16>> {
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(catcher.port()).tls(tls);
    if let Some((user, password)) = login {
        builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sent = runtime.block_on(async move { builder.build().send(mail).await });
    sent.map(drop).map_err(|error| error.status().map(u16::from))
}

fn send_plainly(catcher: &MailCatcher, to: &str) -> Result<(), Option<u16>> {
    send(catcher, Tls::None, None, letter(to))
}

#[test]
fn mails_are_kept_as_sent() {
    let local = "127.0.0.1:0".parse().unwrap();
    let catcher =
        MailCatcher::start_with(&MailOptions { web: Some(local), ..MailOptions::default() }).unwrap();
    let sent = letter("kunde@example.org");
    send(&catcher, Tls::None, None, sent.clone()).unwrap();
    assert!(catcher.wait_for(1, Duration::from_secs(5)));
    assert!(!catcher.wait_for(2, Duration::from_millis(20)));
    let mail = catcher.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.to.join(" ").as_str()), ("abuse@example.net", "kunde@example.org"));
    assert_eq!(mail.subject(), "Gef\u{e4}hrdet <b>");
    assert_eq!(mail.message_id(), "<1@example.net>");
    assert_eq!(mail.header("To").unwrap(), "kunde@example.org");
    assert_eq!(mail.text().replace('\r', ""), "Gr\u{fc}\u{df}e\n.dot\n..two\n");
    assert!(mail.html().contains("<script>"));
    assert_eq!(mail.attachments()[0], ("rows.csv".to_owned(), b"a,b\r\n1,<2>\r\n".to_vec()));
    // lettre ends what it sends with one more line end.
    assert_eq!(mail.raw, [&sent.formatted()[..], b"\r\n"].concat());

    let page = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, _, body) = split(&exchange(&catcher.web_url().unwrap(), None, head.as_bytes()).unwrap());
        (status, String::from_utf8(body).unwrap())
    };
    assert!(page("/").1.contains("<a href=\"/mail/1\">Gef\u{e4}hrdet &lt;b&gt;</a>"));
    let (status, shown) = page("/mail/1");
    assert_eq!(status, 200);
    assert!(shown.contains("Gr\u{fc}\u{df}e") && shown.contains("1,&lt;2&gt;"));
    assert!(shown.contains("sandbox srcdoc=\"&lt;script&gt;") && !shown.contains("<script"));
    assert_eq!(page("/mail/2").0, 404);
}

/// A whole conversation, said without waiting for answers.
const SESSION: &[u8] = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\
    Subject: x\r\n\r\n..one\r\n...two\r\nend\n.\n\r\n.\r\nNOOP\r\nQUIT\r\n";

#[test]
fn dots_are_unstuffed() {
    let catcher = MailCatcher::start().unwrap();
    let url = format!("smtp://127.0.0.1:{}/", catcher.port());
    let answer = String::from_utf8(exchange(&url, None, SESSION).unwrap()).unwrap();
    assert_eq!(catcher.mails()[0].raw, b"Subject: x\r\n\r\n.one\r\n..two\r\nend\n.\n\r\n");
    assert!(answer.ends_with("250 2.0.0 Kept\r\n250 2.0.0 Here\r\n221 2.0.0 Bye\r\n"), "{answer}");
}

#[test]
fn the_script_decides_each_stage() {
    let catcher = MailCatcher::start().unwrap();
    let url = format!("smtp://127.0.0.1:{}/", catcher.port());
    let with = |stage, act| {
        catcher.heal();
        catcher.script(stage, "", act, None);
        send_plainly(&catcher, "kunde@example.org")
    };
    for (stage, reply, status) in [
        (Stage::Banner, "421 4.3.2 Too busy", 421),
        (Stage::Mail, "451 4.7.1 Later", 451),
        (Stage::Rcpt, "550 5.1.1 Unknown", 550),
        (Stage::Data, "452 4.3.1 Full", 452),
        (Stage::Body, "554 5.7.1 Refused", 554),
    ] {
        assert_eq!(with(stage, Act::Reply(reply)), Err(Some(status)), "{stage:?}");
    }
    for stage in [Stage::Banner, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Body] {
        assert_eq!(with(stage, Act::Drop), Err(None), "{stage:?}");
        // lettre waits for an answer without end, so this conversation is held by hand.
        catcher.heal();
        catcher.script(stage, "", Act::Hang, None);
        let hung = exchange(&url, None, SESSION).unwrap_err().kind();
        assert!(matches!(hung, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{hung} at {stage:?}");
    }
    assert_eq!(catcher.mails().len(), 0);
    assert_eq!(with(Stage::Body, Act::KeepThenDrop), Err(None));
    assert_eq!(catcher.mails().len(), 1, "taken, though the sender cannot know");
    assert_eq!(with(Stage::Body, Act::Slow(Duration::from_millis(50))), Ok(()));

    catcher.heal();
    catcher.script(Stage::Rcpt, "@full.example", Act::Reply("452 4.2.2 Full"), Some(1));
    assert_eq!(send_plainly(&catcher, "a@well.example"), Ok(()));
    assert_eq!(send_plainly(&catcher, "a@full.example"), Err(Some(452)));
    assert_eq!(send_plainly(&catcher, "a@full.example"), Ok(()));
    assert!(catcher.commands().contains(&"RCPT TO:<a@full.example>".to_owned()));

    catcher.script(Stage::Banner, "", Act::Endless, None);
    let banner = exchange(&url, None, b"").unwrap();
    assert_eq!(banner.len(), 1 << 20, "as much as anybody reads");
    assert!(banner.starts_with(b"220-") && !banner.windows(4).any(|four| four == b"220 "));
}

#[test]
fn a_server_that_is_down_refuses() {
    let catcher = MailCatcher::start().unwrap();
    catcher.set_up(false);
    let refused = TcpStream::connect(("127.0.0.1", catcher.port())).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    catcher.set_up(true);
    assert_eq!(send_plainly(&catcher, "kunde@example.org"), Ok(()));
    assert_eq!(catcher.connections(), 1);
}

#[test]
fn encryption_and_login_are_demanded() {
    let authority = Authority::new().unwrap();
    let certificate = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let trusting = || {
        let parameters = TlsParameters::builder("127.0.0.1".to_owned());
        parameters.add_root_certificate(certificate.clone()).build().unwrap()
    };
    for security in [MailSecurity::StartTls, MailSecurity::Tls] {
        let catcher = MailCatcher::start_with(&MailOptions {
            security,
            tls: Some(&authority),
            login: Some(("user", "secret")),
            ..MailOptions::default()
        })
        .unwrap();
        let tls = || match security {
            MailSecurity::Tls => Tls::Wrapper(trusting()),
            _ => Tls::Required(trusting()),
        };
        let mail = || letter("kunde@example.org");
        assert_eq!(send(&catcher, tls(), Some(("user", "wrong")), mail()), Err(Some(535)));
        assert_eq!(send(&catcher, tls(), None, mail()), Err(Some(530)));
        assert_eq!(send(&catcher, tls(), Some(("user", "secret")), mail()), Ok(()));
        let kept = catcher.mails().remove(0);
        assert!(kept.encrypted && kept.login.as_deref() == Some("user"));
        if security == MailSecurity::StartTls {
            assert_eq!(send(&catcher, Tls::None, None, mail()), Err(Some(530)));
        }
    }
}
