//! What somebody laid on the first partition with a PC before the box was switched on: settings and customers, taken
//! over once and then erased there, since they hold secrets; or the wish to begin anew.
//!
//! Files are checked before, by a process without rights; with complaints nothing is taken, and they lie beside the
//! files. A first partition that takes no writes keeps what lies there: so the data partition remembers what was done.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use super::switch::{Access, FirstPartition};
use crate::fetch::api::hex;
use crate::files;

/// What was found and done.
#[derive(Debug)]
pub struct Done {
    pub outcome: Outcome,
    /// The first partition takes no writes: what was taken over, or carried out, still lies there.
    pub stuck: Option<io::Error>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    Taken,
    /// A line each; they lie beside the files, too, where the partition takes writes.
    Complaints(String),
    /// All data is gone: the box is to be started anew.
    Reset,
}

impl Done {
    /// What there is to say to a person, a line each.
    pub fn troubles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Outcome::Complaints(complaints) = &self.outcome {
            lines.push("what lies on the first partition is not taken over:".to_owned());
            // They go to a screen. Names and values in them are foreign.
            let shown = |line: &str| {
                line.chars().filter(|letter| !letter.is_control()).take(SHOWN_MAX).collect::<String>()
            };
            lines.extend(complaints.lines().take(SHOWN_LINES_MAX).map(shown));
        }
        lines.extend(match (&self.outcome, &self.stuck) {
            (Outcome::Complaints(_), None) => Some(format!("see {COMPLAINTS} there")),
            (Outcome::Complaints(_), Some(error)) => {
                Some(format!("the first partition takes no writes, so this does not lie there: {error}"))
            }
            (_, None) => None,
            (_, Some(error)) => Some(format!(
                "what was taken over from the first partition, or wished there, cannot be erased there ({error}): \
                 what is secret of it still lies there; erase it with a PC, or write the image to another disk"
            )),
        });
        lines
    }
}

/// Why what lies on the first partition was left alone. All of it is tried again at the next start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the first partition cannot be read: {0}; if settings lie there, lay them there again with a PC, or write the \
         image to another disk"
    )]
    First(#[source] io::Error),
    #[error(
        "what lies on the first partition could not be checked and is not taken over: {0}; switch the box on again"
    )]
    Check(#[source] io::Error),
    #[error(
        "what lies on the first partition cannot be put on the data partition: {0}; make room there, or write the \
         image to another disk"
    )]
    Data(#[source] io::Error),
    #[error(
        "not all data could be taken away, as factory-reset on the first partition wishes: {0}; write the image to \
         this disk anew"
    )]
    Reset(#[source] io::Error),
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
) -> Result<Done, Error> {
    let mut taken = Taken::load(data);
    let found = first.with(Access::Read, |folder| Found::read(folder, &taken)).map_err(Error::First)?;
    taken.forget_all_but(&found);
    if found.wants_reset(&taken) {
        wipe(data).map_err(Error::Reset)?;
        // What lies beside it is for the new beginning.
        taken.ids.clear();
        return Ok(taken.finish(Outcome::Reset, [RESET.to_owned()], first, &found.resets));
    }
    let new: Vec<_> = found.files.iter().filter(|file| !taken.ids.contains(&file.id)).collect();
    if new.is_empty() {
        return Ok(taken.finish(Outcome::Nothing, [], first, &found.names()));
    }
    // The wish for another password leads to the page, on which settings are mended: alone it is not held against them.
    let has_content = new.iter().any(|file| file.installed_as != RESET_PASSWORD);
    let complaints = match found.complaint() {
        Some(complaint) => complaint,
        None if !has_content => String::new(),
        None => {
            let said =
                stage(&new, data, staging, owner).and_then(|()| check(staging)).map_err(Error::Check)?;
            let [(settings, installed_as, _), ..] = FILES;
            let are_old = new.iter().all(|file| file.installed_as != installed_as);
            if are_old && said.starts_with(settings) { format!("{OLD_SETTINGS}{said}") } else { said }
        }
    };
    fs::remove_dir_all(staging).or_else(absent).map_err(Error::Check)?;
    if !complaints.is_empty() {
        let text = format!("{COMPLAINTS_HEAD}{complaints}").replace('\n', "\r\n");
        let stuck = match found.complaints.as_deref() == Some(text.as_bytes()) {
            true => None,
            false => {
                first.with(Access::Write, |folder| save(&folder.join(COMPLAINTS), text.as_bytes())).err()
            }
        };
        return Ok(Done { outcome: Outcome::Complaints(complaints), stuck });
    }
    for file in &new {
        install(data, file.installed_as, &file.bytes, owner).map_err(Error::Data)?;
    }
    let ids: Vec<_> = new.iter().map(|file| file.id.clone()).collect();
    Ok(taken.finish(Outcome::Taken, ids, first, &found.names()))
}

