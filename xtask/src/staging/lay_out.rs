//! From a Debian that has just been switched on to a server of layout `vm` whose site answers.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::enter::{As, logged};
use super::instance::Instance;
use super::{files, outside, program, settings};
use crate::servers::account::{Account, named};
use crate::servers::plan::ConfigFile;
use crate::servers::program::tool;
use crate::servers::site;

/// Units that are started at the end, in this order.
const UNITS: [&str; 5] = ["nginx", "gunicorn", "celery", "celerybeat", "staging-freshen"];

/// What is made for the site beside Debian: its packages, unpacked or installed somewhere.
pub struct Parts<'a> {
    /// The virtual environment.
    pub environment: &'a Path,
}

/// Lays everything out and starts it. What it prints goes to `log`.
///
/// # Errors
/// Whatever fails first; with the end of the log.
pub fn lay_out(instance: &Instance, parts: &Parts<'_>, log: &Path) -> Result<()> {
    let root = instance.root()?;
    let run = |argv: &[&str]| logged(instance, As::Root, argv, None, log);
    let (staging, scripts) = (files::source(), root.join("root"));
    for script in ["users.sh", "site.sh"] {
        fs::copy(staging.join(script), scripts.join(script))?;
    }
    for tree in ["common", "vm"] {
        files::copy_tree(&staging.join(tree), &root)?;
    }
    run(&["/root/users.sh"])?;
    run(&["systemctl", "daemon-reload"])?;
    // It was started without its configuration.
    run(&["systemctl", "restart", "docker"])?;
    let passwd = fs::read_to_string(root.join("etc/passwd"))?;
    let setting = outside::setting(&passwd)?;
    let coursys = named(&passwd, "coursys")?;
    outside::make(instance, &setting, log)?;

    files::copy_tree(&site::source(), &root.join("coursys"))?;
    // Again, over the site's own.
    files::copy_tree(&staging.join("vm/coursys"), &root.join("coursys"))?;
    let own = |path: &str, content: String| ConfigFile::private(path, &coursys, content);
    files::write(&root, &own("/coursys/fixture.json", settings::site(&setting)?))?;
    let password = &setting.names.secrets.broker;
    files::write(&root, &own("/coursys/.env", format!("RABBITMQ_PASSWORD={password}\n")))?;
    kerberos(&root, &coursys)?;
    configure(&root, &setting)?;
    program::refresh(instance)?;

    let environment = parts.environment.to_string_lossy();
    let target = root.join("venv").to_string_lossy().into_owned();
    tool(&["cp", "--archive", "--no-target-directory", &environment, &target], &[], None)?;
    run(&["/root/site.sh", &environment])?;
    run(&["systemctl", "daemon-reload"])?;
    run(&["systemctl", "enable", "--quiet", "docker", "cron"])?;
    // It was started by its package, with Debian's own page.
    run(&["systemctl", "restart", "nginx", "cron"])?;
    run(&[&["systemctl", "enable", "--quiet", "--now"], &UNITS[..]].concat())
}

/// The site's account has its own copy of what the KDC's administrator made for it.
fn kerberos(root: &Path, coursys: &Account) -> Result<()> {
    for name in ["username", "adsfu.keytab"] {
        let target = root.join("home/coursys/kerberos").join(name);
        fs::copy(root.join("srv/outside/home/kerberos").join(name), &target)
            .with_context(|| format!("failed to write `{}`", target.display()))?;
        crate::servers::account::give(&target, coursys)?;
    }
    Ok(())
}

fn configure(root: &Path, setting: &crate::servers::setting::Setting) -> Result<()> {
    let groups = fs::read_to_string(root.join("etc/group"))?;
    let adm = groups.lines().find_map(|line| line.strip_prefix("adm:x:")?.split(':').next()?.parse().ok());
    let (directories, configuration) = settings::program(setting, adm.context("there is no group `adm`")?)?;
    directories.iter().try_for_each(|directory| files::make(root, directory))?;
    configuration.iter().try_for_each(|file| files::write(root, file))
}
