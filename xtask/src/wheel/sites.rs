//! The wheel in sites of other versions: each Python with the Django that goes with it, with times that know their zone and
//! without, with MariaDB and with SQLite. All of them are the fixture site of one set of servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::debian::{alone, tree};
use super::tools;
use crate::run::{output, root, target};
use crate::servers::program::tool;
use crate::servers::store::{Store, fingerprint};

/// A release of Debian, its Python, and a series of Django.
const SITES: [(&str, &str, &str); 4] = [
    ("bullseye", "3.9", "4.2"),
    ("bookworm", "3.11", "4.2"),
    ("bookworm", "3.11", "5.2"),
    ("trixie", "3.13", "5.2"),
];

/// What the site needs beside Django; what else these need is up to pip, which knows it for each Python. No driver of the
/// database that is compiled.
const PACKAGES: [&str; 6] = [
    "celery==5.6.3",
    "django-haystack==3.4.0",
    "elasticsearch==5.5.3",
    "pymemcache==4.0.0",
    "PyMySQL>=1.1",
    // What Python has since 3.11 as `tomllib`: the site reads the servers' configuration.
    "tomli>=2",
];

/// The one of them that is no wheel on PyPI.
const UNBUILT: &str = "django-haystack==3.4.0";

/// PyMySQL in the place of the usual driver. By itself it sends passwords in latin1, where the servers' is UTF-8.
const DRIVER: &str = r#"
import pymysql
pymysql.install_as_MySQLdb()
connect = pymysql.connections.Connection.__init__
def in_utf8(self, *args, **options):
    connect(self, *args, **{**options, "password": options.get("password", "").encode()})
pymysql.connections.Connection.__init__ = in_utf8
"#;

/// What looks at the servers and not at the machine, which is another one in a tree.
const COMPARED: [&str; 9] = [
    "broker.connection",
    "cache.",
    "celery.beat",
    "celery.nodes",
    "celery.queue.",
    "database.",
    "django.",
    "email.",
    "search.",
];

/// How often a site is asked: a machine that is busy makes one run wait for a worker, and another not.
const ATTEMPTS: u32 = 3;

/// What a Debian must show of this machine, and the site's command in it four times. The arguments: the tree, the packages,
/// the wheel, the directory of the servers, the account as `UID:GID`, its home, the file for SQLite, [`DRIVER`], and the
/// environment of the site's Python, whose place the one in the tree takes.
const RUN: &str = r#"set -e
mount -t tmpfs tmpfs "$1/mnt"
mount -t tmpfs tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
mkdir -p "$1/mnt/packages" "$1/$4" "$1/${9%/*}"
mount --bind "$2" "$1/mnt/packages"
mount --rbind "$4" "$1/$4"
mount --bind /etc/passwd "$1/etc/passwd"
mount --bind /etc/group "$1/etc/group"
mount -t tmpfs tmpfs "$1/${9%/*}"
ln -s /mnt/venv "$1/$9"
cp "$3" "$1/mnt/"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$1" sh -ec '
python3 -m venv /mnt/venv >&2
/mnt/venv/bin/python -m pip install --quiet --no-index --no-deps /mnt/packages/*.whl /mnt/*.whl >&2
for packages in /mnt/venv/lib/python3*/site-packages; do
    printf "%s" "$5" >"$packages/mysql_driver.py"
    echo "import mysql_driver" >"$packages/mysql.pth"
done
cd "$1/site"
for tz in 0 1; do
    for sqlite in "" "$4"; do
        setpriv --reuid="${2%:*}" --regid="${2#*:}" --clear-groups env HOME="$3" PYTHONDONTWRITEBYTECODE=1 \
            SITE_FIXTURE_USE_TZ=$tz SITE_FIXTURE_SQLITE="$sqlite" \
            /mnt/venv/bin/python manage.py check_things --format json || [ $? = 1 ]
    done
done' sh "$4" "$5" "$6" "$7" "$8"
"#;

/// Makes the site's tables and rows in a file.
const FILL: &str = "import datetime; from coredata.seed import seed; seed(datetime.date.today())";

/// What each check says: its status, and the codes of its findings.
type Said = BTreeMap<String, (String, BTreeSet<String>)>;

