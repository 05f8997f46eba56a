//! Settings changed by hand on the page: in their file, as an editor would change it, and at once in force.

use std::path::Path;

use super::acting::{Signature, sign};
use super::{Engine, Error, sha256};
use crate::clock::Timestamp;
use crate::config::edit::{self, Change, Written};
use crate::config::{self, LoadError};
use crate::fetch::api::hex;
use crate::files;
use crate::store::{Deed, What};
use crate::web::hand::Changed;

impl Engine {
    /// The settings file as forms show it, and its version, which names what was shown.
    pub fn written_settings(&self) -> Result<(Written, String), Error> {
        let text = read(&self.settings_path)?;
        Ok((edit::written(&text, self.settings_folder()), version(&text)))
    }

    /// Changes the settings that were shown as `version`, all of them or none.
    pub fn change_settings(
        &self,
        version: &str,
        changes: &[Change],
        now: Timestamp,
        signed: Option<&Signature<'_>>,
    ) -> Result<Changed, Error> {
        let turn = self.take_turn();
        let before = read(&self.settings_path)?;
        if self::version(&before) != version {
            return Ok(Changed::Meanwhile);
        }
        let (text, names) = match edit::change(&before, self.settings_folder(), &self.data, changes) {
            Ok(changed) => changed,
            Err(complaints) => return Ok(Changed::Complaints(complaints)),
        };
        if text == before {
            return Ok(Changed::Done(Vec::new()));
        }
        let txn = self.store.begin()?;
        sign(signed, &txn, || Deed::to(What::ChangedSettings, &names), now)?;
        files::save_atomic(&self.settings_path, text.as_bytes(), 0o600)
            .map_err(|error| Error::file(&self.settings_path, error))?;
        txn.commit()?;
        drop(turn);
        match self.clock.now() {
            Some(now) => self.reload(now)?,
            None => self.reload_settings(now)?,
        };
        Ok(Changed::Done(names))
    }

    fn settings_folder(&self) -> &Path {
        self.settings_path.parent().unwrap_or(Path::new(""))
    }
}

/// Empty where there is no file yet.
fn read(path: &Path) -> Result<String, Error> {
    match config::read(path) {
        Err(LoadError::Missing { .. }) => Ok(String::new()),
        other => Ok(other?),
    }
}

