//! What is written in `settings.toml` becomes valid [`Settings`], or ALL complaints at once.
//!
//! Pure: text and folder in, settings out; `named` looks at the files that they name.
//! The known keys are what [`parse`] asks the [`Reader`] for; [`super::edit`] has them once more, for forms.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use toml_edit::{Document, Item, TableLike, TomlError, Value};

use super::{
    BoxSettings, Complaint, CustomersFile, DayOff, FamilyPolicy, Hours, Interface, LogTime, Mail,
    MailSecurity, MailServer, Mode, NAME_SERVERS_MAX, NAT_PORTS_FIRST, Nat, Networks, Organisation, Page,
    Policy, RadiusClient, Ranges, Remote, Resolver, Secret, SessionSettings, SessionSource, Settings,
    Shadowserver, Trust,
};
use crate::clock::Day;
use crate::net::{is_gateway, is_host, is_interface};
use crate::report::kind::{Family, Severity, Tell};

/// Reads settings; relative paths in them are taken from `folder`. An empty text is valid: all defaults.
pub fn parse(text: &str, folder: &Path) -> Result<Settings, Vec<Complaint>> {
    let (settings, complaints) = parse_usable(text, folder);
    if complaints.is_empty() { Ok(settings) } else { Err(complaints) }
}

/// The same with all that is right, and the default in the place of each setting that is complained of.
pub fn parse_usable(text: &str, folder: &Path) -> (Settings, Vec<Complaint>) {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return (parse_usable("", folder).0, vec![syntax(text, &error)]),
    };
    let mut reader = Reader::new(text, document.as_table());
    let path = text_as(|text| Ok(folder.join(plain(text)?)));

    let t = reader.table("box");
    let boxx = BoxSettings {
        name: t.get("name", "abusebox".to_owned(), text_as(label)),
        timezone: t.get("timezone", TimeZone::UTC, text_as(time_zone)),
        language: t.get("language", "en".to_owned(), text_as(language)),
        mode: t.get("mode", Mode::Hold, choice(MODES)),
        own_clock: t.get("own_clock", false, flag),
    };
    let t = reader.table("organisation");
    let organisation = Organisation {
        name: t.get("name", String::new(), empty_or(text_as(plain))),
        phrase: t.get("phrase", String::new(), empty_or(text_as(plain))),
        abuse_address: t.get("abuse_address", String::new(), empty_or(text_as(mail_address))),
        operator_address: t.get("operator_address", String::new(), empty_or(text_as(mail_address))),
    };
    let t = reader.table("shadowserver");
    let shadowserver = Shadowserver {
        key: t.get("key", Secret::default(), empty_or(text_as(token))),
        secret: t.get("secret", Secret::default(), empty_or(text_as(token))),
        api_url: t.get("api_url", API_URL.to_owned(), text_as(base_url)),
        download_url: t.get("download_url", DOWNLOAD_URL.to_owned(), text_as(base_url)),
        schema_url: t.get("schema_url", SCHEMA_URL.to_owned(), text_as(public_url)),
        reports: t.get("reports", vec![], list(text_as(plain))),
        poll_minutes: t.get("poll_minutes", 60, number(5..=1440)),
    };
    let t = reader.table("networks");
    let mut networks = |key| t.get(key, vec![], list(text_as(network)));
    let mut networks = Networks {
        cidrs: networks("cidrs"),
        silenced: networks("silenced"),
        dynamic: networks("dynamic"),
        cgn: networks("cgn"),
        inside: Vec::new(),
    };
    let t = reader.table("customers");
    let file = t.get("file", None, empty_or(some(&path)));
    let from = remote(t);
    if file.is_some() && from.is_some() {
        t.complain("url", "Write either file or url, not both: one of them is where the list comes from.");
    }
    let file = file.or_else(|| from.is_none().then(|| folder.join(CUSTOMERS_FILE)));
    let addresses_file = t.get("addresses_file", None, empty_or(some(&path)));
    let poll_hours = t.get("poll_hours", 24, number(1..=168));
    let customers = CustomersFile { file, addresses_file, remote: from, poll_hours };
    let t = reader.table("sessions");
    let times = LogTime { offset_seconds: 0, uncertainty_seconds: 0, timezone: boxx.timezone.clone() };
    let times = log_time(t, &times);
    let sessions = SessionSettings {
        // Traffic data: kept no longer than the question whose address it was can still come.
        keep_days: t.get("keep_days", 14, number(1..=14)),
        radius_listen: t.get("radius_listen", RADIUS_LISTEN, text_as(radius_listen)),
        radius_clients: radius_clients(t),
        sources: session_sources(t, &times),
        times,
    };
    let nat = nats(reader.top());
    networks.inside = nat.iter().map(|nat| nat.inside.into()).collect();
    let t = reader.table("resolver");
    let resolver = Resolver {
        remote: remote(t),
        timeout_seconds: t.get("timeout_seconds", 5, number(1..=60)),
        per_minute_max: t.get("per_minute_max", 600, number(1..=60_000)),
        // An answer is traffic data, too.
        cache_hours: t.get("cache_hours", 24, number(0..=336)),
        ranges: t.get("ranges", Ranges::Both, choice(RANGES)),
    };
    let t = reader.table("mail");
    let mail = Mail {
        server: t.get("url", None, empty_or(some(text_as(mail_server)))),
        per_minute_max: t.get("per_minute_max", 30, number(1..=1000)),
        // Most customers of a small provider have their mail with a few large ones, and these slow down or refuse whoever
        // sends them much at once and is not known for it.
        per_domain_per_minute_max: t.get("per_domain_per_minute_max", 20, number(1..=1000)),
        dkim_key: t.get("dkim_key", None, empty_or(some(&path))),
        dkim_selector: t.get("dkim_selector", DKIM_SELECTOR.to_owned(), text_as(selector)),
    };
    let t = reader.table("policy");
    let mut policy = Policy {
        mail_severity_min: t.get("mail_severity_min", Severity::Medium, choice(SEVERITIES)),
        repeat_days_compromised: t.get("repeat_days_compromised", 7, number(1..=365)),
        repeat_days_exposed: t.get("repeat_days_exposed", 30, number(1..=365)),
        // A weekly scan must be able to miss a day without the incident closing and returning for ever.
        close_after_days: t.get("close_after_days", 14, number(8..=365)),
        mail_age_days_max: t.get("mail_age_days_max", 5, number(1..=365)),
        mails_per_day_max: t.get("mails_per_day_max", 2, number(1..=100)),
        digest_hour: t.get("digest_hour", 8, number(0..=23)),
        hold_first: t.get("hold_first", false, flag),
        hold_share_max: t.get("hold_share_max", 0.2, share),
        hold_count_min: t.get("hold_count_min", 20, number(0..=1_000_000)),
        tell_unknown_types: t.get("tell_unknown_types", false, flag),
        tell_gone: t.get("tell_gone", true, flag),
        weekly_report: t.get("weekly_report", Some(Weekday::Monday), choice(WEEKDAYS)),
        quiet_hours: t.get("quiet_hours", None, empty_or(some(text_as(hours)))),
        business_days_only: t.get("business_days_only", false, flag),
        days_off: t.get("days_off", vec![], at_most(DAYS_OFF_MAX, list(text_as(day_off)))),
        customers_held: t.get("customers_held", vec![], at_most(CUSTOMERS_HELD_MAX, list(text_as(plain)))),
        families: BTreeMap::new(),
    };
    policy.customers_held.sort_unstable();
    policy.families = families(reader.top());
    let t = reader.table("page");
    let page = Page {
        listen: t.get("listen", Some(PAGE_LISTEN), empty_or(some(text_as(listen)))),
        listen_https: t.get("listen_https", Some(PAGE_LISTEN_HTTPS), empty_or(some(text_as(listen)))),
        names: t.get("names", vec![], list(text_as(host))),
        allow: t.get("allow", vec![], list(text_as(network))),
        setup_code: t.get("setup_code", None, empty_or(some(text_as(setup_code)))),
        api_token: t.get("api_token", None, empty_or(some(text_as(api_token)))),
        intake_token: t.get("intake_token", None, empty_or(some(text_as(api_token)))),
        own_certificate: t.get("own_certificate", None, empty_or(some(&path))),
    };
    if page.api_token.is_some() && page.api_token == page.intake_token {
        t.complain("intake_token", "Draw another one: whoever reads must not send customers in their place.");
    }
    let t = reader.table("interface");
    let interface = Interface {
        address: t.get("address", None, empty_or(some(text_as(interface_address)))),
        gateway: t.get("gateway", None, empty_or(some(text_as(address)))),
        dns: t.get("dns", vec![], at_most(NAME_SERVERS_MAX, list(text_as(name_server)))),
        ntp: t.get("ntp", vec![], at_most(TIME_SERVERS_MAX, list(text_as(host)))),
        proxy: t.get("proxy", None, empty_or(some(text_as(secret_url)))),
    };
    if let Some(gateway) = interface.gateway {
        match interface.address {
            None => t.complain(
                "gateway",
                "A gateway needs an address: write address, or leave both out for DHCP.",
            ),
            Some(net) if !is_gateway(net, gateway) => {
                t.complain(
                    "gateway",
                    &format!(
                        "Write the address of a router inside {}, the network of address, and not the box's own.",
                        net.trunc()
                    ),
                );
            }
            Some(_) => {}
        }
    }
    let trust = Trust { extra_ca: reader.table("trust").get("extra_ca", vec![], list(&path)) };

    let settings = Settings {
        boxx,
        organisation,
        shadowserver,
        networks,
        customers,
        sessions,
        nat,
        resolver,
        mail,
        policy,
        page,
        interface,
        trust,
    };
    (settings, reader.finish())
}

/// Where something is fetched, and with what it is asked for.
fn remote(t: &mut Reader<'_>) -> Option<Remote> {
    let found = t.get("url", None, empty_or(some(text_as(remote_url))));
    let user = t.get("user", String::new(), empty_or(text_as(user)));
    let password = t.get("password", Secret::default(), text_as(password));
    let token = t.get("token", None, empty_or(some(text_as(token))));
    let (url, in_url) = found?;
    if user.is_empty() && !password.0.is_empty() && !t.has("user") {
        t.complain("password", "Write the user, too, or the password alone as token.");
    }
    let login = (!user.is_empty()).then_some((user, password));
    if login.is_some() && in_url.is_some() {
        t.complain("user", "There is a user in the URL, too: take one of them out.");
    }
    let login = login.or(in_url);
    if login.is_some() && token.is_some() {
        t.complain("token", "Write either a token or user and password, not both.");
    }
    Some(Remote { url, login, token })
}