/// Runs `check_things` of the fixture site in each of them, beside the program. Needs root, and servers that are up.
///
/// # Errors
/// Debian or PyPI cannot be reached; the package says something else than the program.
pub fn try_in_sites(wheel: &Path, config: &str) -> Result<()> {
    let site = Site::of(config)?;
    let sqlite = site.fill_sqlite()?;
    for (suite, python, django) in SITES {
        let packages = packages(python, django)?;
        let mut different = Vec::new();
        for _ in 0..ATTEMPTS {
            let said = site.ask(&tree(suite)?, &packages, wheel, &sqlite);
            let said = said.with_context(|| format!("Django {django} on {suite}"))?;
            let [mysql, lite] = [site.program(&[])?, site.program_on(&sqlite)?];
            different = said.iter().zip([&mysql, &lite].into_iter().cycle()).flat_map(differences).collect();
            if said.len() != 4 {
                bail!("Django {django} on {suite} gave {} reports", said.len());
            }
            if different.is_empty() {
                break;
            }
        }
        if !different.is_empty() {
            bail!("Django {django} on {suite} says something else:\n  {}", different.join("\n  "));
        }
        eprintln!("{suite}: Python {python}, Django {django}: MariaDB and SQLite, with zones and without");
    }
    Ok(())
}

/// The fixture site of a set of servers.
struct Site {
    config: String,
    root: PathBuf,
    python: String,
    user: String,
    home: String,
    /// `UID:GID`
    account: String,
}

impl Site {
    fn of(config: &str) -> Result<Self> {
        let table: toml::Table = fs::read_to_string(config)?.parse()?;
        let key = |name: &str| {
            let value = table.get("site").and_then(|site| site.get(name)).and_then(toml::Value::as_str);
            value.map(str::to_owned).with_context(|| format!("`site.{name}` is not in `{config}`"))
        };
        let user = key("user")?;
        let id = |what| output(&["id", what, &user], root());
        let account = format!("{}:{}", id("-u")?.trim(), id("-g")?.trim());
        let directory = Path::new(config).parent().context("a file has a directory")?.to_owned();
        Ok(Self {
            config: config.to_owned(),
            root: directory,
            python: key("python")?,
            home: key("user_home")?,
            user,
            account,
        })
    }

    /// Runs a program as the site's user.
    fn run(&self, argv: &[&str]) -> Result<String> {
        let user = ["runuser", "--user", &self.user, "--"];
        output(&[&user[..], argv].concat(), &self.root.join("site"))
    }

    /// A file with the tables and rows of the site.
    fn fill_sqlite(&self) -> Result<String> {
        let file = format!("{}/site.sqlite3", self.home);
        let variable = format!("SITE_FIXTURE_SQLITE={file}");
        let manage = ["env", &variable, &self.python, "manage.py"];
        self.run(&[&manage[..], &["migrate", "--verbosity=0"]].concat())?;
        self.run(&[&manage[..], &["shell", "--command", FILL]].concat())?;
        Ok(file)
    }

    /// The four reports of the site in this tree.
    fn ask(&self, tree: &Path, packages: &Path, wheel: &Path, sqlite: &str) -> Result<Vec<Said>> {
        let environment =
            self.python.strip_suffix("/bin/python").context("the site's Python has an environment")?;
        let [tree, packages, wheel, root] =
            [tree, packages, wheel, &self.root].map(|path| path.to_string_lossy().into_owned());
        let of_site = [&*self.account, &self.home, sqlite, DRIVER, environment];
        let told = alone(RUN, &[&[&*tree, &packages, &wheel, &root][..], &of_site].concat())?;
        reports(&told)
    }

    /// What the program says, as the site's user.
    fn program(&self, more: &[&str]) -> Result<Said> {
        let program = target().join("debug/coursys-ops").to_string_lossy().into_owned();
        let argv = [&program, "--config", &self.config, "check", "--format", "json"];
        // It exits with 1 when something is not well, as SQLite's site is not.
        let script = ["sh", "-c", "\"$@\" || [ $? = 1 ]", "sh"];
        let told = self.run(&[&script[..], &argv, more].concat())?;
        reports(&told)?.pop().context("a report")
    }

