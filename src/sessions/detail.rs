//! The detail files of FreeRADIUS, and of others that write as Livingston did: an entry for each packet of accounting,
//! with a line of when it came, a line for each attribute, and a blank line.

use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use jiff::civil::DateTime;

use super::accounting::{self, Memory, Outcome, Told};
use super::read::{self, Error, Given, Line, Lines, Reading};
use super::time::{self, Moment, Order};
use super::{Session, user};
use crate::customers::import::short;

/// Whether a file begins as one of these: with when the first packet came.
pub(super) fn is_first(line: &str) -> bool {
    came(line).is_some()
}

/// Reads all of it, beginning with its first line.
pub(super) fn read<R: BufRead, E, F: FnMut(Session) -> Result<(), E>>(
    first: &Line<'_>,
    lines: &mut Lines<R>,
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    let (mut memory, mut order) = (Memory::default(), Order::default());
    let (mut entry, mut torn) = (Some(Entry::new(first)), None);
    while let Some(line) = lines.next().map_err(Error::Io)? {
        if line.is_torn {
            torn = Some(line.number);
        }
        if let Some(entry) = entry.as_mut().filter(|_| line.text.starts_with([' ', '\t'])) {
            entry.attribute(&line, reading);
            continue;
        }
        if let Some(entry) = entry.take() {
            entry.apply(&mut memory, &mut order, reading)?;
        }
        if came(&line.text).is_some() {
            entry = Some(Entry::new(&line));
        } else if !line.text.trim().is_empty() {
            reading.complain(line.number, "entry", "neither the begin of an entry nor a part of one");
        }
    }
    match (entry, torn) {
        (Some(_), Some(line)) => reading.complain(line, "entry", read::TORN),
        (Some(entry), None) => entry.apply(&mut memory, &mut order, reading)?,
        (None, _) => {}
    }
    memory.finish();
    memory.given.drain(..).try_for_each(|session| reading.give(session))
}

/// `Thu Nov 26 09:00:00 2026`, of the zone of the server.
fn came(line: &str) -> Option<DateTime> {
    DateTime::strptime("%a %b %d %H:%M:%S %Y", line.trim()).ok()
}

struct Entry {
    line: u64,
    came: Option<DateTime>,
    /// When the server got it, as Unix seconds.
    timestamp: Option<String>,
    /// When it happened, by the clock of the access server.
    event: Option<String>,
    told: Told,
}

impl Entry {
    fn new(line: &Line<'_>) -> Self {
        let (line, came) = (line.number, came(&line.text));
        Self { line, came, timestamp: None, event: None, told: Told::default() }
    }

