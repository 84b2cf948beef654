use coursys_ops_core::model::Status;
use proptest::prelude::*;

use super::*;
use crate::testing::config;

fn limits() -> System {
    config().system
}

fn verdict(finding: &Finding) -> (Status, Code) {
    (finding.status, finding.code)
}

const GOOD: (Status, Code) = (Status::Passed, Code::Ok);

#[test]
fn updates_are_a_warning_that_names_them_unless_so_many_may_wait() {
    let packages: Vec<String> = (0..7).map(|number| format!("lib{number}")).collect();
    let finding = waiting(Manager::Apt, &packages, &limits());
    assert_eq!(verdict(&finding), (Status::Warning, Code::UpdatesPending));
    assert_eq!(finding.message, "7 security updates wait: lib0, lib1, lib2, lib3, lib4 and 2 more");
    assert_eq!(verdict(&waiting(Manager::Dnf, &[], &limits())), GOOD);
    assert_eq!(verdict(&waiting(Manager::Apt, &packages, &System { updates_max: 7, ..limits() })), GOOD);
}

#[test]
fn lists_that_are_old_or_were_never_fetched_say_nothing() {
    let stale = (Status::Warning, Code::Stale);
    assert_eq!(verdict(&age(Manager::Apt, Some(6.9), &limits())), GOOD);
    assert_eq!(verdict(&age(Manager::Apt, Some(7.1), &limits())), stale);
    assert_eq!(verdict(&age(Manager::Dnf, None, &limits())), stale);
    assert_eq!(verdict(&age(Manager::Apt, Some(-3.0), &limits())), GOOD, "clocks are for `time.offset`");
}

#[test]
fn a_wanted_restart_may_wait_for_its_time_of_grace() {
    let wanted = (Status::Warning, Code::RebootRequired);
    let since = |days| Restart { days, packages: vec!["linux-base".to_owned()] };
    assert_eq!(verdict(&restarting(None, &limits())), GOOD);
    let finding = restarting(Some(&since(Some(0.5))), &limits());
    assert_eq!(verdict(&finding), wanted);
    assert!(finding.message.contains("linux-base"), "{}", finding.message);
    let patient = System { reboot_grace_days: 7, ..limits() };
    assert_eq!(verdict(&restarting(Some(&since(Some(6.0))), &patient)), GOOD);
    assert_eq!(verdict(&restarting(Some(&since(None)), &patient)), wanted);
}

#[test]
fn of_files_that_are_missing_no_time_is_known() {
    let times = stamps("1795365578 /var/lib/apt/lists\n5 /a b\nnonsense\n");
    assert_eq!(times.get("/var/lib/apt/lists"), Some(&1_795_365_578.0));
    assert_eq!((times.get("/a b"), times.len()), (Some(&5.0), 2));
}

proptest! {
    #[test]
    fn any_text_has_times_or_none(text in "(\\PC{0,9}|-?[0-9]{1,22}| |\n){0,9}") {
        let _ = stamps(&text);
    }
}
