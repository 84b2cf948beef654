//! Maintenance: nothing touches the database or the files, and everybody can tell who wants it so, since when and why.
//!
//! The file `maintenance.flag` makes nginx answer 503. Ours holds a [`Lease`]; anybody else's, and whatever cannot be read, is a
//! bare flag, which means 503 too and is left alone. What is there is looked at ([`look`], asynchronous, changes nothing) and
//! judged ([`judge`], pure); [`enter`] and [`leave`] make plans and act on nothing. Each step may be done again, so that
//! whatever ends a plan, the next one completes it.
//!
//! Entering: the flag, with what runs now in it; then a hold, which keeps others from starting the workers; the beat stops;
//! consumers are cancelled and tasks waited for; the workers stop; then proof, and the phase `on`. Leaving: the phase
//! `leaving`; the hold goes; what ran before starts again, gated on its health; the flag goes, and comes back when the pages
//! do not.
//!
//! Draining is the first half of entering: the flag, and the beat stops; but the workers run on, others being kept from
//! stopping them, until nothing is left for them to do ([`drain`]).
//!
//! The hold of a unit is a drop-in with the condition that this very drop-in is not there ([`hold`]). A drop-in survives a unit
//! file that is written anew, a restart of the machine and a reload of systemd; a condition that does not hold makes no failed
//! unit; and the hold is gone at the moment when the file is, whatever systemd has read. Services of compose are held by an
//! override file ([`hold_compose`]).

mod drain;
mod facts;
mod flag;
pub mod hold;
pub mod hold_compose;
mod judge;
mod lease;
mod look;
mod making;
mod plan;
mod refuse;
mod steps;

pub use drain::{DRAIN, Draining, drain};
pub use facts::{Facts, Held, Page, Stray, Witness, Worker};
pub use flag::{Bare, Flag, read as read_flag, write as write_flag};
pub use judge::{Evidence, Judged, LeaseView, SCHEMA, State, Trouble, judge};
pub use lease::{Lease, LeasePhase};
pub use look::{is_worker, look, strays, workers};
pub use plan::{BuiltInStep, ENTER, LEAVE, Wish, enter, leave};
pub use refuse::permit;
pub use steps::FlagStep;
