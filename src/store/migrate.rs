//! From one format of the tables to the next.
//!
//! A single value that changes needs no step: it raises its own version and learns to read the old one
//! ([`super::tables::Stored::upgrade`]). A step is for tables that are renamed, split or keyed anew. To add one:
//! append a function to [`STEPS`]; it finds the store as the format before left it, uses table definitions of its
//! own (those in `tables` may change later, the past does not), and runs in the transaction that also notes the new
//! format, so that a power cut leaves the old one whole. Then keep a store of the old format in `tests/data/store/`.

use redb::WriteTransaction;

use super::Error;

pub(super) type Step = fn(&WriteTransaction) -> Result<(), Error>;

/// `STEPS[n]` leads from format n + 1 to n + 2.
pub(super) const STEPS: &[Step] = &[];

/// The format that this program writes.
pub(super) const FORMAT: u32 = STEPS.len() as u32 + 1;

/// Takes the steps that lead from the format `from` to the newest.
pub(super) fn run(txn: &WriteTransaction, from: u32, steps: &[Step]) -> Result<(), Error> {
    let taken = (from as usize).saturating_sub(1).min(steps.len());
    steps[taken..].iter().try_for_each(|step| step(txn))
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
    use serde::{Deserialize, Serialize};

    use super::super::tables::{Stored, decode, encode};
    use super::*;

    const OLD: TableDefinition<&str, u32> = TableDefinition::new("old");
    const NEW: TableDefinition<u32, &str> = TableDefinition::new("new");

    fn turn_round(txn: &WriteTransaction) -> Result<(), Error> {
        {
            let (old, mut new) = (txn.open_table(OLD)?, txn.open_table(NEW)?);
            for entry in old.iter()? {
                let (name, number) = entry?;
                new.insert(number.value(), name.value())?;
            }
        }
        txn.delete_table(OLD)?;
        Ok(())
    }

    fn never(_: &WriteTransaction) -> Result<(), Error> {
        panic!("this step was taken long ago");
    }

    #[test]
    fn only_the_missing_steps_are_taken() {
        let backend = redb::backends::InMemoryBackend::new();
        let db = Database::builder().create_with_backend(backend).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(OLD).unwrap().insert("one", 1).unwrap();
        run(&txn, 2, &[never, turn_round]).unwrap();
        run(&txn, 3, &[never, turn_round]).unwrap();
        txn.commit().unwrap();
        let view = db.begin_read().unwrap();
        assert_eq!(view.open_table(NEW).unwrap().get(1).unwrap().unwrap().value(), "one");
        assert!(view.open_table(OLD).is_err());
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct First(u32);
    impl Stored for First {
        const NAME: &'static str = "first";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Second {
        number: u32,
        name: String,
    }
    impl Stored for Second {
        const NAME: &'static str = "second";
        const VERSION: u8 = 2;

        fn upgrade(version: u8, bytes: &[u8]) -> Option<Self> {
            let First(number) = (version == 1).then(|| postcard::from_bytes(bytes).ok())??;
            Some(Self { number, name: "unnamed".to_owned() })
        }
    }

    #[test]
    fn a_value_is_read_in_each_version_up_to_ours() {
        let old = encode(&First(7));
        assert_eq!(decode::<Second>(&old).unwrap(), Second { number: 7, name: "unnamed".to_owned() });
        let new = Second { number: 8, name: "x".to_owned() };
        assert_eq!(decode::<Second>(&encode(&new)).unwrap(), new);
        assert!(matches!(decode::<First>(&encode(&new)), Err(Error::Newer { what: "first" })));
        for damaged in [&[][..], &[0], &[1], &old[..1]] {
            assert!(
                matches!(decode::<Second>(damaged), Err(Error::Damaged { what: "second" })),
                "{damaged:?}"
            );
        }
    }
}
