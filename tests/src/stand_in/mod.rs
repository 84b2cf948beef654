//! Stand-ins for faults that no real server produces.

mod clock;
pub mod docker;
mod liar;
mod names;
mod proxy;
pub mod systemd;
mod tls;
mod void;

pub use clock::{Clock, Time};
pub use liar::{Liar, Manner};
pub use names::{Answers, NameServer};
pub use proxy::{Mischief, Proxy};
pub use tls::{Certificate, Front};
pub use void::Void;
