//! A table with a header: sessions as any program exports them, port blocks, and `radacct` of a RADIUS server's database.
//!
//! A line whose address and time can be read takes its place, whatever else is wrong with it: it ends the session before
//! it, whose user would else be named for what another did.

use std::io::BufRead;

use ipnet::IpNet;

use super::read::{Error, Line, Lines, Reading, TORN};
use super::time::{self, Moment, Order};
use super::{NOBODY, Session, Until, user};
use crate::customers::cell;
use crate::customers::import::short;
use crate::customers::records::{Record, Records};
use crate::customers::words::fold;

/// What a column holds. Users in the order in which they tell most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Customer,
    Login,
    Mac,
    Circuit,
    /// Beside it, any other address is one that nobody outside sees.
    External,
    Address,
    Start,
    Stop,
    Seconds,
    PortFrom,
    PortTo,
    Ports,
}

impl Role {
    const ALL: [Role; 12] = [
        Role::Customer,
        Role::Login,
        Role::Mac,
        Role::Circuit,
        Role::External,
        Role::Address,
        Role::Start,
        Role::Stop,
        Role::Seconds,
        Role::PortFrom,
        Role::PortTo,
        Role::Ports,
    ];

    const fn name(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Login => "user",
            Role::Mac => "mac",
            Role::Circuit => "circuit",
            Role::External | Role::Address => "address",
            Role::Start => "start",
            Role::Stop => "stop",
            Role::Seconds => "seconds",
            Role::PortFrom => "port_from",
            Role::PortTo => "port_to",
            Role::Ports => "ports",
        }
    }

    /// Whether all columns with a fitting header are read, and not only the first.
    const fn takes_all(self) -> bool {
        matches!(self, Role::Circuit | Role::Address)
    }
}

/// Which columns hold what.
pub(super) struct Columns {
    of: [Vec<usize>; Role::ALL.len()],
    /// As written.
    header: Vec<String>,
    separator: u8,
}

impl Columns {
    fn new(text: &str, separator: u8) -> Option<Self> {
        let record = Records::new(text, separator).next().filter(|record| !record.broken)?;
        let header: Vec<String> = record.cells.iter().map(|cell| short(cell.trim())).collect();
        let folded: Vec<String> = header.iter().map(|cell| fold(cell)).collect();
        let mut of: [Vec<usize>; Role::ALL.len()] = Default::default();
        for (role, names) in HEADERS {
            let taken = of.concat();
            let column = &mut of[*role as usize];
            if column.is_empty() {
                let fits = |c: &usize| names.contains(&folded[*c].as_str()) && !taken.contains(c);
                column.extend((0..folded.len()).filter(fits).take(if role.takes_all() {
                    usize::MAX
                } else {
                    1
                }));
            }
        }
        if USERS.iter().all(|role| of[*role as usize].is_empty()) {
            of[Role::Login as usize].extend(folded.iter().position(|name| NAMES.contains(&name.as_str())));
        }
        if !of[Role::External as usize].is_empty() {
            of[Role::Address as usize] = std::mem::take(&mut of[Role::External as usize]);
        }
        Some(Self { of, header, separator })
    }

    fn known(&self) -> usize {
        self.of.iter().map(Vec::len).sum()
    }

    fn has(&self, role: Role) -> bool {
        !self.of[role as usize].is_empty()
    }

