//! Prefixes of a customer file that no report will name, since they are nobody's in the internet.

use ipnet::IpNet;

use super::import::{Complaints, File};
use super::ranges::Ranges;
use super::words::Role;
use crate::config::Networks;

/// What is said of such prefixes, but for those inside networks that are ours.
pub fn notes(file: &File, networks: &Networks) -> Complaints {
    let ours = Ranges::new(networks.cidrs.iter().chain(&networks.cgn).chain(&networks.inside));
    let mut notes = Complaints::default();
    for lines in file.lines.chunk_by(|a, b| a.prefix == b.prefix) {
        let prefix = lines[0].prefix;
        let (first, last) = (prefix.network(), prefix.broadcast());
        if let Some(what) = special(prefix).filter(|_| !ours.touches(first, last)) {
            let note = format!("{prefix} is {what}, which no report names; write the public addresses");
            notes.push(Some(lines[0].line), Role::Address, note);
        }
    }
    notes
}

/// What a prefix lies in, if that is not for everybody's use.
fn special(prefix: IpNet) -> Option<&'static str> {
    let within = |(net, _): &&(&str, &str)| net.parse::<IpNet>().is_ok_and(|net| net.contains(&prefix));
    SPECIAL.iter().find(within).map(|(_, what)| *what)
}

/// The narrower ones first. RFC 6890 and its register at IANA.
#[rustfmt::skip]
const SPECIAL: &[(&str, &str)] = &[
    ("10.0.0.0/8", "private space (RFC 1918)"),
    ("172.16.0.0/12", "private space (RFC 1918)"),
    ("192.168.0.0/16", "private space (RFC 1918)"),
    ("100.64.0.0/10", "behind a CGN (RFC 6598) and inside no [[nat]]"),
    ("127.0.0.0/8", "a machine's own space"),
    ("169.254.0.0/16", "link-local space"),
    ("192.0.0.0/24", "reserved space"),
    ("192.88.99.0/24", "reserved space"),
    ("192.0.2.0/24", "documentation space (RFC 5737)"),
    ("198.51.100.0/24", "documentation space (RFC 5737)"),
    ("203.0.113.0/24", "documentation space (RFC 5737)"),
    ("198.18.0.0/15", "space for measurements (RFC 2544)"),
    ("224.0.0.0/4", "multicast space"),
    ("::1/128", "a machine's own space"),
    ("64:ff9b:1::/48", "reserved space"),
    ("100::/64", "reserved space"),
    ("2001:db8::/32", "documentation space (RFC 3849)"),
    ("3fff::/20", "documentation space (RFC 9637)"),
    ("fc00::/7", "private space (RFC 4193)"),
    ("fe80::/10", "link-local space"),
    ("ff00::/8", "multicast space"),
];

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::import::read;
    use super::*;

    #[test]
    fn what_no_report_names_is_told_unless_it_is_ours() {
        let text = "id,ip\n1,10.1.2.3\n2,100.64.0.0/24\n3,198.18.0.0/24\n4,203.0.113.0/24\n5,fd00::/48\n6,8.8.8.8\n\
                    7,10.0.0.0/7\n8,100.64.1.0/24\n9,203.0.113.0/24\n";
        let file = read(text.as_bytes(), &TimeZone::UTC);
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let networks = Networks {
            cidrs: list(&["198.18.0.0/16"]),
            cgn: list(&["100.64.1.0/24"]),
            ..Networks::default()
        };
        let notes = notes(&file, &networks);
        let told: Vec<_> = notes.list.iter().map(|note| note.line.unwrap()).collect();
        assert_eq!(told, [2, 3, 5, 6], "in the order of the prefixes, each once: {notes:?}");
        assert!(notes.list[1].complaint.contains("[[nat]]"), "{notes:?}");
        for (net, _) in SPECIAL {
            assert!(net.parse::<IpNet>().is_ok_and(|net| net.trunc() == net), "{net}");
        }
    }
}
