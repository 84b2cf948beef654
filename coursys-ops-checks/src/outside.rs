//! What the checks of outside services share: whom to ask, and what an answer's status means.

use std::path::Path;
use std::time::Duration;

use coursys_ops_core::config::SecretValue;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::{Response, Target, Url};

/// Services of others are not asked more often than this within one process.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// One service with an address of its own.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its address.
    pub(crate) url: Url,
    /// Whom to connect to for that.
    pub(crate) target: Target,
    /// The key of the address, for hints.
    key: &'static str,
    /// What people call it.
    name: &'static str,
}

/// Where the configuration says how to reach a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The key of its address.
    pub(crate) key: &'static str,
    /// Its address.
    pub(crate) url: Option<&'a str>,
    /// The key of the proxy.
    pub(crate) proxy_key: &'static str,
    /// The proxy.
    pub(crate) proxy: Option<&'a str>,
    /// The certificates that are trusted.
    pub(crate) tls_ca_file: Option<&'a Path>,
}

impl Service {
    /// The service that the configuration names.
    ///
    /// # Errors
    ///
    /// A finding when there is no address, or an address or the proxy's is none.
    pub(crate) fn new(way: Way<'_>) -> Result<Self, Finding> {
        let Way { name, key, url, proxy_key, proxy, tls_ca_file } = way;
        let url = parse(url.ok_or_else(|| Finding::not_configured(key))?, key)?;
        let proxy = proxy.map(|proxy| parse(proxy, proxy_key)).transpose()?;
        let target =
            Target::url(&url, key).trusting(tls_ca_file.map(Path::to_owned)).through(proxy, proxy_key);
        Ok(Self { url, target, key, name })
    }

    /// What an answer means that is not the one that was hoped for. The answer's own words are not in it: a service may
    /// repeat what it was told, secrets among it.
    pub(crate) fn refused(&self, answer: &Response, asked: &str) -> Finding {
        let Self { name, key, .. } = self;
        let status = answer.status;
        let said = format!("{name} answers {status} when it is asked for {asked}");
        match status {
            401 | 403 => {
                let hint = format!(
                    "compare account and secret in section `{}` with what the service knows",
                    self.section()
                );
                Finding::failed(Code::AccessDenied, said, hint)
            }
            404 | 410 => {
                let hint =
                    format!("correct `{key}`, or what is asked for: one of the two is not known there");
                Finding::failed(Code::NotFound, said, hint)
            }
            429 => Finding::failed(
                Code::TryLater,
                said,
                "ask less often: it counts the requests of this machine",
            ),
            300..=399 => {
                let to = answer.location().and_then(|place| place.parse::<hyper::Uri>().ok());
                let to = to.and_then(|uri| uri.host().map(ToOwned::to_owned));
                let to =
                    to.map(|host| format!(", and sends us to {}", host.escape_debug())).unwrap_or_default();
                Finding::failed(
                    Code::WrongAnswer,
                    format!("{said}{to}"),
                    format!("write its new address in `{key}`"),
                )
            }
            500.. => {
                let hint =
                    format!("ask whoever runs it; nothing is wrong with `{key}` as far as can be seen");
                Finding::failed(Code::ServerError, said, hint)
            }
            _ => Finding::failed(
                Code::WrongAnswer,
                said,
                format!("correct `{key}`, or ask whoever runs it what changed"),
            ),
        }
    }

    /// An answer that is not in the language of the service's API. `why` is short and has nothing of a secret.
    pub(crate) fn garbage(&self, asked: &str, why: &str) -> Finding {
        let Self { name, key, .. } = self;
        Finding::failed(
            Code::Garbage,
            format!("what {name} answers when it is asked for {asked} makes no sense: {why}"),
            format!("another service answers at `{key}`, or its API has changed: ask whoever runs it"),
        )
    }

    fn section(&self) -> &str {
        self.key.split('.').next().unwrap_or_default()
    }
}

fn parse(text: &str, key: &str) -> Result<Url, Finding> {
    text.parse().map_err(|why: crate::http::UrlError| {
        Finding::failed(
            Code::NotConfigured,
            format!("`{key}` is no address that can be asked: {why}"),
            format!("write `{key}` as `https://host/path`"),
        )
    })
}

/// A secret that must be there.
///
/// # Errors
///
/// A finding when there is none or it cannot be read.
pub(crate) fn secret<'a>(value: &'a SecretValue, key: &str) -> Result<&'a Secret, Finding> {
    match value {
        SecretValue::Known(secret) => Ok(secret),
        SecretValue::Missing => Err(Finding::not_configured(key)),
        SecretValue::Unreadable(why) => Err(Finding::failed(
            Code::SecretUnreadable,
            format!("`{key}` cannot be read: {why}"),
            "let the user that runs the checks read it, or correct its place in the configuration",
        )),
    }
}

/// Names and values as a form or a query has them.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_any_character() {
        assert_eq!(form(&[("a", "p@ss/w%rd ü'"), ("b", "")]), "a=p%40ss%2Fw%25rd%20%C3%BC%27&b=");
    }

    #[test]
    fn each_status_has_its_code_and_a_redirect_shows_no_more_than_its_host() {
        let way = Way {
            name: "the photo service",
            key: "photos.url",
            url: Some("https://photos.example.org/api"),
            proxy_key: "photos.proxy",
            proxy: None,
            tls_ca_file: None,
        };
        let service = Service::new(way).unwrap();
        let finding = |status| {
            let mut headers = hyper::HeaderMap::new();
            headers.insert(hyper::header::LOCATION, "https://elsewhere.test/x?secret=1".parse().unwrap());
            let answer =
                Response { status, headers, body: Vec::new(), truncated: false, took: Duration::ZERO };
            service.refused(&answer, "a token")
        };
        for (status, code) in [
            (401, Code::AccessDenied),
            (403, Code::AccessDenied),
            (404, Code::NotFound),
            (429, Code::TryLater),
            (500, Code::ServerError),
            (503, Code::ServerError),
            (418, Code::WrongAnswer),
            (204, Code::WrongAnswer),
        ] {
            assert_eq!(finding(status).code, code, "{status}");
        }
        let moved = finding(302);
        assert!(moved.message.contains("elsewhere.test") && !moved.message.contains("secret"), "{moved:?}");
        assert_eq!(Service::new(Way { url: None, ..way }).unwrap_err().code, Code::NotConfigured);
        assert_eq!(
            Service::new(Way { proxy: Some("ftp://x"), ..way }).unwrap_err().code,
            Code::NotConfigured
        );
    }
}
