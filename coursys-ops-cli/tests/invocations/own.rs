//! Checks of one's own, from the configuration file to the report.

use crate::support::{Run, Site};

/// Runs the program on a demo site with these sections.
fn run(site: &Site, sections: &str, args: &[&str]) -> Run {
    let file = site.path("coursys-ops.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(site.path("own.toml"), format!("{before}\n{sections}")).unwrap();
    let args = ["--config", "own.toml"].iter().chain(args).copied();
    site.run(args)
}

const FILES: &str = "\
[[check]]
id = \"own.here\"
kind = \"file\"
path = \"coursys-ops.toml\"
explanation = \"The site does nothing without it.\"

[[check]]
id = \"own.gone\"
kind = \"file\"
path = \"nowhere\"
needs = [\"own.he*\"]
hint = \"ask Bob\"
";

#[test]
fn one_s_own_checks_are_listed_explained_selected_and_looked_at_like_the_others() {
    let site = Site::new();
    let listed = run(&site, FILES, &["check", "--list", "own.*"]).exits(0).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let told = run(&site, FILES, &["check", "--explain", "own.here"]).exits(0).stdout;
    assert!(told.contains("The site does nothing without it."), "{told}");
    let report = run(&site, FILES, &["check", "own.gone", "--format", "json"]).exits(1).json();
    let says = |n: usize| {
        let check = &report["checks"][n];
        format!("{} {}", check["id"].as_str().unwrap(), check["findings"][0]["code"].as_str().unwrap())
    };
    assert_eq!((says(0), says(1)), ("own.gone not_found".to_owned(), "own.here ok".to_owned()));
    assert_eq!(report["checks"][0]["findings"][0]["hint"], "ask Bob");
}

#[test]
fn mistakes_in_them_are_told_with_their_lines_by_each_command() {
    let site = Site::new();
    let sections = "[[check]]\nid = \"own.a\"\nkind = \"file\"\npath = \"x\"\nneeds = [\"disk.space.tnp\"]\n";
    for command in [&["check"][..], &["config", "check"], &["check", "--list"]] {
        let got = run(&site, sections, command).exits(2);
        let expected = "check[1].needs: expected ids or globs of checks, and none is `disk.space.tnp`; did you mean `disk.space.tmp`?";
        assert!(got.stderr.contains(expected), "{}", got.stderr);
    }
    let shown = run(&site, FILES, &["config", "show"]).exits(0).stdout;
    assert!(shown.contains("\n[[check]]  # ") && shown.contains("\nid = \"own.gone\"\n"), "{shown}");
}
