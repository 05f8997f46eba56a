//! The operator's own certificate, sent on the page: tried, kept beside the box's own, and put in force by the setting
//! `page.own_certificate`, which [`super::paging`] follows.

use std::path::PathBuf;

use super::acting::{Signature, sign};
use super::{Engine, Error};
use crate::clock::Timestamp;
use crate::config::edit::{Change, Field};
use crate::files;
use crate::store::{Deed, What};
use crate::web::certificate;
use crate::web::hand::{Changed, Own, Placed};

impl Engine {
    /// What is in force of the operator's own.
    pub fn own_certificate(&self) -> Option<Own> {
        let path = self.loaded().settings.page.own_certificate.clone()?;
        Some(Own { file: path.display().to_string(), about: certificate::about(&path).ok() })
    }

    /// Takes a chain and its key, both in PEM form, if they can be used.
    pub fn put_certificate(
        &self,
        chain: &str,
        key: &str,
        now: Timestamp,
        signed: &Signature<'_>,
    ) -> Result<Placed, Error> {
        let (pem, about) = match certificate::tried(chain, key, now) {
            Ok(tried) => tried,
            Err(unfit) => return Ok(Placed::Unfit(unfit)),
        };
        let path = self.certificate_path();
        let txn = self.store.begin()?;
        sign(Some(signed), &txn, || Deed::to(What::PutCertificate, &about.names), now)?;
        std::fs::create_dir_all(self.data.join("tls"))
            .and_then(|()| files::save_atomic(&path, pem.as_bytes(), 0o600))
            .map_err(|error| Error::file(&path, error))?;
        txn.commit()?;
        match self.set_certificate(Some(&path), now, signed)? {
            Changed::Done(_) => Ok(Placed::Done(about)),
            other => Ok(Placed::Not(other)),
        }
    }

    /// Back to the box's own; the file that was sent is removed.
    pub fn remove_certificate(&self, now: Timestamp, signed: &Signature<'_>) -> Result<Placed, Error> {
        match self.set_certificate(None, now, signed)? {
            Changed::Done(_) => {}
            other => return Ok(Placed::Not(other)),
        }
        let path = self.certificate_path();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(&path, error)),
            _ => Ok(Placed::Removed),
        }
    }

    fn set_certificate(
        &self,
        path: Option<&PathBuf>,
        now: Timestamp,
        signed: &Signature<'_>,
    ) -> Result<Changed, Error> {
        let Some(field) = Field::named("page.own_certificate") else { return Ok(Changed::Done(Vec::new())) };
        let change = match path {
            Some(path) => Change::Set(field, path.display().to_string()),
            None => Change::Clear(field),
        };
        let version = self.written_settings()?.1;
        self.change_settings(&version, &[change], now, Some(signed))
    }

    /// Absolute, since settings count from their own folder.
    fn certificate_path(&self) -> PathBuf {
        let path = self.data.join("tls/own.pem");
        std::path::absolute(&path).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::generate_simple_self_signed;

    use super::*;
    use crate::clock::Clock;
    use crate::store::{Person, Role};
    use crate::web::words::PageWords;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);

    #[test]
    fn a_certificate_is_taken_shown_and_given_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        files::save_atomic(&path, b"# mine\n[page]\nnames = [\"box.example.net\"]\n", 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        let ann = Person { role: Role::Operator, password_hash: String::new(), added: NOW, last_login: None };
        engine.store.write(|txn| txn.put_person("ann", Some(&ann))).unwrap();
        let signed = Signature { who: "ann", from: [127, 0, 0, 1].into() };
        let made = |name: &str| {
            let made = generate_simple_self_signed([name.to_owned()]).unwrap();
            (made.cert.pem(), made.signing_key.serialize_pem())
        };
        let put = |chain: &str, key: &str| engine.put_certificate(chain, key, NOW, &signed).unwrap();

        let (chain, key) = made("box.example.net");
        let other = made("other.example.net");
        assert!(matches!(put(&chain, &other.1), Placed::Unfit(_)));
        assert!(engine.own_certificate().is_none() && !folder.path().join("data/tls/own.pem").exists());
        let Placed::Done(about) = put(&chain, &key) else { panic!() };
        assert_eq!(about.names, ["box.example.net"]);
        let own = engine.own_certificate().unwrap();
        assert_eq!(
            (own.about, std::fs::read_to_string(&path).unwrap().contains("# mine")),
            (Some(about), true)
        );
        let mode = std::fs::metadata(&own.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let Placed::Done(_) = put(&other.0, &other.1) else { panic!() };
        assert_eq!(engine.own_certificate().unwrap().about.unwrap().names, ["other.example.net"]);

        assert!(matches!(engine.remove_certificate(NOW, &signed).unwrap(), Placed::Removed));
        assert!(engine.own_certificate().is_none() && !std::path::Path::new(&own.file).exists());
        assert!(matches!(engine.remove_certificate(NOW, &signed).unwrap(), Placed::Removed), "sent twice");
        let audit = engine.store.view().unwrap().audit_back(None, 9).unwrap();
        let audit: Vec<_> =
            audit.iter().rev().map(|(_, entry)| PageWords::of("en").deed(&entry.what)).collect();
        assert_eq!(
            audit,
            [
                "put in a certificate for box.example.net",
                "changed page.own_certificate",
                "put in a certificate for other.example.net",
                "changed page.own_certificate"
            ]
        );
    }
}
