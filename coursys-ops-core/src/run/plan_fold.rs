//! From the events of a plan to its report.

use crate::model::{
    Event, Interruption, ListedStep, PLAN_REPORT_SCHEMA, Phase, PlanEnded, PlanReport, PlanRun, PlanStart,
    StepEnd, StepReport, StepState,
};

/// Makes a report of the events of a plan, through all goes at it, also of one that was cut off in the middle.
#[derive(Debug, Clone, Default)]
pub struct PlanFold {
    start: PlanStart,
    steps: Vec<StepReport>,
    stopped_at: Option<String>,
    ended: Option<(PlanEnded, Option<Interruption>, f64, u32)>,
}

impl PlanFold {
    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::PlanStarted { run, steps } => self.begin(run, steps),
            Event::StepStarted { id, phase, at } => {
                if let Some(step) = self.step(id)
                    && *phase == Phase::Do
                {
                    step.started_at = Some(at.clone());
                    step.end = StepEnd { state: StepState::Running, ..StepEnd::default() };
                } else if let Some(step) = self.step(id) {
                    // Until it is known to be taken back.
                    step.end.state = StepState::UndoFailed;
                }
            }
            Event::StepFinished { id, end, .. } => {
                let bad = end.code.is_some();
                if let Some(step) = self.step(id) {
                    step.end.clone_from(end);
                }
                if bad {
                    self.stopped_at = Some(id.clone());
                }
            }
            Event::PlanEnded { ended, interruption, duration_ms, abandoned } => {
                self.ended = Some((*ended, *interruption, *duration_ms, *abandoned));
            }
            Event::RunStarted { .. }
            | Event::CheckStarted { .. }
            | Event::Fact { .. }
            | Event::CheckFinished { .. }
            | Event::RunEnded { .. }
            | Event::StepOutput { .. } => {}
        }
    }

    /// A go at the plan begins. What earlier ones did stays.
    fn begin(&mut self, run: &PlanStart, listed: &[ListedStep]) {
        self.settle();
        self.start.clone_from(run);
        self.ended = None;
        self.stopped_at = None;
        if self.steps.is_empty() {
            self.steps = listed.iter().map(pending).collect();
        }
    }

    /// What is begun still when nothing follows was cut off.
    fn settle(&mut self) {
        for step in &mut self.steps {
            if step.end.state == StepState::Running {
                step.end.state = StepState::CutOff;
                self.stopped_at = Some(step.id.clone());
            }
        }
    }

    fn step(&mut self, id: &str) -> Option<&mut StepReport> {
        self.steps.iter_mut().find(|step| step.id == id)
    }

    /// The report. A plan without an end was cut off.
    #[must_use]
    pub fn report(mut self) -> PlanReport {
        self.settle();
        let (ended, interruption, duration_ms, abandoned) = match self.ended {
            Some((ended, interruption, duration_ms, abandoned)) => {
                (ended, interruption, Some(duration_ms), abandoned)
            }
            None => (PlanEnded::CutOff, None, None, 0),
        };
        let exit_code = match (ended, interruption) {
            (PlanEnded::Interrupted, Some(interruption)) => interruption.exit_code(),
            (PlanEnded::Complete | PlanEnded::Undone | PlanEnded::Abandoned, _) => 0,
            (PlanEnded::Failed | PlanEnded::Interrupted | PlanEnded::CutOff, _) => 1,
        };
        PlanReport {
            schema: PLAN_REPORT_SCHEMA,
            run: PlanRun { start: self.start, duration_ms, ended, abandoned, exit_code },
            stopped_at: self.stopped_at,
            steps: self.steps,
        }
    }
}

fn pending(step: &ListedStep) -> StepReport {
    StepReport { id: step.id.clone(), title: step.title.clone(), started_at: None, end: StepEnd::default() }
}
