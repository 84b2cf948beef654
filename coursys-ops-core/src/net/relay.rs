//! A relay for client libraries that insist on connecting by themselves.
//!
//! Such a library looks names up in a way that a deadline cannot stop, tries one address, or cannot be told which name
//! a certificate must be for. So the connection is made by [`dial`](super::dial), and the library connects to
//! a relay in this process: on loopback, or on an abstract Unix socket, which leaves no file. The relay takes one
//! connection and lives as long as the future that uses it: a library's thread that outlives its check finds the line
//! dead. It also bounds what a peer can make a library keep, and remembers how the peer began.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener as StdUnixListener};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixListener};

use super::Stream;
use super::overheard::{Listened, Overheard};

/// How long the last words of a client may take to reach the peer: its goodbye, without which servers log a client that
/// vanished. The peer usually hangs up upon it, long before.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// A relay to one upstream connection.
#[derive(Debug)]
pub struct Relay<L> {
    listener: L,
    upstream: Listened,
    overheard: Overheard,
}

impl<L> Relay<L> {
    fn new(listener: L, upstream: Stream) -> Self {
        let (upstream, overheard) = Listened::new(upstream);
        Self { listener, upstream, overheard }
    }

    /// Cuts the peer off after so many bytes instead of 4 MiB: for libraries that unpack what is packed.
    #[must_use]
    pub fn at_most(mut self, bytes: u64) -> Self {
        self.upstream.at_most(bytes);
        self
    }

    /// Listens in on the peer: what it said explains what a library makes of it.
    #[must_use]
    pub fn overhear(&self) -> Overheard {
        self.overheard.clone()
    }
}

impl Relay<TcpListener> {
    /// A relay that listens on a free port of loopback; returns it and its address.
    ///
    /// # Errors
    ///
    /// When the operating system gives no port.
    pub async fn tcp(upstream: Stream) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok((Self::new(listener, upstream), address))
    }

    /// Runs `client` while the relay serves it.
    pub async fn during<T>(self, client: impl Future<Output = T>) -> T {
        let Self { listener, mut upstream, .. } = self;
        let serve = async move {
            let (mut local, _) = listener.accept().await?;
            drop(listener);
            let _ = local.set_nodelay(true);
            copy_bidirectional(&mut local, &mut upstream).await
        };
        beside(serve, client).await
    }
}

impl Relay<UnixListener> {
    /// A relay that listens on an abstract Unix socket; returns it and the path to hand to a library, which begins
    /// with a NUL byte.
    ///
    /// # Errors
    ///
    /// When the operating system gives no socket.
    pub fn unix(upstream: Stream) -> io::Result<(Self, PathBuf)> {
        let (listener, name) = bind_abstract()?;
        listener.set_nonblocking(true)?;
        let path = [b"\0", name.as_bytes()].concat();
        let relay = Self::new(UnixListener::from_std(listener)?, upstream);
        Ok((relay, PathBuf::from(OsString::from_vec(path))))
    }

    /// Runs `client` while the relay serves it.
    pub async fn during<T>(self, client: impl Future<Output = T>) -> T {
        let Self { listener, mut upstream, .. } = self;
        let serve = async move {
            let own = i32::try_from(std::process::id()).ok();
            loop {
                let (mut local, _) = listener.accept().await?;
                // Abstract sockets have no permissions: anybody could knock.
                if local.peer_cred()?.pid() == own {
                    return copy_bidirectional(&mut local, &mut upstream).await;
                }
            }
        };
        beside(serve, client).await
    }
}

/// Binds an abstract name that nobody else has.
fn bind_abstract() -> io::Result<(StdUnixListener, String)> {
    const ATTEMPTS: u32 = 1000;
    let mut attempt = 0;
    loop {
        let name = format!("coursys-ops-{}-{attempt}", std::process::id());
        match StdUnixListener::bind_addr(&UnixAddr::from_abstract_name(&name)?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => attempt += 1,
            bound => return bound.map(|listener| (listener, name)),
        }
    }
}

/// Runs a client beside its server; the client's end is the end, but what it said last is handed on.
async fn beside<T>(
    serve: impl Future<Output = io::Result<(u64, u64)>>,
    client: impl Future<Output = T>,
) -> T {
    tokio::pin!(serve, client);
    tokio::select! {
        biased;
        // Ends when either side hangs up; the client then sees the end of its stream.
        _ = &mut serve => client.await,
        answer = &mut client => {
            let _ = tokio::time::timeout(LAST_WORDS, serve).await;
            answer
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpStream, UnixStream};

    use super::*;

    async fn echo() -> Stream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let (mut read, mut write) = peer.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        Stream::Tcp(TcpStream::connect(address).await.unwrap())
    }

    #[tokio::test]
    async fn what_a_peer_says_is_overheard_and_a_flood_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            while peer.write_all(&[b'x'; 1 << 16]).await.is_ok() {}
        });
        let upstream = Stream::Tcp(TcpStream::connect(address).await.unwrap());
        let (relay, address) = Relay::tcp(upstream).await.unwrap();
        let overheard = relay.overhear();
        let client = async {
            let mut all = Vec::new();
            TcpStream::connect(address).await.unwrap().read_to_end(&mut all).await.unwrap();
            all.len()
        };
        let got = relay.during(client).await;
        let heard = overheard.heard();
        assert!(heard.flooded && heard.first == [b'x'; 2048], "{heard:?}");
        assert!((4 << 20..5 << 20).contains(&got), "{got}");
    }

    #[tokio::test]
    async fn bytes_come_back_through_loopback_and_through_an_abstract_socket() {
        let (relay, address) = Relay::tcp(echo().await).await.unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"ping").await.unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await.unwrap();
            answer
        };
        assert_eq!(&relay.during(client).await, b"ping");

        let (relay, path) = Relay::unix(echo().await).unwrap();
        let client = async {
            let mut stream = UnixStream::connect(path).await.unwrap();
            stream.write_all(b"pong").await.unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await.unwrap();
            answer
        };
        assert_eq!(&relay.during(client).await, b"pong");
    }
}
