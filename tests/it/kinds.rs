//! The table of types against the published schema, where that lies beside the clone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use abusebox::report::kind::{self, KINDS, Severity};

/// A file of the schema, or none, said aloud, where there is no such folder.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn shared(file: &str) -> Option<Vec<u8>> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared/data/shadowserver", file].iter().collect();
    std::fs::read(&path).inspect_err(|error| println!("skipped: {}: {error}", path.display())).ok()
}

#[test]
fn names_titles_and_severities_are_shadowservers() {
    let Some(bytes) = shared("report_types.csv") else { return };
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (name, title, severity, retired) =
        (at("file_name"), at("report title"), at("default severity"), at("retired"));
    let mut names = BTreeSet::new();
    for row in reader.records() {
        let row = row.unwrap();
        let kind = kind::find(&row[name]).unwrap_or_else(|| panic!("{} is missing", &row[name]));
        assert_eq!(kind.retired, &row[retired] == "y", "{}", kind.name);
        assert_eq!(kind.title, row[title].trim_end_matches(" (old name)"), "{}", kind.name);
        if !row[severity].is_empty() {
            assert_eq!(Some(kind.severity), Severity::read(row[severity].as_bytes()), "{}", kind.name);
        }
        names.insert(kind.name);
    }
    assert_eq!(names, KINDS.iter().map(|kind| kind.name).collect());
}

#[test]
fn columns_are_those_of_the_published_schema() {
    let Some(bytes) = shared("reports.json") else { return };
    let schema: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
    let active = KINDS.iter().filter(|kind| !kind.retired);
    assert_eq!(schema.len(), active.clone().count());
    for kind in active {
        let theirs = schema[kind.name]["fields"].as_array().unwrap();
        let theirs: BTreeSet<_> = theirs.iter().filter_map(|column| column.as_str()).collect();
        let ours: BTreeSet<_> = kind::columns(kind.name).unwrap().into_iter().collect();
        assert_eq!(ours, theirs, "{}", kind.name);
    }
}

#[test]
fn no_shown_column_is_a_slip_of_the_pen() {
    let columns: BTreeSet<&str> =
        KINDS.iter().filter_map(|kind| kind::columns(kind.name)).flatten().collect();
    for (_, name) in abusebox::report::column::SHOWN {
        assert!(columns.contains(name), "no report has a column {name}");
    }
}
