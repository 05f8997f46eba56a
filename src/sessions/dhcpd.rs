//! The lease files of ISC DHCP, `dhcpd.leases` and `dhcpd6.leases` (dhcpd.leases(5)): a journal, of which the last entry
//! of a lease counts. Times are UTC.
//!
//! What a client says of itself freely, such as its name, is not read: it could name somebody else.

use std::io::BufRead;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::leases::Leases;
use super::read::{Error, Line, Lines, Reading};
use super::time;
use super::{Session, Until, user};
use crate::clock::Timestamp;
use crate::customers::import::short;

/// Whether a file begins as one of these, from its first line that says something.
pub(super) fn is_first(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["#", ..] => line.contains("dhcpd"),
        ["lease", address, "{"] => address.parse::<IpAddr>().is_ok(),
        ["authoring-byte-order" | "server-duid" | "default-duid" | "ia-na" | "ia-ta" | "ia-pd", ..] => true,
        ["failover", "peer", ..] => true,
        _ => false,
    }
}

/// Reads all of it, beginning with its first line.
pub(super) fn read<R: BufRead, E, F: FnMut(Session) -> Result<(), E>>(
    first: &Line<'_>,
    lines: &mut Lines<R>,
    reading: &mut Reading<'_, F>,
) -> Result<(), Error<E>> {
    let mut parser = Parser::default();
    parser.line(first, reading)?;
    while let Some(line) = lines.next().map_err(Error::Io)? {
        parser.line(&line, reading)?;
    }
    if let Some(open) = parser.blocks.first() {
        reading.complain(
            open.line,
            "lease",
            "the file ends within this entry, which is left out; send it whole",
        );
    }
    parser.leases.finish(reading)
}

/// A word of a statement, or the bytes of a text between quotation marks.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(Vec<u8>),
}

impl Token {
    fn word(&self) -> &str {
        match self {
            Token::Word(word) => word,
            Token::Text(_) => "",
        }
    }

    /// What stands for bytes: a text, or hexadecimal digits between colons.
    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Token::Text(bytes) => Some(bytes.clone()),
            Token::Word(word) => user::bytes_of(word),
        }
    }
}

/// What stands between `{` and `}`.
struct Block {
    /// On which it begins.
    line: u64,
    place: Place,
}

enum Place {
    Lease(IpNet),
    /// An identity of a client of DHCPv6.
    Identity,
    Address(IpNet),
    Other,
}

/// What an entry says, so far.
#[derive(Default)]
struct Entry {
    starts: Option<Timestamp>,
    /// When the client was last heard.
    heard: Option<Timestamp>,
    ends: Option<Until>,
    state: String,
    mac: Option<String>,
    client: Vec<String>,
    circuit: Option<String>,
    remote: Option<String>,
}

#[derive(Default)]
struct Parser {
    blocks: Vec<Block>,
    /// Of the statement that is being read.
    tokens: Vec<Token>,
    entry: Entry,
    leases: Leases,
}

impl Parser {
    fn line<E, F: FnMut(Session) -> Result<(), E>>(
        &mut self,
        line: &Line<'_>,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        let Line { number, text, cut, .. } = line;
        if *cut {
            reading.complain(*number, "lease", "a line that long is of no lease file");
        }
        let mut rest = text.as_bytes();
        while let Some((&first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'#' => return Ok(()),
                b'"' => match user::quoted(behind) {
                    Some((bytes, length)) => {
                        rest = &behind[length..];
                        self.token(Token::Text(bytes));
                    }
                    None => {
                        reading.complain(*number, "lease", "a quotation mark is not closed on its line");
                        self.tokens.clear();
                        return Ok(());
                    }
                },
                b'{' => self.open(*number, reading),
                b';' => self.statement(*number, reading),
                b'}' => self.close(reading)?,
                byte if byte.is_ascii_whitespace() => {}
                _ => {
                    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"{};\"#".contains(byte);
                    let length = behind.iter().position(is_end).unwrap_or(behind.len());
                    let word = String::from_utf8_lossy(&[&[first], &behind[..length]].concat()).into_owned();
                    rest = &behind[length..];
                    self.token(Token::Word(word));
                }
            }
        }
        Ok(())
    }

    fn token(&mut self, token: Token) {
        if self.tokens.len() < TOKENS_MAX {
            self.tokens.push(token);
        }
    }

    fn open<F>(&mut self, line: u64, reading: &mut Reading<'_, F>) {
        let tokens = std::mem::take(&mut self.tokens);
        let kind = tokens.first().map(Token::word).unwrap_or_default();
        if ["lease", "ia-na", "ia-ta", "ia-pd"].contains(&kind) {
            // Nothing of that kind stands within another: the closing bracket of the one before was lost.
            if let Some(lost) = self.blocks.first() {
                reading.complain(lost.line, "lease", "the end of this entry is missing, so it is left out");
                self.blocks.clear();
            }
            self.entry = Entry::default();
        }
        let address = tokens.get(1).map(Token::word).unwrap_or_default();
        let is_in_identity = matches!(self.blocks.last(), Some(Block { place: Place::Identity, .. }));
        let place = match kind {
            "lease" => address.parse::<IpAddr>().ok().map(|ip| Place::Lease(IpNet::from(ip))),
            "ia-na" | "ia-ta" | "ia-pd" => {
                // Four bytes of it are the client's own number of the identity.
                let id = tokens.get(1).and_then(Token::bytes).unwrap_or_default();
                self.entry.client = user::of_duid(id.get(4..).unwrap_or_default());
                Some(Place::Identity)
            }
            "iaaddr" if is_in_identity => {
                self.address();
                address.parse::<Ipv6Addr>().ok().map(|ip| Place::Address(IpNet::from(IpAddr::V6(ip))))
            }
            "iaprefix" if is_in_identity => {
                self.address();
                // A prefix of all addresses is nobody's.
                let net = address.parse::<IpNet>().ok().filter(|net| net.prefix_len() > 0);
                net.map(|net| Place::Address(net.trunc()))
            }
            _ => Some(Place::Other),
        };
        let place = place.unwrap_or_else(|| {
            reading.complain(line, "lease", format!("\"{}\" is no address", short(address)));
            Place::Other
        });
        if self.blocks.len() < BLOCKS_MAX {
            self.blocks.push(Block { line, place });
        }
    }