/// What lies on the first partition.
#[derive(Default)]
struct Found {
    files: Vec<Laid>,
    resets: Vec<String>,
    complaints: Option<Vec<u8>>,
}

/// A file to be taken over.
struct Laid {
    name: String,
    installed_as: &'static str,
    /// Of this name and content.
    id: String,
    /// Empty where there are too many.
    bytes: Vec<u8>,
    is_too_large: bool,
}

impl Found {
    fn read(folder: &Path, taken: &Taken) -> io::Result<Self> {
        let mut found = Self::default();
        let mut laid = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !folder.join(&name).is_file() {
                continue;
            }
            if stands_for(&name, RESET) {
                found.resets.push(name);
            } else if let Some(file) = FILES.into_iter().find(|file| stands_for(&name, file.0)) {
                laid.push((name, file));
            }
        }
        // Files that cannot be read keep nobody from a new beginning.
        if found.wants_reset(taken) {
            return Ok(found);
        }
        // In the same order whatever the folder has them in.
        laid.sort();
        for (name, (seed, installed_as, bytes_max)) in laid {
            let (bytes, is_too_large) = match files::read_max(&folder.join(&name), bytes_max) {
                Ok(bytes) => (bytes, false),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => (Vec::new(), true),
                Err(error) => return Err(error),
            };
            let id = format!("{seed} {}", hex(digest(&SHA256, &bytes).as_ref()));
            found.files.push(Laid { name, installed_as, id, bytes, is_too_large });
        }
        found.complaints = files::read_max(&folder.join(COMPLAINTS), COMPLAINTS_BYTES_MAX).ok();
        Ok(found)
    }

    /// What can be said without a look into the files.
    fn complaint(&self) -> Option<String> {
        if let Some(file) = self.files.iter().find(|file| file.is_too_large) {
            return Some(format!("{} is too large\n", file.name));
        }
        let (one, other) = self.files.iter().enumerate().find_map(|(index, other)| {
            let one = self.files[..index].iter().find(|one| one.installed_as == other.installed_as)?;
            Some((one, other))
        })?;
        Some(format!("{} and {} are meant for the same: take one of them away\n", one.name, other.name))
    }

    /// Of all that is to be erased when it is done. Complaints alone are left to whoever they are for.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.files.iter().map(|file| &file.name).chain(&self.resets).cloned().collect();
        if self.complaints.is_some() && !names.is_empty() {
            names.push(COMPLAINTS.to_owned());
        }
        names
    }

    fn wants_reset(&self, taken: &Taken) -> bool {
        !self.resets.is_empty() && !taken.ids.contains(RESET)
    }
}

/// What was carried out and may still lie on the first partition, kept on the data partition.
struct Taken {
    path: PathBuf,
    ids: BTreeSet<String>,
}

