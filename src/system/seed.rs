//! What somebody laid on the first partition with a PC before the box was switched on: settings and customers, taken
//! over once and then erased there, since they hold secrets; or the wish to begin anew.
//!
//! Both are checked before, by a process without rights; with complaints nothing is taken, and they lie beside the files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::chown;
use std::path::Path;

use super::switch::{Access, FirstPartition};
use crate::files;

/// What was found and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    Taken,
    /// They lie beside the files.
    Complaints,
    /// All data is gone: the box is to be started anew.
    Reset,
}

/// Looks at the first partition, once after each start. `data`: where it goes to, for `owner`; nothing else writes there
/// meanwhile. `check` gets a folder in memory, `staging`, with all as it would be in `data`, and returns the complaints,
/// a line each.
pub fn take(
    first: &impl FirstPartition,
    data: &Path,
    staging: &Path,
    owner: Option<u32>,
    check: impl FnOnce(&Path) -> io::Result<String>,
) -> io::Result<Outcome> {
    let found = first.with(Access::Read, Found::read)?;
    if !found.resets.is_empty() {
        wipe(data)?;
        first.with(Access::Write, |folder| found.resets.iter().try_for_each(|name| erase(folder, name)))?;
        return Ok(Outcome::Reset);
    }
    if found.files.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let complaints = match found.too_large {
        Some(name) => format!("{name} is too large\n"),
        None => found.stage(data, staging, owner).and_then(|()| check(staging))?,
    };
    fs::remove_dir_all(staging).or_else(absent)?;
    if !complaints.is_empty() {
        let text = format!("{COMPLAINTS_HEAD}{complaints}").replace('\n', "\r\n");
        if found.complaints.as_deref() != Some(text.as_bytes()) {
            first.with(Access::Write, |folder| save(&folder.join(COMPLAINTS), text.as_bytes()))?;
        }
        return Ok(Outcome::Complaints);
    }
    for (name, bytes) in &found.files {
        install(data, installed_as(name), bytes, owner)?;
    }
    first.with(Access::Write, |folder| {
        let names = found.files.iter().map(|(name, _)| *name);
        names.chain(found.complaints.iter().map(|_| COMPLAINTS)).try_for_each(|name| erase(folder, name))
    })?;
    Ok(Outcome::Taken)
}

/// What lies on the first partition.
#[derive(Default)]
struct Found {
    files: Vec<(&'static str, Vec<u8>)>,
    too_large: Option<&'static str>,
    resets: Vec<&'static str>,
    complaints: Option<Vec<u8>>,
}

impl Found {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for (name, bytes_max) in FILES {
            match files::read_max(&folder.join(name), bytes_max) {
                Ok(bytes) => found.files.push((name, bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    found.files.push((name, Vec::new()));
                    found.too_large = Some(name);
                }
                Err(error) => return Err(error),
            }
        }
        found.resets = RESETS.into_iter().filter(|name| folder.join(name).is_file()).collect();
        found.complaints = files::read_max(&folder.join(COMPLAINTS), COMPLAINTS_BYTES_MAX).ok();
        Ok(found)
    }

    fn stage(&self, data: &Path, staging: &Path, owner: Option<u32>) -> io::Result<()> {
        fs::remove_dir_all(staging).or_else(absent)?;
        fs::create_dir_all(staging)?;
        chown(staging, owner, owner)?;
        for (name, bytes_max) in FILES {
            // Customers that are there already were checked when they came.
            if name == CUSTOMERS || self.files.iter().any(|(found, _)| *found == name) {
                continue;
            }
            match files::read_max(&data.join(installed_as(name)), bytes_max) {
                Ok(bytes) => install(staging, installed_as(name), &bytes, owner)?,
                Err(error) => absent(error)?,
            }
        }
        self.files.iter().try_for_each(|(name, bytes)| install(staging, installed_as(name), bytes, owner))
    }
}

fn installed_as(name: &'static str) -> &'static str {
    if name == SETTINGS { "settings.toml" } else { name }
}

fn install(folder: &Path, name: &str, bytes: &[u8], owner: Option<u32>) -> io::Result<()> {
    let path = folder.join(name);
    files::save_atomic(&path, bytes, 0o600)?;
    chown(path, owner, owner)
}

/// Takes away all that was stored; what is below `system` is of the box, not of its owner.
fn wipe(data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.ends_with("system") {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    File::open(data)?.sync_all()
}

/// Overwrites a file where it lies, then takes it away.
fn erase(folder: &Path, name: &str) -> io::Result<()> {
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).open(&path)?;
    let zeros = vec![0; usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?];
    file.write_all(&zeros)?;
    file.sync_all()?;
    fs::remove_file(path)?;
    File::open(folder)?.sync_all()
}

/// A FAT has neither owners nor modes, so not as other files.
fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

const SETTINGS: &str = "abusebox.toml";
const CUSTOMERS: &str = "customers.csv";
/// What may lie there, and how large. The last one is a certificate authority that the settings name.
const FILES: [(&str, u64); 3] = [
    (SETTINGS, crate::config::FILE_BYTES_MAX),
    // The partition has 64 MiB.
    (CUSTOMERS, 48 << 20),
    ("ca.pem", crate::config::FILE_BYTES_MAX),
];
/// A PC that hides the ends of names adds one by itself.
const RESETS: [&str; 2] = ["factory-reset", "factory-reset.txt"];
const COMPLAINTS: &str = "abusebox-complaints.txt";
const COMPLAINTS_HEAD: &str =
    "Nothing of what lies here was taken over. Correct this, and switch the box on again:\n\n";

const COMPLAINTS_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::system::tests::Mounted;

    struct Box {
        first: Mounted,
        folder: tempfile::TempDir,
    }

    impl Box {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["first", "data", "data/system"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            let this = Self { first: Mounted(folder.path().join("first"), Rc::default()), folder };
            this.put("data/settings.toml", "[box]\n");
            this
        }

        fn put(&self, name: &str, text: &str) {
            save(&self.folder.path().join(name), text.as_bytes()).unwrap();
        }

        fn text(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.folder.path().join(name)).ok()
        }

        fn start(&self, complaints: &str) -> Outcome {
            self.start_with(|staging| {
                // Whatever was seeded, both are there to be checked together.
                fs::read(staging.join("settings.toml"))?;
                Ok(complaints.to_owned())
            })
        }

        fn start_with(&self, check: impl FnOnce(&Path) -> io::Result<String>) -> Outcome {
            let path = |name: &str| self.folder.path().join(name);
            let outcome = take(&self.first, &path("data"), &path("staging"), None, check);
            assert!(!path("staging").exists());
            outcome.unwrap()
        }

        fn wrote(&self) -> bool {
            self.first.1.take().contains(&Access::Write)
        }
    }

