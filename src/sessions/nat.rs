//! Deterministic NAT (RFC 7422): who had a port of a shared address follows from a formula, and no log is needed.
//!
//! Inside addresses are counted off: the first gets the first block of ports of the first outside address, the next
//! the block after it, and when its blocks are used up the next outside address begins. Ports above `ports.1` may be
//! given to whoever needs more; for these a log must answer.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use crate::config;

/// One NAT, with parameters that fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    inside: Ipv4Net,
    /// Inside addresses at the start that nobody has.
    skip: u32,
    outside: Vec<Ipv4Net>,
    /// First and last port that are given out by the formula.
    ports: (u16, u16),
    /// Ports of each inside address, and how many of these share an outside address.
    per_user: u32,
    users: u32,
}

/// Why parameters make no NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The last port is below the first, or the first is 0.
    Ports,
    /// There is no inside or no outside address.
    NoAddress,
    /// Each of the outside addresses has room for so many users, and so many would have to share it.
    Crowded { room: u64, users: u64 },
}

impl Nat {
    pub fn new(given: &config::Nat) -> Result<Self, Misfit> {
        let ports = (given.ports_first, given.ports_last);
        let inside_len = size(given.inside).saturating_sub(u64::from(given.skip));
        let outside: Vec<_> = given.outside.iter().map(Ipv4Net::trunc).collect();
        let outside_len: u64 = outside.iter().map(|net| size(*net)).sum();
        if ports.0 == 0 || ports.1 < ports.0 {
            return Err(Misfit::Ports);
        }
        if outside_len == 0 || inside_len == 0 {
            return Err(Misfit::NoAddress);
        }
        let count = u64::from(ports.1 - ports.0) + 1;
        let wanted = inside_len.div_ceil(outside_len);
        let per_user = given.ports_per_user.map_or(count / wanted, u64::from);
        // Where the number of ports is given, as many share an outside address as it has room for.
        let room = count.checked_div(per_user).unwrap_or_default();
        if room < wanted {
            return Err(Misfit::Crowded { room: if per_user == 0 { count } else { room }, users: wanted });
        }
        let (inside, skip) = (given.inside.trunc(), given.skip);
        Ok(Self { inside, skip, outside, ports, per_user: per_user as u32, users: room as u32 })
    }

    /// Who had a port of an outside address; `None`: the formula gives it to nobody.
    pub fn inside_of(&self, outside: IpAddr, port: u16) -> Option<Ipv4Addr> {
        let IpAddr::V4(outside) = outside.to_canonical() else { return None };
        let mut before = 0;
        let net = self.outside.iter().find(|net| {
            let here = net.contains(&outside);
            before += if here { 0 } else { size(**net) };
            here
        })?;
        if !(self.ports.0..=self.ports.1).contains(&port) {
            return None;
        }
        let block = u32::from(port - self.ports.0) / self.per_user;
        let index = before + u64::from(u32::from(outside) - u32::from(net.network()));
        let user = index * u64::from(self.users) + u64::from(block) + u64::from(self.skip);
        let fits = block < self.users && user < size(self.inside);
        fits.then(|| Ipv4Addr::from(u32::from(self.inside.network()) + user as u32))
    }

    /// The outside address of an inside one, and its first and last port; `None` for one that the formula does not
    /// know.
    pub fn outside_of(&self, inside: Ipv4Addr) -> Option<(Ipv4Addr, (u16, u16))> {
        if !self.inside.contains(&inside) {
            return None;
        }
        let user = (u32::from(inside) - u32::from(self.inside.network())).checked_sub(self.skip)?;
        let mut index = u64::from(user / self.users);
        let net = self.outside.iter().find(|net| {
            let here = index < size(**net);
            index -= if here { 0 } else { size(**net) };
            here
        })?;
        let first = u32::from(self.ports.0) + user % self.users * self.per_user;
        let last = first + self.per_user - 1;
        Some((Ipv4Addr::from(u32::from(net.network()) + index as u32), (first as u16, last as u16)))
    }

    /// How many share an outside address, and how many ports each of them has.
    pub fn shares(&self) -> (u32, u32) {
        (self.users, self.per_user)
    }
}

