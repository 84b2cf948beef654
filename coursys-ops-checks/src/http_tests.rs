use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::secret::Secret;
use coursys_ops_core::{Check, Scope};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::testing::{answers_http, config, free_port, look, serves};

type Answer = Arc<Mutex<Option<Result<Response, Finding>>>>;

/// Asks once in the scope of a check and keeps what came.
struct Asks(CheckSpec, Target, Request, Answer);

#[async_trait]
impl Check for Asks {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        *self.3.lock().unwrap() = Some(send(scope, &self.1, &self.2).await);
        vec![Finding::passed("asked")]
    }
}

async fn ask(target: Target, request: Request) -> Result<Response, Finding> {
    let answer = Answer::default();
    let spec = CheckSpec::new("http.asks", "Asks").explanation("x");
    look(Asks(spec, target, request, Arc::clone(&answer)), config()).await;
    answer.lock().unwrap().take().expect("it was asked in time")
}

fn target(port: u16) -> Target {
    let url: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
    Target::url(&url, "web.some_url")
}

/// A server that keeps what it is asked and answers `answer`. Returns its port.
async fn keeps(answer: &'static str) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let count = peer.read(&mut buffer).await.unwrap();
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, asked)
}

#[tokio::test]
async fn an_answer_is_heard_and_the_request_says_who_asks() {
    let (port, asked) =
        keeps("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 2\r\n\r\nhi").await;
    let request = Request::get("/static/x.css").host("coursys.test").secret_query(Secret::new("key=p%40ss"));
    assert!(!format!("{request:?}").contains("p%40ss"));
    let answer = ask(target(port), request).await.unwrap();
    assert_eq!((answer.status, answer.text().as_ref(), answer.truncated), (200, "hi", false));
    assert_eq!(answer.header(&hyper::header::CONTENT_TYPE), Some("text/css"));
    let asked = asked.lock().unwrap().to_lowercase();
    assert!(asked.starts_with("get /static/x.css?key=p%40ss http/1.1\r\n"), "{asked}");
    for line in ["host: coursys.test", "user-agent: coursys-ops/0.0.0", "connection: close"] {
        assert!(asked.contains(line), "no {line} in {asked}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_that_nobody_follows() {
    let answer = b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let answer = ask(target(answers_http(answer.to_vec()).await), Request::get("/")).await.unwrap();
    assert_eq!((answer.status, answer.location()), (301, Some("http://127.0.0.1:1/")));
}

#[tokio::test]
async fn of_a_long_body_no_more_is_read_than_was_asked_for() {
    let mut long = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    long.extend(vec![b'x'; 1 << 20]);
    let answer = ask(target(answers_http(long).await), Request::get("/").at_most(1000)).await.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (1000, true));
}

#[tokio::test]
async fn each_way_to_give_no_answer_has_a_code_and_a_hint_that_names_the_key() {
    let head = "HTTP/1.1 200 OK\r\n";
    for (said, code) in [
        (Vec::new(), Code::ConnectionLost),
        (b"220 mail.test ESMTP\r\n".to_vec(), Code::Garbage),
        (b"\x00\xff\x00".to_vec(), Code::Garbage),
        (format!("{head}Content-Length: 100\r\n\r\nhalf").into_bytes(), Code::ConnectionLost),
        (format!("{head}X: {}\r\n\r\n", "y".repeat(1 << 20)).into_bytes(), Code::Garbage),
        (format!("{head}{}\r\n", "X: y\r\n".repeat(1000)).into_bytes(), Code::Garbage),
        (b"HTTP/1.1 2".to_vec(), Code::ConnectionLost),
    ] {
        let shown = String::from_utf8_lossy(&said[..said.len().min(40)]).into_owned();
        let finding = ask(target(answers_http(said).await), Request::get("/")).await.unwrap_err();
        assert_eq!(finding.code, code, "{shown:?}: {finding:?}");
        assert!(finding.hint.is_some(), "{finding:?}");
    }
    let early = ask(target(serves(b"220 mail.test ESMTP\r\n".to_vec()).await), Request::get("/")).await;
    assert_eq!(early.unwrap_err().code, Code::Garbage);
    let refused = ask(target(free_port().await), Request::get("/")).await.unwrap_err();
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.hint.unwrap().contains("`web.some_url`"));
}

