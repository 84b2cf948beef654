use coursys_ops_core::context::Caller;
use coursys_ops_core::model::ExitPolicy;
use coursys_ops_core::process::Helper;
use coursys_ops_core::run::{Options, run_blocking};

use super::*;
use crate::testing::config;

/// What `status` exits with when this was seen of the only component.
fn exit_code(state: State, detail: &str) -> u8 {
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    let context = Arc::new(Context::new(config(), caller, Helper { argv: vec!["false".into()] }, "0.0.0"));
    let mut part = Part::new("memcached", state);
    detail.clone_into(&mut part.detail);
    let look = Look {
        component: "memcached".to_owned(),
        manager: "compose".to_owned(),
        parts: vec![part],
        compose: Vec::new(),
    };
    let (options, never) = (Options::default(), Cancel::never());
    let report = run_blocking(&[], &context, &options, &never, ExitPolicy::default(), &mut |_: &_| ());
    Document::new(&context, &[], Seen { looks: vec![look], report }).exit_code
}

#[test]
fn what_does_not_answer_is_bad_and_what_this_user_may_not_see_is_not() {
    assert_eq!(exit_code(State::Running, "running"), 0);
    assert_eq!(exit_code(State::Unseen, "Docker gave no answer within 600 ms"), 1);
    assert_eq!(exit_code(State::Unseen, "this user may not ask Docker"), 0);
    assert_eq!(exit_code(State::Unseen, "the compose file cannot be read: Permission denied"), 0);
    assert_eq!(exit_code(State::Stopped, "exited (0)"), 1);
}
