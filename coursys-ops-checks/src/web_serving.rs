//! `web.serving`: the site's hosts are served as the world expects it.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Config;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement, Status};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};
use futures_util::future::join_all;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::http::{Response, Target};
use crate::{database_connection, garbage, maintenance, site_page};

/// The check's id, for those that need it.
pub(crate) const ID: &str = "web.serving";

/// How long each answer may take: all are asked for at the same time, and who is silent must be told from who waits for him.
const PATIENCE: Duration = Duration::from_secs(5);

/// A little more, to say so.
const TIMEOUT: Duration = Duration::from_secs(6);

/// The check.
pub(crate) struct WebServing(CheckSpec);

impl WebServing {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Web site")
                .component("nginx")
                .needs(check_id("nginx"))
                .needs(check_id("gunicorn"))
                .needs(database_connection::ID)
                .timeout(TIMEOUT)
                .effects(Effects::SiteLog)
                .timeout_hint("nginx hangs, or gunicorn behind it: look at both logs, then restart the one that is stuck")
                .explanation(
                    "Asks nginx, at `web.host` and `web.port`, for what browsers ask it for: the public page `web.page` \
                     of each of `web.hosts` must come with status 200, each of `web.redirected_hosts` must send its \
                     reader with 301 to the first of them, and the static file `web.static_file` must come with its \
                     type and with word how long to keep it. It also asks gunicorn behind it directly, so that a fault \
                     has the right name: when nginx answers 502 because gunicorn is down, the finding is about gunicorn. \
                     Every request carries `User-Agent: coursys-ops/VERSION` and a request id that begins with \
                     `coursys-ops-`; the site saves a row in its own log for each page. No redirect is followed.\n\n\
                     This is the site as its users see it. Every page needs the database, so that one must be well \
                     first. While the flag of maintenance is there, nginx answers 503 on purpose: the check is skipped.\n\n\
                     When it fails: `refused` or `timeout` about nginx means that it is down or stuck (`systemctl status \
                     nginx`, `nginx -t`). About gunicorn: look at gunicorn-error.log, and restart it. `rejected` about a \
                     host (status 400) means that Django does not know it: SERVE_HOSTS in the site's settings. A wrong \
                     redirect is in nginx's file of that host. A missing static file wants `make` its `collectstatic`.",
                ),
        )
    }
}

/// What came back, or why nothing did.
type Answer = Result<Response, Finding>;

/// All that was asked.
struct Answers {
    /// Of the public page through nginx, by host.
    pages: Vec<(String, Answer)>,
    /// Of the same for hosts that redirect.
    redirects: Vec<(String, Answer)>,
    file: Answer,
    gunicorn: Answer,
}

#[async_trait]
impl Check for WebServing {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let config = scope.config();
        let Some(first) = config.web.hosts.first() else { return vec![Finding::not_configured("web.hosts")] };
        let nginx = Target::server(&config.web.server);
        let gunicorn = Target::server(&config.gunicorn.server);
        let (web, page) = (&config.web, config.web.page.as_str());
        let ask = |target, host: &String, path| {
            let host = host.clone();
            async move {
                let answer = site_page::ask(scope, target, &host, path, PATIENCE).await;
                (host, answer)
            }
        };
        let (pages, redirects, (_, file), (_, gunicorn)) = tokio::join!(
            join_all(web.hosts.iter().map(|host| ask(&nginx, host, page))),
            join_all(web.redirected_hosts.iter().map(|host| ask(&nginx, host, page))),
            ask(&nginx, first, &web.static_file),
            ask(&gunicorn, first, page),
        );
        let answers = Answers { pages, redirects, file, gunicorn };
        if answers.pages.iter().any(|(_, answer)| is(answer, &[503])) {
            match maintenance::is_on(scope).await {
                Ok(true) => return in_maintenance(scope, config, &answers),
                Ok(false) => {}
                Err(failed) => return vec![failed],
            }
        }
        judge(config, &answers)
    }
}

/// Only static files are served then.
fn in_maintenance(scope: &Scope, config: &Config, answers: &Answers) -> Vec<Finding> {
    let file = file(config, &answers.file);
    let mut findings = vec![maintenance::skipped(scope, "nginx answers 503 on purpose")];
    findings.extend((file.status != Status::Passed).then_some(file));
    findings
}

