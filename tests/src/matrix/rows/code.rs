//! Faults of the site's code: its state in git, what runs of it, its settings, its Python, MOSS.

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [state(), repository(), workers(), settings(), python(), moss()].into_iter().flatten().collect()
}

/// Work tree and branch are not as they should be.
fn state() -> Vec<Fault> {
    let state = |name: &str, mechanism: &'static str, script: &str, says: &str| {
        Fault::new(name, mechanism).with(inject::in_site(script)).culprit("code.state", says)
    };
    vec![
        state(
            "a file was edited on the server",
            "uncommitted work",
            "echo >> coredata/views.py",
            "failed uncommitted",
        )
        .telling("coredata/views.py"),
        state("a tracked file was removed", "uncommitted work", "rm docs/urls.py", "failed uncommitted")
            .telling("docs/urls.py"),
        state(
            "a file lies there that nobody knows",
            "uncommitted work",
            "touch dump.sql",
            "warning untracked",
        )
        .telling("`dump.sql`"),
        state(
            "the code is on another branch",
            "other branch",
            "git checkout -qb hotfix",
            "failed wrong_branch",
        )
        .telling("hotfix"),
        state("HEAD is on no branch", "other branch", "git checkout -q --detach", "failed detached_head"),
        state(
            "a commit was made on the server",
            "commits apart",
            "echo >> README.md; git commit -qm x README.md",
            "warning ahead",
        )
        .telling("1 commit"),
        state("a merge stopped at a conflict", "uncommitted work", MERGE, "failed unfinished+uncommitted")
            .telling("git merge --abort"),
        state(
            "the branch follows no other",
            "other branch",
            "git branch --unset-upstream",
            "warning no_upstream",
        ),
        state(
            "git was killed and left its lock",
            "broken repository",
            "touch -d '10 minutes ago' .git/index.lock",
            "warning left_over",
        )
        .telling("index.lock"),
        state(
            "the index is corrupt",
            "broken repository",
            "echo garbage > .git/index",
            "failed broken_repository",
        ),
        state(
            "the index never gives its contents",
            "hung program",
            "rm .git/index; mkfifo .git/index",
            "failed timeout",
        ),
        Fault::new("commits wait to be pulled", "commits apart")
            .with(inject::in_site(BEHIND))
            .culprit("code.state", "warning behind")
            .telling("lacks 2 commits"),
    ]
}

/// Ends in a conflict.
const MERGE: &str =
    "git checkout -qb other; echo a > README.md; git commit -qm a README.md; git checkout -q master
    echo b > README.md; git commit -qm b README.md; git merge other || true";

/// Somebody else made two commits, which were fetched and not merged.
const BEHIND: &str = "clone=$(mktemp -d); git clone -q . $clone
    (cd $clone; git commit -q --allow-empty -m one; git commit -q --allow-empty -m two)
    git fetch -q $clone HEAD:refs/remotes/origin/master; rm -rf $clone";

/// Git refuses the repository, or would run what it names.
fn repository() -> Vec<Fault> {
    vec![
        Fault::new("the repository belongs to root", "wrong owner")
            .with(inject::chown("site/.git", 0, 0))
            .culprit("code.state", "failed wrong_owner")
            .also("code.workers", "skipped wrong_owner"),
        Fault::new("the repository is gone", "missing file")
            .with(inject::missing("site/.git"))
            .culprit("code.state", "failed not_found")
            .also("code.workers", "skipped not_found"),
        Fault::new("the repository's configuration names programs", "hostile repository")
            .with(inject::in_site("touch dump.sql"))
            .with(inject::runs_nothing)
            .culprit("code.state", "warning untracked"),
    ]
}

/// The code is newer than what runs.
fn workers() -> Vec<Fault> {
    vec![
        Fault::new("new code was pulled and nothing restarted", "code moved")
            .with(inject::pulled("echo '# new' >> coredata/views.py"))
            .culprit("code.workers", "failed old_code")
            .telling("coredata/views.py")
            .telling("Ann Admin")
            .telling("systemctl reload gunicorn"),
        Fault::new("new code was pulled and only gunicorn reloaded", "code moved")
            .with(inject::pulled("echo '# new' >> coredata/tasks.py"))
            .with(inject::reloaded)
            .culprit("code.workers", "failed mixed_code")
            .telling("systemctl restart celery"),
        Fault::new("code was pulled, and then a text", "code moved")
            .with(inject::pulled("echo '# new' >> docs/views.py"))
            .with(|scene| {
                let again = "echo >> README.md; git commit -qm text README.md; git update-ref refs/remotes/origin/master HEAD";
                inject::in_site(again)(scene);
            })
            .culprit("code.workers", "failed old_code")
            .telling("docs/views.py"),
        // It makes nobody old; the commit itself is one that nobody else has.
        Fault::new("a text was changed that is no code", "commits apart")
            .with(inject::in_site("echo >> README.md; git commit -qm text README.md"))
            .culprit("code.state", "warning ahead"),
    ]
}

