//! No customer ever sees another customer's data: whole worlds of nested, moving and quarrelsome customers, hostile
//! rows about them, and every mail that comes of it read by somebody who knows what was planted.
//!
//! Who may read what is decided here by [`Oracle`] and by tables of this file, not by the product's.

#![expect(clippy::disallowed_methods, reason = "a file of a test need not survive a power cut")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use abusebox::clock::{Day, Timestamp};
use abusebox::report::column;
use abusebox::report::kind::{self, KINDS};
use ipnet::IpNet;

use crate::house::{House, csv, stamp};
use crate::oracle::{Line, Oracle, Whose};
use crate::sim::mail::{Mail, MailCatcher};
use crate::sim::world::Rng;

#[test]
fn nobody_reads_what_is_anothers() {
    let mut told = BTreeMap::<&str, usize>::new();
    for seed in 0..SEEDS {
        let world = World::new(seed);
        for (what, count) in world.run() {
            *told.entry(what).or_default() += count;
        }
    }
    // A world in which nothing happens holds nothing.
    for (what, least) in [
        ("told to customers", 100),
        ("passed on", 3),
        ("told to the operator", 80),
        ("told to nobody", 100),
        ("moved while it waited", 1),
        ("still open", 20),
        ("addresses removed", 100),
    ] {
        let count = told.get(what).copied().unwrap_or_default();
        assert!(count >= least, "{what}: only {count} of {least}; {told:?}");
    }
}

/// A house with two customers, and the file in which one or the other has this network.
fn two(catcher: &MailCatcher) -> (House, impl Fn(&str) -> String) {
    two_with(catcher, "")
}

/// The same with further lines of `[policy]`.
fn two_with(catcher: &MailCatcher, policy: &str) -> (House, impl Fn(&str) -> String) {
    let house = House::new(&(settings(catcher) + policy), IMPORTS[0]);
    let file = |lines: &str| {
        let line = |line: &str| {
            let (who, net) = line.split_once(' ').unwrap();
            format!("{who},{who},{who}@c.example,{net}\n")
        };
        "customer_id,name,email,cidr\n".to_owned() + &lines.split(", ").map(line).collect::<String>()
    };
    (house, file)
}

fn told_to(catcher: &MailCatcher) -> Vec<(String, String)> {
    catcher.mails().iter().map(|mail| (mail.to[0].clone(), texts(mail))).collect()
}

#[test]
fn a_network_that_moves_before_its_mail_is_nobodys() {
    for (second, told) in
        [("a 198.18.1.0/24", 1), ("b 198.18.1.0/24", 0), ("a 198.18.1.0/24, b 198.18.1.9/32", 0)]
    {
        let catcher = MailCatcher::start().unwrap();
        let (house, file) = two(&catcher);
        house.import(&file("a 198.18.1.0/24"), IMPORTS[0]);
        let row = vec![stamp(moment(2, 0)), "198.18.1.0/28".to_owned(), "3389".to_owned()];
        house.read(
            "2026-11-17-scan_rdp-example.csv",
            &csv(&["timestamp", "ip", "port"], [row]),
            moment(2, 1),
        );
        house.import(&file(second), moment(2, 2));
        house.mail(moment(2, 9));
        let to_customers = told_to(&catcher).iter().filter(|(to, _)| to != OPERATOR).count();
        assert_eq!(to_customers, told, "{second}");
    }
}

#[test]
fn earlier_addresses_of_a_device_that_are_anothers_now_are_not_named() {
    for (second, named) in
        [("a 2001:db8:1:1::/64", true), ("a 2001:db8:1:1::/64, b 2001:db8:1:1::5:0/112", false)]
    {
        let catcher = MailCatcher::start().unwrap();
        let (house, file) = two(&catcher);
        let take = |day: i32, address: &str| {
            let time = moment(day, 1);
            let row = vec![stamp(time), address.to_owned(), "mirai".to_owned()];
            let body = csv(&["timestamp", "src_ip", "infection"], [row]);
            house.read(&format!("{}-event6_sinkhole-x.csv", time.day()), &body, moment(day, 2));
        };
        house.import(&file("a 2001:db8:1:1::/64"), IMPORTS[0]);
        take(2, "2001:db8:1:1::5:1");
        take(3, "2001:db8:1:1::6:1");
        house.import(&file(second), moment(3, 3));
        take(4, "2001:db8:1:1::7:1");
        house.mail(moment(4, 9));
        let told = told_to(&catcher);
        let (_, text) = told.iter().find(|(to, _)| to == "a@c.example").unwrap();
        assert!(text.contains("2001:db8:1:1::7:1") && text.contains("2001:db8:1:1::6:1"), "{text}");
        assert_eq!(text.contains("2001:db8:1:1::5:1"), named, "{second}\n{text}");
    }
}

