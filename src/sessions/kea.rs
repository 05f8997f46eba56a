//! The lease files of Kea (`kea-leases4.csv`, `kea-leases6.csv`): a journal in CSV, where a comma in a cell is written
//! `&#x2c`. Times are Unix seconds.
//!
//! What a client says of itself freely, such as its name, is not read: it could name somebody else.

use std::io::BufRead;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::leases::Leases;
use super::read::{Error, Line, Lines, Reading, TORN};
use super::{Session, Until, user};
use crate::clock::Timestamp;
use crate::customers::import::short;

/// The columns that are read, by their place; those that an older Kea has not are nowhere.
pub(super) struct Columns {
    address: usize,
    lifetime: usize,
    expire: usize,
    /// Of IPv6.
    duid: Option<usize>,
    prefix_len: Option<usize>,
    hwaddr: Option<usize>,
    client: Option<usize>,
    state: Option<usize>,
    context: Option<usize>,
}

/// The columns, if a line is the header of such a file.
pub(super) fn header(line: &str) -> Option<Columns> {
    let names: Vec<&str> = line.trim().split(',').collect();
    let find = |name: &str| names.iter().position(|known| *known == name);
    find("subnet_id")?;
    let (address, lifetime, expire) = (find("address")?, find("valid_lifetime")?, find("expire")?);
    let (duid, prefix_len, hwaddr) = (find("duid"), find("prefix_len"), find("hwaddr"));
    let (client, state, context) = (find("client_id"), find("state"), find("user_context"));
    Some(Columns { address, lifetime, expire, duid, prefix_len, hwaddr, client, state, context })
}

/// Reads what stands below the header.
pub(super) fn read<R: BufRead, E, F: FnMut(Session) -> Result<(), E>>(
    columns: &Columns,
    lines: &mut Lines<R>,
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    let mut leases = Leases::default();
    while let Some(line) = lines.next().map_err(Error::Io)? {
        // Kea itself begins anew after each restart with a header.
        if !line.text.trim().is_empty() && header(&line.text).is_none() {
            lease(columns, &line, &mut leases, reading)?;
        }
    }
    leases.finish(reading)
}

fn lease<E, F: FnMut(Session) -> Result<(), E>>(
    columns: &Columns,
    Line { number, text, cut, is_torn }: &Line<'_>,
    leases: &mut Leases,
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    let cells: Vec<&str> = text.trim_end().split(',').collect();
    let cell =
        |column: Option<usize>| column.and_then(|column| cells.get(column)).copied().unwrap_or_default();
    let mut complain = |field: &str, why: String| {
        reading.complain(*number, field, why);
        Ok(())
    };
    if *is_torn {
        return complain("address", TORN.to_owned());
    }
    let address = cell(Some(columns.address));
    let length = cell(columns.prefix_len).parse().ok();
    let net = address.parse::<IpAddr>().ok().and_then(|ip| match length {
        // A prefix of all addresses is nobody's.
        Some(length) => IpNet::new(ip, length).ok().filter(|_| length > 0).map(|net| net.trunc()),
        None => Some(IpNet::from(ip)),
    });
    let Some(net) = net else {
        return complain("address", format!("\"{}\" is no address", short(address)));
    };
    let number_of = |column| cell(Some(column)).parse::<u32>().ok().map(i64::from);
    let expire = cell(Some(columns.expire)).parse::<i64>().ok().filter(|at| (0..EXPIRE_MAX).contains(at));
    let (Some(lifetime), Some(expire)) = (number_of(columns.lifetime), expire) else {
        return complain(
            "expire",
            format!("the lease of {net} does not say when it ends, so it is left out"),
        );
    };
    if *cut {
        return complain("user_context", format!("the line of {net} is too long, so it is left out"));
    }
    let at = |seconds| Timestamp::from_unix(seconds).plus_seconds(reading.given.offset);
    let (from, end) = (at(expire - lifetime), at(expire));
    let until = match (cell(columns.state), lifetime) {
        // Somebody else was found on it: it is nobody's for a while.
        ("1", _) => {
            leases.vacate(net, from);
            return Ok(());
        }
        // It was given back; some versions say when, the others when its client was last heard.
        (_, 0) | ("3", _) => {
            leases.vacate(net, end);
            return Ok(());
        }
        ("2", _) => Until::Ended(end),
        (_, FOREVER) => Until::Open,
        _ => Until::Expires(end),
    };
    let hwaddr = Some(cell(columns.hwaddr)).filter(|mac| !mac.is_empty()).map(str::to_owned);
    let bytes = |column| user::bytes_of(cell(column)).unwrap_or_default();
    let client = match columns.duid {
        // What a client calls itself counts for want of a better.
        None if hwaddr.is_none() => vec![user::of_client(&bytes(columns.client))],
        None => Vec::new(),
        Some(_) => user::of_duid(&bytes(columns.duid)),
    };
    let relays = relays(cell(columns.context));
    let users = user::all(hwaddr.into_iter().chain(client).chain(relays));
    if user::is_nobody(&users) {
        reading.complain(
            *number,
            "hwaddr",
            format!("the lease of {net} says not whose it is; nobody is named"),
        );
    }
    leases.take(Session { net, ports: None, users, from, until, uncertainty: 0, line: *number }, reading)
}

