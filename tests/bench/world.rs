//! Made worlds: reports of different width, and customers with nested prefixes. Each run makes the same ones.

#![allow(dead_code, reason = "two crates use this file, neither of them all of it")]

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;

/// The report types: short and wide ones, an event, and the list of blocked addresses.
pub(crate) const KINDS: [&str; 5] =
    ["device_id", "scan_ssl", "scan_snmp", "event4_honeypot_brute_force", "blocklist"];

/// How much of what there is.
pub(crate) struct World {
    pub(crate) network: Ipv4Net,
    /// Prefixes; each has a customer of its own.
    pub(crate) customers: usize,
    /// Of each of the [`KINDS`].
    pub(crate) rows: usize,
}

impl World {
    /// What the budgets speak of: a million rows, 100,000 prefixes.
    pub(crate) fn of_the_budgets() -> Self {
        let network = "198.18.0.0/15".parse().expect("a network");
        Self { network, customers: 100_000, rows: 200_000 }
    }

    /// Reports of the day and `customers.csv`.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut random = Random::new();
        self.write_customers(&mut create(folder, "customers.csv")?, &mut random)?;
        for kind in KINDS {
            let mut out = create(folder, &report_name(kind, DAY))?;
            self.write_report(&mut out, kind, &mut random)?;
            out.flush()?;
        }
        Ok(())
    }

    /// `customer_id,name,email,cidr`. The prefixes cover the network about twice, however many they are.
    pub(crate) fn write_customers(&self, out: &mut impl Write, random: &mut Random) -> io::Result<()> {
        writeln!(out, "customer_id,name,email,cidr")?;
        let wider = ((1 << (32 - self.network.prefix_len())) / self.customers).max(1).ilog2() as u8;
        let mut seen = HashSet::new();
        while seen.len() < self.customers {
            let length = [22, 24, 26, 28, 29, 30, 32, 32, 32][random.below(9) as usize] - wider;
            let address = u32::from(self.address(random)) & (u32::MAX << (32 - length));
            if seen.insert((address, length)) {
                let number = seen.len();
                writeln!(
                    out,
                    "C{number:06},Customer {number},a{number}@cust.example,{}/{length}",
                    Ipv4Addr::from(address)
                )?;
            }
        }
        out.flush()
    }

    pub(crate) fn write_report(
        &self,
        out: &mut impl Write,
        kind: &str,
        random: &mut Random,
    ) -> io::Result<()> {
        let columns = abusebox::report::kind::columns(kind).expect("a known type");
        let header: Vec<_> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        writeln!(out, "{}", header.join(","))?;
        for row in 0..self.rows {
            let seconds = row * 86_399 / self.rows;
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            for (index, name) in columns.iter().enumerate() {
                if index > 0 {
                    write!(out, ",")?;
                }
                match *name {
                    "timestamp" => write!(out, "\"{DAY} {hour:02}:{minute:02}:{second:02}\"")?,
                    "ip" | "src_ip" => write!(out, "\"{}\"", self.address(random))?,
                    "severity" => write!(out, "\"{}\"", SEVERITIES[random.below(5) as usize])?,
                    "protocol" => write!(out, "\"tcp\"")?,
                    "port" | "src_port" => {
                        write!(out, "{}", [80, 443, 8443, 161, 22][random.below(5) as usize])?;
                    }
                    "asn" | "src_asn" => write!(out, "64500")?,
                    "tag" => write!(out, "\"{}\"", kind.replace('_', "-"))?,
                    _ if random.below(3) == 0 => {}
                    name => write!(out, "\"{name} {}\"", random.below(100_000))?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn address(&self, random: &mut Random) -> Ipv4Addr {
        let hosts = 1u64 << (32 - self.network.prefix_len());
        Ipv4Addr::from(u32::from(self.network.network()) | random.below(hosts) as u32)
    }
}

/// The same numbers in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(20_261_122)
    }

    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// As Shadowserver names it.
pub(crate) fn report_name(kind: &str, day: &str) -> String {
    format!("{day}-{kind}-example-asn.csv")
}

fn create(folder: &Path, name: &str) -> io::Result<BufWriter<std::fs::File>> {
    Ok(BufWriter::new(std::fs::File::create(folder.join(name))?))
}

/// The report day.
pub(crate) const DAY: &str = "2026-11-20";
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];
