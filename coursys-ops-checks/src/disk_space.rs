//! `disk.space.*`: enough is free where the site writes.

use std::path::PathBuf;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, Disk};
use coursys_ops_core::helper::{Ask, Refusal, Space};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::process::User;
use coursys_ops_core::{Check, Scope};
use rustix::io::Errno;

use crate::helper_answer::ask;

/// Bytes in a GiB, the unit of the thresholds.
const GIB: f64 = (1_u64 << 30) as f64;

/// A place that must not fill up.
struct Place {
    /// The last word of the check's id.
    word: &'static str,
    /// For people.
    name: &'static str,
    /// The key of its directory, if it has one; then `files.writable.*` says whether it is there and answers at all.
    key: Option<&'static str>,
    path: fn(&Config) -> Option<PathBuf>,
    /// How much must be free, in GiB.
    least_gib: fn(&Disk) -> f64,
    least_key: &'static str,
}

const PLACES: [Place; 4] = [
    Place {
        word: "dumps",
        name: "database dumps",
        key: Some("files.dumps"),
        path: |config| config.files.dumps.clone(),
        least_gib: |disk| disk.dumps_gib,
        least_key: "disk.dumps_gib",
    },
    Place {
        word: "root",
        name: "/",
        key: None,
        path: |_| Some("/".into()),
        least_gib: |disk| disk.root_gib,
        least_key: "disk.root_gib",
    },
    Place {
        word: "submitted",
        name: "submitted files",
        key: Some("files.submitted"),
        path: |config| config.files.submitted.clone(),
        least_gib: |disk| disk.submitted_gib,
        least_key: "disk.submitted_gib",
    },
    Place {
        word: "tmp",
        name: "/tmp",
        key: None,
        path: |_| Some("/tmp".into()),
        least_gib: |disk| disk.tmp_gib,
        least_key: "disk.tmp_gib",
    },
];

/// One check for each place.
pub(crate) fn all() -> impl Iterator<Item = std::sync::Arc<dyn Check>> {
    PLACES.into_iter().map(|place| DiskSpace::new(place).shared())
}

/// The check.
struct DiskSpace {
    spec: CheckSpec,
    place: Place,
}

impl DiskSpace {
    fn new(place: Place) -> Self {
        let mut spec = CheckSpec::new(
            format!("disk.space.{}", place.word),
            format!("Disk space for {}", place.name),
        )
        .timeout_hint("the file system hangs: look at its mount, its server and the network between")
        .explanation(format!(
            "Compares what an ordinary user can still write ({}) with `{}`, in GiB, and the share of inodes that \
             is free with `disk.inodes_percent`; a file system that does not count inodes passes on bytes alone. \
             It asks in a process of its own, because network storage can hang for ever.\n\n\
             A full disk stops uploads, dumps and logs at once, and Elasticsearch refuses writes below 5 %.\n\n\
             When it fails: `du -x --max-depth=2` or `ncdu -x` finds what is large; `df -i` and many small files \
             (sessions, caches, mail) are behind a lack of inodes.",
            place.key.map_or_else(|| place.name.to_owned(), |key| format!("in `{key}`")),
            place.least_key,
        ));
        if place.key.is_some() {
            spec = spec.needs(format!("files.writable.{}", place.word));
        }
        Self { spec, place }
    }

    fn shared(self) -> std::sync::Arc<dyn Check> {
        std::sync::Arc::new(self)
    }
}

#[async_trait]
impl Check for DiskSpace {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        space(scope, &self.place).await.unwrap_or_else(|failed| vec![failed])
    }
}

async fn space(scope: &Scope, place: &Place) -> Result<Vec<Finding>, Finding> {
    let config = scope.config();
    let Some(path) = (place.path)(config) else {
        return Err(Finding::not_configured(place.key.unwrap_or_default()));
    };
    let path = config.site.dir.join(path);
    let user = asker(scope, place).await;
    let shown = path.display().to_string();
    match ask::<Space>(scope, Ask::Space(path), user).await? {
        Ok(space) => {
            let least_bytes = (place.least_gib)(&config.disk) * GIB;
            Ok(vec![
                bytes(&space, &shown, least_bytes, place.least_key),
                inodes(&space, &shown, config.disk.inodes_percent),
            ])
        }
        Err(refusal) => Err(refused(&refusal, &shown, place)),
    }
}

