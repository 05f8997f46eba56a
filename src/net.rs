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
}
