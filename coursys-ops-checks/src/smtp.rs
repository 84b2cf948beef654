//! The dialogue of SMTP (RFC 5321) that probes need, over connections of ours: STARTTLS with errors that say what is
//! wrong with which certificate, and no reply longer than a reply can be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::{Stream, start_tls};

use crate::garbage;
use crate::login::Login;
use crate::wire::{Wire, WireError};

/// More lines than this are no reply; a long answer to EHLO has twenty.
const MOST_LINES: usize = 100;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// The reply in one line, safe for a terminal.
    pub(crate) fn text(&self) -> String {
        garbage::excerpt(format!("{} {}", self.code, self.lines.join(" ")).as_bytes())
    }

    const fn is_good(&self) -> bool {
        matches!(self.code, 200..400)
    }

    /// For now, says the server, and not for good.
    const fn is_temporary(&self) -> bool {
        matches!(self.code, 400..500)
    }
}

/// Which step of the dialogue it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Greeting,
    Hello,
    StartTls,
    Login,
    Mail,
}

/// A dialogue with a server.
#[derive(Debug)]
pub(crate) struct Smtp<'a> {
    wire: Wire,
    server: &'a Server,
    name: String,
    extensions: Vec<String>,
}

impl<'a> Smtp<'a> {
    /// Waits for the greeting, and says who we are.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn greet(stream: Stream, server: &'a Server, host: &str) -> Result<Self, Finding> {
        let mut smtp =
            Self { wire: Wire::new(stream), server, name: hello_name(host), extensions: Vec::new() };
        let greeting = smtp.reply().await?;
        smtp.good(Step::Greeting, &greeting)?;
        smtp.hello().await?;
        Ok(smtp)
    }

    /// Changes to TLS, and says who we are again.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn start_tls(mut self) -> Result<Self, Finding> {
        let not_offered = |why: String| {
            Finding::failed(
                Code::TlsNotOffered,
                why,
                "switch STARTTLS on in the mail server, or set `email.starttls = false` for TLS from the first byte",
            )
        };
        if self.offers("STARTTLS").is_none() {
            return Err(not_offered(format!(
                "the mail server at {} does not offer STARTTLS",
                self.server.place()
            )));
        }
        let reply = self.ask("STARTTLS").await?;
        if !reply.is_good() && !reply.is_temporary() {
            return Err(not_offered(format!("the mail server refuses STARTTLS: `{}`", reply.text())));
        }
        self.good(Step::StartTls, &reply)?;
        let plain = self.wire.into_stream().map_err(|error| error.finding(self.server, "SMTP"))?;
        let stream = start_tls(self.server, plain).await.map_err(|error| error.finding(self.server))?;
        let mut smtp = Self { wire: Wire::new(stream), extensions: Vec::new(), ..self };
        smtp.hello().await?;
        Ok(smtp)
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// A finding, in which the password does not appear.
    pub(crate) async fn log_in(&mut self, login: Login<'_>) -> Result<(), Finding> {
        let (user, password) = (login.user, login.password.expose());
        let ways = self.offers("AUTH").map(str::to_uppercase).unwrap_or_default();
        let way = ways.split_whitespace().find(|way| matches!(*way, "PLAIN" | "LOGIN"));
        let reply = match way {
            Some("PLAIN") => {
                let secret = STANDARD.encode(format!("\0{user}\0{password}"));
                self.ask(&format!("AUTH PLAIN {secret}")).await?
            }
            Some(_) => {
                let mut reply = self.ask("AUTH LOGIN").await?;
                for answer in [user, password] {
                    self.good(Step::Login, &reply)?;
                    reply = self.ask(&STANDARD.encode(answer)).await?;
                }
                reply
            }
            None => {
                return Err(Finding::failed(
                    Code::AccessDenied,
                    format!(
                        "the mail server at {} offers no login that we know (PLAIN, LOGIN)",
                        self.server.place()
                    ),
                    "many servers offer it over TLS only: set `email.tls = \"required\"`, or take `email.user` away",
                ));
            }
        };
        self.good(Step::Login, &reply)
    }

    /// Sends one mail and returns what the server says to it.
    ///
    /// # Errors
    ///
    /// A finding.
    pub(crate) async fn mail(&mut self, from: &str, to: &str, message: &[u8]) -> Result<Reply, Finding> {
        for command in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let reply = self.ask(&command).await?;
            self.good(Step::Mail, &reply)?;
        }
        self.send(&dot_stuffed(message)).await?;
        let reply = self.reply().await?;
        self.good(Step::Mail, &reply)?;
        Ok(reply)
    }

    /// Says goodbye. What the server answers does not matter any more.
    pub(crate) async fn quit(mut self) {
        // It may hang up first.
        let _ = self.ask("QUIT").await;
    }

    /// EHLO, or HELO for a server that is older than 1995.
    async fn hello(&mut self) -> Result<(), Finding> {
        let reply = self.ask(&format!("EHLO {}", self.name)).await?;
        if matches!(reply.code, 500 | 502) {
            let reply = self.ask(&format!("HELO {}", self.name)).await?;
            return self.good(Step::Hello, &reply);
        }
        self.good(Step::Hello, &reply)?;
        self.extensions = reply.lines;
        Ok(())
    }

    /// What the server says about an extension, if it has it.
    fn offers(&self, extension: &str) -> Option<&str> {
        // The first line is its name.
        self.extensions.iter().skip(1).find_map(|line| {
            // Old servers write `AUTH=LOGIN`.
            let (name, rest) = line.split_once([' ', '=']).unwrap_or((line.as_str(), ""));
            name.eq_ignore_ascii_case(extension).then_some(rest)
        })
    }

    async fn ask(&mut self, command: &str) -> Result<Reply, Finding> {
        self.send(format!("{command}\r\n").as_bytes()).await?;
        self.reply().await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        self.wire.send(bytes).await.map_err(|error| error.finding(self.server, "SMTP"))
    }

    async fn reply(&mut self) -> Result<Reply, Finding> {
        read_reply(&mut self.wire).await.map_err(|error| error.finding(self.server, "SMTP"))
    }

    /// Whether the server agreed.
    fn good(&self, step: Step, reply: &Reply) -> Result<(), Finding> {
        if reply.is_good() { Ok(()) } else { Err(refused(self.server, step, reply)) }
    }
}

