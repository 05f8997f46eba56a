//! From incidents to what a mail may say: who may read which row, and which cells of it. Pure.
//!
//! This is where "no customer ever sees another customer's data" is kept. It trusts nothing decided earlier: at
//! the moment of writing it asks again whose the row's address was when the row was seen.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::outbox::Scope;
use super::{Problem, StillOpen, redact};
use crate::clock::Timestamp;
use crate::config::{Networks, Policy};
use crate::customers::table::Table;
use crate::customers::{CustomerNo, Owner};
use crate::incident::policy::{Moment, Reason, audience, due};
use crate::incident::{Audience, Incident, Key, OPERATOR, Ownership, State, batch};
use crate::report::kind::{Kind, Severity};
use crate::report::{column, text};

/// What decides over a mail, beside the incidents.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub table: &'a Table,
    pub networks: &'a Networks,
    pub policy: &'a Policy,
    pub zone: &'a TimeZone,
    pub at: Moment,
}

/// An incident that a mail tells.
pub struct Told {
    pub key: Key,
    pub severity: Severity,
    pub ownership: Ownership,
    pub problem: Problem,
    /// The notice that told it first.
    pub first_notice: Option<u64>,
}

impl Context<'_> {
    /// Why `receiver` is to be told of the incident now; `None` if it is not.
    pub fn due(&self, receiver: CustomerNo, key: &Key, incident: &Incident, scope: Scope) -> Option<Reason> {
        let reason = due(incident, self.policy, self.at, self.zone)?;
        let in_scope = match scope {
            Scope::Critical => incident.severity == Severity::Critical,
            Scope::Digest => true,
        };
        (in_scope && self.is_for(receiver, key, incident)).then_some(reason)
    }

    /// The incident as `receiver` may read it.
    pub fn tell(
        &self,
        receiver: CustomerNo,
        key: Key,
        incident: &Incident,
        kind_name: &str,
        kind: &Kind,
        reason: Reason,
    ) -> Told {
        let evidence = &incident.evidence;
        let own = |address: IpAddr| receiver == OPERATOR || self.owns(receiver, address, incident.last_seen);
        let inside = |address: IpAddr| Networks::contains(&self.networks.cidrs, address);
        let mut shown: Vec<(String, String)> = Vec::new();
        for (number, cell) in batch::shown_cells(&evidence.shown) {
            let Some(name) = column::name(number).filter(|name| kind.shows(name)) else { continue };
            let value = redact::clean(&text(cell), own, inside);
            // Reports often say the same in several columns, and nothing in some.
            let said = evidence.port.is_some_and(|port| port.to_string() == value)
                || shown.iter().any(|(_, known)| *known == value);
            if !said && !EMPTY_WORDS.iter().any(|word| value.eq_ignore_ascii_case(word)) {
                shown.push((name.to_owned(), value));
            }
        }
        Told {
            key,
            severity: incident.severity,
            ownership: incident.ownership,
            first_notice: incident.notices.first().copied(),
            problem: Problem {
                incident: incident.id,
                report: kind_name.to_owned(),
                family: kind.family,
                severity: incident.severity,
                nature: incident.nature,
                reason,
                place: incident.place(&key).unwrap_or_default(),
                more_addresses: incident
                    .more_addresses
                    .iter()
                    .copied()
                    .filter(|&address| own(address))
                    .collect(),
                port: evidence.port,
                protocol: evidence.protocol.clone(),
                seen: incident.last_seen,
                first_seen: incident.first_seen,
                days_seen: incident.days_seen,
                shown,
            },
        }
    }

    /// The line of an incident that was told earlier and is still open, if it is one.
    pub fn still_open(
        &self,
        receiver: CustomerNo,
        key: &Key,
        incident: &Incident,
        kind_name: &str,
        kind: &Kind,
    ) -> Option<StillOpen> {
        let (told, _) = incident.told?;
        let open = incident.state(self.at.today) == State::Told && self.is_for(receiver, key, incident);
        open.then(|| StillOpen {
            report: kind_name.to_owned(),
            family: kind.family,
            place: incident.place(key).unwrap_or_default(),
            port: incident.evidence.port,
            told,
        })
    }

    /// Whether the newest row of the incident is `receiver`'s to read.
    fn is_for(&self, receiver: CustomerNo, key: &Key, incident: &Incident) -> bool {
        let audience = audience(incident, self.policy);
        if receiver == OPERATOR {
            return audience == Audience::Operator;
        }
        let silenced = |address| Networks::contains(&self.networks.silenced, address);
        audience == Audience::Customer
            && match (incident.evidence.address, key.network()) {
                (Some(address), _) => !silenced(address) && self.owns(receiver, address, incident.last_seen),
                (None, Some(network)) => {
                    let owner = self.table.owner_of_network(network, incident.last_seen);
                    !silenced(network.network()) && mails(owner, receiver)
                }
                (None, None) => false,
            }
    }

    /// Whether the address was `receiver`'s at that time, and `receiver` is mailed.
    fn owns(&self, receiver: CustomerNo, address: IpAddr, at: Timestamp) -> bool {
        mails(self.table.owner(address, None, at), receiver)
    }
}

fn mails(owner: Owner, receiver: CustomerNo) -> bool {
    owner == Owner::Customer { customer: receiver, mailed: true }
}

/// What reports write where they have nothing to say.
const EMPTY_WORDS: &[&str] = &["", "-", "--", "null", "none", "unknown", "n/a"];