impl Taken {
    fn load(data: &Path) -> Self {
        let path = data.join("system/taken");
        let text = files::read_max(&path, TAKEN_BYTES_MAX).unwrap_or_default();
        Self { path, ids: String::from_utf8_lossy(&text).lines().map(str::to_owned).collect() }
    }

    /// What is gone from there may be laid there again, and then it is meant.
    fn forget_all_but(&mut self, found: &Found) {
        let before = self.ids.len();
        let is_there = |id: &str| match id {
            RESET => !found.resets.is_empty(),
            id => found.files.iter().any(|file| file.id == id),
        };
        self.ids.retain(|id| is_there(id));
        if self.ids.len() < before {
            self.save();
        }
    }

    /// All of `names` was carried out, of which `new` was not known before: remembers that, and erases them.
    fn finish(
        mut self,
        outcome: Outcome,
        new: impl IntoIterator<Item = String>,
        first: &impl FirstPartition,
        names: &[String],
    ) -> Done {
        if names.is_empty() {
            return Done { outcome, stuck: None };
        }
        // Before, since the disk may take the whole box with it.
        let known = self.ids.len();
        self.ids.extend(new);
        if self.ids.len() > known {
            self.save();
        }
        let erased =
            first.with(Access::Write, |folder| names.iter().try_for_each(|name| erase(folder, name)));
        if erased.is_ok() {
            self.ids.clear();
            self.save();
        }
        Done { outcome, stuck: erased.err() }
    }

    /// Where that fails, what cannot be erased either is carried out again: nothing can be done about it here.
    fn save(&self) {
        let text: String = self.ids.iter().map(|id| format!("{id}\n")).collect();
        let _ = match text.is_empty() {
            true => fs::remove_file(&self.path),
            false => files::save_atomic(&self.path, text.as_bytes(), 0o600),
        };
    }
}

/// Puts all there as it would be in `data`.
fn stage(new: &[&Laid], data: &Path, staging: &Path, owner: Option<u32>) -> io::Result<()> {
    fs::remove_dir_all(staging).or_else(absent)?;
    fs::create_dir_all(staging)?;
    chown(staging, owner, owner)?;
    for (seed, installed_as, bytes_max) in FILES {
        // Customers that are there already were checked when they came.
        if seed == CUSTOMERS || new.iter().any(|file| file.installed_as == installed_as) {
            continue;
        }
        match files::read_max(&data.join(installed_as), bytes_max) {
            Ok(bytes) => install(staging, installed_as, &bytes, owner)?,
            Err(error) => absent(error)?,
        }
    }
    new.iter().try_for_each(|file| install(staging, file.installed_as, &file.bytes, owner))
}

