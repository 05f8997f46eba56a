//! The certificate under which the page answers by HTTPS: the operator's own, or one that the box makes for itself.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::x509::About;
use crate::clock::{Day, Timestamp};
use crate::files;

/// A chain that can be shown, with what people compare it by.
#[derive(Clone)]
pub struct Certificate {
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it: pairs of digits with colons.
    pub fingerprint: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("it holds no certificate in PEM form, beginning with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    #[error("it holds no private key in PEM form; certificate chain and key go into one file")]
    NoKey,
    #[error("its certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("no certificate can be made")]
    Making(#[from] rcgen::Error),
}

/// Why what somebody sent is no certificate for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    NoCertificate,
    NoKey,
    /// It is locked with a password, which nobody is here to type at each start.
    EncryptedKey,
    /// The key is not that of the first certificate.
    AnotherKey,
    Expired(Day),
    NotYet(Day),
    Unusable(String),
}

/// Tries a chain and its key, both in PEM form. Returns the file that holds both, and what its first certificate says.
pub fn tried(chain: &str, key: &str, now: Timestamp) -> Result<(String, About), Unfit> {
    // The first key and the first certificate are those that count.
    let pem = format!("{}\n{}\n", key.trim(), chain.trim());
    match read(pem.as_bytes()) {
        Ok(_) => {}
        Err(Error::NoCertificate) => return Err(Unfit::NoCertificate),
        Err(Error::NoKey) if pem.contains("ENCRYPTED") => return Err(Unfit::EncryptedKey),
        Err(Error::NoKey) => return Err(Unfit::NoKey),
        Err(Error::Unusable(rustls::Error::InconsistentKeys(_))) => return Err(Unfit::AnotherKey),
        Err(error) => return Err(Unfit::Unusable(error.to_string())),
    }
    let about =
        first(pem.as_bytes()).ok_or(Unfit::Unusable("its names and days cannot be read".to_owned()))?;
    match () {
        () if about.until < now => Err(Unfit::Expired(about.until.day())),
        () if about.from > now => Err(Unfit::NotYet(about.from.day())),
        () => Ok((pem, about)),
    }
}

/// What the first certificate of a file says; an error if [`load`] would fail.
pub fn about(path: &Path) -> Result<About, Error> {
    load(path)?;
    first(&files::read_max(path, FILE_BYTES_MAX)?).ok_or(Error::NoCertificate)
}

fn first(pem: &[u8]) -> Option<About> {
    CertificateDer::from_pem_slice(pem).ok().and_then(|der| About::read(&der))
}

/// Reads a PEM file with a chain, its own certificate first, and the key.
pub fn load(path: &Path) -> Result<Certificate, Error> {
    // Whatever else can be opened may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file").into());
    }
    read(&files::read_max(path, FILE_BYTES_MAX)?)
}

/// The box's own, from the file at `path`; made anew if it does not hold for all `names`, host names and addresses, is
/// too old or of a day to come, or cannot be used.
pub fn own(path: &Path, names: &[String], now: Timestamp) -> Result<Certificate, Error> {
    let kept = match files::read_max(path, FILE_BYTES_MAX) {
        // That passes, and another one would alarm everybody who knows this one.
        Err(error) if files::is_crowded(&error) => return Err(error.into()),
        kept => kept,
    };
    if let Ok(pem) = kept
        && made_for(&pem).is_some_and(|(day, held)| {
            let age = now.day().number() - day.number();
            (-1..=AGE_DAYS_MAX).contains(&age) && names.iter().all(|name| held.contains(&name.as_str()))
        })
        && let Ok(certificate) = read(&pem)
    {
        return Ok(certificate);
    }
    let pem = make(names, now)?;
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    // On a disk that takes nothing, HTTPS is to be had all the same.
    if let Err(error) = folder.and_then(|()| files::save_atomic(path, pem.as_bytes(), 0o600)) {
        tracing::warn!("the certificate of the page cannot be kept: {error}");
    }
    read(pem.as_bytes())
}

fn read(pem: &[u8]) -> Result<Certificate, Error> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    let first = chain.first().ok_or(Error::NoCertificate)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, first);
    let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| Error::NoKey)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate { config: Arc::new(config), fingerprint: pairs.join(":") })
}

/// A self-signed certificate for ten years and its key, under a line that names what it holds for.
fn make(names: &[String], now: Timestamp) -> Result<String, Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("abusebox", String::as_str));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // The day before: the clocks of those who read it may be behind.
    let first = now.plus_days(-1).in_zone(&TimeZone::UTC).date();
    let (year, month, day) = (first.year().into(), first.month().unsigned_abs(), first.day().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(year + YEARS, month, 1);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let head = format!("{HEAD}{} {}\n", now.day(), names.join(" "));
    Ok(head + &certificate.pem() + &key.serialize_pem())
}

/// When a file of ours was made, and what for.
fn made_for(pem: &[u8]) -> Option<(Day, Vec<&str>)> {
    let line = std::str::from_utf8(pem).ok()?.lines().next()?;
    let (day, names) = line.strip_prefix(HEAD)?.split_once(' ')?;
    Some((day.parse().ok()?, names.split(' ').collect()))
}