/// One finding for each thing that was asked for, but one only for what has one cause.
fn judge(config: &Config, answers: &Answers) -> Vec<Finding> {
    let gunicorn = gunicorn(config, &answers.gunicorn);
    let through_nginx = || answers.pages.iter().chain(&answers.redirects).map(|(_, answer)| answer);
    if let Err(why) = &answers.file
        && through_nginx().all(Result::is_err)
    {
        return vec![why.clone().about("nginx"), gunicorn];
    }
    let mut findings = Vec::new();
    let gunicorn_is_well = gunicorn.status == Status::Passed;
    let behind = |answer: &Answer| match answer {
        Ok(_) => is(answer, &[502, 504]),
        Err(finding) => finding.code == Code::Timeout,
    };
    for (host, answer) in &answers.pages {
        // What nginx says when nobody is behind it, is said about him who is missing.
        if gunicorn_is_well || !behind(answer) {
            findings.push(page(config, host, answer).about(host));
        }
    }
    findings
        .extend(answers.redirects.iter().map(|(host, answer)| redirect(config, host, answer).about(host)));
    findings.push(file(config, &answers.file));
    findings.push(gunicorn);
    findings
}

/// Whether an answer has one of these statuses.
fn is(answer: &Answer, statuses: &[u16]) -> bool {
    answer.as_ref().is_ok_and(|answer| statuses.contains(&answer.status))
}

/// gunicorn, asked directly.
fn gunicorn(config: &Config, answer: &Answer) -> Finding {
    let host = config.web.hosts.first().map_or("", String::as_str);
    let finding = match answer {
        Err(finding) => finding.clone(),
        Ok(answer) if answer.status == 200 => served("gunicorn answers", answer),
        Ok(answer) => not_served(config, "gunicorn", host, answer),
    };
    finding.about("gunicorn")
}

/// A host that is served.
fn page(config: &Config, host: &str, answer: &Answer) -> Finding {
    match answer {
        Err(finding) => finding.clone(),
        Ok(answer) if answer.status == 200 => served(&format!("`{host}` serves {}", config.web.page), answer),
        Ok(answer) => not_served(config, "nginx", host, answer),
    }
}

fn served(what: &str, answer: &Response) -> Finding {
    let took = Measurement::new("took", answer.took_ms(), "ms");
    Finding::passed(format!("{what} in {:.0} ms", answer.took_ms())).measured(took)
}

/// A page that did not come, by its status.
fn not_served(config: &Config, who: &str, host: &str, answer: &Response) -> Finding {
    let (status, page) = (answer.status, &config.web.page);
    let what = format!("{who} answers {status} when it is asked for {page} of `{host}`");
    match status {
        300..=399 => {
            let to = answer.location().unwrap_or("nowhere");
            let hint = format!("serve `{host}` in nginx's configuration, or take it from `web.hosts`");
            let (to, message) = (garbage::excerpt(to.as_bytes()), what);
            if site_page::leads_to(answer, host, page) {
                let message = format!("{message}, and sends its reader to where he comes from: a loop");
                Finding::failed(Code::WrongAnswer, message, hint)
            } else {
                Finding::failed(Code::WrongAnswer, format!("{message}, and sends its reader to {to}"), hint)
            }
        }
        400 => Finding::failed(
            Code::Rejected,
            format!("{what}: the site does not know this host"),
            "add it to SERVE_HOSTS in the site's settings, or take it from `web.hosts`",
        ),
        401 | 403 => Finding::failed(
            Code::Rejected,
            what,
            "let everybody see it in nginx's configuration, or choose a public page as `web.page`",
        ),
        404 => Finding::failed(
            Code::NotFound,
            format!("{what}: there is no such page"),
            "correct `web.page`, or look whether this is the site at all",
        ),
        502 | 504 => Finding::failed(
            Code::ServerError,
            format!("{what}: it gets no answer from gunicorn, which does answer us"),
            "compare where nginx looks for gunicorn (`proxy_pass`) with `gunicorn.host` and `gunicorn.port`",
        ),
        503 => Finding::failed(
            Code::ServerError,
            format!("{what}, but the flag of maintenance is not there"),
            "look at nginx's configuration and at its error log; or correct `maintenance.flag`",
        ),
        500..=599 => Finding::failed(
            Code::ServerError,
            what,
            "look at gunicorn-error.log: a page fails with an exception, and its text is there",
        ),
        _ => Finding::failed(Code::WrongAnswer, what, "look at nginx's configuration and at its error log"),
    }
}

