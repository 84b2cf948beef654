//! The dialogue with a mail server, by lettre, over connections of ours.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::{self, Listened, NetError, Overheard, Stream, TlsProblem};
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use crate::login::Login;
use crate::smtp_stream::LineByLine;
use crate::{broken, garbage};

/// How long the answer to QUIT is waited for. exim holds it back for 200 ms, to let the client hang up first.
const GOODBYE: Duration = Duration::from_millis(20);

/// The ways to log in that are tried, in this order.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// Which step of the dialogue it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Hello,
    Login,
    Mail,
}

/// A dialogue with a server.
pub(crate) struct Smtp<'a> {
    connection: AsyncSmtpConnection,
    server: &'a Server,
    hello: ClientId,
    overheard: Overheard,
}

impl<'a> Smtp<'a> {
    /// Waits for the greeting, and says who we are.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn greet(stream: Stream, server: &'a Server, host: &str) -> Result<Self, Finding> {
        let hello = ClientId::Domain(hello_name(host));
        let (stream, overheard) = Listened::new(stream);
        let stream = Box::new(LineByLine::new(stream));
        match AsyncSmtpConnection::connect_with_transport(stream, &hello).await {
            Ok(connection) => Ok(Self { connection, server, hello, overheard }),
            Err(error) => Err(finding(server, &overheard, Step::Hello, &error)),
        }
    }

    /// Changes to TLS, and says who we are again.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn start_tls(&mut self) -> Result<(), Finding> {
        let place = self.server.place();
        if !self.connection.can_starttls() {
            return Err(not_offered(format!("the mail server at {place} does not offer STARTTLS")));
        }
        let fail = |problem| NetError::Tls(place.clone(), problem).finding(self.server);
        let parameters = tls_parameters(self.server).map_err(fail)?;
        let Err(error) = self.connection.starttls(parameters, &self.hello).await else { return Ok(()) };
        if error.is_permanent() && !self.connection.is_encrypted() {
            return Err(not_offered(format!("the mail server refuses STARTTLS: `{}`", said(&error))));
        }
        Err(match tls_problem(&error) {
            Some(problem) => fail(problem),
            None => self.finding(Step::Hello, &error),
        })
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// A finding, in which the password does not appear.
    pub(crate) async fn log_in(&mut self, login: Login<'_>) -> Result<(), Finding> {
        if self.connection.server_info().get_auth_mechanism(&MECHANISMS).is_none() {
            let place = self.server.place();
            return Err(Finding::failed(
                Code::AccessDenied,
                format!("the mail server at {place} offers no login that we know (PLAIN, LOGIN)"),
                "many servers offer it over TLS only: set `email.tls = \"required\"`, or take `email.user` away",
            ));
        }
        let credentials = Credentials::new(login.user.to_owned(), login.password.expose().to_owned());
        let answer = self.connection.auth(&MECHANISMS, &credentials).await;
        answer.map(drop).map_err(|error| self.finding(Step::Login, &error))
    }

    /// Sends one mail and returns what the server says to it, safe for a terminal.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn mail(&mut self, envelope: &Envelope, message: &[u8]) -> Result<String, Finding> {
        match self.connection.send(envelope, message).await {
            Ok(response) => Ok(text(&response)),
            Err(error) => Err(self.finding(Step::Mail, &error)),
        }
    }

    /// Says goodbye. What the server answers does not matter any more.
    pub(crate) async fn quit(mut self) {
        // It may hang up first.
        let _ = tokio::time::timeout(GOODBYE, self.connection.quit()).await;
    }

    fn finding(&self, step: Step, error: &Error) -> Finding {
        finding(self.server, &self.overheard, step, error)
    }
}

/// The finding about a dialogue that ended with an error.
fn finding(server: &Server, overheard: &Overheard, step: Step, error: &Error) -> Finding {
    if error.status().is_some() || error.is_client() {
        refused(server, step, error)
    } else {
        broken::finding(server, "SMTP", &overheard.heard(), is_reply, error)
    }
}

