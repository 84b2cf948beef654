use super::*;
use crate::model::{Event, ListedStep, OutputStream, Phase, PlanStart, StepState};
use crate::plan::Step;
use crate::run::Record as _;

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("state");
    (dir, path)
}

fn plan() -> Plan {
    Plan::new("p").step(Step::run("a", "a", ["true"]))
}

fn started() -> Event {
    let steps = vec![ListedStep { id: "a".into(), title: "a".into(), deadline_ms: 1 }];
    Event::PlanStarted { run: PlanStart { title: "p".into(), ..PlanStart::default() }, steps }
}

fn begun() -> Event {
    Event::StepStarted { id: "a".into(), phase: Phase::Do, at: String::new() }
}

#[test]
fn a_run_has_its_plan_as_a_dry_run_prints_it_and_what_was_noted() {
    let (_dir, state) = place();
    let ledger = Ledger::new(&state, 5);
    assert!(ledger.last().unwrap().is_none());
    let mut journal = ledger.begin(&plan(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(journal.id(), "19700101-000000");
    let dir = state.join("runs/19700101-000000");
    let text = std::fs::read_to_string(dir.join("plan.json")).unwrap();
    assert_eq!(text, render::plan::document(&plan()).unwrap());
    assert!(!ledger.last().unwrap().unwrap().is_open(), "nothing was begun");
    journal.record(&started()).unwrap();
    journal.record(&begun()).unwrap();
    let line =
        |line: &str| Event::StepOutput { id: "a".into(), stream: OutputStream::Stdout, line: line.into() };
    journal.record(&line("said")).unwrap();
    drop(journal);
    let past = ledger.last().unwrap().unwrap();
    assert_eq!(past.report().steps[0].end.state, StepState::CutOff);
    assert!(past.is_open());
    assert_eq!(std::fs::read_to_string(dir.join("output.log")).unwrap(), "==  a\nsaid\n");
}

#[test]
fn later_runs_sort_behind_earlier_ones_whatever_the_clock_says_and_old_ones_go() {
    let (_dir, state) = place();
    let ledger = Ledger::new(&state, 2);
    let at = |second| Timestamp::from_second(second).unwrap();
    for second in [1000, 1000, 3] {
        ledger.begin(&plan(), at(second)).unwrap();
    }
    assert_eq!(ledger.ids().unwrap(), ["19700101-001641", "19700101-001642"]);
}

#[test]
fn a_torn_last_line_is_cut_off_before_the_journal_goes_on() {
    let (_dir, state) = place();
    let ledger = Ledger::new(&state, 5);
    let mut journal = ledger.begin(&plan(), Timestamp::UNIX_EPOCH).unwrap();
    journal.record(&started()).unwrap();
    let id = journal.id().to_owned();
    drop(journal);
    let path = state.join("runs").join(&id).join("journal.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"{\"event\":\"step_st");
    std::fs::write(&path, bytes).unwrap();
    ledger.reopen(&id).unwrap().record(&begun()).unwrap();
    let past = ledger.read(&id).unwrap();
    assert_eq!((past.damaged, past.report().steps[0].end.state), (None, StepState::CutOff));
}

#[test]
fn a_name_that_is_no_id_is_no_run() {
    let (_dir, state) = place();
    let ledger = Ledger::new(&state, 5);
    for name in ["..", "../../etc", "19700101-00000", "+9700101-000000", "", "19701301-000000"] {
        assert!(matches!(ledger.read(name), Err(LedgerError::NoSuchRun(_))), "{name}");
        assert!(ledger.reopen(name).is_err(), "{name}");
    }
}

#[test]
fn a_link_in_the_place_of_a_journal_is_refused() {
    let (_dir, state) = place();
    let ledger = Ledger::new(&state, 5);
    let id = ledger.begin(&plan(), Timestamp::UNIX_EPOCH).unwrap().id().to_owned();
    let path = state.join("runs").join(&id).join("journal.jsonl");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    assert!(ledger.reopen(&id).unwrap_err().to_string().contains("symbolic link"));
}

#[test]
fn the_runs_are_for_their_owner_alone_whoever_made_the_directory() {
    let (_dir, path) = place();
    std::fs::create_dir_all(path.join("runs")).unwrap();
    std::fs::set_permissions(path.join("runs"), std::fs::Permissions::from_mode(0o755)).unwrap();
    Ledger::new(&path, 9).begin(&plan(), Timestamp::now()).unwrap();
    assert_eq!(std::fs::metadata(path.join("runs")).unwrap().permissions().mode() & 0o7777, 0o700);
}
