//! `web.tls`: browsers trust the site's certificates, and will for a while.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, Server, Tls, Web};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::net::Presented;
use coursys_ops_core::{Check, Scope};
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::certificate::Chain;
use crate::http::Url;
use crate::web_serving;

/// How long each handshake may take: all are made at the same time.
const PATIENCE: Duration = Duration::from_secs(4);

/// A little more, to say so; with what must be well before, less than a run may take.
const TIMEOUT: Duration = Duration::from_millis(4500);

/// The check.
pub(crate) struct WebTls(CheckSpec);

impl WebTls {
    /// The check.
    pub(crate) fn new(web: &Web) -> Self {
        let spec =
            CheckSpec::new("web.tls", "Certificates of the web site")
                .component("nginx")
                .timeout(TIMEOUT)
                .timeout_hint("whoever speaks TLS for the site hangs: look at nginx, or ask whoever runs the load balancer")
                .explanation(
                    "Makes a TLS handshake for each of `web.hosts` and looks at the certificates that come: they must be \
                     for that host, signed by somebody whom this machine trusts (or `web.tls_ca_file` names), with the \
                     certificates between sent along, and valid for at least `web.tls_min_days` days more; less is a \
                     warning. Where nginx speaks TLS itself, `web.https_port` says on which port; where something before \
                     it does, `web.public_url` is asked as the world would. Without both the check is skipped. Nothing \
                     but the handshake is said.\n\n\
                     An expired certificate takes the whole site away from everybody at once, on a day that is known a \
                     year before. A chain that is incomplete is worse to find: browsers that have seen the missing \
                     certificate elsewhere are content, and others, and programs, are not.\n\n\
                     When it fails: `tls_expired` and `expiring` want the certificate renewed, installed and the server \
                     reloaded: a renewal that nobody reloads changes nothing. `tls_incomplete` wants the file with the \
                     whole chain in the server's configuration. `tls_wrong_host` means that the server shows the \
                     certificate of another site, perhaps because it does not know this one. `tls_untrusted` is a \
                     certificate that signed itself, or an authority of one's own.",
                );
        // A web server that is down shows no certificate either.
        Self(if port(web) > 0 { spec.needs(web_serving::ID) } else { spec })
    }
}

#[async_trait]
impl Check for WebTls {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let places = match places(scope.config()) {
            Ok(places) => places,
            Err(finding) => return vec![finding],
        };
        let days = scope.config().web.tls_min_days;
        join_all(places.iter().map(|(name, server)| async move {
            let presented = tokio::time::timeout(PATIENCE, scope.certificates(server)).await;
            let finding = match presented {
                Ok(Ok(presented)) => judge(&presented, name, server, days, scope.context().clock.now()),
                Ok(Err(error)) => hinted(error.finding(server), server),
                Err(_) => Finding::failed(
                    Code::Timeout,
                    format!("no handshake with {} within {} s", server.place(), PATIENCE.as_secs()),
                    "look at nginx and its log, or ask whoever runs the load balancer",
                ),
            };
            finding.about(name)
        }))
        .await
    }
}

/// On which port nginx speaks TLS; 0 when something before it does.
const fn port(web: &Web) -> u16 {
    match (web.https_port, web.server.tls) {
        (0, Tls::Required) => web.server.port,
        (port, _) => port,
    }
}

/// Whom to ask for which names.
fn places(config: &Config) -> Result<Vec<(String, Server)>, Finding> {
    let web = &config.web;
    let port = port(web);
    if port > 0 {
        if web.hosts.is_empty() {
            return Err(Finding::not_configured("web.hosts"));
        }
        let place = |name: &String| {
            let server = Server { port, tls_server_name: Some(name.clone()), ..web.server.clone() };
            (name.clone(), server)
        };
        return Ok(web.hosts.iter().map(place).collect());
    }
    let Some(address) = &web.public_url else {
        return Err(Finding::skipped(
            Code::NotInLayout,
            "TLS does not end here (`web.https_port` is 0), and `web.public_url` does not say where the world finds the site",
        ));
    };
    match address.parse::<Url>() {
        Ok(url) if url.is_https() => {
            let server =
                Server { tls_ca_file: web.server.tls_ca_file.clone(), ..url.server("web.public_url") };
            Ok(vec![(url.host().to_owned(), server)])
        }
        Ok(_) => Err(Finding::skipped(Code::NotInLayout, "`web.public_url` is without TLS")),
        Err(why) => Err(Finding::failed(
            Code::NotConfigured,
            format!("`web.public_url` cannot be used: {why}"),
            "write it as `https://coursys.example.org/`",
        )),
    }
}

/// What to say about the certificates of a server that was reached.
fn judge(presented: &Presented, name: &str, server: &Server, min_days: u32, now: Timestamp) -> Finding {
    let chain = Chain::read(presented);
    match (&presented.problem, chain) {
        (Some(problem), Some(chain)) => {
            let (code, message, hint) = chain.explain(problem, name, now);
            Finding::failed(code, message, hint)
        }
        (Some(problem), None) => {
            let message = format!("no certificate from {}: {problem}", server.place());
            hinted(Finding::failed(problem.code(), message, "look at the TLS settings of the server"), server)
        }
        (None, None) => {
            Finding::unknown(Code::Garbage, format!("the certificates of {} cannot be read", server.place()))
        }
        (None, Some(chain)) => lasting(&chain, name, min_days, now),
    }
}

/// Certificates with which nothing is wrong yet.
fn lasting(chain: &Chain, name: &str, min_days: u32, now: Timestamp) -> Finding {
    let (days, least) = (chain.days_left(now), f64::from(min_days));
    let finding = if days < least {
        Finding::warning(
            Code::Expiring,
            format!("the certificate of {} expires in {days:.1} days, on {}", chain.ends_first, chain.ends),
            "renew it, install it, and reload the server; then look why that has not happened by itself",
        )
    } else {
        Finding::passed(format!("`{name}` has a certificate of {} for {days:.0} more days", chain.issuer))
    };
    finding.measured(Measurement::new("days_left", days, "").warning_at(least).critical_at(0.0))
}

/// A finding about the connection, with hints that name keys of this check.
fn hinted(finding: Finding, server: &Server) -> Finding {
    let public = server.section != "web";
    let hint = match finding.code {
        Code::UnknownHost if public => "correct `web.public_url`, or the name in DNS",
        Code::Refused if public => {
            "nothing listens there: ask whoever runs the load balancer, or correct `web.public_url`"
        }
        Code::Refused => "nothing listens there: start nginx, or correct `web.https_port`",
        Code::TlsNotOffered if public => {
            "correct `web.public_url`: TLS is spoken on another port, or by another server"
        }
        Code::TlsNotOffered => {
            "let nginx `listen` there with `ssl`, or set `web.https_port` to 0 where TLS ends before it"
        }
        Code::TlsFailed => "look at `web.tls_ca_file`, and at the TLS settings of the server",
        _ => return finding,
    };
    finding.with_hint(hint)
}

#[cfg(test)]
#[path = "web_tls_tests.rs"]
mod tests;
