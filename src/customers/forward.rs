//! A static port forward, as a cell of addresses may have it: `192.0.2.1:8080`, `192.0.2.1:8000-8100`, `[2001:db8::1]:443`,
//! each with `/tcp` or `/udp` behind it.

use std::net::{IpAddr, SocketAddr};

use crate::clock::Timestamp;

/// Ports of an address that others share, which are forwarded to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forward {
    /// Canonical.
    pub address: IpAddr,
    /// First and last.
    pub ports: (u16, u16),
    /// Index in [`File::customers`](super::import::File::customers).
    pub customer: u32,
    /// First and last second for which the line holds.
    pub from: Timestamp,
    pub until: Timestamp,
    /// False: takes its place, but its customer hears nothing.
    pub mailed: bool,
    /// Physical line in the file, from 1.
    pub line: u32,
}

/// The address and its first and last port. Both protocols are meant whichever is named: what is found there is one
/// customer's in either case, or ambiguous.
pub(super) fn forward(text: &str) -> Option<(IpAddr, (u16, u16))> {
    let (text, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    if !["tcp", "udp"].iter().any(|known| protocol.eq_ignore_ascii_case(known)) {
        return None;
    }
    let (first, last) = match text.rsplit_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (text, None),
    };
    let first: SocketAddr = first.parse().ok()?;
    let last = match last {
        None => first.port(),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    let ports = (first.port(), last);
    (ports.0 > 0 && ports.0 <= ports.1).then(|| (first.ip().to_canonical(), ports))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_its_ports() {
        let read =
            |text: &str| forward(text).map(|(address, (first, last))| format!("{address} {first} {last}"));
        for (text, expected) in [
            ("192.0.2.1:8080", "192.0.2.1 8080 8080"),
            ("192.0.2.1:8000-8100", "192.0.2.1 8000 8100"),
            ("192.0.2.1:53/UDP", "192.0.2.1 53 53"),
            ("192.0.2.1:8000-8100/tcp", "192.0.2.1 8000 8100"),
            ("[2001:db8::1]:443", "2001:db8::1 443 443"),
            ("[::ffff:192.0.2.1]:443-443", "192.0.2.1 443 443"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "192.0.2.1",
            "192.0.2.1:0",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:8100-8000",
            "192.0.2.1:80-",
            "192.0.2.1:80-192.0.2.2",
            "192.0.2.1:80-+90",
            "192.0.2.0/24",
            "192.0.2.1:80/24",
            "192.0.2.1:80/sctp",
            "2001:db8::1",
            "2001:db8::1:443",
            "192.0.2.01:80",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