#[test]
fn what_is_still_open_is_named_only_while_it_is_the_receivers() {
    for (second, named) in [("a 198.18.1.0/24", true), ("a 198.18.1.0/24, b 198.18.1.1/32", false)] {
        let catcher = MailCatcher::start().unwrap();
        let (house, file) = two(&catcher);
        let take = |day: i32, addresses: &[&str]| {
            let row = |address: &&str| vec![stamp(moment(day, 0)), (*address).to_owned(), "3389".to_owned()];
            let body = csv(&["timestamp", "ip", "port"], addresses.iter().map(row));
            house.read(&format!("{}-scan_rdp-x.csv", moment(day, 0).day()), &body, moment(day, 1));
        };
        house.import(&file("a 198.18.1.0/24"), IMPORTS[0]);
        take(3, &["198.18.1.1", "198.18.1.2"]);
        house.mail(moment(3, 9));
        house.import(&file(second), moment(3, 12));
        take(4, &["198.18.1.3"]);
        house.mail(moment(4, 9));
        let told = told_to(&catcher);
        let mut told = told.iter().filter(|(to, _)| to == "a@c.example").skip(1);
        let (_, text) = told.next().unwrap();
        assert!(text.contains("198.18.1.3") && text.contains("198.18.1.2"), "{text}");
        assert_eq!(text.contains("198.18.1.1"), named, "{second}\n{text}");
    }
}

#[test]
fn an_unknown_type_is_the_operators_until_the_setting_says_otherwise() {
    for (policy, hears) in [("", OPERATOR), ("tell_unknown_types = true\n", "a@c.example")] {
        let catcher = MailCatcher::start().unwrap();
        let (house, file) = two_with(&catcher, policy);
        house.import(&file("a 198.18.1.0/24"), IMPORTS[0]);
        // Silenced at first: nobody is told then, and whoever is told later must still be found.
        for (day, silenced) in [(2, "[\"198.18.1.1/32\"]"), (3, "[]")] {
            let lines = settings(&catcher)
                .replace(&format!("silenced = {SILENCED:?}"), &format!("silenced = {silenced}"));
            std::fs::write(&house.engine.settings_path, lines + policy).unwrap();
            assert!(house.engine.reload(moment(day, 0)).unwrap());
            let row = vec![stamp(moment(day, 0)), "198.18.1.1".to_owned(), "marked".to_owned()];
            let body = csv(&["timestamp", "ip", "tag"], [row]);
            house.read(&format!("{}-scan_newthing-x.csv", moment(day, 0).day()), &body, moment(day, 1));
            house.mail(moment(day, 9));
        }
        let told: Vec<String> = told_to(&catcher)
            .into_iter()
            .filter(|(_, text)| text.contains("marked"))
            .map(|(to, _)| to)
            .collect();
        assert_eq!(told, [hears]);
    }
}

#[test]
fn a_stored_cell_of_a_column_that_is_not_shown_stays_inside() {
    let catcher = MailCatcher::start().unwrap();
    let (house, file) = two(&catcher);
    house.import(&file("a 198.18.1.0/24"), IMPORTS[0]);
    let row =
        [stamp(moment(2, 0)), "198.18.1.1".to_owned(), "3389".to_owned(), "bannertext".to_owned()].to_vec();
    let body = csv(&["timestamp", "ip", "port", "banner"], [row]);
    house.read("2026-11-17-scan_rdp-example.csv", &body, moment(2, 1));
    // As a version may have stored it that showed more.
    let view = house.engine.store.view().unwrap();
    let key = view.incident_key(1).unwrap().unwrap();
    let mut incident = view.incident(&key).unwrap().unwrap();
    for column in ["dst_hostname", "http_url"] {
        incident.evidence.shown.extend([column::number(column).unwrap(), 6, 0]);
        incident.evidence.shown.extend(b"secret");
    }
    house.engine.store.write(|txn| txn.put_incident(&key, &incident)).unwrap();
    house.mail(moment(2, 9));
    let (to, text) = &told_to(&catcher)[0];
    assert_eq!(to, "a@c.example");
    assert!(text.contains("bannertext") && !text.contains("secret"), "{text}");
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    place: Place,
    time: Timestamp,
    /// Letters that stand in no other row.
    marker: String,
    severity: &'static str,
    port: u64,
    /// What else is in the row: nobody but the operator may ever read it.
    secret: String,
    /// Other addresses that it names, in some shape, in cells that customers see.
    others: Vec<(IpAddr, usize)>,
    /// Another row is the same problem, and only the newest row of a problem is told.
    crowd: Option<u64>,
    /// In which of the three stages it comes.
    stage: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr),
    Net(IpNet),
    Nowhere,
}

