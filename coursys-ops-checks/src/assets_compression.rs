//! `assets.compression`: pages name compressed files, these are there, and static files are those of the code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Config;
use coursys_ops_core::helper::{Ask, Collected, Refusal};
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::helper_answer::ask;
use crate::http::Target;
use crate::{maintenance, site_page, web_serving};

/// The directory below the collected files in which the compressor puts its own.
const CACHE: &str = "/CACHE/";

/// A page's whole time: it has come a moment ago.
const PATIENCE: Duration = Duration::from_millis(2500);

/// With what comes before it, less than a run may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// More compressed files than this no page names.
const MOST_FILES: usize = 100;

/// The check.
pub(crate) struct AssetsCompression(CheckSpec);

impl AssetsCompression {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("assets.compression", "Compressed static files")
                .component("nginx")
                .needs(web_serving::ID)
                .needs("files.writable.media")
                .timeout(TIMEOUT)
                .effects(Effects::SiteLog)
                .timeout_hint("the storage of the static files is slow or hangs: look at its mount")
                .explanation(
                    "Reads the public page `web.page` of the first host and looks which styles and scripts it names: they \
                     must be compressed files (`…/CACHE/css/output.….css`), as they are when COMPRESS_ENABLED is on in \
                     the site's settings, and each of them must be in `files.compressed_media` and hold something. It \
                     also compares every file below `web.static_sources` in the site's code with the one that was \
                     collected from it in `files.static` (or `static` below `site.static_dir`): none may be missing, and \
                     none may have changed since. The site saves a row in its own log for the page.\n\n\
                     Without compression each page fetches dozens of files. When the compressor remembers files that \
                     somebody has deleted, pages come without any style, and nothing else says so. When the code was \
                     updated and the static files were not, new pages run old scripts.\n\n\
                     When it fails: `not_compressed` is about COMPRESS_ENABLED, or COURSYS_DEPLOY_MODE, which decides it. \
                     `not_found` and `empty` about a compressed file: empty the cache (`make purge-cache`, or restart \
                     memcached), so that the compressor makes it again. `stale` and `not_found` about static files: \
                     `manage.py collectstatic`, as `make new-code` does.",
                ),
        )
    }
}

#[async_trait]
impl Check for AssetsCompression {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let (compressed, statics) = tokio::join!(compressed(scope), statics(scope));
        let mut findings = vec![compressed.unwrap_or_else(|finding| finding)];
        findings.extend(statics);
        findings
    }
}

/// Whether the page names compressed files, and whether those are there.
async fn compressed(scope: &Scope) -> Result<Finding, Finding> {
    let config = scope.config();
    let host = config.web.hosts.first().ok_or_else(|| Finding::not_configured("web.hosts"))?;
    let page = &config.web.page;
    let dir = config.files.compressed_media.clone();
    let dir = dir.ok_or_else(|| Finding::not_configured("files.compressed_media"))?;
    let answer = site_page::ask(scope, &Target::server(&config.web.server), host, page, PATIENCE).await?;
    if answer.status == 503 && maintenance::is_on(scope).await? {
        return Err(maintenance::skipped(scope, "no page is served"));
    }
    if answer.status != 200 {
        return Err(Finding::unknown(
            Code::Contradictory,
            format!("{page} of `{host}` came a moment ago, and now the answer is {}", answer.status),
        ));
    }
    let names: Vec<PathBuf> = names(&answer.text()).into_iter().collect();
    if names.is_empty() {
        return Err(Finding::failed(
            Code::NotCompressed,
            format!("{page} of `{host}` names no compressed file: compression is switched off"),
            "set COMPRESS_ENABLED in the site's settings, or COURSYS_DEPLOY_MODE to another than `devel`, and reload \
             gunicorn",
        )
        .about(page));
    }
    let sizes: Vec<Option<u64>> = ask(scope, Ask::Sizes(dir.clone(), names.clone()), None)
        .await?
        .map_err(|refusal| refused(&refusal, &dir, "files.compressed_media"))?;
    Ok(present(page, &names, &sizes))
}

/// The compressed files that a page names, relative to their directory. What leads out of it is no name.
fn names(page: &str) -> BTreeSet<PathBuf> {
    let attributes = page.split(['"', '\'']);
    let names = attributes.filter_map(|text| text.split_once(CACHE).map(|(_, name)| name));
    let names = names.map(|name| name.split(['?', '#']).next().unwrap_or_default());
    let plain = |name: &&str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(good))
    };
    names.filter(plain).map(PathBuf::from).take(MOST_FILES).collect()
}

/// Whether the named files are there.
fn present(page: &str, names: &[PathBuf], sizes: &[Option<u64>]) -> Finding {
    let lacking = |wanted: fn(&Option<u64>) -> bool| {
        names.iter().zip(sizes).find(|(_, size)| wanted(size)).map(|(name, _)| name.display().to_string())
    };
    let again = "empty the cache (`make purge-cache`), so that the compressor makes its files again";
    if let Some(name) = lacking(Option::is_none) {
        let message = format!("{page} names the compressed file {name}, which is not there");
        return Finding::failed(Code::NotFound, message, again).about(name);
    }
    if let Some(name) = lacking(|size| *size == Some(0)) {
        let message = format!("the compressed file {name} is empty");
        return Finding::failed(Code::Empty, message, format!("delete it, and {again}")).about(name);
    }
    Finding::passed(format!("{page} names {} compressed files, and they are there", names.len())).about(page)
}

