//! A plan as it is written: by `--dry-run`, and to the run's directory before it is carried out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plan;

/// The number of the shape of [`PlanDocument`].
pub const PLAN_SCHEMA: u32 = 1;

/// A plan and the number of its shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDocument {
    /// The shape's number; see [`PLAN_SCHEMA`].
    pub schema: u32,
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
}

impl PlanDocument {
    /// The document of a plan.
    #[must_use]
    pub const fn new(plan: Plan) -> Self {
        Self { schema: PLAN_SCHEMA, plan }
    }

    /// The plan of a document.
    ///
    /// # Errors
    ///
    /// What is wrong with it: no plan, or one of another version of the program.
    pub fn parse(text: &str) -> Result<Plan, String> {
        let document: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.schema != PLAN_SCHEMA {
            return Err(format!("its schema is {}, this version knows {PLAN_SCHEMA}", document.schema));
        }
        Ok(document.plan)
    }
}
