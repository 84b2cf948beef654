//! Faults of disks, directories and clocks.

use crate::Disk;
use crate::inject;
use crate::matrix::Fault;
use crate::stand_in::Time;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    let mut rows = disks();
    rows.extend(clocks());
    rows
}

/// File systems and directories.
fn disks() -> Vec<Fault> {
    const DUMPS: &str = "files.writable.dumps";
    let mut rows = Vec::new();
    for (key, word, what) in [
        ("files.submitted", "submitted", "submitted files"),
        ("files.compressed_media", "media", "compressed media"),
        ("files.dumps", "dumps", "dumps"),
    ] {
        let id = format!("files.writable.{word}");
        rows.extend([
            Fault::new(format!("the file system of {what} hangs"), "FUSE that never answers")
                .with(inject::hung_disk(key))
                .culprit(&id, "failed timeout"),
            Fault::new(format!("the file system of {what} is full"), "disk full")
                .with(inject::disk(key, Disk::Full))
                .culprit(&id, "failed low_space"),
            Fault::new(format!("the directory of {what} is missing"), "missing file")
                .set(key, "/nonexistent")
                .culprit(&id, "failed not_found"),
        ]);
    }
    rows.extend([
        Fault::new("the file system of dumps has no inode left", "disk full")
            .with(inject::disk("files.dumps", Disk::NoInodes))
            .culprit(DUMPS, "failed low_inodes"),
        Fault::new("the file system of dumps is read-only", "read-only")
            .with(inject::disk("files.dumps", Disk::ReadOnly))
            .culprit(DUMPS, "failed not_writable"),
        Fault::new("the directory of dumps is a file", "wrong type")
            .set("files.dumps", "/etc/hostname")
            .culprit(DUMPS, "failed not_a_directory"),
        Fault::new("the directory of dumps is the kernel's", "wrong type")
            .set("files.dumps", "/proc")
            .culprit(DUMPS, "failed not_writable"),
        Fault::new("the directory of dumps belongs to root", "wrong owner")
            .with(inject::chown("files/db_backup", 0, 0))
            .culprit(DUMPS, "failed not_writable"),
        Fault::new("the directory of dumps has the wrong mode", "wrong mode")
            .with(inject::chmod("files/db_backup", 0o555))
            .culprit(DUMPS, "failed not_writable"),
    ]);
    for (key, word) in
        [("root_gib", "root"), ("tmp_gib", "tmp"), ("submitted_gib", "submitted"), ("dumps_gib", "dumps")]
    {
        rows.push(
            Fault::new(format!("too little is free for `disk.{key}`"), "disk full")
                .set(format!("disk.{key}"), 1_000_000)
                .culprit(format!("disk.space.{word}"), "failed low_space"),
        );
    }
    rows
}

/// The clock and its reference.
fn clocks() -> Vec<Fault> {
    const ID: &str = "time.offset";
    let says = |name: &str, mechanism, time| Fault::new(name, mechanism).with(inject::time(time));
    vec![
        Fault::new("the time server is stopped", "stopped")
            .with(inject::stopped("chrony"))
            .culprit(ID, "failed refused"),
        Fault::new("the time server hangs", "hung")
            .with(inject::hung("chrony"))
            .culprit(ID, "failed timeout"),
        Fault::new("this machine's clock is 20 s fast", "clock off (libfaketime)")
            .with(inject::clock_off("+20s"))
            .culprit(ID, "failed clock_off"),
        says("the clock differs by 5 s from its reference", "NTP answer", Time::Off(5.0))
            .culprit(ID, "failed clock_off"),
        says("the time server denies access", "NTP answer", Time::Kiss(*b"DENY"))
            .culprit(ID, "failed reference_unusable"),
        says("the time server asks for fewer questions", "NTP answer", Time::Kiss(*b"RATE"))
            .culprit(ID, "failed reference_unusable"),
        says("the time server says that it is lost", "NTP answer", Time::Unsynchronised)
            .culprit(ID, "failed reference_unusable"),
        Fault::new("a time server that follows nobody", "server with other settings")
            .with(inject::lost_clock)
            .culprit(ID, "failed reference_unusable"),
        says("the time server talks garbage", "NTP answer", Time::Garbage).culprit(ID, "failed garbage"),
        says("the time server's answer is cut short", "NTP answer", Time::Short)
            .culprit(ID, "failed garbage"),
        Fault::new("the time server's host is no name", "not a host")
            .set("time.host", "..")
            .culprit(ID, "failed unknown_host|failed dns_failed"),
    ]
}
