//! From a Debian that has just been switched on to a server of some layout whose site answers.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::enter::{As, logged};
use super::instance::Instance;
use super::{Layout, compose, files, outside, program, settings};
use crate::servers::account::{Account, give, named};
use crate::servers::plan::ConfigFile;
use crate::servers::program::tool;
use crate::servers::setting::Setting;
use crate::servers::site;

/// Units that are started at the end, in this order.
fn units(layout: Layout) -> &'static [&'static str] {
    match layout {
        Layout::Vm => &["nginx", "gunicorn", "celery", "celerybeat", "staging-freshen"],
        Layout::Compose => &["staging-freshen"],
    }
}

/// What is made for the site beside Debian: its packages, unpacked or installed somewhere.
pub struct Parts<'a> {
    /// The virtual environment.
    pub environment: &'a Path,
    /// Docker Compose, version 2, where the layout has it.
    pub compose: Option<&'a Path>,
}

/// Lays everything out and starts it. What it prints goes to `log`.
///
/// # Errors
/// Whatever fails first; with the end of the log.
pub fn lay_out(instance: &Instance, layout: Layout, parts: &Parts<'_>, log: &Path) -> Result<()> {
    let root = instance.root()?;
    let run = |argv: &[&str]| logged(instance, As::Root, argv, None, log);
    let (staging, scripts) = (files::source(), root.join("root"));
    let site_script = format!("site-{}.sh", layout.as_str());
    for script in ["users.sh", "repository.sh", &site_script] {
        fs::copy(staging.join(script), scripts.join(script))?;
    }
    for tree in ["common", layout.as_str()] {
        files::copy_tree(&staging.join(tree), &root)?;
    }
    run(&["/root/users.sh", layout.as_str()])?;
    run(&["systemctl", "daemon-reload"])?;
    // It was started without its configuration.
    run(&["systemctl", "restart", "docker"])?;
    let passwd = fs::read_to_string(root.join("etc/passwd"))?;
    let setting = outside::setting(&passwd)?;
    let coursys = named(&passwd, "coursys")?;
    outside::make(instance, &setting, log)?;

    files::copy_tree(&site::source(), &root.join("coursys"))?;
    // Again, over the site's own.
    files::copy_tree(&staging.join(layout.as_str()).join("coursys"), &root.join("coursys"))?;
    for (path, content) in settings::site_files(&setting, layout)? {
        files::write(&root, &ConfigFile::private(path, &coursys, content))?;
    }
    kerberos(&root, layout, &coursys)?;
    configure(&root, &setting, layout)?;
    program::refresh(instance)?;
    run(&["/root/repository.sh"])?;

    if let Some(plugin) = parts.compose {
        compose::install(plugin, &root)?;
    }
    let environment = parts.environment.to_string_lossy();
    if layout == Layout::Vm {
        let target = root.join("venv").to_string_lossy().into_owned();
        tool(&["cp", "--archive", "--no-target-directory", &environment, &target], &[], None)?;
        // They were started by their packages, without what is configured now.
        run(&["systemctl", "restart", "cron"])?;
    }
    run(&[&format!("/root/{site_script}"), &environment])?;
    if layout == Layout::Vm {
        run(&["systemctl", "restart", "nginx"])?;
    }
    run(&["systemctl", "enable", "--quiet", "docker", "cron"])?;
    run(&[&["systemctl", "enable", "--quiet", "--now"], units(layout)].concat())
}

/// The site's account has its own copy of what the KDC's administrator made for it.
fn kerberos(root: &Path, layout: Layout, coursys: &Account) -> Result<()> {
    let directory = match layout {
        Layout::Vm => "home/coursys/kerberos",
        Layout::Compose => "data/csrpt_auth",
    };
    for name in ["username", "adsfu.keytab"] {
        let target = root.join(directory).join(name);
        fs::copy(root.join("srv/outside/home/kerberos").join(name), &target)
            .with_context(|| format!("failed to write `{}`", target.display()))?;
        give(&target, coursys)?;
    }
    Ok(())
}

fn configure(root: &Path, setting: &Setting, layout: Layout) -> Result<()> {
    let groups = fs::read_to_string(root.join("etc/group"))?;
    let adm = groups.lines().find_map(|line| line.strip_prefix("adm:x:")?.split(':').next()?.parse().ok());
    let (directories, configuration) =
        settings::program(setting, layout, adm.context("there is no group `adm`")?)?;
    directories.iter().try_for_each(|directory| files::make(root, directory))?;
    configuration.iter().try_for_each(|file| files::write(root, file))
}