/// What it means that the server did not agree.
fn refused(server: &Server, step: Step, reply: &Reply) -> Finding {
    let (place, said) = (server.place(), reply.text());
    if reply.is_temporary() {
        return Finding::failed(
            Code::TryLater,
            format!("the mail server at {place} refuses for now: `{said}`"),
            "look at the mail server's log: it is overloaded, greylists, or lacks a service of its own",
        );
    }
    match step {
        Step::Login => Finding::failed(
            Code::AccessDenied,
            format!("the mail server at {place} does not let the user in: `{said}`"),
            "set `email.user` and `email.password` (or `password_file`) to those of the site",
        ),
        Step::Mail if reply.code == 530 => Finding::failed(
            Code::AccessDenied,
            format!("the mail server at {place} takes no mail without a login: `{said}`"),
            "set `email.user` and `email.password` (or `password_file`) to those of the site",
        ),
        _ => Finding::failed(
            Code::Rejected,
            format!("the mail server at {place} refuses: `{said}`"),
            "look at the mail server's log; it may not let this machine, sender or recipient in",
        ),
    }
}

async fn read_reply(wire: &mut Wire) -> Result<Reply, WireError> {
    let mut lines = Vec::new();
    for _ in 0..MOST_LINES {
        let line = wire.line().await?;
        let (code, last, text) = reply_line(&line).ok_or_else(|| WireError::garbage(&line))?;
        lines.push(text);
        if last {
            return Ok(Reply { code, lines });
        }
    }
    Err(WireError::Garbage(format!("a reply of more than {MOST_LINES} lines")))
}

/// The code, whether it is the last line, and the text of `250-text`, `250 text` or `250`.
fn reply_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok()?;
    let code = code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.parse().ok()).flatten()?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
    matches!(code, 200..600).then_some((code, last, text))
}

/// Our name in EHLO: the machine's, if it is one that SMTP allows.
fn hello_name(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !host.is_empty() && host.chars().all(allowed) { host.to_owned() } else { "localhost".to_owned() }
}

/// A message as DATA wants it: no line that is a single dot but the last.
fn dot_stuffed(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + 8);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
