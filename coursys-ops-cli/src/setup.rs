//! From the global options to what a command works with: configuration, context, registry.

use std::sync::Arc;

use coursys_ops_core::config::{self, Config, ConfigErrors, Loaded, Options, Sources};
use coursys_ops_core::process::Helper;
use coursys_ops_core::{Check, Context, Registry};

use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::{caller, log};

/// The hidden first argument that makes the program its own helper process.
pub const HELPER_ENTRY: &str = "__helper";

/// What commands work with.
pub struct Setup {
    /// What checks look with.
    pub context: Arc<Context>,
    /// The checks there are.
    pub registry: Arc<Registry>,
}

impl Setup {
    /// Loads the configuration that the options, the environment and the files give.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the configuration, or that it was refused.
    pub fn load(global: &Global, mail_to: Option<String>) -> Result<Self, Failure> {
        let sources = config::read_sources(options(global), caller::environment()).map_err(refusal)?;
        Self::of(&sources, global, mail_to)
    }

    /// The same of sources that are known already.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in them.
    pub fn of(sources: &Sources, global: &Global, mail_to: Option<String>) -> Result<Self, Failure> {
        let Loaded { config, warnings, .. } = config::load(sources).map_err(refusal)?;
        let helper = helper()?;
        let environment = caller::environment();
        let caller = caller::caller(&environment);
        let mut context = Context::new(config, caller, helper, env!("CARGO_PKG_VERSION"));
        log::redact_with(context.redactor.clone());
        context.environment = environment;
        let list =
            if mail_to.is_some() { coursys_ops_checks::all_and_send_mail } else { coursys_ops_checks::all };
        context.mail_to = mail_to;
        for warning in warnings.iter().filter(|_| !global.quiet) {
            say(Level::Warning, &warning.to_string());
        }
        let file =
            sources.file.as_ref().map_or_else(|| "none".to_owned(), |file| file.path.display().to_string());
        tracing::info!(file, layout = context.config.site.layout, "the configuration is loaded");
        let registry = registry(&context.config, list(&context.config))?;
        if !global.quiet {
            tell_idle_patterns(&context.config, &registry);
        }
        Ok(Self { context: Arc::new(context), registry: Arc::new(registry) })
    }
}

/// The register of these checks; those that are located elsewhere are sent there.
///
/// # Errors
///
/// What they need makes no sense; checks of one's own tell their lines.
pub fn registry(config: &Config, checks: Vec<Arc<dyn Check>>) -> Result<Registry, Failure> {
    let checks = coursys_ops_checks::settled(config, checks)
        .map_err(|problems| refusal(ConfigErrors { problems, refused: false }))?;
    Registry::new(checks).map_err(|error| {
        Failure::usage(error)
            .with_hint("this is a bug of coursys-ops, unless the configuration names a queue twice")
    })
}

/// Warns of patterns of `checks.off` that switch nothing off: a slip of the pen would go unnoticed.
pub fn tell_idle_patterns(config: &Config, registry: &Registry) {
    for error in config.checks.off.iter().filter_map(|pattern| registry.matching(pattern).err()) {
        say(Level::Warning, &format!("checks.off: {error}"));
    }
}

/// What the command line says about the configuration.
pub fn options(global: &Global) -> Options {
    Options {
        config: global.config.clone(),
        layout: global.layout.clone(),
        set: global.set.clone(),
        directory: std::env::current_dir().ok(),
        caller_is_root: rustix::process::geteuid().is_root(),
    }
}

/// How to start this program as its own helper process.
///
/// # Errors
///
/// The system does not tell where the program is.
pub fn helper() -> Result<Helper, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::refused(format!("cannot tell where this program is: {error}")))?;
    Ok(Helper { argv: vec![program.into(), HELPER_ENTRY.into()] })
}

/// Every problem of a configuration as a line of its own.
pub fn refusal(errors: ConfigErrors) -> Failure {
    let lines = errors.problems.iter().map(ToString::to_string);
    Failure::of(errors.exit_code(), lines)
}
