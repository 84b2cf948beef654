//! `kerberos.ticket`: the site's ticket for the reporting database is good, and will be tomorrow.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Kerberos;
use coursys_ops_core::helper::{Ask, Content, FileLook, Refusal};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::process::User;
use coursys_ops_core::{Check, Scope};
use rustix::io::Errno;

use crate::helper_answer::ask;
use crate::kerberos::ccache::Cache;
use crate::kerberos::{Malformed, cache_path, crontab, keytab, span as duration};

/// The check's id, for those that need it.
pub(crate) const ID: &str = "kerberos.ticket";

/// Larger files are none of Kerberos', in bytes: a cache of hundreds of tickets has less.
const LONGEST: u64 = 1 << 20;

/// What Kerberos itself tolerates between two clocks, in seconds.
const SKEW_S: i64 = 300;

/// What nobody but the owner may do.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

const EXPLANATION: &str = "\
Reads the ticket cache with which the site logs in to the reporting database, the keytab that the ticket is made with, and \
the crontab that has it made again. The cache must hold a ticket-granting ticket of the configured principal that is good \
for at least `kerberos.min_remaining_s` and not older than two rounds of its refresh. The keytab must hold a key of that \
principal of a kind that servers still take. Keytab and cache must be readable by nobody but the site's user, and so should \
the keytab's directory: who has the keytab is the principal, password or not. Nothing is sent to any server.

Without a ticket the imports from the reporting database stop, and with them new students, enrolments and grades. It shows \
late: a ticket is good for ten hours or so, and nobody notices that it is not refreshed any more until it has run out.

When it fails with `expired`, `expires_soon` or `stale`, the refresh does not work: run `coursys-ops kinit --refresh` and \
read what it says. After a change of the principal's password the key in the keytab is the wrong one, and a new keytab must \
be made: `coursys-ops kinit`, or the page of system administration that asks for the password. `no_job`: the line is missing in the crontab of the site's user. In layout `compose` the refresh \
is a task of the beat; then only the ticket's age tells whether it runs.";

/// The check.
pub(crate) struct KerberosTicket(CheckSpec);

impl KerberosTicket {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Kerberos ticket")
                .component("reporting-db")
                .timeout(Duration::from_secs(3))
                .timeout_hint("the file system of ticket or keytab hangs: look at its mount")
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for KerberosTicket {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|failed| vec![failed])
    }
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let kerberos = &scope.config().kerberos;
    let user = scope.site_user().await?;
    let uid = user.as_ref().map_or(scope.context().caller.uid, |user| user.uid);
    let principal = principal(scope, kerberos, user.clone()).await?;
    let (cache, keytab, job) = tokio::join!(
        ticket(scope, kerberos, user.clone(), uid, &principal),
        key(scope, kerberos, user.clone(), uid, &principal),
        job(scope, kerberos),
    );
    let mut findings = vec![cache.unwrap_or_else(|failed| failed)];
    findings.extend(keytab.unwrap_or_else(|failed| vec![failed]));
    findings.push(job.unwrap_or_else(|failed| failed));
    Ok(findings)
}

/// Whose ticket it must be.
async fn principal(scope: &Scope, kerberos: &Kerberos, user: Option<User>) -> Result<String, Finding> {
    if let Some(principal) = &kerberos.principal {
        return Ok(principal.clone());
    }
    let not_configured = || Finding::not_configured("kerberos.principal");
    let (path, realm) =
        kerberos.username_file.as_ref().zip(kerberos.realm.as_ref()).ok_or_else(not_configured)?;
    let look = file(scope, path, "file of the principal's name", user).await?;
    let bytes = content(&look, path, "file of the principal's name")?;
    let name = String::from_utf8(bytes).ok().map(|text| text.trim().to_owned());
    let good =
        |name: &String| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    let name = name.filter(good).ok_or_else(|| {
        Finding::failed(
            Code::Garbage,
            "the file of the principal's name holds something else",
            "run `coursys-ops kinit`, or set `kerberos.principal`",
        )
        .about(shown(path))
    })?;
    Ok(if name.contains('@') { name } else { format!("{name}@{realm}") })
}

async fn ticket(
    scope: &Scope,
    kerberos: &Kerberos,
    user: Option<User>,
    uid: u32,
    principal: &str,
) -> Result<Finding, Finding> {
    let path = cache_path(kerberos, uid);
    let look = file(scope, &path, "ticket cache", user).await?;
    let bytes = content(&look, &path, "ticket cache")?;
    owned(&look, uid, &path, "ticket cache")?;
    let now = scope.context().clock.now().as_second();
    let cache = Cache::parse(&bytes).map_err(|why| malformed(&why, "ticket cache").about(shown(&path)))?;
    Ok(judge(&cache, principal, now, kerberos).about(shown(&path)))
}

