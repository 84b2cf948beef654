//! What the machine seems to be, for the program alone: its packages, its restarts, its kernel's log.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::matrix::Scene;

/// The machine's id in the made journal: journalctl shows no other machine's.
const MACHINE_ID: &str = "4c0f6d1e2a3b4c5d8e9f0a1b2c3d4e5f";

/// Packages: one is installed, and this archive has a newer one.
///
/// The archive is a directory of files; apt fetches its lists as from any other.
pub fn packages(suite: &'static str, lists_are_old: bool) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let world = scene.directory();
        let repository = world.join("repository");
        let binary = repository.join(format!("dists/{suite}/main/binary-{}", architecture()));
        for directory in [&binary, &world.join("apt/lists/partial"), &world.join("etc"), &world.join("dpkg")]
        {
            fs::create_dir_all(directory).unwrap();
        }
        let package = |version: &str, more: &str| {
            format!(
                "Package: coursys-ops-sample\n{more}Version: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@coursys.test>\n\
                 Description: shows that updates are found\n"
            )
        };
        let there = "Filename: pool/sample.deb\nSize: 1\nSHA256: 00\n";
        fs::write(binary.join("Packages"), package("2.0", there)).unwrap();
        let sum = printed(Command::new("sha256sum").arg(binary.join("Packages")));
        let sum = sum.split_whitespace().next().unwrap();
        let size = fs::metadata(binary.join("Packages")).unwrap().len();
        let release = format!(
            "Origin: Local\nLabel: Local\nSuite: {suite}\nCodename: {suite}\nVersion: 1\nDate: Sun, 22 Nov 2026 00:00:00 UTC\n\
             Architectures: {arch}\nComponents: main\nSHA256:\n {sum} {size} main/binary-{arch}/Packages\n",
            arch = architecture()
        );
        fs::write(repository.join(format!("dists/{suite}/Release")), release).unwrap();
        let source = format!("deb [trusted=yes] file:{} {suite} main\n", repository.display());
        fs::write(world.join("etc/sources.list"), source).unwrap();
        fs::write(world.join("dpkg/status"), package("1.0", "Status: install ok installed\n")).unwrap();
        let option =
            |name: &str, directory: &str| format!("-oDir::{name}={}", world.join(directory).display());
        let mut update = Command::new("apt-get");
        update.args([option("Etc", "etc"), option("State", "apt"), option("Cache", "cache")]);
        update.arg(format!("-oDir::State::status={}", world.join("dpkg/status").display()));
        update.args(["-oAPT::Sandbox::User=root", "-qq", "update"]);
        fs::create_dir_all(world.join("cache/archives/partial")).unwrap();
        let _ = printed(&mut update);
        if lists_are_old {
            let lists = [world.join("apt/lists"), world.join("apt/lists/partial")];
            let _ = printed(Command::new("touch").args(["-d", "30 days ago"]).args(lists));
        }
        for (made, over) in [("etc", "/etc/apt"), ("apt", "/var/lib/apt"), ("dpkg", "/var/lib/dpkg")] {
            scene.bind(&world.join(made), Path::new(over));
        }
        scene.set("system.updates_max", 0);
        scene.set("system.updates_list_days", 7);
    }
}

/// Updates want the machine to be restarted.
pub fn restart_wanted(scene: &mut Scene<'_>) {
    let run = scene.directory();
    // What else is in /run stays in sight.
    for entry in fs::read_dir("/run").unwrap().flatten() {
        let _ = symlink(Path::new("/proc/1/root/run").join(entry.file_name()), run.join(entry.file_name()));
    }
    for (name, text) in
        [("reboot-required", "*** System restart required ***\n"), ("reboot-required.pkgs", "linux-base\n")]
    {
        let _ = fs::remove_file(run.join(name));
        fs::write(run.join(name), text).unwrap();
    }
    scene.bind(&run, Path::new("/run"));
    scene.set("system.reboot_grace_days", 0);
}

/// The kernel has just said this, and something harmless before; the journal is a real one.
pub fn kernel_said(text: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let world = scene.directory();
        let journal = world.join("journal").join(MACHINE_ID);
        fs::create_dir_all(&journal).unwrap();
        fs::write(world.join("machine-id"), format!("{MACHINE_ID}\n")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let entry = |number: u128, text: &str| {
            format!(
                "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={number}\n_BOOT_ID={MACHINE_ID}\n_MACHINE_ID={MACHINE_ID}\n\
                 _TRANSPORT=kernel\nPRIORITY=3\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={text}\n\n",
                at = now - 10_000_000 + number
            )
        };
        let export = world.join("export");
        fs::write(&export, entry(1, "usb 1-1: device not accepting address 2") + &entry(2, text)).unwrap();
        let mut make = Command::new("/lib/systemd/systemd-journal-remote");
        let _ = printed(make.arg("-o").arg(journal.join("system.journal")).arg(&export));
        scene.bind(&world.join("machine-id"), Path::new("/etc/machine-id"));
        scene.bind(&world.join("journal"), Path::new("/var/log/journal"));
    }
}

fn architecture() -> String {
    printed(Command::new("dpkg").arg("--print-architecture")).trim().to_owned()
}

/// What a command prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
