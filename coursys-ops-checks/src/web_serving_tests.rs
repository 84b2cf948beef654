use hyper::HeaderMap;
use hyper::header::{HeaderValue, LOCATION};
use proptest::prelude::*;

use super::*;
use crate::testing::{answers_http, free_port, look};

fn config() -> Config {
    let mut config = crate::testing::config();
    config.web.hosts = vec!["coursys.test".to_owned()];
    config.web.redirected_hosts = vec!["courses.test".to_owned()];
    config
}

fn answer(status: u16, headers: &[(hyper::header::HeaderName, &str)]) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    Ok(Response {
        status,
        headers: map,
        body: b"x".to_vec(),
        truncated: false,
        took: Duration::from_millis(7),
    })
}

fn location(status: u16, to: &str) -> Answer {
    answer(status, &[(LOCATION, to)])
}

fn timeout() -> Answer {
    Err(Finding::failed(Code::Timeout, "no answer", "wait"))
}

/// The answers of a site that is well.
fn well() -> Answers {
    Answers {
        pages: vec![("coursys.test".to_owned(), answer(200, &[]))],
        redirects: vec![("courses.test".to_owned(), location(301, "https://coursys.test/docs/"))],
        file: answer(
            200,
            &[(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, "max-age=86400"), (CACHE_CONTROL, "public")],
        ),
        gunicorn: answer(200, &[]),
    }
}

/// What is wrong, as subject and code.
fn wrong(answers: &Answers) -> Vec<(String, Code)> {
    let wrong = judge(&config(), answers).into_iter().filter(|finding| finding.status != Status::Passed);
    wrong.map(|finding| (finding.subject.unwrap(), finding.code)).collect()
}

fn about(subject: &str, code: Code) -> Vec<(String, Code)> {
    vec![(subject.to_owned(), code)]
}

#[test]
fn a_site_that_is_well_has_one_finding_for_each_thing() {
    let findings = judge(&config(), &well());
    let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_deref().unwrap()).collect();
    assert_eq!(subjects, ["coursys.test", "courses.test", "/static/icons/favicon.ico", "gunicorn"]);
    assert!(findings.iter().all(|finding| finding.code == Code::Ok), "{findings:?}");
}

#[test]
fn when_gunicorn_is_down_it_is_named_and_nobody_else() {
    let refused = || Err(Finding::failed(Code::Refused, "nothing listens", "start it"));
    for (page, gunicorn, code) in [
        (answer(502, &[]), refused(), Code::Refused),
        (answer(504, &[]), timeout(), Code::Timeout),
        (timeout(), timeout(), Code::Timeout),
    ] {
        let pages = vec![("coursys.test".to_owned(), page)];
        assert_eq!(wrong(&Answers { pages, gunicorn, ..well() }), about("gunicorn", code));
    }
}

#[test]
fn when_nginx_is_down_it_is_named_and_nobody_else() {
    let dead = Answers {
        pages: vec![("coursys.test".to_owned(), timeout())],
        redirects: vec![("courses.test".to_owned(), timeout())],
        file: timeout(),
        gunicorn: answer(200, &[]),
    };
    assert_eq!(wrong(&dead), about("nginx", Code::Timeout));
}

#[test]
fn each_status_of_a_page_has_a_code() {
    for (page, code) in [
        (answer(400, &[]), Code::Rejected),
        (answer(403, &[]), Code::Rejected),
        (answer(404, &[]), Code::NotFound),
        (answer(500, &[]), Code::ServerError),
        (answer(502, &[]), Code::ServerError),
        (answer(503, &[]), Code::ServerError),
        (answer(204, &[]), Code::WrongAnswer),
        (location(302, "/login/"), Code::WrongAnswer),
        (timeout(), Code::Timeout),
    ] {
        let pages = vec![("coursys.test".to_owned(), page)];
        assert_eq!(wrong(&Answers { pages, ..well() }), about("coursys.test", code));
    }
}

#[test]
fn a_loop_is_called_a_loop() {
    let config = config();
    for to in ["https://coursys.test/docs/", "/docs/"] {
        let finding = page(&config, "coursys.test", &location(301, to));
        assert!(finding.message.ends_with("a loop"), "{finding:?}");
    }
    let finding = redirect(&config, "courses.test", &location(301, "http://courses.test/docs/"));
    assert!(finding.message.ends_with("a loop"), "{finding:?}");
}

#[test]
fn a_redirect_leads_to_the_same_page_of_the_first_host_for_good() {
    let code = |answer: &Answer| redirect(&config(), "courses.test", answer).code;
    assert_eq!(code(&location(301, "http://COURSYS.test:8080/docs/")), Code::Ok);
    for wrong in [
        location(302, "https://coursys.test/docs/"),
        location(301, "https://coursys.test/"),
        location(301, "https://elsewhere.test/docs/"),
        location(301, "not an address"),
        answer(301, &[]),
        answer(200, &[]),
        answer(404, &[]),
    ] {
        assert_eq!(code(&wrong), Code::WrongAnswer, "{wrong:?}");
    }
}

#[test]
fn a_static_file_has_its_type_and_says_how_long_to_keep_it() {
    let code = |headers: &[_]| file(&config(), &answer(200, headers)).code;
    assert_eq!(
        code(&[(CONTENT_TYPE, "IMAGE/x-icon; a=b"), (CACHE_CONTROL, "public, max-age=90000")]),
        Code::Ok
    );
    assert_eq!(code(&[(CONTENT_TYPE, "text/plain"), (CACHE_CONTROL, "max-age=86400")]), Code::WrongAnswer);
    assert_eq!(code(&[(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, "max-age=60")]), Code::WrongAnswer);
    assert_eq!(code(&[(CONTENT_TYPE, "image/x-icon"), (CACHE_CONTROL, "max-age=soon")]), Code::WrongAnswer);
    assert_eq!(code(&[(CONTENT_TYPE, "image/x-icon")]), Code::WrongAnswer);
    assert_eq!(file(&config(), &answer(404, &[])).code, Code::NotFound);
    assert_eq!(file(&config(), &answer(403, &[])).code, Code::WrongAnswer);
}

#[tokio::test]
async fn one_who_answers_everything_with_an_error_is_not_called_dead() {
    let error = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec();
    let mut config = config();
    config.web.server.port = answers_http(error).await;
    config.gunicorn.server.port = free_port().await;
    let findings = look(WebServing::new(), config).await;
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::ServerError, Code::WrongAnswer, Code::WrongAnswer, Code::Refused]);
}

#[tokio::test]
async fn without_a_host_there_is_nothing_to_ask_for() {
    let findings = look(WebServing::new(), crate::testing::config()).await;
    assert_eq!(findings[0].code, Code::NotConfigured);
    assert!(findings[0].message.contains("web.hosts"));
}

proptest! {
    #[test]
    fn no_header_makes_the_judge_fall_over(text in "[ -~]{0,60}", status in 100..1000_u16) {
        let strange = || answer(status, &[(LOCATION, &text), (CACHE_CONTROL, &text), (CONTENT_TYPE, &text)]);
        let answers = Answers {
            pages: vec![("coursys.test".to_owned(), strange())],
            redirects: vec![("courses.test".to_owned(), strange())],
            file: strange(),
            gunicorn: strange(),
        };
        for finding in judge(&config(), &answers) {
            prop_assert!(finding.hint.is_some() || finding.status == Status::Passed);
        }
    }
}