/// Who must hear of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Customer(usize),
    Operator,
    Nobody,
    /// Its owner changed between its arrival and its mail: no customer. The operator may.
    NoCustomer,
}

struct World {
    rng: Rng,
    /// By the first customer file, by the first two, by all.
    oracles: Vec<Oracle>,
    silenced: Vec<IpNet>,
    rows: Vec<Row>,
}

struct Customer {
    id: String,
    name: String,
    mails: Vec<String>,
}

impl Customer {
    fn new(number: usize) -> Self {
        let word = letters(7_000 + number as u64);
        let mails = match number % 8 {
            // Without a usable address: the operator passes the mail on.
            0 => vec![],
            1 => vec![format!("{word}@a.example"), format!("{word}@b.example")],
            _ => vec![format!("{word}@c.example")],
        };
        Self { id: format!("id{word}"), name: format!("Name{word}"), mails }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, &["confidential"]);
        let nets = |list: &[&str]| -> Vec<IpNet> { list.iter().map(|net| net.parse().unwrap()).collect() };
        let first: Vec<Line> = (0..90).map(|_| line(&mut rng)).collect();
        let mut files = vec![(IMPORTS[0], first)];
        for imported in &IMPORTS[1..] {
            let mut lines = files[files.len() - 1].1.clone();
            for line in &mut lines {
                // Addresses move to another customer.
                if rng.below(5) == 0 {
                    line.customer = rng.below(CUSTOMERS) as usize;
                }
            }
            lines.retain(|_| rng.below(15) > 0);
            lines.extend((0..8).map(|_| line(&mut rng)));
            files.push((*imported, lines));
        }
        let oracle =
            |count| Oracle { cidrs: nets(CIDRS), marked: nets(DYNAMIC), files: files[..count].to_vec() };
        let oracles = (1..=files.len()).map(oracle).collect();
        let mut world = Self { rng, oracles, silenced: nets(SILENCED), rows: Vec::new() };
        world.happen();
        world
    }

    /// Fills the world with rows.
    fn happen(&mut self) {
        let kinds: Vec<&'static str> =
            KINDS.iter().filter(|kind| !kind.retired).map(|kind| kind.name).chain(UNKNOWN).collect();
        let mut taken = HashSet::new();
        for number in 0..ROWS {
            let kind = *self.rng.pick(&kinds).unwrap();
            let v6 = is_v6(kind);
            let crowd = (v6 && kind == "event6_sinkhole").then(|| self.rng.below(4));
            let place = match (side(kind), self.rng.below(12)) {
                ("", _) => Place::Nowhere,
                (_, 0) if !v6 => {
                    let (address, len) = (self.address(false), 26 + self.rng.below(6));
                    Place::Net(format!("{address}/{len}").parse::<IpNet>().unwrap().trunc())
                }
                _ => Place::Address(self.address(v6)),
            };
            let problem = match place {
                Place::Address(IpAddr::V6(v6)) => {
                    (kind, Place::Net(IpNet::new_assert(v6.into(), 64).trunc()))
                }
                place => (kind, place),
            };
            if crowd.is_none() && !taken.insert(problem) {
                continue;
            }
            let stage = self.rng.below(3) as usize;
            let (from, until) = STAGES[stage];
            let others = (0..4).map(|_| {
                let v6 = self.rng.below(3) == 0;
                (self.address(v6), self.rng.below(SHAPES) as usize)
            });
            let others = others.collect();
            self.rows.push(Row {
                kind,
                place,
                time: from.plus_seconds(self.rng.below(until.since(from).unsigned_abs()) as i64),
                marker: format!("mark{}", letters(number)),
                severity: self.rng.pick(&["medium", "high", "critical", "critical", "low", "info"]).unwrap(),
                port: 1024 + number,
                secret: format!("secret{}", letters(100_000 + number)),
                others,
                crowd,
                stage,
            });
        }
        // Everybody's neighbourhood, all in one network of which only parts are one's own.
        self.rows.sort_by_key(|row| row.time);
    }

    /// An address, mostly in our networks and near others.
    fn address(&mut self, v6: bool) -> IpAddr {
        let rng = &mut self.rng;
        if v6 {
            let (net, sub, host) = (rng.below(9), rng.below(4), rng.below(3));
            return format!("2001:db8:{net}:{sub}::{host:x}:{:x}", rng.below(9) + 1).parse().unwrap();
        }
        format!("198.18.{}.{}", rng.below(9), rng.below(256)).parse().unwrap()
    }

    /// Lives through three stages of reports, two mornings of mail, and reads all mails. Returns what was counted.
    fn run(&self) -> BTreeMap<&'static str, usize> {
        let catcher = MailCatcher::start().unwrap();
        let house = House::new(&settings(&catcher), IMPORTS[0]);
        let customers: Vec<Customer> = (0..CUSTOMERS as usize).map(Customer::new).collect();
        let who =
            |n: usize| [customers[n].id.clone(), customers[n].name.clone(), customers[n].mails.join(";")];
        let mut mails = Vec::new();
        for (stage, imported) in IMPORTS.into_iter().enumerate() {
            house.import(&self.oracles[stage].export(stage, who), imported);
            let now = STAGES[stage].1;
            for (file, body) in self.files(stage) {
                let report = house.read(&file, &body, now);
                assert_eq!(report.counts.rejected, 0, "{file}");
            }
            if stage > 0 {
                house.engine.keep(now).unwrap();
                house.mail(now);
                mails.push(catcher.mails()[mails.iter().map(Vec::len).sum::<usize>()..].to_vec());
            }
        }
        self.judge(&mails, &customers)
    }

    /// The reports of a stage, one of each type.
    fn files(&self, stage: usize) -> Vec<(String, Vec<u8>)> {
        let mut kinds: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.stage == stage) {
            kinds.entry(row.kind).or_default().push(row);
        }
        let file = |(kind, rows): (&str, Vec<&Row>)| {
            let columns = kind::columns(kind).unwrap_or_else(|| kind::columns("scan_rdp").unwrap());
            let body = csv(&columns, rows.iter().map(|row| columns.iter().map(|c| row.cell(c)).collect()));
            (format!("{}-{kind}-example-asn.csv", STAGES[stage].0.day()), body)
        };
        kinds.into_iter().map(file).collect()
    }

    /// Whose a row's place is by the customer files up to one.
    fn whose(&self, row: &Row, files: usize) -> Whose {
        let oracle = &self.oracles[files - 1];
        match row.place {
            Place::Nowhere => Whose::Unattributable,
            Place::Address(address) => oracle.whose(address, row.time),
            Place::Net(net) => {
                let IpNet::V4(net) = net else { panic!("{net}") };
                let all: BTreeSet<Whose> = (u32::from(net.network())..=u32::from(net.broadcast()))
                    .map(|bits| oracle.whose(Ipv4Addr::from(bits).into(), row.time))
                    .collect();
                // Mailed and not mailed parts of one customer: his, and not mailed.
                let owners: BTreeSet<_> = all
                    .iter()
                    .map(|whose| match whose {
                        Whose::Customer { customer, .. } => {
                            Whose::Customer { customer: *customer, mailed: false }
                        }
                        other => *other,
                    })
                    .collect();
                match (owners.len(), all.len(), all.first().copied()) {
                    (1, 1, Some(one)) => one,
                    (1, _, _) => owners.first().copied().unwrap(),
                    _ => Whose::Ambiguous,
                }
            }
        }
    }

    fn hears(&self, row: &Row) -> Hears {
        let silent = |address: IpAddr| self.silenced.iter().any(|net| net.contains(&address));
        // Mail goes out after the second and after the third import.
        let (came, told) = (self.whose(row, row.stage + 1), self.whose(row, (row.stage + 1).max(2)));
        let untold = matches!(row.severity, "low" | "info")
            || match row.place {
                Place::Address(address) => silent(address),
                Place::Net(net) => silent(net.network()),
                Place::Nowhere => false,
            };
        match (audience(row.kind), came) {
            _ if untold => Hears::Nobody,
            (Audience::Nobody, _) | (_, Whose::Outside | Whose::Customer { mailed: false, .. }) => {
                Hears::Nobody
            }
            (Audience::Customer, Whose::Customer { customer, .. }) if came == told => {
                Hears::Customer(customer)
            }
            (Audience::Customer, Whose::Customer { .. }) => Hears::NoCustomer,
            (Audience::Operator, _) | (_, Whose::Unassigned | Whose::Ambiguous | Whose::Unattributable) => {
                Hears::Operator
            }
        }
    }

    fn judge(
        &self,
        mornings: &[Vec<std::sync::Arc<Mail>>],
        customers: &[Customer],
    ) -> BTreeMap<&'static str, usize> {
        let planted = self.planted();
        let mut count = BTreeMap::<&'static str, usize>::new();
        // Where each row was told: (morning, receiver); the operator is none.
        let mut heard: BTreeMap<&str, BTreeSet<(usize, Option<usize>)>> = BTreeMap::new();
        let mut known: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
        for (morning, mails) in mornings.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for mail in mails {
                let texts = texts(mail);
                let receiver = receiver(mail, &texts, customers);
                for to in &mail.to {
                    assert!(seen.insert((to.clone(), receiver)), "two mails to {to} in one morning");
                }
                let words: HashSet<&str> = texts.split(|c: char| !c.is_ascii_alphabetic()).collect();
                for row in self.rows.iter().filter(|row| words.contains(row.marker.as_str())) {
                    heard.entry(&row.marker).or_default().insert((morning, receiver));
                    if let Some(customer) = receiver {
                        assert!(
                            around(&texts, &row.marker).contains(row.kind),
                            "under another type: {row:#?}"
                        );
                        known.entry(customer).or_default().push(row);
                    }
                }
                self.no_secret(&texts, &words, receiver, customers);
                if let Some(customer) = receiver {
                    let told = known.get(&customer).map(Vec::as_slice).unwrap_or_default();
                    self.only_own_addresses(&texts, customer, told, &planted, &self.oracles[morning + 1]);
                    *count.entry("passed on").or_default() +=
                        usize::from(customers[customer].mails.is_empty());
                    *count.entry("still open").or_default() += texts.matches("told on").count();
                    *count.entry("addresses removed").or_default() +=
                        texts.matches("[address removed]").count();
                }
            }
        }
        for row in &self.rows {
            let heard: Vec<Option<usize>> =
                heard.get(row.marker.as_str()).into_iter().flatten().map(|(_, receiver)| *receiver).collect();
            let hears = self.hears(row);
            let (what, right) = match hears {
                Hears::Customer(customer) => ("told to customers", heard == [Some(customer)]),
                // A row that shows nothing cannot be recognised.
                Hears::Operator if row.place == Place::Nowhere => ("told to the operator", heard.is_empty()),
                Hears::Operator => ("told to the operator", heard == [None]),
                Hears::Nobody => ("told to nobody", heard.is_empty()),
                Hears::NoCustomer => ("moved while it waited", heard.iter().all(Option::is_none)),
            };
            let right = match (row.crowd, hears) {
                (Some(_), Hears::Customer(customer)) => heard.iter().all(|&one| one == Some(customer)),
                (Some(_), Hears::Operator) => heard.iter().all(Option::is_none),
                _ => right,
            };
            assert!(right, "{what} {hears:?}, but heard by {heard:?}: {row:#?}");
            *count.entry(what).or_default() += 1;
        }
        count
    }

    /// No other customer's name, and nothing of what is in no customer's columns; that even the operator gets no
    /// mail of.
    fn no_secret(&self, texts: &str, words: &HashSet<&str>, receiver: Option<usize>, customers: &[Customer]) {
        for row in &self.rows {
            let secret = row.secret.as_str();
            assert!(
                !words.contains(secret),
                "{receiver:?} reads a secret of {row:#?}\n{}",
                around(texts, secret)
            );
        }
        for (number, customer) in customers.iter().enumerate().filter(|(number, _)| receiver != Some(*number))
        {
            let names = [customer.id.as_str(), &customer.name, &customer.id[2..]];
            assert!(
                receiver.is_none() || !names.iter().any(|name| words.contains(name)),
                "{receiver:?} reads of {number}\n{}",
                around(texts, names[2])
            );
        }
    }

    /// Every address that was planted, in all shapes.
    fn planted(&self) -> HashMap<String, IpAddr> {
        let places = self.rows.iter().filter_map(|row| match row.place {
            Place::Address(address) => Some(address),
            Place::Net(_) | Place::Nowhere => None,
        });
        let others = self.rows.iter().flat_map(|row| row.others.iter().map(|(address, _)| *address));
        let all: BTreeSet<IpAddr> = places.chain(others).collect();
        let inside = all.into_iter().filter(|&address| self.inside(address));
        inside
            .flat_map(|address| {
                (0..SHAPES as usize).map(move |shape| (core(&shaped(address, shape)), address))
            })
            .collect()
    }

    fn inside(&self, address: IpAddr) -> bool {
        self.oracles[0].cidrs.iter().any(|net| net.contains(&address))
    }

    /// Every address of our networks in the text was the receiver's when one of the rows told him was seen.
    fn only_own_addresses(
        &self,
        texts: &str,
        receiver: usize,
        told: &[&Row],
        planted: &HashMap<String, IpAddr>,
        oracle: &Oracle,
    ) {
        let times: BTreeSet<Timestamp> = told.iter().map(|row| row.time).collect();
        let own = |address: IpAddr| {
            times.iter().any(|&time| {
                let whose = oracle.whose(address, time);
                matches!(whose, Whose::Customer { customer, .. } if customer == receiver)
            })
        };
        // Whatever reads as an address by itself, and whatever was planted, in any of the shapes.
        for (word, address) in addresses(texts, planted) {
            assert!(
                !self.inside(address) || own(address),
                "{receiver} reads {address} as {word}\n{}",
                around(texts, &word)
            );
        }
    }
}

