//! Deterministic NAT (RFC 7422): who had a port of a shared address follows from a formula, and no log is needed.
//!
//! Inside addresses are counted off: the first gets the first block of ports of the first outside address, the next
//! the block after it, and when its blocks are used up the next outside address begins. Ports above `ports.1` may be
//! given to whoever needs more; for these a log must answer.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

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

impl Nat {
    /// `per_user`: as many as there is room for, if not given. An error says what does not fit, for a person.
    pub fn new(
        inside: Ipv4Net,
        skip: u32,
        outside: &[Ipv4Net],
        ports: (u16, u16),
        per_user: Option<u16>,
    ) -> Result<Self, String> {
        let (inside, outside): (_, Vec<_>) = (inside.trunc(), outside.iter().map(Ipv4Net::trunc).collect());
        let inside_len = size(inside).saturating_sub(u64::from(skip));
        let outside_len: u64 = outside.iter().map(|net| size(*net)).sum();
        if ports.0 == 0 || ports.1 < ports.0 {
            return Err("the last port must not be below the first, and the first not 0".to_owned());
        }
        if outside_len == 0 || inside_len == 0 {
            return Err("there must be at least one inside and one outside address".to_owned());
        }
        let count = u64::from(ports.1 - ports.0) + 1;
        let wanted = inside_len.div_ceil(outside_len);
        let per_user = per_user.map_or(count / wanted, u64::from);
        let users = count.checked_div(per_user).unwrap_or_default();
        if users < wanted {
            return Err(format!(
                "{inside_len} inside addresses do not fit: each of the {outside_len} outside addresses has {count} ports, \
                 which is enough for {users} of them"
            ));
        }
        // Where the number of ports is given, as many share an outside address as it has room for.
        Ok(Self { inside, skip, outside, ports, per_user: per_user as u32, users: users as u32 })
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

    fn nat(inside: &str, skip: u32, outside: &[&str], ports: (u16, u16), per_user: Option<u16>) -> Nat {
        let outside: Vec<Ipv4Net> = outside.iter().map(|net| net.parse().unwrap()).collect();
        Nat::new(inside.parse().unwrap(), skip, &outside, ports, per_user).unwrap()
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
        let new = |inside: &str, outside: &[Ipv4Net], ports, per_user| {
            Nat::new(inside.parse().unwrap(), 0, outside, ports, per_user).unwrap_err()
        };
        let one = ["192.0.2.1/32".parse().unwrap()];
        assert!(new("100.64.0.0/10", &one, (1024, 65_535), None).contains("4194304 inside"));
        assert!(new("100.64.0.0/24", &one, (1024, 65_535), Some(512)).contains("enough for 126"));
        assert!(new("100.64.0.0/24", &one, (1024, 65_535), Some(0)).contains("enough for 0"));
        assert!(new("100.64.0.0/24", &[], (1024, 65_535), None).contains("at least one"));
        assert!(new("100.64.0.0/24", &one, (0, 65_535), None).contains("first"));
        assert!(new("100.64.0.0/24", &one, (2000, 1999), None).contains("first"));
    }

    proptest! {
        #[test]
        fn there_and_back(len in 20_u8..=32, skip in 0_u32..40, outside in prop::collection::vec((0_u8..=255, 26_u8..=32), 1..4),
            first in 1_u16..9000, count in 100_u16..50_000, per_user in prop::option::of(1_u16..5000), user in any::<u32>(), port in any::<u16>()) {
            let outside: Vec<Ipv4Net> = outside.iter().enumerate()
                .map(|(i, (host, len))| Ipv4Net::new(Ipv4Addr::new(203, 0, 113 + i as u8, *host), *len).unwrap()).collect();
            let inside = Ipv4Net::new(Ipv4Addr::new(100, 64, 0, 0), len).unwrap();
            if let Ok(nat) = Nat::new(inside, skip, &outside, (first, first + count), per_user) {
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