    #[test]
    fn what_is_right_is_taken_once_and_erased() {
        let it = Box::new();
        assert_eq!((it.start(""), it.wrote()), (Outcome::Nothing, false));
        it.put("first/abusebox.toml", "[shadowserver]\nkey = \"k\"\n");
        it.put("first/customers.csv", "customer_id\n");
        assert_eq!((it.start(""), it.wrote()), (Outcome::Taken, true));
        assert_eq!(it.text("data/settings.toml").unwrap(), "[shadowserver]\nkey = \"k\"\n");
        assert_eq!(it.text("data/customers.csv").unwrap(), "customer_id\n");
        assert_eq!((it.start(""), it.wrote()), (Outcome::Nothing, false));
        it.put("first/customers.csv", "customer_id,name\n");
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(it.text("data/customers.csv").unwrap(), "customer_id,name\n");
        assert_eq!(it.text("data/settings.toml").unwrap(), "[shadowserver]\nkey = \"k\"\n");
        assert_eq!(fs::read_dir(&it.first.0).unwrap().count(), 0);
    }

    #[test]
    fn with_complaints_nothing_is_taken_and_they_are_written_once() {
        let it = Box::new();
        it.put("first/abusebox.toml", "key\n");
        assert_eq!((it.start("line 1: a value is missing\n"), it.wrote()), (Outcome::Complaints, true));
        let complaints = it.text("first/abusebox-complaints.txt").unwrap();
        assert!(complaints.ends_with("\r\nline 1: a value is missing\r\n"), "{complaints}");
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\n");
        assert_eq!((it.start("line 1: a value is missing\n"), it.wrote()), (Outcome::Complaints, false));
        it.put("first/abusebox.toml", "[box]\nname = \"x\"\n");
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(fs::read_dir(&it.first.0).unwrap().count(), 0, "the complaints are settled");
        it.put("first/abusebox.toml", &"#".repeat(1 + FILES[0].1 as usize));
        assert_eq!(it.start(""), Outcome::Complaints);
        assert!(it.text("first/abusebox-complaints.txt").unwrap().contains("abusebox.toml is too large"));
    }

    #[test]
    fn a_reset_leaves_nothing_but_what_is_of_the_box() {
        let it = Box::new();
        it.put("data/system/time", "x");
        it.put("data/abusebox.redb", "x");
        fs::create_dir(it.folder.path().join("data/spool")).unwrap();
        it.put("data/spool/a", "x");
        it.put("first/factory-reset.txt", "");
        it.put("first/abusebox.toml", "[box]\n");
        assert_eq!(it.start(""), Outcome::Reset);
        let names: Vec<_> = fs::read_dir(it.folder.path().join("data")).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(it.text("data/system/time").unwrap(), "x");
        // At the next start the settings beside it are taken.
        it.put("data/settings.toml", "");
        assert_eq!(it.start(""), Outcome::Taken);
    }

    #[test]
    fn an_authority_that_the_settings_name_is_there_when_they_are_checked() {
        let it = Box::new();
        it.put("first/abusebox.toml", "[trust]\nextra_ca = [\"ca.pem\"]\n");
        it.put("first/ca.pem", "one");
        let seen = |it: &Box| {
            it.start_with(|staging| {
                assert_eq!(fs::read_to_string(staging.join("ca.pem"))?, "one");
                Ok(String::new())
            })
        };
        assert_eq!(seen(&it), Outcome::Taken);
        assert_eq!(it.text("data/ca.pem").unwrap(), "one");
        // It is there from before, too.
        it.put("first/abusebox.toml", "[trust]\nextra_ca = [\"ca.pem\"]\n");
        assert_eq!(seen(&it), Outcome::Taken);
    }

    #[test]
    fn what_is_erased_is_overwritten_before() {
        let it = Box::new();
        it.put("first/abusebox.toml", "secret");
        let path = it.first.0.join("abusebox.toml");
        let link = it.first.0.join("link");
        fs::hard_link(&path, &link).unwrap();
        it.start("");
        assert_eq!(fs::read(link).unwrap(), [0; 6]);
    }
}
