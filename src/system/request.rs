//! What the main process, which has no rights, may ask of `abusebox supervise`, which has them: a closed list. Each
//! request is one line of JSON on a Unix socket, each answer another.
//!
//! The main process is what the network talks to, so its word counts for nothing here: a request becomes a [`Request`]
//! only if it is on the list and each of its arguments is one that a box can have.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::rdnss::NameServer;
use crate::clock::Timestamp;
use crate::config::{Interface, NAME_SERVERS_MAX};
use crate::net::{is_gateway, is_host, is_interface};

/// Something to be done with root's rights, its arguments checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The main process is alive; `starting`: its loops have not begun, since there is much to do before.
    Alive {
        starting: bool,
    },
    SetAddress(Addressing),
    /// Ask those for names whom routers have named.
    NameServers(Vec<NameServer>),
    /// Ask routers to speak.
    Solicit,
    /// Set the system clock to so many milliseconds since 1970-01-01T00:00:00Z, and count it as trusted.
    SetClock {
        unix_millis: i64,
    },
    Reboot,
    ShutDown,
}

/// Where the box's address comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// DHCP and router advertisements.
    Automatic,
    Fixed {
        address: IpNet,
        gateway: Option<IpAddr>,
        dns: Vec<IpAddr>,
    },
}

impl Addressing {
    /// What the settings say.
    pub fn of(interface: &Interface) -> Self {
        match interface.address {
            None => Self::Automatic,
            Some(address) => Self::Fixed { address, gateway: interface.gateway, dns: interface.dns.clone() },
        }
    }
}

/// Why a request is refused. The text goes back to whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a request has at most {LINE_BYTES_MAX} bytes")]
    Long,
    #[error("no such request: {0}")]
    Form(#[source] serde_json::Error),
    #[error("{0} is no address that a machine can have")]
    Address(IpNet),
    #[error("no network has a prefix of {0} bits")]
    Prefix(u8),
    #[error("the gateway {0} is none for {1}")]
    Gateway(IpAddr, IpNet),
    #[error("{0} cannot be a name server")]
    NameServer(String),
    #[error("at most {NAME_SERVERS_MAX} name servers")]
    NameServers,
    #[error("{0} was before this program was made, or is too far in the future")]
    Clock(Timestamp),
}

impl Request {
    /// Reads one line. `built` is when this program was made: no clock shows less.
    pub fn parse(line: &[u8], built: Timestamp) -> Result<Self, Error> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Error::Long);
        }
        Ok(match serde_json::from_slice(line).map_err(Error::Form)? {
            Raw::SetAddress(None) => Self::SetAddress(Addressing::Automatic),
            Raw::SetAddress(Some(fixed)) => Self::SetAddress(fixed.check()?),
            Raw::NameServers(servers) if servers.len() > NAME_SERVERS_MAX => return Err(Error::NameServers),
            Raw::NameServers(servers) => match servers.iter().find(|server| !server.is_possible()) {
                Some(bad) => return Err(Error::NameServer(bad.to_string())),
                None => Self::NameServers(servers),
            },
            Raw::Solicit => Self::Solicit,
            Raw::SetClock { unix_millis } => {
                let wanted = Timestamp::from_unix(unix_millis.div_euclid(1000));
                if wanted < built || wanted > built.plus_days(CLOCK_AHEAD_DAYS_MAX) {
                    return Err(Error::Clock(wanted));
                }
                Self::SetClock { unix_millis }
            }
            Raw::Alive { starting } => Self::Alive { starting },
            Raw::Reboot => Self::Reboot,
            Raw::ShutDown => Self::ShutDown,
        })
    }

    /// The line that [`Request::parse`] reads.
    pub fn line(&self) -> String {
        let raw = match self.clone() {
            Self::SetAddress(Addressing::Automatic) => Raw::SetAddress(None),
            Self::SetAddress(Addressing::Fixed { address, gateway, dns }) => Raw::SetAddress(Some(Fixed {
                address: address.addr(),
                prefix: address.prefix_len(),
                gateway,
                dns,
            })),
            Self::NameServers(servers) => Raw::NameServers(servers),
            Self::Solicit => Raw::Solicit,
            Self::SetClock { unix_millis } => Raw::SetClock { unix_millis },
            Self::Alive { starting } => Raw::Alive { starting },
            Self::Reboot => Raw::Reboot,
            Self::ShutDown => Raw::ShutDown,
        };
        serde_json::json!(raw).to_string()
    }
}

/// A request as it is written, nothing checked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Raw {
    Alive { starting: bool },
    SetAddress(Option<Fixed>),
    NameServers(Vec<NameServer>),
    Solicit,
    SetClock { unix_millis: i64 },
    Reboot,
    ShutDown,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixed {
    address: IpAddr,
    prefix: u8,
    gateway: Option<IpAddr>,
    dns: Vec<IpAddr>,
}

