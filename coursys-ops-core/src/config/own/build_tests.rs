use std::time::Duration;

use crate::config::FileType;
use crate::config::{
    COMMON_KEYS, Config, FileSource, OWN_KINDS, OwnLook, Problem, Sources, load, own_example, own_keys,
    show_json, show_text,
};
use crate::model::Tier;

const PATH: &str = "/etc/coursys-ops/config.toml";

fn sources(text: &str) -> Sources {
    let file = FileSource { path: PATH.into(), text: text.to_owned(), readable_by_everybody: false };
    Sources { file: Some(file), ..Sources::default() }
}

fn config(text: &str) -> Config {
    load(&sources(text)).unwrap_or_else(|errors| panic!("{errors}")).config
}

/// The problems of a file, one line each, the path cut off.
fn complaints(text: &str) -> Vec<String> {
    let problems = load(&sources(text)).map(|loaded| panic!("{:?}", loaded.config.own)).unwrap_err().problems;
    problems.iter().map(|problem: &Problem| problem.to_string().replace(PATH, "F")).collect()
}

/// The problems of one section, without its place.
fn wrong(section: &str) -> Vec<String> {
    let complaints = complaints(&format!("[[check]]\nid = \"own.x\"\n{section}"));
    complaints.iter().map(|line| line.split_once(": check[1].").unwrap().1.to_owned()).collect()
}

#[test]
fn the_example_of_each_kind_is_valid_and_shows_what_it_says() {
    let text: String = OWN_KINDS.iter().map(|kind| own_example(kind).1).collect();
    let loaded = load(&sources(&text)).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.config.own.len(), OWN_KINDS.len());
    let shown: toml::Table = toml::from_str(&show_text(&loaded)).unwrap();
    let written: toml::Table = toml::from_str(&text).unwrap();
    let document = show_json(&loaded);
    for (n, written) in written["check"].as_array().unwrap().iter().enumerate() {
        for (key, value) in written.as_table().unwrap() {
            let shown = &shown["check"][n][key];
            let same = shown == value || shown.as_float() == value.as_integer().map(|n| n as f64);
            assert!(same, "{key}: {value} is shown as {shown}");
        }
        assert!(document["checks"][n]["place"].as_str().unwrap().starts_with(PATH));
    }
}

#[test]
fn what_is_shown_loads_again_as_the_same() {
    let text: String = OWN_KINDS.iter().map(|kind| own_example(kind).1).collect();
    let shown = show_text(&load(&sources(&text)).unwrap());
    let (_, own) = shown.split_once("\n[[check]]").unwrap();
    let again = format!("[[check]]{own}");
    let keys = |text: &str| {
        let document = show_json(&load(&sources(text)).unwrap_or_else(|errors| panic!("{errors}\n{text}")));
        let mut checks = document["checks"].clone();
        checks.as_array_mut().unwrap().iter_mut().for_each(|check| check["place"] = "".into());
        checks
    };
    assert_eq!(keys(&again), keys(&text));
}

