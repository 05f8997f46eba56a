//! Settings: what is written in `settings.toml`, and what of it is valid.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use crate::report::kind::Severity;

/// One thing that is wrong with a settings or customer file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Complaint {
    /// Line in the file, from 1; `None` where the thing is missing altogether.
    pub line: Option<u64>,
    /// The setting (`policy.digest_hour`) or column concerned.
    pub field: String,
    /// What is wrong and what to write instead: a sentence for a person.
    pub complaint: String,
}

/// A value that never shows in logs or `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What is done with mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing is sent until the operator releases it.
    Hold,
    /// All mail goes to the operator.
    Practice,
    Live,
}

/// Valid settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub boxx: BoxSettings,
    pub organisation: Organisation,
    pub shadowserver: Shadowserver,
    pub networks: Networks,
    pub customers: CustomersFile,
    /// `None` while no mail server is set: notices wait.
    pub mail: Mail,
    pub policy: Policy,
    pub page: Page,
    pub trust: Trust,
}

#[derive(Clone, Debug)]
pub struct BoxSettings {
    pub name: String,
    pub timezone: TimeZone,
    pub language: String,
    pub mode: Mode,
}

#[derive(Clone, Debug)]
pub struct Organisation {
    pub name: String,
    pub abuse_address: String,
    pub operator_address: String,
}

#[derive(Clone, Debug)]
pub struct Shadowserver {
    /// Empty while not set up: nothing is fetched.
    pub key: Secret,
    pub secret: Secret,
    /// Ends with a slash, like `download_url`.
    pub api_url: String,
    pub download_url: String,
    pub schema_url: String,
    pub reports: Vec<String>,
    pub poll_minutes: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Networks {
    pub cidrs: Vec<IpNet>,
    pub silenced: Vec<IpNet>,
    pub dynamic: Vec<IpNet>,
    pub cgn: Vec<IpNet>,
}

impl Networks {
    pub fn contains(list: &[IpNet], address: IpAddr) -> bool {
        list.iter().any(|net| net.contains(&address))
    }
}

/// Where the customer file is.
#[derive(Clone, Debug)]
pub struct CustomersFile {
    /// Absolute, or taken from the settings file's folder.
    pub file: Option<PathBuf>,
    pub url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// `smtp://`
    Plain,
    /// `smtp+starttls://`: fails when STARTTLS is not offered
    StartTls,
    /// `smtps://`
    Tls,
}

#[derive(Clone, Debug)]
pub struct MailServer {
    pub security: MailSecurity,
    pub host: String,
    pub port: u16,
    /// User and password, percent-decoded.
    pub login: Option<(String, Secret)>,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub server: Option<MailServer>,
    pub per_minute_max: u32,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub mail_severity_min: Severity,
    pub repeat_days_compromised: u32,
    pub repeat_days_exposed: u32,
    pub close_after_days: u32,
    pub mail_age_days_max: u32,
    pub mails_per_day_max: u32,
    pub digest_hour: i8,
    pub hold_first: bool,
    pub hold_share_max: f64,
    pub hold_count_min: u32,
    pub tell_unknown_types: bool,
}

#[derive(Clone, Debug)]
pub struct Page {
    pub names: Vec<String>,
    pub allow: Vec<IpNet>,
}

#[derive(Clone, Debug)]
pub struct Trust {
    /// PEM files of further certificate authorities.
    pub extra_ca: Vec<PathBuf>,
}
