//! A digest about nobody, to show what the words of a mail look like.

use jiff::tz::TimeZone;

use super::{Digest, Problem, Sender};
use crate::clock::Timestamp;
use crate::incident::policy::Reason;
use crate::report::kind::{Family as F, KINDS, Kind, unknown};

/// One problem of this family, found the day before at an address of the documentation.
pub fn digest(family: F, sender: Sender, now: Timestamp, zone: &TimeZone) -> Digest {
    let kind = kind_of(family);
    let &(_, port, protocol) = PORTS.iter().find(|(known, ..)| *known == family).unwrap_or(&PORTS[0]);
    Digest {
        sender,
        phrase: String::new(),
        notice: 1234,
        customer_id: "C-1001".to_owned(),
        customer_name: "Example Ltd".to_owned(),
        zone: zone.clone(),
        pass_on: false,
        practice_for: None,
        plain: false,
        problems: vec![Problem {
            incident: 1,
            report: kind.name.to_owned(),
            family,
            severity: kind.severity,
            nature: kind.nature,
            reason: Reason::New,
            place: "192.0.2.17".to_owned(),
            more_addresses: Vec::new(),
            port: Some(port),
            protocol: protocol.to_owned(),
            seen: now.plus_days(-1),
            first_seen: now.plus_days(-3),
            days_seen: 3,
            shown: vec![("hostname".to_owned(), "gw.example.net".to_owned())],
        }],
        still_open: Vec::new(),
        gone: Vec::new(),
    }
}

/// A report type that customers know, if there is one.
fn kind_of(family: F) -> &'static Kind {
    let of = |kind: &&Kind| kind.family == family && !kind.retired && !kind.name.contains("6_");
    KINDS.iter().filter(of).find(|kind| kind.told).or_else(|| KINDS.iter().find(of)).unwrap_or(unknown())
}

/// Where each family is found mostly.
#[rustfmt::skip]
const PORTS: &[(F, u16, &str)] = &[
    (F::OpenResolver, 53, "udp"), (F::TimeServer, 123, "udp"), (F::Discovery, 1900, "udp"),
    (F::Reflector, 111, "udp"), (F::Middlebox, 80, "tcp"), (F::OpenProxy, 1080, "tcp"),
    (F::RemoteDesktop, 3389, "tcp"), (F::Ssh, 22, "tcp"), (F::Telnet, 23, "tcp"), (F::ServerManagement, 623, "udp"),
    (F::Database, 3306, "tcp"), (F::DataStore, 27017, "tcp"), (F::Cache, 6379, "tcp"),
    (F::ContainerControl, 2375, "tcp"), (F::MessageBroker, 5672, "tcp"), (F::FileSharing, 445, "tcp"),
    (F::Directory, 389, "tcp"), (F::FileTransfer, 21, "tcp"), (F::Snmp, 161, "udp"), (F::Router, 7547, "tcp"),
    (F::SmartInstall, 4786, "tcp"), (F::Routing, 179, "tcp"), (F::VpnGateway, 500, "udp"), (F::Camera, 37810, "udp"),
    (F::Printer, 631, "tcp"), (F::Telephony, 5060, "udp"), (F::IotMessaging, 1883, "tcp"),
    (F::Industrial, 502, "tcp"), (F::AndroidDebug, 5555, "tcp"), (F::MailServerFlaw, 443, "tcp"),
    (F::MailLogin, 110, "tcp"), (F::MailService, 25, "tcp"), (F::WebFlaw, 10443, "tcp"), (F::WebService, 8080, "tcp"),
    (F::WebSecret, 443, "tcp"), (F::WeakCrypto, 443, "tcp"), (F::Infected, 49152, "tcp"),
    (F::InfectedDevice, 80, "tcp"), (F::BruteForce, 51234, "tcp"), (F::Scanning, 40123, "tcp"),
    (F::DdosSource, 50505, "udp"), (F::HackedSite, 443, "tcp"), (F::HarmfulContent, 80, "tcp"),
    (F::ControlServer, 50050, "tcp"), (F::Network, 80, "tcp"), (F::Other, 4444, "tcp"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_a_port() {
        assert!(PORTS.iter().map(|(family, ..)| family).eq(F::ALL));
    }
}
