//! The files that settings name: whether they are there and what they are for. A settings file is checked together with
//! them; what is at work goes on without those that are gone.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ring::signature::RsaKeyPair;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{RootCertStore, SignatureAlgorithm};

use super::{FILE_BYTES_MAX, Mail, Settings, Trust};
use crate::files;

/// What is wrong with the files: the setting that names one, and a sentence for a person.
pub fn complaints(settings: &Settings) -> Vec<(&'static str, String)> {
    let authorities = settings.trust.read().1.into_iter().map(|complaint| ("trust.extra_ca", complaint));
    let certificate = settings.page.own_certificate.iter().filter_map(|path| own_certificate(path).err());
    let signing = settings.mail.signing_key().err();
    let addresses = settings.customers.addresses_file.iter().filter_map(|path| customers(path).err());
    let customers = settings.customers.file.iter().filter_map(|path| customers(path).err());
    authorities
        .chain(certificate.map(|complaint| ("page.own_certificate", complaint)))
        .chain(signing.map(|complaint| ("mail.dkim_key", complaint)))
        .chain(customers.map(|complaint| ("customers.file", complaint)))
        .chain(addresses.map(|complaint| ("customers.addresses_file", complaint)))
        .collect()
}

impl Trust {
    /// The PEM files that can be used, and a sentence for each that cannot.
    pub fn read(&self) -> (Vec<Vec<u8>>, Vec<String>) {
        let (mut pems, mut complaints) = (Vec::new(), Vec::new());
        for path in &self.extra_ca {
            match read(path).and_then(|pem| roots([&pem]).map(|_| pem).map_err(|why| useless(path, &why))) {
                Ok(pem) => pems.push(pem),
                Err(complaint) => complaints.push(complaint),
            }
        }
        (pems, complaints)
    }
}

impl Mail {
    /// What signs the mails, if anything does; or a sentence that says why it cannot.
    pub fn signing_key(&self) -> Result<Option<Arc<dyn SigningKey>>, String> {
        let read = |path| read(path).and_then(|pem| signing_key(&pem).map_err(|why| useless(path, why)));
        self.dkim_key.as_deref().map(read).transpose()
    }
}

/// A key that signs mails: RSA (RFC 8301) or Ed25519 (RFC 8463).
pub fn signing_key(pem: &[u8]) -> Result<Arc<dyn SigningKey>, &'static str> {
    const WANTED: &str =
        "it must hold a key in PEM form, RSA with 2048 to 4096 bits or Ed25519, without a password";
    let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| WANTED)?;
    let rejected = match &der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).err(),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).err(),
        _ => None,
    };
    if rejected.is_some_and(|why| why.to_string() == "TooSmall") {
        return Err(
            "its RSA key has fewer than 2048 bits, too few to be safe for years (RFC 8301); make a longer one",
        );
    }
    let key = any_supported_type(&der).map_err(|_| WANTED)?;
    match key.algorithm() {
        SignatureAlgorithm::RSA | SignatureAlgorithm::ED25519 => Ok(key),
        _ => Err(WANTED),
    }
}

/// The authorities built in, and those of each of these PEM files: a box has no certificate store of its own.
pub fn roots<'p>(pems: impl IntoIterator<Item = &'p Vec<u8>>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for pem in pems {
        let known = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("it is no PEM file: {error}"))?;
            roots.add(certificate).map_err(|error| format!("its certificate cannot be used: {error}"))?;
        }
        if roots.len() == known {
            return Err("it holds no certificate in PEM form".to_owned());
        }
    }
    Ok(roots)
}

fn own_certificate(path: &Path) -> Result<(), String> {
    let pem = read(path)?;
    let parts = CertificateDer::from_pem_slice(&pem).and_then(|_| PrivateKeyDer::from_pem_slice(&pem));
    parts.map(drop).map_err(|_| useless(path, "it must hold a certificate and its key in PEM form"))
}

/// The list may still be to come.
fn customers(path: &Path) -> Result<(), String> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if !found.is_file() => Err(useless(path, "it is no file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unreadable(path, &error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    files::read_max(path, FILE_BYTES_MAX).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}. Lay the file there, or take it out of this setting.", path.display())
}

fn useless(path: &Path, why: &str) -> String {
    format!("{} is of no use: {why}. Lay the right file there, or take it out.", path.display())
}
