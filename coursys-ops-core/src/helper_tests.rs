use super::*;

#[test]
fn every_request_survives_the_command_line() {
    for ask in [
        Ask::Exec(None, vec!["true".into()]),
        Ask::Exec(Some("/tmp".into()), vec!["ls".into(), "-l".into()]),
        Ask::Errands,
        Ask::Change,
        Ask::Space("/".into()),
        Ask::Writable("/tmp".into()),
        Ask::Listeners(vec!["8000".parse().unwrap(), "11211/udp".parse().unwrap()]),
        Ask::Collected("/coursys/media".into(), "/opt/static/static".into()),
        Ask::Sizes("/opt/static/CACHE".into(), vec!["css/a b.css".into(), "js/c.js".into()]),
        Ask::Processes(998, "/coursys".into()),
        Ask::Present("/coursys/503".into()),
        Ask::Dumps("/dumps".into(), "*.dump.gz".into()),
        Ask::Contents("/dumps/x.gz".into(), Duration::from_millis(4500)),
        Ask::Program("/coursys/moss/moss.pl".into()),
        Ask::File("/tmp/krb5cc_998".into(), 65_536),
    ] {
        let mut args = ask.to_args(7).into_iter().skip(1);
        let verb = args.next().unwrap();
        assert_eq!(Ask::from_args(verb.to_str().unwrap(), args), Some(ask));
    }
}

#[test]
fn a_probe_file_leaves_nothing_behind() {
    let dir = std::env::temp_dir().join(format!("coursys-ops-helper-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    assert_eq!(writable(&dir), Ok(()));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    std::fs::remove_dir(&dir).unwrap();
    assert!(writable(&dir).unwrap_err().is(rustix::io::Errno::NOENT));
}

#[test]
fn what_is_not_there_is_absent_and_a_link_to_nowhere_is_present() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("503");
    assert_eq!(present(&link), Ok(false));
    assert_eq!(present(&link.join("below")), Ok(false));
    std::os::unix::fs::symlink("/nowhere", &link).unwrap();
    assert_eq!(present(&link), Ok(true));
}

#[test]
fn arguments_of_a_stranger_are_refused() {
    for args in [vec![], vec!["x"], vec!["1", "dance", "y"], vec!["1", "space"], vec!["1", "further", "x"]] {
        assert!(serve(args.into_iter().map(OsString::from), |_| None).is_err());
    }
}
