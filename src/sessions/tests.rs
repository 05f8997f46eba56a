//! Logs as the servers write them, and what must hold for any bytes.

use std::convert::Infallible;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::read::{self, Format, Given, Summary};
use super::*;

/// Each session of a log in a line, times of Vienna.
pub(super) fn read(log: &str) -> (Vec<String>, Summary) {
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let mut sessions = Vec::new();
    let given = Given { zone: &zone, offset: 0, name: None };
    let summary = read::read(log.as_bytes(), &given, |session| {
        sessions.push(shown(&session));
        Ok::<(), Infallible>(())
    });
    (sessions, summary.unwrap())
}

fn shown(session: &Session) -> String {
    let Session { net, ports, users, from, until, uncertainty, line } = session;
    let ports = ports.map_or(String::new(), |(first, last)| format!(" {first}-{last}"));
    let until = match until {
        Until::Open => "open".to_owned(),
        Until::Expires(at) => format!("expires {at}"),
        Until::Ended(at) => at.to_string(),
    };
    let doubt = if *uncertainty == 0 { String::new() } else { format!(" +-{uncertainty}") };
    format!("{line}: {net}{ports} {} {from} {until}{doubt}", users.join("/"))
}

/// Line and column of each complaint.
pub(super) fn complaints(summary: &Summary) -> Vec<String> {
    summary.complaints.list.iter().map(|c| format!("{} {}", c.line.unwrap(), c.field)).collect()
}

/// Why a log is no log.
pub(super) fn refusal(log: &str) -> String {
    let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some("s.csv") };
    read::read(log.as_bytes(), &given, |_| Ok::<(), Infallible>(())).unwrap_err().to_string()
}

#[track_caller]
fn check(log: &str, format: Format, sessions: &[&str], told: &[&str]) {
    let (found, summary) = read(log);
    assert_eq!(found, sessions);
    assert_eq!(
        (complaints(&summary), summary.format),
        (told.iter().map(ToString::to_string).collect(), format)
    );
    assert_eq!(summary.sessions, sessions.len() as u64);
}

#[test]
fn leases_of_isc_dhcp() {
    let log = r#"# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

authoring-byte-order little-endian;

server-duid "\000\001\000\0012\236\302\307\002\000\000\000\000\001";

lease 192.0.2.100 {
  starts 0 2026/11/29 08:00:00;
  ends 0 2026/11/29 08:10:00;
  cltt 0 2026/11/29 08:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 02:00:00:00:00:07;
  uid "\001\002\000\000\000\000\007";
  set vendor-class-identifier = "a \"quoted; } { # name";
  option agent.circuit-id "olt 1/1";
  option agent.remote-id 0:4:1f;
  client-hostname "C2";
  on expiry {
    execute ("x", "y;");
    if (1 = 2) { log (info, "no"); }
  }
}
lease 192.0.2.101 {
  starts epoch 1795939200; # Sun Nov 29 08:00:00 2026
  ends never;
  binding state active;
  uid "\001\002\000\000\000\000\010";
}
lease 192.0.2.100 {
  starts 0 2026/11/29 08:05:00;
  ends 0 2026/11/29 08:15:00;
  binding state active;
  hardware ethernet 02:00:00:00:00:07;
}
lease 192.0.2.100 {
  starts 0 2026/11/29 08:05:00;
  ends 0 2026/11/29 08:07:30;
  tstp 0 2026/11/29 08:07:30;
  cltt 0 2026/11/29 08:05:00;
  binding state free;
  hardware ethernet 02:00:00:00:00:07;
}
lease 192.0.2.100 {
  starts 0 2026/11/29 09:00:00;
  ends 0 2026/11/29 09:10:00;
  binding state active;
  hardware ethernet 02:00:00:00:00:09;
}
lease 192.0.2.102 { starts 0 2026/11/29 09:00:00; ends 0 2026/11/29 09:10:00; binding state abandoned; }
lease 192.0.2.103 { binding state free; }
failover peer "x" state { my state normal at 0 2026/11/29 09:00:00; }
"#;
    check(
        log,
        Format::Dhcpd,
        &[
            "38: 192.0.2.100/32 02:00:00:00:00:07/olt 1/1/00:04:1f 2026-11-29T08:00:00Z 2026-11-29T08:07:30Z",
            "26: 192.0.2.101/32 02:00:00:00:00:08 2026-11-29T08:00:00Z open",
            "46: 192.0.2.100/32 02:00:00:00:00:09 2026-11-29T09:00:00Z expires 2026-11-29T09:10:00Z",
        ],
        &[],
    );
}