impl Row {
    fn cell(&self, column: &str) -> String {
        let own = side(self.kind);
        let other = |n: usize| shaped(self.others[n].0, self.others[n].1);
        let place = match self.place {
            Place::Address(address) => address.to_string(),
            Place::Net(net) => net.to_string(),
            Place::Nowhere => String::new(),
        };
        match column {
            "timestamp" => stamp(self.time),
            "severity" => self.severity.to_owned(),
            "protocol" => "tcp".to_owned(),
            "infection" => {
                self.crowd.map_or_else(|| self.marker.clone(), |crowd| format!("crowd{}", letters(crowd)))
            }
            "tag" => format!("{};{}", self.marker, other(0)),
            _ if column == own => place,
            _ if column.ends_with("port") => self.port.to_string(),
            _ if column.ends_with("ip") || column.ends_with("network") => self.others[1].0.to_string(),
            _ if is_private(column, own) => format!("{} {}", self.secret, other(1)),
            // Beside the other's address the own one, which may stay.
            _ => match column.len() % 3 {
                0 => format!("{place} {}", other(2)),
                1 => format!("x{} via {}", other(3), other(1)),
                _ => "plain text".to_owned(),
            },
        }
    }
}

/// Columns that say something of other parties, or hold what gives access: no customer may ever read them.
fn is_private(column: &str, own: &str) -> bool {
    let other_side =
        |side: &str| column.starts_with(side) && !own.starts_with(side) && !column.ends_with("_port");
    let holds = |words: &[&str]| words.iter().any(|word| column.contains(word));
    ["src_", "dst_", "http_referer"].into_iter().any(other_side) || holds(PRIVATE) && !holds(HARMLESS)
}

