//! What Celery's workers say about themselves, by Celery's remote control.
//!
//! A worker's node answers from its main process, whatever its children do: that it answers proves little, what it says
//! about its tasks proves a lot.

mod census;
mod control;
mod questions;
mod roll;

pub use census::{Census, Node, Software, Task};
pub use control::{Answers, Control};
pub(crate) use questions::question_nodes;
pub use roll::Roll;

#[cfg(test)]
pub(crate) use census::Question;
