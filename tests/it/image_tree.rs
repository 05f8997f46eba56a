//! What of the release image can be checked without building one. `tests/image/tree.sh` checks the rest of it against a
//! Buildroot.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

#[test]
fn busybox_has_the_applets_that_the_scripts_use_and_no_other() {
    let fragment = read("buildroot/busybox.config");
    let (applets, _) = fragment.split_once("\n# The features").unwrap();
    let built: BTreeSet<String> = applets
        .lines()
        .filter_map(|line| Some(applet(line.strip_prefix("CONFIG_")?.strip_suffix("=y")?)))
        .collect();

    let mut scripts = Vec::new();
    files(Path::new("rootfs-overlay"), &mut scripts);
    let (mut used, mut functions) = (BTreeSet::from(["init".to_owned(), "ash".to_owned()]), BTreeSet::new());
    for (path, text) in scripts {
        if path.ends_with("etc/inittab") {
            let commands = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.splitn(4, ':').last().unwrap());
            commands.for_each(|command| words(command, &mut used, &mut functions));
        } else if text.starts_with("#!/bin/sh\n") {
            for piece in Shell::pieces(&text) {
                words(&piece, &mut used, &mut functions);
            }
        }
    }
    used.retain(|word| {
        !functions.contains(word) && ![OF_THE_SHELL, OTHERS].concat().contains(&word.as_str())
    });
    let missing: Vec<_> = used.difference(&built).collect();
    assert!(missing.is_empty(), "used, and not in buildroot/busybox.config: {missing:?}");
    let idle: Vec<_> = built.difference(&used).collect();
    assert!(idle.is_empty(), "in buildroot/busybox.config, and not used: {idle:?}");
}

