//! Whether what was set works, tried in earnest: what the key sees, what the mail server says, whose the rows would be.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::intake::{counted, describe, owner};
use super::mailing::{NO_OPERATOR, NO_SENDER, NO_SERVER};
use super::{Engine, Error, Loaded, jobs, random_token};
use crate::clock::{self, Day, Timestamp};
use crate::config::Settings;
use crate::customers::import::File;
use crate::customers::table::Table;
use crate::fetch::api::Listing;
use crate::fetch::http::Client;
use crate::fetch::spool::Spool;
use crate::fetch::{self, spool};
use crate::files::Temporary;
use crate::lang::fill;
use crate::net::{is_host, is_near};
use crate::notify::authentic::{self, Look};
use crate::notify::smtp::{Outcome, Smtp, Stage, Waits};
use crate::notify::{Mail, dkim, mime};
use crate::report::{Address, Hint, Item, Reader};
use crate::sessions::owner::Sources;
use crate::store::Counts;
use crate::system::resolver::{self, Kind, Record};
use crate::web::hand::{Asked, End, Proof, Seen};
use crate::web::words::PageWords;

impl Engine {
    /// Asks Shadowserver what the key of the settings can see. It goes beside the fetch loop, whose pass may take hours.
    pub(super) async fn ask_shadowserver(&self, now: Timestamp) -> Result<Asked, Error> {
        let loaded = self.loaded();
        let settings = &loaded.settings.shadowserver;
        if settings.key.0.is_empty() || settings.secret.0.is_empty() {
            let what = "shadowserver.key and shadowserver.secret are not both set".to_owned();
            return Err(fetch::Error::Settings { what }.into());
        }
        let client = Client::new(settings, &loaded.extra_ca)?.pausing(Duration::from_secs(1) / clock::pace());
        client.ping().await?;
        let day = now.day().plus(-1);
        let has_networks = !loaded.settings.networks.cidrs.is_empty();
        let seen = async {
            let lists = client.subscribed().await?;
            let types = client.types(day).await?;
            let listing = client.list(day).await?;
            let reports = listing.reports.len() as u64;
            let networks = match has_networks {
                true => Vec::new(),
                false => self.networks_in(&client, &listing, now).await,
            };
            Ok(Seen { lists, day, types, reports, unusable: listing.skipped.values().sum(), networks })
        };
        match seen.await {
            Ok(seen) if !seen.lists.is_empty() || seen.reports > 0 => Ok(Asked::Sees(seen)),
            Ok(_) | Err(fetch::Error::NoReportsGroup) => {
                let networks = &loaded.settings.networks.cidrs;
                Ok(Asked::NoReports { networks: networks.iter().map(ToString::to_string).collect() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The networks that some of the listed reports name. They are only looked at: nothing is taken in before somebody
    /// has said which networks are ours. What cannot be had is left out, since this is but an offer.
    async fn networks_in(&self, client: &Client, listing: &Listing, now: Timestamp) -> Vec<(IpNet, u64)> {
        let mut rows = HashMap::new();
        let look = async {
            // Where jobs have their files, apart from the reports that count.
            let aside = Spool::new(jobs::folder(self))?;
            for listed in listing.reports.iter().take(LOOKED_AT_MAX) {
                let file = match client.download(&listed.id, &listed.file, &aside, now).await {
                    Ok(spooled) => Temporary(spooled.path),
                    Err(error) => {
                        tracing::warn!(
                            report = listed.file,
                            "not looked at for networks: {}",
                            describe(&error)
                        );
                        continue;
                    }
                };
                let hint = Hint { kind: listed.kind.as_deref(), file_name: Some(&listed.file) };
                let Ok(mut reader) = Reader::new(spool::open(&file.0)?, hint) else { continue };
                while let Ok(Some(item)) = reader.next_item() {
                    if let Item::Row(row) = item
                        && let Some(network) = network_around(row.address)
                        && (rows.len() < NETWORKS_MAX || rows.contains_key(&network))
                    {
                        *rows.entry(network).or_insert(0) += 1;
                    }
                }
            }
            Ok::<(), fetch::Error>(())
        };
        match tokio::time::timeout(LOOK_TIME_MAX, look).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("no networks are offered: {}", describe(&error)),
            Err(_) => tracing::warn!("no networks are offered: the reports take long to come"),
        }
        let mut networks: Vec<_> = rows.into_iter().collect();
        networks.sort_unstable_by_key(|(network, rows)| (Reverse(*rows), *network));
        networks.truncate(OFFERED_MAX);
        networks
    }

    /// Sends a mail to the operator, as one to a customer would go.
    pub(super) async fn try_mail(&self, now: Timestamp) -> Result<End, Error> {
        let loaded = self.loaded();
        let Settings { boxx, organisation, mail, .. } = &loaded.settings;
        let (from, to) = (&organisation.abuse_address, &organisation.operator_address);
        let missing = [(from.is_empty(), NO_SENDER), (to.is_empty(), NO_OPERATOR)];
        if let Some((_, text)) = missing.iter().find(|(is_missing, _)| *is_missing) {
            return Ok(End::Failed((*text).to_owned()));
        }
        let Some(server) = mail.server.clone() else { return Ok(End::Failed(NO_SERVER.to_owned())) };
        let say = &PageWords::of(&boxx.language).setup;
        let names = [("organisation", organisation.name.as_str()), ("box", &boxx.name)];
        let text = Mail {
            subject: fill(say.test_subject, &names),
            text: fill(say.test_text, &names),
            html: None,
            csv: None,
        };
        let (token, domain) = (random_token(), mime::domain_of(from));
        let envelope = mime::Envelope {
            from_name: organisation.name.clone(),
            from: from.clone(),
            to: to.clone(),
            reply_to: None,
            message_id: mime::message_id(&token, 0, 0, domain),
            references: Vec::new(),
            date: now,
        };
        let host = (server.host.trim_matches(['[', ']']).to_owned(), server.port);
        let mut open = Smtp::new(server, &boxx.name, &loaded.extra_ca, WAITS)?.connect().await?;
        let sender = mime::return_path(from, &token);
        let unsigned = mime::message(&text, &envelope);
        let signed = self.signature(&loaded, from, now, &unsigned)? + &unsigned;
        let outcome = open.deliver(&sender, to, signed.as_bytes(), || Ok::<(), Error>(())).await;
        open.quit().await;
        Ok(match outcome {
            Outcome::Accepted { reply } => {
                let proof = Box::new(proof(domain, (&host.0, host.1), &loaded));
                End::Mailed { from: from.clone(), to: to.clone(), reply, proof }
            }
            Outcome::Later { stage, reply }
            | Outcome::Refused { stage, reply }
            | Outcome::ServerRefused { stage, reply } => End::Failed(format!(
                "the mail server does not take the test mail, at {stage}: {reply}; {}",
                advice(stage)
            )),
            Outcome::Lost { detail, .. } => End::Failed(format!(
                "the mail server was reached, and then it broke off: {detail}; try again, and look into its log"
            )),
            Outcome::Stopped(error) => return Err(error),
        })
    }

    /// What would become of the rows of the newest report day if this were the customer list. `None`: there is no report.
    pub(super) fn rows_with(&self, file: &File) -> Result<Option<(Day, Counts)>, Error> {
        let mut reports = self.reports_in_spool()?;
        let Some(day) = reports.last().and_then(|(_, source, _)| source.day) else { return Ok(None) };
        reports.retain(|(_, source, _)| source.day == Some(day));
        let mut numbers = HashMap::<String, u32>::new();
        let number = |id: &str| {
            let next = numbers.len() as u32 + 1;
            *numbers.entry(id.to_owned()).or_insert(next)
        };
        let table = Table::build(&self.loaded().settings.networks, [(Timestamp::from_unix(0), file)], number);
        let loaded = self.loaded();
        let log = self.store.view()?.session_log()?;
        let sources = Sources { table: &table, ..loaded.sources(&log) };
        let mut counts = Counts::default();
        for (_, source, spooled) in reports {
            let hint = Hint { kind: source.kind.as_deref(), file_name: Some(&source.file) };
            // It was read when it came in; what the disk has lost since is not counted.
            let Ok(mut reader) = Reader::new(spool::open(&spooled.path)?, hint) else { continue };
            let header = reader.header.clone();
            while let Ok(Some(item)) = reader.next_item() {
                counts.rows += 1;
                match item {
                    Item::Row(row) => *counted(&mut counts, owner(&sources, &header, &row).owner) += 1,
                    Item::Rejected { .. } => counts.rejected += 1,
                }
            }
        }
        log.finish()?;
        Ok(Some((day, counts)))
    }
}

/// What DNS says of mails from this domain that go over this server.
fn proof(domain: &str, host: (&str, u16), loaded: &Loaded) -> Proof {
    let is_public = |address: &IpAddr| is_host(*address) && !is_near(*address);
    let found = host.to_socket_addrs().into_iter().flatten();
    let address = found.map(|found| found.ip().to_canonical()).find(is_public);
    let mut look = Resolver { servers: resolver::servers(), until: Instant::now() + LOOK_UP_TIME_MAX };
    let spf = authentic::spf(domain, address, &mut look);
    let dmarc = authentic::dmarc(domain, &mut look);
    let dkim = loaded.signing_key.as_ref().map(|key| {
        authentic::dkim(domain, &loaded.settings.mail.dkim_selector, dkim::record(&**key), &mut look)
    });
    Proof { domain: domain.to_owned(), address, spf, dmarc, dkim }
}

/// Looks up in DNS for a while.
struct Resolver {
    servers: Vec<SocketAddr>,
    until: Instant,
}

impl Resolver {
    fn ask<T>(
        &self,
        name: &str,
        kinds: &[Kind],
        wanted: impl Fn(Record) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let mut found = Vec::new();
        for kind in kinds {
            if Instant::now() >= self.until {
                return Err(format!("the name servers take too long, at {name}"));
            }
            let records = resolver::ask(&self.servers, name, *kind).map_err(|error| describe(&error))?;
            found.extend(records.into_iter().filter_map(&wanted));
        }
        Ok(found)
    }
}

impl Look for Resolver {
    fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
        self.ask(name, &[Kind::Txt], |record| match record {
            Record::Text(text) => Some(text),
            _ => None,
        })
    }

    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        self.ask(name, &[Kind::A, Kind::Aaaa], |record| match record {
            Record::Address(address) => Some(address),
            _ => None,
        })
    }

    fn exchanges(&mut self, name: &str) -> Result<Vec<String>, String> {
        self.ask(name, &[Kind::Mx], |record| match record {
            Record::Exchange(name) => Some(name),
            _ => None,
        })
    }
}

fn advice(stage: Stage) -> &'static str {
    match stage {
        Stage::Greeting | Stage::StartTls | Stage::Login => "check server, security, user and password",
        Stage::Sender => "check organisation.abuse_address, and whether the server lets this box send for it",
        Stage::Recipient => {
            "check organisation.operator_address, and whether the server passes on what this box sends"
        }
        Stage::Data | Stage::Content => "the log of the mail server says more",
    }
}

/// What providers hand to networks of their own: /24, and /48 of IPv6 (RFC 6177).
fn network_around(address: Address) -> Option<IpNet> {
    let (address, own) = match address {
        Address::Ip(address) => (address.to_canonical(), u8::MAX),
        Address::Net(network) => (network.network(), network.prefix_len()),
        Address::None => return None,
    };
    let prefix = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, prefix.min(own)).ok().map(|network| network.trunc())
}