#[tokio::test]
async fn an_endless_answer_ends_the_connection() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; 6 << 20]);
    let answer = ask(target(answers_http(endless).await), Request::get("/").at_most(64 << 20)).await;
    assert!(answer.is_ok_and(|answer| answer.body.len() < 5 << 20));
}

#[tokio::test]
async fn a_header_that_is_none_is_said_before_anybody_is_troubled() {
    let request = Request::get("/").host("two\r\nlines");
    assert_eq!(ask(target(1), request).await.unwrap_err().code, Code::NotConfigured);
    assert_eq!(ask(target(1), Request::get("/a b")).await.unwrap_err().code, Code::NotConfigured);
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address_and_for_a_tunnel_where_tls_is_wanted() {
    let (port, asked) = keeps("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let proxy: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
    let through = |url: &str| {
        Target::url(&url.parse().unwrap(), "web.some_url").through(Some(proxy.clone()), "web.proxy")
    };
    let answer = ask(through("http://cas.test/"), Request::get("/login")).await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(asked.lock().unwrap().starts_with("GET http://cas.test:80/login HTTP/1.1\r\n"), "{asked:?}");
    asked.lock().unwrap().clear();
    let refused = ask(through("https://cas.test/"), Request::get("/login")).await.unwrap_err();
    assert_eq!(refused.code, Code::Rejected, "{refused:?}");
    assert!(asked.lock().unwrap().starts_with("CONNECT cas.test:443 HTTP/1.1\r\n"), "{asked:?}");
}

#[tokio::test]
async fn behind_a_tunnel_begins_a_handshake() {
    let (port, _) = keeps("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let proxy: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
    let url = "https://cas.test/".parse().unwrap();
    let target = Target::url(&url, "web.some_url").through(Some(proxy), "web.proxy");
    let finding = ask(target, Request::get("/")).await.unwrap_err();
    assert!(matches!(finding.code, Code::TlsNotOffered | Code::ConnectionLost), "{finding:?}");
}

#[test]
fn an_address_is_read_with_its_defaults() {
    let parts = |text: &str| {
        let url: Url = text.parse().unwrap();
        (url.is_https(), url.host().to_owned(), url.server("x").port, url.path().to_owned())
    };
    assert_eq!(parts("https://cas.test/cas/"), (true, "cas.test".into(), 443, "/cas/".into()));
    assert_eq!(parts("http://[::1]:8080"), (false, "::1".into(), 8080, "/".into()));
    assert_eq!(parts("http://[::1]/x"), (false, "::1".into(), 80, "/x".into()));
    let url: Url = "http://[::1]:8080/cas/".parse().unwrap();
    assert_eq!(url.below("/login").to_string(), "http://[::1]:8080/cas/login");
    assert_eq!((url.authority().as_str(), url.server("x").place().as_str()), ("[::1]:8080", "[::1]:8080"));
}

#[test]
fn what_may_hold_a_secret_or_is_no_address_is_refused() {
    for (text, error) in [
        ("https://user:pass@cas.test/", UrlError::User),
        ("https://cas.test/?key=1", UrlError::Query),
        ("ftp://cas.test/", UrlError::Scheme),
        ("cas.test", UrlError::Scheme),
        ("/login", UrlError::Scheme),
        ("https://", UrlError::Unreadable),
        ("https://cas.test:0/", UrlError::Unreadable),
        ("https://cas.test:99999/", UrlError::Unreadable),
        ("https://cas.test:/", UrlError::Unreadable),
        ("https://a b/", UrlError::Unreadable),
    ] {
        assert_eq!(text.parse::<Url>(), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn an_address_that_is_read_is_read_the_same_when_shown(text in "(https?://)?[a-z0-9.:@\\[\\]/?#%-]{0,30}") {
        if let Ok(url) = text.parse::<Url>() {
            prop_assert_eq!(url.to_string().parse::<Url>(), Ok(url.clone()));
            prop_assert!(!url.host().is_empty() && url.path().starts_with('/'));
            prop_assert!(!url.authority().contains('@') && !url.to_string().contains(['?', '#']));
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_addresses_fall_over(text in any::<String>()) {
        let _ = text.parse::<Url>();
    }
}