fn version(text: &str) -> String {
    hex(&sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::config::edit::{Field, NewServer};
    use crate::config::{MailSecurity, Mode, Secret};

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);
    const TEXT: &str = "# mine\n[networks]\ncidrs = [\"192.0.2.0/24\"]\n\
         [mail]\nurl = \"smtps://box%40example.net:p%2Fw@mail.example.net\"\n";

    fn engine(text: &str) -> (Arc<Engine>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        files::save_atomic(&path, text.as_bytes(), 0o600).unwrap();
        let engine = Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap();
        (engine, folder)
    }

    fn field(name: &str) -> &'static Field {
        Field::named(name).unwrap()
    }

    fn change(engine: &Engine, changes: &[Change]) -> Changed {
        let version = engine.written_settings().unwrap().1;
        engine.change_settings(&version, changes, NOW, None).unwrap()
    }

    fn set(name: &str, text: &str) -> Change {
        Change::Set(field(name), text.to_owned())
    }

    #[test]
    fn a_change_is_written_and_at_once_in_force() {
        let (engine, _folder) = engine(TEXT);
        let changes = [
            set("box.mode", "practice"),
            set("networks.cidrs", "192.0.2.0/24\r\n2001:db8::/32"),
            set("policy.digest_hour", "8"),
        ];
        let names = ["box.mode", "networks.cidrs"].map(str::to_owned).to_vec();
        assert_eq!(change(&engine, &changes), Changed::Done(names));
        let settings = engine.loaded().settings.clone();
        assert_eq!((settings.boxx.mode, settings.networks.cidrs.len()), (Mode::Practice, 2));
        let text = std::fs::read_to_string(&engine.settings_path).unwrap();
        assert!(text.starts_with("# mine\n") && !text.contains("digest_hour"), "{text}");
        assert_eq!(change(&engine, &changes), Changed::Done(Vec::new()), "sent twice");
        assert_eq!(
            change(&engine, &[Change::Clear(field("box.mode"))]),
            Changed::Done(vec!["box.mode".to_owned()])
        );
        assert_eq!(engine.loaded().settings.boxx.mode, Mode::Hold);
    }

    #[test]
    fn what_is_wrong_or_was_changed_meanwhile_changes_nothing() {
        let (engine, folder) = engine(TEXT);
        for (changes, part) in [
            (vec![set("box.name", "good"), set("policy.digest_hour", "24")], "from 0 to 23"),
            (vec![set("trust.extra_ca", "gone.pem")], "cannot be read"),
            (vec![set("interface.gateway", "192.0.2.1")], "needs an address"),
        ] {
            let Changed::Complaints(complaints) = change(&engine, &changes) else { panic!("{changes:?}") };
            assert!(complaints.len() == 1 && complaints[0].complaint.contains(part), "{complaints:?}");
        }
        let version = engine.written_settings().unwrap().1;
        let path = folder.path().join("settings.toml");
        files::save_atomic(&path, format!("{TEXT}# by hand\n").as_bytes(), 0o600).unwrap();
        let changed = engine.change_settings(&version, &[set("box.name", "x")], NOW, None).unwrap();
        assert_eq!(changed, Changed::Meanwhile);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{TEXT}# by hand\n"));
        // What somebody wrote with faults is shown, and can be mended.
        files::save_atomic(&path, b"[box]\nmode = \"loud\"\n", 0o600).unwrap();
        let written = engine.written_settings().unwrap().0;
        assert_eq!(written.complaints[0].field, "box.mode");
        assert!(written.fields.iter().any(|(field, shown)| field.key == "mode" && shown.text == "loud"));
        assert_eq!(change(&engine, &[set("box.mode", "hold")]), Changed::Done(vec!["box.mode".to_owned()]));
        files::save_atomic(&path, b"[box\n", 0o600).unwrap();
        assert_eq!(engine.written_settings().unwrap().0.complaints[0].line, Some(1));
        assert!(matches!(change(&engine, &[set("box.mode", "hold")]), Changed::Complaints(_)));
    }

    #[test]
    fn the_password_of_the_mail_server_stays_and_goes_nowhere_else() {
        let (engine, _folder) = engine(TEXT);
        let known = engine.written_settings().unwrap().0.mail_server.unwrap();
        assert_eq!(known.login, Some(("box@example.net".to_owned(), Secret::default())), "it is not shown");
        let new = |host: &str, user: &str, password: &str| {
            Change::MailServer(NewServer {
                security: MailSecurity::StartTls,
                host: host.to_owned(),
                port: Some(465),
                user: user.to_owned(),
                password: Secret(password.to_owned()),
            })
        };
        let server = || engine.loaded().settings.mail.server.clone();
        let url = || vec!["mail.url".to_owned()];
        assert_eq!(change(&engine, &[new("mail.example.net", "box@example.net", "")]), Changed::Done(url()));
        assert_eq!(server().unwrap().login.unwrap().1.0, "p/w");
        for (host, user) in [("evil.example", "box@example.net"), ("mail.example.net", "another")] {
            let changed = change(&engine, &[new(host, user, "")]);
            assert!(
                matches!(&changed, Changed::Complaints(c) if c[0].complaint.contains("password")),
                "{changed:?}"
            );
        }
        assert_eq!(change(&engine, &[new("[2001:db8::25]", "another", "n w@")]), Changed::Done(url()));
        let now = server().unwrap();
        assert_eq!((now.host.as_str(), now.login.unwrap().1.0.as_str()), ("2001:db8::25", "n w@"));
        assert_eq!(change(&engine, &[new("mail.example.net", "", "")]), Changed::Done(url()));
        assert_eq!(server().unwrap().login, None);
        assert_eq!(change(&engine, &[new("", "", "")]), Changed::Done(url()));
        assert!(server().is_none());
    }

    #[test]
    fn the_first_settings_make_the_file() {
        let (engine, folder) = engine("");
        std::fs::remove_file(folder.path().join("settings.toml")).unwrap();
        assert_eq!(
            change(&engine, &[set("organisation.name", "Example")]),
            Changed::Done(vec!["organisation.name".to_owned()])
        );
        assert_eq!(engine.loaded().settings.organisation.name, "Example");
    }
}
