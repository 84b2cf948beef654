//! The stage `soak` of `cargo xtask test full`: the healthy site under a normal load, looked at over and over, gives no
//! false alarm.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use coursys_ops_tests::{Servers, soak};

/// Looks at a healthy site under load again and again.
#[derive(Parser)]
#[command(name = "coursys-ops-soak")]
struct Cli {
    /// How often.
    #[arg(long, default_value_t = 500)]
    runs: u32,
    /// The name of the servers; a set that is up already is used and left up.
    #[arg(long)]
    name: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let stop = coursys_ops_tests::stop_by_signal();
    let name = cli.name.unwrap_or_else(|| format!("soak{}", std::process::id()));
    let servers = Servers::named(&name, &[]);
    servers.wait_until_well();
    let load = soak::Load::start(&servers);
    let mut alarms = soak::Alarms::default();
    for run in 1..=cli.runs {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        for line in alarms.look(&servers) {
            println!("run {run}: {line}");
        }
        if run % 50 == 0 {
            eprintln!("{run} of {} runs, {load}", cli.runs);
        }
    }
    println!("{alarms}; {load}");
    if alarms.none() && alarms.runs() == cli.runs { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
