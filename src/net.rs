//! What can be said of an address by itself, and of the networks of this machine from its routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::files;

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

/// A text as part of a URL (RFC 3986, 2.3): all but the unreserved characters encoded.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Whether one machine, and not this one itself, can have this address.
pub fn is_host(address: IpAddr) -> bool {
    let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let is_reserved = matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.octets()[0] >= 224);
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_mapped || is_reserved)
}

/// Whether a machine can have the address of `own` in its network.
pub fn is_interface(own: IpNet) -> bool {
    is_host(own.addr()) && !is_edge(own, own.addr()) && own.prefix_len() > 0
}

/// Whether a machine with the address of `own` can reach a router by this one.
pub fn is_gateway(own: IpNet, router: IpAddr) -> bool {
    // Those of IPv6 announce themselves by an address that holds on one link only.
    let is_link_local = matches!(router, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let is_near = own.contains(&router) || is_link_local && own.addr().is_ipv6();
    is_host(router) && is_near && !is_edge(own, router) && router != own.addr()
}

/// The networks that this machine is part of, now.
pub fn own_networks() -> Vec<IpNet> {
    let [v4, v6] = ["/proc/net/route", "/proc/net/ipv6_route"].map(|path| {
        let text = files::read_max(Path::new(path), ROUTES_BYTES_MAX).unwrap_or_default();
        String::from_utf8(text).unwrap_or_default()
    });
    on_link(&v4, &v6)
}

/// The networks that this machine reaches without a router, from the texts of /proc/net/route and
/// /proc/net/ipv6_route (Linux, `fib_trie.c` and `net/ipv6/route.c`). A line that is not understood is no network.
pub fn on_link(routes_v4: &str, routes_v6: &str) -> Vec<IpNet> {
    let v4 = routes_v4.lines().filter_map(on_link_v4).map(IpNet::V4);
    v4.chain(routes_v6.lines().filter_map(on_link_v6).map(IpNet::V6)).collect()
}

/// Whether an address of `net` is nobody's there: the first and the last one of a network of IPv4, and the first one of
/// IPv6, but for links between two (RFC 3021, RFC 6164).
fn is_edge(net: IpNet, address: IpAddr) -> bool {
    net.max_prefix_len() - net.prefix_len() >= 2
        && (address == net.network() || address.is_ipv4() && address == net.broadcast())
}

fn on_link_v4(line: &str) -> Option<Ipv4Net> {
    let words: Vec<_> = line.split_whitespace().collect();
    // Address and mask stand there as the machine holds them in memory.
    let number = |word: usize| u32::from_str_radix(words.get(word)?, 16).ok();
    let address = |word| number(word).map(|number| Ipv4Addr::from(number.to_ne_bytes()));
    let net = Ipv4Net::with_netmask(address(1)?, address(7)?).ok()?;
    (number(3)? & (ROUTE_GATEWAY | ROUTE_REJECT) == 0 && net.prefix_len() > 0).then_some(net)
}

fn on_link_v6(line: &str) -> Option<Ipv6Net> {
    let words: Vec<_> = line.split_whitespace().collect();
    let address = u128::from_str_radix(words.first()?, 16).ok().map(Ipv6Addr::from)?;
    let net = Ipv6Net::new(address, u8::from_str_radix(words.get(1)?, 16).ok()?).ok()?;
    let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
    (flags & (ROUTE_GATEWAY | ROUTE_REJECT) == 0 && net.prefix_len() > 0).then_some(net)
}

/// Some hundred routes. A machine with more is a router, and its operator writes page.allow.
const ROUTES_BYTES_MAX: u64 = 64 * 1024;
// Flags of a route (Linux, `route.h`).
const ROUTE_GATEWAY: u32 = 0x2;
const ROUTE_REJECT: u32 = 0x200;

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

    #[test]
    fn networks_on_link_are_those_without_a_router() {
        let number = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let zero = number([0; 4]);
        let route = |to, gateway: &str, flags: &str, mask| {
            let (to, mask) = (number(to), number(mask));
            format!("eth0\t{to}\t{gateway}\t{flags}\t0\t0\t0\t{mask}\t0\t0\t0  \n")
        };
        let v4 = [
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT  \n"
                .to_owned(),
            route([0; 4], &number([192, 0, 2, 1]), "0003", [0; 4]),
            route([192, 0, 2, 0], &zero, "0001", [255, 255, 255, 0]),
            route([198, 51, 100, 0], &number([192, 0, 2, 9]), "0003", [255, 255, 255, 0]),
            route([203, 0, 113, 0], &zero, "0201", [255, 255, 255, 0]),
            // A line without a router to the whole world, as a tunnel has it.
            route([0; 4], &zero, "0001", [0; 4]),
            "eth0\tx\n".to_owned(),
        ];
        let none = "0".repeat(32);
        let v6 = [
            ("20010db8000000000000000000000000", "40", "00000001"),
            ("20010db8000100000000000000000000", "40", "00000003"),
            ("20010db8000200000000000000000000", "40", "00200200"),
            ("00000000000000000000000000000000", "00", "00000001"),
        ]
        .map(|(to, length, flags)| {
            format!("{to} {length} {none} 00 {none} 00000100 00000001 00000000 {flags}     eth0\n")
        });
        let nets: Vec<_> = ["192.0.2.0/24", "2001:db8::/64"].map(|net| net.parse().unwrap()).into();
        assert_eq!(on_link(&v4.concat(), &v6.concat()), nets);
    }
}