/// What relays on the way said of the line on which the client is: circuit and remote id.
fn relays(context: &str) -> Vec<String> {
    if !context.contains("ISC") {
        return Vec::new();
    }
    let Ok(context) = serde_json::from_str::<Value>(&unescaped(context)) else { return Vec::new() };
    let info = &context["ISC"];
    let hex = |value: &Value| value.as_str().and_then(user::bytes_of);
    // Of IPv4, with the options alone in older versions.
    let agent = &info["relay-agent-info"];
    if let Some(bytes) = hex(agent).or_else(|| hex(&agent["sub-options"])) {
        let ids = options(&bytes, 1);
        return [1, 2]
            .iter()
            .filter_map(|code| ids.iter().find(|(known, _)| known == code))
            .map(|(_, id)| user::of_bytes(id))
            .collect();
    }
    let relays = [&info["relay-info"], &info["relays"]].into_iter().find_map(Value::as_array);
    // Each relay counts those between the client and itself.
    let nearest = relays.and_then(|relays| relays.iter().min_by_key(|relay| relay["hop"].as_u64()));
    let ids = nearest.and_then(|relay| hex(&relay["options"])).map(|bytes| {
        options(&bytes, 2)
            .into_iter()
            .filter_map(|(code, id)| match code {
                INTERFACE_ID => Some(user::of_bytes(id)),
                // Behind the number of who made the relay.
                REMOTE_ID => id.get(4..).map(user::of_bytes),
                _ => None,
            })
            .collect()
    });
    ids.unwrap_or_default()
}

/// Options one behind another: their codes and lengths take `width` bytes each.
fn options(mut bytes: &[u8], width: usize) -> Vec<(usize, &[u8])> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    let mut found = Vec::new();
    while bytes.len() >= 2 * width {
        let (head, rest) = bytes.split_at(2 * width);
        let (code, length) = (number(&head[..width]), number(&head[width..]));
        let Some((option, rest)) = rest.split_at_checked(length) else { break };
        found.push((code, option));
        bytes = rest;
    }
    found
}

/// A cell as it was before Kea wrote signs of it as `&#x2c`.
fn unescaped(cell: &str) -> String {
    let mut pieces = cell.split("&#x");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&piece[2..]);
            }
            None => {
                text.push_str("&#x");
                text.push_str(piece);
            }
        }
    }
    text
}

/// A lease without end.
const FOREVER: i64 = u32::MAX as i64;
/// The year 2100, and the longest lease on top.
const EXPIRE_MAX: i64 = 4_102_444_800 + FOREVER;
// Options of DHCPv6 (RFC 8415, 21.18; RFC 4649).
const INTERFACE_ID: usize = 18;
const REMOTE_ID: usize = 37;