/// How the times of logs are meant, where they do not say it themselves.
fn log_time(t: &mut Reader<'_>, default: &LogTime) -> LogTime {
    let zone = |item: &Item| match item.as_str() {
        Some("") => Ok(default.timezone.clone()),
        _ => text_as(time_zone)(item),
    };
    LogTime {
        offset_seconds: t.get("offset_seconds", default.offset_seconds, number(-86_400..=86_400)),
        uncertainty_seconds: t.get("uncertainty_seconds", default.uncertainty_seconds, number(0..=3600)),
        timezone: t.get("timezone", default.timezone.clone(), zone),
    }
}

fn radius_clients(t: &mut Reader<'_>) -> Vec<RadiusClient> {
    t.records("sessions.radius_clients", RADIUS_CLIENTS_MAX, |t, others: &[RadiusClient]| {
        let address = t.need("address", text_as(network));
        let secret = t.need("secret", text_as(|text| plain(text).map(Secret)));
        let client = RadiusClient { address: address?, secret: secret? };
        if others.iter().any(|other| other.address == client.address) {
            t.complain("address", "This address stands here twice: take one of them out.");
        }
        Some(client)
    })
}

fn session_sources(t: &mut Reader<'_>, times: &LogTime) -> Vec<SessionSource> {
    t.records("sessions.sources", SESSION_SOURCES_MAX, |t, others: &[SessionSource]| {
        let name = t.need("name", text_as(source_name));
        let remote = remote(t);
        let poll_minutes = t.get("poll_minutes", 60, number(5..=1440));
        let source = SessionSource { times: log_time(t, times), name: name?, remote, poll_minutes };
        if others.iter().any(|other| other.name == source.name) {
            t.complain("name", "Another source has this name: write one of its own.");
        }
        Some(source)
    })
}

fn nats(t: &mut Reader<'_>) -> Vec<Nat> {
    t.records("nat", NATS_MAX, |t, others: &[Nat]| {
        let inside = t.need("inside", text_as(v4_network));
        let outside = t.need("outside", list(text_as(v4_network)));
        let ports_first = t.get("ports_first", NAT_PORTS_FIRST, number(1..=65_535));
        let ports_last = t.get("ports_last", 65_535, number(1..=65_535));
        let ports_per_user = t.get("ports_per_user", None, some(number(1..=65_535)));
        let skip = t.get("skip", 0, number(0..=i64::from(u32::MAX)));
        let nat = Nat { inside: inside?, outside: outside?, ports_first, ports_last, ports_per_user, skip };
        let addresses: u64 = nat.outside.iter().map(v4_addresses).sum();
        let users = v4_addresses(&nat.inside).saturating_sub(skip.into());
        let ports = u64::from(ports_last.saturating_sub(ports_first)) + 1;
        let each = u64::from(ports_per_user.unwrap_or(1));
        if nat.outside.is_empty() {
            t.complain("outside", "Write at least one network that the users share.");
        } else if ports_last < ports_first {
            t.complain("ports_last", "Write a port that is not below ports_first.");
        } else if users == 0 {
            t.complain("skip", "Skip fewer: there is no user left in inside.");
        } else if users > addresses * (ports / each) {
            let sentence = format!(
                "These addresses have {addresses} x {ports} ports: too few for {users} users with {each} each."
            );
            t.complain(if ports_per_user.is_some() { "ports_per_user" } else { "outside" }, &sentence);
        }
        let shares = |other: &Nat| {
            other.ports_first <= ports_last
                && ports_first <= other.ports_last
                && other.outside.iter().any(|a| nat.outside.iter().any(|b| a.contains(b) || b.contains(a)))
        };
        if others.iter().any(shares) {
            t.complain("outside", "Another [[nat]] has some of these ports, too: a port is one user's.");
        }
        Some(nat)
    })
}

fn families(t: &mut Reader<'_>) -> BTreeMap<Family, FamilyPolicy> {
    let families = t.records("family", Family::ALL.len(), |t, others: &[(Family, FamilyPolicy)]| {
        let name = t.need("name", text_as(family));
        let own = FamilyPolicy {
            tell: t.get("tell", None, some(choice(TELLS))),
            repeat_days: t.get("repeat_days", None, some(number(1..=365))),
            seen_days_min: t.get("seen_days_min", None, some(number(1..=60))),
            amplification_min: t.get("amplification_min", None, some(amplification)),
            severity_min: t.get("severity_min", None, some(choice(SEVERITIES))),
        };
        if others.iter().any(|(other, _)| Some(*other) == name) {
            t.complain("name", "This family stands here twice: write all that holds for it in one place.");
        }
        Some((name?, own))
    });
    families.into_iter().collect()
}

/// Of a text that is no TOML.
pub(super) fn syntax(text: &str, error: &TomlError) -> Complaint {
    let line = error.span().map(|span| line_of(text, span.start));
    let complaint = format!("This is not valid TOML: {}. Correct this line first.", error.message());
    Complaint { line, field: "syntax".to_owned(), complaint }
}

/// Where a setting like `trust.extra_ca` stands in a text that is valid.
pub fn line_of_setting(text: &str, field: &str) -> Option<u64> {
    let (table, key) = field.split_once('.')?;
    let document = Document::parse(text).ok()?;
    let span = key_span(document.get(table)?.as_table_like()?, key)?;
    Some(line_of(text, span.start))
}

/// Takes the document apart key by key, and remembers what was asked and what is wrong.
struct Reader<'t> {
    text: &'t str,
    root: &'t dyn TableLike,
    /// The table that is being read: its name, and `None` where it is not written.
    name: &'static str,
    table: Option<&'t dyn TableLike>,
    /// Where it stands, if it is one of several: so of what is missing in it can be said where.
    place: Option<Range<usize>>,
    known: Vec<(&'static str, &'static str)>,
    complaints: Vec<Complaint>,
}

/// Places in the text and what is wrong there.
type Faults = Vec<(Option<Range<usize>>, String)>;

impl<'t> Reader<'t> {
    fn new(text: &'t str, root: &'t dyn TableLike) -> Self {
        Self { text, root, name: "", table: None, place: None, known: Vec::new(), complaints: Vec::new() }
    }

    /// Goes to what is not within a table.
    fn top(&mut self) -> &mut Self {
        self.name = "";
        self.table = Some(self.root);
        self
    }

    /// Goes on to the table `name`.
    fn table(&mut self, name: &'static str) -> &mut Self {
        self.name = name;
        self.table = None;
        let item = self.root.get(name);
        self.table = item.and_then(Item::as_table_like);
        if item.is_some() && self.table.is_none() {
            let sentence = format!("Write one table that begins with the line [{name}].");
            self.push(key_span(self.root, name), name.to_owned(), sentence);
        }
        self
    }

    /// The value of `key` as `read` understands it; `default` where it is not written, or wrong.
    fn get<T>(&mut self, key: &'static str, default: T, read: impl Fn(&Item) -> Result<T, Faults>) -> T {
        self.known.push((self.name, key));
        let Some((table, item)) = self.table.and_then(|table| Some((table, table.get(key)?))) else {
            return default;
        };
        read(item).unwrap_or_else(|faults| {
            for (span, sentence) in faults {
                self.push(span.or(key_span(table, key)), format!("{}.{key}", self.name), sentence);
            }
            default
        })
    }

    /// The same of a key without which its table is of no use.
    fn need<T>(&mut self, key: &'static str, read: impl Fn(&Item) -> Result<T, Faults>) -> Option<T> {
        if !self.has(key) {
            self.complain(key, "Write this, too: nothing can be done without it.");
        }
        self.get(key, None, some(read))
    }

    /// Tables `name` of which there may be several, each as `read` understands it, which is given those before.
    fn records<T>(
        &mut self,
        name: &'static str,
        max: usize,
        read: impl Fn(&mut Self, &[T]) -> Option<T>,
    ) -> Vec<T> {
        // At the top, a table is known by its name alone.
        let (table, key) = name.rsplit_once('.').unwrap_or(("", name));
        self.known.push(if table.is_empty() { (name, "") } else { (table, key) });
        let Some((table, item)) = self.table.and_then(|table| Some((table, table.get(key)?))) else {
            return Vec::new();
        };
        let tables: Option<Vec<(&dyn TableLike, _)>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect())
            }
            Item::Value(Value::Array(list)) => list
                .iter()
                .map(|value| Some((value.as_inline_table()? as &dyn TableLike, value.span())))
                .collect(),
            _ => None,
        };
        let sentence = match tables {
            Some(tables) if tables.len() <= max => {
                let mut records = Vec::new();
                for (table, place) in tables {
                    let mut reader =
                        Self { name, table: Some(table), place, ..Self::new(self.text, self.root) };
                    reader.complaints = std::mem::take(&mut self.complaints);
                    records.extend(read(&mut reader, &records));
                    let keys: Vec<_> = reader.known.iter().map(|(_, key)| *key).collect();
                    reader.complain_of_others(name, table, &keys, &reader.known.clone());
                    self.complaints = reader.complaints;
                }
                return records;
            }
            Some(tables) => format!("Write at most {max} of them; these are {}.", tables.len()),
            None => format!("Write each as a table of its own, which begins with the line [[{name}]]."),
        };
        self.push(key_span(table, key), name.to_owned(), sentence);
        Vec::new()
    }

    fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Complains about a key that is right in itself.
    fn complain(&mut self, key: &str, sentence: &str) {
        let span = self.table.and_then(|table| key_span(table, key));
        self.push(span, format!("{}.{key}", self.name), sentence.to_owned());
    }

    fn push(&mut self, span: Option<Range<usize>>, field: String, complaint: String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            let line = span.or(self.place.clone()).map(|span| line_of(self.text, span.start));
            self.complaints.push(Complaint { line, field, complaint });
        }
    }

    /// Complains about every table and key that nobody has asked for; ends in all complaints, by line.
    fn finish(mut self) -> Vec<Complaint> {
        let known = std::mem::take(&mut self.known);
        let mut tables: Vec<_> = known.iter().map(|(table, _)| *table).collect();
        tables.dedup();
        for (name, item) in self.root.iter() {
            if !tables.contains(&name) {
                self.push(
                    key_span(self.root, name),
                    key_shown(name),
                    unknown("table", name, &tables, &known),
                );
                continue;
            }
            // What is no table is complained of already.
            let Some(table) = item.as_table_like() else { continue };
            let keys: Vec<_> = known.iter().filter(|(t, _)| *t == name).map(|(_, key)| *key).collect();
            if keys != [""] {
                self.complain_of_others(name, table, &keys, &known);
            }
        }
        self.complaints.sort_by_key(|complaint| complaint.line);
        self.complaints
    }

    /// Complains about every key of a table but these.
    fn complain_of_others(
        &mut self,
        name: &str,
        table: &dyn TableLike,
        keys: &[&str],
        known: &[(&str, &str)],
    ) {
        for (key, _) in table.iter().filter(|(key, _)| !keys.contains(key)) {
            let sentence = unknown("setting", key, keys, known);
            self.push(key_span(table, key), format!("{name}.{}", key_shown(key)), sentence);
        }
    }
}

