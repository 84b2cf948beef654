//! Docker's images: made once, in a directory that serves as `/var/lib/docker` of every server.
//!
//! All of them are the same Debian and differ in a few files, so they take little more than one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::enter::{As, logged};
use super::instance::Instance;
use super::{boot, down, files, recipe};
use crate::run::root;
use crate::servers::program::tool;
use crate::servers::store::Store;

/// Each image's name, and the directory of `tests/staging/images` that it is made of.
const IMAGES: [(&str, &str); 9] = [
    ("rabbitmq:3", "rabbitmq"),
    // Debian has but one.
    ("rabbitmq:4.2", "rabbitmq"),
    ("elasticsearch:5.6.16", "elasticsearch"),
    ("elasticsearch:7.17.28", "elasticsearch7"),
    ("memcached:latest", "memcached"),
    ("memcached:1-alpine", "memcached"),
    ("ruby-markup:latest", "ruby-markup"),
    ("coursys-nginx:latest", "nginx"),
    ("coursys-logrotate:latest", "logrotate"),
];

/// What the site's own image is made from: it is built with the site.
const PYTHON: (&str, &str) = ("coursys-staging/python", "python");

/// What all of them are made from.
const DEBIAN: &str = "coursys-staging/debian";

const PATIENCE: Duration = Duration::from_secs(60);

/// What goes into images, beside what is in the checkout.
pub struct Parts<'a> {
    /// The Debian of all containers.
    pub containers: &'a Path,
    /// Elasticsearch 5.6.16 and 7.17.28, unpacked.
    pub elasticsearch: [&'a Path; 2],
    /// The site's virtual environment.
    pub environment: &'a Path,
}

/// The directory, from the cache, or made on behalf of a server.
///
/// # Errors
/// Docker does not take them.
pub fn make(store: &Store, of: &Instance, server: &Path, parts: &Parts<'_>) -> Result<PathBuf> {
    let [five, seven] = parts.elasticsearch;
    let words = [server, parts.containers, five, seven, parts.environment];
    let words = words.map(|path| path.to_string_lossy().into_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).chain(IMAGES.map(|(name, _)| name)).collect();
    let sources = [
        "tests/staging/images",
        "tests/staging/common",
        "tests/site/markup.rb",
        "xtask/src/staging/images.rs",
    ];
    let name = recipe::name("docker", &words, &sources)?;
    let made = store.complete(&name, |directory| {
        eprintln!("making Docker's images");
        fs::create_dir_all(directory)?;
        let instance = of.helper("images");
        let _down = down::OnDrop(&instance);
        instance.make()?;
        boot::boot(&instance, &[server.to_owned()])?;
        files::copy_tree(&files::source().join("common"), &instance.root()?)?;
        fill(&instance, parts, &directory.join("log"))?;
        instance.shut_down(PATIENCE)?;
        fs::rename(instance.docker(), directory.join("docker")).context("failed to keep the images")
    })?;
    Ok(made.join("docker"))
}

