//! Customer files before they are taken: with what was confirmed of their columns, and what somebody has to confirm first.
//! All ways by which a file comes share this: the page, the command, the settings, and what other programs send.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::{Engine, Error, FILE_BYTES_MAX};
use crate::clock::Timestamp;
use crate::customers::bundle::Bundle;
use crate::customers::import::{self, File};
use crate::customers::table::{Source, Table};
use crate::customers::{Mapping, Owner};
use crate::files;

impl Engine {
    /// A customer file as it would be accepted, and what it says: with what was confirmed of its columns before, and if
    /// it has no addresses, with those of the file in force that came in a second one.
    pub fn understand<'b>(&self, bytes: &'b [u8]) -> Result<(Cow<'b, [u8]>, File), Error> {
        let zone = self.loaded().settings.boxx.timezone.clone();
        let mut bundle = Bundle::of(bytes);
        if bundle.mapping.is_empty() {
            bundle.mapping = self.mapping(MAPPING)?;
        }
        if bundle.addresses.is_some() && bundle.addresses_mapping.is_empty() {
            bundle.addresses_mapping = self.mapping(ADDRESSES_MAPPING)?;
        }
        let packed = bundle.clone().pack();
        let file = import::read(&packed, &zone);
        // With logins alone it can be taken, and still would lose the addresses.
        let has_none =
            file.lacks_addresses || (!file.refused && file.lines.is_empty() && file.forwards.is_empty());
        if !has_none || bundle.addresses.is_some() {
            return Ok((packed, file));
        }
        let Some(in_force) = self.in_force()? else { return Ok((packed, file)) };
        let in_force = Bundle::of(&in_force);
        let Some(addresses) = in_force.addresses else { return Ok((packed, file)) };
        let addresses = Some(Cow::Owned(addresses.into_owned()));
        let pair = Bundle { addresses, addresses_mapping: in_force.addresses_mapping, ..bundle }.pack();
        let file = import::read(&pair, &zone);
        Ok((pair, file))
    }

    /// The customers of the file in force with these addresses, as one; without a file in force, the file as it is.
    pub(super) fn with_addresses(&self, addresses: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(in_force) = self.in_force()? else { return Ok(addresses) };
        let in_force = Bundle::of(&in_force);
        let addresses_mapping = self.mapping(ADDRESSES_MAPPING)?;
        let addresses = Some(addresses.into());
        Ok(Bundle { addresses, addresses_mapping, ..in_force }.pack().into_owned())
    }

    /// The accepted file in force.
    pub(super) fn in_force(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some((_, import)) = self.store.view()?.imports()?.pop() else { return Ok(None) };
        let path = self.data.join(FOLDER).join(&import.file);
        files::read_max(&path, FILE_BYTES_MAX).map(Some).map_err(|error| Error::file(&path, error))
    }

    /// What somebody has to confirm of a file as a whole, before it takes the place of the one in force.
    pub fn doubts(&self, file: &File, now: Timestamp) -> Result<Vec<String>, Error> {
        let mut doubts = file.doubts.clone();
        let Some((_, last)) = self.store.view()?.imports()?.pop() else { return Ok(doubts) };
        let customers = file.customers_len() as u64;
        if customers * 100 <= last.customers * (100 - FEWER_PERCENT) && customers < last.customers {
            let before = last.customers;
            doubts.push(format!("it has {customers} customers, and the list in force {before}"));
        }
        let (open, moved) = self.moved(file, now)?;
        if moved * 100 > open * MOVED_PERCENT_MAX {
            doubts.push(format!(
                "of {open} open incidents of customers, {moved} would be somebody else's by it"
            ));
        }
        Ok(doubts)
    }

    /// Open incidents that a customer has by a line of the file, and how many of their addresses would be another customer's.
    fn moved(&self, file: &File, now: Timestamp) -> Result<(u64, u64), Error> {
        let view = self.store.view()?;
        let mut numbers = HashMap::new();
        view.customer_numbers(|id, number| {
            numbers.insert(id.to_owned(), number.0);
        })?;
        let mut strange = u32::MAX;
        let number = |id: &str| {
            numbers.get(id).copied().unwrap_or_else(|| {
                strange -= 1;
                strange
            })
        };
        let table = Table::build(&self.loaded().settings.networks, [(now, file)], number);
        let (mut open, mut moved) = (0, 0);
        view.incidents(|key, incident| {
            if incident.closed.is_none()
                && let (true, Some(address)) = (key.customer().0 != 0, incident.evidence.address)
                && table.source(address) == Source::Lines
            {
                open += 1;
                let owner = table.owner(address, now);
                moved += u64::from(
                    matches!(owner, Owner::Customer { customer, .. } if customer != key.customer()),
                );
            }
        })?;
        Ok((open, moved))
    }

    fn mapping(&self, name: &str) -> Result<Mapping, Error> {
        let path = self.data.join(FOLDER).join(name);
        match files::read_max(&path, MAPPING_BYTES_MAX) {
            Ok(text) => Ok(Mapping::parse(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Mapping::default()),
            Err(error) => Err(Error::file(&path, error)),
        }
    }

    /// Keeps what somebody has confirmed of the columns, for the next file.
    pub(super) fn keep_mapping(&self, bundle: &Bundle<'_>) -> Result<(), Error> {
        for (name, mapping) in [(MAPPING, &bundle.mapping), (ADDRESSES_MAPPING, &bundle.addresses_mapping)] {
            if !mapping.is_empty() {
                let path = self.data.join(FOLDER).join(name);
                files::save_atomic(&path, mapping.text().as_bytes(), 0o600)
                    .map_err(|error| Error::file(&path, error))?;
            }
        }
        Ok(())
    }

    /// Keeps a file that nobody has confirmed, so that it can be looked at on the page.
    pub(super) fn hold(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.held_customers();
        files::save_atomic(&path, bytes, 0o600).map_err(|error| Error::file(&path, error))
    }

    /// Another file was taken.
    pub(super) fn forget_held(&self) -> Result<(), Error> {
        let path = self.held_customers();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(&path, error)),
            _ => Ok(()),
        }
    }

    /// Where the file lies that waits to be confirmed, if there is one.
    pub(super) fn held_customers(&self) -> PathBuf {
        self.data.join(FOLDER).join("held")
    }
}