fn key_span(table: &dyn TableLike, key: &str) -> Option<Range<usize>> {
    table.get_key_value(key).and_then(|(key, item)| key.span().or(item.span()))
}

/// What to say of a table or key `name` that stands where only `here` may stand.
fn unknown(what: &str, name: &str, here: &[&str], known: &[(&str, &str)]) -> String {
    let tables: Vec<_> = known.iter().filter(|(_, key)| *key == name).map(|(table, _)| *table).collect();
    if !tables.is_empty() {
        return format!("This setting belongs below the line [{}].", tables.join("] or ["));
    }
    match nearest(name, here.iter().copied()) {
        Some(near) => format!("There is no such {what}. Did you mean {near}?"),
        None => format!("There is no such {what}. Known here are {}.", here.join(", ")),
    }
}

// Kinds of values, each a function from what is written to what is meant.

fn text_as<T>(check: impl Fn(&str) -> Result<T, String>) -> impl Fn(&Item) -> Result<T, Faults> {
    move |item| match item.as_str() {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            fault(item, format!("Write at most {TEXT_BYTES_MAX} bytes here."))
        }
        Some(text) => check(text).or_else(|sentence| fault(item, sentence)),
        None => fault(item, format!("Write a text in quotes; this is {}.", kind_of(item))),
    }
}

/// Text "" means "not set", the default.
fn empty_or<T: Default>(read: impl Fn(&Item) -> Result<T, Faults>) -> impl Fn(&Item) -> Result<T, Faults> {
    move |item| if item.as_str() == Some("") { Ok(T::default()) } else { read(item) }
}

fn some<T>(read: impl Fn(&Item) -> Result<T, Faults>) -> impl Fn(&Item) -> Result<Option<T>, Faults> {
    move |item| read(item).map(Some)
}

fn list<T>(each: impl Fn(&Item) -> Result<T, Faults>) -> impl Fn(&Item) -> Result<Vec<T>, Faults> {
    move |item| {
        let Some(array) = item.as_array() else {
            return fault(item, format!("Write a list of texts in brackets; this is {}.", kind_of(item)));
        };
        let mut values = Vec::new();
        let mut faults = Vec::new();
        for value in array {
            match each(&Item::Value(value.clone())) {
                Ok(value) => values.push(value),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }
}

fn at_most<T>(
    max: usize,
    read: impl Fn(&Item) -> Result<Vec<T>, Faults>,
) -> impl Fn(&Item) -> Result<Vec<T>, Faults> {
    move |item| match read(item)? {
        values if values.len() > max => {
            fault(item, format!("Write at most {max} of them; these are {}.", values.len()))
        }
        values => Ok(values),
    }
}

fn number<T: TryFrom<i64>>(range: RangeInclusive<i64>) -> impl Fn(&Item) -> Result<T, Faults> {
    move |item| {
        let found = match item.as_integer() {
            Some(number) => match T::try_from(number) {
                Ok(value) if range.contains(&number) => return Ok(value),
                _ => number.to_string(),
            },
            None => kind_of(item).to_owned(),
        };
        fault(
            item,
            format!("Write a whole number from {} to {}; this is {found}.", range.start(), range.end()),
        )
    }
}

fn share(item: &Item) -> Result<f64, Faults> {
    match item.as_float().or(item.as_integer().map(|whole| whole as f64)) {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Some(other) => fault(item, format!("Write a number from 0 to 1, like 0.2; this is {other}.")),
        None => fault(item, format!("Write a number from 0 to 1, like 0.2; this is {}.", kind_of(item))),
    }
}

fn amplification(item: &Item) -> Result<f64, Faults> {
    match item.as_float().or(item.as_integer().map(|whole| whole as f64)) {
        Some(times) if (0.0..=1e6).contains(&times) => Ok(times),
        _ => fault(item, format!("Write a number from 0 to 1000000, like 5.0; this is {}.", kind_of(item))),
    }
}

fn flag(item: &Item) -> Result<bool, Faults> {
    item.as_bool().map_or_else(
        || fault(item, format!("Write true or false without quotes; this is {}.", kind_of(item))),
        Ok,
    )
}

fn choice<T: Copy>(choices: &'static [(&'static str, T)]) -> impl Fn(&Item) -> Result<T, Faults> {
    text_as(|text| match choices.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            Err(format!("Write one of {}; this is {}.", words.join(", "), shown(text)))
        }
    })
}

fn fault<T>(item: &Item, sentence: String) -> Result<T, Faults> {
    Err(vec![(item.span(), sentence)])
}

fn kind_of(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "true or false",
        "array" => "a list",
        "datetime" => "a date",
        _ => "a table",
    }
}

// Kinds of texts. What may be secret is never quoted in the sentence.

/// A name for people: no control characters, not blank.
fn plain(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("Write a text on one line that is not blank.".to_owned());
    }
    Ok(text.to_owned())
}

/// Whole hours like `21-7`; 24 is midnight, too.
fn hours(text: &str) -> Result<Hours, String> {
    let hour = |text: &str| text.trim().parse::<i8>().ok().filter(|hour| (0..=24).contains(hour));
    let hours = text.split_once('-').and_then(|(from, to)| Some((hour(from)?, hour(to)?)));
    match hours.map(|(from, to)| Hours { from: from % 24, to: to % 24 }) {
        Some(hours) if hours.from != hours.to => Ok(hours),
        _ => Err(format!(
            "Write two whole hours like 21-7, from 0 to 24 and not the same; this is {}.",
            shown(text)
        )),
    }
}

/// A date, or the month and day of each year.
fn day_off(text: &str) -> Result<DayOff, String> {
    // A leap year has all of them.
    let yearly = format!("2024-{text}");
    let day = |text: &str| text.parse::<Day>().ok().filter(|day| day.to_string() == text);
    let month_and_day = || {
        day(&yearly)?;
        let (month, day) = text.split_once('-')?;
        Some(DayOff::Yearly(month.parse().ok()?, day.parse().ok()?))
    };
    day(text).map(DayOff::Once).or_else(month_and_day).ok_or_else(|| {
        format!("Write a day like 2026-12-24, or 12-25 for that of each year; this is {}.", shown(text))
    })
}

fn family(text: &str) -> Result<Family, String> {
    Family::read(text).ok_or_else(|| {
        let words = Family::ALL.iter().map(|family| family.word());
        let hint = nearest(text, words).unwrap_or("open_resolver");
        format!("There is no family {}. Did you mean \"{hint}\"?", shown(text))
    })
}

fn token(text: &str) -> Result<Secret, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret(text.to_owned()));
    }
    Err("Write it without blanks, line ends or letters beyond ASCII; copy it again.".to_owned())
}

/// One label of a host name (RFC 1123, 2.1).
fn label(text: &str) -> Result<String, String> {
    let inner = !text.starts_with('-') && !text.ends_with('-');
    if inner && matches!(text.len(), 1..=63) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(text.to_owned());
    }
    Err(format!("Write 1 to 63 letters, digits and inner hyphens; this is {}.", shown(text)))
}

/// Labels with dots between them (RFC 6376 3.1).
fn selector(text: &str) -> Result<String, String> {
    if text.len() <= SELECTOR_BYTES_MAX && text.split('.').all(|part| label(part).is_ok()) {
        return Ok(text.to_owned());
    }
    Err(format!("Write letters, digits and inner hyphens, dots between them; this is {}.", shown(text)))
}

/// A host name or an address.
fn host(text: &str) -> Result<String, String> {
    if IpAddr::from_str(text).is_ok() || is_host_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!("Write a host name like host.example.net or an address; this is {}.", shown(text)))
}

/// A name whose last label is a number is none: some would read it as an IPv4 address.
fn is_host_name(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.split('.').all(|part| label(part).is_ok())
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// A BCP 47 tag in its short forms: `en`, `de`, `pt-BR`.
fn language(text: &str) -> Result<String, String> {
    let (language, region) = text.split_once('-').map_or((text, None), |(l, r)| (l, Some(r)));
    let letters = |part: &str, case: fn(&u8) -> bool| part.as_bytes().iter().all(case);
    if matches!(language.len(), 2..=3)
        && letters(language, u8::is_ascii_lowercase)
        && region.is_none_or(|region| region.len() == 2 && letters(region, u8::is_ascii_uppercase))
    {
        return Ok(text.to_owned());
    }
    Err(format!("Write the short form of a language, like \"en\" or \"de\"; this is {}.", shown(text)))
}

/// From the built-in zones: the same on every machine, and without reading files.
fn time_zone(text: &str) -> Result<TimeZone, String> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(text).map_err(|_| {
        let names: Vec<_> = zones.available().map(|name| name.to_string()).collect();
        let hint = nearest(text, names.iter().map(String::as_str)).unwrap_or("Europe/Vienna");
        format!("There is no time zone {}. Did you mean \"{hint}\"?", shown(text))
    })
}

/// The plain form of an address (RFC 5321 dot-string @ host name): what every mail server takes.
fn mail_address(text: &str) -> Result<String, String> {
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_local = |local: &str| {
        local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom))
    };
    match text.rsplit_once('@') {
        Some((local, domain))
            if text.len() <= 254 && is_local(local) && domain.contains('.') && is_host_name(domain) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("Write one mail address like abuse@example.net; this is {}.", shown(text))),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    let address = IpAddr::from_str(text);
    address.map_err(|_| format!("Write an address like 192.0.2.1 or 2001:db8::1; this is {}.", shown(text)))
}

/// The box asks no name server on itself: there is none.
fn name_server(text: &str) -> Result<IpAddr, String> {
    let address = address(text)?;
    if !is_host(address) {
        return Err(format!("Write the address of a name server; this is {}.", shown(text)));
    }
    Ok(address)
}

/// What nobody guesses at twenty tries a minute.
fn setup_code(text: &str) -> Result<Secret, String> {
    let count = text.chars().filter(char::is_ascii_alphanumeric).count();
    if count < SETUP_CODE_MIN {
        return Err(format!("Write at least {SETUP_CODE_MIN} letters and digits; this has {count}."));
    }
    token(text)
}

