//! `coursys-ops kinit` against a real KDC.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use coursys_ops_tests::kdc::{Realm, account, free_port, is_private};
use coursys_ops_tests::{Program, Run};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

const PASSWORD: &str = "correct horse 12";

/// Runs the program with a password on standard input.
fn typed(program: &Program, password: &str) -> Run {
    let started = Instant::now();
    let output = begun(program, password).wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
    }
}

fn begun(program: &Program, password: &str) -> Child {
    let mut child = program
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    child
}

fn kinit(realm: &Realm, name: &str) -> Program {
    realm.program().args(["kinit", name, "--password-fd", "0"])
}

/// A realm in which the site has logged in.
fn logged_in() -> Option<Realm> {
    let realm = Realm::new(0)?;
    realm.account("reader", "", PASSWORD);
    let run = typed(&kinit(&realm, "reader"), PASSWORD);
    assert_eq!(run.code, 0, "{}", run.stderr);
    Some(realm)
}

fn status(program: Program) -> (i32, Value) {
    let run = program.args(["kinit", "--status", "--format", "json"]).run();
    let document = serde_json::from_str(&run.stdout);
    (run.code, document.unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr)))
}

#[test]
fn a_login_writes_what_the_sites_jobs_read_and_the_password_nowhere() {
    let Some(realm) = logged_in() else { return };
    assert!(is_private(&realm.store(), 0o700));
    for (name, mode) in [("username", 0o600), ("adsfu.keytab", 0o600)] {
        assert!(is_private(&realm.store().join(name), mode), "{name}");
    }
    assert!(is_private(&realm.path("home/krb5cc"), 0o600));
    assert_eq!(fs::read_to_string(realm.store().join("username")).unwrap(), "reader\n");
    let keytab = realm.store().join("adsfu.keytab");
    let listed = Command::new("klist").args(["-k", "-e"]).arg(&keytab).env("LC_ALL", "C").output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for kind in ["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"] {
        assert_eq!(listed.matches(&format!("reader@EXAMPLE.TEST ({kind})")).count(), 1, "{listed}");
    }
    // Again: it is replaced, not appended to.
    let before = fs::metadata(&keytab).unwrap().len();
    assert_eq!(typed(&kinit(&realm, "reader@EXAMPLE.TEST"), PASSWORD).code, 0);
    assert_eq!(fs::metadata(&keytab).unwrap().len(), before);
    assert_eq!(realm.files().len(), 4, "{:?}", realm.files().iter().map(|file| &file.0).collect::<Vec<_>>());
    let audit = fs::read_to_string(realm.path("audit/audit.jsonl")).unwrap();
    assert!(audit.contains("new keytab of reader@EXAMPLE.TEST") && !audit.contains("horse"), "{audit}");
}

#[test]
fn the_ticket_is_shown_with_its_end_and_refreshed_without_a_password() {
    let Some(realm) = logged_in() else { return };
    let (code, first) = status(realm.program());
    assert_eq!(
        (code, &first["good"], &first["code"]),
        (0, &Value::Bool(true), &Value::from("ok")),
        "{first}"
    );
    let ends: jiff::Timestamp = first["valid_until"].as_str().unwrap().parse().unwrap();
    let remaining = (ends - jiff::Timestamp::now()).get_seconds();
    assert!((35_900..=36_000).contains(&remaining), "{remaining}");
    thread::sleep(Duration::from_millis(1100));
    let run = realm.program().args(["kinit", "--refresh"]).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("is good until"), "{}", run.stdout);
    let (_, second) = status(realm.program());
    assert!(second["valid_until"].as_str() > first["valid_until"].as_str(), "{first} {second}");
}

#[test]
fn the_sites_user_refreshes_the_ticket_himself_and_makes_no_keytab() {
    let Some(realm) = logged_in() else { return };
    let (uid, gid) = account();
    let as_site = |program: Program| {
        let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
        program.under(["setpriv".to_owned(), uid, gid, "--clear-groups".to_owned()])
    };
    let run = as_site(realm.program()).args(["kinit", "--refresh"]).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = typed(&as_site(kinit(&realm, "reader")), PASSWORD);
    assert_eq!(run.code, 3, "{}", run.stderr);
}