/// As it was confirmed: what is only seen in the cells of this file is a fact for the next.
pub(super) fn confirmed<'b>(packed: Cow<'b, [u8]>, file: &File) -> Cow<'b, [u8]> {
    if file.doubts.is_empty() {
        return packed;
    }
    let mut bundle = Bundle::of(&packed);
    bundle.mapping = Mapping::of(&file.columns);
    bundle.addresses_mapping = Mapping::of(&file.address_columns);
    Cow::Owned(bundle.pack().into_owned())
}

/// In the data folder; accepted files lie there, too.
const FOLDER: &str = "customers";
const MAPPING: &str = "mapping";
const ADDRESSES_MAPPING: &str = "mapping-of-addresses";
/// Some hundred columns with long names.
const MAPPING_BYTES_MAX: u64 = 256 * 1024;
/// So many per cent fewer customers than before are more likely half an export than a bad month.
const FEWER_PERCENT: u64 = 20;
/// Of the open incidents, as many may become somebody else's at once.
const MOVED_PERCENT_MAX: u64 = 5;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::files::save_atomic;
    use crate::service::joined;

    const NOW: Timestamp = Timestamp::from_unix(1_795_600_000);

    fn open(folder: &tempfile::TempDir) -> Arc<Engine> {
        let settings = "[organisation]\nabuse_address = \"abuse@example.net\"\noperator_address = \"noc@example.net\"\n\
             [networks]\ncidrs = [\"192.0.2.0/24\"]\n";
        let path = folder.path().join("settings.toml");
        save_atomic(&path, settings.as_bytes(), 0o600).unwrap();
        Engine::open(&folder.path().join("data"), &path, Clock::fixed(NOW)).unwrap()
    }

    /// So many customers, a prefix each.
    fn list(customers: u8) -> Vec<u8> {
        let line = |number: u8| format!("C{number},Customer {number},,192.0.2.{}/29\n", number * 8);
        let lines: String = (0..customers).map(line).collect();
        format!("customer_id,name,email,cidr\n{lines}").into_bytes()
    }

    fn whose(engine: &Engine, address: &str) -> String {
        let loaded = engine.loaded();
        let told = loaded.table.explain(address.parse().unwrap(), NOW);
        told.customer_id.unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn is_held(engine: &Engine, file: &[u8], why: &str) {
        let error = engine.import_customers(file, false, NOW).unwrap_err();
        assert!(matches!(error, Error::Unconfirmed { .. }) && error.to_string().contains(why), "{error}");
        assert_eq!(files::read_max(&engine.held_customers(), FILE_BYTES_MAX).unwrap(), file);
        let alarms = engine.alarms(&engine.store.view().unwrap()).unwrap();
        assert!(alarms["customers"].text.contains(why), "{alarms:?}");
    }

    #[track_caller]
    fn is_taken(engine: &Engine, file: &[u8], confirmed: bool) {
        engine.import_customers(file, confirmed, NOW).unwrap();
        assert!(!engine.held_customers().exists());
        assert!(engine.alarms(&engine.store.view().unwrap()).unwrap().is_empty());
    }

    #[test]
    fn a_file_with_a_fifth_fewer_customers_waits_for_somebody() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        is_taken(&engine, &list(10), false);
        is_held(&engine, &list(8), "8 customers, and the list in force 10");
        assert_eq!(whose(&engine, "192.0.2.73"), "C9", "the last good file stays");
        is_taken(&engine, &list(9), false);
        is_held(&engine, &list(5), "5 customers");
        // What is in force comes again, and nothing waits any more.
        is_taken(&engine, &list(9), false);
        is_held(&engine, &list(5), "5 customers");
        is_taken(&engine, &list(5), true);
        is_taken(&engine, &list(20), false);
    }

    #[test]
    fn the_file_of_the_settings_is_held_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("customers.csv");
        save_atomic(&file, &list(10), 0o600).unwrap();
        let engine = open(&folder);
        save_atomic(&file, &list(2), 0o600).unwrap();
        assert!(!engine.reload(NOW).unwrap());
        assert_eq!((whose(&engine, "192.0.2.73").as_str(), engine.held_customers().exists()), ("C9", true));
        save_atomic(&file, &list(11), 0o600).unwrap();
        assert!(engine.reload(NOW).unwrap() && !engine.held_customers().exists());
    }

    #[test]
    fn a_file_that_moves_incidents_to_somebody_else_waits_for_somebody() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        is_taken(&engine, &list(10), false);
        let day = NOW.day().plus(-1);
        let rows = (0..10)
            .map(|n| format!("\"{day} 03:00:00\",\"high\",\"192.0.2.{}\",\"tcp\",\"3389\"\n", n * 8 + 1));
        let report =
            format!("\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\"\n{}", rows.collect::<String>());
        let path = folder.path().join("report.csv");
        save_atomic(&path, report.as_bytes(), 0o600).unwrap();
        engine.ingest(&format!("{day}-scan_rdp-example-asn.csv"), &path, NOW).unwrap();
        let with = |id: &str| String::from_utf8(list(10)).unwrap().replace("C3,", id).into_bytes();
        is_held(&engine, &with("C4,"), "of 10 open incidents of customers, 1 would be somebody else's");
        // Who is somebody new, is somebody else, too.
        is_held(&engine, &with("N,"), "1 would be");
        is_taken(&engine, &with("N,"), true);
    }

    #[test]
    fn what_was_confirmed_of_columns_holds_for_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        let named = |header: &str, more: &str| {
            let lines =
                "A1;192.0.2.0/29;a@a.example\nA2;192.0.2.8/29;b@b.example\nA3;192.0.2.16/29;c@c.example\n";
            format!("{header}\n{lines}{more}").into_bytes()
        };
        let first = named("Ref;Wo;Erreichbar", "");
        is_held(&engine, &first, "\"Wo\" as cidr");
        is_taken(&engine, &first, true);
        is_taken(&engine, &first, false);
        let more = "A4;192.0.2.24/29;d@d.example\n";
        is_taken(&engine, &named("Ref;Wo;Erreichbar", more), false);
        assert_eq!(whose(&engine, "192.0.2.25"), "A4");
        is_held(&engine, &named("Ref;Dort;Erreichbar", more), "\"wo\" is missing");
        drop(engine);
        assert_eq!(whose(&open(&folder), "192.0.2.25"), "A4", "by the columns that were confirmed");
    }

    #[test]
    fn customers_with_logins_keep_the_addresses_of_the_second_file() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        let customers =
            |name: &str| format!("ID;Portal login;Full name\n1;100001;{name}\n2;100002;Two\n").into_bytes();
        let addresses = b"id;customer_id;ipv4\n10;1;192.0.2.1\n11;2;192.0.2.2\n".to_vec();
        is_taken(&engine, &joined(vec![customers("One"), addresses]), false);
        is_taken(&engine, &customers("One Ltd"), false);
        assert_eq!(["192.0.2.1", "192.0.2.2"].map(|address| whose(&engine, address)), ["1", "2"]);
    }

    #[test]
    fn of_two_columns_with_one_header_the_one_that_was_confirmed_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        let rows =
            "x;A1;192.0.2.0/29;a@a.example\nx;A2;192.0.2.8/29;b@b.example\nx;A3;192.0.2.16/29;c@c.example\n";
        is_held(&engine, format!("Ref;Ref;Wo;Mail\n{rows}").as_bytes(), "\"Ref\" as customer_id");
        is_taken(&engine, format!("Ref;Ref;Wo;Mail\n{rows}").as_bytes(), true);
        assert_eq!(whose(&engine, "192.0.2.9"), "A2");
        let one = rows.replace("x;", "");
        is_held(&engine, format!("Ref;Wo;Mail\n{one}").as_bytes(), "\"ref\" is missing");
    }

    #[test]
    fn a_column_of_addresses_that_is_not_read_is_confirmed_once() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        let list = |more: &str| format!("id,ip,gateway\nC1,192.0.2.0/29,192.0.2.6\n{more}").into_bytes();
        is_held(&engine, &list(""), "\"gateway\" holds addresses");
        is_taken(&engine, &list(""), true);
        is_taken(&engine, &list("C2,192.0.2.8/29,192.0.2.14\n"), false);
        is_held(
            &engine,
            b"id,ip,gateway,route\nC1,192.0.2.0/29,,192.0.2.16/28\n",
            "\"route\" holds addresses",
        );
    }

    #[test]
    fn customers_and_their_addresses_come_in_two_files_and_stay_one() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder);
        let customers =
            "id,name,mail,status\n1,One,a@one.example,active\n2,Two,,cancelled\n".as_bytes().to_vec();
        let addresses = "ip,customer_original_id\n192.0.2.1,1\n192.0.2.2,1\n192.0.2.3,2\n192.0.2.4,9\n";
        let pair = joined(vec![customers, addresses.as_bytes().to_vec()]);
        let (_, file) = engine.understand(&pair).unwrap();
        let mailed: Vec<bool> = file.lines.iter().map(|line| line.mailed).collect();
        assert_eq!(mailed, [true, true, false, false]);
        assert!(
            file.complaints
                .list
                .iter()
                .any(|c| c.line == Some(5) && c.complaint.contains("file of addresses"))
        );
        is_taken(&engine, &pair, false);
        drop(engine);
        let engine = open(&folder);
        assert_eq!(
            ["192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|address| whose(&engine, address)),
            ["1", "2", "9"]
        );
        // Either comes anew, and the other stays.
        is_taken(&engine, b"id,name,mail\n1,One Ltd,a@one.example\n2,Two,b@two.example\n3,Three,\n", false);
        assert_eq!(whose(&engine, "192.0.2.3"), "2");
        let pair = engine.with_addresses(b"ip,id\n192.0.2.1,1\n192.0.2.9,2\n".to_vec()).unwrap();
        // Customer 9, of whom only the addresses knew, is gone.
        is_held(&engine, &pair, "3 customers, and the list in force 4");
        is_taken(&engine, &pair, true);
        assert_eq!(whose(&engine, "192.0.2.9"), "2");
    }
}