/// Parts of the names of columns.
const PRIVATE: &[&str] = &[
    "username",
    "password",
    "account",
    "email",
    "community",
    "request",
    "response",
    "payload",
    "cookie",
    "session",
    "organization",
    "surname",
    "given_name",
    "street",
    "postal",
    "locality",
    "serial_number",
    "fingerprint",
    "postdata",
    "domain",
    "client_version",
    "raw",
    "body",
    "content",
    "private",
    "key_text",
    "userdata",
    "visible_databases",
    "attack_src",
    "public_source",
    "entity_name",
];

/// Names that hold such a word and say nothing of the kind.
const HARMLESS: &[&str] = &["has_password", "response_size"];

enum Audience {
    Customer,
    Operator,
    Nobody,
}

/// Who hears of a type's rows when their owner is known, by the product's description.
fn audience(kind: &str) -> Audience {
    match kind {
        "event4_ip_spoofer" | "compromised_account" | "ransomware_victim" | "sandbox_dns" => {
            Audience::Operator
        }
        "event4_honeypot_ddos_target"
        | "event4_honeypot_ddos_amp"
        | "event4_sinkhole_dns"
        | "blocklist"
        | "sandbox_conn"
        | "sandbox_url"
        | "device_id"
        | "device_id6" => Audience::Nobody,
        _ if UNKNOWN.contains(&kind) => Audience::Operator,
        _ => Audience::Customer,
    }
}