/// What nobody guesses, however often; the characters are those that the header has room for (RFC 6750, 2.1).
fn api_token(text: &str) -> Result<Secret, String> {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if text.len() < API_TOKEN_MIN || !text.bytes().all(is_one) {
        return Err(format!(
            "Write at least {API_TOKEN_MIN} letters, digits and -._~+/=, drawn by chance, as by: openssl rand -hex 32"
        ));
    }
    Ok(Secret(text.to_owned()))
}

/// An address and port to answer at.
fn listen(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_str(text).map_err(|_| {
        format!(
            "Write an address and a port like 127.0.0.1:8080 or [::]:80, or \"\" for no page; this is {}.",
            shown(text)
        )
    })
}

fn radius_listen(text: &str) -> Result<SocketAddr, String> {
    let address = SocketAddr::from_str(text);
    address.map_err(|_| format!("Write an address and a port like [::]:1813; this is {}.", shown(text)))
}

/// As it stands in a URL and on a command line.
fn source_name(text: &str) -> Result<String, String> {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if matches!(text.len(), 1..=SOURCE_NAME_MAX) && text.bytes().all(is_one) {
        return Ok(text.to_owned());
    }
    Err(format!("Write 1 to {SOURCE_NAME_MAX} letters, digits and -._; this is {}.", shown(text)))
}

/// A network, or one address for itself. Host bits are refused: they hide a slip in the length.
fn network(text: &str) -> Result<IpNet, String> {
    let net = cidr(text)?;
    if net.addr() != net.network() {
        let (whole, one) = (net.trunc(), IpNet::from(net.addr()));
        return Err(format!(
            "Write {whole} for the network or {one} for the one address; this is {}.",
            shown(text)
        ));
    }
    Ok(net)
}

/// What carrier-grade NAT translates.
fn v4_network(text: &str) -> Result<Ipv4Net, String> {
    match network(text)? {
        IpNet::V4(net) => Ok(net),
        IpNet::V6(_) => Err(format!("Write a network of IPv4; this is {}.", shown(text))),
    }
}

fn v4_addresses(net: &Ipv4Net) -> u64 {
    1 << (32 - net.prefix_len())
}

fn cidr(text: &str) -> Result<IpNet, String> {
    let net = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
    match net {
        Ok(net) => match net.addr() {
            // Rows carry such addresses in their IPv4 form, so that this would never match.
            IpAddr::V6(v6)
                if let Some(v4) = v6.to_ipv4_mapped()
                    && net.prefix_len() >= 96 =>
            {
                Err(format!("Write the IPv4 form, {v4}/{}.", net.prefix_len() - 96))
            }
            _ => Ok(net),
        },
        Err(_) => {
            Err(format!("Write a network like 192.0.2.0/24 or 2001:db8::/32; this is {}.", shown(text)))
        }
    }
}

/// The box's own address with the length of its network.
fn interface_address(text: &str) -> Result<IpNet, String> {
    if !text.contains('/') {
        return Err(format!(
            "Write the address with its prefix length, like 192.0.2.5/24; this is {}.",
            shown(text)
        ));
    }
    let net = cidr(text)?;
    if !is_interface(net) {
        return Err(format!(
            "Write an address that a machine can have, like 192.0.2.5/24; this is {}.",
            shown(text)
        ));
    }
    Ok(net)
}

fn public_url(text: &str) -> Result<String, String> {
    match http_url(text)?.login {
        None => Ok(text.to_owned()),
        Some(_) => Err("Write the URL without user and password.".to_owned()),
    }
}

/// A URL to which names are appended: ends with a slash, whether written or not.
fn base_url(text: &str) -> Result<String, String> {
    if text.contains(['?', '#']) {
        return Err("Write the URL without ? and #: names are appended to it.".to_owned());
    }
    public_url(text).map(|url| if url.ends_with('/') { url } else { url + "/" })
}

fn secret_url(text: &str) -> Result<Secret, String> {
    http_url(text).map(|_| Secret(text.to_owned()))
}

/// A URL without its user and password, and these.
fn remote_url(text: &str) -> Result<(Secret, Option<(String, Secret)>), String> {
    let login = http_url(text)?.login;
    if let Some((name, _)) = &login {
        user(name)?;
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let place = match (&login, rest.split_once('@')) {
        (Some(_), Some((_, place))) => place,
        _ => rest,
    };
    Ok((Secret(format!("{scheme}://{place}")), login))
}

/// What a header has room for (RFC 7617, 2).
fn user(text: &str) -> Result<String, String> {
    match plain(text)?.contains(':') {
        true => Err("Write the user without a colon: the password has a setting of its own.".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn password(text: &str) -> Result<Secret, String> {
    match text.chars().any(char::is_control) {
        true => Err("Write it on one line and without control characters; copy it again.".to_owned()),
        false => Ok(Secret(text.to_owned())),
    }
}

fn http_url(text: &str) -> Result<Authority, String> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            authority(&rest[..end])
        }
        _ => Err("Write a URL that begins with https:// or http:// and has no blanks.".to_owned()),
    }
}

fn mail_server(text: &str) -> Result<MailServer, String> {
    let found = MAIL_SCHEMES.iter().find_map(|(scheme, security, port)| {
        Some((text.strip_prefix(scheme)?.strip_prefix("://")?, *security, *port))
    });
    let Some((rest, security, port)) = found else {
        return Err(format!("Begin with smtp+starttls://, smtps:// or smtp://, as in {MAIL_EXAMPLE}."));
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err(format!("End after host and port. {PERCENT}"));
    }
    let Authority { login, host, port: written } = authority(rest)?;
    Ok(MailServer { security, host, port: written.unwrap_or(port), login })
}

/// The middle of a URL: `user:password@host:port`.
struct Authority {
    login: Option<(String, Secret)>,
    /// An IPv6 address without its brackets.
    host: String,
    port: Option<u16>,
}

fn authority(text: &str) -> Result<Authority, String> {
    let (login, place) = match text.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, text),
    };
    let (name, port) = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("Close the bracket after the IPv6 address.")?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let is_host = if place.starts_with('[') { Ipv6Addr::from_str(name).is_ok() } else { host(name).is_ok() };
    if !is_host {
        // Not quoted: with a stray @ or : it may be the end of a password.
        return Err(format!("Write a host name or an address (IPv6 in brackets) as the host. {PERCENT}"));
    }
    let port = match port {
        "" => None,
        written => match written.strip_prefix(':').and_then(|port| port.parse().ok()) {
            Some(port @ 1..) => Some(port),
            _ => return Err(format!("Write a port from 1 to 65535 after the host. {PERCENT}")),
        },
    };
    let login = match login.map(|login| login.split_once(':')) {
        None => None,
        Some(Some((user, password))) if !user.is_empty() && !password.is_empty() => {
            Some((percent_decoded(user)?, Secret(percent_decoded(password)?)))
        }
        Some(_) => return Err("Write user and password with a colon between them, or neither.".to_owned()),
    };
    Ok(Authority { login, host: name.to_owned(), port })
}

fn percent_decoded(text: &str) -> Result<String, String> {
    if text.contains([':', '@']) {
        return Err(PERCENT.to_owned());
    }
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or(PERCENT)?;
        bytes.push(byte);
        bytes.extend(&part.as_bytes()[2..]);
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text),
        _ => Err("Write user and password as percent-encoded UTF-8 without control characters.".to_owned()),
    }
}

/// The candidate that was probably meant by `word`.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > NEAR_BYTES_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let rate = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let part = word.len() >= 4 && (candidate.contains(&word) || word.contains(&candidate));
        if part { 1 } else { distance(word.as_bytes(), candidate.as_bytes()) }
    };
    let (rating, candidate) = candidates.map(|c| (rate(c), c)).min_by_key(|(rating, _)| *rating)?;
    (rating <= 1 + word.len() / 4).then_some(candidate)
}

/// Edits (one byte put in, taken out or changed) from `a` to `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Foreign text as a complaint may repeat it.
fn shown(text: &str) -> String {
    format!("\"{}\"", short(text))
}

/// A key that may be anything, in TOML even nothing.
fn key_shown(key: &str) -> String {
    if key.is_empty() { shown(key) } else { short(key) }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        short.push_str("...");
    }
    short
}

/// Lines count from 1.
fn line_of(text: &str, offset: usize) -> u64 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + memchr::memchr_iter(b'\n', before).count() as u64
}

const MODES: &[(&str, Mode); 3] = &[("hold", Mode::Hold), ("practice", Mode::Practice), ("live", Mode::Live)];

const SEVERITIES: &[(&str, Severity); 5] = &[
    (Severity::Info.word(), Severity::Info),
    (Severity::Low.word(), Severity::Low),
    (Severity::Medium.word(), Severity::Medium),
    (Severity::High.word(), Severity::High),
    (Severity::Critical.word(), Severity::Critical),
];

const TELLS: &[(&str, Tell); 3] = &[
    (Tell::Customer.word(), Tell::Customer),
    (Tell::Operator.word(), Tell::Operator),
    (Tell::Nobody.word(), Tell::Nobody),
];

const RANGES: &[(&str, Ranges); 3] =
    &[("cgn", Ranges::Cgn), ("dynamic", Ranges::Dynamic), ("both", Ranges::Both)];

const WEEKDAYS: &[(&str, Option<Weekday>); 8] = &[
    ("monday", Some(Weekday::Monday)),
    ("tuesday", Some(Weekday::Tuesday)),
    ("wednesday", Some(Weekday::Wednesday)),
    ("thursday", Some(Weekday::Thursday)),
    ("friday", Some(Weekday::Friday)),
    ("saturday", Some(Weekday::Saturday)),
    ("sunday", Some(Weekday::Sunday)),
    ("never", None),
];

/// The words of a choice alone.
const fn words<T, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = choices[index].0;
        index += 1;
    }
    words
}

pub(super) const MODE_WORDS: &[&str] = &words(MODES);
pub(super) const SEVERITY_WORDS: &[&str] = &words(SEVERITIES);
pub(super) const RANGES_WORDS: &[&str] = &words(RANGES);
pub(super) const WEEKDAY_WORDS: &[&str] = &words(WEEKDAYS);

/// Scheme and usual port of a security.
pub(super) fn scheme(security: MailSecurity) -> (&'static str, u16) {
    let of = |(_, known, _): &&(&str, MailSecurity, u16)| *known == security;
    MAIL_SCHEMES.iter().find(of).map_or(("smtps", 465), |(scheme, _, port)| (scheme, *port))
}