    fn attribute<F>(&mut self, line: &Line<'_>, reading: &mut Reading<'_, F>) {
        let Some((name, value)) = line.text.split_once('=') else {
            if !line.text.trim().is_empty() {
                reading.complain(line.number, "entry", "no attribute with its value");
            }
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let told = &mut self.told;
        let text = || Some(user::text(&bytes(value)).into_owned());
        let is_read = match name {
            "Acct-Status-Type" => {
                told.status(value);
                true
            }
            "User-Name" => set(&mut told.user, text()),
            "Calling-Station-Id" => set(&mut told.station, text()),
            "ADSL-Agent-Circuit-Id" => set(&mut told.circuit, Some(user::of_bytes(&bytes(value)))),
            "ADSL-Agent-Remote-Id" => set(&mut told.remote, Some(user::of_bytes(&bytes(value)))),
            "NAS-Identifier" => set(&mut told.nas_name, text()),
            "NAS-IP-Address" => set(&mut told.nas_address, value.parse::<Ipv4Addr>().ok().map(IpAddr::V4)),
            "NAS-IPv6-Address" => {
                let address = value.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
                told.nas_address.is_some() || set(&mut told.nas_address, address)
            }
            "Acct-Session-Id" => set(&mut told.id, text()),
            "Acct-Session-Time" => set(&mut told.seconds, value.parse().ok()),
            "Acct-Delay-Time" => value.parse().map(|delay| told.delay = delay).is_ok(),
            "Timestamp" => set(&mut self.timestamp, text()),
            "Event-Timestamp" => set(&mut self.event, text()),
            "Framed-IP-Address" => {
                value.parse::<Ipv4Addr>().map(|ip| told.net(IpAddr::V4(ip).into())).is_ok()
            }
            "Framed-IPv6-Address" => {
                let ip = value.trim_end_matches("/128").parse::<Ipv6Addr>();
                ip.map(|ip| told.net(IpAddr::V6(ip).into())).is_ok()
            }
            "Framed-IPv6-Prefix" | "Delegated-IPv6-Prefix" => {
                value.parse::<Ipv6Net>().map(|net| told.net(IpNet::V6(net))).is_ok()
            }
            _ => true,
        };
        if !is_read || line.cut {
            reading.complain(line.number, name, format!("\"{}\" cannot be read", short(value)));
        }
    }

    fn apply<E, F: FnMut(Session) -> Result<(), E>>(
        self,
        memory: &mut Memory,
        order: &mut Order,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        let line = self.line;
        let Some((at, doubt)) = self.at(order, reading.given) else {
            reading.complain(line, "Timestamp", "nothing in this entry says when it was");
            return Ok(());
        };
        let event = match self.told.event(at.at(), at.doubt(), None, line) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(()),
            Err(why) => {
                reading.complain(line, "entry", format!("this entry is left out: {why}"));
                return Ok(());
            }
        };
        if let Some((field, why)) = doubt {
            reading.complain(line, field, why);
        }
        let Ok(outcome) = accounting::apply(&event, memory);
        if outcome == Outcome::LastSecond {
            let why = "the begin of this session is not in the file, nor how long it was; only its last second counts";
            reading.complain(line, "Acct-Session-Time", why);
        }
        memory.given.drain(..).try_for_each(|session| reading.give(session))
    }

    /// When it was, and why that is not certain: the field, and what is wrong with it.
    fn at(&self, order: &mut Order, given: &Given<'_>) -> Option<(Moment, Option<(&'static str, String)>)> {
        let stamped = self.timestamp.as_deref().and_then(|text| time::read(text, given).ok().flatten());
        let came = stamped.or_else(|| Some(order.settle(time::local(self.came?, given))));
        let told = self.event.as_deref().and_then(|text| happened(text, given));
        let at = accounting::happened(told, came, self.told.delay)?;
        let doubt = match came {
            Some(came) if came.is_certain() => ("Event-Timestamp", accounting::APART.to_owned()),
            _ => ("entry", format!("its time {}", time::TWICE)),
        };
        Some((at, (!at.is_certain()).then_some(doubt)))
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_some = value.is_some();
    *place = value.or(place.take());
    is_some
}

/// `Nov 26 2026 09:00:00 CET`, or a time in another form. Of a zone that is not the log's it is not read.
fn happened(text: &str, given: &Given<'_>) -> Option<Moment> {
    let (words, zone) = text.rsplit_once(' ').unwrap_or((text, ""));
    let Ok(civil) = DateTime::strptime("%b %d %Y %H:%M:%S", words) else {
        return time::read(text, given).ok().flatten();
    };
    if ["UTC", "GMT"].contains(&zone) {
        return time::read(&format!("{civil}Z"), given).ok().flatten();
    }
    let moment = time::local(civil, given);
    let is_of_zone = |at: &crate::clock::Timestamp| {
        let at = at.plus_seconds(-given.offset).in_zone(given.zone);
        at.strftime("%Z").to_string() == zone
    };
    [moment.early, moment.late].into_iter().find(is_of_zone).map(Moment::certain)
}

/// The bytes of a value: between quotation marks, hexadecimal behind `0x`, or as it is.
fn bytes(value: &str) -> Vec<u8> {
    if let Some(hex) = value.strip_prefix("0x") {
        return user::bytes_of(hex).unwrap_or_else(|| value.into());
    }
    let quoted = value.strip_prefix('"').and_then(|rest| user::quoted(rest.as_bytes()));
    quoted.map_or_else(|| value.into(), |(bytes, _)| bytes)
}
