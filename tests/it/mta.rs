//! Mail through a real mail server: Postfix as Debian packages it, between `notify::smtp` and a Maildir.
//!
//! It has settings, queue and processes of its own, listens on ports of 127.0.0.1 only, and delivers into a folder
//! only: the services that could relay are not there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abusebox::config::{MailSecurity, MailServer, Secret};
use abusebox::notify::smtp::{Outcome, Smtp, Waits};
use mail_parser::{MessageParser, MimeHeaders};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::house::{House, at, csv, skip};

/// A digest hour in Vienna.
const NOW: &str = "2026-11-21T07:00:00Z";
const USER: &str = "box";
const PASSWORD: &str = "p:ss w@rd";
/// Of a zero byte, the user, a zero byte and the password (RFC 4616).
const LOGIN_BASE64: &str = "AGJveABwOnNzIHdAcmQ=";
const PASSWORD_IN_URL: &str = "p%3Ass%20w%40rd";
/// Texts beyond ASCII, one of them longer than an encoded word may be.
const ORGANISATION: &str =
    "\u{d6}sterreichische Netz- und Kabelgesellschaft B\u{fc}rs-N\u{fc}ziders \u{2013} Stadtwerke";
const CUSTOMER: &str = "M\u{fc}llers B\u{e4}ckerei & \u{141}\u{f3}d\u{17a} \u{6771}\u{4eac}";

