//! Faults of the way to the servers: names, packets, certificates, and servers that talk nonsense.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::inject;
use crate::matrix::Fault;
use crate::stand_in::{Answers, Certificate, Manner, Mischief};

/// Each section with its first check, what people call it, and how its protocol says something too long.
const SECTIONS: [(&str, &str, &str, Manner); 5] = [
    ("database", "database.connection", "MariaDB", Manner::Huge(b"\xff\xff\xff\x00\x0a5.5.5-", b"10.11.1")),
    ("broker", "broker.connection", "RabbitMQ", Manner::Huge(b"\x01\x00\x00\x06\x40\x00\x00\x00\x0a\x00\x0a", b"x")),
    ("cache", "cache.connection", "memcached", Manner::Huge(b"", b"STAT curr_items 1\r\n")),
    (
        "search",
        "search.connection",
        "Elasticsearch",
        Manner::Huge(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n{\"a\":\"",
            b"x",
        ),
    ),
    ("email", "email.smtp", "the mail relay", Manner::Huge(b"", b"220-be welcome\r\n")),
];

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    let mut rows = Vec::new();
    for (section, id, server, huge) in SECTIONS {
        rows.extend(liars(section, id, server, huge));
        rows.extend(ways(section, id, server));
    }
    rows.push(
        Fault::new("a proxy before memcached keeps seven bits of each byte", "latin1 connection")
            .with(inject::proxied("cache", Mischief::SevenBits))
            .culprit("cache.unicode", "failed mangled"),
    );
    rows.extend(names());
    rows.extend(certificates());
    rows
}

/// Something else listens where the server should.
fn liars(section: &'static str, id: &str, server: &str, huge: Manner) -> Vec<Fault> {
    [
        ("garbage", "talks garbage", Manner::Garbage, "failed garbage"),
        ("garbage without end", "talks garbage without end", Manner::Flood, "failed garbage"),
        ("silence", "accepts and says nothing", Manner::Silent, "failed timeout"),
        // Of bytes that drip in one may see early that they are garbage, or not.
        ("drip", "sends a byte of garbage a second", Manner::Drip, "failed timeout|failed garbage"),
        ("hang-up", "hangs up at once", Manner::HangUp, "failed connection_lost"),
        ("100 MB", "answers with 100 MB", huge, "failed garbage"),
    ]
    .map(|(mechanism, does, manner, says)| {
        Fault::new(format!("in the place of {server} somebody {does}"), mechanism)
            .with(inject::liar(section, manner))
            .culprit(id, says)
    })
    .into()
}

/// The real server, and a bad way to it.
fn ways(section: &'static str, id: &str, server: &str) -> Vec<Fault> {
    let row = |name: &str, mechanism| Fault::new(format!("{name} {server}"), mechanism);
    let proxied =
        |name: &str, mechanism, mischief| row(name, mechanism).with(inject::proxied(section, mischief));
    vec![
        row("packets are dropped on the way to", "packets dropped")
            .with(inject::dropped(section))
            .culprit(id, "failed timeout"),
        // To the address of everybody there is no connection.
        row("there is no route to", "no route")
            .set(format!("{section}.host"), Ipv4Addr::BROADCAST)
            .culprit(id, "failed unreachable"),
        proxied(
            "the connection is reset in the middle of an answer of",
            "reset mid-answer",
            Mischief::ResetAfter(9),
        )
        .culprit(id, "failed connection_lost"),
        proxied("the connection ends in the middle of an answer of", "cut mid-answer", Mischief::CutAfter(9))
            .culprit(id, "failed connection_lost"),
        proxied(
            "nothing more comes in the middle of an answer of",
            "stall mid-answer",
            Mischief::StallAfter(9),
        )
        .culprit(id, "failed timeout"),
        proxied("one byte a second comes of", "drip of a real answer", Mischief::Drip)
            .culprit(id, "failed timeout"),
        // Slow is not broken.
        proxied(
            "every answer takes 50 ms longer of",
            "slow network",
            Mischief::Late(Duration::from_millis(50)),
        ),
    ]
}

/// What name servers do to the host of the database.
fn names() -> Vec<Fault> {
    const ID: &str = "database.connection";
    let row =
        |name: &str, mechanism, answers| Fault::new(name, mechanism).with(inject::names("database", answers));
    let v4 = Ipv4Addr::LOCALHOST.into();
    vec![
        row(
            "the name server says that the database's host does not exist",
            "DNS answer",
            Answers::NoSuchName,
        )
        .culprit(ID, "failed unknown_host"),
        row("the name server knows no address of the database's host", "DNS answer", Answers::NoAddress)
            .culprit(ID, "failed unknown_host"),
        row("the name server fails", "DNS answer", Answers::Failure).culprit(ID, "failed dns_failed"),
        row("the name server is silent", "DNS silent", Answers::Silence).culprit(ID, "failed timeout"),
        row("the name server talks garbage", "DNS answer", Answers::Garbage)
            .culprit(ID, "failed dns_failed|failed timeout"),
        row(
            "the name server takes a second",
            "DNS silent",
            Answers::Addresses(vec![v4], Duration::from_secs(1)),
        ),
        row(
            "one of the database's two addresses is somebody else's",
            "addresses that differ",
            Answers::Addresses(vec![Ipv4Addr::new(127, 77, 77, 77).into(), v4], Duration::ZERO),
        ),
        row(
            "none of the database's addresses answers",
            "addresses that differ",
            Answers::Addresses(
                vec![Ipv4Addr::new(127, 77, 77, 77).into(), Ipv6Addr::LOCALHOST.into()],
                Duration::ZERO,
            ),
        )
        .culprit(ID, "failed refused"),
        Fault::new(
            "the database's IPv6 address is dead beside the IPv4 one that works",
            "addresses that differ",
        )
        .with(inject::dead_ipv6("database")),
        Fault::new(
            "the search's IPv6 address is dead beside the IPv4 one that works",
            "addresses that differ",
        )
        .with(inject::dead_ipv6("search")),
    ]
}

/// TLS with a certificate that something is wrong with, on a server that is well.
fn certificates() -> Vec<Fault> {
    let mut rows = Vec::new();
    for (section, id, server) in
        [("search", "search.connection", "Elasticsearch"), ("broker", "broker.connection", "RabbitMQ")]
    {
        for (mechanism, is, certificate, says) in [
            ("certificate out of its time", "has expired", Certificate::Expired, "failed tls_expired"),
            (
                "certificate out of its time",
                "is not valid yet",
                Certificate::NotYetValid,
                "failed tls_expired",
            ),
            (
                "certificate of another host",
                "is another host's",
                Certificate::WrongHost,
                "failed tls_wrong_host",
            ),
            ("certificate untrusted", "is signed by itself", Certificate::SelfSigned, "failed tls_untrusted"),
            (
                "certificate untrusted",
                "lacks its issuer's",
                Certificate::IncompleteChain,
                "failed tls_untrusted",
            ),
        ] {
            rows.push(
                Fault::new(format!("the certificate of {server} {is}"), mechanism)
                    .with(inject::certified(section, certificate))
                    .culprit(id, says),
            );
        }
        rows.push(
            Fault::new(format!("TLS is required of {server}, which has none"), "TLS not offered")
                .set(format!("{section}.tls"), "required")
                .culprit(id, "failed tls_not_offered|failed tls_failed|failed connection_lost"),
        );
    }
    rows.push(
        Fault::new("TLS with a good certificate before Elasticsearch", "TLS as it should be")
            .with(inject::certified("search", Certificate::Good)),
    );
    rows
}
