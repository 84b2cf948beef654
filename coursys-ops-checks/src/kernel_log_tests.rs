use proptest::prelude::*;

use super::*;

fn of_file_system(text: &str) -> Option<String> {
    match trouble(text)? {
        Trouble::FileSystem { device } => Some(device),
        Trouble::OutOfMemory { .. } => None,
    }
}

#[test]
fn a_victim_is_named_whatever_kernel_ended_it_and_only_once() {
    let java = Trouble::OutOfMemory { pid: "4242".to_owned(), name: "java".to_owned() };
    for text in [
        "Out of memory: Killed process 4242 (java) total-vm:4000kB, anon-rss:1kB, UID:998 pgtables:8kB oom_score_adj:0",
        "Memory cgroup out of memory: Killed process 4242 (java) total-vm:4000kB, anon-rss:1kB",
        "Killed process 4242 (java) total-vm:4000kB, anon-rss:1kB, file-rss:0kB",
        "Killed process 4242 (java), UID 998, total-vm:4000kB",
    ] {
        assert_eq!(trouble(text), Some(java.clone()), "{text}");
    }
    let odd = Trouble::OutOfMemory { pid: "7".to_owned(), name: "(sd-pam)".to_owned() };
    assert_eq!(trouble("Killed process 7 ((sd-pam)) total-vm:4000kB"), Some(odd));
    for text in [
        "Out of memory: Kill process 4242 (java) score 900 or sacrifice child",
        "oom_reaper: reaped process 4242 (java), now anon-rss:0kB",
        "Killed process x (java) total-vm",
    ] {
        assert_eq!(trouble(text), None, "{text}");
    }
}

#[test]
fn what_file_systems_and_disks_say_names_the_device() {
    for (text, device) in [
        (
            "EXT4-fs error (device sda1): ext4_lookup:1855: inode #2: comm ls: deleted inode referenced: 99",
            "sda1",
        ),
        ("EXT4-fs (dm-0): Remounting filesystem read-only", "dm-0"),
        ("XFS (nvme0n1p2): Metadata corruption detected at xfs_agf_read_verify", "nvme0n1p2"),
        ("XFS (dm-3): Filesystem has been shut down due to log error (0x2).", "dm-3"),
        ("BTRFS error (device vdb): bdev /dev/vdb errs: wr 1, rd 0", "vdb"),
        ("blk_update_request: I/O error, dev sdb, sector 2048 op 0x0:(READ)", "sdb"),
        ("I/O error, dev nvme1n1, sector 12 op 0x1:(WRITE)", "nvme1n1"),
        ("Buffer I/O error on dev dm-1, logical block 0, lost async page write", "dm-1"),
        ("Aborting journal on device sda1-8.", "sda1"),
        ("Aborting journal on device dm-0-8.", "dm-0"),
        ("JBD2: Detected IO errors while flushing file data on sda1-8", "sda1"),
        ("FAT-fs (sdc1): error, corruption detected", "sdc1"),
        ("I/O error", "a disk"),
    ] {
        assert_eq!(of_file_system(text).as_deref(), Some(device), "{text}");
    }
}

#[test]
fn what_is_said_on_every_good_day_is_no_trouble() {
    for text in [
        "EXT4-fs (vda): mounted filesystem 0000 r/w without journal. Quota mode: none.",
        "EXT4-fs (vda): re-mounted. Opts: (null)",
        "XFS (sda1): Ending clean mount",
        "random: crng reseeded due to virtual machine fork",
        "usb 1-1: new high-speed USB device number 2",
        "process_api (1): drop_caches: 10",
    ] {
        assert_eq!(trouble(text), None, "{text}");
    }
}

#[test]
fn the_journal_tells_texts_and_bytes_in_time() {
    let printed = br#"{"MESSAGE":"one","__REALTIME_TIMESTAMP":"1795377469000000"}
{"MESSAGE":[116,119,111,255],"__REALTIME_TIMESTAMP":"x"}
{"MESSAGE":null}
{"MESSAGE":[1,999]}
no journal at all
"#;
    let at = "2026-11-22T19:57:49Z".parse().ok();
    let lines = of_journal(printed);
    assert_eq!(lines[0], Line { at, text: "one".to_owned() });
    assert_eq!(lines[1], Line { at: None, text: "two\u{fffd}".to_owned() });
    assert_eq!(lines.len(), 2);
}

#[test]
fn of_the_ring_buffer_only_errors_count_from_the_start_of_the_machine() {
    let boot: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let printed = "<6>[    0.000000] Linux version\n<3>[   60.500000] broken\n                  goes on\n<11>[ 1.0] of a user\n<12>[ 1.0] only a warning\n<9999999>[1.0] x\n<3>no time\n";
    let lines = of_dmesg(printed, boot);
    let told: Vec<_> = lines.iter().map(|line| (line.at.unwrap().to_string(), line.text.as_str())).collect();
    assert_eq!(
        told,
        [("2026-11-22T10:01:00.5Z".to_owned(), "broken"), ("2026-11-22T10:00:01Z".to_owned(), "of a user")]
    );
}

proptest! {
    #[test]
    fn no_line_takes_the_readers_down(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(\\PC{0,9}|Killed process |[0-9]{0,30}| \\(|\\)|<[0-9]{1,9}>|\\[|\\] |dev |İ|I/O error|\n){0,12}",
    ) {
        let boot = Timestamp::UNIX_EPOCH;
        let _ = (of_journal(&bytes), of_journal(text.as_bytes()), of_dmesg(&text, boot));
        let _ = of_dmesg(&String::from_utf8_lossy(&bytes), boot);
        for line in text.lines() {
            let _ = trouble(line);
        }
    }

    #[test]
    fn a_line_of_the_journal_is_read_back(text in "\\PC{0,40}", micros in 0_i64..4_000_000_000_000_000) {
        let printed = serde_json::json!({"MESSAGE": text, "__REALTIME_TIMESTAMP": micros.to_string()});
        let at = Timestamp::from_microsecond(micros).ok();
        prop_assert_eq!(of_journal(printed.to_string().as_bytes()), [Line { at, text }]);
    }

    #[test]
    fn a_victim_is_read_back(pid in 1_u32..4_000_000, name in "[a-z(][a-z0-9 _:/-]{0,13}") {
        let line = format!("Out of memory: Killed process {pid} ({name}) total-vm:1kB, anon-rss:1kB");
        prop_assert_eq!(trouble(&line), Some(Trouble::OutOfMemory { pid: pid.to_string(), name }));
    }
}