#[test]
fn a_real_mail_server_takes_our_mail_and_keeps_every_byte() {
    let Some(mta) = Mta::start() else { return };

    // What the box makes of a report: two customers, one of them with two receivers.
    let house = mta.house(Listener::Good, &mta.authority, PASSWORD_IN_URL);
    let step = house.mail(at(NOW));
    assert_eq!((step.sent, step.failed), (3, 0), "two customers and the operator: {step:?}");
    assert!(alarms(&house).is_empty(), "{:?}", alarms(&house));
    let mails = mta.wait_for(4);
    let parsed: Vec<_> = mails.iter().map(|raw| MessageParser::default().parse(raw).unwrap()).collect();
    let of = |address: &str| {
        let to =
            |mail: &&mail_parser::Message| mail.to().unwrap().first().unwrap().address() == Some(address);
        let mut found = parsed.iter().filter(to);
        let mail = found.next().unwrap_or_else(|| panic!("nothing came to {address}"));
        assert!(found.next().is_none(), "two mails came to {address}");
        mail
    };
    let (one, other, second) = (of("a1@cust.example"), of("a2@cust.example"), of("b@cust.example"));
    for mail in [one, other, second, of("noc@example.net")] {
        let from = mail.from().unwrap().first().unwrap();
        assert_eq!((from.name(), from.address()), (Some(ORGANISATION), Some("abuse@example.net")));
        let path = mail.return_address().unwrap();
        assert!(path.starts_with("abuse+") && path.ends_with("@example.net"), "{path}");
    }
    for mail in [one, other] {
        let text = mail.body_text(0).unwrap();
        assert!(text.contains(CUSTOMER) && text.contains("192.0.2.7"), "{text}");
        assert!(!text.contains("192.0.2.20"), "{text}");
        let html = mail.body_html(0).unwrap();
        assert!(html.contains("192.0.2.7"), "{html}");
        assert_eq!(mail.attachment_count(), 1);
        let table = mail.attachment(0).unwrap();
        assert!(table.attachment_name().unwrap().ends_with(".csv"));
        assert!(table.text_contents().unwrap().contains("192.0.2.7"));
    }
    assert!(second.body_text(0).unwrap().contains("192.0.2.20"));
    assert_eq!((one.subject(), one.body_text(0)), (other.subject(), other.body_text(0)), "one text for both");
    let ids: BTreeSet<_> = parsed.iter().map(|mail| mail.message_id().unwrap()).collect();
    assert_eq!(ids.len(), 4, "a Message-ID for each receiver");
    let told: BTreeSet<_> = house
        .show("outbox", at(NOW))
        .iter()
        .map(|line| line["message_id"].as_str().unwrap().trim_matches(['<', '>']).to_owned())
        .collect();
    assert!(ids.iter().all(|id| told.contains(*id)), "{ids:?} {told:?}");

    // What SMTP itself must carry: lines as long as RFC 5321 lets them be, dots at their beginning, bytes of 8 bits.
    let long = "x".repeat(998);
    let dotted = format!(".{}", "y".repeat(997));
    let body = format!(".\r\n..\r\n.begins with a dot\r\n{long}\r\n{dotted}\r\n\r\n.\r\nlast \u{fc}\r\n");
    let raw = format!(
        "From: <abuse@example.net>\r\nTo: <raw@cust.example>\r\nSubject: raw\r\nMessage-ID: <raw@example.net>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    );
    assert_eq!(mta.deliver("raw@cust.example", raw.as_bytes()), Ok(()));
    let came = mta.wait_for(5);
    let came = came.iter().find(|mail| mail.windows(12).any(|part| part == b"Subject: raw")).unwrap();
    let came = String::from_utf8(came.clone()).unwrap().replace("\r\n", "\n");
    let (_, came) = came.split_once("\n\n").unwrap();
    assert_eq!(came, body.replace("\r\n", "\n"));
}

#[test]
fn a_mail_server_that_is_not_the_right_one_gets_nothing() {
    let Some(mta) = Mta::start() else { return };
    let stranger = Authority::new("somebody else");
    let cases = [
        (Listener::Good, &stranger, PASSWORD_IN_URL, "signed by no known authority", "trust.extra_ca"),
        (Listener::Expired, &mta.authority, PASSWORD_IN_URL, "certificate has expired", "must renew it"),
        (Listener::OtherName, &mta.authority, PASSWORD_IN_URL, "certificate is for another name", "mail.url"),
        (Listener::Good, &mta.authority, "wrong", "refused this box, at the login", "user and password"),
    ];
    for (listener, authority, password, what, remedy) in cases {
        let house = mta.house(listener, authority, password);
        let step = house.mail(at(NOW));
        assert_eq!((step.sent, step.failed), (0, 0), "{what}");
        let alarms = alarms(&house);
        let [(code, text)] = &alarms[..] else { panic!("{what}: {alarms:?}") };
        assert_eq!(code, "mail_server", "{text}");
        assert!(text.contains(what) && text.contains(remedy), "{what}, {remedy}: {text}");
        let outbox = house.show("outbox", at(NOW));
        assert!(outbox.iter().all(|mail| mail["state"] == "queued"), "all wait: {outbox:?}");
    }
    // A mail that was sent afterwards comes, and it is the only one.
    let last = b"From: <abuse@example.net>\r\nTo: <raw@cust.example>\r\nSubject: last\r\n\r\nx\r\n";
    assert_eq!(mta.deliver("raw@cust.example", last), Ok(()));
    assert!(String::from_utf8_lossy(&mta.wait_for(1)[0]).contains("Subject: last"));
}

fn alarms(house: &House) -> Vec<(String, String)> {
    let status = house.show("status", at(NOW)).remove(0);
    let text = |alarm: &serde_json::Value, name: &str| alarm[name].as_str().unwrap().to_owned();
    let alarms = status["alarms"].as_array().unwrap();
    alarms.iter().map(|alarm| (text(alarm, "code"), text(alarm, "text"))).collect()
}

/// A port of the mail server, by its certificate.
#[derive(Clone, Copy)]
enum Listener {
    Good,
    Expired,
    OtherName,
}

/// Postfix at work; it ends with this.
struct Mta {
    process: Child,
    /// Gone after the process.
    folder: tempfile::TempDir,
    ports: [u16; 3],
    authority: Authority,
}

impl Mta {
    /// `None`, with a line that says why, where it cannot run.
    fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(mta) => Some(mta),
            Err(why) => skip(&format!("no real mail server: {why}")),
        }
    }

    fn try_start() -> Result<Self, String> {
        if !Path::new(POSTFIX).exists() {
            return Err(format!("{POSTFIX} is missing; `make mta` installs it"));
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        // Postfix's own users must come through it.
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let authority = Authority::new("abusebox test");
        let listeners =
            [("good", "localhost", 2040), ("expired", "localhost", 2020), ("other", "other.example", 2040)];
        // All are taken before the first is given back, so that they differ.
        let taken = listeners.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = taken.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(taken);
        let mut services = SERVICES.to_owned();
        for ((name, host, year), port) in listeners.into_iter().zip(ports) {
            let pem = folder.path().join(format!("{name}.pem"));
            fs::write(&pem, authority.certificate(host, year)).unwrap();
            fs::set_permissions(&pem, PermissionsExt::from_mode(0o600)).unwrap();
            let chain = pem.display();
            writeln!(services, "127.0.0.1:{port} inet n - n - - smtpd -o smtpd_tls_chain_files={chain}")
                .unwrap();
        }
        fs::create_dir(folder.path().join("config")).unwrap();
        fs::write(folder.path().join("config/master.cf"), services).unwrap();
        let main = MAIN.replace("PLACE", &place).replace("LOGIN", &serve_login().to_string());
        fs::write(folder.path().join("config/main.cf"), main).unwrap();

        // The shell waits for the end of its input, which comes with the end of the test however that ends. What
        // belongs to Postfix's users only who runs it can remove.
        let script = format!(
            "cd {place} && mkdir -p queue data box && chown postfix data && chown nobody box || exit 1
            {POSTFIX} -c {place}/config start-fg >start 2>&1 & read end
            {POSTFIX} -c {place}/config abort >/dev/null 2>&1; wait; rm -rf queue data box"
        );
        let mut command = Command::new(if is_root() { "sh" } else { "sudo" });
        if !is_root() {
            command.args(["-n", "sh"]);
        }
        let process = command
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("refusal")).unwrap())
            .spawn()
            .map_err(|error| format!("neither root nor sudo: {error}"))?;
        let mut mta = Self { process, folder, ports, authority };
        let began = Instant::now();
        while !mta.ports.iter().all(|&port| TcpStream::connect(("127.0.0.1", port)).is_ok()) {
            if mta.process.try_wait().unwrap().is_some() {
                let why = fs::read_to_string(mta.folder.path().join("refusal")).unwrap();
                return Err(format!("neither root nor sudo without a password: {}", why.trim()));
            }
            assert!(began.elapsed() < PATIENCE, "Postfix does not come up: {}", mta.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(mta)
    }

    /// A box with findings for two customers, that sends to this listener and trusts this authority.
    fn house(&self, listener: Listener, authority: &Authority, password: &str) -> House {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = self.folder.path().join("trusted.pem");
        fs::write(&trusted, &authority.pem).unwrap();
        let house = House::new(
            &format!(
                "[box]\ntimezone = \"Europe/Vienna\"\nmode = \"live\"\n[organisation]\nname = \"{ORGANISATION}\"\n\
                 abuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
                 [networks]\ncidrs = [\"192.0.2.0/24\"]\n\
                 [mail]\nurl = \"smtp+starttls://{USER}:{password}@localhost:{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n\
                 [trust]\nextra_ca = [\"{}\"]\n",
                self.ports[listener as usize],
                trusted.display()
            ),
            at(NOW),
        );
        let customers = format!(
            "customer_id,name,email,cidr\nA,{CUSTOMER},a1@cust.example a2@cust.example,192.0.2.0/28\n\
             B,Bert,b@cust.example,192.0.2.16/28\n"
        );
        house.import(&customers, at(NOW));
        let seen = |ip: &str| ["2026-11-20 10:00:00", "high", "tcp", ip, "3389"].map(str::to_owned).to_vec();
        let report = csv(
            &["timestamp", "severity", "protocol", "ip", "port"],
            ["192.0.2.7", "192.0.2.20", "192.0.2.99"].map(seen),
        );
        house.read("2026-11-20-scan_rdp-example.csv", &report, at(NOW));
        house
    }

    /// Hands a mail over byte for byte.
    fn deliver(&self, to: &str, mail: &[u8]) -> Result<(), String> {
        let server = MailServer {
            security: MailSecurity::StartTls,
            host: "localhost".to_owned(),
            port: self.ports[Listener::Good as usize],
            login: Some((USER.to_owned(), Secret(PASSWORD.to_owned()))),
        };
        let smtp =
            Smtp::new(server, "box", &[self.authority.pem.clone().into_bytes()], Waits::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = smtp.connect().await.map_err(|error| error.to_string())?;
            let outcome = connection.deliver("abuse@example.net", to, mail, || Ok::<_, ()>(())).await;
            connection.quit().await;
            match outcome {
                Outcome::Accepted { .. } => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// The mails of the mailbox, once there are `count`; and no more.
    #[track_caller]
    fn wait_for(&self, count: usize) -> Vec<Vec<u8>> {
        let began = Instant::now();
        loop {
            let found = self.mails();
            assert!(found.len() <= count, "{} mails instead of {count}", found.len());
            if found.len() == count {
                return found.iter().map(|path| fs::read(path).unwrap()).collect();
            }
            assert!(began.elapsed() < PATIENCE, "{} mails instead of {count}: {}", found.len(), self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn mails(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("box/new")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn log(&self) -> String {
        ["start", "log"]
            .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Key and certificate for `name`, good until the beginning of `year`.
    fn certificate(&self, name: &str, year: i32) -> String {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        key.serialize_pem() + &params.signed_by(&key, &self.issuer).unwrap().pem()
    }
}

/// Says whether a login is right, in the protocol that Postfix speaks with Dovecot. Returns the port.
fn serve_login() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever hangs up has heard enough.
            std::thread::spawn(move || judge_logins(&stream.unwrap()));
        }
    });
    port
}

fn judge_logins(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let words: Vec<_> = line.split('\t').collect();
        if let ["AUTH", id, "PLAIN", .., response] = words[..] {
            let verdict = if response == format!("resp={LOGIN_BASE64}") { "OK" } else { "FAIL" };
            stream.write_all(format!("{verdict}\t{id}\tuser={USER}\n").as_bytes())?;
        }
    }
    Ok(())
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

const POSTFIX: &str = "/usr/sbin/postfix";
const PATIENCE: Duration = Duration::from_secs(30);
const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = PLACE/queue
data_directory = PLACE/data
maillog_file = PLACE/log
maillog_file_prefixes = PLACE
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.net
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = cust.example, example.net
virtual_mailbox_base = PLACE
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
default_transport = error:this server relays nowhere
relay_transport = error:this server relays nowhere
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:LOGIN
";
/// All but the services that deliver elsewhere or take mail from this machine's programs.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";
