//! Rules of single formats.

use super::{samples, tools};
use crate::model::{Code, Ended, ExitPolicy, Finding, Measurement, Report, Status};
use crate::render::text::{self, Style};
use crate::render::{Format, json, jsonl, junit, nagios, prometheus};

fn sample(wanted: &str) -> Report {
    samples::all().into_iter().find(|(name, _)| *name == wanted).expect("it is a sample").1
}

/// A good report in which the first check found something else.
fn with_findings(findings: Vec<Finding>) -> Report {
    let mut report = sample("all_well");
    let check = report.checks.first_mut().expect("it has checks");
    check.status = Status::of(&findings);
    check.findings = findings;
    report
}

fn validator() -> jsonschema::Validator {
    let schema = serde_json::from_str(&json::schema().unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn every_sample_is_valid_for_the_schema_and_comes_back_as_it_was() {
    let validator = validator();
    for (name, report) in samples::all() {
        let document = json::render(&report).unwrap();
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert_eq!(serde_json::from_str::<Report>(&document).unwrap(), report, "{name}");
    }
}

#[test]
fn the_schema_misses_each_key_that_is_left_out() {
    let validator = validator();
    let document: serde_json::Value = serde_json::to_value(sample("deadline")).unwrap();
    for path in ["/run", "/summary", "/facts/0", "/checks/0", "/checks/0/findings/0", ""] {
        let keys: Vec<String> =
            document.pointer(path).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut lacking = document.clone();
            lacking.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(&key);
            assert!(!validator.is_valid(&lacking), "{path}/{key} may be left out");
        }
    }
}

#[test]
fn an_event_is_one_line_and_comes_back_as_it_was() {
    for event in samples::deadline() {
        let line = jsonl::render(&event).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        assert_eq!(serde_json::from_str::<crate::model::Event>(&line).unwrap(), event);
    }
}

#[test]
fn other_programs_accept_every_sample() {
    for (_, report) in samples::all() {
        tools::xmllint_accepts(&junit::render(&report).unwrap());
        tools::promtool_accepts(&prometheus::render(&report).unwrap());
    }
}

#[test]
fn other_programs_refuse_what_is_wrong() {
    let document = junit::render(&sample("all_well")).unwrap();
    assert!(tools::xmllint_refuses(&document.replace("<testsuites>", "<testsuites skipped=\"0\">")));
    let metrics = prometheus::render(&sample("all_well")).unwrap();
    assert!(tools::promtool_refuses(&metrics.replace("status=\"passed\"", "status=\"passed")));
}

#[test]
fn the_plugin_code_is_the_worst_that_counts() {
    let lax = ExitPolicy::default();
    let strict = ExitPolicy { strict: true };
    let codes = |policy| {
        let samples = samples::all();
        let codes =
            samples.iter().map(|(name, report)| format!("{name}={}", nagios::exit_code(report, policy)));
        codes.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(codes(lax), "all_well=0 broker_down=2 deadline=2 warnings=1 interrupted=3 empty=3");
    assert_eq!(codes(strict), "all_well=0 broker_down=2 deadline=2 warnings=2 interrupted=3 empty=3");
}

#[test]
fn a_run_that_was_interrupted_with_nothing_bad_yet_is_not_ok() {
    let mut report = sample("all_well");
    report.run.ended = Ended::Interrupted;
    let line = nagios::render(&report, ExitPolicy::default());
    assert!(line.starts_with("COURSYS UNKNOWN - 16 passed, interrupted|"), "{line}");
}

#[test]
fn perfdata_has_each_label_once_and_only_units_that_the_plugin_api_knows() {
    let finding = Finding::passed("fine")
        .about("it's=a|b")
        .measured(Measurement::new("x", 1.5, "GiB"))
        .measured(Measurement::new("x", 2.5, "ms").warning_at(3.0).critical_at(4.0))
        .measured(Measurement::new("free", 9.0, "%").critical_at(5.0));
    let mut report = with_findings(vec![finding]);
    report.checks.truncate(1);
    // Not by `measured`, which lets no such value in.
    report.checks[0].findings[0].measurements.push(Measurement::new("nan", f64::NAN, "s"));
    let line = nagios::render(&report, ExitPolicy::default());
    let (_, perfdata) = line.trim_end().split_once('|').unwrap();
    let subject = "database.connection.it_s_a_b";
    assert_eq!(
        perfdata,
        format!("'{subject}.x'=1.5 '{subject}.x #2'=2.5ms;3;4 '{subject}.free'=9%;;5: '{subject}.nan'=U")
    );
}

#[test]
fn a_long_list_of_culprits_is_cut_and_says_so() {
    let mut report = sample("all_well");
    for check in report.checks.iter_mut().take(5) {
        check.findings = vec![Finding::failed(Code::Refused, "nothing listens ".repeat(40), "start it")];
        check.status = Status::Failed;
    }
    report.summary.passed -= 5;
    report.summary.failed += 5;
    let line = nagios::render(&report, ExitPolicy::default());
    let (text, _) = line.split_once('|').unwrap();
    assert!(
        text.starts_with("COURSYS CRITICAL - 5 failed, 11 passed: database.connection: nothing"),
        "{text}"
    );
    assert!(text.ends_with("...; and 2 more"), "{text}");
    assert!(text.len() < 1024, "{}", text.len());
}

#[test]
fn two_figures_of_one_name_are_two_samples() {
    let figure = |value| Finding::passed("fine").measured(Measurement::new("x", value, "s"));
    let text = prometheus::render(&with_findings(vec![figure(1.0), figure(2.0)])).unwrap();
    assert!(text.contains("check=\"database.connection\",subject=\"\",name=\"x\",unit=\"s\"} 1"), "{text}");
    assert!(
        text.contains("check=\"database.connection\",subject=\" #2\",name=\"x\",unit=\"s\"} 2"),
        "{text}"
    );
    tools::promtool_accepts(&text);
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, report) in samples::all() {
        let plain = text::render(&report, Style::default());
        let coloured = text::render(&report, Style { colour: true, ..Style::default() });
        assert_eq!(strip_colour(&coloured), plain, "{name}");
    }
}

/// `text` without our own colours: ESC, `[`, digits and semicolons, `m`.
pub fn strip_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').expect("a colour ends");
        assert!(codes.chars().all(|c| c.is_ascii_digit() || c == ';'), "{codes:?}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn no_line_is_wider_than_the_terminal_unless_it_is_one_word() {
    for width in [40, 60, 80, 132] {
        for (name, report) in samples::all() {
            for line in text::render(&report, Style { width, ..Style::default() }).lines() {
                let fits = line.chars().count() <= width;
                // A command and the one line that others look for, the summary, are never broken.
                let whole = line.contains('`') || line.contains(" in ");
                assert!(fits || whole, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn the_answer_that_was_asked_for_is_told_even_when_it_is_good() {
    let mail = Finding::passed("the mail was accepted: `250 OK`");
    let report = with_findings(vec![mail]);
    let id: &'static str = "database.connection";
    assert!(!text::render(&report, Style::default()).contains("250 OK"));
    let told = text::render(&report, Style { asked: Some(id), ..Style::default() });
    assert!(told.contains("250 OK") && told.matches(id).count() == 1, "{told}");
}

#[test]
fn failures_come_first_and_the_summary_last() {
    let text = text::render(&sample("deadline"), Style::default());
    assert!(text.starts_with("FAILED   disk.space.dumps"), "{text}");
    let last = text.lines().last().unwrap();
    assert_eq!(last, "13 passed, 1 failed, 1 unknown, 1 skipped in 15.0 s, cut off by the deadline");
}

#[test]
fn a_message_of_several_lines_stays_beside_the_margin() {
    let finding = Finding::failed(Code::SiteFailed, "Traceback:\n  File \"x\"\r\nKeyError", "look\nthen act");
    let text = text::render(&with_findings(vec![finding]), Style::default());
    let head: Vec<&str> = text.lines().skip(1).take(5).collect();
    assert_eq!(
        head,
        [
            "         Traceback:",
            "         File \"x\"",
            "         KeyError",
            "         hint: look",
            "               then act"
        ]
    );
}

#[test]
fn the_name_of_a_format_names_it_and_no_other_word_does() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "ya\u{1b}ml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, "unknown format `ya\\u{1b}ml`: use text, json, jsonl, junit, nagios, prometheus");
}