/// The column with the customer's address; empty where there is none.
fn side(kind: &str) -> &'static str {
    match kind {
        "event4_honeypot_ddos_target" => "dst_ip",
        "event4_sinkhole_http_referer" | "event6_sinkhole_http_referer" => "http_referer_ip",
        "compromised_account" | "ransomware_victim" | "sandbox_dns" => "",
        _ if kind.starts_with("event") => "src_ip",
        _ => "ip",
    }
}

fn is_v6(kind: &str) -> bool {
    kind.ends_with('6') || kind.split('_').next().is_some_and(|word| word.ends_with('6'))
}

/// A line of the customer file: nested in others, sometimes expired, to come, or cancelled, and once in a while on
/// a prefix that another customer has.
fn line(rng: &mut Rng) -> Line {
    let prefix = match rng.below(4) {
        0 => {
            let len = *rng.pick(&[46, 48, 60, 63, 64, 112, 128]).unwrap();
            format!(
                "2001:db8:{}:{}::{:x}:{:x}/{len}",
                rng.below(9),
                rng.below(4),
                rng.below(3),
                rng.below(9) + 1
            )
        }
        _ => format!(
            "198.18.{}.{}/{}",
            rng.below(8),
            rng.below(256),
            rng.pick(&[22, 24, 24, 25, 26, 27, 28, 30, 32]).unwrap()
        ),
    };
    let prefix: IpNet = prefix.parse().unwrap();
    let mut line = Line::new(rng.below(CUSTOMERS) as usize, &prefix.trunc().to_string());
    match rng.below(12) {
        0 => line.until = Some(FIRST.plus(rng.below(6) as i32)),
        1 => line.from = Some(FIRST.plus(rng.below(6) as i32)),
        2 => line.cancelled = true,
        _ => {}
    }
    line
}