#[test]
fn what_goes_wrong_has_its_own_words_and_leaves_the_old_files() {
    let Some(realm) = logged_in() else { return };
    realm.account("gone", "-expire 2020-01-01", PASSWORD);
    realm.account("late", "-pwexpire 2020-01-01", PASSWORD);
    realm.account("locked", "-allow_tix", PASSWORD);
    let before = realm.files();
    let nobody_listens = realm.program_at(free_port());
    let elsewhere = realm.program().set("kerberos.realm", "OTHER.TEST");
    let fd = ["--password-fd", "0"];
    for (program, password, code, words) in [
        (kinit(&realm, "reader"), "wrong", "access_denied", "the password of `reader@EXAMPLE.TEST` is wrong"),
        (kinit(&realm, "reader"), "", "access_denied", "the password is empty"),
        (kinit(&realm, "stranger"), PASSWORD, "unknown_principal", "knows no `stranger@EXAMPLE.TEST`"),
        (kinit(&realm, "gone"), PASSWORD, "account_expired", "account of `gone@EXAMPLE.TEST` has expired"),
        (kinit(&realm, "late"), PASSWORD, "password_expired", "password of `late@EXAMPLE.TEST` has expired"),
        (kinit(&realm, "locked"), PASSWORD, "account_locked", "locked or disabled"),
        (kinit(&realm, "reader@AD.SFU.CA"), PASSWORD, "wrong_realm", "is not `EXAMPLE.TEST`"),
        (nobody_listens.args(["kinit", "reader"]).args(fd), PASSWORD, "no_kdc", "can be reached"),
        (elsewhere.args(["kinit", "reader"]).args(fd), PASSWORD, "no_kdc", "the realm `OTHER.TEST` are"),
    ] {
        let run = typed(&program, password);
        assert_eq!(run.code, 1, "{words}: {}", run.stderr);
        assert!(run.stderr.contains(words) && run.stderr.contains("hint:"), "{words}: {}", run.stderr);
        assert!(realm.files() == before, "{words}: the files are others");
        // Whatever is wrong before the password is asked for has no report.
        let run = typed(&program.args(["--format", "json"]), password);
        if let Ok(document) = serde_json::from_str::<Value>(&run.stdout) {
            assert_eq!((&document["code"], &document["good"]), (&Value::from(code), &Value::Bool(false)));
        } else {
            assert!(["access_denied", "wrong_realm"].contains(&code), "{words}: {}", run.stderr);
        }
    }
}

#[test]
fn a_server_whose_clock_is_another_one_is_told_and_leaves_the_old_files() {
    for ahead in [1200, -1200] {
        let Some(realm) = Realm::new(ahead) else { return };
        realm.account("reader", "", PASSWORD);
        let run = typed(&kinit(&realm, "reader"), PASSWORD);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("clock"), "{}", run.stderr);
        assert!(!realm.store().join("adsfu.keytab").exists());
    }
}