/// A host that redirects to the first one.
fn redirect(config: &Config, host: &str, answer: &Answer) -> Finding {
    let answer = match answer {
        Err(finding) => return finding.clone(),
        Ok(answer) => answer,
    };
    let first = config.web.hosts.first().map_or("", String::as_str);
    let page = &config.web.page;
    let wrong = |what: String| {
        let hint = format!(
            "let nginx answer `return 301 https://{first}$request_uri` for `{host}`, or correct `web.redirected_hosts`"
        );
        Finding::failed(Code::WrongAnswer, format!("`{host}` {what}"), hint)
    };
    let to = garbage::excerpt(answer.location().unwrap_or("nowhere").as_bytes());
    match answer.status {
        301 if site_page::leads_to(answer, first, page) => {
            Finding::passed(format!("`{host}` redirects to `{first}`"))
        }
        301 if site_page::leads_to(answer, host, page) => wrong("redirects to itself: a loop".to_owned()),
        301 => wrong(format!("redirects to {to}, not to {page} of `{first}`")),
        302 | 303 | 307 | 308 => wrong(format!("redirects with {} to {to}; 301 is expected", answer.status)),
        200 => wrong("is served itself, without a redirect".to_owned()),
        status => wrong(format!("answers {status} instead of a redirect")),
    }
}

/// The static file.
fn file(config: &Config, answer: &Answer) -> Finding {
    let web = &config.web;
    let path = &web.static_file;
    let finding = match answer {
        Err(finding) => finding.clone(),
        Ok(answer) if answer.status == 200 => file_served(config, answer),
        Ok(Response { status: 404, .. }) => Finding::failed(
            Code::NotFound,
            format!("nginx has no static file {path}"),
            "collect the static files again (`manage.py collectstatic`), or correct `web.static_file`",
        ),
        Ok(Response { status, .. }) => Finding::failed(
            Code::WrongAnswer,
            format!("nginx answers {status} when it is asked for the static file {path}"),
            "look at the modes of the collected files, and at nginx's configuration and error log",
        ),
    };
    finding.about(path)
}

fn file_served(config: &Config, answer: &Response) -> Finding {
    let web = &config.web;
    let wrong = |what: String, hint: String| Finding::failed(Code::WrongAnswer, what, hint);
    let path = &web.static_file;
    if answer.body.is_empty() {
        let hint = "collect the static files again (`manage.py collectstatic --clear`)";
        return Finding::failed(Code::Empty, format!("the static file {path} is empty"), hint);
    }
    let kind = answer.header(&CONTENT_TYPE).unwrap_or("no type");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(&web.static_type) {
        let kind = garbage::excerpt(kind.as_bytes());
        return wrong(
            format!("the static file {path} comes with `{kind}`, not `{}`", web.static_type),
            "include mime.types in nginx's configuration, or correct `web.static_type`".to_owned(),
        );
    }
    let age = max_age(answer);
    if age.is_none_or(|age| age < web.static_max_age_s) {
        let kept = age.map_or("does not say how long to keep it".to_owned(), |age| format!("says {age} s"));
        return wrong(
            format!("the static file {path} is to be kept for {} s, and nginx {kept}", web.static_max_age_s),
            "set `expires` for /static/ in nginx's configuration, or correct `web.static_max_age_s`"
                .to_owned(),
        );
    }
    served(&format!("{path} is served as {kind}"), answer)
}

/// The longest `max-age` of all `Cache-Control` headers: nginx sends one for `expires` and one for `add_header`.
fn max_age(answer: &Response) -> Option<u64> {
    let headers = answer.headers.get_all(CACHE_CONTROL).iter();
    let directives = headers.filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(','));
    directives.filter_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok()).max()
}

#[cfg(test)]
#[path = "web_serving_tests.rs"]
mod tests;