    fn program_on(&self, sqlite: &str) -> Result<Said> {
        let name = format!("database.name={sqlite}");
        self.program(&["--set", "database.engine=sqlite", "--set", &name])
    }
}

/// The wheels of a site with this Python and Django, fetched from PyPI the first time.
fn packages(python: &str, django: &str) -> Result<PathBuf> {
    let django = format!("Django=={django}.*");
    let wanted: Vec<&str> = PACKAGES.into_iter().chain([&*django]).collect();
    let key = fingerprint(&[wanted.join(" ").as_bytes(), python.as_bytes()]);
    Store::open()?.complete(&format!("wheels-{key:016x}"), |directory| {
        let pip = tools()?.join("python").to_string_lossy().into_owned();
        let pip = [&*pip, "-m", "pip"];
        let place = directory.to_string_lossy();
        let built = ["wheel", "--quiet", "--no-deps", "--wheel-dir", &place, UNBUILT];
        tool(&[&pip[..], &built].concat(), &[], None)?;
        let fetched = ["download", "--quiet", "--dest", &place, "--find-links", &place];
        let fetched = [&fetched[..], &["--only-binary=:all:", "--python-version", python], &wanted].concat();
        tool(&[&pip[..], &fetched].concat(), &[], None)
    })
}

/// What was said in documents that follow each other, among lines that the site's settings print.
fn reports(told: &str) -> Result<Vec<Said>> {
    let text: String = told.lines().filter(|line| !line.starts_with("site_fixture: ")).collect();
    let reports = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    reports
        .map(|report| outcome(&report.context("the site prints no report")?).context("a report of checks"))
        .collect()
}

fn outcome(report: &Value) -> Option<Said> {
    let one = |check: &Value| {
        let text = |key: &str| check.get(key)?.as_str().map(str::to_owned);
        let codes = check.get("findings")?.as_array()?.iter();
        let codes = codes.filter_map(|finding| finding.get("code")?.as_str()).map(str::to_owned);
        // ODBC is in the program alone, not in wheels.
        let codes = codes.filter(|code| code != "not_built_in").collect();
        Some((text("id")?, (text("status")?, codes)))
    };
    report.get("checks")?.as_array()?.iter().map(one).collect()
}

/// How the first differs from the second, in what both can know; what only Django can check must not be unknown.
fn differences((site, program): (&Said, &Said)) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, said) in site {
        let compared = COMPARED.iter().any(|prefix| id.starts_with(prefix));
        match program.get(id) {
            Some(theirs) if compared && theirs != said => {
                lines.push(format!("{id}: {said:?}, and the program {theirs:?}"));
            }
            None if compared && said.0 == "unknown" => lines.push(format!("{id}: {said:?}")),
            _ => {}
        }
    }
    if site.is_empty() || !site.contains_key("django.cache.unicode") {
        lines.push("the checks of Django are missing".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "site_fixture: settings loaded\n{\"checks\": [{\"id\": \"database.connection\", \
        \"status\": \"passed\",\n\"findings\": [{\"code\": \"ok\"}]}, {\"id\": \"django.cache.unicode\", \"status\": \"passed\", \
        \"findings\": []}]}\nsite_fixture: settings loaded\n{\"checks\": []}\n";

    #[test]
    fn each_report_is_read_among_what_the_settings_print() {
        let said = reports(LINES).unwrap();
        assert_eq!(said.len(), 2);
        assert_eq!(said[0]["database.connection"], ("passed".to_owned(), BTreeSet::from(["ok".to_owned()])));
        assert!(reports("Traceback").is_err());
        assert!(reports("{\"checks\": [] ").is_err());
    }

    #[test]
    fn another_status_or_code_is_a_difference_and_so_is_a_site_without_its_own_checks() {
        let said = reports(LINES).unwrap();
        assert!(differences((&said[0], &said[0])).is_empty());
        let mut other = said[0].clone();
        other.get_mut("database.connection").unwrap().0 = "failed".to_owned();
        assert_eq!(differences((&said[0], &other)).len(), 1);
        assert_eq!(differences((&said[1], &said[0])).len(), 1);
    }
}