fn fill(instance: &Instance, parts: &Parts<'_>, log: &Path) -> Result<()> {
    let run = |argv: &[&str], input: Option<File>| logged(instance, As::Root, argv, input, log);
    run(&["systemctl", "daemon-reload"], None)?;
    run(&["systemctl", "restart", "docker"], None)?;
    // A tree as one file: Docker reads it from standard input.
    let tar = instance.directory().join("debian.tar");
    let (archive, tree) = (text(&tar), text(parts.containers));
    let excluded = ["--exclude=./var/lib/apt/lists/*", "--exclude=./var/cache/apt/*"];
    let create = ["tar", "--create", "--file", &archive, "--directory", &tree, "--numeric-owner"];
    tool(&[&create[..], &excluded, &["."]].concat(), &[], None)?;
    run(&["docker", "import", "-", DEBIAN], Some(File::open(&tar)?))?;
    fs::remove_file(&tar)?;
    // Each image's directory is what it is built from, with what is not in `tests/staging`.
    let context = instance.root()?.join("root/images");
    files::copy_tree(&files::source().join("images"), &context)?;
    let [five, seven] = parts.elasticsearch;
    let markup = root().join("tests/site/markup.rb");
    for (from, to) in [
        (five, "elasticsearch/elasticsearch-5.6.16"),
        (seven, "elasticsearch7/elasticsearch-7.17.28"),
        (parts.environment, "python/venv"),
        (&markup, "ruby-markup/markup.rb"),
    ] {
        tool(&["cp", "--archive", &text(from), &text(&context.join(to))], &[], None)?;
    }
    let move_it = "/usr/local/lib/staging/move-environment";
    run(&[move_it, &text(parts.environment), "/venv", "/root/images/python/venv"], None)?;
    for (name, directory) in IMAGES.into_iter().chain([PYTHON]) {
        let directory = format!("/root/images/{directory}");
        run(&["docker", "build", "--quiet", "--tag", name, &directory], None)?;
    }
    Ok(())
}

/// Copies such a directory for one server. Layers of images are never written to, so their files are links.
///
/// # Errors
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to)?;
    let writable = writable_layers(from)?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to list `{}`", from.display()))? {
        let entry = entry?;
        if entry.file_name() == "overlay2" {
            let layers = to.join("overlay2");
            fs::create_dir_all(&layers)?;
            let mut shared = vec!["cp".to_owned(), "--archive".into(), "--link".into()];
            let mut own = vec!["cp".to_owned(), "--archive".into()];
            for layer in fs::read_dir(entry.path())? {
                let layer = layer?;
                let list = if writable.contains(&layer.file_name().to_string_lossy().into_owned()) {
                    &mut own
                } else {
                    &mut shared
                };
                list.push(text(&layer.path()));
            }
            // Where the cache is on another file system there are no links to it.
            if copy_all(&shared, &layers).is_err() {
                shared.remove(2);
                copy_all(&shared, &layers)?;
            }
            copy_all(&own, &layers)?;
        } else {
            copy_all(&["cp".into(), "--archive".into(), text(&entry.path())], to)?;
        }
    }
    Ok(())
}

fn copy_all(command: &[String], to: &Path) -> Result<()> {
    if command.last().is_some_and(|last| last.starts_with("--")) {
        return Ok(());
    }
    let to = text(to);
    let argv: Vec<&str> = command.iter().map(String::as_str).chain(["--target-directory", &to]).collect();
    tool(&argv, &[], None)
}

/// The layers of containers: Docker knows them by name.
fn writable_layers(docker: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mounts = docker.join("image/overlay2/layerdb/mounts");
    for container in fs::read_dir(mounts).into_iter().flatten() {
        for file in ["mount-id", "init-id"] {
            names.push(fs::read_to_string(
                container.as_ref().map_err(|e| anyhow::anyhow!("{e}"))?.path().join(file),
            )?);
        }
    }
    Ok(names.into_iter().map(|name| name.trim().to_owned()).collect())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_a_container_writes_is_copied_and_what_an_image_holds_is_shared() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for layer in ["image", "container", "container-init"] {
            fs::create_dir_all(from.join("overlay2").join(layer)).unwrap();
            fs::write(from.join("overlay2").join(layer).join("file"), "x").unwrap();
        }
        let mount = from.join("image/overlay2/layerdb/mounts/0123");
        fs::create_dir_all(&mount).unwrap();
        fs::write(mount.join("mount-id"), "container").unwrap();
        fs::write(mount.join("init-id"), "container-init\n").unwrap();
        copy(&from, &to).unwrap();
        let links = |path: &str| fs::metadata(to.join("overlay2").join(path).join("file")).unwrap().nlink();
        assert_eq!([links("image"), links("container"), links("container-init")], [2, 1, 1]);
        assert!(to.join("image/overlay2/layerdb/mounts/0123/mount-id").is_file());
    }
}
