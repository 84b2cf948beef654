//! Kind `file`: a file is there, or is not; it is of the right type, owner, mode, age and size.

use std::path::Path;

use coursys_ops_core::Scope;
use coursys_ops_core::config::{FileType, OwnFile};
use coursys_ops_core::helper::{FileStat, Refusal};
use coursys_ops_core::model::{Code, Finding, Measurement};
use coursys_ops_core::render::text::quantity;
use rustix::io::Errno;

use super::judge::{Looked, growing, no_helper, shown_age};
use crate::own::text::whom;

pub(super) async fn look(scope: &Scope, file: &OwnFile) -> Looked {
    let user = match &file.user {
        Some(name) => whom(scope, name).await?,
        None => None,
    };
    let follow = file.kind != Some(FileType::Link);
    let answer = scope.stat(&file.path, follow, user).await.map_err(|error| no_helper(&error))?;
    let path = file.path.display();
    let stat = match answer {
        Ok(_) if !file.exists => {
            let hint = "remove it, or find out who makes it";
            return Err(Finding::failed(Code::Unwanted, format!("{path} exists and should not"), hint));
        }
        Ok(stat) => stat,
        Err(refusal) if is_missing(&refusal) && !file.exists => {
            return Ok(vec![Finding::passed(format!("{path} does not exist"))]);
        }
        Err(refusal) => return Err(refused(&refusal, &file.path)),
    };
    let mut findings = Vec::new();
    findings.extend(kind(file, &stat));
    findings.extend(owner(scope, file, &stat).await?);
    findings.extend(mode(file, &stat));
    findings.extend(age(scope, file, &stat));
    findings.extend(size(file, &stat));
    if findings.is_empty() {
        findings.push(Finding::passed(format!("{path} is {}", stat.kind.words())));
    }
    Ok(findings)
}

fn is_missing(refusal: &Refusal) -> bool {
    refusal.is(Errno::NOENT) || refusal.is(Errno::NOTDIR)
}

/// The operating system does not tell.
fn refused(refusal: &Refusal, path: &Path) -> Finding {
    let path = path.display();
    if is_missing(refusal) {
        let hint = "find out who should have made it, or correct `path`";
        Finding::failed(Code::NotFound, format!("{path} does not exist"), hint)
    } else if refusal.is(Errno::ACCESS) {
        Finding::skipped(Code::NotPermitted, format!("this user may not look at {path}"))
            .with_hint("run the check with sudo, or set its `user`")
    } else {
        Finding::failed(
            Code::ServerError,
            format!("cannot look at {path}: {}", refusal.message),
            "look at the kernel's log, the mount and its server",
        )
    }
}

fn kind(file: &OwnFile, stat: &FileStat) -> Option<Finding> {
    let wanted = file.kind?;
    let path = file.path.display();
    Some(if wanted == stat.kind {
        Finding::passed(format!("{path} is {}", wanted.words()))
    } else {
        let message = format!("{path} is {}, not {}", stat.kind.words(), wanted.words());
        Finding::failed(Code::WrongType, message, "find out who replaced it, or correct `type`")
    })
}

async fn owner(scope: &Scope, file: &OwnFile, stat: &FileStat) -> Result<Vec<Finding>, Finding> {
    let mut findings = Vec::new();
    let path = file.path.display();
    let failed = |error: coursys_ops_core::process::ProcessError| {
        Finding::unknown(Code::HelperFailed, error.to_string())
    };
    if let Some(name) = &file.owner {
        let uid = match name.parse() {
            Ok(uid) => Some(uid),
            Err(_) => scope.account(name).await.map_err(failed)?.map(|user| user.uid),
        };
        findings.push(belongs(&path.to_string(), "user", name, uid, stat.uid));
    }
    if let Some(name) = &file.group {
        let gid = match name.parse() {
            Ok(gid) => Some(gid),
            Err(_) => scope.group(name).await.map_err(failed)?,
        };
        findings.push(belongs(&path.to_string(), "group", name, gid, stat.gid));
    }
    Ok(findings)
}

/// Whether an id is that of the right user or group.
fn belongs(path: &str, what: &str, name: &str, wanted: Option<u32>, is: u32) -> Finding {
    match wanted {
        None => Finding::failed(
            Code::NoSuchUser,
            format!("there is no {what} `{name}` on this machine, to whom {path} should belong"),
            "make the account, or correct the name in this check",
        ),
        Some(wanted) if wanted == is => Finding::passed(format!("{path} belongs to {what} `{name}`")),
        Some(_) => Finding::failed(
            Code::WrongOwner,
            format!("{path} belongs to {what} {is}, not to `{name}`"),
            format!("run `{} {name} {path}`", if what == "user" { "chown" } else { "chgrp" }),
        ),
    }
}

fn mode(file: &OwnFile, stat: &FileStat) -> Option<Finding> {
    let (path, is) = (file.path.display(), stat.mode);
    match (file.mode, file.mode_max) {
        (Some(wanted), _) if wanted != is => Some(Finding::failed(
            Code::WrongMode,
            format!("the permissions of {path} are {is:04o}, not {wanted:04o}"),
            format!("run `chmod {wanted:04o} {path}`"),
        )),
        (None, Some(most)) if is & !most != 0 => Some(Finding::failed(
            Code::TooOpen,
            format!("the permissions of {path} are {is:04o}, more than {most:04o}"),
            format!("run `chmod {:04o} {path}`", is & most),
        )),
        (None, None) => None,
        _ => Some(Finding::passed(format!("the permissions of {path} are {is:04o}"))),
    }
}

fn age(scope: &Scope, file: &OwnFile, stat: &FileStat) -> Option<Finding> {
    file.age.warn.or(file.age.crit)?;
    let path = file.path.display();
    let now = scope.context().clock.now().as_nanosecond();
    #[allow(clippy::cast_precision_loss, reason = "an age needs no nanoseconds")]
    let seconds = (now - stat.modified_ns) as f64 / 1e9;
    let message = || format!("{path} changed {} ago", shown_age(seconds));
    let hint = "find out who should have written it since, and why he did not";
    Some(growing(Measurement::new("age", seconds, "s"), &file.age, Code::Stale, message, hint))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a size of 2^53 bytes may be judged to the nearest byte or two"
)]
fn size(file: &OwnFile, stat: &FileStat) -> Option<Finding> {
    let (path, bytes) = (file.path.display(), stat.size as f64);
    if let Some(least) = file.min_bytes.filter(|least| stat.size < *least) {
        let least = least as f64;
        let message =
            format!("{path} has {}, expected at least {}", quantity(bytes, "B"), quantity(least, "B"));
        let hint = "find out who wrote it and whether he was interrupted; look for a full disk";
        let measurement = Measurement::new("size", bytes, "B").critical_at(least);
        return Some(Finding::failed(Code::TooSmall, message, hint).measured(measurement));
    }
    if file.min_bytes.is_none() && file.size.warn.or(file.size.crit).is_none() {
        return None;
    }
    let message = || format!("{path} has {}", quantity(bytes, "B"));
    let hint = "rotate it, clear it away, or find out who fills it";
    Some(growing(Measurement::new("size", bytes, "B"), &file.size, Code::TooLarge, message, hint))
}
