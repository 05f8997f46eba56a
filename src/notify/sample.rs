//! A digest about nobody, to show what the words of a mail look like.

use jiff::tz::TimeZone;

use super::{Digest, Problem, Sender};
use crate::clock::Timestamp;
use crate::incident::policy::Reason;
use crate::report::kind::{Family, KINDS, Nature, Severity, unknown};

/// One problem of this family, found the day before at an address of the documentation.
pub fn digest(family: Family, sender: Sender, now: Timestamp, zone: &TimeZone) -> Digest {
    let kind = KINDS.iter().rfind(|kind| kind.family == family && !kind.retired).unwrap_or(unknown());
    Digest {
        sender,
        phrase: String::new(),
        notice: 1234,
        customer_id: "C-1001".to_owned(),
        customer_name: "Example Ltd".to_owned(),
        zone: zone.clone(),
        pass_on: false,
        practice_for: None,
        plain: false,
        problems: vec![Problem {
            incident: 1,
            report: kind.name.to_owned(),
            family,
            severity: Severity::High,
            nature: Nature::Exposed,
            reason: Reason::New,
            place: "192.0.2.17".to_owned(),
            more_addresses: Vec::new(),
            port: Some(3389),
            protocol: "tcp".to_owned(),
            seen: now.plus_days(-1),
            first_seen: now.plus_days(-3),
            days_seen: 3,
            shown: vec![("hostname".to_owned(), "gw.example.net".to_owned())],
        }],
        still_open: Vec::new(),
        gone: Vec::new(),
    }
}