fn size(net: Ipv4Net) -> u64 {
    1 << (32 - net.prefix_len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(
        inside: &str,
        skip: u32,
        outside: &[&str],
        (ports_first, ports_last): (u16, u16),
        ports_per_user: Option<u16>,
    ) -> config::Nat {
        let outside = outside.iter().map(|net| net.parse().unwrap()).collect();
        config::Nat {
            inside: inside.parse().unwrap(),
            outside,
            ports_first,
            ports_last,
            ports_per_user,
            skip,
        }
    }

    fn nat(inside: &str, skip: u32, outside: &[&str], ports: (u16, u16), per_user: Option<u16>) -> Nat {
        Nat::new(&given(inside, skip, outside, ports, per_user)).unwrap()
    }

    #[test]
    fn blocks_are_counted_off() {
        let nat = nat("100.64.0.0/28", 0, &["192.0.2.1/32", "192.0.2.8/31"], (1024, 65_535), None);
        assert_eq!(nat.shares(), (6, 10_752));
        let outside = |inside: &str| nat.outside_of(inside.parse().unwrap()).unwrap();
        let ip = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        assert_eq!(outside("100.64.0.0"), (ip("192.0.2.1"), (1024, 11_775)));
        assert_eq!(outside("100.64.0.5"), (ip("192.0.2.1"), (54_784, 65_535)));
        assert_eq!(outside("100.64.0.6"), (ip("192.0.2.8"), (1024, 11_775)));
        assert_eq!(outside("100.64.0.15"), (ip("192.0.2.9"), (33_280, 44_031)));
        let inside = |address: &str, port| nat.inside_of(address.parse().unwrap(), port);
        assert_eq!(inside("192.0.2.1", 11_776), Some(ip("100.64.0.1")));
        assert_eq!(inside("::ffff:192.0.2.9", 44_031), Some(ip("100.64.0.15")));
        for (address, port) in [
            ("192.0.2.1", 1023),
            ("192.0.2.9", 44_032),
            ("192.0.2.2", 2000),
            ("192.0.2.10", 2000),
            ("2001:db8::1", 2000),
        ] {
            assert_eq!(inside(address, port), None, "{address} {port}");
        }
        assert_eq!(nat.outside_of(ip("100.64.0.16")), None);
    }

    #[test]
    fn ports_beyond_the_blocks_are_nobodys() {
        let nat = nat("100.64.0.0/30", 1, &["192.0.2.1/32"], (1024, 4095), Some(1000));
        assert_eq!(nat.shares(), (3, 1000));
        let inside = |port| nat.inside_of("192.0.2.1".parse().unwrap(), port);
        assert_eq!(inside(1024), Some("100.64.0.1".parse().unwrap()));
        assert_eq!((inside(4023).is_some(), inside(4024), inside(60_000)), (true, None, None));
        assert_eq!(nat.outside_of("100.64.0.0".parse().unwrap()), None);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let new = |inside: &str, outside: &[&str], ports, per_user| {
            Nat::new(&given(inside, 0, outside, ports, per_user)).unwrap_err()
        };
        let one = ["192.0.2.1/32"];
        let crowded = |room, users| Misfit::Crowded { room, users };
        assert_eq!(new("100.64.0.0/10", &one, (1024, 65_535), None), crowded(64_512, 1 << 22));
        assert_eq!(new("100.64.0.0/24", &one, (1024, 65_535), Some(512)), crowded(126, 256));
        assert_eq!(new("100.64.0.0/24", &[], (1024, 65_535), None), Misfit::NoAddress);
        assert_eq!(new("100.64.0.0/24", &one, (0, 65_535), None), Misfit::Ports);
        assert_eq!(new("100.64.0.0/24", &one, (2000, 1999), None), Misfit::Ports);
    }

    proptest! {
        #[test]
        fn there_and_back(len in 20_u8..=32, skip in 0_u32..40, outside in prop::collection::vec((0_u8..=255, 26_u8..=32), 1..4),
            first in 1_u16..9000, count in 100_u16..50_000, per_user in prop::option::of(1_u16..5000), user in any::<u32>(), port in any::<u16>()) {
            let outside: Vec<Ipv4Net> = outside.iter().enumerate()
                .map(|(i, (host, len))| Ipv4Net::new(Ipv4Addr::new(203, 0, 113 + i as u8, *host), *len).unwrap()).collect();
            let inside = Ipv4Net::new(Ipv4Addr::new(100, 64, 0, 0), len).unwrap();
            let given = config::Nat {
                inside, outside: outside.clone(), ports_first: first, ports_last: first + count, ports_per_user: per_user, skip,
            };
            if let Ok(nat) = Nat::new(&given) {
                let address = Ipv4Addr::from(u32::from(inside.network()) + user % size(inside) as u32);
                match nat.outside_of(address) {
                    Some((out, (low, high))) => {
                        prop_assert!(low >= first && high <= first + count && low <= high);
                        for port in [low, high] {
                            prop_assert_eq!(nat.inside_of(out.into(), port), Some(address));
                        }
                    }
                    None => prop_assert!(u32::from(address) - u32::from(inside.network()) < skip),
                }
                let out = outside[0].network();
                if let Some(inside) = nat.inside_of(out.into(), port) {
                    let (back, (low, high)) = nat.outside_of(inside).unwrap();
                    prop_assert!(back == out && (low..=high).contains(&port));
                }
            }
        }
    }
}