/// The site's settings are not those of the configuration.
fn settings() -> Vec<Fault> {
    vec![
        Fault::new("the site got another account for its mail", "settings changed")
            .with(inject::in_site(&edited(
                "f['email']['user'] = 'other'; f['email']['password'] = 'an0ther one'",
            )))
            .slow()
            .culprit("code.settings", "failed differs")
            .telling("the site has `other` for `email.user`")
            .telling("another `email.password`"),
        Fault::new("the site moved to another time server", "settings changed")
            .with(inject::in_site(&edited("f['ntp']['host'] = 'time.example.ca'")))
            .slow()
            .culprit("code.settings", "failed differs")
            .telling("time.example.ca"),
    ]
}

/// Changes the file that the site's settings are read from.
fn edited(change: &str) -> String {
    format!(
        "python3 -c \"import json; f = json.load(open('fixture.json')); {change}; json.dump(f, open('fixture.json', 'w'))\""
    )
}

/// Of tier deploy, it asks the same Python before `site.python`, which is slow, and cannot need it.
const MIGRATIONS: &str = "database.migrations";

/// The site's Python does not start, or Django complains.
fn python() -> Vec<Fault> {
    let settings = |name: &str, line: &str| {
        Fault::new(name, "broken settings")
            .with(inject::in_site(&format!("echo '{line}' >> site_fixture/settings.py")))
            .slow()
            .culprit("site.python", "failed site_failed")
            .telling("site_fixture/settings.py")
            .also(MIGRATIONS, "failed site_failed")
            .also("code.state", "failed uncommitted")
    };
    vec![
        Fault::new("the site's settings cannot be read", "broken settings")
            .with(inject::replaced("site/fixture.json", "{"))
            .slow()
            .culprit("site.python", "failed site_failed")
            .telling("not JSON")
            .also(MIGRATIONS, "failed site_failed"),
        settings("the site's settings have a syntax error", "DEBUG = = True"),
        settings("the site's settings import what is not installed", "import nonsense_module"),
        Fault::new("the site's settings hang when they are imported", "hung program")
            .with(inject::in_site("rm fixture.json; mkfifo fixture.json"))
            .slow()
            .culprit("site.python", "failed timeout")
            .also(MIGRATIONS, "failed timeout"),
        Fault::new("two relations of a model have one name", "broken settings")
            .with(inject::in_site(&format!("cat >> coredata/models.py <<'END'\n{CLASH}END")))
            .slow()
            .culprit("site.python", "failed system_check")
            .telling("fields.E304")
            .also("code.state", "failed uncommitted"),
        Fault::new("the virtual environment is gone", "missing program")
            .set("site.python", "/no/such/python")
            .slow()
            .culprit("site.python", "failed not_found")
            .also(MIGRATIONS, "failed site_failed|failed not_found"),
    ]
}

/// Two models whose relations to a third clash there.
const CLASH: &str = "

class ClashA(models.Model):
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name='clash')


class ClashB(models.Model):
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name='clash')
";

/// The program that compares submissions is not to be run.
fn moss() -> Vec<Fault> {
    let broken = |name: &str, text: &'static str| {
        Fault::new(name, "broken program")
            .with(inject::replaced("site/moss/moss.pl", text))
            .culprit("moss.executable", "failed not_runnable")
    };
    vec![
        Fault::new("MOSS was not copied to the server", "missing file")
            .with(inject::missing("site/moss/moss.pl"))
            .culprit("moss.executable", "failed not_found"),
        Fault::new("MOSS lost its mode", "wrong mode")
            .with(inject::chmod("site/moss/moss.pl", 0o644))
            .culprit("moss.executable", "failed not_executable"),
        broken("MOSS has a syntax error", "#!/usr/bin/perl\nuse strict;\nmy $x = ;\n")
            .telling("syntax error"),
        broken("MOSS needs a module that is not installed", "#!/usr/bin/perl -w\nuse No::Such::Module;\n")
            .telling("No/Such/Module.pm"),
        broken("the interpreter of MOSS is missing", "#!/no/such/perl\nexit;\n").telling("/no/such/perl"),
    ]
}