#[test]
fn no_key_of_a_kind_hides_one_of_all() {
    for kind in OWN_KINDS {
        assert!(!own_keys(kind).is_empty(), "{kind}");
        for key in own_keys(kind) {
            assert!(COMMON_KEYS.iter().all(|common| common.name != key.name), "{kind}: {}", key.name);
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_line_and_the_nearest_valid_name() {
    let text = "[web]\nhosts = []\n\n[[check]]\nid = \"own.a\"\nkind = \"tpc\"\n\n[[check]]\nid = \"A\"\nkind = \"tcp\"\nhost = \"x\"\nprot = 1\nport = 70000\n\n[[check]]\nid = \"own.b\"\nkind = \"file\"\npath = \"/x\"\nhost = \"y\"\n\n[[check]]\nid = \"own.b\"\nkind = \"file\"\n\n[[check]]\nport = 1\n";
    assert_eq!(
        complaints(text),
        [
            "F:6: check[1].kind: expected `tcp` or `http` or `dns` or `file` or `process` or `unit` or `command`, found `tpc`; did you mean `tcp`?",
            "F:9: check[2].id: expected words of `a`–`z`, digits, `-` and `_`, joined by dots, such as `own.intranet`, found `A`",
            "F:12: check[2].prot: no such key of kind `tcp`; did you mean `port`?",
            "F:13: check[2].port: expected a whole number from 1 to 65535, found `70000`",
            "F:19: check[3].host: no such key of kind `file`; it is one of kind `tcp`",
            "F:21: check[4].path: is missing: expected a path",
            "F:25: check[5].kind: is missing: expected `tcp` or `http` or `dns` or `file` or `process` or `unit` or `command`",
        ]
    );
}

#[test]
fn an_id_that_is_given_twice_names_the_first_line() {
    let section = "[[check]]\nid = \"own.b\"\nkind = \"file\"\npath = \"/x\"\n";
    let got = complaints(&format!("{section}{section}"));
    assert_eq!(got, ["F:6: check[2].id: is that of the section in line 1 already"]);
}

#[test]
fn one_bracket_is_told_apart_from_two() {
    let got = complaints("[check]\nid = \"own.b\"\n");
    assert_eq!(got, ["F:1: check: expected sections `[[check]]`, with two brackets"]);
    let set = Sources { set: vec!["check=1".to_owned()], ..Sources::default() };
    assert!(load(&set).unwrap_err().to_string().contains("are written in the configuration file"));
}

#[test]
fn keys_that_make_no_sense_together_are_refused() {
    for (section, expected) in [
        ("kind = \"tcp\"\nhost = \"h\"", "port: is missing: expected `host` and `port`, or `socket`"),
        ("kind = \"tcp\"\nhost = \"h\"\nport = 1\nsocket = \"/s\"", "socket: excludes `host` and `port`"),
        ("kind = \"tcp\"\nsocket = \"/s\"\ntls = \"required\"", "tls: TLS is not possible over `socket`"),
        (
            "kind = \"tcp\"\nhost = \"h\"\nport = 1\ntls_ca_file = \"x\"",
            "tls_ca_file: is of no use without `tls = \"required\"`",
        ),
        (
            "kind = \"tcp\"\nhost = \"h\"\nport = 1\nwarn_s = 5",
            "warn_s: expected less than `timeout_s`, which is 5",
        ),
        (
            "kind = \"tcp\"\nhost = \"h\"\nport = 1\nwarn_s = 2\ncrit_s = 1",
            "crit_s: expected at least `warn_s`, which is 2, found 1",
        ),
        ("kind = \"http\"\nurl = \"http://h/\"\nwarn_days = 3", "warn_days: is of no use without `https`"),
        (
            "kind = \"http\"\nurl = \"https://h/\"\nwarn_days = 3\ncrit_days = 4",
            "crit_days: expected at most `warn_days`, which is 3, found 4",
        ),
        (
            "kind = \"http\"\nurl = \"http://h/\"\nbody = \"x\"\nmethod = \"HEAD\"",
            "body: is of no use with `method = \"HEAD\"`, whose answer has none",
        ),
        (
            "kind = \"http\"\nurl = \"http://h:0/\"",
            "url: expected `http://HOST[:PORT]/PATH` or `https://…`, found something else",
        ),
        (
            "kind = \"http\"\nurl = \"http://u:p@h/\"",
            "url: expected an `http://` or `https://` URL without user, found something else",
        ),
        (
            "kind = \"http\"\nurl = \"http://h/\"\nstatus = []",
            "status: expected a whole number from 100 to 599, or a list of them, found none",
        ),
        ("kind = \"dns\"\nname = \"h\"\naddresses = [\"x\"]", "addresses: expected IP addresses, found `x`"),
        ("kind = \"dns\"\nname = \"h\"\nexact = true", "exact: is of no use without `addresses`"),
        (
            "kind = \"file\"\npath = \"/x\"\nexists = false\nowner = \"y\"",
            "owner: is of no use with `exists = false`",
        ),
        (
            "kind = \"file\"\npath = \"/x\"\nmode = \"888\"",
            "mode: expected permissions in octal digits, such as `\"0640\"`, found `888`",
        ),
        ("kind = \"process\"", "name: is missing: expected `name`, `command` or both"),
        (
            "kind = \"process\"\nname = \"x\"\nmin = 3\nmax = 2",
            "max: expected `max` to be at least `min`, which is 3, found 2",
        ),
        (
            "kind = \"process\"\ncommand = \"(x\"",
            "command: expected a regular expression, which this is not: unclosed group",
        ),
        (
            "kind = \"process\"\ncommand = \"\\\\w{999999}\"",
            "command: expected a regular expression, which this is not: it takes more than 1048576 bytes of memory",
        ),
        (
            "kind = \"unit\"\nunit = \"--all\"",
            "unit: expected the name of a unit, such as `nginx` or `apt-daily.timer`",
        ),
        ("kind = \"command\"\nargv = []", "argv: expected a program and its arguments, found none"),
        (
            "kind = \"command\"\nargv = [\"bin/x\"]",
            "argv: expected an absolute path, or the bare name of a program of the system",
        ),
        (
            "kind = \"command\"\nargv = [\"x\"]\nnagios = true\nexit = 1",
            "exit: is of no use with `nagios = true`, where the plugin decides",
        ),
    ] {
        assert_eq!(wrong(section), [expected], "{section}");
    }
}

#[test]
fn what_a_section_says_is_what_the_check_has() {
    let text = "[[check]]\nid = \"own.a\"\nkind = \"http\"\nurl = \"https://[::1]:8443/a?key=s3cret\"\naddress = \"::2\"\nredirect = \"x\"\ntier = \"slow\"\ntimeout_s = 0.5\ninterval_s = 60\nneeds = [\"cache.*\"]\ntls_ca_file = \"ca.pem\"\n\
                [[check]]\nid = \"own.b\"\nkind = \"file\"\npath = \"x/./y\"\ntype = \"socket\"\nmode = \"0640\"\ncrit_age_s = 7\n";
    let config = config(text);
    let [first, second] = config.own.as_slice() else { panic!() };
    assert_eq!(
        (first.tier, first.timeout, first.interval),
        (Tier::Slow, Duration::from_millis(500), Some(Duration::from_secs(60)))
    );
    let OwnLook::Http(http) = &first.look else { panic!() };
    assert_eq!(
        (http.url.host.as_str(), http.url.port, http.url.authority.as_str()),
        ("::1", 8443, "[::1]:8443")
    );
    assert_eq!(
        (http.server.host.as_deref(), http.server.tls_server_name.as_deref()),
        (Some("::2"), Some("::1"))
    );
    assert_eq!(http.tls_ca_file.as_deref(), Some(std::path::Path::new("/etc/coursys-ops/ca.pem")));
    assert_eq!(http.status, [301, 302, 303, 307, 308]);
    assert_eq!(http.url.shown(), "https://[::1]:8443/a?…");
    let OwnLook::File(file) = &second.look else { panic!() };
    assert_eq!(file.path, std::path::Path::new("/etc/coursys-ops/x/y"));
    assert_eq!((file.kind, file.mode, file.age.crit), (Some(FileType::Socket), Some(0o640), Some(7.0)));
    let shown = show_text(&load(&sources(text)).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn ten_thousand_sections_load_at_once() {
    let section = |n: usize| {
        format!(
            "[[check]]\nid = \"own.n{n}\"\nkind = \"http\"\nurl = \"http://h/{n}\"\nbody = \"(ok|fine) \\\\w+\"\n"
        )
    };
    let text: String = (0..10_000).map(section).collect();
    let started = std::time::Instant::now();
    assert_eq!(config(&text).own.len(), 10_000);
    // A debug build on a busy machine; quadratic work would take minutes.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

proptest::proptest! {
    #[test]
    fn no_section_makes_the_loader_fail(
        kind in proptest::sample::select(OWN_KINDS),
        pairs in proptest::collection::vec(("[a-z_]{1,12}", "(\"\\PC{0,12}\"|[0-9]{1,4}|true|\\[\\]|\\{\\})"), 0..6),
    ) {
        let pairs: String = pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let _ = load(&sources(&format!("[[check]]\nid = \"own.x\"\nkind = \"{kind}\"\n{pairs}")));
    }

    #[test]
    fn no_url_makes_the_reader_fail(text in "https?://\\PC{0,40}") {
        if let Some(url) = super::url(&text) {
            proptest::prop_assert!(url.port > 0 && url.target.starts_with('/') && !url.host.is_empty());
        }
    }
}