/// What a cache is worth.
fn judge(cache: &Cache, principal: &str, now: i64, kerberos: &Kerberos) -> Finding {
    let refresh = "run the command that refreshes the ticket as the site's user, and read what it says";
    let holder = cache.principal.to_string();
    if holder != principal {
        return Finding::failed(
            Code::WrongPrincipal,
            format!("the ticket cache is that of `{}`, not of `{principal}`", holder.escape_debug()),
            "refresh the ticket with the right keytab, or correct `kerberos.principal`",
        );
    }
    let Some(ticket) = cache.granting() else {
        return Finding::failed(
            Code::NoTicket,
            format!("the cache of `{principal}` holds no ticket-granting ticket"),
            refresh,
        );
    };
    let (starts, ends) = (i64::from(ticket.starts), i64::from(ticket.ends));
    let remaining = ends - now;
    let age = (now - starts).max(0);
    let least = i64::try_from(kerberos.min_remaining_s).unwrap_or(i64::MAX);
    let oldest = i64::try_from(kerberos.refresh_s).unwrap_or(i64::MAX).saturating_mul(2);
    let finding = if remaining <= 0 {
        Finding::failed(
            Code::Expired,
            format!("the ticket of `{principal}` ran out {} ago", duration(-remaining)),
            refresh,
        )
    } else if starts > now + SKEW_S {
        Finding::failed(
            Code::NotYetValid,
            format!("the ticket of `{principal}` is good only in {}", duration(starts - now)),
            "compare this machine's clock with the time server's, then refresh the ticket",
        )
    } else if remaining < least {
        Finding::warning(
            Code::ExpiresSoon,
            format!("the ticket of `{principal}` runs out in {}, which is soon", duration(remaining)),
            refresh,
        )
    } else if age > oldest {
        Finding::warning(
            Code::Stale,
            format!(
                "the ticket of `{principal}` was last refreshed {} ago, which should happen every {}",
                duration(age),
                duration(oldest / 2)
            ),
            refresh,
        )
    } else {
        Finding::passed(format!("the ticket of `{principal}` is good for {} more", duration(remaining)))
    };
    let finding = finding
        .measured(
            Measurement::new("remaining", number(remaining), "s").warning_at(number(least)).critical_at(0.0),
        )
        .measured(Measurement::new("age", number(age), "s").warning_at(number(oldest)));
    if ticket.renew_until == 0 {
        return finding;
    }
    finding.measured(Measurement::new("renewable", number(i64::from(ticket.renew_until) - now), "s"))
}

async fn key(
    scope: &Scope,
    kerberos: &Kerberos,
    user: Option<User>,
    uid: u32,
    principal: &str,
) -> Result<Vec<Finding>, Finding> {
    let path = kerberos.keytab.as_ref().ok_or_else(|| Finding::not_configured("kerberos.keytab"))?;
    let look = file(scope, path, "keytab", user).await?;
    let bytes = content(&look, path, "keytab")?;
    let mut findings = vec![keys(&bytes, principal).about(shown(path))];
    findings.extend(owned(&look, uid, path, "keytab").err());
    findings.extend(directory(&look, uid, path));
    Ok(findings)
}

/// What a keytab is worth.
fn keys(bytes: &[u8], principal: &str) -> Finding {
    let entries = match keytab::parse(bytes) {
        Ok(entries) => entries,
        Err(why) => return malformed(&why, "keytab"),
    };
    let renew = "make a new keytab with `coursys-ops kinit`";
    let own: Vec<_> = entries.iter().filter(|entry| entry.principal.to_string() == principal).collect();
    let Some(newest) = own.iter().max_by_key(|entry| entry.version) else {
        let other = entries.first().map(|entry| entry.principal.to_string().escape_debug().to_string());
        let message = match other {
            None => "the keytab holds no key".to_owned(),
            Some(other) => format!("the keytab holds keys of `{other}`, none of `{principal}`"),
        };
        return Finding::failed(Code::WrongPrincipal, message, renew);
    };
    // An older version of the key opens nothing any more.
    let mut current = own.iter().filter(|entry| entry.version == newest.version);
    if !current.any(|entry| entry.is_safe()) {
        return Finding::warning(
            Code::WeakKey,
            format!("the keytab holds no key of `{principal}` of a kind that is still considered safe"),
            renew,
        );
    }
    Finding::passed(format!("the keytab holds version {} of the key of `{principal}`", newest.version))
}

/// The directory of the keytab, when there is something to say about it.
fn directory(look: &FileLook, uid: u32, path: &Path) -> Option<Finding> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let close = format!("run `chmod 0700 {}`", shown(directory));
    let found = if look.directory_uid != uid && look.directory_uid != 0 {
        Finding::failed(
            Code::WrongOwner,
            "the directory of the keytab belongs neither to the site's user nor to root",
            format!("run `chown` on {}", shown(directory)),
        )
    } else if look.directory_mode & OTHERS_WRITE != 0 {
        let message =
            format!("others may change the directory of the keytab: its mode is {:04o}", look.directory_mode);
        Finding::failed(Code::TooOpen, message, close)
    } else if look.directory_mode & OTHERS != 0 {
        let message = format!(
            "others may look into the directory of the keytab: its mode is {:04o}",
            look.directory_mode
        );
        Finding::warning(Code::TooOpen, message, close)
    } else {
        return None;
    };
    Some(found.about(shown(directory)))
}

