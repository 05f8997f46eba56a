//! What can be said of an address by itself.

use std::net::IpAddr;

/// Whether an address is loopback or private (RFC 1918, unique local): what is sent there in the clear stays
/// within the operator's own walls.
///
/// Link-local, shared (100.64.0.0/10) and unspecified addresses are not: strangers share those networks.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Whether an address is of a machine nearby: our own, on the same link, or in private use. No router on the Internet
/// carries it here from afar.
pub fn is_near(address: IpAddr) -> bool {
    is_private(address)
        || match address.to_canonical() {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_what_never_leaves_the_house() {
        let private = [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ];
        let public = [
            "0.0.0.0",
            "172.32.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "192.0.2.1",
            "::",
            "2001:db8::1",
            "fe80::1",
        ];
        assert!(private.iter().all(|text| is_private(text.parse().unwrap())));
        assert!(!public.iter().chain(&["::ffff:192.0.2.1"]).any(|text| is_private(text.parse().unwrap())));
    }

    #[test]
    fn near_is_private_or_on_the_same_link() {
        let near = ["127.0.0.1", "10.0.2.2", "169.254.1.1", "::ffff:169.254.1.1", "fe80::1", "fd00::1"];
        let far = ["0.0.0.0", "169.255.0.1", "100.64.0.1", "192.0.2.1", "::", "fec0::1", "2001:db8::1"];
        assert!(near.iter().all(|text| is_near(text.parse().unwrap())));
        assert!(!far.iter().any(|text| is_near(text.parse().unwrap())));
    }
}