/// Scheme, security, and the port where none is written (RFC 5321, 6409, 8314).
const MAIL_SCHEMES: &[(&str, MailSecurity, u16)] = &[
    ("smtp", MailSecurity::Plain, 25),
    ("smtp+starttls", MailSecurity::StartTls, 587),
    ("smtps", MailSecurity::Tls, 465),
];

const MAIL_EXAMPLE: &str = "smtp+starttls://user:password@mail.example.net:587";

const PERCENT: &str =
    "In user and password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F and # as %23.";

pub(super) const API_URL: &str = "https://transform.shadowserver.org/api2/";
pub(super) const DOWNLOAD_URL: &str = "https://dl.shadowserver.org/";
pub(super) const SCHEMA_URL: &str = "https://interchange.shadowserver.org/intelmq/v1/schema";
const PAGE_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// 41 bits, where they are chosen by chance.
const SETUP_CODE_MIN: usize = 8;
/// 96 bits even of hexadecimal digits, so that guessing need not be counted.
const API_TOKEN_MIN: usize = 24;
const PAGE_LISTEN_HTTPS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// RFC 2866, 3.
const RADIUS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 1813);
pub(super) const CUSTOMERS_FILE: &str = "customers.csv";
pub(super) const DKIM_SELECTOR: &str = "abusebox";
/// Leaves room for the domain in a name of at most 253 characters.
const SELECTOR_BYTES_MAX: usize = 63;

