use coursys_ops_core::config::{Config, FileSource, Sources, load};
use coursys_ops_core::context::{Caller, Context};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::Helper;

use super::*;
use crate::testing::{answers_http, free_port, look_in, serves};

fn config(text: &str) -> Config {
    let file = FileSource {
        path: "/srv/c.toml".into(),
        text: format!("[site]\nlayout = \"devel\"\n{text}"),
        readable_by_everybody: false,
    };
    load(&Sources { file: Some(file), ..Sources::default() })
        .unwrap_or_else(|errors| panic!("{errors}"))
        .config
}

/// A section with this id and these keys.
fn section(id: &str, keys: &str) -> String {
    format!("[[check]]\nid = \"{id}\"\nkind = \"file\"\npath = \"/x\"\n{keys}\n")
}

/// What is wrong with sections beside the checks of the program.
fn wrong(text: &str) -> Vec<String> {
    let config = config(text);
    problems(&config, &crate::all(&config)).iter().map(|problem| problem.to_string()).collect()
}

fn all_of(text: &str) -> Vec<Arc<dyn Check>> {
    let config = config(text);
    assert_eq!(problems(&config, &crate::all(&config)), []);
    crate::all(&config)
}

/// The findings of the only section, looked at without the others.
async fn found(text: &str) -> Finding {
    let config = config(text);
    let own = Own::new(&config.own[0], Vec::new());
    let caller = Caller { uid: 1000, user: "tester".to_owned(), host: "laptop".to_owned() };
    let context = Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0");
    look_in(own, context).await.remove(0)
}

#[test]
fn an_id_of_the_program_itself_is_refused_with_its_line() {
    assert_eq!(
        wrong(&section("disk.space.tmp", "")),
        [
            "/srv/c.toml:4: check[1].id: `disk.space.tmp` is a check of the program itself; expected another id"
        ]
    );
}

#[test]
fn a_need_that_does_not_exist_names_the_nearest() {
    assert_eq!(
        wrong(&section("own.a", "needs = [\"disk.space.tnp\", \"nosuch.*\"]")),
        [
            "/srv/c.toml:7: check[1].needs: expected ids or globs of checks, and none is `disk.space.tnp`; did you mean `disk.space.tmp`?",
            "/srv/c.toml:7: check[1].needs: expected ids or globs of checks, and none is `nosuch.*`",
        ]
    );
}

#[test]
fn a_circle_and_a_need_of_a_later_tier_are_refused_with_their_lines() {
    let circle = section("own.a", "needs = [\"own.b\"]") + &section("own.b", "needs = [\"own.*\"]");
    assert_eq!(
        wrong(&circle),
        ["/srv/c.toml:7: check[1].needs: checks need each other in a circle: own.a → own.b → own.a"]
    );
    let later = section("own.a", "needs = [\"own.b\"]") + &section("own.b", "tier = \"slow\"");
    assert_eq!(
        wrong(&later),
        ["/srv/c.toml:7: check[1].needs: `own.b` is of tier slow, later than deploy, the tier of this check"]
    );
}

#[test]
fn needs_that_cannot_end_in_time_are_refused_where_they_become_too_long() {
    let row =
        |n: usize| section(&format!("own.n{n}"), &format!("timeout_s = 6\nneeds = [\"own.n{}\"]", n + 1));
    let text: String = (0..3).map(row).collect::<String>() + &section("own.n3", "timeout_s = 6");
    let wrong = wrong(&text);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].contains("check[2].needs: the timeouts of this check and of what it needs add up to 18 s")
    );
}

#[test]
fn ten_thousand_in_a_row_are_refused_without_a_crash() {
    let row =
        |n: usize| section(&format!("own.n{n}"), &format!("timeout_s = 0.1\nneeds = [\"own.n{}\"]", n + 1));
    let text: String = (0..10_000).map(row).collect::<String>() + &section("own.n10000", "");
    assert_eq!(wrong(&text).len(), 1);
}

#[test]
fn a_glob_means_every_other_check_that_it_matches() {
    let text = section("own.a", "needs = [\"own.*\", \"disk.space.t*\"]") + &section("own.b", "");
    let checks = all_of(&text);
    let spec = checks.iter().map(|check| check.spec()).find(|spec| spec.id == "own.a").unwrap();
    assert_eq!(spec.needs, ["own.b", "disk.space.tmp"]);
}

#[tokio::test]
async fn a_hint_of_ones_own_takes_the_place_of_the_general_one() {
    let port = free_port().await;
    let text = format!(
        "[[check]]\nid = \"own.a\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\nhint = \"ask Bob\"\n"
    );
    let finding = found(&text).await;
    assert_eq!((finding.code, finding.hint.as_deref()), (Code::Refused, Some("ask Bob")));
}

#[tokio::test]
async fn a_greeting_is_compared_with_what_was_expected() {
    let port = serves(b"220 mail.example.ca\r\n".to_vec()).await;
    let text = |expect: &str| {
        format!(
            "[[check]]\nid = \"own.a\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\nexpect = \"{expect}\"\n"
        )
    };
    assert_eq!(found(&text("^220 ")).await.code, Code::Ok);
    let wrong = found(&text("^SSH-2")).await;
    assert_eq!(wrong.code, Code::WrongAnswer);
    assert!(wrong.message.contains("220 mail.example.ca"), "{}", wrong.message);
}

#[tokio::test]
async fn each_thing_that_a_page_should_have_is_compared() {
    let port =
        answers_http(b"HTTP/1.1 200 OK\r\nX-Power: wind\r\nContent-Length: 4\r\n\r\nwell".to_vec()).await;
    for (keys, code) in [
        ("", Code::Ok),
        ("body = \"^well$\"", Code::Ok),
        ("body = \"ill\"", Code::WrongAnswer),
        ("header = { X-Power = \"wind|sun\" }", Code::Ok),
        ("header = { X-Power = \"coal\" }", Code::WrongAnswer),
        ("header = { X-None = \"\" }", Code::WrongAnswer),
        ("status = [204, 404]", Code::WrongStatus),
        ("status = 200\nredirect = \"x\"", Code::WrongAnswer),
        ("crit_s = 0", Code::Slow),
    ] {
        let url = format!("http://127.0.0.1:{port}/a?key=s3cret");
        let finding =
            found(&format!("[[check]]\nid = \"own.a\"\nkind = \"http\"\nurl = \"{url}\"\n{keys}\n")).await;
        assert_eq!(finding.code, code, "{keys}: {finding:?}");
        assert!(!format!("{finding:?}").contains("s3cret"), "{finding:?}");
    }
}

#[tokio::test]
async fn nobody_but_root_asks_as_somebody_else() {
    let finding =
        found("[[check]]\nid = \"own.a\"\nkind = \"command\"\nargv = [\"true\"]\nuser = \"root\"\n").await;
    assert_eq!(finding.code, Code::NotPermitted);
}

#[tokio::test]
async fn a_helper_that_fails_says_nothing_about_the_file() {
    assert_eq!(found(&section("own.a", "")).await.code, Code::HelperFailed);
}