    /// What is missing to name anybody.
    fn lack(&self) -> Option<&'static str> {
        if !self.has(Role::Address) {
            Some("no column is called ip, address or prefix")
        } else if !self.has(Role::Start) {
            Some("no column is called start, begin or from")
        } else if !USERS.iter().any(|role| self.has(*role)) {
            Some("no column is called user, customer or mac")
        } else if self.has(Role::PortFrom) != self.has(Role::PortTo) {
            Some(
                "there is a column for one end of the ports and none for the other; call them port_from and port_to",
            )
        } else {
            None
        }
    }

    /// What each column that is used was taken for.
    pub(super) fn shown(&self) -> Vec<(&'static str, String)> {
        let roles = Role::ALL.iter().flat_map(|role| self.of[*role as usize].iter().map(move |c| (role, *c)));
        roles.map(|(role, column)| (role.name(), self.header[column].clone())).collect()
    }

    fn cells<'a>(&self, record: &'a Record<'_>, role: Role) -> impl Iterator<Item = &'a str> {
        let columns = self.of[role as usize].clone();
        columns.into_iter().filter_map(|column| record.cells.get(column)).map(|cell| cell.trim())
    }

    fn cell<'a>(&self, record: &'a Record<'_>, role: Role) -> &'a str {
        self.cells(record, role).next().unwrap_or_default()
    }

    /// A number, if the column is there and holds one.
    fn number<T: std::str::FromStr>(&self, record: &Record<'_>, role: Role) -> Option<T> {
        self.cell(record, role).parse().ok()
    }

    /// First and last port; `None` where the table has none.
    fn ports(&self, record: &Record<'_>) -> Option<Result<(u16, u16), &'static str>> {
        let ports = if self.has(Role::PortFrom) {
            self.number(record, Role::PortFrom).zip(self.number(record, Role::PortTo))
        } else if self.has(Role::Ports) {
            let cell = self.cell(record, Role::Ports);
            let (first, last) = cell.split_once(['-', ':']).unwrap_or((cell, cell));
            first.trim().parse().ok().zip(last.trim().parse().ok())
        } else {
            return None;
        };
        Some(ports.filter(|(first, last)| first <= last).ok_or(BAD_PORTS))
    }
}

