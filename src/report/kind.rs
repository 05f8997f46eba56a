//! The table of report types: one line for each that Shadowserver makes or has made.

use serde::{Deserialize, Serialize};

/// How bad a finding is. Ordered: `Info < Low < Medium < High < Critical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads one of the five words, in any case; anything else is none.
    pub fn read(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().as_bytes().eq_ignore_ascii_case(word))
    }
}

/// Whether somebody is already in the machine, or merely could get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    Compromised,
    Exposed,
}

/// The column that holds the customer's side of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `ip`, with `port`
    Ip,
    /// `src_ip`, with `src_port`, which is a source port
    SrcIp,
    /// `dst_ip`, with `dst_port`
    DstIp,
    /// `http_referer_ip`, with `http_referer_port`
    HttpRefererIp,
    /// No address at all: such rows are unattributable.
    None,
}

/// What, beside customer, place and report type, makes two rows the same problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// Port and protocol: a service that listens.
    Service,
    /// Malware family: an infection.
    Infection,
    /// Nothing else.
    Place,
}

/// What kind of problem it is: decides the words of the mail and the columns a customer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    Other,
}
