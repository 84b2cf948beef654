//! `photos.service`: students' photos can be had.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coursys_ops_core::config::{Config, Photos, SecretValue};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::secret::{Redactor, Secret};
use coursys_ops_core::{Check, Scope};
use serde_json::Value;

use crate::http::{Request, send};
use crate::outside::{INTERVAL, Service, Way, form, secret};
use crate::{database_connection, univ};

/// The service is slow on bad days, and there are two requests and a look into the database.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Under which name the site keeps the password in the settings of `univ`.
const PASSWORD: &str = "photopass";

/// A photo is some hundred thousand bytes, a third more in base64.
const LARGEST: usize = 4 << 20;

/// How every JPEG begins.
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];

const FORM: &str = "application/x-www-form-urlencoded";

const EXPLANATION: &str = "\
Gets a token of the photo service at `photos.url` with the site's account and password, and with it the photo of \
`photos.probe_id`, who is known to have one. It must come as JPEG. The password is the one that the site keeps in its database \
(`photopass` in the settings of the unit `univ`), because the site itself changes it three times a month; one in the \
configuration (`photos.password`, `_file` or `_env`) goes before it.

Instructors see grey shapes without it, and the site's queue `photo` fills with tasks that wait for answers.

When it fails: `access_denied` at the token means that password and service have parted: the task \
`photo_password_update_task` changed the one and not the other, or failed for a month, after which the password expires; \
whoever runs the service can set it anew. `not_found` with a good token means that the person has left: set another \
`photos.probe_id`. `not_configured` means that the site never had one.";

/// The check.
pub(crate) struct PhotosService(CheckSpec);

impl PhotosService {
    /// The check. It needs the database only for a password that the configuration does not give.
    pub(crate) fn new(config: &Config) -> Self {
        let mut spec = CheckSpec::new("photos.service", "Photo service")
            .component("photos")
            .timeout(TIMEOUT)
            .interval(INTERVAL)
            .timeout_hint("the photo service does not answer in time: ask whoever runs it, and look at firewalls between")
            .explanation(EXPLANATION);
        if matches!(config.photos.secret, SecretValue::Missing) {
            spec = spec.needs(database_connection::ID);
        }
        Self(spec)
    }
}

