use super::*;

fn lease() -> Lease {
    Lease {
        id: "7".into(),
        who: "ggbaker".into(),
        why: "new disks".into(),
        since: "2026-11-23T03:00:00Z".parse().unwrap(),
        until: Some("2026-11-23T04:00:00Z".parse().unwrap()),
        phase: LeasePhase::On,
        stopped: vec!["celery".into(), "celerybeat".into()],
    }
}

fn known(name: &str) -> bool {
    ["celery", "celerybeat"].contains(&name)
}

#[test]
fn what_was_written_is_read_back() {
    assert_eq!(Lease::read(lease().to_text().as_bytes(), known), Ok(lease()));
    let open = Lease { until: None, why: String::new(), ..lease() };
    assert_eq!(Lease::read(open.to_text().as_bytes(), known), Ok(open));
}

#[test]
fn only_components_of_this_layout_count_and_each_once() {
    let other = Lease { stopped: ["ssh", "celery", "../x", "celery"].map(Into::into).into(), ..lease() };
    assert_eq!(Lease::read(other.to_text().as_bytes(), known).unwrap().stopped, ["celery"]);
}

#[test]
fn what_is_no_lease_is_a_bare_flag() {
    for text in ["", "\n", "back at nine", "{}", "[1]", "{\"id\": 7}"] {
        assert!(Lease::read(text.as_bytes(), known).is_err(), "{text}");
    }
    let strange = lease().to_text().replace("\"on\"", "\"over\"");
    assert!(Lease::read(strange.as_bytes(), known).is_err());
}

#[test]
fn a_text_in_it_is_short_and_drives_no_terminal() {
    let nasty = Lease { who: "\u{1b}[2J".into(), why: "x".repeat(5000), ..lease() };
    let json = serde_json::to_string(&nasty).unwrap();
    let read = Lease::read(json.as_bytes(), known).unwrap();
    assert_eq!((read.who.as_str(), read.why.len()), (" [2J", 500));
}

#[test]
fn a_lease_without_an_end_never_expires() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert!(!lease().is_expired(at("2026-11-23T03:59:59Z")));
    assert!(lease().is_expired(at("2026-11-23T04:00:00Z")));
    assert!(!Lease { until: None, ..lease() }.is_expired(at("2036-11-23T04:00:00Z")));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_lease_or_none(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Lease::read(&bytes, known);
    }
}
