//! Hostile texts in every field: each format stays what it is, and nothing controls a terminal.

use proptest::prelude::*;

use super::{rules::strip_colour, samples, tools};
use crate::model::{
    CheckReport, Code, Event, ExitPolicy, Fact, Finding, Location, Measurement, Report, Status, Summary, Tier,
};
use crate::render::escape::is_hidden;
use crate::render::text::{self, Style};
use crate::render::{json, jsonl, junit, nagios, prometheus};

/// Texts that mean something to one of the formats, among any characters at all.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\u{1b}[31m",
            "\u{1b}]0;title\u{7}",
            "\u{9b}2J",
            "\r",
            "\n",
            "\r\n",
            "\t",
            "\0",
            "\u{7f}",
            "\u{85}",
            "\u{202e}",
            "\u{2066}",
            "\u{2028}",
            "\u{feff}",
            "\u{fffe}",
            "\u{e0041}",
            "|",
            "'",
            "=",
            "\"",
            "\\",
            "\\n",
            "<",
            ">",
            "&",
            "]]>",
            "-->",
            "&#x1b;",
            "{",
            "}",
            "#",
            ";",
            " ",
            "# EOF\n",
            "é",
            "李",
            "e\u{301}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z]{1,8}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn measurement()(
        name in text(),
        value in -1e12..1e12_f64,
        unit in prop_oneof![Just("s".to_owned()), Just("B".to_owned()), text()],
        warn in prop::option::of(-1e6..1e6_f64),
        crit in prop::option::of(-1e6..1e6_f64),
    ) -> Measurement {
        Measurement { name, value, unit, warn, crit }
    }
}

prop_compose! {
    fn finding()(
        status in prop::sample::select(&Status::WORST_FIRST[..]),
        code in prop::sample::select(Code::ALL),
        subject in prop::option::of(text()),
        message in text(),
        hint in prop::option::of(text()),
        measurements in prop::collection::vec(measurement(), 0..3),
    ) -> Finding {
        Finding { status, code, subject, message, hint, measurements }
    }
}

prop_compose! {
    fn check()(
        id in text(),
        title in text(),
        queue in prop::option::of(text()),
        duration_ms in prop::option::of(0.0..1e5_f64),
        because in prop::collection::vec(text(), 0..3),
        findings in prop::collection::vec(finding(), 0..3),
    ) -> CheckReport {
        let status = Status::of(&findings);
        let location = queue.map_or(Location::Local, Location::Queue);
        CheckReport { id, title, tier: Tier::Deploy, location, status, duration_ms, because, findings }
    }
}

prop_compose! {
    fn report()(
        checks in prop::collection::vec(check(), 0..5),
        facts in prop::collection::vec((text(), text()), 0..3),
        run in prop::collection::vec(text(), 6),
    ) -> Report {
        let mut report = samples::fold(&samples::empty());
        let [id, started_at, host, user, layout, version] = <[String; 6]>::try_from(run).unwrap();
        report.run = crate::model::RunInfo { id, started_at, host, user, layout, version, ..report.run };
        report.facts = facts.into_iter().map(|(label, value)| Fact { label, value }).collect();
        report.checks = checks;
        report.summary = Summary::default();
        for (n, check) in report.checks.iter_mut().enumerate() {
            // The registry sees to it that no two have the same id.
            check.id = format!("{n}.{}", check.id);
            report.summary.add(check.status);
        }
        report
    }
}

/// Without the spaces at the ends of lines, which a colour keeps.
fn trimmed(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

fn hidden(text: &str) -> Option<char> {
    text.chars().find(|&c| is_hidden(c) && c != '\n')
}

/// `'label'=value[UOM];warn;crit`, separated by single spaces.
fn is_perfdata(mut rest: &str) -> bool {
    let number = |text: &str| text.is_empty() || text.trim_end_matches(':').parse::<f64>().is_ok();
    let mut labels = std::collections::BTreeSet::new();
    loop {
        let Some((label, after)) = rest.strip_prefix('\'').and_then(|rest| rest.split_once("'=")) else {
            return false;
        };
        let (datum, more) = after.split_once(' ').map_or((after, None), |(datum, more)| (datum, Some(more)));
        let mut fields = datum.split(';');
        let value = fields.next().unwrap_or_default().trim_end_matches(['s', 'm', 'B', '%']);
        let valid = value.parse::<f64>().is_ok() && fields.all(number);
        if !valid || label.contains(['\'', '=', '|']) || !labels.insert(label) {
            return false;
        }
        match more {
            Some(more) => rest = more,
            None => return true,
        }
    }
}

proptest! {
    #[test]
    fn no_text_from_outside_controls_the_terminal(report in report(), width in 0_usize..120, verbose in any::<bool>()) {
        let plain = text::render(&report, Style { width, verbose, ..Style::default() });
        prop_assert_eq!(hidden(&plain), None, "{:?}", plain);
        let coloured = text::render(&report, Style { colour: true, width, verbose, ..Style::default() });
        let stripped = strip_colour(&coloured);
        prop_assert_eq!(trimmed(&stripped), trimmed(&plain));
    }

    #[test]
    fn json_stays_json_and_means_the_same(report in report()) {
        let document = json::render(&report).unwrap();
        prop_assert_eq!(hidden(&document), None);
        prop_assert_eq!(serde_json::from_str::<Report>(&document).unwrap(), report);
    }

    #[test]
    fn an_event_stays_one_line(id in text(), findings in prop::collection::vec(finding(), 0..3)) {
        let event = Event::CheckFinished { id, duration_ms: None, findings, because: Vec::new() };
        let line = jsonl::render(&event).unwrap();
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert_eq!(hidden(&line), None);
        prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn a_plugin_says_one_line_with_at_most_one_bar(report in report()) {
        let line = nagios::render(&report, ExitPolicy::default());
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(line.ends_with('\n') && line.starts_with("COURSYS "));
        prop_assert_eq!(hidden(&line), None);
        if let Some((_, perfdata)) = line.trim_end_matches('\n').split_once('|') {
            prop_assert!(is_perfdata(perfdata), "{}", perfdata);
        }
    }
}

proptest! {
    // Each case starts a process.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn xml_stays_valid(report in report()) {
        let document = junit::render(&report).unwrap();
        prop_assert_eq!(hidden(&document), None);
        tools::xmllint_accepts(&document);
    }

    #[test]
    fn metrics_stay_valid(report in report()) {
        let text = prometheus::render(&report).unwrap();
        prop_assert_eq!(hidden(&text), None);
        tools::promtool_accepts(&text);
    }
}
