//! The whole program but the helper's entry: from the command line to the exit code.

use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::commands::{
    abandon, check, clear_cache, config, demo, drain, email_check, history, kinit, maintenance, ntpdate,
    purge_cache, queues, rebuild_index, resume, service, status,
};
use crate::failure::{Failure, USAGE};
use crate::global::Global;
use crate::{caller, crash, log, output, terminal};

/// What the Nagios plugin API exits with when it could not look at all.
pub const NAGIOS_UNKNOWN: u8 = 3;

/// The whole program but the helper's entry; returns the exit code.
pub fn run() -> u8 {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let nagios = cli.command.is_nagios();
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) if nagios => unknown_to_nagios(&failure.line()),
        Err(failure) => {
            failure.tell();
            failure.code
        }
    }
}

fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let global = prepare(cli.global)?;
    // A demo takes no notice of the environment.
    if !matches!(cli.command, Command::Demo(_)) {
        caller::require_text().map_err(Failure::usage)?;
    }
    match cli.command {
        Command::Check(args) => check::run(args, &global),
        Command::Status(args) => status::run(&args, &global),
        Command::Service(args) => service::run(&args, &global),
        Command::StartAll(args) => service::start_all(&args, &global),
        Command::RestartAll(args) => service::restart_all(&args, &global),
        Command::Maintenance(args) => maintenance::run(&args, &global),
        Command::Close(args) => maintenance::close(&args, &global),
        Command::Open(args) => maintenance::open(&args, &global),
        Command::Drain(args) => drain::run(&args, &global),
        Command::PurgeCache(args) => purge_cache::run(&args, &global),
        Command::ClearCache(args) => clear_cache::run(&args, &global),
        Command::RebuildIndex(args) => rebuild_index::run(&args, &global),
        Command::EmailCheck(args) => email_check::run(&args, &global),
        Command::Ntpdate(args) => ntpdate::run(&args, &global),
        Command::Queues(args) => queues::run(args, &global),
        Command::Kinit(args) => kinit::run(&args, &global),
        Command::Config(args) => config::run(args, &global),
        Command::Demo(args) => demo::run(&args, &global),
        Command::History(args) => history::run(args, &global),
        Command::Resume(args) => resume::run(&args, &global),
        Command::Abandon(args) => abandon::run(&args, &global),
    }
}

impl Command {
    /// Whether the caller is a monitoring system that knows no exit codes but those of the plugin API.
    fn is_nagios(&self) -> bool {
        matches!(self, Self::Check(args) if args.format == coursys_ops_core::render::Format::Nagios)
    }
}

/// Applies the options that hold for the whole process.
fn prepare(global: Global) -> Result<Global, Failure> {
    terminal::choose_colour(global.color);
    if global.verbose > 0 {
        crash::show_more();
    }
    let level = std::env::var(log::VARIABLE).ok();
    log::start(global.verbose, level.as_deref()).map_err(Failure::usage)?;
    Ok(global)
}

/// Reads the command line, or prints what is to be said about it: help, version, a mistake.
fn parse() -> Result<Cli, u8> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let said = |option: &str, value: &str| {
        let joined = format!("{option}={value}");
        arguments.iter().any(|argument| *argument == *joined)
            || arguments
                .windows(2)
                .any(|pair| matches!(pair, [name, word] if name == option && word == value))
    };
    // A mistake on the command line is told before the options are known.
    let colour = if said("--color", "never") {
        clap::ColorChoice::Never
    } else if said("--color", "always") {
        clap::ColorChoice::Always
    } else {
        clap::ColorChoice::Auto
    };
    let parsed = Cli::parser().color(colour).try_get_matches_from(&arguments);
    let mistake = match parsed.and_then(|matches| Cli::of(&matches)) {
        Ok(cli) => return Ok(cli),
        Err(mistake) => mistake,
    };
    if matches!(mistake.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // `--help | head` is no error.
        let _ = mistake.print();
        return Err(0);
    }
    if said("--format", "nagios") {
        let text = mistake.to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return Err(unknown_to_nagios(&line));
    }
    // Who closed standard error does not want to read it.
    let _ = mistake.print();
    Err(USAGE)
}

/// One line on standard output, as the plugin API wants it.
fn unknown_to_nagios(line: &str) -> u8 {
    let line = terminal::harmless(line).replace('|', "/");
    // Nowhere else to tell it.
    let _ = output::print(&format!("COURSYS UNKNOWN - {line}\n"));
    NAGIOS_UNKNOWN
}