#[test]
fn leases_of_isc_dhcp_for_ipv6() {
    let client = r#""\007\000\000\000\000\001\000\0012\236\302\250\002\000\000\000\000\007""#;
    let entry = |kind: &str, cltt: &str, place: &str, state: &str| {
        format!(
            "{kind} {client} {{\n  cltt 0 2026/11/29 {cltt};\n  {place} {{\n    binding state {state};\n    \
             preferred-life 375;\n    max-life 600;\n    ends 0 2026/11/29 08:10:00;\n  }}\n}}\n\n"
        )
    };
    let log = [
        "server-duid \"\\000\\001\";\n".to_owned(),
        entry("ia-na", "08:00:00", "iaaddr 2001:db8::155", "active"),
        entry("ia-pd", "08:00:00", "iaprefix 2001:db8:1ff::/56", "active"),
        entry("ia-pd", "08:04:00", "iaprefix 2001:db8:1ff::/56", "released"),
    ];
    let who = "02:00:00:00:00:07/00:01:00:01:32:9e:c2:a8:02:00:00:00:00:07";
    check(
        &log.concat(),
        Format::Dhcpd,
        &[
            &format!("4: 2001:db8::155/128 {who} 2026-11-29T08:00:00Z expires 2026-11-29T08:10:00Z"),
            &format!("24: 2001:db8:1ff::/56 {who} 2026-11-29T08:00:00Z 2026-11-29T08:04:00Z"),
        ],
        &[],
    );
}

#[test]
fn faulty_leases_cost_themselves() {
    let log = "server-duid \"x\";\nlease 192.0.2.1 {\n  starts 0 2026/11/29 08:00:00;\n\
               lease 192.0.2.2 {\n  starts soon;\n  ends 0 2026/11/29 08:10:00;\n  binding state active;\n  hardware ethernet 02:00:00:00:00:07;\n}\n\
               lease 192.0.2.300 {\n  starts 0 2026/11/29 08:00:00;\n}\n\
               lease 192.0.2.3 {\n  starts 0 2026/11/29 08:00:00;\n  ends 0 2026/11/29 08:10:00;\n  binding state active;\n}\n\
               lease 192.0.2.4 {\n  uid \"open;\n  starts 0 2026/11/29 08:00:00;\n  binding state active;\n  hardware ethernet 02:00:00:00:00:08;\n}\n\
               lease 192.0.2.5 {\n  starts 0 2026/11/29 08:00:00;\n  binding state active;\n  hardw";
    check(
        log,
        Format::Dhcpd,
        &[
            "13: 192.0.2.3/32 ? 2026-11-29T08:00:00Z expires 2026-11-29T08:10:00Z",
            "18: 192.0.2.4/32 02:00:00:00:00:08 2026-11-29T08:00:00Z open",
        ],
        &["2 lease", "5 starts", "4 starts", "10 lease", "13 hardware", "19 lease", "24 lease"],
    );
}

