use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn options(config: &Path) -> Options {
    Options { config: Some(config.to_owned()), directory: Some("/srv".into()), ..Options::default() }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_argument_wins_over_the_variable_and_an_empty_variable_is_none() {
    let environment = variables(&[(FILE_VARIABLE, "/variable")]);
    assert_eq!(file_path(&options(Path::new("argument")), &environment), Path::new("/srv/argument"));
    assert_eq!(file_path(&Options::default(), &environment), Path::new("/variable"));
    assert_eq!(file_path(&Options::default(), &variables(&[(FILE_VARIABLE, "")])), Path::new(DEFAULT_FILE));
}

#[test]
fn a_file_that_was_named_must_be_there_and_readable_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let complaint =
        |options: Options| read_sources(options, BTreeMap::new()).unwrap_err().problems[0].message.clone();
    assert_eq!(complaint(options(&path)), "cannot be read: there is no such file");
    let as_root = Options { caller_is_root: true, ..options(&path) };
    if rustix::process::geteuid().is_root() {
        assert_eq!(complaint(as_root), "cannot be read: there is no such file");
    }
    assert_eq!(complaint(options(dir.path())), "is a directory");
    std::fs::write(&path, b"[site]\nuser = \"\xfc\"\n").unwrap();
    let errors = read_sources(options(&path), BTreeMap::new()).unwrap_err();
    assert!(errors.to_string().ends_with("config.toml:2: is not UTF-8"), "{errors}");
    std::fs::write(&path, vec![b'#'; (16 << 20) + 1]).unwrap();
    assert_eq!(complaint(options(&path)), "is longer than 16777216 bytes");
}

#[test]
fn a_pipe_or_a_device_neither_holds_the_program_nor_brings_advice_to_change_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .unwrap();
    for path in [pipe.as_path(), Path::new("/dev/null")] {
        for caller_is_root in [false, true] {
            let options = Options { caller_is_root, ..options(path) };
            let errors = read_sources(options, BTreeMap::new()).unwrap_err();
            assert_eq!(errors.to_string(), format!("{}: is not a file", path.display()));
        }
    }
}

#[test]
fn root_refuses_a_file_that_others_may_write_and_nobody_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let sources = read_sources(options(&path), BTreeMap::new()).unwrap();
    assert!(sources.file.unwrap().readable_by_everybody);
    let errors =
        read_sources(Options { caller_is_root: true, ..options(&path) }, BTreeMap::new()).unwrap_err();
    assert_eq!((errors.refused, errors.exit_code()), (true, 3));
    if rustix::process::geteuid().is_root() {
        assert!(
            errors.to_string().ends_with(&format!("hint: run `chmod o-w {}`", path.display())),
            "{errors}"
        );
    }
}

#[test]
fn the_file_of_the_sites_variables_is_read_unless_the_environment_has_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "").unwrap();
    let all = SITE_VARIABLES.map(|(name, _)| (name, "x"));
    let sources = read_sources(options(&path), variables(&all)).unwrap();
    assert!(sources.site_environment.is_none());
    let sources = read_sources(options(&path), variables(&[("COURSYS_USER", "www")])).unwrap();
    assert_eq!(sources.site_environment.is_some(), Path::new(SITE_ENVIRONMENT).exists());
}