/// Who can see the place: network storage may keep root out and let the site's user in. That there is no such user is
/// for `files.writable.*` to say.
async fn asker(scope: &Scope, place: &Place) -> Option<User> {
    if place.key.is_none() { None } else { scope.site_user().await.ok().flatten() }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a file system of 2^53 bytes may be judged to the nearest byte or two"
)]
fn bytes(space: &Space, path: &str, least: f64, key: &str) -> Finding {
    let free = space.free_bytes as f64;
    let percent = percent(space.free_bytes, space.total_bytes).unwrap_or(0.0);
    let message = format!("{:.1} GiB ({percent:.0} %) are free in {path}", free / GIB);
    let finding = if free < least {
        Finding::failed(
            Code::LowSpace,
            format!("{message}, {:.1} GiB should be", least / GIB),
            format!("remove or move what is not needed (`du -x`), or lower `{key}`"),
        )
    } else {
        Finding::passed(message)
    };
    finding.measured(Measurement::new("free_bytes", free, "B").critical_at(least)).measured(Measurement::new(
        "free_percent",
        percent,
        "%",
    ))
}

fn inodes(space: &Space, path: &str, least: f64) -> Finding {
    let Some(percent) = percent(space.free_inodes, space.total_inodes) else {
        return Finding::passed(format!("the file system of {path} does not count inodes"));
    };
    let message = format!("{percent:.0} % of the inodes are free in {path}");
    let finding = if percent < least {
        Finding::failed(
            Code::LowInodes,
            format!("{message}, {least:.0} % should be"),
            "look for many small files (`du --inodes -x`), or lower `disk.inodes_percent`",
        )
    } else {
        Finding::passed(message)
    };
    finding.measured(Measurement::new("free_inodes_percent", percent, "%").critical_at(least))
}

/// How much of it is free, unless nothing is counted.
#[allow(clippy::cast_precision_loss, reason = "a percentage needs no 53 bits")]
fn percent(free: u64, total: u64) -> Option<f64> {
    (total > 0).then(|| free as f64 / total as f64 * 100.0)
}

/// What it means that the operating system refused.
fn refused(refusal: &Refusal, path: &str, place: &Place) -> Finding {
    let correct = place.key.map_or_else(String::new, |key| format!(", or correct `{key}`"));
    if refusal.is(Errno::NOENT) || refusal.is(Errno::NOTDIR) {
        let hint = format!("mount or make it{correct}");
        Finding::failed(Code::NotFound, format!("{path} does not exist"), hint)
    } else if refusal.is(Errno::ACCESS) {
        Finding::skipped(Code::NotPermitted, format!("this user may not look into {path}"))
            .with_hint("run the check with sudo")
    } else {
        let hint = "look at the kernel's log, the mount and its server";
        Finding::failed(
            Code::ServerError,
            format!("cannot ask for the space in {path}: {}", refusal.message),
            hint,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(free_gib: u64, free_inodes: u64, total_inodes: u64) -> Space {
        Space { free_bytes: free_gib << 30, total_bytes: 100 << 30, free_inodes, total_inodes }
    }

    #[test]
    fn exactly_the_threshold_is_enough_and_a_byte_less_is_not() {
        let least = 4.0 * GIB;
        let enough = space(4, 0, 0);
        assert_eq!(bytes(&enough, "/tmp", least, "disk.tmp_gib").code, Code::Ok);
        let short = Space { free_bytes: enough.free_bytes - 1, ..enough };
        let finding = bytes(&short, "/tmp", least, "disk.tmp_gib");
        assert_eq!(finding.code, Code::LowSpace);
        let measured = &finding.measurements[0];
        assert_eq!((measured.name.as_str(), measured.crit), ("free_bytes", Some(least)));
    }

    #[test]
    fn a_lack_of_inodes_fails_where_they_are_counted_and_only_there() {
        assert_eq!(inodes(&space(1, 4, 100), "/", 5.0).code, Code::LowInodes);
        assert_eq!(inodes(&space(1, 5, 100), "/", 5.0).code, Code::Ok);
        let uncounted = inodes(&space(1, 0, 0), "/", 5.0);
        assert_eq!((uncounted.code, uncounted.measurements.len()), (Code::Ok, 0));
    }

    #[test]
    fn a_missing_directory_names_its_key() {
        let [dumps, ..] = PLACES;
        let finding = refused(&Refusal::from(Errno::NOENT), "/filestore", &dumps);
        assert_eq!(finding.code, Code::NotFound);
        assert!(finding.hint.unwrap().contains("files.dumps"));
    }
}
