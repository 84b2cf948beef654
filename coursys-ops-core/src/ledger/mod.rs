//! What outlives the program: the journal of each run, the lock that lets one plan act at a time, the audit log.
//!
//! Everything here is of root, and root believes it later: a directory or file that others may write is refused, and no
//! symbolic link is followed.

mod audit;
mod journal;
mod lock;
mod owned;
mod past;
mod runs;

pub use audit::{AuditEntry, AuditEvent, AuditLog};
pub use journal::Journal;
pub use lock::{Holder, Lock, LockError};
pub use past::{Parsed, Past, parse};
pub use runs::{Ledger, LedgerError};
