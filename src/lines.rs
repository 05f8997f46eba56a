//! What other programs read of incidents, reports and mails: one JSON object for each, the same from a command's
//! `--json` and from the API.
//!
//! A contract: members are added and never renamed; ids are texts, times RFC 3339 in UTC; what is not there is null.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::clock::{Day, Timestamp};
use crate::config::Mode;
use crate::incident::{Incident, Key};
use crate::notify::outbox::{Notice, State};
use crate::report::Rejection;
use crate::store::{Alarm, RejectedRow, Report};

/// What a notice comes to: what it tells, and each of its mails.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub incidents: Vec<u64>,
    pub mails: Vec<Outbound>,
}

/// A mail to one address.
#[derive(Clone, Debug)]
pub struct Outbound {
    pub to: String,
    pub state: State,
    pub message_id: String,
    /// The mail server's last words; empty before it was asked.
    pub reply: String,
}

/// Is it working?
#[derive(Clone, Debug)]
pub struct Status {
    pub mode: Mode,
    pub clock_trusted: bool,
    pub last_fetch: Option<Timestamp>,
    pub last_report_day: Option<Day>,
    /// Incidents that are not closed.
    pub incidents_open: u64,
    pub outbox_held: u64,
    pub outbox_queued: u64,
    /// By code.
    pub alarms: BTreeMap<String, Alarm>,
}

/// `kind`: the report type, as Shadowserver names it; `customer`: the customer's id.
pub fn incident(key: &Key, incident: &Incident, kind: &str, customer: Option<&str>, today: Day) -> Value {
    json!({
        "id": incident.id.to_string(), "customer": customer, "ip": incident.place(key),
        "port": incident.evidence.port, "protocol": some(&incident.evidence.protocol),
        "report": kind, "severity": incident.severity, "state": incident.state(today),
        "first_seen": incident.first_seen.to_string(), "last_seen": incident.last_seen.to_string(),
        "days_seen": incident.days_seen, "rows": incident.rows(), "again": incident.again,
        "nature": incident.nature,
    })
}

pub fn report(file: &str, report: &Report) -> Value {
    let counts = report.counts;
    let counted = Rejection::ALL.iter().zip(report.rejected_by).filter(|(_, count)| *count > 0);
    let rejected_by: Map<String, Value> =
        counted.map(|(reason, count)| (reason.word().to_owned(), count.into())).collect();
    json!({
        "file": file, "type": some(&report.kind), "day": report.day.to_string(), "rows": counts.rows,
        "matched": counts.matched, "unassigned": counts.unassigned, "ambiguous": counts.ambiguous,
        "unattributable": counts.unattributable, "outside": counts.outside, "rejected": counts.rejected,
        "rejected_by": rejected_by, "surplus_cells": report.surplus_cells,
        "duplicate_of": report.duplicate_of, "unreadable": report.unreadable,
    })
}

/// A row of a report of this type that was rejected, by its physical line.
pub fn rejected(kind: &str, line: u64, row: &RejectedRow) -> Value {
    json!({ "report": kind, "line": line, "rejected": row.reason, "detail": row.detail })
}

/// One mail of a notice.
pub fn mail(notice: &Notice, customer: Option<&str>, incidents: &[u64], mail: &Outbound) -> Value {
    let incidents: Vec<String> = incidents.iter().map(u64::to_string).collect();
    json!({
        "id": notice.number.to_string(), "customer": customer, "to": some(&mail.to), "state": mail.state,
        "practice": notice.practice, "message_id": mail.message_id, "incidents": incidents,
        "created": notice.created.to_string(), "reply": some(&mail.reply),
    })
}

pub fn status(status: &Status) -> Value {
    let alarm = |(code, alarm): (&String, &Alarm)| json!({ "code": code, "since": alarm.since.to_string(), "text": alarm.text });
    json!({
        "version": env!("CARGO_PKG_VERSION"), "mode": status.mode, "clock_trusted": status.clock_trusted,
        "last_fetch": status.last_fetch.map(|at| at.to_string()),
        "last_report_day": status.last_report_day.map(|day| day.to_string()),
        "incidents_open": status.incidents_open, "outbox_held": status.outbox_held,
        "outbox_queued": status.outbox_queued,
        "alarms": status.alarms.iter().map(alarm).collect::<Vec<_>>(),
    })
}

/// An empty text is none.
pub fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
