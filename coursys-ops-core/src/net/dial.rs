//! Connecting to a configured server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, UnixStream};

use super::{NetError, Resolver, Stream, tls};
use crate::config::{Server, Tls};

/// How long an address may be silent before the next one is tried beside it (RFC 8305 recommends 250 ms).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects as configured, with TLS from the first byte where it is required.
///
/// # Errors
///
/// See [`NetError`]. It waits as long as the network lets it: the check's own timeout ends it.
pub async fn dial(resolver: &Resolver, server: &Server) -> Result<Stream, NetError> {
    let plain = dial_plain(resolver, server).await?;
    match server.tls {
        Tls::Off => Ok(plain),
        Tls::Required => tls::start_tls(server, plain).await,
    }
}

/// Connects without TLS: for protocols that begin in plain text and change to TLS later.
///
/// # Errors
///
/// See [`dial`].
pub async fn dial_plain(resolver: &Resolver, server: &Server) -> Result<Stream, NetError> {
    if let Some(path) = &server.socket {
        let connected = UnixStream::connect(path).await;
        return connected
            .map(Stream::Unix)
            .map_err(|source| NetError::Connect { place: path.display().to_string(), source });
    }
    let Some(host) = &server.host else {
        return Err(NetError::NotConfigured(format!("{}.host", server.section)));
    };
    let addresses = resolver.resolve(host).await?;
    let stream = first_to_answer(&addresses, server.port).await?;
    Ok(Stream::Tcp(stream))
}

/// Tries every address, a little after the one before it, and takes the first that answers.
async fn first_to_answer(addresses: &[IpAddr], port: u16) -> Result<TcpStream, NetError> {
    let attempt = |(index, address): (usize, &IpAddr)| {
        let address = SocketAddr::new(*address, port);
        let delay = ATTEMPT_DELAY.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        async move {
            tokio::time::sleep(delay).await;
            let connected = TcpStream::connect(address).await;
            connected.map_err(|source| NetError::Connect { place: address.to_string(), source })
        }
    };
    let mut attempts: FuturesUnordered<_> = addresses.iter().enumerate().map(attempt).collect();
    let mut last = None;
    while let Some(result) = attempts.next().await {
        match result {
            Ok(stream) => {
                // Without it every small request of a handshake waits for the peer's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| NetError::UnknownHost(String::new(), "no address".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_the_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert!(first_to_answer(&addresses, port).await.is_ok());
    }

    #[tokio::test]
    async fn refused_everywhere_is_refused() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let error = first_to_answer(&["127.0.0.1".parse().unwrap()], free).await.unwrap_err();
        assert_eq!(error.code(), Code::Refused);
    }
}