/// Begins the first line of a file that we made; readers of PEM skip it (RFC 7468, 2).
const HEAD: &str = "abusebox made this on ";
const YEARS: i32 = 10;
/// Then there is a year left.
const AGE_DAYS_MAX: i32 = 9 * 365;
/// A long chain has a tenth of it.
const FILE_BYTES_MAX: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn it_is_made_once_and_again_when_a_name_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls/own.pem");
        let make = |list: &[&str]| own(&path, &names(list), NOW).unwrap().fingerprint;
        let first = make(&["abusebox.local", "192.0.2.1"]);
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(make(&["abusebox.local", "192.0.2.1"]), first);
        assert_eq!(make(&["192.0.2.1"]), first, "an address less is no reason");
        let second = make(&["abusebox.local", "2001:db8::1"]);
        assert_ne!(second, first);
        let at = |days| own(&path, &names(&["abusebox.local"]), NOW.plus_days(days)).unwrap().fingerprint;
        assert_eq!((at(0), at(9 * 365), at(-1)), (second.clone(), second.clone(), second.clone()));
        let late = at(9 * 365 + 1);
        assert_ne!(late, second);
        assert_ne!(at(0), late, "made by a clock that was wrong");
        let second = at(0);
        files::save_atomic(&path, &std::fs::read(&path).unwrap()[..300], 0o600).unwrap();
        assert_ne!(make(&["abusebox.local"]), second, "a damaged one is made anew");
    }

    #[test]
    fn another_tls_accepts_it_for_its_names_and_time() {
        let made = make(&names(&["abusebox.local", "192.0.2.1", "2001:db8::1"]), NOW).unwrap();
        let der = CertificateDer::from_pem_slice(made.as_bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let verify = |name: &str, at: i64| {
            let at = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(at as u64));
            use rustls::client::danger::ServerCertVerifier;
            verifier.verify_server_cert(&der, &[], &name.to_owned().try_into().unwrap(), &[], at).is_ok()
        };
        for name in ["abusebox.local", "192.0.2.1", "2001:db8::1"] {
            assert!(verify(name, NOW.unix()), "{name}");
        }
        assert!(!verify("other.local", NOW.unix()) && !verify("192.0.2.2", NOW.unix()));
        assert!(verify("abusebox.local", NOW.plus_days(3600).unix()));
        assert!(!verify("abusebox.local", NOW.plus_days(3660).unix()));
    }

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.pem");
        let why = |text: &str| {
            files::save_atomic(&path, text.as_bytes(), 0o600).unwrap();
            load(&path).map(|certificate| certificate.fingerprint).map_err(|error| error.to_string())
        };
        let (one, other) =
            (make(&names(&["a.example"]), NOW).unwrap(), make(&names(&["b.example"]), NOW).unwrap());
        let key = one.find("-----BEGIN PRIVATE").unwrap();
        assert!(why(&one).is_ok());
        assert!(why("").unwrap_err().contains("no certificate"));
        assert!(why(&one[key..]).unwrap_err().contains("no certificate"));
        assert!(why(&one[..key]).unwrap_err().contains("no private key"));
        assert!(
            why(&(one[..key].to_owned() + &other[other.find("-----BEGIN PRIVATE").unwrap()..]))
                .unwrap_err()
                .contains("cannot be used")
        );
        assert!(load(&folder.path().join("none")).is_err());
    }

    #[test]
    fn what_is_sent_is_tried_with_any_kind_of_key() {
        let data = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/certificates");
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        let made = make(&names(&["box.example", "192.0.2.1"]), NOW).unwrap();
        let (chain, key) = made.split_at(made.find("-----BEGIN PRIVATE").unwrap());
        let (pem, about) = tried(chain, key, NOW).unwrap();
        assert_eq!(about.names, ["box.example", "192.0.2.1"]);
        assert_eq!(read(pem.as_bytes()).unwrap().fingerprint, read(made.as_bytes()).unwrap().fingerprint);
        for name in ["sec1", "pkcs1"] {
            let pem = data(&format!("{name}.pem"));
            let (chain, key) = pem.split_at(pem.find("-----END CERTIFICATE-----\n").unwrap() + 26);
            assert_eq!(tried(chain, key, NOW).unwrap().1.names, [format!("{name}.example")]);
            // All in one file, sent as the one and the other.
            assert!(tried(&pem, "", NOW).is_ok() && tried("", &pem, NOW).is_ok());
        }
        for (chain, key, unfit) in [
            ("", "", Unfit::NoCertificate),
            ("-----BEGIN CERTIFICATE-----", key, Unfit::NoCertificate),
            (key, key, Unfit::NoCertificate),
            (chain, "", Unfit::NoKey),
            (chain, chain, Unfit::NoKey),
            (chain, &data("locked.pem"), Unfit::EncryptedKey),
            (chain, &data("locked-old.pem"), Unfit::EncryptedKey),
            (chain, &data("sec1.pem"), Unfit::AnotherKey),
        ] {
            // Of a file with both, the key is meant.
            let key = key.find("-----BEGIN EC").map_or(key, |at| &key[at..]);
            assert_eq!(tried(chain, key, NOW).unwrap_err(), unfit, "{chain} {key}");
        }
        let day = |days| NOW.plus_days(days);
        assert!(matches!(tried(chain, key, day(4_000)), Err(Unfit::Expired(_))));
        assert!(matches!(tried(chain, key, day(-2)), Err(Unfit::NotYet(until)) if until == day(-1).day()));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tried(broken, key, NOW), Err(Unfit::Unusable(_))));
    }
}
