//! What would make a plan impossible to carry out, found before anything is done.

use std::collections::BTreeSet;

use super::{Action, Plan, Step};

/// Why a plan cannot be carried out. All of these are mistakes of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// Two steps have this id.
    #[error("two steps are called `{0}`")]
    Doubled(String),
    /// A step runs no program.
    #[error("step `{0}` runs no program")]
    NoProgram(String),
    /// A step changes a file whose path is not absolute.
    #[error("step `{0}` changes a file whose path is not absolute")]
    Relative(String),
    /// A step waits for nothing.
    #[error("step `{0}` waits for no check")]
    NoGate(String),
    /// A step has no time.
    #[error("step `{0}` has no time to be done in")]
    NoTime(String),
    /// A step waits for a check that there is not.
    #[error("step `{0}` waits for `{1}`, which is no check")]
    NoSuchCheck(String, String),
    /// A step needs something built in that there is not.
    #[error("step `{0}` needs `{1}`, which this program does not have built in")]
    NoSuchBuiltIn(String, String),
}

impl Plan {
    /// Looks for what makes the plan impossible; `check` and `built_in` say whether there is one of a name.
    ///
    /// # Errors
    ///
    /// The first problem, in the order of the steps.
    pub fn judge(
        &self,
        check: impl Fn(&str) -> bool,
        built_in: impl Fn(&str) -> bool,
    ) -> Result<(), PlanProblem> {
        let mut ids = BTreeSet::new();
        for step in &self.steps {
            let id = || step.id.clone();
            if !ids.insert(&step.id) {
                return Err(PlanProblem::Doubled(id()));
            }
            if step.deadline_ms == 0 {
                return Err(PlanProblem::NoTime(id()));
            }
            if let Some(unknown) = step.gate.iter().find(|gate| !check(gate)) {
                return Err(PlanProblem::NoSuchCheck(id(), unknown.clone()));
            }
            [Some(&step.action), step.undo.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(|action| step.judge(action, &built_in))?;
        }
        Ok(())
    }
}

impl Step {
    fn judge(&self, action: &Action, built_in: impl Fn(&str) -> bool) -> Result<(), PlanProblem> {
        let id = || self.id.clone();
        match action {
            Action::Run { argv } if argv.first().is_none_or(String::is_empty) => {
                Err(PlanProblem::NoProgram(id()))
            }
            Action::File { change } if !change.path.is_absolute() => Err(PlanProblem::Relative(id())),
            Action::Gate if self.gate.is_empty() => Err(PlanProblem::NoGate(id())),
            Action::BuiltIn { name, .. } if !built_in(name) => {
                Err(PlanProblem::NoSuchBuiltIn(id(), name.clone()))
            }
            Action::Run { .. } | Action::File { .. } | Action::Gate | Action::BuiltIn { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_carried_out_is_found_before_anything_is_done() {
        let run = |argv: &[&str]| Step::run("a", "a", argv.iter().copied());
        let judge = |plan: Plan| plan.judge(|id| id == "known", |name| name == "known");
        let plan = || Plan::new("p");
        assert_eq!(judge(plan().step(run(&["true"]).gate(["known"]))), Ok(()));
        assert_eq!(judge(plan().step(run(&["x"])).step(run(&["x"]))), Err(PlanProblem::Doubled("a".into())));
        assert_eq!(judge(plan().step(run(&[]))), Err(PlanProblem::NoProgram("a".into())));
        assert_eq!(
            judge(plan().step(Step::new("a", "a", Action::Gate))),
            Err(PlanProblem::NoGate("a".into()))
        );
        let unknown = PlanProblem::NoSuchCheck("a".into(), "x".into());
        assert_eq!(judge(plan().step(run(&["true"]).gate(["x"]))), Err(unknown));
        let undo = Action::BuiltIn { name: "x".into(), arguments: Default::default() };
        let unknown = PlanProblem::NoSuchBuiltIn("a".into(), "x".into());
        assert_eq!(judge(plan().step(run(&["true"]).undo(undo))), Err(unknown), "also what takes it back");
        let timeless = run(&["true"]).deadline(std::time::Duration::ZERO);
        assert_eq!(judge(plan().step(timeless)), Err(PlanProblem::NoTime("a".into())));
    }
}
