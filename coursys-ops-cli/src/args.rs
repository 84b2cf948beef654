//! The command line: the list of commands.

use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::{
    abandon, check, clear_cache, config, demo, drain, email_check, history, kinit, maintenance, ntpdate,
    purge_cache, queues, rebuild_index, resume, service, status,
};
use crate::global::{Global, SET};

/// Everything that can be said on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "coursys-ops",
    version,
    about = "Checks and controls the deployment of a CourSys site",
    after_help = EXAMPLES,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops demo                       try it on a small site of its own
  coursys-ops check                      look at everything that a deployment needs
  coursys-ops --config FILE check -q     for cron: silent when all is well

Exit codes: 0 done and good, 1 done and bad, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.

Environment: COURSYS_OPS_CONFIG names the configuration file, COURSYS_OPS_SECTION__KEY sets a key,
COURSYS_OPS_LOG=warn|info|debug|trace tells on standard error what the program does,
NO_COLOR turns colour off.";

impl Cli {
    /// The command line as clap sees it.
    pub fn parser() -> clap::Command {
        let parser = Self::command();
        let set = parser.get_arguments().find(|argument| argument.get_id() == SET).cloned();
        match set {
            Some(set) => with_set(parser, &set),
            None => parser,
        }
    }

    /// What was said on the command line.
    ///
    /// # Errors
    ///
    /// What clap says about a mistake.
    pub fn of(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut cli = Self::from_arg_matches(matches)?;
        cli.global.set.clear();
        let mut level = Some(matches);
        while let Some(matches) = level {
            cli.global.set.extend(matches.get_many(SET).into_iter().flatten().cloned());
            level = matches.subcommand().map(|(_, below)| below);
        }
        Ok(cli)
    }
}

/// Lets every command take `--set` too. Were it one of clap's global options, the values after the command would replace
/// those before it.
fn with_set(command: clap::Command, set: &Arg) -> clap::Command {
    command.mut_subcommands(|below| with_set(below.arg(set), set))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks at the deployment and says what is wrong and what to do
    Check(check::Args),
    /// Shows what runs, and how the site is
    Status(status::Args),
    /// Looks at one component or acts on it, whoever manages it, and shows its logs
    Service(service::Args),
    /// Starts everything that does not run, in the order of needs
    StartAll(service::All),
    /// Restarts everything, in the order of needs
    RestartAll(service::All),
    /// Closes the site, proves that nothing runs, and opens it again
    Maintenance(maintenance::Args),
    /// Closes the site: the same as `maintenance on`
    #[command(name = "503")]
    Close(maintenance::On),
    /// Opens the site: the same as `maintenance off`
    #[command(name = "rm503")]
    Open(maintenance::Off),
    /// Closes the site and waits until its workers have nothing left to do
    Drain(drain::Args),
    /// Lets memcached forget everything, without an interruption
    PurgeCache(purge_cache::Args),
    /// Restarts memcached
    ClearCache(clear_cache::Args),
    /// Makes the search index anew by the site's own command
    RebuildIndex(rebuild_index::Args),
    /// Sends a mail, straight or as the site does
    EmailCheck(email_check::Args),
    /// Compares this machine's clock with the time server's
    Ntpdate(ntpdate::Args),
    /// Shows what waits in the queues and what the workers do
    Queues(queues::Args),
    /// Takes the site's Kerberos ticket for the reporting database, and makes its keytab
    Kinit(kinit::Args),
    /// Shows, checks and makes the configuration
    Config(config::Args),
    /// Makes a small self-contained site in a directory and checks it
    Demo(demo::Args),
    /// Shows what was done, by whom, and how it went
    History(history::Args),
    /// Goes on with the plan that stopped
    Resume(resume::Args),
    /// Gives up the plan that stopped
    Abandon(abandon::Args),
}