/// The n-th word: letters only, beyond those of hex digits, so that it never is part of an address.
fn letters(number: u64) -> String {
    let mut word = String::new();
    let mut rest = number + 400;
    while rest > 0 {
        word.push(char::from(b'g' + (rest % 20) as u8));
        rest /= 20;
    }
    word + "zz"
}

/// Subject, text, HTML and table of a mail, as a reader or a program would undo the quoting.
fn texts(mail: &Mail) -> String {
    let mut texts = [mail.subject(), mail.text(), mail.html()].join("\n");
    for (_, bytes) in mail.attachments() {
        texts += "\n";
        texts += &String::from_utf8(bytes).unwrap();
    }
    texts.replace("[.]", ".").replace("&#58;", ":")
}

/// Whose mail it is; none for the operator's own. What is to be passed on names its customer.
fn receiver(mail: &Mail, texts: &str, customers: &[Customer]) -> Option<usize> {
    assert_eq!(mail.to.len(), 1);
    let to = &mail.to[0];
    if to != OPERATOR {
        return customers.iter().position(|customer| customer.mails.contains(to));
    }
    let mail_less = |customer: &Customer| customer.mails.is_empty() && texts.contains(&customer.id);
    customers.iter().position(mail_less)
}

/// An address as a network or a program writes it.
fn shaped(address: IpAddr, shape: usize) -> String {
    match address {
        IpAddr::V4(address) => shaped_v4(address, shape),
        IpAddr::V6(address) => shaped_v6(address, shape),
    }
}

fn shaped_v4(address: Ipv4Addr, shape: usize) -> String {
    let [a, b, c, d] = address.octets();
    match shape {
        0 => format!("{address}"),
        1 => format!("{a}-{b}-{c}-{d}.dyn.example.net"),
        2 => format!("host{a}_{b}_{c}_{d}"),
        3 => format!("{d}.{c}.{b}.{a}.in-addr.arpa"),
        4 => format!("{d}-{c}-{b}-{a}.dsl"),
        5 => format!("{a:03}.{b:03}.{c:03}.{d:03}"),
        6 => format!("{a:03}{b:03}{c:03}{d:03}"),
        7 => format!("p{a:02X}{b:02X}{c:02X}{d:02X}.dip"),
        8 => u32::from(address).to_string(),
        9 => format!("[{address}]:8080"),
        10 => format!("http://{address}/x"),
        _ => format!("::ffff:{address}"),
    }
}

fn shaped_v6(address: Ipv6Addr, shape: usize) -> String {
    let groups = address.segments().map(|group| format!("{group:04x}"));
    let nibbles: Vec<String> = groups.concat().chars().rev().map(String::from).collect();
    match shape {
        0 | 1 => format!("{address}"),
        2 => groups.join(":"),
        3 => groups.join(":").to_uppercase(),
        4 => format!("[{address}]:443"),
        5 => groups.join("-") + ".dyn",
        6 => format!("h-{}.dyn", address.to_string().replace(':', "-")),
        7 | 8 => nibbles.join(".") + ".ip6.arpa",
        9 => nibbles.join("-"),
        10 => format!("http://[{address}]/x"),
        _ => groups.concat(),
    }
}

/// The part of a shape that is the address.
fn core(shape: &str) -> String {
    let shape = shape.to_lowercase();
    let trimmed = |text: &str| text.trim_matches(|c: char| !c.is_ascii_hexdigit()).to_owned();
    for (start, end) in
        [("host", ""), ("p", ".dip"), ("http://", "/x"), ("[", "]:8080"), ("[", "]:443"), ("h-", ".dyn")]
    {
        if let Some(inner) = shape.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) {
            return trimmed(inner);
        }
    }
    for end in [".dyn.example.net", ".dsl", ".in-addr.arpa", ".ip6.arpa", ".dyn"] {
        if let Some(inner) = shape.strip_suffix(end) {
            return trimmed(inner);
        }
    }
    shape
}

