//! `check --list` and `check --explain`.

use crate::support::Site;

#[test]
fn the_list_has_one_line_for_each_check_of_every_tier() {
    let site = Site::new();
    let text = site.run(["check", "--list"]).exits(0);
    let json = site.run(["check", "--list", "--format", "json"]).exits(0).json();
    let checks = json["checks"].as_array().unwrap();
    let ids: Vec<_> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    let listed: Vec<_> = text.stdout.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(listed, ids);
    for (id, tier) in
        [("database.connection", "sanity"), ("disk.space.tmp", "deploy"), ("cache.shared", "slow")]
    {
        let check = checks.iter().find(|check| check["id"] == id).unwrap();
        assert_eq!(check["tier"], tier, "{check:#}");
    }
    assert_eq!(json["schema"], 1);
}

#[test]
fn the_list_is_what_a_run_with_the_same_selection_looks_at() {
    let site = Site::new();
    for selection in [&["disk.*", "database.unicode"][..], &["--tier", "sanity"], &["cache.shared"]] {
        let ids = |args: &[&str]| {
            let args = ["check", "--format", "json"].iter().chain(args).chain(selection).copied();
            let report = site.run(args).exits(0).json();
            let id = |check: &serde_json::Value| check["id"].as_str().unwrap().to_owned();
            report["checks"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&["--list"]), ids(&[]), "{selection:?}");
    }
}

#[test]
fn every_check_is_explained() {
    let site = Site::new();
    let list = site.run(["check", "--list", "--format", "json"]).exits(0).json();
    for check in list["checks"].as_array().unwrap() {
        let (id, title) = (check["id"].as_str().unwrap(), check["title"].as_str().unwrap());
        let text = site.run(["check", "--explain", id]).exits(0).stdout;
        assert!(text.starts_with(&format!("{id}: {title}\n")), "{text}");
        assert!(text.contains("  timeout ") && text.contains("  effects "), "{text}");
        assert!(check["explanation"].as_str().unwrap().len() > 80, "{id} is not explained: {text}");
    }
    let prose = site.run(["check", "--explain", "*"]).exits(0).stdout;
    let wide = prose.lines().find(|line| line.chars().count() > 80 && !line.contains('`'));
    assert_eq!(wide, None, "lines are broken at words");
    let several = site.run(["check", "--explain", "disk.*"]).exits(0).stdout;
    assert!(several.contains("disk.space.tmp: ") && several.contains("disk.space.root: "), "{several}");
}
