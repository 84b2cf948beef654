//! What the unit tests of checks share: configurations, runs of one check, servers that say one thing.

use std::path::Path;
use std::sync::Arc;

use coursys_ops_core::config::{Config, SecretValue, Sources, load};
use coursys_ops_core::context::{Caller, Context};
use coursys_ops_core::model::{ExitPolicy, Finding};
use coursys_ops_core::net::Stream;
use coursys_ops_core::process::Helper;
use coursys_ops_core::run::{Cancel, Options};
use coursys_ops_core::secret::Secret;
use coursys_ops_core::{Check, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The configuration of a server, with every component.
pub(crate) fn config() -> Config {
    let mut config = load(&Sources::default()).expect("the profile is complete").config;
    config.site.user = None;
    config.database.name = Some("coursys".to_owned());
    for server in [&mut config.database.server, &mut config.broker.server] {
        server.user = Some("coursys".to_owned());
        server.secret = SecretValue::Known(Secret::new("p@ss/w%rd ü'"));
    }
    for (section, server) in [
        ("database", &mut config.database.server),
        ("broker", &mut config.broker.server),
        ("cache", &mut config.cache.server),
        ("search", &mut config.search.server),
        ("email", &mut config.email.server),
        ("time", &mut config.time.server),
    ] {
        server.section = section.to_owned();
        server.host = Some("127.0.0.1".to_owned());
    }
    config
}

/// Looks with one check, without what it needs, and returns what it found.
pub(crate) async fn look(check: impl Check + 'static, config: Config) -> Vec<Finding> {
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    let context = Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0");
    look_in(check, context).await
}

/// The same in a context of one's own.
pub(crate) async fn look_in(check: impl Check + 'static, context: Context) -> Vec<Finding> {
    let checks: Vec<Arc<dyn Check>> = vec![Arc::new(check)];
    let context = Arc::new(context);
    let policy = ExitPolicy::default();
    let never = Cancel::never();
    let report = run::run(&checks, &context, &Options::default(), &never, policy, &mut |_| ()).await;
    report.checks.into_iter().next().map(|check| check.findings).unwrap_or_default()
}

/// A connection to a port of loopback.
pub(crate) async fn connect(port: u16) -> Stream {
    Stream::Tcp(TcpStream::connect(("127.0.0.1", port)).await.expect("it listens"))
}

/// A connection on which a stranger says something at once and hangs up.
pub(crate) async fn says(bytes: Vec<u8>) -> Stream {
    connect(serves(bytes).await).await
}

/// A server that says something to everybody who has asked something of HTTP, and hangs up. Returns its port.
pub(crate) async fn answers_http(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let (mut asked, mut buffer) = (Vec::new(), [0; 1024]);
            while !asked.ends_with(b"\r\n\r\n")
                && let Ok(count @ 1..) = peer.read(&mut buffer).await
            {
                asked.extend_from_slice(&buffer[..count]);
            }
            // The peer may have heard enough.
            let _ = peer.write_all(&bytes).await;
        }
    });
    port
}

/// A server that says something to everybody at once, listens a little, and hangs up. Returns its port.
pub(crate) async fn serves(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            // The peer may have heard enough.
            let _ = peer.write_all(&bytes).await;
            let _ = peer.shutdown().await;
            let _ = peer.read(&mut [0; 1024]).await;
        }
    });
    port
}

/// A server that takes connections and never says anything. Returns its port.
pub(crate) async fn mute() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let mut peers = Vec::new();
        while let Ok((peer, _)) = listener.accept().await {
            peers.push(peer);
        }
    });
    port
}

/// A port of loopback on which nobody listens.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A server that answers each line by what `answer` makes of it, after a greeting. Returns its port.
pub(crate) async fn converses(greeting: &'static str, answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            let mut peer = tokio::io::BufReader::new(peer);
            let _ = peer.write_all(greeting.as_bytes()).await;
            let mut line = String::new();
            while matches!(tokio::io::AsyncBufReadExt::read_line(&mut peer, &mut line).await, Ok(1..)) {
                let _ = peer.write_all(answer(line.trim_end()).as_bytes()).await;
                line.clear();
            }
        }
    });
    port
}

/// The configuration of running servers that `COURSYS_OPS_TEST_CONFIG` names; nothing skips the test.
#[allow(dead_code, reason = "for tests that need real servers")]
pub(crate) fn real_config() -> Option<std::path::PathBuf> {
    std::env::var_os("COURSYS_OPS_TEST_CONFIG").map(|path| Path::new(&path).to_owned())
}