/// What it means that the server did not agree, or that lettre did not agree with the server.
fn refused(server: &Server, step: Step, error: &Error) -> Finding {
    let (place, said) = (server.place(), said(error));
    if error.is_transient() {
        return Finding::failed(
            Code::TryLater,
            format!("the mail server at {place} refuses for now: `{said}`"),
            "look at the mail server's log: it is overloaded, greylists, or lacks a service of its own",
        );
    }
    let wants_login = error.status().is_some_and(|code| u16::from(code) == 530);
    match step {
        Step::Login => Finding::failed(
            Code::AccessDenied,
            format!("the mail server at {place} does not let the user in: `{said}`"),
            "set `email.user` and `email.password` (or `password_file`) to those of the site",
        ),
        Step::Mail if wants_login => Finding::failed(
            Code::AccessDenied,
            format!("the mail server at {place} takes no mail without a login: `{said}`"),
            "set `email.user` and `email.password` (or `password_file`) to those of the site",
        ),
        Step::Hello | Step::Mail => Finding::failed(
            Code::Rejected,
            format!("the mail server at {place} refuses: `{said}`"),
            "look at the mail server's log; it may not let this machine, sender or recipient in",
        ),
    }
}

fn not_offered(why: String) -> Finding {
    Finding::failed(
        Code::TlsNotOffered,
        why,
        "switch STARTTLS on in the mail server, or set `email.starttls = false` for TLS from the first byte",
    )
}

/// Whom to trust, and for which name, in lettre's words.
fn tls_parameters(server: &Server) -> Result<TlsParameters, TlsProblem> {
    let name = net::server_name(server)?;
    let builder = TlsParameters::builder(name.to_str().into_owned());
    let trusting = match &server.tls_ca_file {
        None => builder,
        Some(path) => {
            // It says what is wrong with the file, where lettre trusts nobody.
            net::client_config(server)?;
            let unusable = |why: String| TlsProblem::CaFile(path.display().to_string(), why);
            let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate)
        }
    };
    trusting.build_rustls().map_err(|error| TlsProblem::Rustls(rustls::Error::General(error.to_string())))
}

/// What went wrong with a handshake, if that was it.
fn tls_problem(error: &Error) -> Option<TlsProblem> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            return Some(TlsProblem::from_io(match inner {
                Some(inner) => io::Error::other(inner.clone()),
                None => io::Error::new(error.kind(), error.to_string()),
            }));
        }
        cause = error.source();
    }
    None
}

/// Whether something begins like a reply: `220 ` or `220-`.
fn is_reply(said: &[u8]) -> bool {
    matches!(said, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
}

/// A reply in one line, safe for a terminal.
fn text(response: &Response) -> String {
    let lines: Vec<_> = response.message().collect();
    garbage::excerpt(format!("{} {}", response.code(), lines.join(" ")).as_bytes())
}

/// The same of a refusal; of an error of lettre's own its reason.
fn said(error: &Error) -> String {
    let code = error.status().map(|code| format!("{code} ")).unwrap_or_default();
    let reason = error.source().map(ToString::to_string).unwrap_or_default();
    garbage::excerpt(format!("{code}{reason}").as_bytes())
}

/// Our name in EHLO: the machine's, if it is one that SMTP allows.
fn hello_name(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !host.is_empty() && host.chars().all(allowed) { host.to_owned() } else { "localhost".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_begins_with_three_digits_and_a_space_or_a_hyphen() {
        assert!(is_reply(b"250-mail.example") && is_reply(b"554 no"));
        for line in [&b""[..], b"25", b"2500", b"+OK ready", b"100 continue", b"999 x", b"HTTP/1.1 400 Bad"] {
            assert!(!is_reply(line), "{line:?}");
        }
    }

    #[test]
    fn a_machine_with_a_strange_name_says_a_plain_one() {
        assert_eq!(hello_name("courses.example"), "courses.example");
        for name in ["", "two words", "x\r\nMAIL FROM:<a@b>", "ü"] {
            assert_eq!(hello_name(name), "localhost");
        }
    }
}