async fn job(scope: &Scope, kerberos: &Kerberos) -> Result<Finding, Finding> {
    let Some(path) = &kerberos.crontab else {
        let message =
            "cron does not refresh the ticket in this layout: a task of the beat does, which its age shows";
        return Ok(Finding::skipped(Code::NotInLayout, message));
    };
    let word = &kerberos.refresh_job;
    let no_job = |message: String| {
        let hint = format!(
            "add the job to the crontab of the site's user, or correct `kerberos.crontab` and `kerberos.refresh_job` (`{word}`)"
        );
        Finding::failed(Code::NoJob, message, hint).about(shown(path))
    };
    // Crontabs are root's to read.
    let look = match ask::<FileLook>(scope, Ask::File(path.clone(), LONGEST), None).await? {
        Ok(look) => look,
        Err(refusal) if refusal.is(Errno::ACCESS) => {
            let message = "this user may not read the crontab of the site's user";
            return Ok(Finding::skipped(Code::NotPermitted, message)
                .with_hint("run the check with sudo")
                .about(shown(path)));
        }
        Err(refusal) if missing(&refusal) => {
            return Err(no_job("there is no crontab that refreshes the ticket".to_owned()));
        }
        Err(refusal) => return Err(refused(&refusal, path, "crontab")),
    };
    let bytes = content(&look, path, "crontab")?;
    if crontab::has_job(&String::from_utf8_lossy(&bytes), word) {
        Ok(Finding::passed(format!("a job of cron has `{word}` in its command")).about(shown(path)))
    } else {
        Err(no_job(format!("no job of the crontab has `{word}` in its command")))
    }
}

/// Looks at a file as this user.
async fn file(scope: &Scope, path: &Path, what: &str, user: Option<User>) -> Result<FileLook, Finding> {
    let answer = ask::<FileLook>(scope, Ask::File(path.to_owned(), LONGEST), user).await?;
    answer.map_err(|refusal| refused(&refusal, path, what))
}

fn missing(refusal: &Refusal) -> bool {
    refusal.is(Errno::NOENT) || refusal.is(Errno::NOTDIR)
}

/// What it means that the operating system refused.
fn refused(refusal: &Refusal, path: &Path, what: &str) -> Finding {
    let hint = "run `coursys-ops kinit`, or correct the path in section `kerberos`";
    let found = if missing(refusal) {
        Finding::failed(Code::NotFound, format!("there is no {what}"), hint)
    } else if refusal.is(Errno::ACCESS) || refusal.is(Errno::PERM) {
        let hint = "give it and its directory to the site's user";
        Finding::failed(Code::NotReadable, format!("the site's user may not read the {what}"), hint)
    } else {
        let message = format!("the {what} cannot be read: {}", refusal.message);
        Finding::failed(Code::ServerError, message, "look at the kernel's log and the mount")
    };
    found.about(shown(path))
}

/// All that is in a file.
fn content(look: &FileLook, path: &Path, what: &str) -> Result<Vec<u8>, Finding> {
    look.content.bytes().ok_or_else(|| {
        let why = match look.content {
            Content::TooLong(bytes) => format!("is {bytes} bytes long"),
            _ => "is no regular file, or a symbolic link, which is not followed".to_owned(),
        };
        let hint =
            "move what is there away, and run `coursys-ops kinit`; or correct the path in section `kerberos`";
        Finding::failed(Code::NotAFile, format!("the {what} {why}"), hint).about(shown(path))
    })
}

/// That a file is its owner's alone, and the site's user is its owner.
fn owned(look: &FileLook, uid: u32, path: &Path, what: &str) -> Result<(), Finding> {
    let problem = if look.uid != uid {
        Finding::failed(
            Code::WrongOwner,
            format!("the {what} belongs to user {}, not to the site's user", look.uid),
            format!("run `chown` on {}", shown(path)),
        )
    } else if look.mode & OTHERS != 0 {
        Finding::failed(
            Code::TooOpen,
            format!("others may read the {what}: its mode is {:04o}", look.mode),
            format!(
                "run `chmod 0600 {}`; then change the password, which others may know by now",
                shown(path)
            ),
        )
    } else {
        return Ok(());
    };
    Err(problem.about(shown(path)))
}

fn malformed(why: &Malformed, what: &str) -> Finding {
    let hint = "move it away and run `coursys-ops kinit`, or correct the path in section `kerberos`";
    Finding::failed(Code::Garbage, format!("the {what} cannot be understood: {why}"), hint)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[allow(clippy::cast_precision_loss, reason = "times of tickets are far below 2^52 seconds")]
const fn number(seconds: i64) -> f64 {
    seconds as f64
}

#[cfg(test)]
#[path = "kerberos_ticket_tests.rs"]
mod tests;
