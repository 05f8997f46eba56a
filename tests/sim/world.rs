//! A small ISP: its networks, its customers, and what is wrong in them from day to day.
//!
//! Everything follows from a seed and a day, so the same world comes out on every machine. All addresses are from
//! the ranges set aside for documentation and benchmarks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use abusebox::clock::Day;
use ipnet::IpNet;

use super::kinds::Kind;
use super::reports::{self, Report};

/// A network, its customers and their problems.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// The day it is. Reports are about days before it.
    pub(crate) today: Day,
    /// First day there are reports of.
    pub(crate) first: Day,
    pub(crate) key: String,
    pub(crate) secret: String,
    /// Name of the organisation's report list.
    pub(crate) list: String,
    pub(crate) cidrs: Vec<IpNet>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) findings: Vec<Finding>,
}

/// A customer as the ISP's CRM knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As exported: one address, several, none, or a word that says so.
    pub(crate) email: String,
    pub(crate) language: String,
    pub(crate) status: String,
    pub(crate) nets: Vec<IpNet>,
}

/// A problem at an address, seen every day from `first` to `last`.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Report type, of the address's family.
    pub(crate) report: String,
    pub(crate) address: IpAddr,
    pub(crate) first: Day,
    pub(crate) last: Day,
    /// Makes two findings of one type at one address differ.
    pub(crate) number: u64,
}