#[test]
fn the_reader_of_scripts_finds_commands_only() {
    let script = "#!/bin/sh\n# grep\nsay() { echo \"a; b $(cat 'c; d')\" >x; }\nfor f in ls; do mv a \"$f\" 2>&1 | tr a b; done\n\
        case $1 in\nrm | cp) say \"${2:-; dd}\" ;;\nesac\nx=1 sed p $((1 / 2)) && ! /sbin/od x || exec cut\n/usr/libexec/stat\n";
    let (mut used, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for piece in Shell::pieces(script) {
        words(&piece, &mut used, &mut functions);
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["cat", "cut", "echo", "mv", "od", "say", "sed", "tr"]);
    assert_eq!(functions.into_iter().collect::<Vec<_>>(), ["say"]);
}

#[test]
fn three_are_asked_for_names_and_of_those_that_name_them_each_is_heard() {
    let script = read("rootfs-overlay/usr/libexec/abusebox/network");
    let begin = script.find("\nresolve() {").unwrap();
    let end = begin + script[begin..].find("\n}\n").unwrap() + 3;
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let function = script[begin..end].replace("/run/abusebox", &here);
    let asked = |files: &[(&str, &str)]| {
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let run = format!("fixed={here}/address{function}resolve");
        let output = Command::new("sh").args(["-u", "-c", &run]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        files.iter().for_each(|(name, _)| fs::remove_file(folder.path().join(name)).unwrap());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.replace("nameserver ", "")).collect::<Vec<_>>().join(" ")
    };
    let heard = ("name-servers", "fe80::1%2 fd00::1 fd00::2");
    let (v4, empty) = (("eth0.dns", "home\n10.0.0.1 10.0.0.2 10.0.0.3\n"), ("eth0.dns", "\n\n"));
    for (files, expected) in [
        (&[][..], ""),
        (&[v4], "search home 10.0.0.1 10.0.0.2 10.0.0.3"),
        (&[heard], "fe80::1%2 fd00::1 fd00::2"),
        (&[empty, heard], "fe80::1%2 fd00::1 fd00::2"),
        (&[v4, heard], "search home 10.0.0.1 10.0.0.2 fe80::1%2"),
        (
            &[("eth0.dns", "\n10.0.0.1\n"), ("eth1.dns", "a\n10.0.0.1\n"), heard],
            "search a 10.0.0.1 fe80::1%2 fd00::1",
        ),
        (
            &[("address", "address=x\ngateway=\ndns='192.0.2.1 192.0.2.2'\n"), v4, heard],
            "192.0.2.1 192.0.2.2",
        ),
        (&[("address", "address=x\ngateway=\ndns=''\n"), heard], "fe80::1%2 fd00::1 fd00::2"),
    ] {
        assert_eq!(asked(files), expected, "{files:?}");
    }
}

/// The firmware of a Raspberry Pi has a parser of its own, which no test here can ask; so these bytes stay what they are.
#[test]
fn a_raspberry_pi_is_told_its_slots_in_these_bytes() {
    let expected = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n";
    assert_eq!(read("board/rpi/autoboot.txt"), expected);
}

/// In a name space of processes, where a restart only ends whoever asks for it, by a signal that nothing else sends.
#[test]
fn a_raspberry_pi_is_restarted_with_words_by_the_only_other_program_of_its_first_ram_disk() {
    let (compiler, player) = ("aarch64-linux-gnu-gcc", "qemu-aarch64-static");
    for program in [compiler, player] {
        if Command::new(program).arg("--version").output().is_err() {
            return println!("skipped: there is no {program}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let make = "board=rpi common=board/common; . board/rpi/boot.sh; early \"$1\"";
    assert!(Command::new("sh").args(["-e", "-c", make, "sh"]).arg(folder.path()).status().unwrap().success());
    let program = folder.path().join("reset-with");
    let run = |starter: &[&str]| {
        let command = starter.iter().map(AsRef::as_ref);
        let words = [player.as_ref(), "-strace".as_ref(), program.as_os_str(), "0 tryboot".as_ref()];
        let all: Vec<&OsStr> = command.chain(words).collect();
        Command::new(all[0]).args(&all[1..]).output().unwrap()
    };
    let output = run(&["unshare", "--user", "--map-root-user", "--pid", "--fork"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("unshare failed") {
        return println!("skipped: {said}");
    }
    // The numbers of reboot(2), LINUX_REBOOT_CMD_RESTART2 the third.
    assert!(said.contains("reboot(4276215469,672274793,2712847316,"), "{said}");
    let status = output.status;
    assert!(status.signal() == Some(1) || status.code() == Some(129), "{status}: {said}");
    // Without the right to it, it says why not: EPERM.
    let output = run(&["unshare", "--user", "--pid", "--fork"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A shell script, and how far it was read. Enough of the language for ours.
struct Shell(Vec<char>, usize);

impl Shell {
    /// The script in pieces, with `_` for what is quoted and for variables; what is substituted is a piece of its own.
    fn pieces(script: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        let whole = Self(script.chars().collect(), 0).code(false, &mut pieces);
        pieces.push(whole);
        pieces
    }

    fn next(&mut self) -> Option<char> {
        self.1 += 1;
        self.0.get(self.1 - 1).copied()
    }

    fn skip_past(&mut self, end: &[char]) {
        while self.1 < self.0.len() && !self.0[self.1..].starts_with(end) {
            self.1 += 1;
        }
        self.1 += end.len();
    }

    /// To the end, or to the bracket that closes a substitution.
    fn code(&mut self, substituted: bool, pieces: &mut Vec<String>) -> String {
        let mut out = String::new();
        let mut open = 0;
        while let Some(c) = self.next() {
            match c {
                '\'' => self.skip_past(&['\'']),
                '"' => self.quoted(pieces),
                '$' => self.dollar(pieces),
                '\\' => self.1 += 1,
                '#' if out.is_empty() || out.ends_with(char::is_whitespace) => self.skip_past(&['\n']),
                _ => {}
            }
            match c {
                '\'' | '"' | '$' => out.push('_'),
                '\\' => out.push(' '),
                '&' if out.ends_with('>') => out.push('_'),
                '#' if out.is_empty() || out.ends_with(char::is_whitespace) => out.push('\n'),
                ';' | '&' => out.push('\n'),
                '(' => {
                    open += 1;
                    out.push(c);
                }
                ')' if open > 0 => {
                    open -= 1;
                    out.push(c);
                }
                ')' if substituted => break,
                // The end of a pattern of `case`, which is no command.
                ')' => out.truncate(out.rfind('\n').map_or(0, |at| at + 1)),
                _ => out.push(c),
            }
        }
        out
    }

    fn quoted(&mut self, pieces: &mut Vec<String>) {
        while let Some(c) = self.next() {
            match c {
                '"' => break,
                '\\' => self.1 += 1,
                '$' => self.dollar(pieces),
                _ => {}
            }
        }
    }

    fn dollar(&mut self, pieces: &mut Vec<String>) {
        match &self.0[self.1.min(self.0.len())..] {
            ['(', '(', ..] => self.skip_past(&[')', ')']),
            ['{', ..] => self.skip_past(&['}']),
            ['(', ..] => {
                self.1 += 1;
                let piece = self.code(true, pieces);
                pieces.push(piece);
            }
            _ => {}
        }
    }
}

/// Adds the commands of a piece, and the functions that it defines.
fn words(piece: &str, used: &mut BTreeSet<String>, functions: &mut BTreeSet<String>) {
    for part in piece.split(['\n', '|']) {
        for word in part.split_whitespace() {
            if let Some(name) = word.strip_suffix("()") {
                functions.insert(name.to_owned());
            } else if ["for", "case"].contains(&word) {
                break;
            } else if !BEFORE_A_COMMAND.contains(&word) && !word.contains('=') {
                let name =
                    word.strip_prefix("/sbin/").or_else(|| word.strip_prefix("/usr/bin/")).unwrap_or(word);
                if name.starts_with(|c: char| c.is_ascii_lowercase()) {
                    used.insert(name.to_owned());
                }
                break;
            }
        }
    }
}

/// The name of an applet, by that of its setting.
fn applet(setting: &str) -> String {
    setting.strip_prefix("BB_").unwrap_or(setting).to_lowercase().replace('_', "-")
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if root().join(&path).is_dir() {
            files(&path, found);
        } else {
            let path = path.to_str().unwrap().to_owned();
            found.push((path.clone(), read(&path)));
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const BEFORE_A_COMMAND: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "exec", "!", "{", "}"];
const OF_THE_SHELL: &[&str] =
    &["break", "cd", "continue", "echo", "exit", "printf", "read", "return", "set", "shift"];
/// Of other packages: e2fsprogs, util-linux, and our own.
const OTHERS: &[&str] = &["abusebox", "e2fsck", "mke2fs", "partx"];