#[async_trait]
impl Check for PhotosService {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![look(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    let photos = &scope.config().photos;
    let service = Service::new(Way {
        name: "the photo service",
        key: "photos.url",
        url: photos.url.as_deref(),
        proxy_key: "photos.proxy",
        proxy: photos.proxy.as_deref(),
        tls_ca_file: photos.tls_ca_file.as_deref(),
    })?;
    let account = photos.account.as_deref().ok_or_else(|| Finding::not_configured("photos.account"))?;
    let password = password(scope, photos).await?;
    let asked = async {
        let token = token(scope, &service, account, &password).await?;
        photo(scope, &service, &photos.probe_id, &token).await
    };
    // The runner knows only the secrets of the configuration.
    let redactor = Redactor::new([&password]);
    let redacted = |finding: Finding| finding.map_text(|text| redactor.redact(text));
    asked.await.map(redacted).map_err(redacted)
}

/// The password of the configuration, else the one that the site keeps.
async fn password(scope: &Scope, photos: &Photos) -> Result<Secret, Finding> {
    if !matches!(photos.secret, SecretValue::Missing) {
        return secret(&photos.secret, "photos.password").cloned();
    }
    let settings = univ::settings(scope).await?;
    stored(settings.as_deref().unwrap_or_default())
}

/// The password in the settings of `univ`.
fn stored(settings: &[u8]) -> Result<Secret, Finding> {
    let missing = || {
        Finding::failed(
            Code::NotConfigured,
            format!(
                "the site has no password for the photo service: no `{PASSWORD}` in the settings of `univ`"
            ),
            "let the site have one (`change_photo_password`), or set `photos.password_file`",
        )
    };
    if settings.trim_ascii().is_empty() {
        return Err(missing());
    }
    let settings: Value = serde_json::from_slice(settings).map_err(|_| {
        let hint = "look at the row `univ` of `coredata_unit`: the site cannot read its settings either";
        Finding::failed(Code::Garbage, "the settings of `univ` are not JSON", hint)
    })?;
    let password = settings.get(PASSWORD).and_then(Value::as_str).filter(|password| !password.is_empty());
    password.map(Secret::new).ok_or_else(missing)
}

async fn token(
    scope: &Scope,
    service: &Service,
    account: &str,
    password: &Secret,
) -> Result<Secret, Finding> {
    const ASKED: &str = "a token";
    let body = form(&[("AccountName", account), ("Password", password.expose())]);
    let request = Request::post(service.url.below("Account/Token").path(), FORM, body);
    let answer = send(scope, &service.target, &request).await?;
    if answer.status != 200 {
        // Some versions of such services say 400 to a wrong password.
        let denied = answer.status == 400;
        let refused = service.refused(&answer, ASKED);
        return Err(if denied { Finding { code: Code::AccessDenied, ..refused } } else { refused });
    }
    let token = read_token(&answer.body).map_err(|why| service.garbage(ASKED, why))?;
    Ok(Secret::new(format!("Bearer {token}")))
}

fn read_token(body: &[u8]) -> Result<String, &'static str> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "it is not JSON")?;
    let token = answer.get("ServiceToken").and_then(Value::as_str).filter(|token| !token.is_empty());
    token.map(ToOwned::to_owned).ok_or("it has no `ServiceToken`")
}

async fn photo(scope: &Scope, service: &Service, number: &str, token: &Secret) -> Result<Finding, Finding> {
    const ASKED: &str = "a photo";
    let path = service.url.below(&format!("Values/{}", form(&[(number, "")]).trim_end_matches('=')));
    let request = Request::get(format!("{}?includePhoto=true", path.path()))
        .secret_header(hyper::header::AUTHORIZATION, token)
        .at_most(LARGEST);
    let answer = send(scope, &service.target, &request).await?;
    if answer.status != 200 {
        return Err(service.refused(&answer, ASKED));
    }
    let (took, size) = (answer.took_ms(), answer.body.len());
    match read_photo(&answer.body, number) {
        Read::Jpeg(bytes) => {
            Ok(Finding::passed(format!("the photo service has the photo of {number}, {bytes} bytes"))
                .measured(Measurement::new("photo", took, "ms")))
        }
        Read::Nobody => Err(Finding::failed(
            Code::NotFound,
            format!("the photo service has no photo of {number}"),
            "set `photos.probe_id` to the number of somebody who has a photo",
        )),
        Read::NoJpeg => Err(Finding::failed(
            Code::WrongAnswer,
            format!("the photo of {number} is no JPEG"),
            "ask whoever runs the service: browsers would show nothing",
        )),
        Read::Garbage(_) if answer.truncated => {
            Err(service.garbage(ASKED, &format!("more than {size} bytes")))
        }
        Read::Garbage(why) => Err(service.garbage(ASKED, why)),
    }
}

/// What came for a photo.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// A photo of so many bytes.
    Jpeg(usize),
    /// Nobody of that number, or nobody with a photo.
    Nobody,
    /// Something else than a photo.
    NoJpeg,
    /// Not what the API answers.
    Garbage(&'static str),
}

fn read_photo(body: &[u8], number: &str) -> Read {
    let Ok(Value::Array(people)) = serde_json::from_slice(body) else {
        return Read::Garbage("it is no list in JSON");
    };
    let own = |person: &&Value| {
        person.get("SfuId").is_some_and(|id| match id {
            Value::String(id) => id.trim() == number,
            Value::Number(id) => id.to_string() == number,
            _ => false,
        })
    };
    let picture = people.iter().find(own).and_then(|person| person.get("PictureIdentification"));
    let Some(picture) = picture.and_then(Value::as_str).filter(|picture| !picture.is_empty()) else {
        return Read::Nobody;
    };
    match STANDARD.decode(picture) {
        Ok(bytes) if bytes.starts_with(&JPEG) => Read::Jpeg(bytes.len()),
        Ok(_) => Read::NoJpeg,
        Err(_) => Read::Garbage("the photo is not in base64"),
    }
}

#[cfg(test)]
#[path = "photos_service_tests.rs"]
mod tests;
