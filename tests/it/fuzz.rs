//! The fuzz targets' checks, on their seeds and on every input that once failed, kept by its name.

#[allow(unreachable_pub, reason = "it is also a crate of its own")]
#[path = "../fuzz/src/lib.rs"]
pub(crate) mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use toml_edit::Document;

#[test]
fn all_kept_inputs_hold() {
    let mut failed = Vec::new();
    for (target, _) in checks::TARGETS {
        for folder in ["seeds", "found"] {
            let folder = root().join("tests/fuzz").join(folder).join(target);
            // Nothing may have been found yet; a target without seeds would begin with nothing.
            let inputs = match fs::read_dir(&folder) {
                Ok(inputs) => inputs,
                Err(_) if folder.ends_with(format!("found/{target}")) => continue,
                Err(error) => panic!("{}: {error}", folder.display()),
            };
            for input in inputs {
                let path = input.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                if catch_unwind(|| checks::check(target, &bytes)).is_err() {
                    failed.push(path);
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn each_check_is_a_target() {
    let manifest = read("tests/fuzz/Cargo.toml");
    let programs = manifest.get("bin").and_then(|programs| programs.as_array_of_tables()).unwrap();
    let programs: Vec<_> = programs.iter().filter_map(|program| program.get("name")?.as_str()).collect();
    assert_eq!(programs, checks::TARGETS.map(|(name, _)| name));
    for name in programs {
        assert!(root().join("tests/fuzz/fuzz_targets").join(format!("{name}.rs")).exists(), "{name}");
    }
}

/// The targets have a lock file of their own; what is tried must still be what is shipped.
#[test]
fn the_targets_are_built_from_the_same_packages() {
    let manifest = read("Cargo.toml");
    let asked: BTreeSet<_> = manifest
        .get("dependencies")
        .unwrap()
        .as_table()
        .unwrap()
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let (ours, fuzz) = (packages("Cargo.lock"), packages("tests/fuzz/Cargo.lock"));
    let locked = &fuzz.iter().find(|(name, _, _)| name == "abusebox").unwrap().2;
    let other: Vec<_> = fuzz
        .iter()
        .filter(|(name, version, _)| {
            !["abusebox-fuzz", "arbitrary", "libfuzzer-sys"].contains(&&**name)
                && !ours.iter().any(|our| (&our.0, &our.1) == (name, version))
        })
        .collect();
    assert!(
        other.is_empty() && *locked == asked,
        "run: cp Cargo.lock tests/fuzz/ && cargo update --workspace --manifest-path tests/fuzz/Cargo.toml ({other:?})"
    );
}

/// Name, version and the names of what it needs, of each package in a lock file.
fn packages(path: &str) -> Vec<(String, String, BTreeSet<String>)> {
    let lock = read(path);
    let packages = lock.get("package").and_then(|packages| packages.as_array_of_tables()).unwrap().iter();
    packages
        .map(|package| {
            let text = |key: &str| package.get(key).and_then(|text| text.as_str()).unwrap().to_owned();
            let needed = package.get("dependencies").and_then(|list| list.as_array()).into_iter().flatten();
            // A name, and its version where there are several.
            let names =
                needed.filter_map(|name| name.as_str()?.split(' ').next()).map(str::to_owned).collect();
            (text("name"), text("version"), names)
        })
        .collect()
}

fn read(path: &str) -> Document<String> {
    Document::parse(fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
