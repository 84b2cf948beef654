//! `time.offset`: this machine's clock is right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement, Status};
use coursys_ops_core::net::NetError;
use coursys_ops_core::{Check, Scope};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rsntp::{AsyncSntpClient, Config, ProtocolError, SynchronizationError, SynchronizationResult};

/// After this long a packet counts as lost, and another is sent: two or three within the check's timeout.
const RESEND: Duration = Duration::from_secs(2);

/// How often it is asked while its answers take too long to be sure.
const QUESTIONS: u32 = 3;

/// A time server is somebody else's.
const INTERVAL: Duration = Duration::from_secs(15 * 60);

/// The check.
pub(crate) struct TimeOffset(CheckSpec);

impl TimeOffset {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("time.offset", "Clock")
                .component("ntp")
                .interval(INTERVAL)
                .timeout_hint("the time server does not answer: look at `time.host` and at firewalls for UDP")
                .explanation(
                    "Asks the time server at `time.host` (NTP) and compares its clock with this machine's. The \
                     offset is known to half the round trip; it fails only when it is larger than \
                     `time.max_offset_s` however the round trip was spent.\n\n\
                     Deadlines of submissions are judged by this clock, and tickets of Kerberos and certificates \
                     depend on it.\n\n\
                     When it fails with `clock_off`: is chrony or systemd-timesyncd running (`timedatectl`, \
                     `chronyc tracking`)? With `reference_unusable` the time server is not synchronised itself, \
                     or does not want to be asked: choose another one.",
                ),
        )
    }
}

#[async_trait]
impl Check for TimeOffset {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![offset(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn offset(scope: &Scope) -> Result<Finding, Finding> {
    let time = &scope.config().time;
    let server = &time.server;
    let host = server.host.as_deref().ok_or_else(|| Finding::not_configured("time.host"))?;
    let addresses = scope.resolve(host).await.map_err(|error| error.finding(server))?;
    let mut questions = 1;
    loop {
        let answer = first_answer(&addresses, server.port).await.map_err(|error| failed(&error, server))?;
        let (offset, round_trip) =
            (answer.clock_offset().as_secs_f64(), answer.round_trip_delay().as_secs_f64());
        let finding = judge(offset, round_trip.max(0.0), time.max_offset_s, &server.place());
        // One slow packet proves nothing: a machine that is busy for a moment is enough for that.
        if finding.status != Status::Warning || questions == QUESTIONS {
            return Ok(finding);
        }
        questions += 1;
    }
}

/// The first good answer of any address, or the last error when all have failed.
async fn first_answer(
    addresses: &[IpAddr],
    port: u16,
) -> Result<SynchronizationResult, SynchronizationError> {
    let mut asked: FuturesUnordered<_> =
        addresses.iter().map(|address| ask(SocketAddr::new(*address, port))).collect();
    let mut last = SynchronizationError::IOError(std::io::ErrorKind::AddrNotAvailable.into());
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Asks until there is an answer of any kind. The check's timeout ends the silence.
async fn ask(address: SocketAddr) -> Result<SynchronizationResult, SynchronizationError> {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config = Config::default().bind_address((any, 0).into()).timeout(RESEND);
    let client = AsyncSntpClient::with_config(config);
    loop {
        match client.synchronize(address).await {
            Err(SynchronizationError::IOError(error)) if error.kind() == std::io::ErrorKind::TimedOut => {}
            answer => return answer,
        }
    }
}

/// What a measured offset means.
fn judge(offset: f64, round_trip: f64, most: f64, place: &str) -> Finding {
    let uncertain = round_trip / 2.0;
    let message = format!("the clock differs from {place} by {offset:+.3} s (\u{b1}{uncertain:.3} s)");
    let hint = "look whether chrony or systemd-timesyncd runs: `timedatectl`, `chronyc tracking`";
    let finding = if offset.abs() - uncertain > most || !offset.is_finite() {
        Finding::failed(Code::ClockOff, format!("{message}, {most} s is allowed"), hint)
    } else if offset.abs() > most {
        let hint = "the way to the time server is too slow to be sure: choose a nearer one, or look again";
        Finding::warning(Code::ClockOff, format!("{message}, {most} s is allowed"), hint)
    } else {
        Finding::passed(message)
    };
    finding
        .measured(Measurement::new("offset", offset.abs(), "s").critical_at(most))
        .measured(Measurement::new("round_trip", round_trip * 1000.0, "ms"))
}

/// Why there is no answer, or none to go by.
fn failed(error: &SynchronizationError, server: &Server) -> Finding {
    let place = server.place();
    let unusable = |message: String| {
        Finding::failed(Code::ReferenceUnusable, message, "choose another time server as `time.host`")
    };
    match error {
        SynchronizationError::IOError(error) => {
            let source = std::io::Error::from(error.kind());
            NetError::Connect { place, source }.finding(server)
        }
        SynchronizationError::ProtocolError(ProtocolError::KissODeath(why)) => {
            unusable(format!("the time server at {place} does not want to be asked: {why}"))
        }
        SynchronizationError::ProtocolError(ProtocolError::ServerNotSynchronized) => {
            unusable(format!("the time server at {place} is not synchronised itself"))
        }
        SynchronizationError::ProtocolError(error) => {
            crate::garbage::finding(server, "NTP", &error.to_string())
        }
    }
}

#[cfg(test)]
#[path = "time_offset_tests.rs"]
mod tests;