    /// What an address of an identity says is its own.
    fn address(&mut self) {
        (self.entry.ends, self.entry.starts) = (None, None);
        self.entry.state.clear();
    }

    fn statement<F>(&mut self, line: u64, reading: &mut Reading<'_, F>) {
        let tokens = std::mem::take(&mut self.tokens);
        if self.blocks.is_empty() || matches!(self.blocks.last(), Some(Block { place: Place::Other, .. })) {
            return;
        }
        let words: Vec<&str> = tokens.iter().map(Token::word).collect();
        let entry = &mut self.entry;
        match words[..] {
            ["starts" | "ends" | "cltt", ..] => match moment(&words[1..], reading) {
                Some(until) => match (words[0], until) {
                    ("ends", until) => entry.ends = Some(until),
                    ("starts", Until::Ended(at)) => entry.starts = Some(at),
                    ("cltt", Until::Ended(at)) => entry.heard = Some(at),
                    _ => {}
                },
                None => {
                    let what = format!("\"{}\" is no time of a lease file", short(&words.join(" ")));
                    reading.complain(line, words[0], what);
                }
            },
            ["binding", "state", state] => entry.state = state.to_owned(),
            ["hardware", _, mac] => entry.mac = Some(mac.to_owned()),
            ["uid", _] => {
                entry.client = tokens[1].bytes().map(|id| user::of_client(&id)).into_iter().collect()
            }
            ["option", "agent.circuit-id", _] => {
                entry.circuit = tokens[2].bytes().map(|id| user::of_bytes(&id))
            }
            ["option", "agent.remote-id", _] => {
                entry.remote = tokens[2].bytes().map(|id| user::of_bytes(&id))
            }
            _ => {}
        }
    }

    fn close<E, F: FnMut(Session) -> Result<(), E>>(
        &mut self,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        self.tokens.clear();
        match self.blocks.pop() {
            Some(Block { line, place: Place::Lease(net) | Place::Address(net) }) => {
                self.entry(line, net, reading)
            }
            _ => Ok(()),
        }
    }

    fn entry<E, F: FnMut(Session) -> Result<(), E>>(
        &mut self,
        line: u64,
        net: IpNet,
        reading: &mut Reading<'_, F>,
    ) -> Result<(), Error<E>> {
        let Entry { starts, heard, ends, state, mac, client, circuit, remote } = &self.entry;
        // The one of which the client says most freely what he likes comes last, and only for want of a better.
        let client = client.iter().filter(|_| mac.is_none());
        let users = user::all(mac.iter().chain(client).chain(circuit).chain(remote));
        let from = starts.or(*heard);
        let until = match (state.as_str(), ends) {
            ("active", Some(Until::Ended(at))) => Until::Expires(*at),
            ("active", _) => Until::Open,
            // Nobody may have it: somebody else was found on it.
            ("abandoned", _) => {
                from.or(*heard).into_iter().for_each(|at| self.leases.vacate(net, at));
                return Ok(());
            }
            // DHCPv6 keeps when it would have ended, and says when it was given back.
            ("released", Some(Until::Ended(at))) if starts.is_none() => {
                Until::Ended(heard.map_or(*at, |heard| heard.min(*at)))
            }
            (_, Some(Until::Ended(at))) => Until::Ended(*at),
            // It is free, and nothing says that it was anybody's.
            _ => return Ok(()),
        };
        let Some(from) = from else {
            if until == Until::Open || !user::is_nobody(&users) {
                reading.complain(
                    line,
                    "starts",
                    format!("the lease of {net} does not say since when, so it is left out"),
                );
            }
            return Ok(());
        };
        if user::is_nobody(&users) {
            // One that was never let has neither.
            if state == "active" {
                reading.complain(
                    line,
                    "hardware",
                    format!("the lease of {net} says not whose it is; nobody is named"),
                );
            } else {
                return Ok(());
            }
        }
        let until = match until {
            Until::Ended(at) => Until::Ended(at.max(from)),
            Until::Expires(at) => Until::Expires(at.max(from)),
            Until::Open => Until::Open,
        };
        let session = Session { net, ports: None, users, from, until, uncertainty: 0, line };
        self.leases.take(session, reading)
    }
}

/// `4 2026/11/26 08:00:00`, `epoch 1795680000` or `never`, which is open.
fn moment<F>(words: &[&str], reading: &Reading<'_, F>) -> Option<Until> {
    let text = match words {
        ["never"] => return Some(Until::Open),
        ["epoch", seconds, ..] => (*seconds).to_owned(),
        [_, date, clock, ..] => format!("{date} {clock} UTC"),
        _ => return None,
    };
    time::read(&text, reading.given).ok()?.map(|moment| Until::Ended(moment.at()))
}

/// A statement has a handful.
const TOKENS_MAX: usize = 32;
/// An entry is two deep, and what a server is told to do when a lease ends some more.
const BLOCKS_MAX: usize = 32;