#[test]
fn a_ticket_that_ran_out_is_told_and_one_of_a_changed_password_too() {
    let Some(realm) = logged_in() else { return };
    let later = realm.program().under(["faketime", "-f", "+11h"]);
    let (code, document) = status(later);
    assert_eq!((code, document["code"].as_str()), (1, Some("expired")), "{document}");
    realm.admin("cpw -pw \"another one 34\" reader");
    let before = realm.files();
    let run = realm.program().args(["kinit", "--refresh"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("the key in the keytab is not that of"), "{}", run.stderr);
    assert!(realm.files() == before);
}

#[test]
fn a_hung_server_costs_one_deadline() {
    let Some(realm) = logged_in() else { return };
    let before = realm.files();
    kill_process(realm.kdc(), Signal::STOP).unwrap();
    let run = realm.program().args(["kinit", "--refresh"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("no Kerberos server"), "{}", run.stderr);
    assert!(run.took < Duration::from_secs(40), "{:?}", run.took);
    assert!(realm.files() == before);
}

#[test]
fn a_login_that_is_killed_or_stopped_leaves_the_old_keytab_and_the_next_one_tidies_up() {
    let Some(realm) = logged_in() else { return };
    for signal in [Signal::KILL, Signal::INT] {
        let before = realm.files();
        kill_process(realm.kdc(), Signal::STOP).unwrap();
        let mut child = begun(&kinit(&realm, "reader"), PASSWORD);
        let started = Instant::now();
        while realm.files().len() == before.len() {
            assert!(started.elapsed() < Duration::from_secs(10), "it never began");
            thread::sleep(Duration::from_millis(10));
        }
        if signal == Signal::KILL {
            let second = typed(&kinit(&realm, "reader"), PASSWORD);
            assert_eq!(second.code, 3, "two at once: {}", second.stderr);
            assert!(second.stderr.contains("another `kinit` is at work"), "{}", second.stderr);
        }
        kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let ended = child.wait().unwrap();
        if signal == Signal::INT {
            assert_eq!(ended.code(), Some(130));
            assert!(realm.files() == before, "something stays behind");
        }
        let keytab = |files: &[(String, u32, u32, Vec<u8>)]| {
            files.iter().find(|file| file.0 == "adsfu.keytab").cloned()
        };
        assert!(keytab(&realm.files()) == keytab(&before));
        kill_process(realm.kdc(), Signal::CONT).unwrap();
        let run = realm.program().args(["kinit", "--refresh"]).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(realm.files().len(), before.len(), "what the killed one left is still there");
    }
}

#[test]
fn no_symbolic_link_is_followed() {
    let Some(realm) = logged_in() else { return };
    let target = realm.path("precious");
    for name in ["kerberos/adsfu.keytab", "kerberos/username", "krb5cc"] {
        fs::write(&target, "precious").unwrap();
        let path = realm.path("home").join(name);
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(&target, &path).unwrap();
        let run = typed(&kinit(&realm, "reader"), PASSWORD);
        assert_eq!(run.code, 1, "{name}: {}", run.stderr);
        assert!(run.stderr.contains("symbolic link"), "{name}: {}", run.stderr);
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        fs::remove_file(&path).unwrap();
        fs::write(&path, kept).unwrap();
        rustix::fs::chown(&path, Some(rustix::fs::Uid::from_raw(account().0)), None).unwrap();
    }
    fs::rename(realm.store(), realm.path("elsewhere")).unwrap();
    symlink(realm.path("elsewhere"), realm.store()).unwrap();
    let run = typed(&kinit(&realm, "reader"), PASSWORD);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("symbolic link"), "{}", run.stderr);
}

/// A small file system on the directory of the keytab.
struct Small(std::path::PathBuf);

impl Small {
    fn on(path: std::path::PathBuf) -> Self {
        let (uid, gid) = account();
        let options = format!("size=32k,mode=0700,uid={uid},gid={gid}");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&path).status().unwrap();
        assert!(done.success());
        Self(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_changes_no_file() {
    let Some(realm) = Realm::new(0) else { return };
    realm.account("reader", "", PASSWORD);
    let (uid, gid) = account();
    fs::create_dir(realm.store()).unwrap();
    std::os::unix::fs::chown(realm.store(), Some(uid), Some(gid)).unwrap();
    let _small = Small::on(realm.store());
    assert_eq!(typed(&kinit(&realm, "reader"), PASSWORD).code, 0);
    // Room for one file more and for two: it stops in different places.
    for room in [0, 4096, 8192, 12_288] {
        let mut filler = fs::File::create(realm.store().join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(room)).unwrap();
        let before = realm.files();
        let run = typed(&kinit(&realm, "reader"), PASSWORD);
        assert_eq!(run.code, 1, "{room}: {}", run.stderr);
        assert!(run.stderr.contains("no space left"), "{room}: {}", run.stderr);
        let left: Vec<_> = realm.files().iter().map(|file| file.0.clone()).collect();
        assert!(realm.files() == before, "{room}: the files are others: {left:?}");
    }
}

/// Starts a program on a terminal of its own, answers what it asks, and tells what the terminal has shown, whether it
/// showed what was typed, and how the program ended.
const TERMINAL: &str = r#"
import json, os, pty, sys, termios, time
dialogue, argv = json.loads(sys.argv[1]), sys.argv[2:]
pid, line = pty.fork()
if pid == 0:
    os.execve(argv[0], argv, dict(os.environ, TERM="xterm"))
shown, echoes = b"", []
def read_more():
    global shown
    try:
        more = os.read(line, 4096)
    except OSError:
        more = b""
    shown += more
    return bool(more)
for prompt, answer in dialogue:
    while prompt.encode() not in shown and read_more():
        pass
    # The prompt is written a moment before or after the echo is switched off.
    time.sleep(0.5)
    echoes.append(bool(termios.tcgetattr(line)[3] & termios.ECHO))
    os.write(line, answer.encode())
while read_more():
    pass
try:
    after = bool(termios.tcgetattr(line)[3] & termios.ECHO)
except OSError:
    after = None
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"shown": shown.decode(errors="replace"), "echoes": echoes, "after": after, "code": code}))
"#;

/// `kinit` on a terminal, with these prompts and what is typed at each.
fn on_a_terminal(realm: &Realm, args: &[&str], dialogue: &[(&str, &str)]) -> Value {
    let dialogue = serde_json::to_string(dialogue).unwrap();
    let program = realm
        .program()
        .under(["timeout", "60", "python3", "-c", TERMINAL, &dialogue])
        .args(["kinit"])
        .args(args.to_vec());
    let run = program.run();
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

#[test]
fn on_a_terminal_name_and_password_are_asked_for_and_the_password_is_not_shown() {
    let Some(realm) = Realm::new(0) else { return };
    realm.account("reader", "", PASSWORD);
    let (name, password) = ("Account that reads the reporting database", "Password of reader@EXAMPLE.TEST");
    let told = on_a_terminal(&realm, &[], &[(name, "reader\r"), (password, &format!("{PASSWORD}\r"))]);
    let shown = told["shown"].as_str().unwrap();
    assert_eq!(told["code"], 0, "{shown}");
    assert!(shown.contains("the ticket of reader@EXAMPLE.TEST is good until"), "{shown}");
    assert!(!shown.contains(PASSWORD) && !shown.contains("horse"), "{shown}");
    assert_eq!(told["echoes"][1], false, "what is typed as password must not be shown");

    let told = on_a_terminal(&realm, &["reader"], &[(password, "wrong\r")]);
    let shown = told["shown"].as_str().unwrap();
    assert_eq!(told["code"], 1, "{shown}");
    assert!(shown.contains("is wrong") && !shown.contains(name), "{shown}");
    // Ctrl-C at the prompt.
    let told = on_a_terminal(&realm, &["reader"], &[(password, "\u{3}")]);
    assert_eq!(told["code"], 130, "{told}");
    assert_ne!(told["after"], false, "the terminal goes on hiding what is typed");
}