/// The separator that Excel is told above the header.
pub(super) fn told_separator(line: &str) -> Option<u8> {
    match line.as_bytes() {
        &[b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', told] if SEPARATORS.contains(&told) => Some(told),
        _ => None,
    }
}

/// Reads a header, with the separator with which it makes most sense; or why it is none.
pub(super) fn header(text: &str, told: Option<u8>) -> Result<Columns, String> {
    let separators = told.map_or(SEPARATORS.to_vec(), |told| vec![told]);
    let tries = separators.into_iter().filter_map(|separator| Columns::new(text, separator));
    let best = tries.reduce(|best, next| if next.known() > best.known() { next } else { best });
    let columns = best.ok_or("this is no log of a known kind, and its first line is no header of a table")?;
    match columns.lack() {
        None => Ok(columns),
        Some(_) if columns.known() == 0 => Err(format!(
            "this is no log of a known kind, and as a table it lacks a first line that names its columns: \"{}\"",
            short(text)
        )),
        Some(lack) => {
            let found = columns.header.iter().filter(|name| !name.is_empty()).take(HEADERS_SHOWN_MAX);
            let found: Vec<_> = found.map(|name| format!("\"{name}\"")).collect();
            Err(format!("{lack}; the header says {}", found.join(", ")))
        }
    }
}

/// Reads what stands below the header.
pub(super) fn read<R: BufRead, E, F: FnMut(Session) -> Result<(), E>>(
    columns: &Columns,
    lines: &mut Lines<R>,
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    let mut orders = [Order::default(); 2];
    while let Some(line) = lines.next().map_err(Error::Io)? {
        let Some(record) = Records::new(&line.text, columns.separator).next() else { continue };
        self::record(columns, &line, &record, &mut orders, reading)?;
    }
    Ok(())
}

fn record<E, F: FnMut(Session) -> Result<(), E>>(
    columns: &Columns,
    &Line { number, cut, is_torn: ends_log, .. }: &Line<'_>,
    record: &Record<'_>,
    [starts, stops]: &mut [Order; 2],
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    // The last cell of a log that ends within its line may be half of somebody else's.
    let last = record.cells.len().saturating_sub(1);
    let is_half = |roles: &[Role]| {
        ends_log && roles.iter().flat_map(|role| &columns.of[*role as usize]).any(|column| *column >= last)
    };
    if is_half(&PLACE) {
        reading.complain(number, "address", TORN);
        return Ok(());
    }
    let found = columns.cells(record, Role::Address).map(cell::addresses).collect::<Vec<_>>();
    if let Some((text, why)) =
        found.iter().flat_map(|found| &found.unreadable).find(|(text, _)| !is_none(text))
    {
        reading.complain(number, "address", format!("\"{}\": {why}", short(text)));
    }
    let nets: Vec<IpNet> = found.into_iter().flat_map(|found| found.nets).collect();
    // Without an address there was no session, which logs of failed logins have; the complaint of one that cannot be read
    // is told.
    if nets.is_empty() {
        return Ok(());
    }
    let mut moment = |role: Role, order: &mut Order| {
        let text = columns.cell(record, role);
        match time::read(text, reading.given) {
            Ok(moment) => Ok(moment.map(|moment| order.settle(moment))),
            Err(why) => {
                reading.complain(number, role.name(), format!("\"{}\" {why}", short(text)));
                Err(())
            }
        }
    };
    let (start, stop) = (moment(Role::Start, starts), moment(Role::Stop, stops));
    let seconds = columns.number(record, Role::Seconds);
    let is_torn = record.broken
        || cut
        || record.cells.iter().skip(columns.header.len()).any(|cell| !cell.trim().is_empty());
    let is_half = is_half(&Role::ALL);
    let (from, until) = match (start, stop) {
        _ if is_half => {
            let why = "the log ends within this line, so its user and end are unknown; only its first second counts; \
                       send it whole, with an end of its last line";
            reading.complain(number, "user", why);
            match start {
                Ok(Some(from)) => (from, Some(from)),
                _ => return Ok(()),
            }
        }
        _ if is_torn => {
            let why = "more cells than the header, or quotation marks that do not add up; the user of this line is unknown";
            reading.complain(number, "user", why);
            match start {
                Ok(Some(from)) => (from, None),
                _ => return Ok(()),
            }
        }
        (Ok(Some(from)), Ok(None)) => (from, None),
        (Ok(Some(from)), Ok(Some(until))) => {
            let (from, until) = time::settle_both(from, until, seconds);
            (from, Some(until))
        }
        // Of one whose end is unknown the first second is certain, and of one whose begin is unknown the last.
        (Ok(Some(moment)), Err(())) | (Err(()), Ok(Some(moment))) => (moment, Some(moment)),
        (Ok(None), Ok(Some(until))) => match seconds {
            Some(seconds) => {
                let back = |at: crate::clock::Timestamp| at.plus_seconds(-seconds.clamp(0, SECONDS_MAX));
                (Moment { early: back(until.early), late: back(until.late) }, Some(until))
            }
            None => {
                reading.complain(number, "start", "no begin; only the last second counts");
                (until, Some(until))
            }
        },
        (Ok(None), Ok(None)) => {
            reading.complain(number, "start", "neither begin nor end, so this line says nothing");
            return Ok(());
        }
        (Err(()), _) | (Ok(None), Err(())) => return Ok(()),
    };
    let until = match until {
        Some(until) if until.late < from.early => {
            reading.complain(number, "stop", "ends before it begins; only the first second counts");
            Some(from)
        }
        until => until,
    };
    for (role, moment) in [(Role::Start, Some(from)), (Role::Stop, until)] {
        if moment.is_some_and(|moment| !moment.is_certain()) {
            reading.complain(
                number,
                role.name(),
                format!("\"{}\" {}", short(columns.cell(record, role)), time::TWICE),
            );
        }
    }
    let ports = match columns.ports(record) {
        None => None,
        Some(Ok(ports)) => Some(ports),
        Some(Err(why)) => {
            reading.complain(number, "ports", why);
            return Ok(());
        }
    };
    let users = if is_torn || is_half {
        vec![NOBODY.to_owned()]
    } else {
        user::all(USERS.iter().flat_map(|role| columns.cells(record, *role)))
    };
    if users == [NOBODY] && !is_torn && !is_half {
        reading.complain(number, "user", "no user; nobody is named for this line");
    }
    let uncertainty = from.doubt().max(until.map_or(0, Moment::doubt));
    let until = until.map_or(Until::Open, |until| Until::Ended(until.at().max(from.at())));
    for net in nets {
        reading.give(Session {
            net,
            ports,
            users: users.clone(),
            from: from.at(),
            until,
            uncertainty,
            line: number,
        })?;
    }
    Ok(())
}

/// What databases write for nothing.
fn is_none(text: &str) -> bool {
    ["NULL", "\\N", "-", "0.0.0.0", "::", "::/0"].contains(&text)
}

/// Without these a line says nothing.
const PLACE: [Role; 5] = [Role::Address, Role::Start, Role::PortFrom, Role::PortTo, Role::Ports];
const USERS: [Role; 4] = [Role::Customer, Role::Login, Role::Mac, Role::Circuit];

/// A login only for want of any other user: beside a MAC address it is the name that a client gives itself.
const NAMES: [&str; 2] = ["client", "name"];

/// Headers, folded. Rows are tried in order; one is used only while its role has no column.
#[rustfmt::skip]
const HEADERS: &[(Role, &[&str])] = &[
    (Role::PortFrom, &["portfrom", "fromport", "portstart", "startport", "firstport", "portfirst", "beginport",
                       "portbegin", "minport", "portmin", "lowport", "portlow", "portrangestart", "portblockstart",
                       "portvon", "vonport", "ersterport"]),
    (Role::PortTo, &["portto", "toport", "portend", "endport", "lastport", "portlast", "portstop", "stopport", "maxport",
                     "portmax", "highport", "porthigh", "portrangeend", "portblockend", "portbis", "bisport",
                     "letzterport"]),
    (Role::Ports, &["ports", "portrange", "portblock", "portbereich"]),
    (Role::External, &["externaladdress", "externalip", "externalipaddress", "externalipv4", "extip", "publicaddress",
                       "publicip", "publicipaddress", "publicipv4", "natip", "nataddress", "postnatip", "outsideip",
                       "outsideaddress", "translatedip", "translatedaddress", "globalip", "globaladdress", "xlatip",
                       "postnatsourceipv4address", "externeip", "externeadresse", "oeffentlicheip",
                       "oeffentlicheadresse", "oeffentlicheipadresse", "ippublique", "ippublica", "ippubblico",
                       "verejnaip", "publicznyip", "javnaip"]),
    (Role::Address, &["ip", "ips", "ipaddress", "ipaddr", "ipv4", "ipv6", "ipv4address", "ipv6address", "prefix",
                      "ipprefix", "ipv6prefix", "framedip", "framedaddress", "framedipaddress", "framedipv6prefix",
                      "framedipv6address", "delegatedipv6prefix", "delegatedprefix", "pdprefix", "cidr", "net",
                      "network", "subnet", "assignedip", "ipadresse", "praefix", "netz", "adresseip", "direccionip",
                      "indirizzoip", "adresaip", "ipadresa", "adresip", "ipcim", "ipnaslov", "ipadres"]),
    (Role::Address, &["address", "adresse", "addr"]),
    (Role::Start, &["start", "starttime", "startdate", "starts", "started", "startedat", "startat", "starttimestamp",
                    "acctstarttime", "sessionstart", "sessionstarttime", "begin", "begins", "begintime", "beginning",
                    "connected", "connectedat", "connecttime", "logintime", "allocated", "allocatedat", "validfrom",
                    "validsince", "beginn", "anfang", "gueltigab", "debut", "inicio", "inizio", "zacatek", "poczatek",
                    "kezdet", "zacetek", "starttijd", "begintijd"]),
    (Role::Start, &["from", "since", "von", "ab", "depuis", "desde", "dal", "od", "van"]),
    (Role::Stop, &["stop", "stoptime", "stopdate", "stops", "stopped", "stoppedat", "stopat", "stoptimestamp",
                   "acctstoptime", "sessionstop", "sessionstoptime", "sessionend", "end", "ends", "endtime", "enddate",
                   "ended", "endedat", "endat", "endtimestamp", "disconnected", "disconnectedat", "disconnecttime",
                   "logouttime", "released", "releasedat", "validto", "validuntil", "ende", "gueltigbis", "fin", "fine",
                   "konec", "koniec", "vege", "eind", "eindtijd", "stoptijd"]),
    (Role::Stop, &["to", "until", "bis", "jusqua", "hasta", "al", "do", "tot"]),
    (Role::Seconds, &["acctsessiontime", "sessiontime", "duration", "seconds", "dauer", "duree", "duracion", "durata"]),
    (Role::Customer, &["customerid", "customer", "customerno", "customernr", "customernumber", "custid", "clientno",
                       "subscriberid", "subscriber", "accountid", "accountnumber", "kundennummer", "kundennr",
                       "kundenid", "kundeid", "kdnr", "kunde", "numeroclient", "idclient", "idcliente", "cliente",
                       "klient", "zakaznik", "ugyfel", "stranka", "klant", "klantnummer"]),
    (Role::Login, &["username", "user", "login", "userid", "loginname", "pppoeuser", "pppoelogin", "pppuser",
                    "benutzername", "benutzer", "nutzer", "utilisateur", "identifiant", "usuario", "utente",
                    "uzivatel", "uzytkownik", "felhasznalo", "uporabnik", "gebruiker", "gebruikersnaam"]),
    (Role::Login, &["account"]),
    (Role::Mac, &["mac", "macaddress", "macaddr", "macadresse", "hwaddr", "hwaddress", "hardwareaddress", "clientmac",
                  "cpemac", "cmmac", "callingstationid", "adressemac", "direccionmac", "indirizzomac", "adresmac"]),
    (Role::Circuit, &["circuitid", "agentcircuitid", "circuit", "lineid", "remoteid", "agentremoteid"]),
];

/// Longer than any session; a time before begins with it would be none.
const SECONDS_MAX: i64 = 20 * 365 * 86_400;
/// Column names told in one sentence.
const HEADERS_SHOWN_MAX: usize = 30;
const SEPARATORS: &[u8] = b";,\t|";
const BAD_PORTS: &str = "no first and last port, so this line says nothing; write them as in 1024 and 2047";

#[cfg(test)]
mod tests {
    use super::super::tests::{complaints, read, refusal};
    use super::*;

    #[test]
    fn sessions_with_any_separator_and_order_of_columns() {
        let expected = [
            "2: 192.0.2.7/32 a@dsl 2026-11-26T08:00:00Z 2026-11-26T10:00:00Z",
            "3: 2001:db8:0:100::/56 0a:1b:2c:3d:4e:5f 2026-11-26T08:00:00Z open",
        ];
        for separator in [";", ",", "\t", "|"] {
            let log = "user;ip;start;stop\na@dsl;192.0.2.7;2026-11-26 09:00:00;1795687200\n\
                       0A-1B-2C-3D-4E-5F;2001:db8:0:100::/56;26.11.2026 09:00:00;\n";
            let (sessions, summary) = read(&log.replace(';', separator));
            assert_eq!(sessions, expected, "{separator:?}");
            assert!(summary.complaints.is_empty(), "{:?}", summary.complaints);
        }
        let log = "\u{feff}sep=|\r\n\r\nBis|Von|IP-Adresse|Benutzer\r\n2026-11-26 11:00:00|2026-11-26 09:00:00|192.0.2.7|a@dsl\r\n";
        assert_eq!(read(log).0, ["4: 192.0.2.7/32 a@dsl 2026-11-26T08:00:00Z 2026-11-26T10:00:00Z"]);
    }

    #[test]
    fn port_blocks() {
        let log = "internal ip,external ip,port from,port to,start,stop,subscriber id\n\
                   100.64.0.9,198.51.100.1,1024,2047,1795680000,1795690000,C9\n\
                   100.64.0.8,198.51.100.1,2047,1024,1795680000,1795690000,C8\n";
        let (sessions, summary) = read(log);
        assert_eq!(sessions, ["2: 198.51.100.1/32 1024-2047 c9 2026-11-26T08:00:00Z 2026-11-26T10:46:40Z"]);
        assert_eq!(complaints(&summary), ["3 ports"]);
        let log = "Public IP;Ports;From;To;MAC\n198.51.100.1;1024 - 2047;1795680000;NULL;0a1b.2c3d.4e5f\n";
        assert_eq!(read(log).0, ["2: 198.51.100.1/32 1024-2047 0a:1b:2c:3d:4e:5f 2026-11-26T08:00:00Z open"]);
        assert!(refusal("user,ip,start,port_from\n").contains("one end of the ports"));
    }

    #[test]
    fn a_name_beside_a_mac_address_is_no_user() {
        let log =
            "name,ip,start,stop,mac\nanna,192.0.2.7,1795680000,,0A1B2C3D4E5F\nanna,192.0.2.8,1795680000,,\n";
        let users = [
            "2: 192.0.2.7/32 0a:1b:2c:3d:4e:5f 2026-11-26T08:00:00Z open",
            "3: 192.0.2.8/32 ? 2026-11-26T08:00:00Z open",
        ];
        assert_eq!(read(log).0, users);
        let log = "name,ip,start\nanna,192.0.2.7,1795680000\n";
        assert_eq!(read(log).0, ["2: 192.0.2.7/32 anna 2026-11-26T08:00:00Z open"]);
    }

    #[test]
    fn radacct_of_a_database() {
        let log = "radacctid,acctsessionid,username,nasipaddress,acctstarttime,acctstoptime,acctsessiontime,\
                   callingstationid,framedipaddress,framedipv6prefix,delegatedipv6prefix\n\
                   1,8D0,a@dsl,10.0.0.1,2026-11-26 09:00:00,2026-11-26 11:00:00,7200,0A:1B:2C:3D:4E:5F,192.0.2.7,2001:db8:0:1::/64,2001:db8:0:100::/56\n\
                   2,8D1,b@dsl,10.0.0.1,2026-11-26 09:00:00,NULL,60,,192.0.2.8,,\n\
                   3,8D2,c@dsl,10.0.0.1,NULL,2026-11-26 11:00:00,3600,,192.0.2.9,,\n\
                   4,8D3,d@dsl,10.0.0.1,2026-11-26 09:00:00,2026-11-26 11:00:00,7200,,,,\n";
        let (sessions, summary) = read(log);
        let a = "a@dsl/0a:1b:2c:3d:4e:5f 2026-11-26T08:00:00Z 2026-11-26T10:00:00Z";
        let expected = [
            format!("2: 192.0.2.7/32 {a}"),
            format!("2: 2001:db8:0:1::/64 {a}"),
            format!("2: 2001:db8:0:100::/56 {a}"),
            "3: 192.0.2.8/32 b@dsl 2026-11-26T08:00:00Z open".to_owned(),
            "4: 192.0.2.9/32 c@dsl 2026-11-26T09:00:00Z 2026-11-26T10:00:00Z".to_owned(),
        ];
        assert_eq!(sessions, expected);
        assert!(summary.complaints.is_empty() && summary.sessions == 5);
        let shown: Vec<_> = summary.columns.iter().map(|(role, header)| format!("{role}={header}")).collect();
        assert_eq!(shown[..2], ["user=username", "mac=callingstationid"]);
    }

    #[test]
    fn a_bad_line_costs_itself_and_still_ends_what_was_before() {
        let log = "user,ip,start,stop\n\
                   a,192.0.2.7,soon,later\n\
                   b,192.0.02.7,1795680000,\n\
                   ,192.0.2.7,1795680000,\n\
                   c,192.0.2.7,1795680000,later\n\
                   d,192.0.2.7,1795690000,1795680000\n\
                   e,192.0.2.7,,1795680000\n\
                   \"f,192.0.2.7,1795680000,1795690000\n\
                   g,192.0.2.7,1795680000,1795690000,more\n\
                   h,192.0.2.7,,\n\
                   i,192.0.2.7,1795680000,1795690000\n";
        let (sessions, summary) = read(log);
        let expected = [
            "4: 192.0.2.7/32 ? 2026-11-26T08:00:00Z open",
            "5: 192.0.2.7/32 c 2026-11-26T08:00:00Z 2026-11-26T08:00:00Z",
            "6: 192.0.2.7/32 d 2026-11-26T10:46:40Z 2026-11-26T10:46:40Z",
            "7: 192.0.2.7/32 e 2026-11-26T08:00:00Z 2026-11-26T08:00:00Z",
            "8: 192.0.2.7/32 ? 2026-11-26T08:00:00Z open",
            "9: 192.0.2.7/32 ? 2026-11-26T08:00:00Z open",
            "11: 192.0.2.7/32 i 2026-11-26T08:00:00Z 2026-11-26T10:46:40Z",
        ];
        assert_eq!(sessions, expected);
        let told = [
            "2 start",
            "2 stop",
            "3 address",
            "4 user",
            "5 stop",
            "6 stop",
            "7 start",
            "8 user",
            "9 user",
            "10 start",
        ];
        assert_eq!(complaints(&summary), told);
    }

    #[test]
    fn a_log_that_ends_within_a_line_names_nobody_by_half_a_name() {
        let read = |log: &str| {
            let (sessions, summary) = read(log);
            (sessions, complaints(&summary))
        };
        let header = "start,stop,ip,user,more\n1795680000,,192.0.2.7,l17,x\n";
        let first = "2: 192.0.2.7/32 l17 2026-11-26T08:00:00Z open".to_owned();
        let nobody = "3: 192.0.2.8/32 ? 2026-11-26T08:00:00Z 2026-11-26T08:00:00Z".to_owned();
        for (last, expected) in [
            ("1795680000,,192.0.2.8,l1", vec![first.clone(), nobody.clone()]),
            ("1795680000,,192.0.2.8,", vec![first.clone(), nobody]),
            ("1795680000,,192.0.2.1", vec![first.clone()]),
            ("17956800", vec![first.clone()]),
        ] {
            assert_eq!(read(&format!("{header}{last}")).0, expected, "{last}");
            assert_eq!(read(&format!("{header}{last}")).1.len(), 1, "{last}");
        }
        let whole = "3: 192.0.2.8/32 l1 2026-11-26T08:00:00Z open".to_owned();
        for last in ["1795680000,,192.0.2.8,l1,x", "1795680000,,192.0.2.8,l1\n"] {
            assert_eq!(
                read(&format!("{header}{last}")),
                (vec![first.clone(), whole.clone()], vec![]),
                "{last}"
            );
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_settled_or_told() {
        let mut log = "user,ip,start,stop\n".to_owned();
        for minute in 40..55 {
            log += &format!("a,192.0.2.7,2026-10-25 01:{minute}:00,\n");
        }
        log += "b,192.0.2.7,2026-10-25 02:50:00,2026-10-25 02:10:00\nc,192.0.2.7,2026-10-25 02:51:00,\nd,192.0.2.7,2026-10-25 02:20:00,\n";
        let (sessions, summary) = read(&log);
        let expected = [
            "17: 192.0.2.7/32 b 2026-10-25T00:50:00Z 2026-10-25T01:10:00Z",
            "18: 192.0.2.7/32 c 2026-10-25T01:21:00Z open +-1800",
            "19: 192.0.2.7/32 d 2026-10-25T01:20:00Z open",
        ];
        assert_eq!(sessions[15..], expected);
        assert_eq!(complaints(&summary), ["18 start"]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_what_it_lacks() {
        assert!(refusal("user,start\nx,1\n").contains("no column is called ip"));
        assert!(refusal("user,ip\nx,1\n").contains("no column is called start"));
        assert!(refusal("ip,start\nx,1\n").contains("no column is called user"));
        assert!(refusal("hello\n").starts_with("s.csv: this is no log of a known kind"));
        assert!(refusal("\n\n").contains("empty"));
    }

    #[test]
    fn headers_are_folded_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for word in HEADERS.iter().flat_map(|(_, words)| words.iter()) {
            assert_eq!(fold(word), *word);
            assert!(seen.insert(word), "{word} is listed twice");
        }
    }
}
