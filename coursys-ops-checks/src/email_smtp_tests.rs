use coursys_ops_core::config::{Config, SecretValue};
use coursys_ops_core::context::{Caller, Context};
use coursys_ops_core::process::Helper;
use coursys_ops_core::secret::Secret;

use super::*;
use crate::testing::{config, converses, look_in, serves};

const PASSWORD: &str = "p@ss/w%rd \u{fc}'";

fn context(config: Config) -> Context {
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0")
}

fn config_at(port: u16) -> Config {
    let mut config = config();
    config.email.server.port = port;
    config
}

async fn finding(config: Config) -> Finding {
    look_in(EmailSmtp::new(false), context(config)).await.remove(0)
}

fn with_login(port: u16) -> Config {
    let mut config = config_at(port);
    config.email.server.user = Some("coursys".to_owned());
    config.email.server.secret = SecretValue::Known(Secret::new(PASSWORD));
    config
}

/// A server that knows one user, by either way to log in.
fn answers(line: &str, ways: &str) -> String {
    match line.split(' ').next() {
        Some("EHLO") => format!("250-mail.example\r\n250-SIZE 1000\r\n250 {ways}\r\n"),
        Some("AUTH") if line == "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".to_owned(),
        Some("Y291cnN5cw==") => "334 UGFzc3dvcmQ6\r\n".to_owned(),
        Some("AUTH") if line == format!("AUTH PLAIN {}", plain()) => "235 welcome\r\n".to_owned(),
        Some("QUIT") => "221 bye\r\n".to_owned(),
        Some("MAIL" | "RCPT") => "250 ok\r\n".to_owned(),
        Some("DATA") => "354 go on\r\n".to_owned(),
        Some(".") => "250 OK id=1abc\r\n".to_owned(),
        _ => "535 wrong\r\n".to_owned(),
    }
}

fn plain() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("\0coursys\0{PASSWORD}"))
}

#[tokio::test]
async fn a_login_is_tried_as_configured_and_no_answer_shows_the_password() {
    let good = converses("220 hello\r\n", |line| answers(line, "AUTH PLAIN LOGIN")).await;
    assert_eq!(finding(with_login(good)).await.code, Code::Ok);
    let by_login = converses("220 hello\r\n", |line| answers(line, "AUTH LOGIN")).await;
    let denied = finding(with_login(by_login)).await;
    assert_eq!((denied.code, denied.message.contains("535 wrong")), (Code::AccessDenied, true));
    let echo = converses("220 hello\r\n", |line| match line.split_once(' ') {
        Some(("EHLO", _)) => "250-x\r\n250 AUTH PLAIN\r\n".to_owned(),
        Some(("AUTH", secret)) => format!("535 do not know {secret}\r\n"),
        _ => "221 bye\r\n".to_owned(),
    })
    .await;
    let denied = finding(with_login(echo)).await;
    assert_eq!(denied.code, Code::AccessDenied);
    assert!(!denied.message.contains(&plain()), "{}", denied.message);
    let none = converses("220 hello\r\n", |line| answers(line, "HELP")).await;
    assert_eq!(finding(with_login(none)).await.code, Code::AccessDenied);
}

#[tokio::test]
async fn a_user_without_a_password_is_not_configured() {
    let mut config = config_at(1);
    config.email.server.user = Some("coursys".to_owned());
    let missing = finding(config.clone()).await;
    assert_eq!(missing.code, Code::NotConfigured);
    assert!(missing.hint.unwrap().contains("email.password"));
    config.email.server.secret = SecretValue::Unreadable("no such file".to_owned());
    assert_eq!(finding(config).await.code, Code::SecretUnreadable);
}

#[tokio::test]
async fn for_now_for_good_and_not_smtp_at_all_are_told_apart() {
    let greets = |text: &'static str| async move { finding(config_at(serves(text.into()).await)).await.code };
    assert_eq!(greets("421 too busy\r\n").await, Code::TryLater);
    assert_eq!(greets("554-no\r\n554 mail from here\r\n").await, Code::Rejected);
    assert_eq!(greets("HTTP/1.1 400 Bad Request\r\n\r\n").await, Code::Garbage);
    assert_eq!(greets("").await, Code::ConnectionLost);
}

#[tokio::test]
async fn a_server_that_breaks_off_or_does_not_know_ehlo_is_no_garbage() {
    assert_eq!(finding(config_at(serves(b"220 hello\r\n".to_vec()).await)).await.code, Code::ConnectionLost);
    let old = |_: &str| "500 what?\r\n".to_owned();
    let old = finding(config_at(converses("220 x\r\n", old).await)).await;
    assert_eq!((old.code, old.message.contains("`500 what?`")), (Code::Rejected, true), "{}", old.message);
}

#[tokio::test]
async fn tls_that_is_required_and_not_offered_is_told_and_nothing_is_said_in_plain_text() {
    let mut config = with_login(converses("220 hello\r\n", |line| answers(line, "AUTH PLAIN")).await);
    config.email.server.tls = Tls::Required;
    config.email.starttls = true;
    assert_eq!(finding(config.clone()).await.code, Code::TlsNotOffered);
    config.email.starttls = false;
    assert_eq!(finding(config).await.code, Code::TlsNotOffered);
}

#[tokio::test]
async fn what_a_server_says_before_tls_is_not_taken_for_what_it_says_in_tls() {
    let hasty = |line: &str| match line.split(' ').next() {
        Some("EHLO") => "250-x\r\n250 STARTTLS\r\n".to_owned(),
        Some("STARTTLS") => "220 go\r\n250 injected\r\n".to_owned(),
        _ => String::new(),
    };
    let mut config = config_at(converses("220 hello\r\n", hasty).await);
    config.email.server.tls = Tls::Required;
    config.email.starttls = true;
    assert_eq!(finding(config).await.code, Code::TlsNotOffered);
}

#[tokio::test]
async fn a_mail_is_sent_only_when_asked_for_and_its_answer_is_reported() {
    fn server(line: &str) -> String {
        // What follows DATA is not answered until its end.
        let command = line.split([' ', ':']).next().unwrap_or_default();
        let known = ["EHLO", "MAIL", "RCPT", "DATA", "QUIT", "."];
        if known.contains(&command) { answers(line, "SIZE") } else { String::new() }
    }
    let mut config = config_at(converses("220 hello\r\n", server).await);
    config.email.from = Some("CourSys <nobody@coursys.test>".to_owned());
    let mut context = context(config);
    context.mail_to = Some("admin@example.org".to_owned());
    let silent = look_in(EmailSmtp::new(false), context.clone()).await.remove(0);
    assert!(silent.message.ends_with("greets us"), "{}", silent.message);
    let sent = look_in(EmailSmtp::new(true), context.clone()).await.remove(0);
    assert!(sent.message.contains("`250 OK id=1abc`"), "{}", sent.message);
    context.config.email.from = None;
    let without = look_in(EmailSmtp::new(true), context.clone()).await.remove(0);
    assert_eq!(without.code, Code::NotConfigured);
    context.config.email.from = Some("a@b.test".to_owned());
    context.mail_to = Some("x@y.test>\r\nDATA".to_owned());
    let hostile = look_in(EmailSmtp::new(true), context).await.remove(0);
    assert_eq!(hostile.code, Code::NotConfigured);
}
