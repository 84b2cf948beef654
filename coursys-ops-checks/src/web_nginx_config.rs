//! `web.nginx-config`: nginx would take the configuration that is on disk.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Manager;
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::process::{Command, Output};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

const COMPONENT: &str = "nginx";

/// Who reads its certificates is root.
const ROOT: u32 = 0;

/// The check.
pub(crate) struct WebNginxConfig(CheckSpec);

impl WebNginxConfig {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("web.nginx-config", "Configuration of nginx")
                .component(COMPONENT)
                .needs(check_id(COMPONENT))
                .timeout(Duration::from_secs(6))
                .timeout_hint("`nginx -t` looks names of `proxy_pass` up: see whether the name servers answer")
                .explanation(
                    "Lets nginx itself read the configuration at `web.nginx_config` (`nginx -t`), as root, because only \
                     root can read its certificates. The nginx that runs is not touched.\n\n\
                     nginx goes on with the configuration that it has read, whatever becomes of the files. A mistake in \
                     them is noticed at the next restart, perhaps that of the whole machine at night, and then nothing \
                     serves the site any more.\n\n\
                     When it fails: the message names file and line. Mend it, look again, then `systemctl reload nginx`. \
                     A warning of nginx itself is a warning here, too. Without the rights of root, and where nginx runs \
                     in a container, the check is skipped; also when somebody else than root may write the file, since \
                     nginx would load what it names.",
                ),
        )
    }
}

#[async_trait]
impl Check for WebNginxConfig {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let config = scope.config();
        let manager = config.components.get(COMPONENT).map(|component| component.manager);
        let Some(path) = config.web.nginx_config.as_deref().filter(|_| manager != Some(Manager::Compose))
        else {
            let why = "not in this layout: nginx has no configuration on this machine (`web.nginx_config`)";
            return vec![Finding::skipped(Code::NotInLayout, why)];
        };
        if scope.context().caller.uid != ROOT {
            let why = "only root can let nginx read its configuration";
            return vec![Finding::skipped(Code::NotPermitted, why).with_hint("run the check with sudo")];
        }
        let program = match trusted(scope, Path::new("nginx"), path).await {
            Ok(program) => program,
            Err(finding) => return vec![finding],
        };
        let mut argv = vec![program.to_owned(), "-t".to_owned(), "-q".to_owned(), "-c".to_owned()];
        argv.push(path.display().to_string());
        match scope.run(Command::new(argv)).await {
            Ok(output) => findings(path, &output),
            Err(error) => vec![Finding::unknown(Code::HelperFailed, error.to_string())],
        }
    }
}

/// The program, when nobody but root could have written it or the configuration.
async fn trusted(scope: &Scope, program: &Path, config: &Path) -> Result<String, Finding> {
    for path in [program, config] {
        match scope.distrust(path).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(why))) => {
                let hint = format!("let root own {} and the directories above it", path.display());
                return Err(Finding::skipped(Code::NotPermitted, why).with_hint(hint));
            }
            Ok(Err(refusal)) if refusal.is(rustix::io::Errno::NOENT) && path == config => {
                return Err(Finding::failed(
                    Code::NotFound,
                    format!("{} does not exist", path.display()),
                    "bring it back, or correct `web.nginx_config`",
                ));
            }
            Ok(Err(refusal)) => {
                return Err(Finding::skipped(
                    Code::NotFound,
                    format!("`{}`: {}", path.display(), refusal.message),
                ));
            }
            Err(error) => return Err(Finding::unknown(Code::HelperFailed, error.to_string())),
        }
    }
    Ok(program.display().to_string())
}

/// What nginx says in one line, as much of it as anybody reads: in characters.
fn shown(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().take(MOST).collect::<String>().escape_debug().to_string().replace("\\\"", "\"")
}

/// What nginx says about its configuration.
fn findings(path: &Path, output: &Output) -> Vec<Finding> {
    let text = String::from_utf8_lossy(&output.stderr);
    let told = |level: &str| {
        let level = format!("[{level}]");
        let line = text.lines().find(|line| line.contains(&level))?;
        let told = line.split_once(&level).map_or(line, |(_, rest)| rest).trim();
        // Once its log is open, nginx puts its process and thread before what it says.
        let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || b"#:".contains(&byte));
        let told = told.split_once(' ').filter(|(word, _)| is_number(word)).map_or(told, |(_, rest)| rest);
        Some(shown(told))
    };
    if !output.status.success() {
        let why = told("emerg").or_else(|| told("crit")).unwrap_or_else(|| shown(&output.complaint()));
        let hint = "mend it before anything restarts nginx, then `nginx -t` and `systemctl reload nginx`";
        let message = format!("nginx would not start with the configuration on disk: {why}");
        return vec![Finding::failed(Code::BadConfiguration, message, hint)];
    }
    match told("warn") {
        Some(warning) => vec![Finding::warning(
            Code::BadConfiguration,
            format!("nginx warns of its configuration: {warning}"),
            "mend it, then `nginx -t` and `systemctl reload nginx`",
        )],
        None => vec![Finding::passed(format!("nginx would take {}", path.display()))],
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn what_nginx_says_is_told_without_its_time_and_level() {
        let say = |code: i32, stderr: &str| {
            let status = ExitStatus::from_raw(code << 8).into();
            let output = Output { status, stdout: vec![], stderr: stderr.into(), answer: vec![] };
            let finding = findings(Path::new("/etc/nginx/nginx.conf"), &output).remove(0);
            (finding.code, finding.message)
        };
        let (code, message) = say(
            1,
            "nginx: [emerg] unknown directive \"servre\" in /etc/nginx/sites-enabled/coursys:3\n\
             nginx: configuration file /etc/nginx/nginx.conf test failed\n",
        );
        assert_eq!(code, Code::BadConfiguration);
        assert!(
            message.ends_with("unknown directive \"servre\" in /etc/nginx/sites-enabled/coursys:3"),
            "{message}"
        );
        let (_, message) = say(
            1,
            "2026/11/23 01:17:40 [emerg] 2355#2355: unexpected end of file in /etc/nginx/nginx.conf:9\n",
        );
        assert!(message.ends_with(": unexpected end of file in /etc/nginx/nginx.conf:9"), "{message}");
        assert_eq!(say(0, "").0, Code::Ok);
        assert_eq!(
            say(0, "nginx: [warn] conflicting server name \"x\" on 0.0.0.0:80, ignored").0,
            Code::BadConfiguration
        );
    }
}
