//! Whether a server answers: small clients of their own, so that what the tests need does not rest on what they test.

mod amqp;
pub mod http;
mod lines;
mod ntp;
mod wire;

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::program::Program;

pub use wire::Wire;

/// One question may take this long before the server counts as silent.
const DEADLINE: Duration = Duration::from_secs(3);

/// How to ask a server. Passwords are among it; it is kept in files of the owner only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Probe {
    /// The server greets with these words, after the line that is sent to it (if any).
    Greets {
        /// Where it listens.
        wire: Wire,
        /// What to send first; nothing for a server that speaks first.
        send: String,
        /// How the answer begins.
        expect: String,
    },
    /// RabbitMQ lets the user into the vhost; then the queue, if one is named, has a consumer.
    Broker {
        /// Where it listens.
        wire: Wire,
        /// Who logs in.
        login: Login,
        /// The virtual host.
        vhost: String,
        /// A queue that must have a consumer.
        queue: Option<String>,
    },
    /// A page answers with status 200.
    Page(http::Request),
    /// The NTP server answers and is synchronised.
    Clock(Wire),
    /// The program ends with status 0.
    Succeeds(Program),
    /// The program ends with status 0 and prints something.
    Prints(Program),
    /// All of these.
    All(Vec<Probe>),
}

/// A user with a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl Probe {
    /// Asks once.
    ///
    /// # Errors
    /// Why this is not the answer of a server that is ready.
    pub fn ask(&self) -> Result<()> {
        match self {
            Self::Greets { wire, send, expect } => lines::greets(wire, send, expect),
            Self::Broker { wire, login, vhost, queue } => amqp::ask(wire, login, vhost, queue.as_deref()),
            Self::Page(request) => {
                let answer = request.send()?;
                ensure!(answer.status == 200, "HTTP status {}: {}", answer.status, answer.body.trim());
                Ok(())
            }
            Self::Clock(wire) => ntp::ask(wire),
            Self::Succeeds(program) => program.output(DEADLINE).map(drop),
            Self::Prints(program) => {
                let output = program.output(DEADLINE)?;
                ensure!(!output.trim().is_empty(), "no output");
                Ok(())
            }
            Self::All(probes) => probes.iter().try_for_each(Self::ask),
        }
    }
}
