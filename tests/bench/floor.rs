//! What a pass cannot do without, done alone: the packages that unpack its reports, part their cells, and keep the same
//! incidents. No row is looked up, gathered, sorted or told to anybody, and nothing is made of its cells.

use std::path::Path;

use abusebox::fetch::spool;
use abusebox::incident::Key;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::meter;
use crate::world::DAY;

/// Seconds of the processor.
#[derive(Serialize, Deserialize)]
pub(crate) struct Floor {
    /// Unpacking the reports of a day, and parting them with `csv::ByteRecord`.
    pub(crate) part: f64,
    /// Putting the incidents into an empty store in the order of their keys, a report in each transaction; and putting
    /// each in its own place once more.
    pub(crate) keep: [f64; 2],
}

/// Of the pass that a data folder has seen.
pub(crate) fn floor(data: &Path) -> Floor {
    let spooled = std::fs::read_dir(data.join("spool")).expect("a spool");
    let reports = spooled
        .map(|entry| entry.expect("a report").path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DAY)));
    let part = |path: &Path| {
        let mut reader = csv::Reader::from_reader(spool::open(path).expect("a report"));
        let (mut record, mut rows) = (csv::ByteRecord::new(), 0u64);
        while reader.read_byte_record(&mut record).expect("CSV") {
            rows += 1;
        }
        rows
    };
    let (rows, part) = meter::costs(|| reports.map(|path| part(&path)).sum::<u64>());
    assert!(rows > 0);
    Floor { part, keep: keep(data) }
}

fn keep(data: &Path) -> [f64; 2] {
    let known = Database::open(data.join("abusebox.redb")).expect("the store");
    let known = known.begin_read().expect("a snapshot").open_table(INCIDENTS).expect("incidents");
    let path = data.join("floor.redb");
    let own = Database::builder().set_cache_size(CACHE_BYTES).create(&path).expect("a store");
    let (mut seconds, mut number) = ([0.0; 2], 0);
    for (again, sum) in seconds.iter_mut().enumerate() {
        let entries = known.iter().expect("incidents").map(|entry| {
            let (key, value) = entry.expect("an incident");
            (Key(*key.value()), value.value().to_vec())
        });
        let mut entries = entries.peekable();
        while let Some(first) = entries.next() {
            let kind = first.0.kind();
            let mut report = vec![first];
            report.extend(std::iter::from_fn(|| entries.next_if(|(key, _)| key.kind() == kind)));
            let put = || if again == 0 { open(&own, &report, &mut number) } else { see(&own, &report) };
            let (done, cost) = meter::costs(put);
            done.expect("kept");
            *sum += cost;
        }
    }
    drop(own);
    std::fs::remove_file(path).expect("removed");
    seconds
}

/// New incidents, with the tables that find them by number and by customer.
fn open(own: &Database, report: &[(Key, Vec<u8>)], number: &mut u64) -> Result<(), redb::Error> {
    let txn = own.begin_write()?;
    {
        let (mut incidents, mut ids) = (txn.open_table(INCIDENTS)?, txn.open_table(IDS)?);
        let mut receivers = txn.open_table(RECEIVERS)?;
        let mut incidents = incidents.lower_bound_mut(std::ops::Bound::Included(&report[0].0.0))?;
        let mut ids = ids.upper_bound_mut(std::ops::Bound::Unbounded::<u64>)?;
        for (key, value) in report {
            *number += 1;
            incidents.insert_before(&key.0, value.as_slice())?;
            ids.insert_before(*number, &key.0)?;
            receivers.insert((key.customer().0, &key.0), ())?;
        }
        incidents.close()?;
        ids.close()?;
    }
    Ok(txn.commit()?)
}

/// Known ones.
fn see(own: &Database, report: &[(Key, Vec<u8>)]) -> Result<(), redb::Error> {
    let txn = own.begin_write()?;
    {
        let mut incidents = txn.open_table(INCIDENTS)?;
        for (key, value) in report {
            if let Some(mut known) = incidents.get_mut(&key.0)? {
                known.insert(value.as_slice())?;
            }
        }
    }
    Ok(txn.commit()?)
}

const INCIDENTS: TableDefinition<&[u8; Key::LEN], &[u8]> = TableDefinition::new("incidents");
const IDS: TableDefinition<u64, &[u8; Key::LEN]> = TableDefinition::new("incident_ids");
const RECEIVERS: TableDefinition<(u32, &[u8; Key::LEN]), ()> = TableDefinition::new("receivers");
/// As the program's own.
const CACHE_BYTES: usize = 3 * 1024 * 1024;
