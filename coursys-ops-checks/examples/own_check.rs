//! Another program with the checks of `coursys-ops`, and one of its own beside them:
//!
//! ```console
//! $ cargo run -p coursys-ops-checks --example own_check -- /etc/coursys-ops/config.toml
//! ```
//!
//! It prints the report as text and exits with its code.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{self, ConfigErrors, Options};
use coursys_ops_core::context::Caller;
use coursys_ops_core::model::{CheckSpec, Code, Event, ExitPolicy, Finding};
use coursys_ops_core::process::{Command, Helper};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::render::text::{self, Style};
use coursys_ops_core::run::{self, Cancel, run_blocking};
use coursys_ops_core::{Check, Context, Registry, Scope};

/// The first argument by which this program knows that it is its own helper process.
const HELPER: &str = "__helper";

/// The most that may wait before somebody should look.
const MOST_DROPPED: usize = 1000;

/// How many files wait in a directory into which another program of ours puts them.
struct DropBox {
    spec: CheckSpec,
    directory: PathBuf,
}

impl DropBox {
    fn new(directory: PathBuf) -> Self {
        let spec = CheckSpec::new("own.drop-box", "Files in the drop box")
            .needs("disk.space.root")
            .timeout(Duration::from_secs(2))
            .explanation("Counts what waits in the drop box; an hour's worth is a few hundred files.");
        Self { spec, directory }
    }

    /// How many files there are, or why that cannot be told.
    async fn count(&self, scope: &Scope) -> Result<usize, String> {
        let mut argv = vec![OsString::from("find"), self.directory.clone().into()];
        // A character for each, whatever its name is.
        argv.extend(["-mindepth", "1", "-maxdepth", "1", "-type", "f", "-printf", "."].map(OsString::from));
        let ended = scope.run(Command::new(argv)).await.map_err(|error| error.to_string())?;
        if ended.status.success() { Ok(ended.stdout.len()) } else { Err(ended.complaint()) }
    }
}

#[async_trait]
impl Check for DropBox {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let place = self.directory.display();
        // Storage can hang: nothing of this process touches it. The helper process asks whether it answers, and what counts
        // is a process, too, which ends with the check.
        match scope.stat(&self.directory, true, None).await {
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) => {
                let hint = "make it, and give it to the other program";
                return vec![Finding::failed(Code::NotFound, format!("{place}: {}", refusal.message), hint)];
            }
            Err(error) => return vec![Finding::unknown(Code::HelperFailed, error.to_string())],
        }
        let waiting = match self.count(scope).await {
            Ok(waiting) => waiting,
            Err(why) => {
                let why = format!("{place} cannot be counted: {why}");
                return vec![Finding::unknown(Code::HelperFailed, why).with_hint("look who may read it")];
            }
        };
        let told = format!("{waiting} files wait in {place}");
        if waiting > MOST_DROPPED {
            vec![Finding::warning(Code::TooMany, told, "look whether the other program still runs")]
        } else {
            vec![Finding::passed(told)]
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == HELPER).is_some() {
        let code = coursys_ops_checks::helper::run(arguments, &mut std::io::stdout(), &mut std::io::stderr());
        return ExitCode::from(code);
    }
    match look(arguments.next().map(PathBuf::from)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs all checks and the one above, and prints the report.
fn look(file: Option<PathBuf>) -> Result<ExitCode, Box<dyn Error>> {
    // What a library must not read by itself: the environment, the working directory, who we are.
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let caller = Caller::of_process(&environment);
    let options = Options {
        config: file,
        directory: std::env::current_dir().ok(),
        caller_is_root: caller.uid == 0,
        ..Options::default()
    };
    let loaded = config::load(&config::read_sources(options, environment.clone())?)?;
    let helper = Helper { argv: vec![std::env::current_exe()?.into(), HELPER.into()] };
    let mut context = Context::new(loaded.config, caller, helper, env!("CARGO_PKG_VERSION"));
    context.environment = environment;

    let mut checks = coursys_ops_checks::all(&context.config);
    checks.push(Arc::new(DropBox::new(std::env::temp_dir())));
    // What the configuration says of checks is looked at now that all are there: those of `[[check]]`, and where each is made.
    let checks = coursys_ops_checks::settled(&context.config, checks)
        .map_err(|problems| ConfigErrors { problems, refused: false })?;
    let registry = Registry::new(checks)?;
    let chosen = registry.select(&Selection::default())?;

    let specs = chosen.iter().map(|check| check.spec());
    let known = run::leave_out(specs, &context, &[], false);
    let options = run::Options { known, ..run::Options::default() };
    let policy = ExitPolicy::default();
    let mut progress = |event: &Event| {
        if let Event::CheckFinished { id, .. } = event {
            eprint!("\r{id:40}");
        }
    };
    let report = run_blocking(&chosen, &Arc::new(context), &options, &Cancel::never(), policy, &mut progress);
    eprint!("\r{:40}\r", "");
    print!("{}", text::render(&report, Style::default()));
    Ok(ExitCode::from(report.run.exit_code))
}