impl Fixed {
    fn check(self) -> Result<Addressing, Error> {
        let Self { address: host, prefix, gateway, dns } = self;
        let address = IpNet::new(host, prefix).map_err(|_| Error::Prefix(prefix))?;
        if !is_interface(address) {
            return Err(Error::Address(address));
        }
        if let Some(gateway) = gateway.filter(|gateway| !is_gateway(address, *gateway)) {
            return Err(Error::Gateway(gateway, address));
        }
        if dns.len() > NAME_SERVERS_MAX {
            return Err(Error::NameServers);
        }
        if let Some(bad) = dns.iter().find(|server| !is_host(**server)) {
            return Err(Error::NameServer(bad.to_string()));
        }
        Ok(Addressing::Fixed { address, gateway, dns })
    }
}

/// The longest request, a fixed address with its name servers, has about 300 bytes.
pub const LINE_BYTES_MAX: usize = 1024;

/// Twenty years: certificates end before that, and no box outlives it.
const CLOCK_AHEAD_DAYS_MAX: i64 = 20 * 366;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUILT: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn parse(line: &str) -> Result<Request, Error> {
        Request::parse(line.as_bytes(), BUILT)
    }

    #[test]
    fn each_request_is_read_as_it_was_written() {
        let fixed = |address: &str, gateway: Option<&str>, dns: &[&str]| {
            Request::SetAddress(Addressing::Fixed {
                address: address.parse().unwrap(),
                gateway: gateway.map(|gateway| gateway.parse().unwrap()),
                dns: dns.iter().map(|server| server.parse().unwrap()).collect(),
            })
        };
        let server = |address: &str, zone| NameServer { address: address.parse().unwrap(), zone };
        for request in [
            Request::SetAddress(Addressing::Automatic),
            fixed("192.0.2.7/24", Some("192.0.2.1"), &["192.0.2.1", "2001:db8::53", "198.51.100.1"]),
            fixed("192.0.2.0/31", Some("192.0.2.1"), &[]),
            fixed("192.0.2.7/32", None, &[]),
            fixed("2001:db8::7/64", Some("fe80::1"), &[]),
            Request::SetClock { unix_millis: BUILT.plus_days(365).unix() * 1000 + 123 },
            Request::NameServers(Vec::new()),
            Request::NameServers(vec![
                server("2001:db8::53", 0),
                server("fe80::53", 2),
                server("fd00::53", 0),
            ]),
            Request::Solicit,
            Request::Alive { starting: true },
            Request::Reboot,
            Request::ShutDown,
        ] {
            let line = request.line();
            assert!(line.len() <= LINE_BYTES_MAX);
            assert_eq!(parse(&line).unwrap(), request, "{line}");
        }
    }

    #[test]
    fn the_words_are_fixed() {
        assert_eq!(parse("\"reboot\"").unwrap(), Request::Reboot);
        let line = r#"{"set-address":{"address":"192.0.2.7","prefix":24,"gateway":null,"dns":[]}}"#;
        assert!(matches!(parse(line).unwrap(), Request::SetAddress(Addressing::Fixed { .. })));
    }

    #[test]
    fn what_a_box_cannot_have_is_refused() {
        for (address, gateway, dns) in [
            ("192.0.2.0/24", "null", ""),
            ("192.0.2.255/24", "null", ""),
            ("127.0.0.1/8", "null", ""),
            ("0.0.0.0/0", "null", ""),
            ("192.0.2.1/0", "null", ""),
            ("224.0.0.1/4", "null", ""),
            ("240.0.0.1/8", "null", ""),
            ("::1/128", "null", ""),
            ("ff02::1/64", "null", ""),
            ("2001:db8::/64", "null", ""),
            ("::ffff:192.0.2.7/120", "null", ""),
            ("192.0.2.7/", "null", ""),
            ("192.0.2.7/33", "null", ""),
            ("192.0.2.7/24", "\"198.51.100.1\"", ""),
            ("192.0.2.7/24", "\"192.0.2.7\"", ""),
            ("192.0.2.7/24", "\"192.0.2.255\"", ""),
            ("192.0.2.7/24", "\"fe80::1\"", ""),
            ("192.0.2.7/24", "null", "\"0.0.0.0\""),
            ("192.0.2.7/24", "null", "\"127.0.0.1\""),
            ("192.0.2.7/24", "null", "\"a; reboot\""),
            ("192.0.2.7/24", "null", "\"192.0.2.1\",\"192.0.2.2\",\"192.0.2.3\",\"192.0.2.4\""),
        ] {
            let (host, prefix) = address.split_once('/').unwrap();
            let line = format!(
                r#"{{"set-address":{{"address":"{host}","prefix":{prefix},"gateway":{gateway},"dns":[{dns}]}}}}"#
            );
            assert!(parse(&line).is_err(), "{line}");
        }
        for line in [
            "",
            "reboot",
            "\"format\"",
            "\"reboot\" \"reboot\"",
            r#"{"reboot":{"now":true}}"#,
            r#"{"solicit":"2001:db8::1"}"#,
            r#"{"name-servers":["2001:db8::1"]}"#,
            r#"{"name-servers":[{"address":"2001:db8::1"}]}"#,
            r#"{"name-servers":[{"address":"2001:db8::1","zone":2}]}"#,
            r#"{"name-servers":[{"address":"fe80::1","zone":0}]}"#,
            r#"{"name-servers":[{"address":"fe80::1","zone":"eth0; reboot"}]}"#,
            r#"{"name-servers":[{"address":"::1","zone":0}]}"#,
            r#"{"name-servers":[{"address":"192.0.2.1","zone":0}]}"#,
            r#"{"set-clock":{"unix_millis":1799999999999}}"#,
            r#"{"set-clock":{"unix_millis":9223372036854775807}}"#,
            r#"{"set-clock":{"unix_millis":1800000001000,"trusted":true}}"#,
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let one = r#"{"address":"2001:db8::1","zone":0}"#;
        let many = format!("{{\"name-servers\":[{}]}}", [one; NAME_SERVERS_MAX + 1].join(","));
        assert!(matches!(parse(&many), Err(Error::NameServers)));
        let long = format!("\"reboot\"{}", " ".repeat(LINE_BYTES_MAX));
        assert!(matches!(parse(&long), Err(Error::Long)));
    }

    /// Addresses at the edges of the rules, and any.
    fn some_address() -> impl Strategy<Value = IpAddr> {
        let edges = [
            "0.0.0.0",
            "0.0.0.1",
            "127.0.0.1",
            "192.0.2.0",
            "192.0.2.1",
            "192.0.2.7",
            "192.0.2.255",
            "198.51.100.1",
            "223.255.255.254",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "2001:db8::",
            "2001:db8::7",
            "2001:db8::8",
            "2001:db8:1::1",
            "::ffff:192.0.2.7",
            "::ffff:0:0",
        ];
        let edges = edges.map(|edge| edge.parse().unwrap());
        prop_oneof![9 => proptest::sample::select(edges.to_vec()), 1 => any::<IpAddr>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        /// A box must not find out by a line in its log that it cannot have its address.
        #[test]
        fn settings_are_valid_if_and_only_if_the_supervisor_takes_their_address(
            address in some_address(), prefix in 0_u8..=128, gateway in proptest::option::of(some_address()),
            dns in proptest::collection::vec(some_address(), 0..5),
        ) {
            let quoted = |address: &IpAddr| format!("\"{address}\"");
            let dns = dns.iter().map(quoted).collect::<Vec<_>>().join(",");
            let written = gateway.as_ref().map(|gateway| format!("gateway = {}\n", quoted(gateway))).unwrap_or_default();
            let text = format!("[interface]\naddress = \"{address}/{prefix}\"\n{written}dns = [{dns}]\n");
            let settings = crate::config::raw::parse(&text, std::path::Path::new(""));
            let gateway = gateway.as_ref().map_or("null".to_owned(), quoted);
            let line = format!(
                r#"{{"set-address":{{"address":"{address}","prefix":{prefix},"gateway":{gateway},"dns":[{dns}]}}}}"#
            );
            let taken = parse(&line);
            prop_assert_eq!(settings.is_ok(), taken.is_ok(), "{}: {:?}, {:?}", text, settings.err(), taken);
            if let (Ok(settings), Ok(taken)) = (settings, taken) {
                prop_assert_eq!(Request::SetAddress(Addressing::of(&settings.interface)), taken);
            }
        }

        #[test]
        fn any_bytes_are_a_request_or_none(bytes: Vec<u8>) {
            let _ = Request::parse(&bytes, BUILT);
        }

        #[test]
        fn what_is_accepted_is_read_again(
            address: IpAddr, prefix in 0_u8..=128, gateway: Option<IpAddr>, dns in proptest::collection::vec(any::<IpAddr>(), 0..5),
        ) {
            let gateway = gateway.map_or("null".to_owned(), |gateway| format!("\"{gateway}\""));
            let dns: Vec<_> = dns.iter().map(|server| format!("\"{server}\"")).collect();
            let line = format!(
                r#"{{"set-address":{{"address":"{address}","prefix":{prefix},"gateway":{gateway},"dns":[{}]}}}}"#, dns.join(",")
            );
            if let Ok(request) = parse(&line) {
                prop_assert_eq!(parse(&request.line()).unwrap(), request);
            }
        }
    }
}