/// The lines with a word.
fn around(texts: &str, word: &str) -> String {
    texts.lines().filter(|line| line.to_ascii_lowercase().contains(word)).collect::<Vec<_>>().join("\n")
}

/// All addresses in a text: as such, or as one of the `known` words.
fn addresses(texts: &str, known: &HashMap<String, IpAddr>) -> BTreeSet<(String, IpAddr)> {
    let texts = texts.to_ascii_lowercase();
    let belongs = |c: char| c.is_ascii_hexdigit() || SEPARATORS.contains(&c);
    let runs: BTreeSet<&str> = texts
        .split(|c| !belongs(c))
        .filter(|run| run.len() > 6 && run.contains(|c: char| c.is_ascii_digit()))
        .collect();
    let mut found = BTreeSet::new();
    for run in runs {
        // Whole groups only: an address is no part of a longer number.
        let ends: Vec<usize> = run.match_indices(SEPARATORS).map(|(end, _)| end).chain([run.len()]).collect();
        let starts: Vec<usize> = [0].into_iter().chain(ends.iter().map(|end| end + 1)).collect();
        for &start in &starts {
            for &end in ends.iter().filter(|&&end| end > start) {
                let word = &run[start..end];
                // What is left out of a compressed address goes on beside it.
                let (before, after) = (&run[..start], &run[end..]);
                let compressed = word.contains("::") || word.contains("--");
                let goes_on = |beside: &mut dyn Iterator<Item = char>| {
                    let (separator, digit) = (beside.next(), beside.next());
                    matches!(separator, Some(':' | '-')) && digit.is_some_and(|c| c.is_ascii_hexdigit())
                };
                if compressed && (goes_on(&mut before.chars().rev()) || goes_on(&mut after.chars())) {
                    continue;
                }
                let address = known.get(word).copied().or_else(|| word.parse().ok());
                found.extend(address.map(|address| (word.to_owned(), address)));
            }
        }
    }
    found
}

const SEPARATORS: &[char] = &['.', ':', '-', '_'];

fn settings(catcher: &MailCatcher) -> String {
    format!(
        "[box]\nmode = \"live\"\n[organisation]\nname = \"Example Net\"\nabuse_address = \"abuse@example.net\"\n\
         operator_address = \"{OPERATOR}\"\n[networks]\ncidrs = {CIDRS:?}\nsilenced = {SILENCED:?}\n\
         dynamic = {DYNAMIC:?}\n[mail]\nurl = \"{}\"\nper_minute_max = 1000\nper_domain_per_minute_max = 1000\n\
         [policy]\nhold_share_max = 1\nhold_count_min = 1000000\nmails_per_day_max = 2\n",
        catcher.url()
    )
}

#[test]
fn the_reader_of_the_mails_sees_every_shape() {
    for address in ["198.18.7.200", "2001:db8:1:2::3:4"] {
        let address: IpAddr = address.parse().unwrap();
        for shape in 0..SHAPES as usize {
            let written = shaped(address, shape);
            let known = HashMap::from([(core(&written), address)]);
            let found = addresses(&format!("a {written}, b"), &known);
            assert!(found.iter().any(|(_, found)| *found == address), "{written}: {found:?}");
        }
    }
    let found = addresses("to 198.18.7.200 or 2001:db8::1:2", &HashMap::new());
    assert_eq!(found.len(), 2, "{found:?}");
}

const OPERATOR: &str = "noc@example.net";
const SEEDS: u64 = 4;
const CUSTOMERS: u64 = 24;
const ROWS: u64 = 420;
const SHAPES: u64 = 12;

const CIDRS: &[&str] = &["198.18.0.0/21", "2001:db8::/45"];
const SILENCED: &[&str] = &["198.18.3.0/27", "198.18.5.77/32", "2001:db8:2:1::/64"];
const DYNAMIC: &[&str] = &["198.18.6.0/24"];
/// Types that nobody has heard of; their header is that of another.
const UNKNOWN: [&str; 2] = ["scan_newthing", "scan_otherthing"];

/// 2026-11-15, the first day of all rows.
const FIRST: Day = Day::from_number(20_772);
const fn moment(day: i32, hour: i64) -> Timestamp {
    FIRST.plus(day).start().plus_seconds(hour * 3600)
}
/// When the customer files came.
const IMPORTS: [Timestamp; 3] = [moment(1, 12), moment(3, 12), moment(4, 12)];
/// From when to when the rows of each stage were seen. They come at its end, and after the second and third there
/// is mail. Each begins before its customer file came.
const STAGES: [(Timestamp, Timestamp); 3] =
    [(moment(0, 6), moment(2, 20)), (moment(1, 6), moment(4, 9)), (moment(3, 6), moment(5, 9))];
