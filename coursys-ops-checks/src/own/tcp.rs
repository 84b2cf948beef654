//! Kind `tcp`: something listens and says the right thing.

use std::time::Instant;

use coursys_ops_core::Scope;
use coursys_ops_core::config::{OwnTcp, Pattern};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::judge::{Looked, timed};
use crate::garbage;

/// How much of what a peer says is compared, in bytes: a greeting is a line.
const MOST: usize = 16 << 10;

pub(super) async fn look(scope: &Scope, tcp: &OwnTcp) -> Looked {
    let started = Instant::now();
    let server = &tcp.server;
    let mut stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
    let place = server.place();
    let lost = |error: std::io::Error| {
        Finding::failed(
            Code::ConnectionLost,
            format!("the connection to {place} broke: {error}"),
            "look at the server's log: it crashed, is being restarted, or does not let this machine in",
        )
    };
    if let Some(text) = &tcp.send {
        stream.write_all(text.as_bytes()).await.map_err(lost)?;
    }
    let passed = match &tcp.expect {
        None => format!("{place} accepts connections"),
        Some(pattern) => {
            expect(&mut stream, pattern, &place).await?;
            format!("{place} says what it should")
        }
    };
    Ok(vec![timed(passed, started, &tcp.latency)])
}

/// Reads until the pattern matches, the peer hangs up, or it has said too much.
async fn expect(stream: &mut Stream, pattern: &Pattern, place: &str) -> Result<(), Finding> {
    let mut said = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        said.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if pattern.is_match(&said) {
            return Ok(());
        }
        if count == 0 || said.len() > MOST {
            let (code, what) = if said.is_empty() {
                (Code::ConnectionLost, "hangs up without a word".to_owned())
            } else {
                (Code::WrongAnswer, format!("says `{}`", garbage::excerpt(&said)))
            };
            return Err(Finding::failed(
                code,
                format!("{place} {what}, which does not match `{}`", pattern.as_str()),
                "another server listens there, or it is not well: look at its log, or correct `expect`",
            ));
        }
    }
}
