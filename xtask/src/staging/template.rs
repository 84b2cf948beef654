//! A whole server, set up once and switched off: what every server of its layout begins as.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::instance::Instance;
use super::lay_out::{Parts, lay_out};
use super::{Layout, boot, compose, down, enter, images, program, recipe, tree, up};
use crate::servers::options::Search;
use crate::servers::site;
use crate::servers::store::{REQUIREMENTS, Store};

/// Longer than systemd waits for a unit that does not stop.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long a template is kept that nobody wants: who goes back to an older commit wants it again.
const KEPT: Duration = Duration::from_secs(2 * 24 * 3600);

/// What a server is laid over.
pub struct Template {
    /// Its layers, the uppermost first.
    pub layers: Vec<PathBuf>,
    /// A copy of this is its `/var/lib/docker`.
    pub docker: PathBuf,
}

/// The template of a layout, from the cache, or made from nothing on behalf of a server.
///
/// # Errors
/// Whatever fails first. What was begun is removed.
pub fn make(store: &Store, layout: Layout, of: &Instance) -> Result<Template> {
    let server = tree::server(store)?;
    let containers = tree::containers(store)?;
    // Nobody ends these halfway: they have no directory of a server.
    let mark = Path::new("/");
    let [five, seven] = [Search::Five, Search::Seven].map(|search| store.elasticsearch(search, mark));
    let (five, seven) = (five?, seven?);
    let python = store.python(&site::source().join(REQUIREMENTS), mark)?;
    let environment = python.ancestors().nth(2).context("the interpreter is in no environment")?;
    let compose = match layout {
        Layout::Vm => None,
        Layout::Compose => Some(compose::make(store)?),
    };
    let parts = images::Parts { containers: &containers, elasticsearch: [&five, &seven], environment };
    let docker = images::make(store, of, &server, &parts)?;

    let words = [&server, &docker, &environment.to_owned()].map(|path| path.to_string_lossy().into_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let sources = ["tests/staging", "tests/site", "xtask/src/staging", "xtask/src/servers"];
    let name = recipe::name(layout.as_str(), &words, &sources)?;
    let made = store.complete(&name, |directory| {
        program::ensure_built()?;
        eprintln!("setting up a server of layout `{}`", layout.as_str());
        fs::create_dir_all(directory)?;
        let instance = of.helper("template");
        let _down = down::OnDrop(&instance);
        instance.make()?;
        images::copy(&docker, &instance.docker())?;
        boot::boot(&instance, std::slice::from_ref(&server))?;
        lay_out(
            &instance,
            layout,
            &Parts { environment, compose: compose.as_deref() },
            &directory.join("log"),
        )?;
        up::wait_until_ready(&instance, layout)?;
        if layout == Layout::Vm {
            // Docker goes down at the same time: a worker whose broker is gone first may wait for it until it is killed.
            enter::output(&instance, enter::As::Root, &["systemctl", "stop", "celerybeat", "celery"])?;
        }
        instance.shut_down(PATIENCE)?;
        forget_locks(&instance.upper().join("data"))?;
        fs::rename(instance.upper(), directory.join("upper"))?;
        fs::rename(instance.docker(), directory.join("docker")).context("failed to keep the server")
    })?;
    let in_use = |path: &Path| {
        let states = Instance::all().into_iter().filter_map(|instance| instance.state());
        states.flat_map(|state| state.layers).any(|layer| layer.starts_with(path))
    };
    for kind in ["staging/docker-", &format!("staging/{}-", layout.as_str())] {
        store.forget_old(kind, KEPT, in_use)?;
    }
    Ok(Template { layers: vec![made.join("upper"), server], docker: made.join("docker") })
}

/// Removes the lock files that Elasticsearch leaves among its indices. Lucene trusts a lock only while its file's time of
/// birth stays the same; of a file in a lower layer that changes when it is first opened for writing, and the index is
/// taken for broken.
fn forget_locks(data: &Path) -> Result<()> {
    for entry in fs::read_dir(data).with_context(|| format!("failed to list `{}`", data.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget_locks(&entry.path())?;
        } else if ["node.lock", "write.lock"].iter().any(|name| entry.file_name() == *name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
