//! `email.smtp`: the mail server talks to us and lets us in.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Tls;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding};
use coursys_ops_core::{Check, Scope};
use lettre::address::Envelope;
use lettre::message::{Mailbox, Message, header::ContentType};

use crate::login::Login;
use crate::smtp::Smtp;

/// Some servers keep strangers waiting for 6 s before they greet, to tell them from spammers' programs.
const TIMEOUT: Duration = Duration::from_secs(8);

/// A mail server is somebody else's.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The check.
pub(crate) struct EmailSmtp {
    spec: CheckSpec,
    sends: bool,
}

impl EmailSmtp {
    /// The check; with `sends` it sends one mail to the address of the context.
    pub(crate) fn new(sends: bool) -> Self {
        let spec = CheckSpec::new("email.smtp", "Mail server")
            .component("mail")
            .timeout(TIMEOUT)
            .interval(INTERVAL)
            .effects(if sends { Effects::Sends } else { Effects::None })
            .timeout_hint("the mail server hangs: ask whoever runs it, and look at firewalls between; or another server listens there: \
                 compare `email.host` and `email.port`")
            .explanation(
                "Talks to the mail server at `email.host` and `email.port` as the site would: greeting, EHLO, TLS \
                 and login as configured, QUIT. No mail is sent, unless `--email ADDRESS` asks for one; then the \
                 server's answer to it is reported. That it was accepted does not mean that it was delivered.\n\n\
                 Without mail, students get no news and administrators no errors; the site's queue `email` fills \
                 up.\n\n\
                 When it fails: `access_denied` is about `email.user` and its password, `rejected` about this \
                 machine or the sender, `try_later` about the server itself. Whoever runs the server finds our \
                 visit in its log.",
            );
        Self { spec, sends }
    }
}

#[async_trait]
impl Check for EmailSmtp {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let to = scope.context().mail_to.as_deref().filter(|_| self.sends);
        vec![smtp(scope, to).await.unwrap_or_else(|failed| failed)]
    }
}

async fn smtp(scope: &Scope, to: Option<&str>) -> Result<Finding, Finding> {
    let email = &scope.config().email;
    let server = &email.server;
    let host = &scope.context().caller.host;
    let login = Login::of(server)?;
    // What is wrong with it is said before the server is troubled.
    let mail = to.map(|to| Mail::new(email.from.as_deref(), to, host)).transpose()?;
    let start_tls = server.tls == Tls::Required && email.starttls;
    let dialled = if start_tls { scope.dial_plain(server).await } else { scope.dial(server).await };
    let stream = dialled.map_err(|error| error.finding(server))?;
    let mut smtp = Smtp::greet(stream, server, host).await?;
    if start_tls {
        smtp.start_tls().await?;
    }
    if let Some(login) = login {
        smtp.log_in(login).await?;
    }
    let mut done = format!("the mail server at {} ", server.place());
    match mail {
        Some(Mail { to, envelope, bytes }) => {
            let reply = smtp.mail(&envelope, &bytes).await?;
            done.push_str(&format!("took a mail to `{to}`: `{reply}`"));
        }
        None => done.push_str(match (login.is_some(), server.tls) {
            (true, Tls::Required) => "lets us in over TLS",
            (true, Tls::Off) => "lets us in",
            (false, Tls::Required) => "greets us over TLS",
            (false, Tls::Off) => "greets us",
        }),
    }
    smtp.quit().await;
    Ok(Finding::passed(done))
}

/// A mail to be sent.
struct Mail {
    to: String,
    envelope: Envelope,
    bytes: Vec<u8>,
}

impl Mail {
    fn new(from: Option<&str>, to: &str, host: &str) -> Result<Self, Finding> {
        let from = from.ok_or_else(|| Finding::not_configured("email.from"))?;
        let from = mailbox(from, "`email.from`")?;
        let to = mailbox(to, "the argument of `--email`")?;
        let recipient = to.email.to_string();
        let message = Message::builder()
            .from(from)
            .to(to)
            .subject("Test mail of coursys-ops")
            .header(ContentType::TEXT_PLAIN)
            .body(format!(
                "Somebody ran `coursys-ops check --email` on {host}, to see whether its mail server takes mail.\r\n\
                 It does. There is nothing to do.\r\n"
            ))
            .map_err(|error| unusable("the test mail", &error.to_string()))?;
        Ok(Self { to: recipient, envelope: message.envelope().clone(), bytes: message.formatted() })
    }
}

fn mailbox(text: &str, what: &str) -> Result<Mailbox, Finding> {
    text.parse().map_err(|error: lettre::address::AddressError| unusable(what, &error.to_string()))
}

fn unusable(what: &str, why: &str) -> Finding {
    Finding::failed(
        Code::NotConfigured,
        format!("{what} is no mail address: {why}"),
        "write it as `name@example.org` or `CourSys <name@example.org>`",
    )
}

#[cfg(test)]
#[path = "email_smtp_tests.rs"]
mod tests;