impl World {
    /// A network without customers or problems, for tests that bring their own.
    pub(crate) fn empty(today: Day) -> Self {
        Self {
            seed: 20_261_122,
            today,
            first: today.plus(-PRACTICE_DAYS),
            key: "practice-key".to_owned(),
            secret: "practice-secret".to_owned(),
            list: "example-net".to_owned(),
            cidrs: CIDRS.iter().filter_map(|net| net.parse().ok()).collect(),
            customers: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The world people try the program with: 40 customers, most report types, the three days before `today`.
    ///
    /// Beside the ordinary there are nested prefixes, two customers on one prefix, customers without a usable mail
    /// address or no longer active, rows outside the networks and rows nobody owns.
    pub(crate) fn practice(today: Day) -> Self {
        Self::practice_days(today, PRACTICE_DAYS)
    }

    /// The same with reports of the `days` days before `today`.
    pub(crate) fn practice_days(today: Day, days: i32) -> Self {
        let mut world = Self { first: today.plus(-days), ..Self::empty(today) };
        world.customers = CUSTOMERS
            .iter()
            .enumerate()
            .map(|(number, &(name, email, language, status, nets))| Customer {
                id: format!("C{}", 1001 + number),
                name: name.to_owned(),
                email: email.to_owned(),
                language: language.to_owned(),
                status: status.to_owned(),
                nets: nets.split(' ').filter_map(|net| net.parse().ok()).collect(),
            })
            .collect();
        world.break_things();
        world
    }

    /// Puts a problem into the world.
    pub(crate) fn add(&mut self, report: &str, address: IpAddr, first: Day, last: Day) {
        let number = self.findings.len() as u64;
        self.findings.push(Finding { report: report.to_owned(), address, first, last, number });
    }

    /// All reports of the days before [`World::today`], oldest first.
    pub(crate) fn reports(&self) -> Vec<Report> {
        (self.first.number()..self.today.number())
            .flat_map(|day| self.reports_on(Day::from_number(day)))
            .collect()
    }

    /// The reports of one day, by type.
    pub(crate) fn reports_on(&self, day: Day) -> Vec<Report> {
        reports::of_day(self, day)
    }

    /// The CRM's export, one line per prefix.
    pub(crate) fn customers_csv(&self) -> String {
        let mut csv = "customer_id,name,email,cidr,language,status\n".to_owned();
        for customer in &self.customers {
            for net in &customer.nets {
                let line = [&customer.id, &customer.name, &customer.email, &net.to_string()]
                    .into_iter()
                    .chain([&customer.language, &customer.status])
                    .map(|cell| match cell.contains([',', '"', ';']) {
                        true => format!("\"{}\"", cell.replace('"', "\"\"")),
                        false => cell.clone(),
                    })
                    .collect::<Vec<_>>()
                    .join(",");
                csv += &(line + "\n");
            }
        }
        csv
    }

    /// The ISP's networks as written in settings.
    pub(crate) fn cidrs(&self) -> Vec<String> {
        self.cidrs.iter().map(ToString::to_string).collect()
    }

    /// Customers with the longest prefix around an address: none, one, or several that contradict each other.
    pub(crate) fn owners(&self, address: IpAddr) -> Vec<&Customer> {
        let prefixes = |customer: &Customer| {
            customer.nets.iter().filter(|net| net.contains(&address)).map(IpNet::prefix_len).max()
        };
        let longest = self.customers.iter().filter_map(prefixes).max();
        self.customers.iter().filter(|customer| longest.is_some() && prefixes(customer) == longest).collect()
    }

    /// An address of the same family that belongs to somebody else's prefix.
    pub(crate) fn neighbour(&self, address: IpAddr, rng: &mut Rng) -> Option<IpAddr> {
        let nets: Vec<&IpNet> = self
            .customers
            .iter()
            .flat_map(|customer| &customer.nets)
            .filter(|net| net.addr().is_ipv4() == address.is_ipv4())
            .collect();
        let own = self.owners(address);
        // A prefix may hold one of the owner's own inside it: try again then.
        (0..NEIGHBOUR_TRIES_MAX)
            .filter_map(|_| rng.pick(&nets).map(|net| within(net, rng)))
            .find(|other| self.owners(*other).iter().all(|owner| !own.contains(owner)))
    }

    /// Gives every customer a few problems, every type at least one, and adds rows that belong to nobody.
    fn break_things(&mut self) {
        let mut rng = Rng::new(self.seed, &["findings"]);
        let places: Vec<IpNet> = self.customers.iter().flat_map(|customer| customer.nets.clone()).collect();
        let nobody: Vec<IpNet> = NOBODY.iter().filter_map(|net| net.parse().ok()).collect();
        let mut kinds = PRACTICE_TYPES.iter().copied().cycle();
        for (turn, net) in places.iter().cycle().take(PRACTICE_FINDINGS).enumerate() {
            // Every tenth problem is outside the networks or at an address without customer.
            let net = if turn % 10 == 9 { rng.pick(&nobody).unwrap_or(net) } else { net };
            let Some(kind) = kinds.next().and_then(Kind::find) else { continue };
            let address = within(net, &mut rng);
            let report = match address {
                IpAddr::V4(_) => kind.name.to_owned(),
                IpAddr::V6(_) if V6_TYPES.contains(&kind.name) => kind.name_v6(),
                IpAddr::V6(_) => {
                    rng.pick(V6_TYPES).and_then(|name| Kind::find(name)).unwrap_or(kind).name_v6()
                }
            };
            // Most were there before; some come later; some go at once, the others within two months.
            let first = match rng.below(10) {
                0 => self.first.plus(1),
                1 => self.first.plus(2),
                2 => self.first.plus(3 + rng.below(30) as i32),
                _ => self.first.plus(-(rng.below(20) as i32)),
            };
            let last = match rng.below(6) {
                0 => first.max(self.first).plus(rng.below(2) as i32),
                _ => first.max(self.first).plus(3 + rng.below(60) as i32),
            };
            self.add(&report, address, first, last);
        }
    }
}

/// An address inside a prefix; the very one where the prefix is one.
fn within(net: &IpNet, rng: &mut Rng) -> IpAddr {
    match net {
        IpNet::V4(net) => {
            let size = u64::from(u32::from(net.broadcast()) - u32::from(net.network())) + 1;
            // Neither network nor broadcast address where there are such.
            let step = if size > 2 { 1 + rng.below(size - 2) } else { rng.below(size) };
            IpAddr::V4(Ipv4Addr::from(u32::from(net.network()) + step as u32))
        }
        IpNet::V6(net) => {
            let host = !u128::from(net.netmask());
            // Few /64 and small interface numbers, as in a real network, beside a privacy address.
            let subnet = u128::from(rng.below(4)) << 64;
            let interface = if rng.below(3) == 0 { rng.next() } else { 1 + rng.below(0x40) };
            IpAddr::V6(Ipv6Addr::from(u128::from(net.network()) | ((subnet | u128::from(interface)) & host)))
        }
    }
}

/// A small generator (SplitMix64): the same numbers everywhere, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// One stream per seed and subject.
    pub(crate) fn new(seed: u64, subject: &[&str]) -> Self {
        let bytes = subject.iter().flat_map(|word| word.bytes().chain([0]));
        Self(bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 for an `end` of 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }
}

/// Shadowserver has the reports of about three days when a new key is used for the first time.
const PRACTICE_DAYS: i32 = 3;
/// About as many rows a day as a small ISP gets: some hundred.
const PRACTICE_FINDINGS: usize = 420;

/// Most prefixes are somebody else's, so the first try nearly always does.
const NEIGHBOUR_TRIES_MAX: usize = 16;

const CIDRS: [&str; 3] = ["198.18.0.0/16", "203.0.113.0/24", "2001:db8::/32"];

/// Inside the networks without a customer, and outside them.
const NOBODY: [&str; 5] =
    ["198.18.200.0/24", "203.0.113.192/27", "2001:db8:ffff::/48", "198.19.7.0/24", "192.0.2.0/25"];

/// Types of the practice world, in the order in which they are dealt out.
#[rustfmt::skip]
const PRACTICE_TYPES: &[&str] = &[
    "scan_rdp", "scan_telnet", "scan_snmp", "event4_sinkhole", "scan_dns", "scan_ssl", "scan_http", "device_id",
    "scan_smb", "scan_ntp", "event4_honeypot_brute_force", "scan_cwmp", "scan_ssh", "scan_ftp", "scan_ssdp",
    "compromised_iot", "scan_vnc", "scan_mqtt", "scan_isakmp", "event4_honeypot_darknet", "scan_netbios",
    "compromised_website", "scan_mongodb", "scan_redis", "scan_imap", "scan_portmapper", "event4_sinkhole_http",
    "scan_elasticsearch", "scan_tftp", "scan_ldap_udp", "blocklist", "event4_honeypot_http_scan", "scan_mdns",
    "scan_http_vulnerable", "scan_ipp", "event4_ddos_participant", "scan_sip", "scan_memcached", "scan_ubiquiti",
    "scan_smtp_vulnerable", "event4_honeypot_ddos_target", "scan_mssql", "scan_ssl_poodle", "malware_url",
    "event4_sinkhole_http_referer", "scan_docker", "scan_adb", "scan_ipmi", "event4_microsoft_sinkhole",
    "event4_honeypot_ddos_amp", "scan_exchange", "compromised_account", "scan_stun", "scan_rsync", "scan_postgres",
    "event4_sinkhole_dns", "scan_ics", "population_bgp", "scan_ntpmonitor", "ransomware_victim", "sandbox_url",
    "scan_cisco_smart_install", "scan_chargen", "scan_xdmcp", "event4_ip_spoofer", "special",
];

/// Those of them that Shadowserver also makes for IPv6.
#[rustfmt::skip]
const V6_TYPES: &[&str] = &[
    "scan_rdp", "scan_telnet", "scan_snmp", "event4_sinkhole", "scan_dns", "scan_ssl", "scan_http", "device_id",
    "scan_smb", "scan_ntp", "scan_ssh", "scan_ftp", "compromised_website", "scan_mqtt", "scan_imap", "scan_vnc",
    "event4_sinkhole_http",
];

/// Name, mail address, language, status, prefixes.
#[rustfmt::skip]
const CUSTOMERS: &[(&str, &str, &str, &str, &str)] = &[
    ("Alpenblick Hotel GmbH", "it@alpenblick.example", "de", "active", "198.18.0.0/29 2001:db8:100::/48"),
    ("Baker & Sons, Ltd.", "office@baker.example", "en", "active", "198.18.0.8/29"),
    ("Citynet Reseller", "abuse@citynet.example", "en", "active", "198.18.4.0/22 2001:db8:4000::/36"),
    ("Citynet Kunde M\u{fc}ller", "mueller@citynet.example", "de", "active", "198.18.5.0/26"),
    ("Citynet Kunde Nov\u{e1}k", "novak@citynet.example", "de", "active", "198.18.5.32/29 2001:db8:4001::/48"),
    ("Donauschule", "edv@donauschule.example", "de", "active", "198.18.8.0/24 2001:db8:200::/48"),
    ("Donauschule Labor", "labor@donauschule.example", "de", "active", "198.18.8.128/25"),
    ("Elektro \"Volt\" KG", "volt@elektro.example", "de", "active", "198.18.9.1/32"),
    ("Farmacia Centrale", "info@farmacia.example", "en", "active", "198.18.9.2/32 2001:db8:300::/56"),
    ("Gemeinde Hinterwald", "amt@hinterwald.example;edv@hinterwald.example", "de", "active", "198.18.10.0/25"),
    ("Hosting Harbour", "abuse@harbour.example", "en", "active", "203.0.113.0/26 2001:db8:5000::/36"),
    ("Harbour Tenant One", "root@tenant-one.example", "en", "active", "203.0.113.8/29"),
    ("Harbour Tenant Two", "admin@tenant-two.example", "en", "active", "203.0.113.16/30 2001:db8:5001::/48"),
    ("Installateur Ix", "", "de", "active", "198.18.11.4/32"),
    ("Jausenstation Jochberg", "POST", "de", "active", "198.18.11.5/32"),
    ("Kanzlei Kern", "none@none.example", "de", "active", "198.18.11.6/31"),
    ("Library of Lakeside", "helpdesk@lakeside.example", "en", "active", "198.18.12.0/23 2001:db8:600::/44"),
    ("Lakeside Branch", "branch@lakeside.example", "en", "active", "198.18.13.64/26 2001:db8:601::/48"),
    ("Metzgerei Moser", "moser@metzgerei.example", "de", "active", "198.18.14.17/32"),
    ("Nordwind Energie", "soc@nordwind.example", "de", "active", "198.18.15.0/24 2001:db8:700::/40"),
    ("Nordwind Anlage 7", "anlage7@nordwind.example", "de", "active", "198.18.15.70/32 2001:db8:707::/48"),
    ("Optik Ost", "ost@optik.example", "de", "cancelled", "198.18.16.0/30"),
    ("Praxis Dr. Pichler", "praxis@pichler.example", "de", "active", "198.18.16.8/30 2001:db8:800::/56"),
    ("Quarry Queen Ltd.", "queen@quarry.example", "en", "active", "198.18.17.0/26"),
    ("Reisen Rot", "rot@reisen.example", "de", "active", "198.18.17.64/27"),
    ("Reisen Rot Filiale", "filiale@reisen.example", "de", "active", "198.18.17.64/27"),
    ("Seilbahn Sonnkogel", "technik@sonnkogel.example", "de", "active", "198.18.18.0/24 2001:db8:900::/48"),
    ("Seilbahn Webcams", "webcam@sonnkogel.example", "de", "active", "198.18.18.200/29"),
    ("Tischlerei Traun", "traun@tischlerei.example", "de", "active", "198.18.19.33/32"),
    ("Union Sports Club", "web@union.example", "en", "active", "198.18.19.34/32 2001:db8:a00::/60"),
    ("Verein Vielfalt", "vorstand@vielfalt.example", "de", "active", "198.18.19.35/32"),
    ("Weingut Weiss", "weiss@weingut.example", "de", "active", "198.18.20.0/28"),
    ("Xylophon Musikhaus", "kontakt@xylophon.example", "de", "active", "198.18.20.16/28 2001:db8:b00::/56"),
    ("Yoga Yard", "hello@yoga.example", "en", "active", "198.18.20.32/32"),
    ("Zahnlabor Zell", "labor@zahn.example", "de", "active", "198.18.20.33/32"),
    ("Dial-up pool north", "dialup@example.net", "en", "active", "198.18.64.0/20"),
    ("Dial-up pool, flat 12", "flat12@post.example", "en", "active", "198.18.70.12/32"),
    ("Dial-up pool, flat 13", "flat13@post.example", "en", "active", "198.18.70.13/32 2001:db8:c00::/56"),
    ("Stadtwerke S\u{fc}d", "netz@stadtwerke.example, leitstelle@stadtwerke.example", "de", "active", "198.18.96.0/21 2001:db8:d00::/40"),
    ("Stadtwerke Kl\u{e4}ranlage", "klaerwerk@stadtwerke.example", "de", "active", "198.18.97.128/28"),
];