/// Whether a name is meant to be `known`. To a PC, capitals are as small letters; one that hides the ends of names adds
/// another to what it is told: that of a text, or of the kind itself.
fn stands_for(name: &str, known: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_prefix(known)
        .is_some_and(|end| matches!(end, "" | ".txt") || end.starts_with('.') && known.ends_with(end))
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

const CUSTOMERS: &str = "customers.csv";
/// What may lie there, as what it is taken over, and how large it may be. The last one is a certificate authority that
/// the settings name.
const FILES: [(&str, &str, u64); 4] = [
    ("abusebox.toml", "settings.toml", crate::config::FILE_BYTES_MAX),
    // The partition has 64 MiB.
    (CUSTOMERS, "customers.csv", 48 << 20),
    ("ca.pem", "ca.pem", crate::config::FILE_BYTES_MAX),
    // Of which only the name counts.
    (RESET_PASSWORD, RESET_PASSWORD, 64 << 10),
];
/// Laid into the data folder it makes the page forget all people, so that whoever knows the setup code claims it again.
pub const RESET_PASSWORD: &str = "reset-password";
const RESET: &str = "factory-reset";
const COMPLAINTS: &str = "abusebox-complaints.txt";
const COMPLAINTS_HEAD: &str =
    "Nothing of what lies here was taken over. Correct this, and switch the box on again:\n\n";
const COMPLAINTS_BYTES_MAX: u64 = 1 << 20;
/// Before complaints about settings that lie in the box alone.
const OLD_SETTINGS: &str = "The settings that the box has cannot be used, and what lies here is checked by them. Mend \
    them on its page, or lay all of them here as abusebox.toml:\n";
/// Of complaints, what fits on a screen.
const SHOWN_LINES_MAX: usize = 5;
const SHOWN_MAX: usize = 300;
/// A line for each file and wish.
const TAKEN_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::system::tests::Mounted;

    struct Box {
        first: Mounted,
        takes_no_writes: Cell<bool>,
        folder: tempfile::TempDir,
    }

    impl FirstPartition for Box {
        fn with<T, E: From<io::Error>>(
            &self,
            access: Access,
            work: impl FnOnce(&Path) -> Result<T, E>,
        ) -> Result<T, E> {
            match access {
                Access::Write if self.takes_no_writes.get() => {
                    Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem).into())
                }
                _ => self.first.with(access, work),
            }
        }
    }

    impl Box {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["first", "data", "data/system"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            let first = Mounted(folder.path().join("first"), Rc::default());
            let this = Self { first, takes_no_writes: Cell::new(false), folder };
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
            let done = take(self, &path("data"), &path("staging"), None, check).unwrap();
            assert!(!path("staging").exists());
            assert_eq!(done.stuck.is_some(), self.takes_no_writes.get());
            done.outcome
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
        let complained = || Outcome::Complaints("line 1: a value is missing\n".to_owned());
        assert_eq!((it.start("line 1: a value is missing\n"), it.wrote()), (complained(), true));
        let complaints = it.text("first/abusebox-complaints.txt").unwrap();
        assert!(complaints.ends_with("\r\nline 1: a value is missing\r\n"), "{complaints}");
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\n");
        assert_eq!((it.start("line 1: a value is missing\n"), it.wrote()), (complained(), false));
        it.put("first/abusebox.toml", "[box]\nname = \"x\"\n");
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(fs::read_dir(&it.first.0).unwrap().count(), 0, "the complaints are settled");
        it.put("first/abusebox.toml", &"#".repeat(1 + FILES[0].2 as usize));
        assert_eq!(it.start(""), Outcome::Complaints("abusebox.toml is too large\n".to_owned()));
        assert!(it.text("first/abusebox-complaints.txt").unwrap().contains("abusebox.toml is too large"));
        fs::remove_file(it.first.0.join("abusebox.toml")).unwrap();
        it.put("first/customers.csv", "customer_id,name\n");
        let Outcome::Complaints(said) = it.start("abusebox.toml, line 2, box.names: unknown\n") else {
            panic!("it was checked by wrong settings")
        };
        assert!(
            said.starts_with("The settings that the box has") && said.contains("\nabusebox.toml, line 2")
        );
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
        assert_eq!(it.text("data/system/taken"), None, "nothing is left that must be remembered");
    }

    #[test]
    fn on_a_first_partition_that_takes_no_writes_each_thing_is_done_once() {
        let it = Box::new();
        it.takes_no_writes.set(true);
        it.put("first/factory-reset", "");
        it.put("first/abusebox.toml", "[box]\nname = \"x\"\n");
        it.put("data/abusebox.redb", "x");
        assert_eq!(it.start(""), Outcome::Reset);
        assert_eq!((it.text("data/abusebox.redb"), it.text("data/settings.toml")), (None, None));
        assert_eq!(it.start(""), Outcome::Taken);
        // What is changed since then stays so.
        it.put("data/settings.toml", "[box]\nname = \"y\"\n");
        it.put("data/abusebox.redb", "y");
        assert_eq!(it.start(""), Outcome::Nothing);
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\nname = \"y\"\n");
        assert_eq!(it.text("data/abusebox.redb").unwrap(), "y");
        // What is changed there with a PC is meant; the rest is not taken again.
        it.put("first/customers.csv", "customer_id\n");
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(it.start(""), Outcome::Nothing);
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\nname = \"y\"\n");
        assert_eq!(it.text("data/customers.csv").unwrap(), "customer_id\n");
        it.put("first/customers.csv", "customer_id,name\n");
        assert_eq!(it.start("no\n"), Outcome::Complaints("no\n".to_owned()));
        assert_eq!(it.text("data/customers.csv").unwrap(), "customer_id\n");
        // A wish that was taken away and comes again counts again.
        fs::remove_file(it.first.0.join("factory-reset")).unwrap();
        assert_eq!(it.start("no\n"), Outcome::Complaints("no\n".to_owned()));
        it.put("first/factory-reset", "");
        assert_eq!(it.start(""), Outcome::Reset);
        assert_eq!(it.text("data/abusebox.redb"), None);
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\nname = \"x\"\n");
        // When it takes writes again, all of it is erased.
        it.takes_no_writes.set(false);
        assert_eq!(it.start(""), Outcome::Nothing);
        assert_eq!(fs::read_dir(&it.first.0).unwrap().count(), 0);
        assert_eq!(it.text("data/system/taken"), None);
    }

    #[test]
    fn names_are_taken_as_a_pc_makes_them() {
        for (name, known) in [
            ("abusebox.toml.txt", Some("abusebox.toml")),
            ("Abusebox.toml", Some("abusebox.toml")),
            ("ABUSEBOX.TOML", Some("abusebox.toml")),
            ("abusebox.toml.toml", Some("abusebox.toml")),
            ("Customers.csv", Some("customers.csv")),
            ("customers.csv.csv", Some("customers.csv")),
            ("customers.csv.txt", Some("customers.csv")),
            ("ca.pem.txt", Some("ca.pem")),
            ("Factory-Reset.TXT", Some("factory-reset")),
            ("factory-reset", Some("factory-reset")),
            ("abusebox-example.toml", None),
            ("abusebox-example.toml.txt", None),
            ("abusebox.toml.bak", None),
            ("abusebox.tomll", None),
            ("abusebox.toml.txt.txt", None),
            ("._abusebox.toml", None),
            ("customers.csv.xlsx", None),
            ("factory-resett", None),
            ("factory-reset.done", None),
            ("abusebox-complaints.txt", None),
        ] {
            let found = FILES.map(|(known, ..)| known).into_iter().chain([RESET]);
            assert_eq!(
                found.filter(|known| stands_for(name, known)).collect::<Vec<_>>(),
                Vec::from_iter(known)
            );
        }
        let it = Box::new();
        it.put("first/abusebox-example.toml", "[box]\n");
        assert_eq!((it.start(""), it.wrote()), (Outcome::Nothing, false));
        it.put("first/Abusebox.toml.txt", "[box]\nname = \"x\"\n");
        it.put("first/customers.csv.csv", "customer_id\n");
        assert_eq!(it.start(""), Outcome::Taken);
        assert_eq!(it.text("data/settings.toml").unwrap(), "[box]\nname = \"x\"\n");
        assert_eq!(it.text("data/customers.csv").unwrap(), "customer_id\n");
        assert_eq!(fs::read_dir(&it.first.0).unwrap().count(), 1, "but for the example all is erased");
        // Which of two is meant, nobody knows.
        it.put("first/abusebox.toml", "one");
        it.put("first/abusebox.toml.txt", "two");
        let Outcome::Complaints(text) = it.start("") else { panic!() };
        assert_eq!(
            text,
            "abusebox.toml and abusebox.toml.txt are meant for the same: take one of them away\n"
        );
        it.put("first/FACTORY-RESET.txt", "");
        assert_eq!(it.start(""), Outcome::Reset);
        assert_eq!(it.text("first/FACTORY-RESET.txt"), None);
    }

    #[test]
    fn a_person_is_told_what_is_wrong_and_what_to_do() {
        let told = |outcome: Outcome, stuck: bool| {
            let stuck = stuck.then(|| io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
            Done { outcome, stuck }.troubles()
        };
        assert!(
            [Outcome::Nothing, Outcome::Taken, Outcome::Reset]
                .map(|one| told(one, false))
                .concat()
                .is_empty()
        );
        for outcome in [Outcome::Nothing, Outcome::Taken] {
            let told = told(outcome, true);
            assert!(told.len() == 1 && told[0].contains("(read-only filesystem"), "{told:?}");
            assert!(told[0].contains("erase it with a PC"), "{told:?}");
        }
        let many = Outcome::Complaints("line 1: \u{1b}[2Jno\n".repeat(9));
        let lines = told(many.clone(), false);
        assert_eq!((lines.len(), &*lines[1]), (2 + SHOWN_LINES_MAX, "line 1: [2Jno"));
        assert!(lines[6].contains(COMPLAINTS));
        assert!(told(many, true)[6].contains("takes no writes"));
    }

    #[test]
    fn what_was_done_before_the_power_was_cut_is_not_done_again() {
        let it = Box::new();
        it.put("first/factory-reset", "");
        it.takes_no_writes.set(true);
        assert_eq!(it.start(""), Outcome::Reset);
        it.takes_no_writes.set(false);
        it.put("data/abusebox.redb", "new");
        assert_eq!((it.start(""), it.wrote()), (Outcome::Nothing, true));
        assert_eq!(it.text("data/abusebox.redb").unwrap(), "new");
        assert_eq!((it.start(""), it.wrote()), (Outcome::Nothing, false));
    }

    #[test]
    fn each_failure_says_what_happened_and_a_reset_needs_no_readable_files() {
        let it = Box::new();
        let path = |name: &str| it.folder.path().join(name);
        let fails = |check: io::Result<String>| {
            take(&it, &path("data"), &path("staging"), None, |_| check).unwrap_err()
        };
        let broken = || Err(io::Error::other("broken"));
        // A file of which nobody can read the beginning, whoever asks: the memory of this process.
        std::os::unix::fs::symlink("/proc/self/mem", path("first/abusebox.toml")).unwrap();
        assert!(matches!(fails(broken()), Error::First(_)));
        it.put("first/factory-reset", "");
        assert_eq!(it.start(""), Outcome::Reset);
        fs::remove_file(path("first/abusebox.toml")).unwrap();
        it.put("first/abusebox.toml", "");
        let error = fails(broken());
        assert!(matches!(error, Error::Check(_)));
        assert!(error.to_string().contains("not taken over: broken; switch"), "{error}");
        fs::create_dir(path("data/settings.toml")).unwrap();
        it.put("data/settings.toml/x", "");
        // What is to be checked comes from elsewhere.
        assert!(matches!(fails(Ok(String::new())), Error::Data(_)));
        fs::remove_dir_all(path("data")).unwrap();
        it.put("first/factory-reset", "");
        assert!(matches!(fails(broken()), Error::Reset(_)));
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
    fn the_wish_for_another_password_is_passed_on_once() {
        let it = Box::new();
        it.put("data/settings.toml", "key\n");
        it.put("first/Reset-Password.txt", "");
        let unchecked = |_: &Path| panic!("nothing is there to check");
        assert_eq!(it.start_with(unchecked), Outcome::Taken, "whatever is wrong with the settings");
        assert_eq!(it.text("data/reset-password").unwrap(), "");
        assert_eq!(it.text("first/Reset-Password.txt"), None);
        assert_eq!(it.start_with(unchecked), Outcome::Nothing);
        // What lies beside it is checked as ever.
        it.put("first/reset-password", "");
        it.put("first/customers.csv", "customer_id\n");
        assert_eq!(it.start("no\n"), Outcome::Complaints("no\n".to_owned()));
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
