//! The site's directory as a git clone: commits, branches, leftovers, and configurations that name programs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::gunicorn;
use super::process::as_site;
use crate::matrix::Scene;

/// Makes a commit of the site elsewhere, with this change, and gets it as `git pull` does: HEAD and the branch that it
/// follows move. `$clone` is the other clone.
const PULL: &str = "clone=$(mktemp --directory)
git clone --quiet . \"$clone\"
(cd \"$clone\" && CHANGE && git commit --quiet --all --message 'A change')
git fetch --quiet \"$clone\" HEAD:refs/remotes/origin/master
rm --recursive --force \"$clone\"
git merge --quiet --ff-only origin/master";

/// Puts every file of the site's directory back as it was, git's own among them. The directory itself stays: processes
/// work in it.
struct Restored {
    site: PathBuf,
    aside: PathBuf,
}

impl Restored {
    fn of(scene: &Scene<'_>) -> Self {
        let site = scene.servers.root().join("site");
        // One for each: a row may change the directory twice.
        let aside = tempfile::Builder::new().prefix("site-").tempdir_in(scene.servers.root().join("run"));
        let aside = aside.unwrap().keep();
        let copied = Command::new("cp").arg("--archive").arg(site.join(".")).arg(&aside).status().unwrap();
        assert!(copied.success(), "cp: {copied}");
        Self { site, aside }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let entries =
            |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in entries(&self.site) {
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
        for path in entries(&self.aside) {
            let _ = fs::rename(&path, self.site.join(path.file_name().unwrap_or_default()));
        }
        let _ = fs::remove_dir(&self.aside);
    }
}

/// Runs a shell script in the site's directory as its user, who has a name for commits.
pub fn in_site(script: &str) -> impl Fn(&mut Scene<'_>) + use<> {
    let script = script.to_owned();
    move |scene| {
        scene.hold(Restored::of(scene));
        let mut command = as_site(scene, &["sh", "-euc", &script]);
        command.env("TMPDIR", scene.servers.tmp()).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Ann Admin")
                .env(format!("GIT_{who}_EMAIL"), "ann@coursys.test");
        }
        let output = command.output().expect("the script starts");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Pulls a commit with a change that a shell command makes.
pub fn pulled(change: &str) -> impl Fn(&mut Scene<'_>) + use<> {
    in_site(&PULL.replace("CHANGE", change))
}

/// gunicorn was reloaded as systemd does it. A process that starts in the second of a commit counts as new, and a real
/// reload comes later: hence the pause.
pub fn reloaded(scene: &mut Scene<'_>) {
    std::thread::sleep(Duration::from_secs(1));
    gunicorn::reload(scene.servers).unwrap();
}

/// Fails the row when root has run one of the programs that the repository's configuration names, or anybody one of those
/// that a look never needs. Each program leaves a file of its name in a directory.
struct RunsNothing(PathBuf);

impl Drop for RunsNothing {
    fn drop(&mut self) {
        let marks: Vec<(String, u32)> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().display().to_string(), entry.metadata().ok()?.uid())))
            .collect();
        let _ = fs::remove_dir_all(&self.0);
        // What changes files on their way to git runs where git compares them: as the site's user, whose files they are.
        let wrong: Vec<_> = marks.iter().filter(|(name, uid)| *uid == 0 || name != "filter").collect();
        assert!(
            wrong.is_empty() || std::thread::panicking(),
            "programs of the repository were run: {wrong:?}"
        );
    }
}

/// The repository's configuration names a program wherever git takes one; none may run but as the site's user, and those
/// that slow a look down not at all.
pub fn runs_nothing(scene: &mut Scene<'_>) {
    let marks = scene.servers.root().join("run/marks");
    fs::create_dir(&marks).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&marks, open).unwrap();
    scene.hold(RunsNothing(marks.clone()));
    let program = |name: &str| format!("touch {}; sleep 60", marks.join(name).display());
    let keys = [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "diff.external",
        "gpg.program",
        "alias.status",
        "alias.log",
        "credential.helper",
    ];
    let mut script = String::from("git config log.showSignature true\ngit config core.untrackedCache true\n");
    for key in keys {
        let name = key.replace('.', "-");
        let alias = if key.starts_with("alias") { "!" } else { "" };
        script += &format!("git config {key} '{alias}sh -c \"{}\"'\n", program(&name));
    }
    script += &format!(
        "git config filter.mark.clean 'touch {}; cat'\necho '*.md filter=mark' > .git/info/attributes\n\
         touch README.md\n",
        marks.join("filter").display()
    );
    script += &format!(
        "for hook in post-index-change fsmonitor-watchman reference-transaction post-checkout; do\n\
         printf '#!/bin/sh\\ntouch {}\\n' > .git/hooks/$hook\nchmod +x .git/hooks/$hook\ndone\n",
        marks.join("hook").display()
    );
    in_site(&script)(scene);
}
