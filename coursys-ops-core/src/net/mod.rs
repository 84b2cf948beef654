//! Connections that keep a deadline: own name look-ups, every address tried, TLS with errors that say what is wrong,
//! and a relay for client libraries that insist on connecting by themselves.

mod dial;
mod error;
mod overheard;
mod presented;
mod relay;
mod resolve;
mod stream;
mod system;
mod tls;
mod tls_problem;

pub use dial::{dial, dial_plain};
pub use error::NetError;
pub use overheard::{Heard, Listened, Overheard};
pub use presented::{Presented, present};
pub use relay::Relay;
pub use resolve::Resolver;
pub use stream::Stream;
pub use tls::{client_config, server_name, start_tls};
pub use tls_problem::TlsProblem;
