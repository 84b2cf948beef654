//! One action, carried out.

use tokio::sync::mpsc::Sender;

use super::{Doing, Means};
use crate::check::Scope;
use crate::helper::{Answer, Ask};
use crate::model::StepCode;
use crate::plan::{Action, FileChange, RunAs, Step};
use crate::process::{Children, Command, Exit, Line, User};
use crate::run::Cancel;

/// Why an action did not work.
#[derive(Debug)]
pub(super) struct Mishap {
    pub(super) code: StepCode,
    pub(super) exit_code: Option<i32>,
    pub(super) message: String,
}

impl Mishap {
    pub(super) fn new(code: StepCode, message: impl Into<String>) -> Self {
        Self { code, exit_code: None, message: message.into() }
    }
}

/// What an action is carried out with.
pub(super) struct Hands<'a> {
    pub(super) means: &'a Means,
    pub(super) children: &'a Children,
    pub(super) scope: &'a Scope,
    pub(super) soon: &'a Cancel,
    pub(super) lines: &'a Sender<Line>,
}

impl Hands<'_> {
    /// Carries out an action of a step: its own, or the one that takes it back.
    pub(super) async fn act(&self, step: &Step, action: &Action) -> Result<(), Mishap> {
        match action {
            Action::Run { argv } => self.run(step, argv).await,
            Action::File { change } => self.change(step, change).await,
            Action::Gate => Ok(()),
            Action::BuiltIn { name, arguments } => {
                let Some(handler) = self.means.built_ins.get(name) else {
                    return Err(Mishap::new(StepCode::BuiltIn, format!("there is no `{name}` built in")));
                };
                let doing = Doing { scope: self.scope, soon: self.soon, lines: self.lines };
                let done = handler.carry_out(arguments, &doing).await;
                done.map_err(|why| Mishap::new(StepCode::BuiltIn, why))
            }
        }
    }

    async fn run(&self, step: &Step, argv: &[String]) -> Result<(), Mishap> {
        let user = self.user(step.run_as).await?;
        let mut command = Command::new(argv).user(user);
        command = command.dir(step.directory.clone().unwrap_or_else(|| "/".into()));
        for (name, value) in &step.environment {
            command = command.env(name, value);
        }
        let ended = self.children.stream(&self.means.context.helper, &command, self.lines).await;
        let status = ended.map_err(|error| Mishap::new(StepCode::NotStarted, error.to_string()))?;
        if status.success() { Ok(()) } else { Err(bad_end(argv, status)) }
    }

    async fn change(&self, step: &Step, change: &FileChange) -> Result<(), Mishap> {
        let path = change.path.display();
        let failed = |why: String| {
            let verb = if change.content.is_some() { "write" } else { "remove" };
            Mishap::new(StepCode::File, format!("cannot {verb} `{path}`: {why}"))
        };
        let user = self.user(step.run_as).await?;
        let input = serde_json::to_vec(change).map_err(|error| failed(error.to_string()))?;
        let command = Command::ask(Ask::Change).user(user).input(input);
        let output = self.children.run(&self.means.context.helper, command).await;
        let output = output.map_err(|error| failed(error.to_string()))?;
        let answer: Answer<()> =
            serde_json::from_slice(&output.stdout).map_err(|_| failed(output.complaint()))?;
        answer.map_err(|refusal| failed(refusal.message))
    }

    /// The account to become; nothing when the caller is the one already.
    async fn user(&self, run_as: RunAs) -> Result<Option<User>, Mishap> {
        let caller = &self.means.context.caller;
        match run_as {
            RunAs::Root if caller.uid == 0 => Ok(None),
            RunAs::Root => {
                let message = format!("only root may do this, and this is `{}`", caller.user);
                Err(Mishap::new(StepCode::NotPermitted, message))
            }
            RunAs::Site => self.scope.site_user().await.map_err(|finding| {
                let known = finding.code != crate::model::Code::NoSuchUser;
                let code = if known { StepCode::NotPermitted } else { StepCode::NoSuchUser };
                Mishap::new(code, finding.message)
            }),
        }
    }
}

fn bad_end(argv: &[String], status: Exit) -> Mishap {
    let program = argv.first().map_or("", String::as_str);
    match (status.code(), status.signal()) {
        (Some(code), _) => Mishap {
            code: StepCode::ExitCode,
            exit_code: Some(code),
            message: format!("`{program}` exited with {code}"),
        },
        (None, Some(signal)) => {
            Mishap::new(StepCode::Killed, format!("`{program}` was killed by signal {signal}"))
        }
        (None, None) => Mishap::new(StepCode::Killed, format!("`{program}` ended in an unknown way")),
    }
}
