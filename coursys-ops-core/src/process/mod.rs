//! The one place that starts processes.
//!
//! Every child has its own process group, null or a pipe as standard input, a clean environment, and dies with its
//! parent. It is waited for through a pidfd, so no signal handler is needed. Whoever drops the future of a child
//! leaves it to the [`Children`] of the run, which end it with TERM and then KILL. A program that ignores SIGCHLD never learns
//! how its children ended: there the answers of the helper count, and what another program did is not known.

mod alone;
mod children;
mod command;
mod exit;
mod users;

pub use alone::{become_program, run_alone};
pub use children::{Children, ProcessError};
pub(crate) use children::{Line, Talk};
pub use command::{Command, Helper, Output};
pub use exit::Exit;
pub use users::{User, local_group, local_name};