/// More are not shown: whoever has corrected so many runs the check again.
const COMPLAINTS_MAX: usize = 1000;
/// Four find out one that is wrong (RFC 8633, 3.2).
const TIME_SERVERS_MAX: usize = 4;
/// Access servers of an ISP; a whole network of them is one line.
const RADIUS_CLIENTS_MAX: usize = 256;
/// Each is asked by itself.
const SESSION_SOURCES_MAX: usize = 32;
/// One for each pool of a gateway.
const NATS_MAX: usize = 256;
const SOURCE_NAME_MAX: usize = 64;
/// Those of many years; with all Saturdays and Sundays some days of a year are left.
const DAYS_OFF_MAX: usize = 200;
/// Whoever holds more holds all.
const CUSTOMERS_HELD_MAX: usize = 10_000;
/// Longest single text: a long path or URL fits.
const TEXT_BYTES_MAX: usize = 4096;
/// Characters of a wrong text that a complaint repeats.
const SHOWN_MAX: usize = 60;
/// Longer words than the longest key are no slip of the keyboard.
const NEAR_BYTES_MAX: usize = 40;

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::config) const FULL: &str = r##"
[box]
name = "rack-3"
timezone = "Europe/Vienna"   # when digests go out
language = "de"
mode = "practice"
[organisation]
name = "Beispielnetz GmbH"
phrase = "blue heron"
abuse_address = "abuse@example.net"
operator_address = "noc+abuse@example.net"
[shadowserver]
key = "0e1b"
secret = "s3cr3t-of-the-key"
api_url = "http://127.0.0.1:8080/api2"
download_url = "https://dl.shadowserver.org/"
schema_url = "https://interchange.shadowserver.org/intelmq/v1/schema"
reports = ["example-list"]
poll_minutes = 5
[networks]
cidrs = ["192.0.2.0/24", "2001:db8::/32"]
silenced = ["192.0.2.53/32", "192.0.2.54"]
dynamic = ["192.0.2.128/26"]
cgn = ["192.0.2.192/27"]
[customers]
file = "customers.csv"
poll_hours = 12
[sessions]
keep_days = 7
offset_seconds = -3600
uncertainty_seconds = 2
timezone = "Europe/Berlin"
radius_listen = "192.0.2.5:1813"
radius_clients = [
    { address = "192.0.2.9", secret = "r4dius of nas 9" },
    { address = "2001:db8:9::/48", secret = "r4dius of the rest" },
]
[[sessions.sources]]
name = "kea-1"
url = "https://192.0.2.7/leases.csv"
user = "lease"
password = "l3ase"
poll_minutes = 15
offset_seconds = 0
[[sessions.sources]]
name = "bng"
url = "https://192.0.2.8/radacct.csv.gz"
token = "b3arer-of-bng"
uncertainty_seconds = 5
timezone = ""
[[nat]]
inside = "100.64.0.0/22"
outside = ["192.0.2.192/28", "192.0.2.208/28"]
ports_first = 2048
ports_last = 65000
ports_per_user = 1900
skip = 1
[resolver]
url = "https://crm.example.net/whose?key=r3solver"
user = "abusebox"
password = "r3solver: of the crm"
timeout_seconds = 10
per_minute_max = 60
cache_hours = 0
ranges = "cgn"
[mail]
url = "smtp+starttls://box%40example.net:p%C3%A4ss%2Fw%25rd@mail.example.net:2525"
per_minute_max = 12
per_domain_per_minute_max = 3
dkim_key = "dkim.pem"
dkim_selector = "2026.box-1"
[policy]
mail_severity_min = "high"
repeat_days_compromised = 3
repeat_days_exposed = 60
close_after_days = 8
mail_age_days_max = 4
mails_per_day_max = 1
digest_hour = 0
hold_first = true
hold_share_max = 1
hold_count_min = 0
tell_unknown_types = true
tell_gone = false
weekly_report = "sunday"
quiet_hours = "21-7"
business_days_only = true
days_off = ["2026-12-24", "12-25", "02-29"]
customers_held = ["C-100", "4711"]
[[family]]
name = "open_resolver"
tell = "operator"
repeat_days = 14
seen_days_min = 2
amplification_min = 5
severity_min = "low"
[[family]]
name = "telnet"
tell = "nobody"
[page]
listen = "[::1]:0"
listen_https = ""
names = ["abuse.example.net"]
allow = ["198.51.100.0/24"]
setup_code = "c0de-for-rack-3"
api_token = "t0ken-of-the-monitor-and-crm"
intake_token = "t0ken-with-which-the-crm-sends"
own_certificate = "/etc/own.pem"
[interface]
address = "192.0.2.5/24"
gateway = "192.0.2.1"
dns = ["192.0.2.53", "2001:db8::53"]
ntp = ["ntp.example.net"]
proxy = "http://user:pr0xy-pass@192.0.2.9:3128"
[trust]
extra_ca = ["ca.pem"]
"##;

    fn parsed(text: &str) -> Settings {
        parse(text, Path::new("/data")).unwrap_or_else(|complaints| panic!("{complaints:#?}\nin {text}"))
    }

    /// Complaints as `line field: sentence`, where the line is `-` if there is none.
    #[track_caller]
    fn complaints(text: &str) -> Vec<String> {
        let complaints = parse(text, Path::new("/data")).expect_err("complaints");
        let line = |line: Option<u64>| line.map_or("-".to_owned(), |line| line.to_string());
        complaints.iter().map(|c| format!("{} {}: {}", line(c.line), c.field, c.complaint)).collect()
    }

    /// Exactly one complaint, about line 2, which contains `part`.
    #[track_caller]
    fn check_complaint(table: &str, line: &str, part: &str) {
        let found = complaints(&format!("[{table}]\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("2 "), "{line}: {found:#?}");
        assert!(found[0].contains(part), "{line}: {found:#?} lacks {part}");
    }

    #[test]
    fn the_page_answers_this_machine_only_unless_told_otherwise() {
        assert_eq!(parsed("").page.listen, Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(parsed("").page.listen_https, Some("127.0.0.1:8443".parse().unwrap()));
        assert_eq!(parsed("[page]\nlisten = \"\"\n").page.listen, None);
        assert_eq!(
            parsed("[page]\nlisten = \"127.9.9.9:1\"\n").page.listen,
            Some("127.9.9.9:1".parse().unwrap())
        );
        assert_eq!(parsed("[page]\nlisten = \"[::]:80\"\n").page.listen, Some("[::]:80".parse().unwrap()));
        for wrong in ["127.0.0.1", "localhost:8080", "8080", "127.0.0.1:65536", "::1:8080"] {
            check_complaint("page", &format!("listen = \"{wrong}\""), "an address and a port");
        }
        check_complaint("page", "listen = 8080", "a text in quotes");
    }

    #[test]
    fn hours_and_days_of_rest_are_read_or_complained_of() {
        let quiet = |text: &str| parsed(&format!("[policy]\nquiet_hours = \"{text}\"\n")).policy.quiet_hours;
        assert_eq!(quiet(""), None);
        for (text, from, to) in [("21-7", 21, 7), (" 0 - 24", 0, 0), ("22-24", 22, 0), ("24-06", 0, 6)] {
            let hours = Hours { from, to };
            match from == to {
                true => check_complaint("policy", &format!("quiet_hours = \"{text}\""), "not the same"),
                false => assert_eq!(quiet(text), Some(hours), "{text}"),
            }
        }
        for wrong in ["21", "21-25", "7-7", "21:00-7:00", "-7", "21-7-9"] {
            check_complaint("policy", &format!("quiet_hours = \"{wrong}\""), "two whole hours");
        }
        for wrong in ["12-32", "02-30", "1-1", "2026-2-3", "2025-02-29", "Monday", "20261224", "+2026-12"] {
            check_complaint("policy", &format!("days_off = [\"{wrong}\"]"), "Write a day");
        }
        let many = format!("days_off = [{}]", "\"12-24\",".repeat(DAYS_OFF_MAX + 1));
        check_complaint("policy", &many, "at most 200");
        check_complaint("policy", "customers_held = [\" \"]", "not blank");
        let night = Hours { from: 21, to: 7 };
        assert!(
            [21, 23, 0, 6].iter().all(|&hour| night.contains(hour))
                && !night.contains(7)
                && !night.contains(20)
        );
    }

    #[test]
    fn a_family_is_known_stands_once_and_has_numbers_that_can_be() {
        for (lines, wanted) in [
            ("tell = \"nobody\"", "1 family.name: Write this, too"),
            (
                "name = \"open_resolvers\"",
                "2 family.name: There is no family \"open_resolvers\". Did you mean \"open_resolver\"?",
            ),
            (
                "name = \"ssh\"\ntell = \"all\"",
                "3 family.tell: Write one of \"customer\", \"operator\", \"nobody\"",
            ),
            ("name = \"ssh\"\nrepeat_days = 0", "3 family.repeat_days: Write a whole number from 1 to 365"),
            (
                "name = \"ssh\"\nseen_days_min = 61",
                "3 family.seen_days_min: Write a whole number from 1 to 60",
            ),
            ("name = \"ssh\"\namplification_min = -1", "3 family.amplification_min: Write a number from 0"),
            ("name = \"ssh\"\namplification_min = nan", "3 family.amplification_min: Write a number from 0"),
            (
                "name = \"ssh\"\nrepeat = 3",
                "3 family.repeat: There is no such setting. Did you mean repeat_days?",
            ),
            ("name = \"ssh\"\n[[family]]\nname = \"ssh\"", "4 family.name: This family stands here twice"),
        ] {
            let found = complaints(&format!("[[family]]\n{lines}\n"));
            assert!(found.len() == 1 && found[0].starts_with(wanted), "{lines}: {found:#?}");
        }
        let found = complaints("[family]\nname = \"ssh\"\n");
        assert!(found.len() == 1 && found[0].contains("[[family]]"), "{found:?}");
    }

    #[test]
    fn the_full_file_is_read() {
        let Settings {
            boxx,
            organisation,
            shadowserver,
            networks,
            customers,
            sessions,
            nat,
            resolver,
            mail,
            policy,
            page,
            interface,
            trust,
        } = parsed(FULL);
        assert_eq!(boxx.name, "rack-3");
        assert_eq!(boxx.timezone.iana_name(), Some("Europe/Vienna"));
        assert_eq!((boxx.language.as_str(), boxx.mode), ("de", Mode::Practice));
        assert_eq!(organisation.name, "Beispielnetz GmbH");
        assert_eq!(organisation.phrase, "blue heron");
        assert_eq!(organisation.abuse_address, "abuse@example.net");
        assert_eq!(organisation.operator_address, "noc+abuse@example.net");
        assert_eq!((&*shadowserver.key.0, &*shadowserver.secret.0), ("0e1b", "s3cr3t-of-the-key"));
        assert_eq!(shadowserver.api_url, "http://127.0.0.1:8080/api2/");
        assert_eq!(shadowserver.reports, ["example-list"]);
        assert_eq!(shadowserver.poll_minutes, 5);
        assert_eq!(networks.cidrs, ["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        assert_eq!(networks.silenced, ["192.0.2.53/32".parse().unwrap(), "192.0.2.54/32".parse().unwrap()]);
        assert_eq!(networks.dynamic, ["192.0.2.128/26".parse().unwrap()]);
        assert_eq!(networks.cgn, ["192.0.2.192/27".parse().unwrap()]);
        assert_eq!(customers.file.as_deref(), Some(Path::new("/data/customers.csv")));
        assert_eq!((customers.remote, customers.poll_hours), (None, 12));
        let zone = |times: &LogTime| times.timezone.iana_name().map(str::to_owned);
        let times = |times: &LogTime| (times.offset_seconds, times.uncertainty_seconds, zone(times).unwrap());
        assert_eq!((sessions.keep_days, sessions.radius_listen), (7, "192.0.2.5:1813".parse().unwrap()));
        assert_eq!(times(&sessions.times), (-3600, 2, "Europe/Berlin".to_owned()));
        let clients: Vec<_> =
            sessions.radius_clients.iter().map(|c| (c.address.to_string(), c.secret.0.as_str())).collect();
        assert_eq!(
            clients,
            [
                ("192.0.2.9/32".to_owned(), "r4dius of nas 9"),
                ("2001:db8:9::/48".to_owned(), "r4dius of the rest")
            ]
        );
        let [kea, bng] = &*sessions.sources else { panic!("{:?}", sessions.sources) };
        assert_eq!((kea.name.as_str(), kea.poll_minutes, bng.poll_minutes), ("kea-1", 15, 60));
        assert_eq!(times(&kea.times), (0, 2, "Europe/Berlin".to_owned()));
        assert_eq!(times(&bng.times), (-3600, 5, "Europe/Berlin".to_owned()));
        assert_eq!(
            kea.remote.as_ref().unwrap().login,
            Some(("lease".to_owned(), Secret("l3ase".to_owned())))
        );
        assert_eq!(bng.remote.as_ref().unwrap().token, Some(Secret("b3arer-of-bng".to_owned())));
        let [nat] = &*nat else { panic!("{nat:?}") };
        assert_eq!((nat.inside.to_string().as_str(), nat.outside.len()), ("100.64.0.0/22", 2));
        assert_eq!(
            (nat.ports_first, nat.ports_last, nat.ports_per_user, nat.skip),
            (2048, 65_000, Some(1900), 1)
        );
        let Remote { url, login, .. } = resolver.remote.unwrap();
        assert_eq!(url.0, "https://crm.example.net/whose?key=r3solver");
        assert_eq!(login, Some(("abusebox".to_owned(), Secret("r3solver: of the crm".to_owned()))));
        assert_eq!((resolver.timeout_seconds, resolver.per_minute_max), (10, 60));
        assert_eq!((resolver.cache_hours, resolver.ranges), (0, Ranges::Cgn));
        let server = mail.server.unwrap();
        assert_eq!(
            (server.security, &*server.host, server.port),
            (MailSecurity::StartTls, "mail.example.net", 2525)
        );
        assert_eq!(server.login, Some(("box@example.net".to_owned(), Secret("p\u{e4}ss/w%rd".to_owned()))));
        assert_eq!((mail.per_minute_max, mail.per_domain_per_minute_max), (12, 3));
        assert_eq!(mail.dkim_key.as_deref(), Some(Path::new("/data/dkim.pem")));
        assert_eq!(mail.dkim_selector, "2026.box-1");
        assert_eq!(policy.mail_severity_min, Severity::High);
        assert_eq!((policy.repeat_days_compromised, policy.repeat_days_exposed), (3, 60));
        assert_eq!((policy.close_after_days, policy.mail_age_days_max, policy.mails_per_day_max), (8, 4, 1));
        assert_eq!((policy.digest_hour, policy.hold_first), (0, true));
        assert_eq!((policy.hold_share_max, policy.hold_count_min, policy.tell_unknown_types), (1.0, 0, true));
        assert_eq!((policy.tell_gone, policy.weekly_report), (false, Some(Weekday::Sunday)));
        assert!(policy.business_days_only);
        assert_eq!(policy.quiet_hours.map(|hours| hours.to_string()).as_deref(), Some("21-7"));
        let days: Vec<_> = policy.days_off.iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-12-24", "12-25", "02-29"]);
        assert_eq!(policy.customers_held, ["4711", "C-100"], "in order, to be found");
        assert!(policy.holds_customer("C-100") && !policy.holds_customer("c-100"));
        let own = FamilyPolicy {
            tell: Some(Tell::Operator),
            repeat_days: Some(14),
            seen_days_min: Some(2),
            amplification_min: Some(5.0),
            severity_min: Some(Severity::Low),
        };
        let telnet = FamilyPolicy { tell: Some(Tell::Nobody), ..FamilyPolicy::default() };
        assert_eq!(policy.families, [(Family::OpenResolver, own), (Family::Telnet, telnet)].into());
        assert_eq!(policy.family(Family::Ssh), FamilyPolicy::default());
        assert_eq!((page.listen, page.listen_https), (Some("[::1]:0".parse().unwrap()), None));
        assert_eq!(page.names, ["abuse.example.net"]);
        assert_eq!(page.allow, ["198.51.100.0/24".parse().unwrap()]);
        assert_eq!(page.setup_code, Some(Secret("c0de-for-rack-3".to_owned())));
        assert_eq!(page.api_token, Some(Secret("t0ken-of-the-monitor-and-crm".to_owned())));
        assert_eq!(page.intake_token, Some(Secret("t0ken-with-which-the-crm-sends".to_owned())));
        assert_eq!(page.own_certificate.as_deref(), Some(Path::new("/etc/own.pem")));
        assert_eq!(interface.address, Some("192.0.2.5/24".parse().unwrap()));
        assert_eq!(interface.gateway, Some("192.0.2.1".parse().unwrap()));
        assert_eq!((interface.dns.len(), interface.ntp.len(), interface.proxy.is_some()), (2, 1, true));
        assert_eq!(trust.extra_ca, [Path::new("/data/ca.pem")]);
    }

    #[test]
    fn an_empty_file_is_the_defaults_and_says_what_is_missing() {
        let settings = parsed("");
        assert_eq!(settings.boxx.name, "abusebox");
        assert_eq!(settings.boxx.timezone, TimeZone::UTC);
        assert_eq!((&*settings.boxx.language, settings.boxx.mode), ("en", Mode::Hold));
        let Shadowserver { api_url, download_url, schema_url, poll_minutes, .. } = &settings.shadowserver;
        assert_eq!((&**api_url, &**download_url, &**schema_url), (API_URL, DOWNLOAD_URL, SCHEMA_URL));
        assert_eq!(*poll_minutes, 60);
        assert_eq!(settings.customers.file.as_deref(), Some(Path::new("/data/customers.csv")));
        assert_eq!((settings.customers.poll_hours, settings.sessions.keep_days), (24, 14));
        let unset = LogTime { offset_seconds: 0, uncertainty_seconds: 0, timezone: TimeZone::UTC };
        assert_eq!((&settings.sessions.times, settings.sessions.radius_listen), (&unset, RADIUS_LISTEN));
        assert!(settings.sessions.radius_clients.is_empty() && settings.sessions.sources.is_empty());
        assert!(settings.nat.is_empty() && settings.resolver.remote.is_none());
        let Resolver { timeout_seconds, per_minute_max, cache_hours, ranges, .. } = settings.resolver;
        assert_eq!((timeout_seconds, per_minute_max, cache_hours, ranges), (5, 600, 24, Ranges::Both));
        let Mail { per_minute_max, per_domain_per_minute_max, dkim_key, dkim_selector, .. } = &settings.mail;
        assert_eq!((*per_minute_max, *per_domain_per_minute_max, dkim_key), (30, 20, &None));
        assert_eq!(dkim_selector, "abusebox");
        let policy = &settings.policy;
        assert_eq!(policy.mail_severity_min, Severity::Medium);
        assert_eq!((policy.repeat_days_compromised, policy.repeat_days_exposed), (7, 30));
        assert_eq!((policy.close_after_days, policy.mail_age_days_max, policy.mails_per_day_max), (14, 5, 2));
        assert_eq!((policy.digest_hour, policy.hold_first, policy.tell_unknown_types), (8, false, false));
        assert_eq!((policy.hold_share_max, policy.hold_count_min), (0.2, 20));
        assert_eq!(policy.weekly_report, Some(Weekday::Monday));
        let sentences: Vec<_> = settings.missing().iter().map(ToString::to_string).collect();
        let expected = [
            "shadowserver.key",
            "shadowserver.secret",
            "networks.cidrs",
            "organisation.abuse_address",
            "organisation.operator_address",
            "mail.url",
        ];
        assert_eq!(sentences.len(), expected.len());
        for (sentence, field) in sentences.iter().zip(expected) {
            assert!(sentence.starts_with(&format!("Set {field} to ")), "{sentence}");
        }
        assert!(parsed(FULL).missing().is_empty());
    }

    #[test]
    fn empty_texts_are_not_set_and_a_url_replaces_the_file() {
        let settings =
            parsed("[shadowserver]\nkey = \"\"\n[mail]\nurl = \"\"\n[organisation]\nabuse_address = \"\"\n");
        assert_eq!(settings.missing().len(), 6);
        let customers = parsed("customers.url = \"https://crm.example.net/export?token=x\"").customers;
        assert_eq!(customers.file, None);
        let remote = customers.remote.unwrap();
        assert_eq!(remote.url.0, "https://crm.example.net/export?token=x");
        assert_eq!((remote.login, remote.token), (None, None));
        let remote =
            parsed("customers.url = \"https://a%40b:c%3a@[2001:db8::1]:8/x@y\"").customers.remote.unwrap();
        assert_eq!(remote.url.0, "https://[2001:db8::1]:8/x@y");
        assert_eq!(remote.login, Some(("a@b".to_owned(), Secret("c:".to_owned()))));
    }

    #[test]
    fn all_complaints_come_at_once_by_line() {
        let text = "digest_hour = 7
[box]
timezone = \"Europe/Viena\"
mode = \"alive\"
[networks]
cidrs = [
    \"192.0.2.0/24\",
    \"192.0.2.7/24\",
    25,
]
[policy]
close_after_days = 7
digest_hours = 8
per_minute_max = 3
[pages]
names = []
";
        assert_eq!(
            complaints(text),
            [
                "1 digest_hour: This setting belongs below the line [policy].",
                "3 box.timezone: There is no time zone \"Europe/Viena\". Did you mean \"Europe/Vienna\"?",
                "4 box.mode: Write one of \"hold\", \"practice\", \"live\"; this is \"alive\".",
                "8 networks.cidrs: Write 192.0.2.0/24 for the network or 192.0.2.7/32 for the one address; \
                 this is \"192.0.2.7/24\".",
                "9 networks.cidrs: Write a text in quotes; this is a whole number.",
                "12 policy.close_after_days: Write a whole number from 8 to 365; this is 7.",
                "13 policy.digest_hours: There is no such setting. Did you mean digest_hour?",
                "14 policy.per_minute_max: This setting belongs below the line [resolver] or [mail].",
                "15 pages: There is no such table. Did you mean page?",
            ]
        );
    }

    #[test]
    fn each_kind_of_value_has_its_complaint() {
        for (table, line, part) in [
            ("box", "name = \"my box\"", "letters, digits and inner hyphens"),
            ("box", "name = \"-box\"", "inner hyphens"),
            ("box", "name = \"\"", "1 to 63"),
            ("box", "timezone = \"Vienna\"", "Europe/Vienna"),
            ("box", "language = \"German\"", "\"de\""),
            ("box", "mode = 1", "Write a text in quotes; this is a whole number"),
            ("box", "mode.x = 1", "this is a table"),
            ("organisation", "name = \"a\\nb\"", "one line"),
            ("organisation", "abuse_address = \"abuse\"", "abuse@example.net"),
            ("organisation", "abuse_address = \"abuse@localhost\"", "abuse@example.net"),
            ("organisation", "abuse_address = \"abuse@192.0.2.1\"", "abuse@example.net"),
            ("organisation", "operator_address = \"a <a@example.net>\"", "one mail address"),
            ("organisation", "operator_address = \"a..b@example.net\"", "one mail address"),
            ("shadowserver", "key = \"ab cd\"", "without blanks"),
            ("shadowserver", "api_url = \"ftp://example.net/\"", "https://"),
            ("shadowserver", "api_url = \"https:///x\"", "host name"),
            ("shadowserver", "api_url = \"https://300.1.1.1/\"", "host name"),
            ("shadowserver", "api_url = \"https://[::1/\"", "bracket"),
            ("shadowserver", "api_url = \"https://a:b@example.net/\"", "without user"),
            ("shadowserver", "download_url = \"https://example.net/?a\"", "without ? and #"),
            ("shadowserver", "schema_url = \"https://example.net/a b\"", "no blanks"),
            ("shadowserver", "reports = \"one\"", "in brackets; this is a text"),
            ("shadowserver", "reports = [\" \"]", "not blank"),
            ("shadowserver", "poll_minutes = 4", "5 to 1440; this is 4"),
            ("shadowserver", "poll_minutes = 1441", "5 to 1440"),
            ("shadowserver", "poll_minutes = \"60\"", "5 to 1440; this is a text in quotes"),
            ("networks", "cidrs = [\"192.0.2.0/33\"]", "192.0.2.0/24"),
            ("networks", "cgn = [\"::ffff:192.0.2.0/120\"]", "192.0.2.0/24"),
            ("networks", "dynamic = [\"2001:db8::1/64\"]", "2001:db8::/64"),
            ("customers", "url = \"crm.example.net\"", "https://"),
            ("customers", "poll_hours = 0", "1 to 168"),
            ("sessions", "keep_days = 15", "1 to 14"),
            ("sessions", "uncertainty_seconds = 3601", "0 to 3600"),
            ("sessions", "timezone = \"Vienna\"", "Europe/Vienna"),
            ("sessions", "radius_listen = \"1813\"", "[::]:1813"),
            ("sessions", "radius_clients = [\"192.0.2.9\"]", "the line [[sessions.radius_clients]]"),
            ("sessions", "radius_clients = [{ address = \"192.0.2.9\" }]", "Write this, too"),
            ("sessions", "sources = 1", "the line [[sessions.sources]]"),
            ("sessions", "sources = [{ name = \"a b\", url = \"http://x/\" }]", "letters, digits and -._"),
            (
                "sessions",
                "sources = [{ name = \"a\", url = \"http://x/\", poll_minute = 1 }]",
                "Did you mean poll_minutes",
            ),
            ("resolver", "ranges = \"all\"", "\"cgn\", \"dynamic\", \"both\""),
            ("resolver", "timeout_seconds = 0", "1 to 60"),
            ("mail", "url = \"imap://mail.example.net\"", "smtp+starttls://"),
            ("mail", "per_minute_max = 0", "1 to 1000"),
            ("mail", "dkim_selector = \"a..b\"", "dots between them"),
            ("mail", "dkim_selector = \"a_b\"", "dots between them"),
            ("policy", "mail_severity_min = \"mild\"", "\"medium\""),
            ("policy", "repeat_days_exposed = 0", "1 to 365"),
            ("policy", "mails_per_day_max = 0", "1 to 100"),
            ("policy", "digest_hour = 24", "0 to 23"),
            ("policy", "digest_hour = 8.5", "a number with a fraction"),
            ("policy", "hold_first = \"yes\"", "true or false"),
            ("policy", "hold_share_max = 20", "0 to 1"),
            ("policy", "hold_share_max = nan", "0 to 1"),
            ("policy", "hold_share_max = \"0.2\"", "0 to 1"),
            ("page", "names = [\"a b\"]", "host name"),
            ("page", "allow = [\"10.1.0.0/8\"]", "10.0.0.0/8"),
            ("page", "api_token = \"0123456789abcdef0123456\"", "at least 24"),
            ("page", "api_token = \"0123456789abcdef 012345678\"", "letters, digits"),
            ("interface", "address = \"192.0.2.5\"", "prefix length"),
            ("interface", "address = \"192.0.2.0/24\"", "a machine can have"),
            ("interface", "address = \"192.0.2.255/24\"", "a machine can have"),
            ("interface", "address = \"2001:db8::/64\"", "a machine can have"),
            ("interface", "address = \"127.0.0.1/8\"", "a machine can have"),
            ("interface", "address = \"192.0.2.1/0\"", "a machine can have"),
            ("interface", "address = \"240.0.0.1/8\"", "a machine can have"),
            ("interface", "dns = [\"127.0.0.1\"]", "a name server"),
            ("interface", "gateway = \"192.0.2.1\"", "needs an address"),
            ("interface", "ntp = [\"a\", \"b\", \"c\", \"d\", \"e\"]", "at most 4 of them; these are 5"),
            ("interface", "ntp = [\"a b\"]", "host name"),
            ("interface", "dns = [\"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\", \"192.0.2.4\"]", "at most 3"),
            ("interface", "dns = [\"dns.example.net\"]", "Write an address"),
            ("interface", "proxy = \"socks5://192.0.2.1\"", "http://"),
            ("trust", "extra_ca = [\"\"]", "not blank"),
            ("trust", "extra_cas = []", "Did you mean extra_ca?"),
            ("box", "zzz = 1", "Known here are name, timezone, language, mode"),
            ("box", "file = 1", "[customers]"),
            ("box", "per_minute_max = 1", "[resolver] or [mail]"),
        ] {
            check_complaint(table, line, part);
        }
        let long = format!("name = \"{}\"", "x".repeat(TEXT_BYTES_MAX + 1));
        check_complaint("organisation", &long, "at most 4096 bytes");
    }

    #[test]
    fn complaints_about_more_than_one_value_or_the_form() {
        let both = complaints("[customers]\nfile = \"a\"\nurl = \"https://example.net/\"\n");
        assert!(both.len() == 1 && both[0].starts_with("3 customers.url: Write either"), "{both:?}");
        let url = "url = \"https://example.net/\"";
        for (lines, wanted) in [
            (format!("{url}\npassword = \"p\""), "3 resolver.password: Write the user"),
            (format!("{url}\nuser = \"u\"\ntoken = \"t\""), "4 resolver.token: Write either"),
            (format!("{url}\nuser = \"a:b\""), "3 resolver.user: Write the user without a colon"),
            ("url = \"https://u:p@x/\"\nuser = \"u\"".to_owned(), "3 resolver.user: There is a user"),
            ("url = \"https://u:p@x/\"\ntoken = \"t\"".to_owned(), "3 resolver.token: Write either"),
        ] {
            let found = complaints(&format!("[resolver]\n{lines}\n"));
            assert!(found.len() == 1 && found[0].starts_with(wanted), "{lines}: {found:?}");
        }
        let same = "{ address = \"192.0.2.9\", secret = \"x\" }";
        let found = complaints(&format!("[sessions]\nradius_clients = [\n{same},\n{same}]\n"));
        assert!(found.len() == 1 && found[0].starts_with("4 sessions.radius_clients.address: "), "{found:?}");
        let source = format!("[[sessions.sources]]\nname = \"a\"\n{url}\n");
        let found = complaints(&source.repeat(2));
        assert!(found.len() == 1 && found[0].starts_with("5 sessions.sources.name: Another"), "{found:?}");
        let found = complaints(&source.repeat(SESSION_SOURCES_MAX + 1));
        assert!(found.len() == 1 && found[0].contains("at most 32 of them; these are 33"), "{found:?}");
        let found = complaints(
            "[[sessions.sources]]\nurl = \"x\"\n[[sessions.sources]]\nname = \"b\"\n[nat]\ninside = 1\n",
        );
        let starts = ["1 sessions.sources.name: ", "2 sessions.sources.url: ", "5 nat: "];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        assert!(found.iter().zip(starts).all(|(found, start)| found.starts_with(start)), "{found:?}");
        let nat = "[[nat]]\ninside = \"100.64.0.0/24\"\noutside = [\"192.0.2.0/30\"]\n";
        parsed(nat);
        for (more, wanted) in [
            ("ports_per_user = 1008", ""),
            (
                "ports_per_user = 1009",
                "4 nat.ports_per_user: These addresses have 4 x 64512 ports: too few for 256",
            ),
            ("ports_last = 1086", "3 nat.outside: These addresses have 4 x 63 ports"),
            ("ports_last = 1023", "4 nat.ports_last: Write a port that is not below"),
            ("skip = 256", "4 nat.skip: Skip fewer"),
            (
                "[[nat]]\ninside = \"100.64.1.0/24\"\noutside = [\"192.0.2.1\", \"192.0.2.9\"]",
                "6 nat.outside: Another",
            ),
            ("port = 1", "4 nat.port: There is no such setting. Did you mean ports_first?"),
        ] {
            let found = parse(&format!("{nat}{more}\n"), Path::new("")).err().unwrap_or_default();
            let found: Vec<_> =
                found.iter().map(|c| format!("{} {}: {}", c.line.unwrap(), c.field, c.complaint)).collect();
            assert!(found.len() == usize::from(!wanted.is_empty()), "{more}: {found:?}");
            assert!(found.iter().all(|found| found.starts_with(wanted)), "{more}: {found:?}");
        }
        let v6 = complaints("[[nat]]\ninside = \"2001:db8::/120\"\noutside = []\n");
        assert!(v6.len() == 1 && v6[0].contains("a network of IPv4"), "{v6:?}");
        let token = "api_token = \"0123456789abcdef01234567\"\n";
        let same = complaints(&format!("[page]\n{token}intake_{}", &token[4..]));
        assert!(same.len() == 1 && same[0].starts_with("3 page.intake_token: Draw another"), "{same:?}");
        for gateway in ["198.51.100.1", "192.0.2.5", "192.0.2.255", "fe80::1"] {
            let text = format!("[interface]\naddress = \"192.0.2.5/24\"\ngateway = \"{gateway}\"\n");
            let found = complaints(&text);
            assert!(found.len() == 1 && found[0].starts_with("3 interface.gateway"), "{found:?}");
            assert!(found[0].contains("inside 192.0.2.0/24"), "{found:?}");
        }
        parsed("[interface]\naddress = \"2001:db8::5/64\"\ngateway = \"fe80::1\"\n");
        let twice = complaints("[[page]]\nnames = []\n");
        assert_eq!(twice, ["1 page: Write one table that begins with the line [page]."]);
        assert_eq!(complaints("box = 1"), ["1 box: Write one table that begins with the line [box]."]);
        let syntax = complaints("[box]\nname = \"a\n");
        assert!(syntax.len() == 1 && syntax[0].starts_with("2 syntax: This is not valid TOML"), "{syntax:?}");
        let twice = complaints("[box]\r\nname = \"a\"\r\nname = \"b\"\r\n");
        assert!(twice.len() == 1 && twice[0].starts_with("3 syntax"), "{twice:?}");
        let many = complaints(&format!("[trust]\nextra_ca = [{}]", "1,".repeat(COMPLAINTS_MAX + 1)));
        assert_eq!(many.len(), COMPLAINTS_MAX);
        let foreign = complaints(&format!("\"{}\\u0007\" = 1", "k".repeat(10)));
        assert!(foreign[0].starts_with("1 kkkkkkkkkk\\u{7}: There is no such table."), "{foreign:?}");
        let nameless = complaints("\"\" = 1\n[box]\n\"\" = 1\n");
        assert!(
            nameless[0].starts_with("1 \"\": ") && nameless[1].starts_with("3 box.\"\": "),
            "{nameless:?}"
        );
    }

    #[test]
    fn mail_urls() {
        let read = |url: &str| {
            let MailServer { security, host, port, login } = mail_server(url).unwrap();
            (security, host, port, login.map(|(user, password)| (user, password.0)))
        };
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (url, security, host, port, login) in [
            ("smtp://mail.example.net", MailSecurity::Plain, "mail.example.net", 25, None),
            ("smtp+starttls://192.0.2.1", MailSecurity::StartTls, "192.0.2.1", 587, None),
            ("smtps://u:p@mail.example.net/", MailSecurity::Tls, "mail.example.net", 465, login("u", "p")),
            ("smtp://u:p@[2001:db8::1]:1025", MailSecurity::Plain, "2001:db8::1", 1025, login("u", "p")),
            ("smtps://a%40b:%3a%25@x", MailSecurity::Tls, "x", 465, login("a@b", ":%")),
        ] {
            assert_eq!(read(url), (security, host.to_owned(), port, login), "{url}");
        }
    }

    #[test]
    fn a_wrong_mail_url_is_explained_without_its_password() {
        for (url, part) in [
            ("smtps://user:hunter2", "port"),
            ("smtps://user:hunter2@", "host"),
            ("smtps://user:hunter2@:25", "host"),
            ("smtps://user:hunter2@a b", "host"),
            ("smtps://user:hunter2@host:0", "1 to 65535"),
            ("smtps://user:hunter2@host:65536", "1 to 65535"),
            ("smtps://user:hunter2@host/path", "End after"),
            ("smtps://user:hun/ter2@host", "%2F"),
            ("smtps://user:hunter2#@host", "%23"),
            ("smtps://user:hunter2@x@host", "%40"),
            ("smtps://user:hunter2:x@host", "%3A"),
            ("smtps://user:hunter2%zz@host", "%25"),
            ("smtps://user:hunter2%+f@host", "%25"),
            ("smtps://user:hunter2%4@host", "%25"),
            ("smtps://user:hunter2%0d@host", "control characters"),
            ("smtps://user:hunter2%ff@host", "UTF-8"),
            ("smtps://hunter2@host", "colon"),
            ("smtps://:hunter2@host", "colon"),
            ("smtps://user:@host", "colon"),
            ("smtps://user:hunter2@[::1", "bracket"),
            ("smtps://user:hunter2@[x]", "IPv6"),
            ("hunter2", "smtps://"),
        ] {
            let found = complaints(&format!("[mail]\nurl = \"{url}\"\n"));
            assert!(found.len() == 1 && found[0].starts_with("2 mail.url: "), "{url}: {found:?}");
            assert!(found[0].contains(part), "{url}: {found:?} lacks {part}");
            assert!(!found[0].contains("hun"), "{url}: {found:?}");
        }
    }

    #[test]
    fn secrets_show_neither_in_debug_nor_in_complaints() {
        let shown = format!(
            "{:?}",
            parsed(&FULL.replace("file = \"customers.csv\"", "url = \"https://u:cust0mer@x/\""))
        );
        for secret in [
            "0e1b",
            "s3cr3t",
            "p\u{e4}ss",
            "c0de-for-rack-3",
            "t0ken-of",
            "pr0xy",
            "cust0mer",
            "r4dius",
            "l3ase",
            "b3arer",
            "r3solver",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for line in [
            "[shadowserver]\nkey = \"hunter2 \"",
            "[shadowserver]\nsecret = [\"hunter2\"]",
            "[page]\nsetup_code = \"hunter2 \"",
            "[page]\napi_token = \"hunter2-is-too-short\"",
            "[page]\napi_token = \"hunter2 has blanks, which no header takes\"",
            "[customers]\nurl = \"ftp://user:hunter2@host\"",
            "[customers]\nurl = \"https://user:hunter2@\"",
            "[customers]\npassword = \"hunter2\\n\"",
            "[resolver]\ntoken = \"hunter2 \"",
            "[sessions]\nradius_clients = [{ address = \"x\", secret = \"hunter2\" }]",
            "[sessions]\nradius_clients = [{ secret = [\"hunter2\"] }]",
            "[shadowserver]\napi_url = \"https://user:hunter2@host\"",
            "[interface]\nproxy = \"http://user:hunter2@\"",
            "[shadowserver]\nsecret = \"hunter2",
            "[shadowserver]\nsecret = hunter2",
            "[shadowserver]\npassword = \"hunter2\"",
        ] {
            assert!(!complaints(line).concat().contains("hunter2"), "{line}: {:?}", complaints(line));
        }
    }

    #[test]
    fn the_nearest_word_is_found() {
        let near = |word| nearest(word, ["digest_hour", "hold_first", "mode"].into_iter());
        assert_eq!(near("digest_hours"), Some("digest_hour"));
        assert_eq!(near("digesthuor"), Some("digest_hour"));
        assert_eq!(near("Mod"), Some("mode"));
        assert_eq!(near("hold"), Some("hold_first"));
        assert_eq!(near("colour"), None);
        assert_eq!(near(&"digest_hour".repeat(9)), None);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"ab"), 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&text, Path::new("/data"));
        }

        /// Any line of a good file replaced by anything: the complaints stand within the file, in order.
        #[test]
        fn no_changed_line_panics(at in 0..FULL.lines().count(), value in "[ -~\u{e9}]{0,40}", quoted: bool) {
            let text: Vec<_> = FULL.lines().enumerate().map(|(number, line)| match line.split_once(" = ") {
                Some((key, _)) if number == at && quoted => format!("{key} = {value:?}"),
                Some((key, _)) if number == at => format!("{key} = {value}"),
                _ => line.to_owned(),
            }).collect();
            if let Err(complaints) = parse(&text.join("\n"), Path::new("/data")) {
                prop_assert!(complaints.is_sorted_by_key(|c| c.line));
                for complaint in complaints {
                    prop_assert!(complaint.line.is_some_and(|line| (1..=text.len() as u64).contains(&line)));
                }
            }
        }

        /// Whatever a user and a password are, encoded they arrive.
        #[test]
        fn logins_survive_percent_encoding(user in "\\PC{1,20}", password in "\\PC{1,20}") {
            let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let server = mail_server(&format!("smtps://{}:{}@host", encoded(&user), encoded(&password)));
            prop_assert_eq!(server.unwrap().login, Some((user, Secret(password))));
        }
    }
}
