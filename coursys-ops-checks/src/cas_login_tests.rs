use proptest::prelude::*;

use super::*;

fn response(inner: &str) -> String {
    format!("<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'>\n {inner}\n</cas:serviceResponse>")
}

fn failure(code: &str) -> String {
    response(&format!(
        "<cas:authenticationFailure code=\"{code}\">Ticket not recognized</cas:authenticationFailure>"
    ))
}

#[test]
fn the_prefix_of_the_namespace_is_the_servers_own_choice() {
    for text in [
        failure("INVALID_TICKET"),
        failure("INVALID_TICKET").replace("cas:", ""),
        failure("INVALID_TICKET").replace("cas:", "x:").replace('"', "'"),
        format!("<?xml version='1.0'?><!-- CAS -->{}", failure("INVALID_TICKET")),
    ] {
        assert_eq!(verdict(text.as_bytes()), Ok(Verdict::Failure("INVALID_TICKET".to_owned())), "{text}");
    }
}

#[test]
fn only_the_refusal_of_the_ticket_is_good() {
    let code = |text: String| judge(&verdict(text.as_bytes()).unwrap(), "https://coursys.test/login/").code;
    assert_eq!(code(failure("INVALID_TICKET")), Code::Ok);
    assert_eq!(code(failure("INVALID_SERVICE")), Code::Rejected);
    assert_eq!(code(failure("UNAUTHORIZED_SERVICE")), Code::Rejected);
    assert_eq!(code(failure("INTERNAL_ERROR")), Code::ServerError);
    assert_eq!(code(failure("INVALID_REQUEST")), Code::WrongAnswer);
    let success = "<cas:authenticationSuccess><cas:user>x</cas:user></cas:authenticationSuccess>";
    assert_eq!(code(response(success)), Code::WrongAnswer);
}

#[test]
fn what_is_no_answer_of_cas_is_garbage() {
    for text in [
        "",
        "no\n\n",
        "<html><form></form></html>",
        "<cas:serviceResponse>",
        "<a",
        "<x:authenticationFailure/>",
    ] {
        assert!(verdict(text.as_bytes()).is_err(), "{text}");
    }
    assert!(verdict(b"\xff\xfe").is_err());
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
        let _ = verdict(&bytes);
        let _ = verdict(text.as_bytes());
        let _ = verdict(response(&text).as_bytes());
    }

    #[test]
    fn a_code_comes_back_as_it_was_said(code in "[A-Z_]{1,30}") {
        prop_assert_eq!(verdict(failure(&code).as_bytes()), Ok(Verdict::Failure(code)));
    }
}