/// All look-ups about one domain: after so long no further one is begun.
const LOOK_UP_TIME_MAX: Duration = Duration::from_secs(20);
/// Reports that are looked at for networks.
const LOOKED_AT_MAX: usize = 3;
const LOOK_TIME_MAX: Duration = Duration::from_secs(90);
/// Networks that are counted: a provider with more does not type them in from an offer.
const NETWORKS_MAX: usize = 10_000;
/// Networks that are offered.
const OFFERED_MAX: usize = 200;
/// Somebody waits for the answer, and nobody minds if a test mail comes twice.
const WAITS: Waits = Waits {
    connect: Duration::from_secs(10),
    reply: Duration::from_secs(30),
    content: Duration::from_secs(60),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_the_network_around_it() {
        let around = |text: &str| match text.parse::<IpNet>() {
            Ok(network) => network_around(Address::Net(network)),
            Err(_) => network_around(Address::Ip(text.parse().unwrap())),
        };
        for (text, network) in [
            ("192.0.2.7", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("2001:db8:1:2::7", "2001:db8:1::/48"),
            ("192.0.2.64/26", "192.0.2.0/24"),
            ("192.0.0.0/16", "192.0.0.0/16"),
        ] {
            assert_eq!(around(text).unwrap().to_string(), network, "{text}");
        }
        assert_eq!(network_around(Address::None), None);
    }
}