#[test]
fn leases_of_kea() {
    let log = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n\
        192.0.2.100,02:00:00:00:00:07,,600,1795939800,1,0,0,C2&#x2c x,0,{ \"ISC\": { \"relay-agent-info\": \"0x01076f6c7420312f31020300041f\" } }\n\
        192.0.2.101,,01:02:00:00:00:00:08,4294967295,6090906495,1,0,0,,0,\n\
        192.0.2.100,02:00:00:00:00:07,,600,1795940100,1,0,0,vm,0,\n\
        192.0.2.100,02:00:00:00:00:07,,0,1795939500,1,0,0,vm,0,\n\
        192.0.2.100,02:00:00:00:00:09,,600,1795940000,1,0,0,vm,0,\n\
        192.0.2.100,,,3600,1795943500,1,0,0,,1,\n\
        192.0.2.102,02:00:00:00:00:0a,,600,1795939800,1,0,0,,2,{ \"ISC\": { \"relay-agent-info\": { \"sub-options\": \"0x0101ff\"&#x2c \"remote-id\": \"01\" } } }\n\
        192.0.2.103,02:00:00:00:00:0b,,600,1795939800,1,0,0,,0,\n\
        192.0.2.103,02:00:00:00:00:0b,,0,1795939500,1,0,0,,3,\n\
        192.0.2.300,,,600,1795939800,1,0,0,,0,\n\
        192.0.2.104,02:00:00:00:00:0c,,600,soon,1,0,0,,0,\n\
        192.0.2.105,,,600,1795939800,1,0,0,,0,\n";
    check(
        log,
        Format::Kea,
        &[
            "4: 192.0.2.100/32 02:00:00:00:00:07/olt 1/1/00:04:1f 2026-11-29T08:00:00Z expires 2026-11-29T08:15:00Z",
            "3: 192.0.2.101/32 02:00:00:00:00:08 2026-11-29T08:00:00Z open",
            "6: 192.0.2.100/32 02:00:00:00:00:09 2026-11-29T08:03:20Z 2026-11-29T08:11:40Z",
            "8: 192.0.2.102/32 02:00:00:00:00:0a/ff 2026-11-29T08:00:00Z 2026-11-29T08:10:00Z",
            "9: 192.0.2.103/32 02:00:00:00:00:0b 2026-11-29T08:00:00Z 2026-11-29T08:05:00Z",
            "13: 192.0.2.105/32 ? 2026-11-29T08:00:00Z expires 2026-11-29T08:10:00Z",
        ],
        &["11 address", "12 expire", "13 hwaddr"],
    );
}

#[test]
fn leases_of_kea_for_ipv6() {
    let log = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n\
        2001:db8::100,00:01:00:01:32:9e:c2:d0:02:00:00:00:00:07,600,1795939800,1,300,0,7,128,0,0,,02:00:00:00:00:07,0,,1,2\n\
        2001:db8:100::,00:03:00:01:02:00:00:00:00:08,600,1795939800,1,300,2,7,56,0,0,,,0,{ \"ISC\": { \"relay-info\": [ { \"hop\": 1&#x2c \"options\": \"0x0012000161\"}&#x2c { \"hop\": 0&#x2c \"options\": \"0x001200036f6c7400250006000000096f6c\" } ] } },,\n\
        address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n";
    check(
        log,
        Format::Kea,
        &[
            "2: 2001:db8::100/128 02:00:00:00:00:07/00:01:00:01:32:9e:c2:d0:02:00:00:00:00:07 2026-11-29T08:00:00Z expires 2026-11-29T08:10:00Z",
            "3: 2001:db8:100::/56 02:00:00:00:00:08/00:03:00:01:02:00:00:00:00:08/olt/ol 2026-11-29T08:00:00Z expires 2026-11-29T08:10:00Z",
        ],
        &[],
    );
}

/// An entry as FreeRADIUS writes it.
fn entry(at: &str, attributes: &[&str]) -> String {
    let attributes = attributes.iter().map(|attribute| format!("\t{attribute}\n")).collect::<String>();
    format!("{at}\n\tAcct-Session-Id = \"0001\"\n\tNAS-IP-Address = 10.0.0.1\n{attributes}\n")
}

#[test]
fn details_of_freeradius() {
    let log = [
        entry(
            "Sun Nov 29 09:00:03 2026",
            &[
                "Acct-Status-Type = Start",
                r#"User-Name = "a\"b\\c@dsl""#,
                "Calling-Station-Id = \"0A-1B-2C-3D-4E-5F\"",
                "ADSL-Agent-Circuit-Id = 0x6f6c7420312f31",
                "Framed-IP-Address = 192.0.2.7",
                "Framed-IPv6-Prefix = 2001:db8:0:1::/64",
                "Delegated-IPv6-Prefix = 2001:db8:0:100::/56",
                "Framed-IPv6-Address = 2001:db8::7",
                "Acct-Delay-Time = 3",
                "Timestamp = 1795939203",
            ],
        ),
        entry(
            "Sun Nov 29 09:30:00 2026",
            &["Acct-Status-Type = Interim-Update", r#"User-Name = "a\"b\\c@dsl""#, "Timestamp = 1795941000"],
        ),
        entry(
            "Sun Nov 29 10:00:01 2026",
            &[
                "Acct-Status-Type = Stop",
                r#"User-Name = "a\"b\\c@dsl""#,
                "Event-Timestamp = \"Nov 29 2026 10:00:00 CET\"",
                "Acct-Session-Time = 3600",
                "Timestamp = 1795942801",
            ],
        ),
        // Nothing of the begin, the clock of the access server is wrong, and no blank line.
        entry(
            "Sun Nov 29 10:00:05 2026",
            &[
                "Acct-Status-Type = Stop",
                "User-Name = \"b\"",
                "Framed-IP-Address = 192.0.2.8",
                "Event-Timestamp = \"Jan  1 1970 01:00:00 CET\"",
                "Acct-Session-Time = 5",
            ],
        )
        .trim_end()
        .to_owned()
            + "\n",
        entry("Sun Nov 29 10:00:06 2026", &["Acct-Status-Type = Failed"]),
        entry("Sun Nov 29 10:00:07 2026", &["User-Name = \"c\"", "Framed-IP-Address = 192.0.2.9.1"]),
        entry(
            "Sun Nov 29 10:00:08 2026",
            &["Acct-Status-Type = Stop", "User-Name = \"d\"", "Framed-IP-Address = 192.0.2.9"],
        ),
        "User-Name = \"lost\"\n".to_owned(),
    ];
    let a = "a\"b\\c@dsl/0a:1b:2c:3d:4e:5f/olt 1/1 2026-11-29T08:00:00Z 2026-11-29T09:00:00Z";
    check(
        &log.concat(),
        Format::Detail,
        &[
            &format!("1: 192.0.2.7/32 {a}"),
            &format!("1: 2001:db8:0:1::/64 {a}"),
            &format!("1: 2001:db8:0:100::/56 {a}"),
            &format!("1: 2001:db8::7/128 {a}"),
            "31: 192.0.2.8/32 b 2026-11-29T09:00:00Z 2026-11-29T09:00:05Z",
            "50: 192.0.2.9/32 d 2026-11-29T09:00:08Z 2026-11-29T09:00:08Z",
        ],
        &["48 Framed-IP-Address", "44 entry", "50 Acct-Session-Time", "57 entry"],
    );
}

#[test]
fn details_of_the_hour_that_comes_twice() {
    let start = |at: &str, more: &[&str]| {
        let attributes = ["Acct-Status-Type = Start", "User-Name = \"a\"", "Framed-IP-Address = 192.0.2.7"];
        entry(at, &[&attributes[..], more].concat())
    };
    let at = "Sun Oct 25 02:30:00 2026";
    let event = |zone: &str| format!("Event-Timestamp = \"Oct 25 2026 02:30:00 {zone}\"");
    let session = |from: &str| format!("1: 192.0.2.7/32 a 2026-10-25T{from}");
    check(&start(at, &[]), Format::Detail, &[&session("01:00:00Z open +-1800")], &["1 entry"]);
    check(&start(at, &[&event("CET")]), Format::Detail, &[&session("01:30:00Z open")], &[]);
    check(&start(at, &[&event("CEST")]), Format::Detail, &[&session("00:30:00Z open")], &[]);
    check(&start(at, &["Timestamp = 1792891800"]), Format::Detail, &[&session("01:30:00Z open")], &[]);
    check(&start(at, &[&event("EST")]), Format::Detail, &[&session("01:00:00Z open +-1800")], &["1 entry"]);
}

#[test]
fn what_is_no_text_is_refused() {
    assert!(refusal("u\0s\0e\0r\0").contains("UTF-16"));
    let given = Given { zone: &TimeZone::UTC, offset: 0, name: None };
    let error = read::read(&b"\x1f\x8b\x08\0\0\0"[..], &given, |_| Ok::<(), Infallible>(())).unwrap_err();
    assert!(error.to_string().contains("unpacked"), "{error}");
}

/// Parts of all formats, so that what is put together comes into every corner.
const PARTS: &[&str] = &[
    "user,ip,start,stop\n",
    "a,192.0.2.7,2026-10-25 02:30:00,2026-10-25 02:10:00\n",
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,state,user_context\n",
    "192.0.2.7,02:00:00:00:00:07,,600,1795939800,1,0,{\"ISC\":{\"relay-agent-info\":\"0x0102\"}}\n",
    "lease 192.0.2.7 {\n",
    "ia-pd \"\\007\\000\\000\\000\\000\\003\\000\\001abcdef\" {\n iaprefix 2001:db8::/56 {\n",
    "  starts 0 2026/11/29 08:00:00;\n  ends never;\n",
    "  binding state active; hardware ethernet 02:00:00:00:00:07;\n",
    "}\n",
    "Sun Oct 25 02:30:00 2026\n",
    "\tAcct-Status-Type = Start\n\tAcct-Session-Id = \"1\"\n\tNAS-IP-Address = 10.0.0.1\n",
    "\tAcct-Status-Type = Accounting-On\n\tNAS-IP-Address = 10.0.0.1\n",
    "\tUser-Name = \"a\"\n\tFramed-IP-Address = 192.0.2.7\n\tAcct-Session-Time = 4000000000\n",
    "\n",
    "\"",
    "{",
    "\\",
    "\u{e4}\u{7}",
];

/// What must hold for any log at all.
fn hold(log: &[u8]) -> Result<(), TestCaseError> {
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let given = Given { zone: &zone, offset: -3, name: None };
    let lines = log.split(|byte| *byte == b'\n').count() as u64;
    let mut bad = None;
    let read = read::read(log, &given, |session| {
        let ends_before = session.until.at().is_some_and(|end| end < session.from);
        let bad_user = |user: &String| user.is_empty() || user.contains(char::is_control);
        if ends_before
            || session.users.is_empty()
            || session.users.iter().any(bad_user)
            || session.net.trunc() != session.net
            || session.net.prefix_len() == 0
            || session.ports.is_some_and(|(first, last)| first > last)
            || !(1..=lines).contains(&session.line)
        {
            bad = Some(session);
        }
        Ok::<(), Infallible>(())
    });
    prop_assert_eq!(bad, None);
    if let Ok(summary) = read {
        let is_of_log = |line: Option<u64>| line.is_some_and(|line| (1..=lines).contains(&line));
        prop_assert!(summary.complaints.list.iter().all(|complaint| is_of_log(complaint.line)));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_hold(log in prop::collection::vec(any::<u8>(), 0..300)) {
        hold(&log)?;
    }

    #[test]
    fn any_parts_hold(parts in prop::collection::vec(prop::sample::select(PARTS), 0..30)) {
        hold(parts.concat().as_bytes())?;
    }

    /// Of a table whose times are certain, each line says the same wherever it stands.
    #[test]
    fn the_order_of_a_table_does_not_matter(lines in prop::collection::vec((0_u8..4, 0_i64..1000, 0_i64..1000), 1..20), seed: u64) {
        let line = |&(host, from, length): &(u8, i64, i64)| {
            let from = 1_795_939_200 + from;
            format!("u{host},192.0.2.{host},{from},{}\n", from + length)
        };
        let turned = {
            let mut lines = lines.clone();
            let middle = seed as usize % lines.len();
            lines.rotate_left(middle);
            lines.reverse();
            lines
        };
        let sessions = |lines: &[(u8, i64, i64)]| {
            let log = format!("user,ip,start,stop\n{}", lines.iter().map(line).collect::<String>());
            let (sessions, _) = read(&log);
            let mut sessions: Vec<_> =
                sessions.iter().map(|session| session.split_once(": ").unwrap().1.to_owned()).collect();
            sessions.sort();
            sessions
        };
        prop_assert_eq!(sessions(&lines), sessions(&turned));
    }
}