/// One finding for each directory of sources.
async fn statics(scope: &Scope) -> Vec<Finding> {
    let config = scope.config();
    let Some(target) = target(config) else {
        let why = "neither `files.static` nor `site.static_dir` says where static files are collected";
        return vec![Finding::skipped(Code::NotInLayout, why).about("static files")];
    };
    let mut findings = Vec::new();
    for name in &config.web.static_sources {
        let sources = config.site.dir.join(name);
        let collected = ask(scope, Ask::Collected(sources.clone(), target.clone()), None).await;
        let finding = match collected {
            Ok(Ok(collected)) => compare(name, &target, &collected),
            // One of the two directories is missing.
            Ok(Err(refusal)) => refused(&refusal, &target, "files.static").with_hint(format!(
                "run `manage.py collectstatic`, or correct `files.static` and `web.static_sources` ({})",
                sources.display()
            )),
            Err(failed) => failed,
        };
        findings.push(finding.about(name));
    }
    findings
}

/// Where static files are collected.
fn target(config: &Config) -> Option<PathBuf> {
    let below = || config.site.static_dir.as_ref().map(|dir| dir.join("static"));
    config.files.statics.clone().or_else(below)
}

fn compare(sources: &str, target: &Path, collected: &Collected) -> Finding {
    let Collected { files, missing, older, names } = collected;
    let (count, target) = (missing + older, target.display());
    let lacking = Measurement::new("outdated_files", count as f64, "").critical_at(1.0);
    let list = names.join(", ");
    let more = if count > names.len() as u64 { ", …" } else { "" };
    let again = "run `manage.py collectstatic` as the site's user";
    let finding = match (missing, older) {
        (0, 0) => Finding::passed(format!("{files} static files in {target} are those of `{sources}`")),
        (_, 0) => Finding::failed(
            Code::NotFound,
            format!(
                "{missing} of {files} files of `{sources}` were never collected in {target}: {list}{more}"
            ),
            again,
        ),
        _ => Finding::failed(
            Code::Stale,
            format!("{count} of {files} files of `{sources}` are newer than those in {target}: {list}{more}"),
            again,
        ),
    };
    finding.measured(lacking)
}

/// A directory that cannot be read.
fn refused(refusal: &Refusal, dir: &Path, key: &str) -> Finding {
    use rustix::io::Errno;
    let what = format!("{} cannot be read: {}", dir.display(), refusal.message);
    if refusal.is(Errno::ACCESS) {
        return Finding::skipped(Code::NotPermitted, what).with_hint("run the check with sudo");
    }
    let code = if refusal.is(Errno::NOENT) { Code::NotFound } else { Code::HelperFailed };
    Finding::failed(code, what, format!("correct `{key}`, or make the directory"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_names_its_compressed_files_and_nothing_outside_their_directory() {
        let page = r#"<link href="/static/CACHE/css/output.abc.css" type="text/css">
            <script src='https://cdn.test/static/CACHE/js/output.def.js?v=1'></script><a href="/static/js/core.js">
            <link href="/static/CACHE/../../etc/passwd"><link href="/static/CACHE//etc/passwd"><p title="/CACHE/">"#;
        let found: Vec<_> = names(page).into_iter().collect();
        assert_eq!(found, [PathBuf::from("css/output.abc.css"), PathBuf::from("js/output.def.js")]);
    }

    #[test]
    fn a_file_that_is_missing_is_told_from_one_that_is_empty() {
        let names = ["css/a.css", "js/b.js"].map(PathBuf::from);
        let code = |sizes: &[Option<u64>]| present("/docs/", &names, sizes).code;
        assert_eq!(code(&[Some(1), Some(2)]), Code::Ok);
        assert_eq!(code(&[Some(1), None]), Code::NotFound);
        assert_eq!(code(&[Some(0), Some(2)]), Code::Empty);
    }

    #[test]
    fn never_collected_is_told_from_changed_since() {
        let code = |missing, older| {
            let names = vec!["css/a.css".to_owned()];
            compare("media", Path::new("/opt/static"), &Collected { files: 9, missing, older, names }).code
        };
        assert_eq!(
            [code(0, 0), code(1, 0), code(0, 1), code(1, 1)],
            [Code::Ok, Code::NotFound, Code::Stale, Code::Stale]
        );
    }

    proptest! {
        #[test]
        fn no_page_names_a_file_elsewhere(page in "(/CACHE/|[./\"' a]|css|\\PC){0,40}") {
            for name in names(&page) {
                let plain = name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(plain && !name.as_os_str().is_empty(), "{:?}", name);
            }
        }
    }
}
