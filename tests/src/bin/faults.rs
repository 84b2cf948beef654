//! `cargo xtask faults`: brings up servers, injects the faults of the matrix one after the other, and says of each
//! whether the checks found it and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use coursys_ops_tests::Servers;
use coursys_ops_tests::matrix::run::{Stage, Verdict};
use coursys_ops_tests::matrix::{self, Fault, table};

/// In how many rows a fault must be there for the site itself, so that its own command is compared with the program.
const ROWS_OF_THE_SITE: usize = 25;

/// Injects faults into real servers and prints what the checks find of each.
#[derive(Parser)]
#[command(name = "cargo xtask faults")]
struct Cli {
    /// Only rows that hold this in their name, area, mechanism, set of servers or a culprit's id.
    filter: Option<String>,
    /// Print one JSON document instead of the table.
    #[arg(long)]
    json: bool,
    /// The name of the servers; a set that is up already is used and left up.
    #[arg(long)]
    name: Option<String>,
    /// An interpreter that has the package `coursys_ops`: it is asked in each row, too, and must say the same.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Only the first row of each mechanism, and what else is the first to be found by some check.
    #[arg(long)]
    one_of_each_mechanism: bool,
    /// List the rows instead of running them.
    #[arg(long)]
    list: bool,
    /// List the ids that are the culprit of some row instead.
    #[arg(long)]
    culprits: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut faults = matrix::all();
    if let Some(filter) = &cli.filter {
        faults.retain(|fault| fault.matches(filter));
        if faults.is_empty() {
            eprintln!("error: no fault matches `{filter}`; `--list` shows them all");
            return ExitCode::from(2);
        }
    }
    if cli.one_of_each_mechanism {
        let (mut mechanisms, mut ids) = (BTreeSet::new(), BTreeSet::new());
        faults.retain(|fault| {
            let culprits = fault.culprits().map(|culprit| culprit.id.clone()).collect::<Vec<_>>();
            let mechanism = mechanisms.insert(fault.mechanism);
            // Each is put down, whether the one before it was new or not.
            culprits.into_iter().fold(mechanism, |new, id| ids.insert(id) || new)
        });
    }
    if cli.culprits {
        let ids: BTreeSet<_> =
            faults.iter().flat_map(Fault::culprits).map(|culprit| culprit.id.clone()).collect();
        ids.iter().for_each(|id| println!("{id}"));
        return ExitCode::SUCCESS;
    }
    if cli.list {
        for fault in &faults {
            println!("{:12} {:28} {}", fault.area, fault.mechanism, fault.name);
        }
        return ExitCode::SUCCESS;
    }
    // Each set of servers is brought up once.
    faults.sort_by_key(|fault| fault.set != matrix::set::PLAIN);
    faults.sort_by_key(|fault| fault.set);
    let base = cli.name.unwrap_or_else(|| format!("faults{}", std::process::id()));
    let (verdicts, asked_the_site) = run(&faults, &base, cli.json, cli.python.as_deref());
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&table::Document::new(&verdicts)).expect("plain data"));
    }
    eprintln!("{}", table::summary(&verdicts));
    if cli.python.is_some() {
        eprintln!("the site's own check_things was asked in {asked_the_site} rows");
        // A part of the matrix may hold few.
        if cli.filter.is_none() && asked_the_site < ROWS_OF_THE_SITE {
            eprintln!("error: it is to be asked in {ROWS_OF_THE_SITE}");
            return ExitCode::FAILURE;
        }
    }
    let right = verdicts.len() == faults.len() && verdicts.iter().all(|verdict| verdict.right);
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the rows; after an interruption the current one is undone and no further one begins. Returns in how many of them the
/// site's own command was asked, too.
fn run(faults: &[Fault], base: &str, json: bool, python: Option<&Path>) -> (Vec<Verdict>, usize) {
    let stop = coursys_ops_tests::stop_by_signal();
    let (mut verdicts, mut asked_the_site) = (Vec::new(), 0);
    for rows in faults.chunk_by(|one, other| one.set == other.set) {
        let Some(first) = rows.first() else { continue };
        let set = first.set;
        let name = if set == matrix::set::PLAIN { base.to_owned() } else { format!("{base}-{}", set.name) };
        eprintln!("servers `{name}` {}", set.options.join(" "));
        let mut stage = match Stage::new(Servers::named(&name, set.options), python.map(Path::to_owned)) {
            Ok(stage) => stage,
            Err(wrong) => {
                eprintln!("servers `{name}` are not healthy without a fault:\n  {}", wrong.join("\n  "));
                continue;
            }
        };
        for fault in rows {
            if stop.load(Ordering::SeqCst) {
                return (verdicts, asked_the_site + stage.asked_the_site());
            }
            let verdict = stage.row(fault);
            let line = table::line(&verdict);
            if json {
                eprintln!("{line}")
            } else {
                println!("{line}")
            }
            verdicts.push(verdict);
        }
        asked_the_site += stage.asked_the_site();
    }
    (verdicts, asked_the_site)
}
