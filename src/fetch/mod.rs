//! Shadowserver: what to ask and when, the API, the download to the spool.
//!
//! [`schedule`] says when to ask for which days, [`http`] asks in the words of [`api`], [`spool`] keeps what came. What
//! operators have elsewhere comes by the same client.

use std::io;
use std::path::{Path, PathBuf};

pub mod api;
pub mod http;
pub mod schedule;
pub mod spool;

/// Why a report, or the list of them, could not be had. Holds no key, secret or report id.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "Shadowserver refuses the key (HTTP {status}): check shadowserver.key and shadowserver.secret, and that \
         Shadowserver has not withdrawn them"
    )]
    KeyRefused { status: u16 },
    #[error(
        "Shadowserver knows the key, but no reports belong to it: ask Shadowserver to put the key into the reports \
         group and to set the filters for your networks"
    )]
    NoReportsGroup,
    #[error("{host} asks to be left alone for a while; abusebox asks again later by itself")]
    Throttled { host: String, retry_after_seconds: Option<u64> },
    #[error("{host} has a fault of its own (HTTP {status}); abusebox asks again by itself")]
    Server { host: String, status: u16 },
    #[error(
        "{host} does not know what was asked for (HTTP {status}): check the addresses under [shadowserver]"
    )]
    NotFound { host: String, status: u16 },
    /// Only for downloads: the id is no longer, or not yet, good.
    #[error(
        "{host} does not hand out report {file} (HTTP {status}); it is asked for again with the next list"
    )]
    Gone { host: String, file: String, status: u16 },
    /// Any other refusal, in the server's words; cleaned, and without the key.
    #[error("{host} answers with an error (HTTP {status}): {text}")]
    ServerSaid { host: String, status: u16, text: String },
    #[error(
        "{host} answers with {found} instead of JSON: check shadowserver.api_url, and whether a login page or \
         filter of the network stands in between"
    )]
    NotJson { host: String, found: &'static str },
    #[error("the answer of {host} ends in the middle; abusebox asks again by itself")]
    Cut { host: String },
    #[error(
        "{host} did not answer within {seconds} s, or too slowly to finish; abusebox asks again by itself"
    )]
    TimedOut { host: String, seconds: u64 },
    #[error("cannot reach {host}: {detail}; check the network cable, DNS and firewall")]
    Unreachable { host: String, detail: String },
    #[error(
        "no secure connection to {host}: {detail}; check the clock, and whether a firewall opens TLS on the way \
         (if it must, its authority goes into trust.extra_ca)"
    )]
    Tls { host: String, detail: String },
    #[error("{host} sends us on to {to}, which is not followed: check the addresses under [shadowserver]")]
    Redirected { host: String, to: String },
    /// Not Shadowserver, like the two below; `setting` names where it is set.
    #[error("{host} wants another user, password or token (HTTP {status}): check them in {setting}")]
    LoginRefused { host: String, status: u16, setting: String },
    #[error("{host} does not hand it out (HTTP {status}): check the URL in {setting}")]
    NotHandedOut { host: String, status: u16, setting: String },
    #[error(
        "{host} sends us on to {to}, which is not followed, since it is another server, or no https, or in a circle: \
         check the URL in {setting}"
    )]
    SentOn { host: String, to: String, setting: String },
    #[error("{host} is not in a private network, so plain http:// would show everything: write https://")]
    Insecure { host: String },
    #[error("{what} is larger than {bytes_max} bytes, which no honest one is: it is left out")]
    TooLarge { what: String, bytes_max: u64 },
    #[error("report {file} has no content at all")]
    Empty { file: String },
    #[error("{file} is not a report: {detail}")]
    NotAReport { file: String, detail: String },
    #[error("the settings do not let us ask: {what}")]
    Settings { what: String },
    #[error("no room left on the disk for {}: delete something, or give the box a larger one", path.display())]
    DiskFull { path: PathBuf },
    #[error("there is no file {}", path.display())]
    NoFile { path: PathBuf },
    #[error("cannot read or write {}: check the disk, and that the file belongs to abusebox", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

impl Error {
    fn disk(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Disk { path, source },
        }
    }
}

/// Largest report taken, packed or unpacked. The largest known to the authors is far below a tenth of it.
pub const REPORT_BYTES_MAX: u64 = 2 << 30;
/// Longest file name taken, in bytes: leaves room for what the spool adds within the 255 of a file system.
pub const FILE_NAME_BYTES_MAX: usize = 200;
