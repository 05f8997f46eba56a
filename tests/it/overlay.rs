//! Scripts of the box's root, run as they are, among processes of their own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::mta::is_root;

/// In the place of `abusebox`: a supervisor that starts a main process and is at work, and that main process. The one that
/// is deaf does not end when it is asked to.
const FAKE: &str = r#"#!/bin/sh
case $3 in
supervise)
	"$0" --data /data run &
	echo $$ >supervisor
	wait
	;;
run)
	[ -e deaf ] && trap '' TERM || trap 'echo "ended in order" >>log; exit' TERM
	echo at work
	echo $$ >main
	while :; do sleep 0.1; done
	;;
esac
"#;

/// As init: starts the script; and then the supervisor is killed.
const INIT: &str = "sh ./supervise & script=$!
while [ ! -s main ] || [ ! -s supervisor ]; do sleep 0.1; done
kill -KILL \"$(cat supervisor)\"
wait $script
kill -0 \"$(cat main)\" 2>/dev/null && echo 'the main process is still there'
cat log";

#[test]
fn init_can_start_a_supervisor_that_was_killed_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str| {
        abusebox::files::save_atomic(&at(name), text.as_bytes(), 0o755).unwrap();
    };
    put("abusebox", FAKE);
    put("logger", "#!/bin/sh\nexec cat >>log\n");
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let Some(busybox) = busybox else { return skipped("there is no busybox") };
    // Only this one: its shell would take its own logger.
    symlink(busybox, at("killall")).unwrap();
    let script = fs::read_to_string("rootfs-overlay/usr/libexec/abusebox/supervise").unwrap();
    assert!(script.contains("/usr/bin/abusebox") && script.contains("sleep 9"));
    let script = script.replace("/usr/bin/abusebox", &at("abusebox").display().to_string());
    put("supervise", &script.replace("sleep 9", "sleep 1"));
    let run = || {
        let done = Command::new("timeout")
            // Names that are killed are those of these processes, and no others.
            .args(["30", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", INIT])
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .current_dir(folder.path())
            .output()
            .unwrap();
        ["main", "supervisor", "log"].iter().for_each(|name| drop(fs::remove_file(at(name))));
        let text = |bytes| String::from_utf8(bytes).unwrap();
        // Between those of the main process, the shell has its word on how the supervisor ended.
        let said = text(done.stdout).replace("Killed\n", "");
        (done.status.code(), said, text(done.stderr))
    };
    let (code, said, why) = run();
    if why.contains("unshare:") {
        return skipped(&why);
    }
    assert_eq!((code, &*said), (Some(0), "at work\nended in order\n"));
    put("deaf", "");
    let (code, said, _) = run();
    assert_eq!((code, &*said), (Some(0), "at work\n"));
}

/// A machine that tests for others as root must be able to.
fn skipped(why: &str) {
    let must = is_root() && std::env::var("CI").as_deref() == Ok("true");
    assert!(!must, "in CI root must be able to do this: {why}");
    let _ = writeln!(std::io::stderr(), "skipped, no processes of its own to be had: {why}");
}
