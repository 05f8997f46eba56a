//! A set of addresses: thousands of prefixes merged to sorted ranges, asked by binary search.

use std::net::IpAddr;

use ipnet::IpNet;

use super::cell;

/// Addresses of a list of prefixes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    /// First and last address; sorted, apart from each other; IPv4 before IPv6.
    spans: Vec<(IpAddr, IpAddr)>,
}

impl Ranges {
    pub(super) fn new<'a>(nets: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let nets: Vec<IpNet> = nets.into_iter().map(|net| cell::canonical(*net).trunc()).collect();
        let mut nets = IpNet::aggregate(&nets);
        nets.sort_unstable();
        let mut spans: Vec<(IpAddr, IpAddr)> = Vec::new();
        for net in nets {
            match spans.last_mut() {
                Some((_, last)) if next(*last) == Some(net.network()) => *last = net.broadcast(),
                _ => spans.push((net.network(), net.broadcast())),
            }
        }
        Self { spans }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.covers(address, address)
    }

    /// Whether all of a range is in the set.
    pub(super) fn covers(&self, first: IpAddr, last: IpAddr) -> bool {
        let after = self.spans.partition_point(|span| span.0 <= first);
        after > 0 && last <= self.spans[after - 1].1
    }

    /// Whether any of a range is in the set.
    pub(super) fn touches(&self, first: IpAddr, last: IpAddr) -> bool {
        let after = self.spans.partition_point(|span| span.0 <= last);
        after > 0 && first <= self.spans[after - 1].1
    }
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_and_touch() {
        let nets = ["192.0.2.64/26", "192.0.2.128/25", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"];
        let nets: Vec<IpNet> = nets.iter().map(|n| n.parse().unwrap()).collect();
        let ranges = Ranges::new(&nets);
        assert_eq!(ranges.spans.len(), 3);
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        for inside in
            ["192.0.2.64", "192.0.2.255", "10.0.0.0", "10.255.255.255", "2001:db8::", "2001:db8:ffff::1"]
        {
            assert!(ranges.contains(ip(inside)), "{inside}");
        }
        for outside in
            ["192.0.2.63", "192.0.3.0", "9.255.255.255", "11.0.0.0", "2001:db7::", "2001:db9::", "::"]
        {
            assert!(!ranges.contains(ip(outside)), "{outside}");
        }
        assert!(ranges.covers(ip("192.0.2.100"), ip("192.0.2.200")));
        assert!(!ranges.covers(ip("192.0.2.0"), ip("192.0.2.255")));
        assert!(ranges.touches(ip("192.0.2.0"), ip("192.0.2.255")));
        assert!(ranges.touches(ip("192.0.2.0"), ip("192.0.2.64")));
        assert!(!ranges.touches(ip("192.0.2.0"), ip("192.0.2.63")));
        assert!(!Ranges::default().touches(ip("0.0.0.0"), ip("255.255.255.255")));
    }
}
